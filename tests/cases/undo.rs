//! What was carried out is taken back at the counter: a settlement is cancelled and refunded, a registration withdrawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sbkd::center;
use sbkd::queue::{Row, State};
use sbkd::terminal::{CaseState, CaseView, Condition, NewCase};
use sbkd::world::shanghai;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::counter::{Counter, HOLDER, SECOND, Setup, bill, bill_of, chip, chip_like, new_case, numbered, statement};
use crate::notices::notices;
use crate::queries::confirmed as proved;
use crate::showing::unasked;
use crate::sign_in::Hands;

const SETTLE: &str = "medical-settlement";
/// A reader that has the same card.
const OTHER: &str = "Counter 10 00";
const REGISTER: &str = "unemployment-registration";

fn undo_case(scenario: &str, of: Uuid) -> NewCase {
    NewCase { undo: Some(of), ..new_case(scenario, None) }
}

/// Opens a case at a reader, and waits until it is decided.
fn opened_at(counter: &Counter, reader: &str, new: NewCase) -> CaseView {
    let id = counter.terminal.open_case(NewCase { reader: Some(reader.into()), ..new }).unwrap().id;
    counter.wait_for(id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation)
}

/// Opens the case that takes it back, and waits until it is decided.
fn undo(counter: &Counter, scenario: &str, of: Uuid) -> CaseView {
    opened_at(counter, HOLDER, undo_case(scenario, of))
}

/// The same, and agrees.
fn undone(counter: &Counter, scenario: &str, of: Uuid) -> CaseView {
    let view = undo(counter, scenario, of);
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    counter.confirmed(view.id)
}

fn why(view: &CaseView) -> (CaseState, &'static str) {
    (view.state, view.failure.as_ref().map_or("", |failure| failure.entry.code))
}

fn settled(counter: &Counter, form: Value) -> Row {
    let view = counter.carried_out(SETTLE, form);
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    counter.transactions().remove(0)
}

fn state(counter: &Counter, id: Uuid) -> State {
    counter.transactions().into_iter().find(|row| row.id == id).unwrap().state
}

/// The cash of a shift, and the amounts, all states together.
fn drawer(counter: &Counter, shift: &str) -> (String, String) {
    let totals = counter.terminal.shift(shift).unwrap().totals;
    let sum = |of: fn(&sbkd::store::ShiftTotal) -> i64| sbkd::value::Fen(totals.iter().map(of).sum()).to_string();
    (sum(|total| total.cash.unwrap().0), sum(|total| total.amount.0))
}

/// The accounts of the day agree with the centre's: how many there are, and what they come to.
#[track_caller]
fn reconciled(counter: &Counter, count: u64, cash: &str) {
    let day = shanghai().to_datetime(counter.transactions().last().unwrap().updated_at).date();
    let run = counter.terminal.reconcile(day, "0009").unwrap();
    assert_eq!((run.open, run.under_way), (0, 0), "{run:?}");
    let totals = &run.totals[0];
    assert_eq!((totals.here, totals.here_count), (totals.centre, totals.centre_count));
    assert_eq!((totals.here_count, totals.here.psn_cash_pay.to_string().as_str()), (count, cash));
}

#[test]
fn a_settlement_is_cancelled_refunded_and_settled_again_to_the_fen() {
    let counter = Counter::new();
    let with_account = || {
        let mut bill = bill();
        bill["acct_used_flag"] = json!(true);
        bill
    };
    let row = settled(&counter, with_account());
    let cash = |view: &CaseView| view.centre.as_ref().unwrap()["psn_cash_pay"].clone();
    let view = undo(&counter, SETTLE, row.id);
    assert_eq!((view.state, view.undo), (CaseState::WaitingConfirmation, Some(row.id)), "{:?}", view.failure);
    let decision = view.decision.as_ref().unwrap().value();
    for (field, wanted) in
        [("medfee_sumamt", "-30000.00"), ("acct_pay", "-500.00"), ("psn_cash_pay", "-6780.00"), ("refd_setl_flag", "1")]
    {
        assert_eq!(decision["outputs"][field], wanted, "{field}");
    }
    assert_eq!(counter.transactions().len(), 1, "nothing is committed before somebody agrees");
    let view = counter.confirmed(view.id);
    assert_eq!(why(&view), (CaseState::Done, ""));
    assert!(view.differences.is_empty(), "{:?}", view.differences);
    assert_eq!(cash(&view), "-6780.00");
    let back = counter.transactions().remove(0);
    assert_eq!((back.state, back.cancels, back.amount.unwrap().0), (State::Acked, Some(row.id), -3_000_000));
    assert_eq!(state(&counter, row.id), State::Cancelled);
    let slip = view.slip.unwrap().join("\n");
    for said in ["撤销退费", "个人现金支出 -¥6780.00", "中心已撤销"] {
        assert!(slip.contains(said), "{said}:\n{slip}");
    }
    assert!(slip.replace(['\n', ' '], "").contains(&row.id.to_string()), "{slip}");

    // The account and the accumulators are as before, and it is no bill of before.
    let again = counter.carried_out(SETTLE, with_account());
    assert_eq!(why(&again), (CaseState::Done, ""));
    assert_eq!(cash(&again), "6780.00");
    let shift = row.shift.unwrap();
    assert_eq!(drawer(&counter, &shift), ("6780.00".into(), "30000.00".into()));
    reconciled(&counter, 3, "6780.00");
    assert!(notices(&counter).is_empty());
}

#[test]
fn a_refund_is_of_the_shift_of_who_cancels() {
    let counter = Counter::new();
    let row = settled(&counter, bill());
    let first = row.shift.clone().unwrap();
    counter.terminal.close_shift(&first).unwrap();
    let id = counter.terminal.open_case(NewCase { operator: "0002".into(), ..undo_case(SETTLE, row.id) }).unwrap().id;
    counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
    let view = counter.confirmed(id);
    assert_eq!(why(&view), (CaseState::Done, ""));
    assert_eq!(drawer(&counter, &first), ("7280.00".into(), "30000.00".into()), "it was handed over");
    assert_eq!(drawer(&counter, &view.shift.unwrap()), ("-7280.00".into(), "-30000.00".into()));
    reconciled(&counter, 2, "0.00");
}

#[test]
fn what_is_known_alone_counts_nothing_twice() {
    let mut counter = Counter::new();
    let with_account = || {
        let mut bill = bill_of("5000.00");
        bill["acct_used_flag"] = json!(true);
        bill["mdtrt_id"] = json!("D20150727001");
        bill
    };
    // What the centre tells of the person before anything is done, and is not asked again once it is taken back.
    let outputs = |view: &CaseView| view.decision.as_ref().unwrap().value()["outputs"].clone();
    let first = counter.decided(SETTLE, with_account());
    counter.terminal.cancel(first.id).unwrap();
    let row = settled(&counter, with_account());
    assert_eq!(why(&undone(&counter, SETTLE, row.id)), (CaseState::Done, ""));
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    let alone = counter.decided(SETTLE, with_account());
    assert_eq!(alone.state, CaseState::WaitingConfirmation, "{:?}", alone.failure);
    assert_eq!(outputs(&alone), outputs(&first));
}

#[test]
fn it_is_cancelled_once_and_by_its_holder_alone() {
    let counter = Counter::new();
    let row = settled(&counter, bill());
    counter.readers.insert(SECOND, chip("v1-3des"));
    let other = NewCase { reader: Some(SECOND.into()), ..undo_case(SETTLE, row.id) };
    let id = counter.terminal.open_case(other).unwrap().id;
    assert_eq!(why(&counter.ended(id)), (CaseState::Refused, "E-TERM-UNDO-HOLDER"));
    counter.readers.remove(SECOND);
    assert_eq!(why(&undo(&counter, SETTLE, Uuid::nil())), (CaseState::Refused, "E-TERM-UNDO-UNKNOWN"));
    assert_eq!(why(&undo(&counter, "pharmacy-settlement", row.id)), (CaseState::Refused, "E-TERM-UNDO-UNKNOWN"));
    let formed = NewCase { input: Some(bill()), ..undo_case(SETTLE, row.id) };
    assert_eq!(counter.terminal.open_case(formed).unwrap_err().entry.code, "E-TERM-UNDO-FORM");

    assert_eq!(why(&undone(&counter, SETTLE, row.id)), (CaseState::Done, ""));
    let twice = undo(&counter, SETTLE, row.id);
    assert_eq!(why(&twice), (CaseState::Refused, "E-TERM-UNDO-STATE"));
    assert_eq!(twice.transaction.unwrap()["state"], "cancelled");
    let back = counter.transactions().remove(0);
    assert_eq!(why(&undo(&counter, SETTLE, back.id)), (CaseState::Refused, "E-TERM-UNDO-KIND"));
    assert_eq!(counter.transactions().len(), 2);
    let signed = counter.carried_out("unemployment-sign-in", statement());
    let signed = signed.transaction.unwrap()["id"].as_str().unwrap().parse().unwrap();
    counter.wait_for_state(signed, State::Acked);
    assert_eq!(why(&undo(&counter, "unemployment-sign-in", signed)), (CaseState::Refused, "E-TERM-UNDO-KIND"));
}

#[test]
fn a_later_settlement_is_cancelled_first() {
    let counter = Counter::new();
    let (row, later) = (settled(&counter, bill()), settled(&counter, numbered("2")));
    let view = undo(&counter, SETTLE, row.id);
    assert_eq!(why(&view), (CaseState::Referred, "E-TERM-REFERRED"));
    assert!(view.failure.unwrap().detail.unwrap().contains("E-CANCEL-LATER"));
    for id in [later.id, row.id] {
        assert_eq!(why(&undone(&counter, SETTLE, id)), (CaseState::Done, ""));
    }
    reconciled(&counter, 4, "0.00");
}

#[test]
fn what_the_centre_does_not_cancel_stands_and_nothing_is_paid_back() {
    let counter = Counter::new();
    let row = settled(&counter, bill());
    counter.centre_faults(center::Faults { only: Some("2305".into()), refuse: 1, ..center::Faults::default() });
    let view = undone(&counter, SETTLE, row.id);
    assert_eq!((view.state, state(&counter, row.id)), (CaseState::Refused, State::Acked));
    assert_eq!(view.failure.unwrap().entry, &sbkd::wire::errors::ON_PURPOSE);
    assert_eq!(drawer(&counter, row.shift.as_ref().unwrap()).0, "7280.00", "nothing was paid back");
    // It stands, and may be tried again.
    assert_eq!(why(&undone(&counter, SETTLE, row.id)), (CaseState::Done, ""));
}

/// The form says the kind of care; what cancels goes by what the settlement went up under, and has no form.
#[test]
fn a_clinics_bill_and_a_stays_go_up_and_are_cancelled_under_numbers_of_their_own() {
    let counter = Counter::new();
    let mut clinic = bill_of("100.00");
    for (name, value) in [("begntime", "2015-08-01"), ("med_type", "11"), ("fixmedins_kind", "primary")] {
        clinic[name] = value.into();
    }
    clinic["selected"] = true.into();
    clinic["lines"][0]["fee_ocur_time"] = "2015-08-01".into();
    let kinds = [(clinic, "2206", ["2207", "2208"]), (bill(), "2303", ["2304", "2305"])];
    let mut expected = Vec::new();
    for (form, ask, [settles, cancels]) in kinds {
        // One question of this number, and none of another, makes what is computed beside it unknown.
        counter.centre_faults(center::Faults { only: Some(ask.into()), fail: 1, ..center::Faults::default() });
        let view = counter.decided(SETTLE, form.clone());
        assert!(view.centre.is_none() && view.provisional, "{ask}: {:?}", view.failure);
        counter.terminal.cancel(view.id).unwrap();
        counter.wait_for_condition(Condition::UplinkAway, false);
        let row = settled(&counter, form);
        assert_eq!(why(&undone(&counter, SETTLE, row.id)), (CaseState::Done, ""));
        expected.extend([(row.id, settles), (counter.transactions().remove(0).id, cancels)]);
    }
    let (journal, _dir) = counter.journal();
    for (id, infno) in expected {
        assert_eq!(journal.payload(id).unwrap().unwrap()["request"]["infno"], infno);
    }
}

#[test]
fn a_refund_that_nobody_answers_is_taken_back_and_one_that_is_found_is_told() {
    let counter = Counter::new();
    let row = settled(&counter, bill());
    let view = undo(&counter, SETTLE, row.id);
    counter.centre_faults(center::Faults { drop_answer: 1000, ..center::Faults::default() });
    let view = counter.confirmed(view.id);
    counter.centre_faults(center::Faults::default());
    assert_eq!(why(&view), (CaseState::Refused, "E-TERM-NOTHING-CANCELLED"));
    counter.wait_for_state(row.id, State::Acked);
    counter.centre_faults(center::Faults { only: Some("2305".into()), drop_answer: 1, ..center::Faults::default() });
    assert_eq!(why(&undone(&counter, SETTLE, row.id)), (CaseState::Done, ""));
    assert_eq!(state(&counter, row.id), State::Cancelled);
    reconciled(&counter, 2, "0.00");
}

#[test]
fn a_refund_that_nobody_asked_about_is_paid_back_by_a_notice() {
    let counter = Counter::new();
    let row = settled(&counter, bill());
    let view = undo(&counter, SETTLE, row.id);
    counter.terminal.confirm(view.id).unwrap();
    counter.wait_for(view.id, |view| view.state.is_final());
    let counter = counter.restarted("nothing");
    let told = notices(&counter).remove(0);
    assert_eq!(told.cash.unwrap().to_string(), "-7280.00");
    counter.terminal.acknowledge(told.transaction, told.seen(), "0001").unwrap();
    assert!(notices(&counter).is_empty());
}

#[test]
fn what_its_holder_was_not_told_of_is_not_refunded() {
    let counter = Counter::new();
    assert_eq!(unasked(&counter).state, CaseState::Done);
    let counter = counter.restarted("nothing");
    let row = counter.transactions().remove(0);
    assert_eq!(why(&undo(&counter, SETTLE, row.id)), (CaseState::Refused, "E-TERM-UNDO-UNTOLD"));
    let told = notices(&counter).remove(0);
    counter.terminal.acknowledge(row.id, told.seen(), "0001").unwrap();
    assert_eq!(why(&undone(&counter, SETTLE, row.id)), (CaseState::Done, ""));
}

#[test]
fn without_the_centre_nothing_is_cancelled() {
    let mut counter = Counter::new();
    let row = settled(&counter, bill());
    // It goes away while somebody thinks about it.
    let view = undo(&counter, SETTLE, row.id);
    counter.stop_centre();
    assert_eq!(why(&counter.confirmed(view.id)), (CaseState::Refused, "E-TERM-NOTHING-CANCELLED"));
    counter.wait_for_condition(Condition::UplinkAway, true);
    assert_eq!(why(&undo(&counter, SETTLE, row.id)), (CaseState::Refused, "E-TERM-UPLINK-AWAY"));
    assert_eq!(state(&counter, row.id), State::Acked);
    assert_eq!(drawer(&counter, row.shift.as_ref().unwrap()).0, "7280.00");
}

#[test]
fn what_was_settled_alone_is_cancelled_once_the_centre_has_it() {
    let mut counter = Counter::new();
    let view = counter.decided(SETTLE, bill());
    counter.terminal.cancel(view.id).unwrap();
    counter.stop_centre();
    let view = counter.carried_out(SETTLE, bill());
    assert_eq!(view.state, CaseState::ProvisionalDone, "{:?}", view.failure);
    let row = counter.transactions().remove(0);
    counter.start_centre();
    counter.wait_for_state(row.id, State::Acked);
    counter.wait_for_condition(Condition::UplinkAway, false);
    assert_eq!(why(&undone(&counter, SETTLE, row.id)), (CaseState::Done, ""));
    assert_eq!(drawer(&counter, row.shift.as_ref().unwrap()).0, "0.00");
    reconciled(&counter, 2, "0.00");
}

#[test]
fn a_card_pulled_before_it_is_agreed_to_cancels_nothing() {
    let counter = Counter::new();
    let row = settled(&counter, bill());
    let view = undo(&counter, SETTLE, row.id);
    counter.readers.remove(HOLDER);
    let view = counter.ended(view.id);
    assert_eq!(why(&view).1, "E-TERM-CARD-REMOVED");
    assert_eq!((state(&counter, row.id), counter.transactions().len()), (State::Acked, 1));
}

#[test]
fn while_it_is_being_cancelled_nothing_else_is_cancelled_or_settled() {
    let counter = Counter::with(Setup { more_readers: &[OTHER], ..Setup::default() });
    let at = |reader: &str, new: NewCase| opened_at(&counter, reader, new);
    let view = at(HOLDER, new_case(SETTLE, Some(bill())));
    counter.confirmed(view.id);
    let row = counter.transactions().remove(0);
    let (first, second) = (at(HOLDER, undo_case(SETTLE, row.id)), at(OTHER, undo_case(SETTLE, row.id)));
    // Nobody hears what becomes of it.
    counter.centre_faults(center::Faults { drop_answer: 1000, ..center::Faults::default() });
    assert_eq!(why(&counter.confirmed(first.id)), (CaseState::Refused, "E-TERM-NOTHING-CANCELLED"));
    assert_eq!(state(&counter, row.id), State::Cancelling);
    assert_eq!(why(&counter.confirmed(second.id)), (CaseState::Refused, "E-TERM-EARLIER-OPEN"));
    assert_eq!(why(&at(OTHER, undo_case(SETTLE, row.id))), (CaseState::Refused, "E-TERM-UNDO-STATE"));
    let other = at(OTHER, new_case(SETTLE, Some(numbered("2"))));
    assert_eq!(why(&other), (CaseState::Refused, "E-TERM-EARLIER-OPEN"));
    assert_eq!(counter.transactions().len(), 2);
    counter.centre_faults(center::Faults::default());
    counter.wait_for_state(row.id, State::Acked);
    assert_eq!(why(&at(HOLDER, undo_case(SETTLE, row.id))), (CaseState::WaitingConfirmation, ""));
}

fn fixture(scenario: &str) -> Value {
    let text = std::fs::read_to_string(format!("fixtures/scenarios/{scenario}.toml")).unwrap();
    let fixture: Value = toml::from_str(&text).unwrap();
    fixture["form"].clone()
}

fn registration() -> Value {
    fixture(REGISTER)
}

#[test]
fn a_registration_is_withdrawn_and_made_anew() {
    let counter = Counter::new();
    let first = counter.carried_out(REGISTER, registration());
    assert_eq!(why(&first), (CaseState::Done, ""));
    let row = counter.transactions().remove(0);
    counter.wait_for_state(row.id, State::Acked);
    assert_eq!(why(&counter.decided(REGISTER, registration())).1, "E-TERM-SAME-FORM");
    let view = undone(&counter, REGISTER, row.id);
    assert_eq!(why(&view), (CaseState::Done, ""));
    let slip = view.slip.unwrap().join("\n");
    assert!(slip.contains("撤回") && !slip.contains("办理内容"), "{slip}");
    counter.wait_for_state(row.id, State::Cancelled);
    let again = counter.carried_out(REGISTER, registration());
    assert_eq!(why(&again), (CaseState::Done, ""));
    let anew = counter.transactions().remove(0);
    counter.wait_for_state(anew.id, State::Acked);
    let states: Vec<_> =
        counter.ledger()["filings"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert_eq!(&states[states.len() - 2..], ["withdrawn", "accepted"]);
}

#[test]
fn why_something_is_taken_back_is_told_to_the_centre_and_shown_nowhere() {
    const WHY: &str = "重复收费";
    let counter = Counter::new();
    let because = |scenario: &str, of: Uuid, reason: &str| {
        let new = NewCase { reason: Some(reason.into()), ..undo_case(scenario, of) };
        counter.terminal.open_case(new).map(|view| view.id)
    };
    let at_the_centre = |sql: &str| {
        let db = rusqlite::Connection::open(counter.dir.path().join("centre.db")).unwrap();
        db.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).unwrap()
    };
    let settlement = settled(&counter, bill());
    for wrong in ["字".repeat(201), "一\n二".to_owned()] {
        let refused = because(SETTLE, settlement.id, &wrong).unwrap_err();
        assert_eq!(refused.entry.code, "E-TERM-UNDO-REASON");
    }
    let nothing_to_undo = NewCase { reason: Some(WHY.into()), ..new_case(SETTLE, Some(bill())) };
    assert_eq!(counter.terminal.open_case(nothing_to_undo).unwrap_err().entry.code, "E-TERM-UNDO-REASON");
    let agreed = |id: Uuid| {
        counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
        let view = counter.confirmed(id);
        assert_eq!(why(&view), (CaseState::Done, ""));
        assert!(!serde_json::to_string(&view).unwrap().contains(WHY), "{:?}", view.slip);
    };
    agreed(because(SETTLE, settlement.id, &format!(" {WHY} ")).unwrap());
    assert_eq!(at_the_centre("SELECT group_concat(reason) FROM settlements").as_deref(), Some(WHY));

    counter.carried_out(REGISTER, registration());
    let row = counter.transactions().remove(0);
    counter.wait_for_state(row.id, State::Acked);
    agreed(because(REGISTER, row.id, WHY).unwrap());
    counter.wait_for_state(row.id, State::Cancelled);
    let withdrawn = "SELECT group_concat(withdrawn_for) FROM filings";
    assert_eq!(at_the_centre(withdrawn).as_deref(), Some(WHY));
    // Who gives none, or a blank one, is asked for none.
    counter.carried_out(REGISTER, registration());
    let row = counter.transactions().remove(0);
    counter.wait_for_state(row.id, State::Acked);
    agreed(because(REGISTER, row.id, " ").unwrap());
    counter.wait_for_state(row.id, State::Cancelled);
    assert_eq!(at_the_centre(withdrawn).as_deref(), Some(WHY));
}

#[test]
fn what_was_collected_or_changed_is_not_taken_back() {
    let counter = Counter::with(Setup { card: "v3-money", ..Setup::default() });
    for (scenario, proves) in [("unemployment-collection", true), ("designated-institution-change", false)] {
        let view = counter.decided(scenario, fixture(scenario));
        assert_eq!(why(&view), (CaseState::WaitingConfirmation, ""));
        let view = if proves { proved(&counter, &view, "123456") } else { counter.confirmed(view.id) };
        assert_eq!(why(&view), (CaseState::Done, ""), "{scenario}");
        let row = counter.transactions().remove(0);
        counter.wait_for_state(row.id, State::Acked);
        assert_eq!(why(&undo(&counter, scenario, row.id)), (CaseState::Refused, "E-TERM-UNDO-KIND"), "{scenario}");
    }
    assert_eq!(counter.transactions().len(), 2);
}

#[test]
fn a_registration_that_two_withdraw_before_and_after_midnight_is_withdrawn_once() {
    let late: jiff::Timestamp = "2015-08-03T15:59:59Z".parse().unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(late.as_second())));
    let setup = Setup { clock: clock.clone(), demo_date: false, more_readers: &[OTHER], ..Setup::default() };
    let counter = Counter::with(setup);
    for reader in [HOLDER, OTHER] {
        counter.readers.insert(reader, chip_like("v3-sm4", "[card]\nissued = \"2014-07-01\"\n"));
    }
    let view = opened_at(&counter, HOLDER, new_case(REGISTER, Some(registration())));
    assert_eq!(why(&view), (CaseState::WaitingConfirmation, ""), "{:?}", view.failure);
    assert_eq!(why(&counter.confirmed(view.id)), (CaseState::Done, ""));
    let row = counter.transactions().remove(0);
    counter.wait_for_state(row.id, State::Acked);
    let first = opened_at(&counter, HOLDER, undo_case(REGISTER, row.id));
    clock.0.fetch_add(1, Ordering::SeqCst);
    let colleague = NewCase { operator: "0002".into(), ..undo_case(REGISTER, row.id) };
    let second = opened_at(&counter, OTHER, colleague);
    assert_eq!([why(&first), why(&second)], [(CaseState::WaitingConfirmation, ""); 2]);
    assert_ne!(first.business_date, second.business_date);
    assert_eq!(why(&counter.confirmed(first.id)), (CaseState::Done, ""));
    let view = counter.confirmed(second.id);
    assert_eq!((why(&view), view.duplicate), ((CaseState::Refused, "E-TERM-REPEATED"), true));
    let stands = counter.transactions().remove(0);
    assert_eq!(view.transaction.unwrap()["id"], stands.id.to_string());
    assert_eq!((stands.cancels, counter.transactions().len()), (Some(row.id), 2));
}

#[test]
fn a_callers_key_is_what_it_committed_though_that_is_cancelled() {
    let counter = Counter::new();
    let keyed = |key: &str| NewCase { idempotency: Some(key.into()), ..new_case(SETTLE, Some(bill())) };
    let view = opened_at(&counter, HOLDER, keyed("K1"));
    assert_eq!(why(&counter.confirmed(view.id)), (CaseState::Done, ""));
    let row = counter.transactions().remove(0);
    assert_eq!(why(&undone(&counter, SETTLE, row.id)), (CaseState::Done, ""));
    // The case is not known any more.
    let counter = counter.restarted("nothing");
    let late = opened_at(&counter, HOLDER, keyed("K1"));
    assert_eq!((why(&late), late.duplicate), ((CaseState::Refused, "E-TERM-REPEATED"), true));
    let shown = late.transaction.unwrap();
    assert_eq!((&shown["id"], &shown["state"]), (&json!(row.id), &json!("cancelled")));
    assert_eq!(why(&opened_at(&counter, HOLDER, keyed("K2"))), (CaseState::WaitingConfirmation, ""));
}
