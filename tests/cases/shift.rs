//! Operators' shifts: opened and closed at the terminal, told to the centre, named by each transaction.

use std::sync::Arc;

use sbkd::queue::State;
use sbkd::store::Shift;
use sbkd::terminal::{CaseState, Condition, NewCase, What};

use crate::alarm::Hands;
use crate::counter::{Counter, PATIENCE, SECOND, Setup, bill, chip, new_case, numbered, set_aside_in, statement};

const SETTLE: &str = "medical-settlement";
const SIGN_IN: &str = "unemployment-sign-in";

fn told(counter: &Counter, number: &str, wanted: impl Fn(&Shift) -> bool) -> Shift {
    let mut events = counter.terminal.events(None);
    loop {
        let shift = counter.terminal.shift(number).unwrap();
        if wanted(&shift) {
            return shift;
        }
        counter.next_event(&mut events, |what| matches!(what, What::Shift { .. }));
    }
}

#[test]
fn each_transaction_names_operator_and_shift_and_the_centre_knows_both() {
    let counter = Counter::new();
    let (shift, new) = counter.terminal.open_shift("0001").unwrap();
    assert!(new && !counter.terminal.open_shift(" 0001 ").unwrap().1);
    told(&counter, &shift.number, |shift| shift.sign_no.as_deref() == Some("Q00000000001"));
    let view = counter.carried_out(SETTLE, bill());
    assert_eq!((view.state, view.shift.as_ref()), (CaseState::Done, Some(&shift.number)));
    let view = counter.carried_out(SIGN_IN, statement());
    counter.wait_for_state(counter.transactions()[0].id, State::Acked);
    for row in counter.transactions() {
        assert_eq!((row.operator.as_str(), row.shift.as_ref()), ("0001", Some(&shift.number)));
    }
    assert_eq!(view.shift.as_ref(), Some(&shift.number));

    let closed = counter.terminal.close_shift(&shift.number).unwrap();
    let totals: Vec<_> = closed
        .totals
        .iter()
        .map(|total| (total.kind.name(), total.state.as_str(), total.count, total.amount.to_string(), total.cash))
        .collect();
    assert_eq!(totals.len(), 2);
    let (kind, state, count, ref amount, cash) = totals[0];
    assert_eq!((kind, state, count, amount.as_str()), ("settle", "acked", 1, "30000.00"));
    // What the centre said is to be paid, as the slip says.
    assert_eq!(cash.unwrap().to_string(), "7280.00");
    assert_eq!((totals[1].0, totals[1].2), ("sign-in", 1));
    let off = told(&counter, &shift.number, |shift| shift.signed_off);
    assert_eq!(off.totals, closed.totals);
    assert_eq!(counter.terminal.close_shift(&shift.number).unwrap(), off, "closed once");
    assert_eq!(counter.terminal.close_shift("1").unwrap_err().entry.code, "E-SHIFT-UNKNOWN");
}

#[test]
fn a_shift_opens_without_the_centre_and_the_centre_is_told_on_its_return() {
    let mut counter = Counter::new();
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    let (first, _) = counter.terminal.open_shift("0001").unwrap();
    let (second, _) = counter.terminal.open_shift("0002").unwrap();
    assert_ne!(first.number, second.number);
    assert_eq!(counter.terminal.close_shift(&second.number).unwrap().sign_no, None);
    // What is open outlives the daemon, and what the centre does not know yet does too.
    let mut counter = counter.restarted("nothing");
    assert!(!counter.terminal.open_shift("0001").unwrap().1);
    counter.start_centre();
    told(&counter, &first.number, |shift| shift.sign_no.is_some() && !shift.signed_off);
    told(&counter, &second.number, |shift| shift.sign_no.is_some() && shift.signed_off);
}

#[test]
fn a_case_opens_its_operators_shift_and_keeps_it_open() {
    let counter = Counter::new();
    let view = counter.decided(SIGN_IN, statement());
    let number = view.shift.unwrap();
    assert!(counter.terminal.shift(&number).unwrap().automatic);
    assert_eq!(counter.terminal.close_shift(&number).unwrap_err().entry.code, "E-SHIFT-BUSY");
    counter.confirmed(view.id);
    assert!(counter.terminal.close_shift(&number).is_ok());
    let next = counter.carried_out(SETTLE, numbered("2"));
    assert_ne!(next.shift.as_ref(), Some(&number), "a shift that is closed stays closed");
}

#[test]
fn where_shifts_are_opened_by_hand_nobody_works_without_one() {
    let counter = Counter::with(Setup { config: "[shift]\nexplicit = true\n", ..Setup::default() });
    let refused = counter.terminal.open_case(new_case(SIGN_IN, Some(statement()))).unwrap_err();
    assert_eq!(refused.entry.code, "E-SHIFT-NONE");
    counter.terminal.open_shift("0001").unwrap();
    assert_eq!(counter.carried_out(SIGN_IN, statement()).state, CaseState::Done);
    let other = NewCase { operator: "0002".into(), ..new_case(SIGN_IN, Some(statement())) };
    assert_eq!(counter.terminal.open_case(other).unwrap_err().entry.code, "E-SHIFT-NONE");
}

#[test]
fn a_shift_that_opened_by_itself_is_one_days_and_one_that_was_opened_is_its_operators_to_end() {
    let hands = Arc::new(Hands::now());
    let counter = Counter::with(Setup { centre: None, clock: hands.clone(), ..Setup::default() });
    let in_shift = |counter: &Counter| {
        let view = counter.decided(SIGN_IN, statement());
        counter.terminal.cancel(view.id).unwrap();
        view.shift.unwrap()
    };
    let first = in_shift(&counter);
    assert_eq!(in_shift(&counter), first);
    hands.forward(24 * 3600);
    let second = in_shift(&counter);
    assert_ne!(second, first);
    assert!(counter.terminal.shift(&first).unwrap().closed_at.is_some());
    // Taken over by hand, it lasts until it is closed by hand.
    let (taken, new) = counter.terminal.open_shift("0001").unwrap();
    assert!(!new && taken.number == second && !taken.automatic);
    hands.forward(24 * 3600);
    assert_eq!(in_shift(&counter), second);
}

#[test]
fn what_is_left_of_another_day_is_not_taken_over_by_hand() {
    let hands = Arc::new(Hands::noon());
    let counter = Counter::with(Setup { centre: None, clock: hands.clone(), ..Setup::default() });
    let view = counter.decided(SIGN_IN, statement());
    let earlier = view.shift.unwrap();
    hands.forward(24 * 3600);
    // What is done in it is finished first, and nothing is begun in it any more.
    assert_eq!(counter.terminal.open_shift("0001").unwrap_err().entry.code, "E-SHIFT-PAST");
    counter.readers.insert(SECOND, chip("v1-3des"));
    let at_the_other = NewCase { reader: Some(SECOND.into()), ..new_case(SIGN_IN, Some(statement())) };
    let second = counter.ended(counter.terminal.open_case(at_the_other).unwrap().id);
    assert_eq!((second.state, second.failure.unwrap().entry.code), (CaseState::Refused, "E-SHIFT-PAST"));
    counter.terminal.cancel(view.id).unwrap();
    let (own, new) = counter.terminal.open_shift("0001").unwrap();
    assert!(new && own.number != earlier && !own.automatic, "{own:?}");
    assert!(counter.terminal.shift(&earlier).unwrap().closed_at.is_some());
}

#[test]
fn what_the_centre_refuses_of_a_shift_is_kept_and_not_asked_again() {
    let counter = Counter::new();
    let (shift, _) = counter.terminal.open_shift("0001").unwrap();
    told(&counter, &shift.number, |shift| shift.sign_no.is_some());
    let db = rusqlite::Connection::open(counter.dir.path().join("centre.db")).unwrap();
    assert_eq!(db.execute("DELETE FROM shifts", []), Ok(1));
    counter.terminal.close_shift(&shift.number).unwrap();
    let refused = told(&counter, &shift.number, |shift| shift.refusal.is_some());
    assert_eq!((refused.refusal.as_deref(), refused.signed_off), (Some("C-NOT-FOUND"), false));
    assert!(!refused.is_owing());
}

#[test]
fn a_shift_that_opened_by_itself_is_closed_once_its_day_is_over() {
    let hands = Arc::new(Hands::noon());
    let counter = Counter::with(Setup { centre: None, clock: hands.clone(), ..Setup::default() });
    let view = counter.decided(SIGN_IN, statement());
    let number = view.shift.unwrap();
    let (by_hand, _) = counter.terminal.open_shift("0002").unwrap();
    hands.forward(24 * 3600);
    let mut events = counter.terminal.events(None);
    // What is done in it is finished first.
    counter.terminal.cancel(view.id).unwrap();
    counter.next_event(&mut events, |what| matches!(what, What::Shift { shift, change: "closed" } if *shift == number));
    assert!(counter.terminal.shift(&number).unwrap().closed_at.is_some());
    assert_eq!(counter.terminal.shift(&by_hand.number).unwrap().closed_at, None, "its operator's to end");
}

#[test]
fn a_shift_that_the_centre_does_not_answer_keeps_no_other_from_it() {
    let mut counter = Counter::new();
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    let (first, _) = counter.terminal.open_shift("0001").unwrap();
    let (second, _) = counter.terminal.open_shift("0002").unwrap();
    let centre = rusqlite::Connection::open(counter.dir.path().join("centre.db")).unwrap();
    let fails = "CREATE TRIGGER fails BEFORE INSERT ON shifts WHEN NEW.operator = '0001'
                 BEGIN SELECT RAISE(ABORT, 'on purpose'); END";
    centre.execute_batch(fails).unwrap();
    counter.start_centre();
    told(&counter, &second.number, |shift| shift.sign_no.is_some());
    let first = counter.terminal.shift(&first.number).unwrap();
    assert_eq!((first.sign_no, first.refusal), (None, None), "it is asked again");
}

#[test]
fn a_store_that_is_damaged_keeps_no_terminal_from_starting() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    counter.terminal.open_shift("0001").unwrap();
    let counter = counter.restarted_after_files(|state| {
        // Whoever closes it last clears the log away; until then it would be written back over what is put there.
        let started = std::time::Instant::now();
        while state.join("store.db-wal").exists() {
            assert!(started.elapsed() < PATIENCE, "nobody closes the store");
            std::thread::yield_now();
        }
        std::fs::write(state.join("store.db"), [b'x'; 4096]).unwrap();
    });
    let told = counter.terminal.events(Some(0)).backlog;
    let aside = told.iter().find_map(|event| match &event.what {
        What::Store { change: "set-aside", file, kept: Some(0), lost: None } => Some(file.clone()),
        _ => None,
    });
    assert_eq!(std::fs::read(counter.dir.path().join("state").join(aside.unwrap())).unwrap(), [b'x'; 4096]);
    assert!(counter.terminal.shifts(10).unwrap().is_empty());
    assert_eq!(counter.carried_out(SIGN_IN, statement()).state, CaseState::Done);
}

#[test]
fn what_is_handed_over_says_what_could_not_be_read() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    let view = counter.carried_out(SIGN_IN, statement());
    let number = view.shift.unwrap();
    let journal = rusqlite::Connection::open(counter.dir.path().join("state/queue.db")).unwrap();
    assert_eq!(journal.execute("UPDATE entries SET attempts = attempts + 1 WHERE sequence = 1", []), Ok(1));
    let shift = counter.terminal.close_shift(&number).unwrap();
    assert_eq!((shift.totals.len(), shift.unreadable), (0, 1));
    assert_eq!(counter.terminal.shift(&number).unwrap().unreadable, 1, "as it was handed over");
}

#[test]
fn what_is_handed_over_counts_what_damage_took_away_for_good() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    let number = counter.carried_out(SIGN_IN, statement()).shift.unwrap();
    counter.terminal.open_shift("0002").unwrap();
    let counter = counter.restarted_after_files(|state| {
        let db = rusqlite::Connection::open(state.join("queue.db")).unwrap();
        db.execute_batch("DROP TRIGGER entries_fixed; UPDATE entries SET header = x'00'").unwrap();
        drop(db);
        assert_eq!(set_aside_in(state).lost.len(), 1);
    });
    let shift = counter.terminal.close_shift(&number).unwrap();
    assert_eq!((shift.totals.len(), shift.unreadable), (0, 1));
    // What was lost before another one was opened is none of that.
    let other = counter.terminal.shifts(9).unwrap().into_iter().find(|shift| shift.operator == "0002").unwrap();
    assert_eq!(counter.terminal.close_shift(&other.number).unwrap().unreadable, 0);
}

#[test]
fn a_shift_that_is_open_while_an_earlier_journal_is_put_back_has_all_that_is_done_in_it() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    let counter = counter.restarted_after_files(|state| {
        let journal = rusqlite::Connection::open(state.join("queue.db")).unwrap();
        journal.execute("VACUUM INTO ?1", [state.join("kept.db").to_str().unwrap()]).unwrap();
        std::fs::copy(state.join("queue.anchor"), state.join("kept.anchor")).unwrap();
    });
    counter.carried_out(SIGN_IN, statement());
    let (shift, _) = counter.terminal.open_shift("0003").unwrap();
    assert_eq!(shift.after, 1);
    let counter = counter.restarted_after_files(|state| {
        for log in ["queue.db-wal", "queue.db-shm"] {
            drop(std::fs::remove_file(state.join(log)));
        }
        for (from, to) in [("kept.db", "queue.db"), ("kept.anchor", "queue.anchor")] {
            std::fs::rename(state.join(from), state.join(to)).unwrap();
        }
    });
    assert!(counter.transactions().is_empty(), "it is the earlier one");
    let new = NewCase { operator: "0003".into(), ..new_case(SIGN_IN, Some(statement())) };
    let id = counter.terminal.open_case(new).unwrap().id;
    counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
    assert_eq!(counter.confirmed(id).state, CaseState::Done);
    let shift = counter.terminal.close_shift(&shift.number).unwrap();
    assert_eq!((shift.after, shift.totals[0].count), (0, 1));
}

#[test]
fn a_store_that_cannot_be_written_is_a_condition_and_opens_no_shift() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    let id = counter.open(SIGN_IN, None);
    counter.wait_for(id, |view| view.state == CaseState::WaitingInput);
    let store = rusqlite::Connection::open(counter.dir.path().join("state/store.db")).unwrap();
    // Whoever writes there keeps everybody else from it.
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    counter.terminal.input(id, statement()).unwrap();
    let view = counter.ended(id);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Refused, "E-TERM-STORAGE"));
    assert!(view.shift.is_none() && counter.terminal.health().conditions.contains(&Condition::Storage));
    store.execute_batch("ROLLBACK").unwrap();
    counter.wait_for_condition(Condition::Storage, false);
    assert_eq!(counter.carried_out(SIGN_IN, statement()).state, CaseState::Done);
}
