//! The settlement of medical costs, with a centre.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sbkd::center::Faults;
use sbkd::queue::{Point, QueueError, State};
use sbkd::rules::Packs;
use sbkd::terminal::{CaseState, NewCase, What};
use serde_json::Value;

use crate::counter::{Counter, HOLDER, PATIENCE, Setup, bill, bill_of, held_at, new_case, numbered};

const SETTLE: &str = "medical-settlement";

#[test]
fn the_vector_is_settled_at_the_centre_and_accounted_for() {
    let counter = Counter::new();
    let view = counter.decided(SETTLE, bill());
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    let centre = view.centre.unwrap();
    for (field, amount) in [("act_pay_dedc", "1600.00"), ("hifp_pay", "22720.00"), ("psn_cash_pay", "7280.00")] {
        assert_eq!(view.decision.as_ref().unwrap().value()["outputs"][field], amount);
        assert_eq!(centre[field], amount);
    }
    let pack = &view.decision.as_ref().unwrap().value()["pack"];
    let (shipped, file) = (Packs::builtin().list(), "guangzhou-2015/medical-settlement.toml");
    let shipped = shipped.iter().find(|pack| pack.file == file).unwrap();
    assert_eq!(pack, &serde_json::to_value(&shipped.pack).unwrap());
    assert!(view.differences.is_empty() && !view.provisional);
    assert!(counter.transactions().is_empty(), "nothing is committed before somebody agrees");

    let view = counter.confirmed(view.id);
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    let rows = counter.transactions();
    assert_eq!((rows.len(), rows[0].state), (1, State::Acked));
    assert_eq!(view.decision.unwrap().value()["basis"], "centre");
    assert!(view.centre.unwrap()["setl_id"].is_string());
    let slip = view.slip.unwrap().join("\n");
    for said in ["22720.00", "1600.00", "7280.00", "中心已结算", "演示参数"] {
        assert!(slip.contains(said), "{said}:\n{slip}");
    }
    assert!(!slip.contains("以中心结算为准"));
}

#[test]
fn a_difference_is_referred_and_nothing_is_committed() {
    let seed = Some(Some("seed-other-accumulators.toml"));
    let counter = Counter::with(Setup { centre: seed, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    assert_eq!(view.state, CaseState::Referred);
    assert_eq!(view.failure.unwrap().entry.code, "E-TERM-DIFFERENCE");
    let fields: Vec<&str> = view.differences.iter().filter_map(|d| d["field"].as_str()).collect();
    assert!(fields.contains(&"hifp_pay"), "{fields:?}");
    assert!(counter.transactions().is_empty());
}

#[test]
fn what_changed_at_the_centre_since_somebody_agreed_stands_and_is_shown() {
    const OTHER: &str = "Counter 10 00";
    let counter = Counter::with(Setup { more_readers: &[OTHER], ..Setup::default() });
    let decided = |reader: &str, number: &str| {
        let mut bill = numbered(number);
        bill["mdtrt_id"] = "D20150727001".into();
        let new = NewCase { reader: Some(reader.into()), ..new_case(SETTLE, Some(bill)) };
        let id = counter.terminal.open_case(new).unwrap().id;
        counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
        id
    };
    // Both reckon with the deductible; the centre takes it once.
    let (first, second) = (decided(HOLDER, "1"), decided(OTHER, "2"));
    assert!(counter.confirmed(first).differences.is_empty());
    let view = counter.confirmed(second);
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    assert_eq!(view.centre.unwrap()["psn_cash_pay"], "6000.00");
    assert_eq!(
        view.decision.unwrap().value()["basis"],
        "local-estimate",
        "the centre does not stand behind its figures"
    );
    let field = |name: &str| view.differences.iter().any(|difference| difference["field"] == name);
    assert!(field("act_pay_dedc") && field("psn_cash_pay"), "{:?}", view.differences);
    let slip = view.slip.unwrap().join("\n");
    for said in ["以中心结果为准", "6000.00", "中心已结算", "演示参数"] {
        assert!(slip.contains(said), "{said}:\n{slip}");
    }
    assert!(!slip.contains("7280.00"), "{slip}");
}

#[test]
fn an_unknown_outcome_is_reversed_and_the_holder_is_told() {
    let counter = Counter::new();
    let view = counter.decided(SETTLE, bill());
    // The centre settles it and says nothing, neither then nor when it is asked.
    counter.centre_faults(Faults { drop_answer: 1000, ..Faults::default() });
    let view = counter.confirmed(view.id);
    counter.centre_faults(Faults::default());
    assert_eq!(view.state, CaseState::Refused, "{:?}", view.failure);
    assert_eq!(view.failure.unwrap().entry.code, "E-TERM-NOTHING-SETTLED");
    assert!(view.slip.is_none());
    counter.wait_for_state(counter.transactions()[0].id, State::Reversed);
    // What was taken back is not counted: the same bill settles to the same figures.
    let again = counter.carried_out(SETTLE, bill());
    assert_eq!(again.state, CaseState::Done, "{:?}", again.failure);
}

#[test]
fn an_answer_that_was_lost_is_asked_for_and_settled_once() {
    let counter = Counter::new();
    let view = counter.decided(SETTLE, bill());
    counter.centre_faults(Faults { only: Some("2304".into()), drop_answer: 1, ..Faults::default() });
    let view = counter.confirmed(view.id);
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    assert_eq!(counter.transactions().len(), 1);
    assert_eq!(counter.transactions()[0].state, State::Acked);
}

#[test]
fn a_card_pulled_while_it_is_settled_changes_nothing() {
    // It is committed, and what the centre says of it is not written yet.
    let (gate, faults) = held_at(Point::Advance);
    let counter = Counter::with(Setup { faults, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    let mut events = counter.terminal.events(None);
    gate.set(true);
    assert_eq!(counter.terminal.confirm(view.id).unwrap().state, CaseState::Committing);
    counter.next_event(&mut events, |what| matches!(what, What::Transaction { .. }));
    counter.readers.remove(HOLDER);
    counter.next_event(&mut events, |what| matches!(what, What::Reader { change: "card-out", .. }));
    assert_eq!(counter.terminal.case(view.id).unwrap().state, CaseState::Committing);
    assert_eq!(counter.terminal.cancel(view.id).unwrap_err().entry.code, "E-TERM-STATE");
    gate.set(false);
    assert_eq!(counter.ended(view.id).state, CaseState::Done);
}

#[test]
fn a_frozen_benefit_is_denied() {
    let counter = Counter::with(Setup { card: "v2-3des", ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    assert_eq!(view.state, CaseState::Refused);
    assert!(view.failure.unwrap().detail.unwrap().contains("E-MED-FROZEN"));
    assert!(counter.transactions().is_empty());
}

#[test]
fn a_settlement_that_no_pack_is_for_is_referred() {
    let counter = Counter::new();
    let not_covered = |bill: Value| {
        let view = counter.decided(SETTLE, bill);
        assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Referred, "E-RULES-NOT-COVERED"));
        assert!(view.decision.is_none() && view.centre.is_none(), "nobody has computed it");
    };
    let mut after_injury = bill();
    after_injury["med_type"] = "22".into();
    not_covered(after_injury);
    // 离休: by the centre, whatever a form says of it.
    let centre = rusqlite::Connection::open(counter.dir.path().join("centre.db")).unwrap();
    centre.busy_timeout(PATIENCE).unwrap();
    centre.execute_batch("UPDATE facts SET value = '\"340\"' WHERE name = 'insutype'").unwrap();
    not_covered(bill());
    assert!(counter.transactions().is_empty());
}

#[test]
fn a_share_paid_first_that_nobody_stated_is_referred() {
    let counter = Counter::new();
    let mut unstated = bill();
    unstated["lines"][0]["chrgitm_lv"] = "02".into();
    let view = counter.decided(SETTLE, unstated.clone());
    assert_eq!(view.state, CaseState::Referred);
    assert!(view.failure.unwrap().detail.unwrap().contains("E-MED-LINE-SELFPAY"));
    unstated["lines"][0]["selfpay_prop"] = "10%".into();
    assert_eq!(counter.carried_out(SETTLE, unstated).state, CaseState::Done);
}

#[test]
fn each_bill_is_decided_by_the_pack_of_its_date_though_another_asks_for_more() {
    const SHIPPED: &str = include_str!("../../config/policy/guangzhou-2015/medical-settlement.toml");
    let (rules, _) = SHIPPED.split_once("[case_base]").unwrap();
    // Its own cases are of other days; without any no terminal takes it up.
    let rules = format!("{rules}\n[[case]]\nname = \"空\"\nrefused = \"lines\"\n");
    // Until July nothing was asked of injuries at work.
    let parts = rules.split("\n[[").filter(|part| !part.contains("E-MED-WORK-INJURY"));
    let until_july = parts.collect::<Vec<_>>().join("\n[[");
    let lines = until_july.lines().filter(|line| !line.starts_with("work_injury"));
    let until_july = lines.collect::<Vec<_>>().join("\n").replace("valid_to = 2015-12-31", "valid_to = 2015-07-31");
    let packs = tempfile::tempdir().unwrap();
    std::fs::write(packs.path().join("a.toml"), until_july).unwrap();
    let since_august = rules.replace("valid_from = 2015-01-01", "valid_from = 2015-08-01");
    let since_august = since_august.replace("version = \"2015.1\"", "version = \"2015.2\"");
    std::fs::write(packs.path().join("b.toml"), since_august).unwrap();
    // Every scenario that is carried out has its packs, or the terminal does not start.
    let others =
        std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy/guangzhou-2015"));
    for other in others.unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&other).unwrap();
        if text.contains("scenarios = [\"medical-settlement\"]") && !other.ends_with("medical-settlement.toml") {
            std::fs::write(packs.path().join(other.file_name().unwrap()), text).unwrap();
        }
    }
    let only = "[scenarios]\nonly = [\"medical-settlement\"]\n";
    let config: &'static str = format!("[paths]\npolicy = {:?}\n{only}", packs.path()).leak();
    let counter = Counter::with(Setup { config, ..Setup::default() });
    for (number, endtime, reason) in [("1", "2015-07-31", "至 2015-07-31 内"), ("2", "2015-08-01", "至 2015-12-31 内")]
    {
        let mut bill = numbered(number);
        bill["endtime"] = endtime.into();
        bill["work_injury"] = false.into();
        let view = counter.carried_out(SETTLE, bill);
        assert_eq!(view.state, CaseState::Done, "{endtime} {:?}", view.failure);
        let decision = view.decision.unwrap();
        assert!(decision.value()["version_reason"].as_str().unwrap().contains(reason), "{endtime}");
    }
    // A day of which there is no pack: no case is opened for it, and one that waits for its form waits for another.
    let on = |date: &str| {
        let mut bill = bill();
        bill["begntime"] = "2014-12-01".into();
        bill["endtime"] = date.into();
        bill
    };
    let refused = counter.terminal.open_case(new_case(SETTLE, Some(on("2014-12-31")))).unwrap_err();
    assert_eq!(refused.entry.code, "E-RULES-NO-VERSION");
    let id = counter.open(SETTLE, None);
    counter.wait_for(id, |view| view.state == CaseState::WaitingInput);
    let refused = counter.terminal.input(id, on("2014-12-31")).unwrap_err();
    assert_eq!(refused.entry.code, "E-RULES-NO-VERSION");
    let shown = counter.terminal.case(id).unwrap();
    assert_eq!((shown.state, shown.failure), (CaseState::WaitingInput, Some(refused)));
    // A day to come, for which there need not be one yet.
    counter.terminal.input(id, on("2016-01-01")).unwrap();
    let shown = counter.wait_for(id, |view| view.failure.is_some());
    assert_eq!((shown.state, shown.failure.unwrap().entry.code), (CaseState::WaitingInput, "E-SCN-INPUT"));
}

#[test]
fn the_centres_no_ends_the_case() {
    let counter = Counter::new();
    let view = counter.decided(SETTLE, bill());
    counter.centre_faults(Faults { refuse: 1, ..Faults::default() });
    let view = counter.confirmed(view.id);
    assert_eq!(view.state, CaseState::Refused);
    assert_eq!(view.failure.unwrap().entry, &sbkd::wire::errors::ON_PURPOSE);
    assert_eq!(counter.transactions()[0].state, State::Refused);
}

#[test]
fn an_outcome_that_the_journal_does_not_take_is_not_called_a_refusal() {
    let full = Arc::new(AtomicBool::new(false));
    let switch = full.clone();
    let faults = sbkd::queue::Faults::new(move |at| {
        let fails = at == Point::Advance && switch.load(Ordering::SeqCst);
        if fails { Err(QueueError::StorageFull) } else { Ok(()) }
    });
    let counter = Counter::with(Setup { faults, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    full.store(true, Ordering::SeqCst);
    let view = counter.confirmed(view.id);
    // The centre has settled it: to say that nothing was would have it settled twice.
    assert_eq!(view.state, CaseState::Failed, "{:?}", view.failure);
    assert_eq!(view.failure.unwrap().entry.code, "E-SETTLE-UNSURE");
    assert!(view.slip.is_none());
    let row = counter.transactions().remove(0);
    assert_eq!(view.transaction.unwrap()["id"], row.id.to_string());
    full.store(false, Ordering::SeqCst);
    counter.wait_for_state(row.id, State::Acked);
    let view = counter.wait_for(view.id, |view| view.transaction.as_ref().is_some_and(|row| row["state"] == "acked"));
    assert_eq!(view.state, CaseState::Failed);
}

#[test]
fn a_key_is_spent_once_though_the_daemon_has_restarted_since() {
    let counter = Counter::new();
    let keyed = |amount: &str| NewCase { idempotency: Some("K1".into()), ..new_case(SETTLE, Some(bill_of(amount))) };
    let view = counter.terminal.open_case(keyed("30000.00")).unwrap();
    counter.wait_for(view.id, |view| view.state == CaseState::WaitingConfirmation);
    let first = counter.confirmed(view.id);
    assert_eq!(first.state, CaseState::Done, "{:?}", first.failure);
    // Whoever lost the answer asks again with the same key.
    let counter = counter.restarted("nothing");
    let again = counter.terminal.open_case(keyed("30000.00")).unwrap();
    let again =
        counter.wait_for(again.id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation);
    assert_eq!((again.state, again.duplicate), (CaseState::Refused, true));
    assert_eq!(again.failure.unwrap().entry.code, "E-TERM-REPEATED");
    let transaction = again.transaction.unwrap();
    assert_eq!((&transaction["id"], &transaction["state"]), (&first.transaction.unwrap()["id"], &"acked".into()));
    let counter = counter.restarted("nothing");
    let other = counter.terminal.open_case(keyed("30000.01")).unwrap();
    let other =
        counter.wait_for(other.id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation);
    assert_eq!((other.state, other.transaction), (CaseState::Refused, None));
    assert_eq!(other.failure.unwrap().entry.code, "E-TERM-KEY-USED");
    assert_eq!(counter.transactions().len(), 1);
}

#[test]
fn a_deductible_is_paid_once_an_admission() {
    let counter = Counter::new();
    let paid = |number: &str, admission: Option<&str>| {
        let mut bill = numbered(number);
        if let Some(admission) = admission {
            bill["mdtrt_id"] = admission.into();
        }
        let view = counter.carried_out(SETTLE, bill);
        assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
        view.centre.unwrap()["act_pay_dedc"].as_str().unwrap().to_owned()
    };
    assert_eq!((paid("1", Some("D20150727001")), paid("2", Some("D20150727001"))), ("1600.00".into(), "0.00".into()));
    assert_eq!(paid("3", Some("D20150727002")), "1600.00");
    // Without its number nobody knows an admission from another.
    assert_eq!((paid("4", None), paid("5", None)), ("1600.00".into(), "1600.00".into()));
    // A number that is blank is none.
    assert_eq!((paid("6", Some("")), paid("7", Some(" "))), ("1600.00".into(), "1600.00".into()));
}

#[test]
fn the_same_bill_is_settled_once_whatever_the_caller_says() {
    let counter = Counter::new();
    let first = counter.carried_out(SETTLE, bill());
    // Whoever never saw how it ended, for the daemon went down meanwhile, begins anew.
    let counter = counter.restarted("nothing");
    let again = counter.decided(SETTLE, bill());
    assert_eq!((again.state, again.duplicate), (CaseState::Refused, true));
    assert_eq!(again.failure.unwrap().entry.code, "E-TERM-SAME-FORM");
    assert_eq!(again.transaction.unwrap()["id"], first.transaction.unwrap()["id"]);
    assert_eq!(counter.transactions().len(), 1);
    assert_eq!(counter.carried_out(SETTLE, numbered("2")).state, CaseState::Done);

    // A key of the caller's own makes no other bill of it.
    let keyed = NewCase { idempotency: Some("another".into()), ..new_case(SETTLE, Some(bill())) };
    let again = counter.ended(counter.terminal.open_case(keyed).unwrap().id);
    assert_eq!(again.failure.unwrap().entry.code, "E-TERM-SAME-FORM");
    assert_eq!(counter.transactions().len(), 2);
}

#[test]
fn a_bill_that_is_stated_otherwise_is_the_same_bill() {
    let counter = Counter::new();
    let whole = counter.carried_out(SETTLE, bill());
    assert_eq!(whole.state, CaseState::Done, "{:?}", whole.failure);
    let stated = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut bill = bill();
        change(&mut bill);
        bill
    };
    for same in [
        stated(&|bill| bill["medfee_sumamt"] = "30000.00".into()),
        stated(&|bill| bill["acct_used_flag"] = true.into()),
        stated(&|bill| bill["mdtrt_id"] = "D20150727001".into()),
        stated(&|bill| bill["hosp_lv"] = "L1".into()),
        stated(&|bill| bill["lines"][0]["cnt"] = "1.0".into()),
        stated(&|bill| bill["lines"][0]["pric"] = "30000".into()),
        stated(&|bill| bill["lines"][0]["feedetl_sn"] = " 1".into()),
        stated(&|bill| bill["lines"][0]["lmt_used_flag"] = true.into()),
    ] {
        let again = counter.decided(SETTLE, same.clone());
        assert_eq!((again.state, again.duplicate), (CaseState::Refused, true), "{same}");
        assert_eq!(again.failure.unwrap().entry.code, "E-TERM-SAME-FORM");
    }
    assert_eq!(counter.transactions().len(), 1);
}

#[test]
fn a_bill_that_was_settled_under_a_key_is_known_without_one() {
    let counter = Counter::new();
    let keyed = NewCase { idempotency: Some("K1".into()), ..new_case(SETTLE, Some(bill())) };
    let id = counter.terminal.open_case(keyed).unwrap().id;
    counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
    let first = counter.confirmed(id);
    assert_eq!(first.state, CaseState::Done, "{:?}", first.failure);
    let again = counter.decided(SETTLE, bill());
    assert_eq!((again.state, again.failure.unwrap().entry.code), (CaseState::Refused, "E-TERM-SAME-FORM"));
    assert_eq!(again.transaction.unwrap()["id"], first.transaction.unwrap()["id"]);
    assert_eq!(counter.transactions().len(), 1);
}

#[test]
fn a_bill_of_which_nothing_stands_is_settled_anew() {
    let counter = Counter::new();
    for _ in 0..2 {
        counter.centre_faults(Faults { refuse: 1, only: Some("2304".into()), ..Faults::default() });
        let refused = counter.carried_out(SETTLE, bill());
        assert_eq!(refused.state, CaseState::Refused, "{:?}", refused.failure);
        assert_eq!(refused.transaction.unwrap()["state"], "refused");
    }
    counter.centre_faults(Faults::default());
    assert_eq!(counter.carried_out(SETTLE, bill()).state, CaseState::Done);
}

#[test]
fn a_discharge_in_the_days_to_come_goes_back_to_the_clerk() {
    let counter = Counter::new();
    let mut tomorrow = bill();
    tomorrow["endtime"] = "2015-08-04".into();
    let id = counter.open(SETTLE, Some(tomorrow));
    let view = counter.wait_for(id, |view| view.failure.is_some());
    assert_eq!(view.state, CaseState::WaitingInput);
    let failure = view.failure.unwrap();
    assert_eq!(failure.entry.code, "E-SCN-INPUT");
    assert!(failure.detail.unwrap().starts_with("endtime: "));
    let mut today = bill();
    today["endtime"] = "2015-08-03".into();
    counter.terminal.input(id, today).unwrap();
    counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
}
