//! A day held against the centre, with planted differences of each kind, and each repaired.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;
use sbkd::center;
use sbkd::queue::State;
use sbkd::store::{AccountDifference, Action, DifferenceKind};
use sbkd::terminal::{CaseState, Condition, What};
use sbkd::world::{Clock as _, SystemClock, shanghai};

use crate::alarm::Hands;
use crate::counter::{Counter, Setup, bill, bill_of, numbered};

const SETTLE: &str = "medical-settlement";

/// The day on which the counter's first transaction was settled.
fn day(counter: &Counter) -> Date {
    shanghai().to_datetime(counter.transactions().last().unwrap().updated_at).date()
}

/// Holds that day against the centre.
fn found(counter: &Counter) -> Vec<AccountDifference> {
    let day = day(counter);
    let run = counter.terminal.reconcile(day, "0009").unwrap();
    let all = counter.terminal.differences(day).unwrap();
    let open: Vec<AccountDifference> = all.into_iter().filter(|difference| difference.repair.is_none()).collect();
    assert_eq!(run.open, open.len() as u64);
    assert_eq!(counter.terminal.reconciliation(day).unwrap(), Some(run));
    open
}

fn one(counter: &Counter) -> AccountDifference {
    let mut open = found(counter);
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

/// Changes the centre's books behind its back.
fn at_the_centre(counter: &Counter, sql: &str) {
    let db = Connection::open(counter.dir.path().join("centre.db")).unwrap();
    assert_eq!(db.execute(sql, []), Ok(1), "{sql}");
}

fn refused(counter: &Counter, difference: &AccountDifference, action: Action, remark: Option<&str>) -> &'static str {
    counter.terminal.repair(difference.id, action, "0009", remark).unwrap_err().entry.code
}

#[test]
fn a_day_that_agrees_has_no_difference() {
    let counter = Counter::new();
    assert_eq!(counter.carried_out(SETTLE, bill()).state, CaseState::Done);
    assert!(found(&counter).is_empty());
    let run = counter.terminal.reconciliations(10).unwrap().into_iter().find(|run| run.date == day(&counter));
    let totals = run.unwrap().totals.remove(0);
    assert_eq!((totals.group.insutype.as_str(), totals.here_count), ("310", 1));
    assert_eq!((totals.here, totals.here_count), (totals.centre, totals.centre_count));
    assert_eq!(totals.here.medfee_sumamt.to_string(), "30000.00");
    let tomorrow = SystemClock.today().tomorrow().unwrap();
    assert_eq!(counter.terminal.reconcile(tomorrow, "0009").unwrap_err().entry.code, "E-RECON-DATE");
}

#[test]
fn what_stands_at_the_centre_only_is_taken_back_there() {
    let counter = Counter::new();
    // The answer is dropped, and so is all that is asked after it: the terminal takes it back, and the centre is told so.
    counter.carried_out(SETTLE, bill());
    counter.centre_faults(center::Faults { only: Some("2304".into()), drop_answer: 1, ..Default::default() });
    let second = counter.decided(SETTLE, numbered("2"));
    assert_eq!(second.state, CaseState::WaitingConfirmation, "{:?}", second.failure);
    let ended = counter.confirmed(second.id);
    let row = counter.transactions().remove(0);
    assert_eq!(
        (ended.state, row.state),
        (CaseState::Done, State::Acked),
        "it was found settled when it was asked about"
    );
    assert!(found(&counter).is_empty());
    // A third one is refused here, and stands there by a mistake of the centre's.
    counter.centre_faults(center::Faults { only: Some("2304".into()), refuse: 1, ..Default::default() });
    let third = counter.decided(SETTLE, numbered("3"));
    assert_eq!(counter.confirmed(third.id).state, CaseState::Refused);
    let msgid = counter.transactions().remove(0).msgid;
    at_the_centre(
        &counter,
        &format!(
            "UPDATE settlements SET state = 'settled',
                 reply = (SELECT json_set(reply, '$.setlinfo.setl_id', 'S9') FROM settlements WHERE state = 'settled' LIMIT 1),
                 posted = (SELECT posted FROM settlements WHERE state = 'settled' LIMIT 1)
             WHERE msgid = '{msgid}'"
        ),
    );
    let difference = one(&counter);
    assert_eq!((difference.kind, difference.msgid.as_str()), (DifferenceKind::CentreOnly, msgid.as_str()));
    assert_eq!((difference.state.as_deref(), difference.setl_id.as_deref()), (Some("refused"), Some("S9")));
    assert_eq!(refused(&counter, &difference, Action::Adopt, None), "E-RECON-ACTION");
    let mut events = counter.terminal.events(None);
    let repaired = counter.terminal.repair(difference.id, Action::Reverse, "0009", None).unwrap();
    counter.next_event(&mut events, |what| matches!(what, What::Reconciliation { open: 0, .. }));
    assert_eq!(repaired.repair.unwrap().operator.as_deref(), Some("0009"));
    assert_eq!(refused(&counter, &difference, Action::Reverse, None), "E-RECON-ACTION", "once");
    assert!(found(&counter).is_empty(), "the next run is clean");
}

#[test]
fn what_the_terminal_never_knew_is_told_as_such() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    at_the_centre(
        &counter,
        "INSERT INTO settlements (terminal, msgid, state, psn_no, content, reply, posted, times)
         SELECT terminal, 'H44010099999201508030000009999', state, psn_no, content,
                json_set(reply, '$.setlinfo.setl_id', 'S9'), posted, 1 FROM settlements",
    );
    let difference = one(&counter);
    assert_eq!(
        (difference.kind, difference.transaction, difference.state.as_deref()),
        (DifferenceKind::UnknownHere, None, None)
    );
    // It may have been settled and paid here before the journal was set aside.
    assert_eq!(refused(&counter, &difference, Action::Reverse, None), "E-RECON-REMARK");
    counter.terminal.repair(difference.id, Action::Reverse, "0009", Some("已核实未付款")).unwrap();
    assert!(found(&counter).is_empty());
}

#[test]
fn other_figures_are_taken_over_and_marked() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    at_the_centre(
        &counter,
        "UPDATE settlements SET reply = json_set(reply, '$.setlinfo.psn_cash_pay', '6800.00', '$.setlinfo.acct_pay', '480.00',
             '$.setlinfo.psn_part_amt', '7280.01')",
    );
    let difference = one(&counter);
    assert_eq!(
        (difference.kind, difference.fields.join(" ")),
        (DifferenceKind::Figures, "acct_pay psn_cash_pay".into())
    );
    assert_eq!(refused(&counter, &difference, Action::Reverse, None), "E-RECON-ACTION");
    counter.terminal.repair(difference.id, Action::Adopt, "0009", None).unwrap();
    let row = counter.transactions().remove(0);
    assert_eq!(
        (row.state, row.differs.join(" ")),
        (State::Acked, "acct_pay psn_cash_pay psn_part_amt reconciled".into())
    );
    assert!(found(&counter).is_empty());
    let (journal, _dir) = counter.journal();
    assert_eq!(journal.verify().unwrap().rows, 1, "the journal is whole with another answer in it");
    let kept = journal.answer(row.id).unwrap().unwrap().output;
    assert_eq!(kept["setlinfo"]["psn_part_amt"], "7280.01", "the whole settlement, not only what was compared");
}

#[test]
fn nothing_is_taken_over_but_what_the_operator_saw() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    let other = |cash: &str| {
        let sql = format!("UPDATE settlements SET reply = json_set(reply, '$.setlinfo.psn_cash_pay', '{cash}')");
        at_the_centre(&counter, &sql);
    };
    other("6800.00");
    let difference = one(&counter);
    other("6900.00");
    assert_eq!(refused(&counter, &difference, Action::Adopt, None), "E-RECON-ACTION");
    assert!(counter.transactions()[0].differs.is_empty());
    let difference = one(&counter);
    counter.terminal.repair(difference.id, Action::Adopt, "0009", None).unwrap();
    assert!(found(&counter).is_empty());
}

#[test]
fn a_settlement_of_another_group_at_the_centre_is_referred_and_not_taken_over() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    at_the_centre(&counter, "UPDATE settlements SET reply = json_set(reply, '$.setlinfo.clr_type', '99')");
    let difference = one(&counter);
    assert_eq!((difference.kind, difference.fields.len()), (DifferenceKind::Unclear, 0));
    assert_eq!(difference.actions, [Action::Refer]);
    counter.terminal.repair(difference.id, Action::Refer, "0009", Some("已转中心核查")).unwrap();
    assert!(found(&counter).is_empty());
}

#[test]
fn what_stands_here_only_is_referred_with_a_remark() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill_of("9000.00"));
    at_the_centre(&counter, "UPDATE settlements SET state = 'void'");
    let difference = one(&counter);
    assert_eq!((difference.kind, difference.centre), (DifferenceKind::HereOnly, None));
    assert_eq!(refused(&counter, &difference, Action::Refer, Some("  ")), "E-RECON-REMARK");
    assert_eq!(refused(&counter, &difference, Action::Reverse, None), "E-RECON-ACTION");
    counter.terminal.repair(difference.id, Action::Refer, "0009", Some("已转中心核查")).unwrap();
    assert!(found(&counter).is_empty(), "it is known, and does not come up again");
    let run = counter.terminal.reconciliation(day(&counter)).unwrap().unwrap();
    assert!(!run.is_clean(), "the totals are not the same for that");
    let counter = counter.restarted("nothing");
    let known = counter.terminal.differences(day(&counter)).unwrap().remove(0);
    assert_eq!(known.repair.unwrap().remark.as_deref(), Some("已转中心核查"));
    // The centre's own repair: what was open would be gone, what was referred stays noted.
    at_the_centre(&counter, "UPDATE settlements SET state = 'settled'");
    assert!(found(&counter).is_empty());
}

#[test]
fn what_mends_itself_is_gone() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    at_the_centre(&counter, "UPDATE settlements SET state = 'void'");
    let difference = one(&counter);
    at_the_centre(&counter, "UPDATE settlements SET state = 'settled'");
    assert!(found(&counter).is_empty());
    let known = counter.terminal.differences(day(&counter)).unwrap().remove(0);
    assert_eq!((known.id, known.repair.unwrap().action), (difference.id, Action::Gone));
    // And open again when it is found again, with what was done before.
    at_the_centre(&counter, "UPDATE settlements SET state = 'void'");
    let again = one(&counter);
    assert_eq!((again.id, again.repairs.len(), again.repairs[0].action), (difference.id, 1, Action::Gone));
    counter.terminal.repair(again.id, Action::Refer, "0009", Some("已转中心核查")).unwrap();
    let repairs = counter.terminal.differences(day(&counter)).unwrap().remove(0).repairs;
    assert_eq!(repairs.iter().map(|repair| repair.action).collect::<Vec<_>>(), [Action::Gone, Action::Refer]);
}

#[test]
fn what_is_begun_with_the_centre_is_noted_before_it_is_asked() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    at_the_centre(
        &counter,
        "INSERT INTO settlements (terminal, msgid, state, psn_no, content, reply, posted, times)
         SELECT terminal, 'H44010099999201508030000009999', state, psn_no, content,
                json_set(reply, '$.setlinfo.setl_id', 'S9'), posted, 1 FROM settlements",
    );
    let difference = one(&counter);
    counter.centre_faults(center::Faults { only: Some("2601".into()), fail: 1, ..Default::default() });
    counter.terminal.repair(difference.id, Action::Reverse, "0009", Some("已核实未付款")).unwrap_err();
    let known = counter.terminal.differences(day(&counter)).unwrap().remove(0);
    assert_eq!((known.repair, known.repairs.len(), known.repairs[0].done), (None, 1, false));
    assert_eq!(known.repairs[0].operator.as_deref(), Some("0009"));
    counter.terminal.repair(difference.id, Action::Reverse, "0010", Some("已核实未付款")).unwrap();
    let known = counter.terminal.differences(day(&counter)).unwrap().remove(0);
    let told: Vec<_> = known.repairs.iter().map(|repair| (repair.operator.as_deref().unwrap(), repair.done)).collect();
    assert_eq!(told, [("0009", false), ("0010", false), ("0010", true)]);
    assert!(known.repair.unwrap().done);
}

#[test]
fn what_was_accepted_here_is_not_the_centres_only_though_it_has_it_on_another_day() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    let before = day(&counter).yesterday().unwrap();
    at_the_centre(
        &counter,
        &format!("UPDATE settlements SET reply = json_set(reply, '$.setlinfo.setl_time', '{before} 12:00:00')"),
    );
    counter.terminal.reconcile(before, "0009").unwrap();
    let difference = counter.terminal.differences(before).unwrap().remove(0);
    assert_eq!((difference.kind, difference.state.as_deref()), (DifferenceKind::Unclear, Some("acked")));
    assert_eq!(difference.actions, [Action::Refer]);
    assert_eq!(refused(&counter, &difference, Action::Reverse, Some("remark")), "E-RECON-ACTION");
}

#[test]
fn a_damaged_record_is_a_difference_of_its_own_and_keeps_no_other_from_it() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    let mut other = bill_of("9000.00");
    other["lines"][0]["feedetl_sn"] = "2".into();
    counter.carried_out(SETTLE, other);
    let day = day(&counter);
    let rows = counter.transactions();
    let db = Connection::open(counter.dir.path().join("state/queue.db")).unwrap();
    let answer = "UPDATE entries SET answer = zeroblob(length(answer)) WHERE sequence = 1";
    assert_eq!(db.execute(answer, []), Ok(1));
    drop(db);
    at_the_centre(&counter, &format!("UPDATE settlements SET state = 'void' WHERE msgid = '{}'", rows[0].msgid));
    counter.terminal.reconcile(day, "0009").unwrap();
    let mut told: Vec<_> = counter.terminal.differences(day).unwrap().into_iter().map(|d| (d.msgid, d.kind)).collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let (first, second) = (rows[1].msgid.clone(), rows[0].msgid.clone());
    assert_eq!(told, [(first, DifferenceKind::Unclear), (second, DifferenceKind::HereOnly)]);
}

#[test]
fn a_day_of_which_something_was_erased_is_not_reconciled_any_more() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    let day = day(&counter);
    let counter = counter.restarted_after(|queue| assert_eq!(queue.erase(Timestamp::MAX).unwrap().transactions, 1));
    assert!(counter.transactions()[0].erased);
    assert_eq!(counter.terminal.reconcile(day, "0009").unwrap_err().entry.code, "E-RECON-ERASED");
    assert_eq!(counter.terminal.reconciliation(day).unwrap(), None);
}

/// A counter that settled something on a day, which was held against the centre, and whose centre has been away for
/// three days since; and that day.
fn away_since_a_day() -> (Counter, Date) {
    let hands = Arc::new(Hands::noon());
    let mut counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
    counter.carried_out(SETTLE, bill());
    let first = day(&counter);
    // While the day goes on a run of it does not count.
    counter.terminal.reconcile(first, "0009").unwrap();
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    hands.forward(3 * 24 * 3600);
    (counter, first)
}

/// The centre is there again, and what was owing is made up for.
fn made_up_for(counter: &mut Counter, first: Date) {
    assert_eq!(counter.terminal.health().reconciliation.overdue, Some(2));
    let mut events = counter.terminal.events(None);
    counter.start_centre();
    let last = first.tomorrow().unwrap().tomorrow().unwrap();
    counter.next_event(&mut events, |what| matches!(what, What::Reconciliation { date, .. } if *date == last));
}

#[test]
fn every_day_that_was_missed_is_made_up_for() {
    let (mut counter, first) = away_since_a_day();
    made_up_for(&mut counter, first);
    let days: Vec<_> = counter.terminal.reconciliations(3).unwrap().into_iter().rev().collect();
    assert_eq!((days[0].date, days[0].operator.as_deref(), days[0].totals[0].here_count), (first, None, 1));
    assert!(days.len() == 3 && days.iter().all(|run| run.open == 0 && run.is_complete()), "{days:?}");
    assert_eq!(counter.terminal.health().reconciliation.overdue, Some(0));
}

#[test]
fn a_run_that_cannot_be_read_any_more_is_run_again_by_itself_and_keeps_no_other_day_from_it() {
    let (mut counter, first) = away_since_a_day();
    in_the_store(&counter, "UPDATE reconciliations SET run = '{'");
    assert!(counter.terminal.reconciliations(9).unwrap().is_empty());
    assert_eq!(counter.terminal.reconciliation(first).unwrap(), None);
    made_up_for(&mut counter, first);
    assert_eq!(counter.terminal.health().reconciliation.overdue, Some(0));
    assert!(counter.terminal.reconciliation(first).unwrap().unwrap().is_complete());
}

#[test]
fn a_difference_that_cannot_be_read_any_more_is_found_again_or_gone() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    let at = |state: &str| at_the_centre(&counter, &format!("UPDATE settlements SET state = '{state}'"));
    let open = || counter.terminal.health().reconciliation.open;
    at("void");
    let before = one(&counter);
    // No text any more, or a text that is none of ours.
    for broken in ["CAST(x'7BFF' AS TEXT)", "'{'"] {
        in_the_store(&counter, &format!("UPDATE differences SET difference = {broken}"));
        assert!(counter.terminal.differences(before.date).unwrap().is_empty());
        assert_eq!(refused(&counter, &before, Action::Refer, Some("remark")), "E-RECON-UNKNOWN");
        let again = one(&counter);
        assert_eq!((again.id, again.kind, &again.msgid), (before.id, before.kind, &before.msgid));
        assert_eq!(open(), Some(1));
    }
    in_the_store(&counter, "UPDATE differences SET difference = '{'");
    at("settled");
    assert!(found(&counter).is_empty());
    assert_eq!(open(), Some(0), "nobody could repair it");
}

/// Changes what the terminal keeps beside its journal.
fn in_the_store(counter: &Counter, sql: &str) {
    let db = Connection::open(counter.dir.path().join("state/store.db")).unwrap();
    assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn a_clock_that_was_ahead_reconciles_no_day_for_good() {
    let hands = Arc::new(Hands::noon());
    let mut counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
    counter.carried_out(SETTLE, bill());
    let first = day(&counter);
    let reconciled = |counter: &mut Counter, ahead: i64, last: Date| {
        counter.stop_centre();
        counter.wait_for_condition(Condition::UplinkAway, true);
        hands.forward(ahead * 24 * 3600);
        let mut events = counter.terminal.events(None);
        counter.start_centre();
        counter.next_event(&mut events, |what| matches!(what, What::Reconciliation { date, .. } if *date == last));
    };
    let day = |n: i64| first.checked_add(jiff::Span::new().days(n)).unwrap();
    reconciled(&mut counter, 5, day(4));
    assert_eq!(counter.terminal.health().reconciliation.last, Some(day(4)));
    assert!(counter.terminal.reconciliation(day(3)).unwrap().unwrap().is_complete());
    // Set right, and three days later: those days are over now.
    reconciled(&mut counter, -2, day(2));
    let run = counter.terminal.reconciliation(day(2)).unwrap().unwrap();
    assert!(run.is_complete() && run.run_at <= hands.now(), "{run:?}");
    let health = counter.terminal.health().reconciliation;
    assert_eq!((health.last, health.overdue), (Some(day(2)), Some(0)), "a day to come is none that was run");
}

#[test]
fn a_day_is_over_once_it_is_over_at_the_centre() {
    let hands = Arc::new(Hands::noon());
    let counter = Counter::with(Setup { clock: hands.clone(), proves: true, ..Setup::default() });
    counter.carried_out(SETTLE, bill());
    let today = day(&counter);
    let run = |date: Date| counter.terminal.reconcile(date, "0009").unwrap();
    let yesterday = run(today.yesterday().unwrap());
    assert!(yesterday.centre_at.is_some() && yesterday.is_complete(), "{yesterday:?}");
    // Here the day has been over for long, and there it goes on.
    hands.forward(2 * 24 * 3600);
    let early = run(today);
    assert!(early.run_at > early.centre_at.unwrap() && !early.is_complete(), "{early:?}");
    assert_eq!(counter.terminal.health().reconciliation.overdue, Some(1), "the day before yesterday, as it is here");
}

#[test]
fn what_was_accepted_while_the_clock_was_days_off_is_of_its_day() {
    for off in [-4, 4] {
        let hands = Arc::new(Hands::noon());
        hands.forward(off * 24 * 3600);
        let counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
        counter.carried_out(SETTLE, bill());
        let then = day(&counter);
        hands.forward(-off * 24 * 3600);
        let today = hands.today();
        assert_ne!(then, today);
        let run = counter.terminal.reconcile(today, "0009").unwrap();
        assert_eq!((run.open, run.under_way, run.totals[0].here_count), (0, 0, 1), "{off}: {run:?}");
        assert!(run.is_clean() && counter.terminal.differences(today).unwrap().is_empty(), "{off}");
    }
}

#[test]
fn what_was_accepted_while_the_clock_was_off_and_stands_here_only_is_of_the_day_that_the_centre_gave_it() {
    // A year: a clock that lost its battery.
    for off in [-366, -4, 4] {
        let hands = Arc::new(Hands::noon());
        hands.forward(off * 24 * 3600);
        let counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
        counter.carried_out(SETTLE, bill());
        hands.forward(-off * 24 * 3600);
        at_the_centre(&counter, "UPDATE settlements SET state = 'void'");
        let today = hands.today();
        let run = counter.terminal.reconcile(today, "0009").unwrap();
        assert_eq!((run.open, run.totals[0].here_count), (1, 1), "{off}: {run:?}");
        assert_eq!(counter.terminal.differences(today).unwrap()[0].kind, DifferenceKind::HereOnly);
    }
}

#[test]
fn the_day_before_is_reconciled_by_itself() {
    let counter = Counter::with(Setup { clock: Arc::new(Hands::noon()), ..Setup::default() });
    let yesterday = SystemClock.today().yesterday().unwrap();
    let mut events = counter.terminal.events(None);
    if counter.terminal.reconciliation(yesterday).unwrap().is_none() {
        counter.next_event(&mut events, |what| matches!(what, What::Reconciliation { .. }));
    }
    let run = counter.terminal.reconciliation(yesterday).unwrap().unwrap();
    assert_eq!((run.operator, run.open), (None, 0));
}
