//! What is not delivered raises an alarm, and ends it.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use sbkd::terminal::{AlarmKind, CaseState, Condition, Status, What};
use sbkd::world::{Clock, SystemClock, shanghai};

use crate::counter::{Counter, Setup, bill, statement};

/// A clock whose hands a test moves.
pub struct Hands(Mutex<Timestamp>);

impl Hands {
    pub fn now() -> Self {
        Self(Mutex::new(Timestamp::now()))
    }

    /// Noon of today, Asia/Shanghai: no day begins or ends while the test runs.
    pub fn noon() -> Self {
        let noon = SystemClock.today().at(12, 0, 0, 0);
        Self(Mutex::new(shanghai().to_timestamp(noon).unwrap()))
    }

    pub fn forward(&self, secs: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_secs(secs);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[test]
fn a_sum_that_is_not_delivered_is_an_alarm_until_it_is() {
    let mut counter = Counter::with(Setup { config: "[alarm]\nunsent_sum = \"29999.99\"\n", ..Setup::default() });
    counter.terminal.cancel(counter.decided("medical-settlement", bill()).id).unwrap();
    assert_eq!((counter.terminal.health().alarms.len(), counter.terminal.health().status), (0, Status::Ok));
    counter.stop_centre();
    let mut events = counter.terminal.events(None);
    assert_eq!(counter.carried_out("medical-settlement", bill()).state, CaseState::ProvisionalDone);
    let sum = |what: &What, wanted| matches!(what, What::Alarm { alarm: AlarmKind::UnsentSum, present, .. } if *present == wanted);
    // Told by itself, at once.
    let told = counter.next_event(&mut events, |what| sum(what, true));
    let What::Alarm { value, limit, .. } = told else { panic!("{told:?}") };
    assert_eq!((value.as_str(), limit.as_str()), ("30000.00", "29999.99"));
    let alarm = counter.terminal.health().alarms.remove(0);
    assert_eq!((alarm.limit.as_str(), alarm.value.as_str()), ("29999.99", "30000.00"));
    assert_eq!(counter.terminal.health().status, Status::Degraded);
    assert_eq!(counter.terminal.health().alarms[0].since, alarm.since, "it goes on");
    let mut events = counter.terminal.events(None);
    counter.start_centre();
    counter.next_event(&mut events, |what| sum(what, false));
    assert!(counter.terminal.health().alarms.is_empty());
}

#[test]
fn the_events_tell_how_much_is_not_delivered() {
    let mut counter = Counter::new();
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    let mut events = counter.terminal.events(None);
    counter.carried_out("unemployment-sign-in", statement());
    let told = counter.next_event(&mut events, |what| matches!(what, What::Queue { unsent: 1, .. }));
    let What::Queue { oldest_unsent_secs, last_ack, .. } = told else { panic!("{told:?}") };
    assert!(oldest_unsent_secs.is_some() && last_ack.is_none());
    counter.start_centre();
    let told = counter.next_event(&mut events, |what| matches!(what, What::Queue { unsent: 0, .. }));
    let What::Queue { oldest_unsent_secs, last_ack, .. } = told else { panic!("{told:?}") };
    assert!(oldest_unsent_secs.is_none() && last_ack.is_some());
}

#[test]
fn a_journal_from_an_old_backup_is_an_alarm_and_no_health() {
    let counter = Counter::new();
    let counter = counter.restarted_after_files(|state| {
        let journal = rusqlite::Connection::open(state.join("queue.db")).unwrap();
        journal.execute("VACUUM INTO ?1", [state.join("kept.db").to_str().unwrap()]).unwrap();
        std::fs::copy(state.join("queue.anchor"), state.join("kept.anchor")).unwrap();
    });
    counter.carried_out("unemployment-sign-in", statement());
    counter.wait_for_state(counter.transactions()[0].id, sbkd::queue::State::Acked);
    assert_eq!((counter.terminal.health().alarms, counter.terminal.health().status), (vec![], Status::Ok));
    let counter = counter.restarted_after_files(|state| {
        // A file of its own, so that nobody who still has the other one open is in its way.
        for log in ["queue.db-wal", "queue.db-shm"] {
            drop(std::fs::remove_file(state.join(log)));
        }
        std::fs::rename(state.join("kept.db"), state.join("queue.db")).unwrap();
        std::fs::rename(state.join("kept.anchor"), state.join("queue.anchor")).unwrap();
    });
    assert!(counter.transactions().is_empty(), "it is the old one");
    let mut events = counter.terminal.events(None);
    while counter.terminal.health().alarms.is_empty() {
        counter.next_event(&mut events, |what| matches!(what, What::Alarm { .. }));
    }
    let mut health = counter.terminal.health();
    let alarm = health.alarms.remove(0);
    assert_eq!((alarm.alarm, alarm.value.as_str(), alarm.limit.as_str()), (AlarmKind::ChainBroken, "broken", "agrees"));
    assert_eq!((health.alarms, health.status), (vec![], Status::Degraded));
}

#[test]
fn a_chain_that_breaks_is_told_by_itself_and_so_is_one_that_agrees_again() {
    let counter = Counter::new();
    counter.carried_out("unemployment-sign-in", statement());
    counter.wait_for_state(counter.transactions()[0].id, sbkd::queue::State::Acked);
    let centre = rusqlite::Connection::open(counter.dir.path().join("centre.db")).unwrap();
    let hash: Vec<u8> = centre.query_row("SELECT hash FROM chain", [], |row| row.get(0)).unwrap();
    let mut events = counter.terminal.events(None);
    let told = |what: &What, wanted| matches!(what, What::Alarm { alarm: AlarmKind::ChainBroken, present, .. } if *present == wanted);
    centre.execute("UPDATE chain SET hash = zeroblob(32)", []).unwrap();
    let What::Alarm { value, .. } = counter.next_event(&mut events, |what| told(what, true)) else { unreachable!() };
    assert_eq!((value.as_str(), counter.terminal.health().status), ("broken", Status::Degraded));
    centre.execute("UPDATE chain SET hash = ?1", [hash]).unwrap();
    let What::Alarm { value, .. } = counter.next_event(&mut events, |what| told(what, false)) else { unreachable!() };
    assert_eq!((value.as_str(), counter.terminal.health().status), ("agrees", Status::Ok));
}

#[test]
fn alarms_hold_while_the_journal_does_not_tell() {
    let mut counter = Counter::with(Setup { config: "[alarm]\nunsent_sum = \"29999.99\"\n", ..Setup::default() });
    counter.terminal.cancel(counter.decided("medical-settlement", bill()).id).unwrap();
    counter.stop_centre();
    assert_eq!(counter.carried_out("medical-settlement", bill()).state, CaseState::ProvisionalDone);
    assert_eq!(counter.terminal.health().alarms.len(), 1);
    let journal = rusqlite::Connection::open(counter.dir.path().join("state/queue.db")).unwrap();
    journal.execute_batch("DROP INDEX entries_unsent").unwrap();
    let health = counter.terminal.health();
    assert_eq!((health.queue, health.alarms.len(), health.status), (None, 1, Status::Degraded));
}

#[test]
fn open_differences_overdue_days_and_damage_are_no_health() {
    let counter = Counter::with(Setup { clock: Arc::new(Hands::noon()), ..Setup::default() });
    counter.carried_out("medical-settlement", bill());
    assert_eq!(counter.terminal.health().status, Status::Ok);
    let store = rusqlite::Connection::open(counter.dir.path().join("state/store.db")).unwrap();
    store.execute_batch("ALTER TABLE differences RENAME TO away").unwrap();
    let health = counter.terminal.health();
    assert_eq!((health.reconciliation.open, health.status), (None, Status::Degraded), "nobody knows");
    store.execute_batch("ALTER TABLE away RENAME TO differences").unwrap();
    assert_eq!(counter.terminal.health().status, Status::Ok);
    let centre = rusqlite::Connection::open(counter.dir.path().join("centre.db")).unwrap();
    centre.execute_batch("UPDATE settlements SET state = 'void'").unwrap();
    let row = counter.transactions().remove(0);
    counter.terminal.reconcile(shanghai().to_datetime(row.updated_at).date(), "0009").unwrap();
    let health = counter.terminal.health();
    assert_eq!((health.reconciliation.open, health.status), (Some(1), Status::Degraded));
}

#[test]
fn a_record_that_is_damaged_is_no_health() {
    let counter = Counter::new();
    counter.carried_out("unemployment-sign-in", statement());
    counter.wait_for_state(counter.transactions()[0].id, sbkd::queue::State::Acked);
    assert_eq!(counter.terminal.health().status, Status::Ok);
    let journal = rusqlite::Connection::open(counter.dir.path().join("state/queue.db")).unwrap();
    assert_eq!(journal.execute("UPDATE entries SET attempts = attempts + 1 WHERE sequence = 1", []), Ok(1));
    assert!(counter.transactions().is_empty());
    let health = counter.terminal.health();
    assert_eq!((health.queue.unwrap().damaged, health.status), (vec![1], Status::Degraded));
}

#[test]
fn what_grows_old_is_an_alarm_though_nothing_happens() {
    let hands = Arc::new(Hands::now());
    let counter = Counter::with(Setup { centre: None, clock: hands.clone(), ..Setup::default() });
    counter.carried_out("unemployment-sign-in", statement());
    counter.wait_for_condition(Condition::UplinkAway, true);
    assert!(counter.terminal.health().alarms.is_empty());
    let mut events = counter.terminal.events(None);
    hands.forward(24 * 3600 + 1);
    let old = |what: &What| matches!(what, What::Alarm { alarm: AlarmKind::OldestUnsent, present: true, .. });
    counter.next_event(&mut events, old);
    assert_eq!(counter.terminal.health().alarms[0].limit, "86400");
}

#[test]
fn what_is_left_of_the_limits_counts_down() {
    let mut counter = Counter::new();
    counter.terminal.cancel(counter.decided("medical-settlement", bill()).id).unwrap();
    let whole = counter.terminal.health().limits.unwrap();
    assert_eq!((whole.count, whole.age_secs), (200, None));
    counter.stop_centre();
    let view = counter.decided("medical-settlement", bill());
    let before = view.limits.unwrap();
    assert_eq!((before.amount.to_string(), before.person_day.to_string()), ("50000.00".into(), "80000.00".into()));
    let after = counter.confirmed(view.id).limits.unwrap();
    assert_eq!((after.amount.to_string(), after.person_day.to_string()), ("50000.00".into(), "50000.00".into()));
    assert!(after.terminal.count == 199 && after.terminal.age_secs.is_some_and(|secs| secs <= 72 * 3600), "{after:?}");
    assert_eq!(counter.terminal.health().limits.unwrap().count, 199);
}
