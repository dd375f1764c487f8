//! The monitor on a service of the test's own, whose readers come and go as a real one's do when they are plugged.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use pcsc::State;
use proptest::prelude::*;
use tokio::sync::broadcast::Receiver;

use super::guard::Use;
use super::monitor::Monitor;
use super::service::{Service, Waker, Watch};
use super::table::{Sight, Table};
use crate::reader::ReaderEvent::{Appeared, CardIn, CardOut, Gone, RoleFound, ServiceAway, ServiceBack};
use crate::reader::{ReaderEvent, Role, RoleRule, TransportError};

const PATIENCE: Duration = Duration::from_secs(20);

/// A service in this process.
#[derive(Clone, Default)]
struct Made(Arc<(Mutex<World>, Condvar)>);

#[derive(Default)]
struct World {
    away: bool,
    readers: BTreeMap<String, Reader>,
    /// Fails the n-th call from now.
    fail_in: Option<u32>,
    calls: u32,
    woken: bool,
    asked: u32,
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Reader {
    card: Option<Role>,
    visits: u32,
    busy: bool,
    mute: bool,
}

impl Made {
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world());
        self.0.1.notify_all();
        result
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.0.lock().unwrap()
    }

    fn plug(&self, name: &str, card: Option<Role>) {
        self.change(|world| world.readers.insert(name.to_owned(), Reader { card, ..Reader::default() }));
    }

    fn unplug(&self, name: &str) {
        self.change(|world| world.readers.remove(name));
    }

    fn card(&self, name: &str, card: Option<Role>) {
        self.set(name, |reader| {
            reader.visits += 1;
            reader.card = card;
        });
    }

    fn set(&self, name: &str, change: impl FnOnce(&mut Reader)) {
        self.change(|world| change(world.readers.get_mut(name).unwrap()));
    }

    fn monitor(&self, rules: &[(&str, Role)]) -> (Monitor, Receiver<ReaderEvent>) {
        let rule = |(pattern, role): &(&str, Role)| RoleRule::new(*pattern, *role);
        // Nothing is seen before the events are followed.
        let held = self.world();
        let monitor = Monitor::start(Box::new(self.clone()), rules.iter().map(rule).collect());
        let events = monitor.shared.events.subscribe();
        drop(held);
        (monitor, events)
    }
}

impl World {
    fn call(&mut self) -> Result<(), TransportError> {
        self.calls += 1;
        let due = self.fail_in.as_mut().is_some_and(|left| {
            *left = left.saturating_sub(1);
            *left == 0
        });
        if due {
            self.fail_in = None;
        }
        if due || self.away { Err(TransportError::ServiceAway) } else { Ok(()) }
    }

    fn sight(&self, name: &str) -> Option<Sight> {
        let reader = self.readers.get(name)?;
        let mut state = if reader.card.is_some() { State::PRESENT } else { State::EMPTY };
        state.set(State::EXCLUSIVE, reader.busy);
        state.set(State::MUTE, reader.mute);
        Some(Sight { name: name.to_owned(), state, visits: reader.visits })
    }
}

impl Service for Made {
    fn watch(&self) -> Result<Box<dyn Watch>, TransportError> {
        self.world().call()?;
        Ok(Box::new(self.clone()))
    }

    fn ask(&self, reader: &str) -> Result<Role, TransportError> {
        let mut world = self.world();
        world.asked += 1;
        world.readers.get(reader).and_then(|reader| reader.card).ok_or(TransportError::Removed)
    }
}

impl Watch for Made {
    fn readers(&mut self) -> Result<Vec<String>, TransportError> {
        let mut world = self.world();
        world.call()?;
        Ok(world.readers.keys().cloned().collect())
    }

    fn wait(&mut self, known: &[Sight]) -> Result<Option<Vec<Sight>>, TransportError> {
        let mut world = self.world();
        world.call()?;
        loop {
            if world.away {
                return Err(TransportError::ServiceAway);
            }
            let seen: Option<Vec<Sight>> = known.iter().map(|sight| world.sight(&sight.name)).collect();
            let news = seen.as_deref() != Some(known) || world.readers.len() != known.len();
            if news || std::mem::take(&mut world.woken) {
                return Ok(seen);
            }
            world = self.0.1.wait(world).unwrap();
        }
    }

    fn waker(&self) -> Waker {
        let made = self.clone();
        Box::new(move || made.change(|world| world.woken = true))
    }
}

/// Events up to the one that is wanted.
#[track_caller]
fn until(events: &mut Receiver<ReaderEvent>, wanted: &ReaderEvent) -> Vec<ReaderEvent> {
    let mut seen = Vec::new();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match events.try_recv() {
            Ok(event) => {
                seen.push(timeless(event));
                if seen.last() == Some(wanted) {
                    return seen;
                }
            }
            Err(_) => std::thread::yield_now(),
        }
    }
    panic!("{wanted:?} does not come after {seen:?}");
}

/// When a card came is no part of what is compared.
fn timeless(event: ReaderEvent) -> ReaderEvent {
    match event {
        CardIn(reader, _) => card_in(&reader),
        other => other,
    }
}

fn card_in(reader: &str) -> ReaderEvent {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    CardIn(reader.to_owned(), *EPOCH.get_or_init(Instant::now))
}

fn name(reader: &str) -> String {
    reader.to_owned()
}

#[test]
fn readers_are_plugged_and_unplugged_while_it_runs() {
    let made = Made::default();
    let (monitor, mut events) = made.monitor(&[]);
    made.plug("A", None);
    assert_eq!(until(&mut events, &Appeared(name("A"))), [Appeared(name("A"))]);
    made.plug("B", Some(Role::Psam));
    let came = until(&mut events, &card_in("B"));
    assert_eq!(came, [Appeared(name("B")), RoleFound(name("B"), Role::Psam), card_in("B")]);
    made.unplug("B");
    assert_eq!(until(&mut events, &Gone(name("B"))), [CardOut(name("B")), Gone(name("B"))]);
    assert_eq!(monitor.shared.table().list(|_, _| false).len(), 1);
    made.unplug("A");
    until(&mut events, &Gone(name("A")));
}

#[test]
fn another_card_is_asked_again_and_only_a_new_role_is_told() {
    let made = Made::default();
    made.plug("A", None);
    let (monitor, mut events) = made.monitor(&[]);
    let visit = || monitor.shared.table().visit("A");
    until(&mut events, &Appeared(name("A")));
    assert_eq!(visit(), None);
    made.card("A", Some(Role::Holder));
    assert_eq!(until(&mut events, &card_in("A")), [RoleFound(name("A"), Role::Holder), card_in("A")]);
    let first = visit();
    // Swapped faster than it is looked at: only the count of visits shows it.
    made.card("A", Some(Role::Holder));
    assert_eq!(until(&mut events, &card_in("A")), [CardOut(name("A")), card_in("A")]);
    assert!(first.is_some() && visit().is_some() && visit() != first);
    made.card("A", Some(Role::Psam));
    let swapped = until(&mut events, &card_in("A"));
    assert_eq!(swapped, [CardOut(name("A")), RoleFound(name("A"), Role::Psam), card_in("A")]);
    assert_eq!(made.world().asked, 3);
}

#[test]
fn what_a_rule_decides_is_not_asked() {
    let made = Made::default();
    let (_monitor, mut events) = made.monitor(&[("A*", Role::Ignored), ("*", Role::Psam)]);
    made.plug("A1", Some(Role::Holder));
    let came = until(&mut events, &card_in("A1"));
    assert_eq!(came, [Appeared(name("A1")), RoleFound(name("A1"), Role::Ignored), card_in("A1")]);
    made.plug("B1", Some(Role::Holder));
    until(&mut events, &RoleFound(name("B1"), Role::Psam));
    until(&mut events, &card_in("B1"));
    assert_eq!(made.world().asked, 0);
}

#[test]
fn a_card_that_another_program_holds_is_told_and_asked_once_it_is_free() {
    let made = Made::default();
    made.plug("A", Some(Role::Holder));
    made.set("A", |reader| reader.busy = true);
    let (monitor, mut events) = made.monitor(&[]);
    let deadline = Instant::now() + PATIENCE;
    while !monitor.shared.table().list(|_, _| false).iter().any(|reader| reader.card && reader.busy) {
        assert!(Instant::now() < deadline, "the reader shows as busy");
        std::thread::yield_now();
    }
    assert_eq!(made.world().asked, 0);
    made.set("A", |reader| reader.busy = false);
    until(&mut events, &RoleFound(name("A"), Role::Holder));
}

#[test]
fn a_mute_card_is_told_and_not_asked() {
    let made = Made::default();
    made.plug("A", None);
    let (_monitor, mut events) = made.monitor(&[]);
    until(&mut events, &Appeared(name("A")));
    made.set("A", |reader| *reader = Reader { card: Some(Role::Holder), visits: 1, busy: false, mute: true });
    until(&mut events, &card_in("A"));
    assert_eq!(made.world().asked, 0);
}

#[test]
fn what_this_program_holds_itself_is_neither_busy_nor_asked() {
    let made = Made::default();
    made.plug("A", None);
    let (monitor, mut events) = made.monitor(&[]);
    until(&mut events, &Appeared(name("A")));
    let guards = Arc::clone(&monitor.shared.guards);
    let ours = guards.take("A", Use::Lease, Instant::now()).unwrap();
    made.set("A", |reader| *reader = Reader { card: Some(Role::Holder), visits: 1, busy: true, mute: false });
    until(&mut events, &card_in("A"));
    assert!(!monitor.shared.table().list(|name, seen| guards.ours(name, seen))[0].busy);
    drop(ours);
    made.set("A", |reader| reader.busy = false);
    until(&mut events, &RoleFound(name("A"), Role::Holder));
}

#[test]
fn the_service_goes_and_comes_back() {
    let made = Made::default();
    made.plug("A", None);
    let (_monitor, mut events) = made.monitor(&[]);
    until(&mut events, &Appeared(name("A")));
    made.card("A", Some(Role::Holder));
    until(&mut events, &card_in("A"));
    made.change(|world| world.away = true);
    let gone = until(&mut events, &Gone(name("A")));
    assert_eq!(gone, [ServiceAway, CardOut(name("A")), Gone(name("A"))]);
    made.change(|world| world.away = false);
    let back = until(&mut events, &card_in("A"));
    assert_eq!(back, [ServiceBack, Appeared(name("A")), RoleFound(name("A"), Role::Holder), card_in("A")]);
}

/// Each call to the service fails once, the n-th for n = 1, 2, … until none is left that could: it always heals.
#[test]
fn whichever_call_fails_it_heals() {
    for n in 1.. {
        let made = Made::default();
        made.plug("A", None);
        made.change(|world| world.fail_in = Some(n));
        let (monitor, mut events) = made.monitor(&[]);
        let ready = |monitor: &Monitor| !monitor.shared.table().list(|_, _| false).is_empty();
        let end = Instant::now() + PATIENCE;
        while !ready(&monitor) {
            assert!(Instant::now() < end, "the reader is seen, though call {n} failed");
            std::thread::yield_now();
        }
        made.card("A", Some(Role::Holder));
        until(&mut events, &card_in("A"));
        if made.world().fail_in.is_some() {
            assert!(n > 3, "the watch, the list and the wait have failed: {n}");
            return;
        }
    }
}

#[test]
fn it_waits_without_turning() {
    let made = Made::default();
    made.plug("A", Some(Role::Holder));
    let (_monitor, mut events) = made.monitor(&[("*", Role::Holder)]);
    made.plug("B", None);
    until(&mut events, &Appeared(name("B")));
    made.card("B", Some(Role::Holder));
    until(&mut events, &card_in("B"));
    assert!(made.world().calls < 20, "{} calls", made.world().calls);
}

/// One reader, in this state, with the same card in it.
fn one(state: State) -> Vec<Sight> {
    vec![Sight { name: name("A"), state, visits: 1 }]
}

#[test]
fn a_card_that_does_not_say_what_it_is_is_asked_ever_more_rarely() {
    let mut table = Table::new(Vec::new());
    let start = Instant::now();
    let mut asked = Vec::new();
    // A look a second, for an hour.
    for second in 0..3600 {
        let now = start + Duration::from_secs(second);
        for question in table.see(&one(State::PRESENT), now).questions {
            asked.push(second);
            table.answered(&question, None, now);
        }
    }
    assert_eq!(asked[..8], [0, 1, 3, 7, 15, 31, 63, 127]);
    assert_eq!(asked[9] - asked[8], 64, "but never forgotten");
    let now = start + Duration::from_secs(3600);
    let another = vec![Sight { visits: 2, ..one(State::PRESENT).remove(0) }];
    assert_eq!(table.see(&another, now).questions.len(), 1, "another card is asked at once");
}

#[test]
fn a_card_that_another_program_shares_is_busy_and_asked_once_it_is_let_go() {
    let mut table = Table::new(Vec::new());
    let now = Instant::now();
    assert!(table.see(&one(State::PRESENT | State::INUSE), now).questions.is_empty());
    assert!(table.list(|_, _| false)[0].busy);
    assert!(!table.list(|_, _| true)[0].busy, "unless it is this program");
    assert_eq!(table.see(&one(State::PRESENT), now).questions.len(), 1);
    assert!(!table.list(|_, _| false)[0].busy);
}

fn sights() -> impl Strategy<Value = Vec<Vec<Sight>>> {
    let state = prop::sample::select(vec![
        State::EMPTY,
        State::PRESENT,
        State::PRESENT | State::EXCLUSIVE,
        State::PRESENT | State::MUTE,
        State::PRESENT | State::INUSE,
    ]);
    let reader = (prop::sample::select(vec!["A", "B", "SAM"]), state, 0u32..4);
    let look = prop::collection::btree_map("[ABS]", reader, 0..3).prop_map(|readers| {
        let mut seen = BTreeMap::new();
        for (name, state, visits) in readers.into_values() {
            seen.insert(name.to_owned(), Sight { name: name.to_owned(), state, visits });
        }
        seen.into_values().collect()
    });
    prop::collection::vec(look, 0..30)
}

proptest! {
    /// Whatever is seen: who follows the events knows the same as who reads the list, a card comes before it goes,
    /// and a card of unknown kind is told at the latest when it was asked.
    #[test]
    fn events_and_list_agree(looks in sights(), answers in prop::collection::vec(any::<Option<bool>>(), 30)) {
        let rule = RoleRule::new("SAM", Role::Psam);
        let mut table = Table::new(vec![rule]);
        let mut followed: BTreeMap<String, bool> = BTreeMap::new();
        for (look, answer) in looks.iter().zip(answers) {
            let now = Instant::now();
            let changes = table.see(look, now);
            let mut events = changes.events;
            for question in &changes.questions {
                prop_assert!(question.reader != "SAM", "a rule decides it");
                let role = answer.map(|psam| if psam { Role::Psam } else { Role::Holder });
                events.extend(table.answered(question, role, now));
                prop_assert!(table.answered(question, None, now).is_empty(), "told once");
            }
            for event in events {
                match event {
                    Appeared(reader) => prop_assert_eq!(followed.insert(reader, false), None),
                    Gone(reader) => prop_assert_eq!(followed.remove(&reader), Some(false)),
                    CardIn(reader, _) => prop_assert_eq!(followed.insert(reader, true), Some(false)),
                    CardOut(reader) => prop_assert_eq!(followed.insert(reader, false), Some(true)),
                    RoleFound(reader, _) => prop_assert!(followed.contains_key(&reader)),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            let listed: BTreeMap<String, bool> =
                table.list(|_, _| false).into_iter().map(|reader| (reader.name, reader.card)).collect();
            prop_assert_eq!(&followed, &listed);
        }
    }
}
