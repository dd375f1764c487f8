//! Cards that the back office does not want accepted, and terminals that do not know which those are.

use std::fs;
use std::sync::Arc;

use sbkd::failure::Failure;
use sbkd::rules::SigningKey;
use sbkd::store::{Blacklist, BlacklistInfo, Cards, Imported, LIST, Store};
use sbkd::terminal::{BlacklistHealth, CaseState, CaseView, Status, What, list_file};
use sbkd::wire::detached::sha256;
use sbkd::world::{Clock as _, NoRandom, Random, SystemClock};
use serde_json::Value;

use crate::counter::{Counter, HOLDER, Setup, bill, chip, statement};

const SIGN_IN: &str = "unemployment-sign-in";
/// The card of `v3-sm4`, and its number.
const CARD: &str = "440100D15600000530000003FFFFFFFF";
const NUMBER: &str = "A10000031";
/// Another card of Guangzhou's.
const OTHER: &str = "440100D15600000530000009FFFFFFFF";

/// The first key of RFC 8032's test vectors.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
macro_rules! rules {
    ($rest:literal) => {
        concat!(
            "[card.blacklist]\nkeys = [\"D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A\"]\n",
            $rest
        )
    };
}

struct Seed;

impl Random for Seed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        hex::decode_to_slice(SEED, bytes).map_err(|_| NoRandom)
    }
}

fn list(serial: u64, issued: &str, entry: &str) -> String {
    let kind = |kind: &str| usize::from(entry.starts_with(kind));
    let (cards, ranges) = (kind("card"), kind("range"));
    format!("sbkd-blacklist-1\nserial {serial}\nissued {issued}\ncards {cards}\nranges {ranges}\n{entry}\n")
}

fn signature(text: &str) -> String {
    SigningKey::read(&SigningKey::make(&Seed).unwrap()).unwrap().sign(&LIST, sha256(text.as_bytes()))
}

/// As `sbkd blacklist import` does beside the daemon.
fn take_in(counter: &Counter, text: &str) -> Imported<BlacklistInfo> {
    let (state, file) = (counter.dir.path().join("state"), counter.dir.path().join("import.txt"));
    fs::write(&file, text).unwrap();
    fs::write(counter.dir.path().join("import.txt.sig"), signature(text)).unwrap();
    let key = SigningKey::read(&SigningKey::make(&Seed).unwrap()).unwrap().public();
    let blacklist = Blacklist::new(&state, Arc::new(Store::open(&state.join("store.db")).unwrap()));
    blacklist.import(&mut list_file::<Cards>(&file).unwrap(), &[key], SystemClock.now()).unwrap()
}

fn now() -> String {
    SystemClock.now().to_string()
}

fn health(counter: &Counter) -> BlacklistHealth {
    counter.terminal.health().blacklist.unwrap()
}

/// The case ends before anything is done, and why.
#[track_caller]
fn refused(counter: &Counter, scenario: &str, form: Value) -> Failure {
    let view = counter.decided(scenario, form);
    assert_eq!(view.state, CaseState::Failed, "{:?}", view.decision);
    assert!(view.holder.is_none() && view.decision.is_none() && counter.transactions().is_empty());
    view.failure.unwrap()
}

#[track_caller]
fn goes_on(counter: &Counter) -> CaseView {
    let view = counter.decided(SIGN_IN, statement());
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    counter.terminal.cancel(view.id).unwrap();
    view
}

#[test]
fn without_a_list_configured_no_card_is_looked_up() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    assert_eq!(counter.terminal.health().blacklist, None);
    assert_eq!(goes_on(&counter).findings, []);
}

#[test]
fn a_card_of_the_list_is_refused_before_anything_is_done() {
    let counter = Counter::with(Setup { centre: None, config: rules!(""), ..Setup::default() });
    assert_eq!(refused(&counter, SIGN_IN, statement()).entry.code, "E-CARD-BLACKLIST-NONE", "none was taken in");
    let before = counter.terminal.health();
    assert_eq!((before.status, before.blacklist.unwrap().list), (Status::Degraded, None));

    take_in(&counter, &list(1, &now(), &format!("card {OTHER} -")));
    assert_eq!(goes_on(&counter).findings, []);
    let told = health(&counter);
    assert_eq!(told.list.map(|list| (list.serial, list.cards, list.ranges)), Some((1, 1, 0)));
    assert!(!told.old && told.failure.is_none() && told.age_secs.is_some());

    take_in(&counter, &list(2, &now(), &format!("card {CARD} {NUMBER} 挂失")));
    for (scenario, form) in [(SIGN_IN, statement()), ("medical-settlement", bill())] {
        let failure = refused(&counter, scenario, form);
        assert_eq!((failure.entry.code, failure.detail.as_deref()), ("E-CARD-BLACKLISTED", Some("挂失")));
    }
    // Who only reads a card is exempt.
    assert!(counter.terminal.read_card(Some(HOLDER), false).is_ok());

    take_in(&counter, &list(3, &now(), &format!("range {NUMBER} {NUMBER}")));
    let failure = refused(&counter, SIGN_IN, statement());
    assert_eq!((failure.entry.code, failure.detail), ("E-CARD-BLACKLISTED", None));

    // One that is damaged is none, whatever is in it.
    take_in(&counter, &list(4, &now(), &format!("card {OTHER} -")));
    let mut files = fs::read_dir(counter.dir.path().join("state")).unwrap().map(|file| file.unwrap().path());
    let entries = files.find(|file| file.file_name().unwrap().to_string_lossy().starts_with("blacklist-4-")).unwrap();
    fs::write(entries, "damaged").unwrap();
    let failure = refused(&counter, SIGN_IN, statement());
    assert_eq!(failure.entry.code, "E-CARD-BLACKLIST-NONE");
    assert!(failure.detail.unwrap().contains("E-STORE-BLACKLIST-DAMAGED"));
    assert_eq!(health(&counter).failure.unwrap().entry.code, "E-STORE-BLACKLIST-DAMAGED");
}

#[test]
fn a_terminal_may_go_on_without_a_list_or_by_an_old_one_and_says_so() {
    let config = rules!("max_age_hours = 24\nwithout = \"warn\"\n");
    let counter = Counter::with(Setup { centre: None, config, ..Setup::default() });
    let found = |view: CaseView| view.findings.iter().map(|failure| failure.entry.code).collect::<Vec<_>>();
    assert_eq!(found(goes_on(&counter)), ["E-CARD-BLACKLIST-NONE"]);
    take_in(&counter, &list(1, "2015-08-01T00:00:00Z", &format!("card {OTHER} -")));
    assert_eq!(found(goes_on(&counter)), ["E-CARD-BLACKLIST-OLD"]);
    assert!(health(&counter).old && counter.terminal.health().status == Status::Degraded);
    take_in(&counter, &list(2, "2015-08-02T00:00:00Z", &format!("card {CARD} -")));
    assert_eq!(refused(&counter, SIGN_IN, statement()).entry.code, "E-CARD-BLACKLISTED", "that it knows");
    take_in(&counter, &list(3, &now(), &format!("card {OTHER} -")));
    assert_eq!(found(goes_on(&counter)), [""; 0]);

    let strict = rules!("max_age_hours = 24\n");
    let counter = Counter::with(Setup { centre: None, config: strict, ..Setup::default() });
    take_in(&counter, &list(1, "2015-08-01T00:00:00Z", &format!("card {OTHER} -")));
    let failure = refused(&counter, SIGN_IN, statement());
    assert_eq!((failure.entry.code, failure.detail.as_deref()), ("E-CARD-BLACKLIST-OLD", Some("2015-08-01T00:00:00Z")));
}

#[test]
fn a_terminal_takes_in_the_list_that_lies_in_its_file_and_tells_of_one_that_it_does_not() {
    let config = rules!("file = \"list.txt\"\npoll_secs = 1\n");
    let counter = Counter::with(Setup { centre: None, config, ..Setup::default() });
    let mut events = counter.terminal.events(None);
    let (file, beside) = (counter.dir.path().join("list.txt"), counter.dir.path().join("list.txt.sig"));
    let mut next = |wanted: &str| {
        let told =
            counter.next_event(&mut events, |what| matches!(what, What::Blacklist { change, .. } if *change == wanted));
        let What::Blacklist { serial, why, .. } = told else { unreachable!() };
        (serial, why.map(|why| why.entry.code))
    };
    let good = list(5, &now(), &format!("card {CARD} - 注销"));
    let older = list(4, &now(), &format!("card {OTHER} -"));
    fs::write(&file, &good).unwrap();
    assert_eq!(next("refused"), (None, Some("E-STORE-BLACKLIST-SIGNATURE")));
    assert_eq!(health(&counter).refused.unwrap().why.entry.code, "E-STORE-BLACKLIST-SIGNATURE");
    fs::write(&beside, signature(&good)).unwrap();
    assert_eq!(next("taken-up"), (Some(5), None));
    assert_eq!(refused(&counter, SIGN_IN, statement()).detail.as_deref(), Some("注销"));
    assert_eq!((health(&counter).refused, health(&counter).list.unwrap().serial), (None, 5));
    fs::write(&file, &older).unwrap();
    fs::write(&beside, signature(&older)).unwrap();
    assert_eq!(next("refused"), (None, Some("E-STORE-BLACKLIST-OLDER")));
    assert_eq!(health(&counter).list.unwrap().serial, 5, "what was in force before is so still");
    fs::write(&file, &good).unwrap();
    fs::write(&beside, signature(&good)).unwrap();
    assert_eq!(next("mended"), (Some(5), None));
    assert_eq!(health(&counter).refused, None);
}

#[test]
fn a_terminal_accepts_the_cards_that_its_owner_names() {
    for (config, code, detail) in [
        ("[card]\nissuers = [\"9156000002330\"]\n", "E-CARD-ISSUER", None),
        ("[card]\ncategories = [\"1\", \"2\"]\n", "E-CARD-CATEGORY", Some("3")),
        ("[card]\nversions = [\"2\"]\n", "E-CARD-VERSION-NOT-ACCEPTED", Some("3.00")),
    ] {
        let counter = Counter::with(Setup { centre: None, config, ..Setup::default() });
        let failure = refused(&counter, SIGN_IN, statement());
        assert_eq!((failure.entry.code, failure.detail.as_deref()), (code, detail));
    }
    let config = "[card]\nissuers = [\"9156000002440100\"]\ncategories = [\"3\"]\nversions = [\"3\"]\n";
    let counter = Counter::with(Setup { centre: None, config, ..Setup::default() });
    assert_eq!(goes_on(&counter).findings, []);
    // A scenario that takes an expired card says so.
    counter.readers.insert(HOLDER, chip("v3-expired"));
    let codes: Vec<_> = goes_on(&counter).findings.iter().map(|failure| failure.entry.code).collect();
    assert_eq!(codes, ["E-TERM-CARD-EXPIRED"]);
}
