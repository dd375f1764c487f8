//! Readers and cards through a real pcscd.

mod beside;
mod pads;
mod resets;
#[path = "../rig/mod.rs"]
mod rig;

use std::process::Command as Process;
use std::time::{Duration, Instant};

use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};
use rig::{Child, HOLDER, PATIENCE, PSAM, Rig, image, until};
use sbkd::apdu::Command;
use sbkd::reader::{Lease, PcscReaders, ReaderEvent, Readers, Role, RoleRule, TransportError};
use tokio::sync::broadcast::Receiver;

/// Which part a process of this test plays; without it, it is the one that the test harness started.
const PART: &str = "SBKD_TEST_PART";
/// Runs the test with the rig's pcscd.
const TEST: &str = "test";
/// Are other programs that hold a card: for themselves, or idle and ready to share it.
const HOLDS: &str = "holds";
const SHARES: &str = "shares";

#[test]
fn the_readers_are_listed_with_and_without_cards() {
    let mut rig = Rig::start();
    assert_eq!(rig.card_seen(HOLDER), Some(false));
    rig.insert(&image("v3-sm4"));
    assert_eq!(rig.card_seen(HOLDER), Some(true));
    assert_eq!(rig.card_seen("Virtual PCD 00 02"), None);
    let list = rig.sbkd(&["readers", "--direct", "--json"]).success();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|reader| reader["name"].as_str().unwrap()).collect();
    assert_eq!(names, [HOLDER, PSAM]);
}

#[test]
fn without_the_service_the_error_says_so() {
    let mut rig = Rig::start();
    rig.kill_pcscd();
    assert_eq!(rig.sbkd(&["readers", "--direct", "--json"]).error_code(), "E-READER-SERVICE");
    rig.restart_pcscd();
    rig.sbkd(&["readers", "--direct", "--json"]).success();
}

#[test]
fn cards_come_and_go_as_events_and_their_readers_roles_are_asked() {
    alone("cards_come_and_go_as_events_and_their_readers_roles_are_asked", |rig| {
        let readers = PcscReaders::start(Vec::new());
        let mut events = readers.watch();
        rig.insert(&image("v3-sm4"));
        let came = both(&mut events, |event| matches!(event, ReaderEvent::CardIn(..)));
        for (reader, role) in [(HOLDER, Role::Holder), (PSAM, Role::Psam)] {
            let found = ReaderEvent::RoleFound(reader.to_owned(), role);
            let order = |wanted: &dyn Fn(&ReaderEvent) -> bool| came.iter().position(wanted);
            let known = order(&|event| *event == found).expect("the role is found");
            let card = order(&|event| matches!(event, ReaderEvent::CardIn(name, _) if name == reader));
            assert!(Some(known) < card, "the role is known when the card is told: {came:?}");
        }
        let list = readers.list();
        assert!(list.iter().all(|reader| reader.card && !reader.busy), "{list:?}");
        rig.pull();
        both(&mut events, |event| matches!(event, ReaderEvent::CardOut(_)));
        assert!(readers.list().iter().all(|reader| !reader.card));
    });
}

#[test]
fn a_rule_gives_the_role_and_an_ignored_reader_is_never_opened() {
    alone("a_rule_gives_the_role_and_an_ignored_reader_is_never_opened", |rig| {
        let rule = |pattern: &str, role| RoleRule::new(pattern, role);
        let readers = PcscReaders::start(vec![rule("*01", Role::Ignored), rule("Virtual*", Role::Psam)]);
        let mut events = readers.watch();
        rig.insert(&image("v3-sm4"));
        both(&mut events, |event| matches!(event, ReaderEvent::CardIn(..)));
        let roles: Vec<_> = readers.list().iter().map(|reader| reader.role).collect();
        assert_eq!(roles, [Some(Role::Psam), Some(Role::Ignored)], "though the first has a holder's card");
        assert_eq!(failed(readers.lease(PSAM, PATIENCE)), TransportError::NoReader(PSAM.to_owned()));
        assert!(selects(&mut readers.lease(HOLDER, PATIENCE).unwrap()).is_ok());
    });
}

#[test]
fn a_lease_keeps_everybody_else_out_and_gives_back() {
    alone("a_lease_keeps_everybody_else_out_and_gives_back", |rig| {
        rig.insert(&image("v3-sm4"));
        let readers = PcscReaders::start(Vec::new());
        let mut lease = leased(&*readers);
        assert_eq!(failed(readers.lease(HOLDER, PATIENCE)), TransportError::Busy(Some("sbkd".to_owned())));
        let other = Context::establish(Scope::User).unwrap();
        for mode in [ShareMode::Shared, ShareMode::Exclusive] {
            let refused = other.connect(c"Virtual PCD 00 00", mode, Protocols::ANY).err();
            assert_eq!(refused, Some(pcsc::Error::SharingViolation), "nobody else selects, and nobody resets");
        }
        assert!(selects(&mut lease).is_ok());
        assert_eq!(lease.counts().commands, 1);
        let ours = readers.list().iter().all(|reader| !reader.busy);
        assert!(ours, "what this program has is not busy: {:?}", readers.list());
        drop(lease);
        // More than once: what was seen free before is what nobody reports when it is taken.
        for _ in 0..3 {
            let card = taken(&other);
            assert!(matches!(failed(readers.lease(HOLDER, PATIENCE)), TransportError::Busy(_)));
            until("the reader shows as busy", || readers.list()[0].busy.then_some(()));
            drop(card);
            until("the reader shows as free", || (!readers.list()[0].busy).then_some(()));
        }
        assert!(selects(&mut leased(&*readers)).is_ok());
        assert_eq!(failed(readers.lease("No such reader", PATIENCE)), no_reader());
        rig.pull();
        assert_eq!(failed(readers.lease(HOLDER, PATIENCE)), TransportError::NoCard(HOLDER.to_owned()));
    });
}

#[test]
fn another_programs_resets_come_between_leases_and_do_no_harm() {
    alone("another_programs_resets_come_between_leases_and_do_no_harm", |rig| {
        rig.insert(&image("v3-sm4"));
        let readers = PcscReaders::start(Vec::new());
        let other = Context::establish(Scope::User).unwrap();
        for end in [Disposition::ResetCard, Disposition::UnpowerCard] {
            assert!(selects(&mut leased(&*readers)).is_ok());
            let card = taken(&other);
            assert!(card.disconnect(end).is_ok());
            let mut lease = leased(&*readers);
            assert!(selects(&mut lease).is_ok(), "after {end:?} by another program");
            assert_eq!(lease.reset(), Ok(()));
            assert!(selects(&mut lease).is_ok());
        }
    });
}

#[test]
fn another_program_that_holds_the_card_is_named() {
    const NAME: &str = "another_program_that_holds_the_card_is_named";
    alone(NAME, |rig| {
        rig.insert(&image("v3-sm4"));
        let readers = PcscReaders::start(Vec::new());
        for part in [HOLDS, SHARES] {
            drop(leased(&*readers));
            let mut other = myself(NAME, part);
            other.env("PCSCLITE_CSOCK_NAME", rig.socket());
            let mut other: Child = rig.spawn(part, other);
            other.line("the other program has the card", |line| line.contains("HOLDS").then_some(()));
            let TransportError::Busy(Some(named)) = failed(readers.lease(HOLDER, PATIENCE)) else {
                panic!("the other program, which {part}, is not named");
            };
            let name = format!("{} ({})", program_of(other.id()), other.id());
            assert_eq!(named, name, "{part}");
            let told = rig.sbkd(&["script", "run", "ssc", "select", "--reader", HOLDER, "--json"]);
            assert_eq!((told.code, told.error_code().as_str()), (Some(3), "E-READER-BUSY"), "{part}");
            assert!(told.json()["error"]["detail"].as_str().is_some_and(|detail| detail.contains(&name)), "{told:?}");
            other.kill();
            assert!(selects(&mut leased(&*readers)).is_ok(), "what a killed program held is free: {part}");
        }
    });
}

/// pcscd tells nobody that a card was given back, so who waits for it has to look.
#[test]
fn programs_that_want_the_card_at_once_have_it_in_turn() {
    let rig = Rig::with_card(&image("v3-sm4"));
    let select = || rig.sbkd(&["script", "run", "ssc", "select", "--reader", HOLDER, "--json"]).success();
    std::thread::scope(|scope| {
        let programs: Vec<_> = (0..4).map(|_| scope.spawn(|| [(); 5].map(|()| select()))).collect();
        for selected in programs.into_iter().flat_map(|program| program.join().expect("each has the card")) {
            assert_eq!(selected["status"], "9000");
        }
    });
}

#[test]
fn a_card_that_is_pulled_is_told_as_such() {
    alone("a_card_that_is_pulled_is_told_as_such", |rig| {
        rig.insert(&image("v3-sm4"));
        let readers = PcscReaders::start(Vec::new());
        let mut lease = leased(&*readers);
        assert!(selects(&mut lease).is_ok());
        rig.pull();
        assert_eq!(selects(&mut lease), Err(TransportError::Removed));
        assert_eq!(lease.reset(), Err(TransportError::Removed));
        drop(lease);
        rig.insert(&image("v2-3des"));
        assert!(selects(&mut leased(&*readers)).is_ok(), "the next card is another lease");
    });
}

#[test]
fn a_service_that_goes_and_comes_back_needs_no_restart() {
    alone("a_service_that_goes_and_comes_back_needs_no_restart", |rig| {
        rig.insert(&image("v3-sm4"));
        let readers = PcscReaders::start(Vec::new());
        let mut events = readers.watch();
        let mut lease = leased(&*readers);
        assert!(selects(&mut lease).is_ok());
        for _ in 0..2 {
            rig.kill_pcscd();
            next(&mut events, |event| *event == ReaderEvent::ServiceAway);
            assert_eq!(selects(&mut lease), Err(TransportError::ServiceAway));
            assert_eq!(failed(readers.lease(HOLDER, PATIENCE)), TransportError::ServiceAway);
            assert!(readers.list().is_empty());
            rig.restart_pcscd();
            next(&mut events, |event| *event == ReaderEvent::ServiceBack);
            next(&mut events, |event| matches!(event, ReaderEvent::CardIn(name, _) if name == HOLDER));
            assert_eq!(selects(&mut lease), Err(TransportError::ServiceAway), "no handle outlives the service");
            lease = leased(&*readers);
            assert!(selects(&mut lease).is_ok());
        }
    });
}

#[test]
fn a_monitor_that_is_dropped_ends_at_once() {
    alone("a_monitor_that_is_dropped_ends_at_once", |rig| {
        for away in [false, true] {
            if away {
                rig.kill_pcscd();
            }
            let readers = PcscReaders::start(Vec::new());
            let begin = Instant::now();
            drop(readers);
            assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        }
    });
}

/// Runs `body` in a process of its own with a rig of its own: pcsclite reads once a process where the service is.
fn alone(name: &str, body: fn(&mut Rig)) {
    alone_in(name, Rig::start, body);
}

/// As [`alone`], in this rig.
fn alone_in(name: &str, rig: fn() -> Rig, body: fn(&mut Rig)) {
    match std::env::var(PART).as_deref() {
        Ok(TEST) => {
            let mut rig = rig();
            let place = std::env::var_os("PCSCLITE_CSOCK_NAME").expect("the place that the first process chose");
            std::os::unix::fs::symlink(rig.socket(), place).unwrap();
            body(&mut rig);
        }
        Ok(SHARES) => hold_the_card(ShareMode::Shared),
        Ok(_) => hold_the_card(ShareMode::Exclusive),
        Err(_) => {
            let dir = tempfile::tempdir().unwrap();
            let mut test = myself(name, TEST);
            let out = test.env("PCSCLITE_CSOCK_NAME", dir.path().join("comm")).output().unwrap();
            let text = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
            assert!(out.status.success() && text.contains("1 passed"), "{text}");
        }
    }
}

/// This program again, with this test alone, in another part.
fn myself(test: &str, part: &str) -> Process {
    let mut command = Process::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(PART, part);
    command
}

/// Holds the card until it is killed.
fn hold_the_card(mode: ShareMode) {
    let context = Context::establish(Scope::User).unwrap();
    let _card = taken_in(mode, &context);
    println!("HOLDS");
    loop {
        std::thread::park();
    }
}

/// The holder's card, taken as another program does, once the monitor's own question is over.
fn taken(context: &Context) -> pcsc::Card {
    taken_in(ShareMode::Exclusive, context)
}

fn taken_in(mode: ShareMode, context: &Context) -> pcsc::Card {
    let take = || context.connect(c"Virtual PCD 00 00", mode, Protocols::ANY).ok();
    until("another program has the card", take)
}

fn program_of(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap().trim().to_owned()
}

/// A lease on the holder's card, once the monitor's own question is over.
#[track_caller]
fn leased(readers: &dyn Readers) -> Lease {
    until("the card can be leased", || readers.lease(HOLDER, PATIENCE).ok())
}

#[track_caller]
fn failed(lease: Result<Lease, TransportError>) -> TransportError {
    lease.expect_err("the lease must fail")
}

fn no_reader() -> TransportError {
    TransportError::NoReader("No such reader".to_owned())
}

/// Selects the social security environment, which every card of the fixtures has.
fn selects(lease: &mut Lease) -> Result<(), TransportError> {
    let name = b"sx1.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF";
    let select = Command::new(0x00, 0xA4, 0x04, 0x00).with_data(name).unwrap().with_le(0);
    let answer = lease.send(&select)?;
    assert!(answer.status().is_ok(), "{answer:?}");
    Ok(())
}

/// The next event that fits, within the rig's patience.
#[track_caller]
fn next(events: &mut Receiver<ReaderEvent>, fits: impl Fn(&ReaderEvent) -> bool) -> Vec<ReaderEvent> {
    let mut seen = Vec::new();
    until("the event comes", || {
        while let Ok(event) = events.try_recv() {
            seen.push(event);
            if fits(&seen[seen.len() - 1]) {
                return Some(());
            }
        }
        None
    });
    seen
}

/// The events until the same has happened to both readers.
#[track_caller]
fn both(events: &mut Receiver<ReaderEvent>, fits: impl Fn(&ReaderEvent) -> bool + Copy) -> Vec<ReaderEvent> {
    let mut seen = next(events, fits);
    seen.extend(next(events, fits));
    seen
}
