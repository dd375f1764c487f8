//! A day held against the centre, with planted differences of each kind, and each repaired.

use jiff::civil::Date;
use rusqlite::Connection;
use sbkd::center;
use sbkd::queue::State;
use sbkd::store::{AccountDifference, Action, DifferenceKind};
use sbkd::terminal::{CaseState, What};
use sbkd::world::{Clock as _, SystemClock, shanghai};

use crate::counter::{Counter, bill, bill_of, numbered};

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
    counter.centre_faults(center::Faults { only: Some("2207".into()), drop_answer: 1, ..Default::default() });
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
    counter.centre_faults(center::Faults { only: Some("2207".into()), refuse: 1, ..Default::default() });
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
        (DifferenceKind::CentreOnly, None, None)
    );
    counter.terminal.repair(difference.id, Action::Reverse, "0009", None).unwrap();
    assert!(found(&counter).is_empty());
}

#[test]
fn other_figures_are_taken_over_and_marked() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    at_the_centre(
        &counter,
        "UPDATE settlements SET reply = json_set(reply, '$.setlinfo.psn_cash_pay', '6800.00', '$.setlinfo.acct_pay', '480.00')",
    );
    let difference = one(&counter);
    assert_eq!(
        (difference.kind, difference.fields.join(" ")),
        (DifferenceKind::Figures, "acct_pay psn_cash_pay".into())
    );
    assert_eq!(refused(&counter, &difference, Action::Reverse, None), "E-RECON-ACTION");
    counter.terminal.repair(difference.id, Action::Adopt, "0009", None).unwrap();
    let row = counter.transactions().remove(0);
    assert_eq!((row.state, row.differs.join(" ")), (State::Acked, "acct_pay psn_cash_pay".into()));
    assert!(found(&counter).is_empty());
    let (journal, _dir) = counter.journal();
    assert_eq!(journal.verify().unwrap().rows, 1, "the journal is whole with another answer in it");
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
    // And open again when it is found again.
    at_the_centre(&counter, "UPDATE settlements SET state = 'void'");
    assert_eq!(one(&counter).id, difference.id);
}

#[test]
fn the_day_before_is_reconciled_by_itself() {
    let counter = Counter::new();
    let yesterday = SystemClock.today().yesterday().unwrap();
    let mut events = counter.terminal.events(None);
    if counter.terminal.reconciliation(yesterday).unwrap().is_none() {
        counter.next_event(&mut events, |what| matches!(what, What::Reconciliation { .. }));
    }
    let run = counter.terminal.reconciliation(yesterday).unwrap().unwrap();
    assert_eq!((run.operator, run.open), (None, 0));
}
