//! A card that refuses the terminal's keys: once, and never again until a technician releases the pair.

use super::*;
use crate::keys::{CardKeyId, ProcessKey, Soft};
use crate::profile::KeyRole;

/// Demonstration keys of which RKSSSE is another, so that the card is genuine and refuses the terminal.
pub(super) fn wrong_keys() -> (tempfile::TempDir, Soft) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.toml");
    let keys = std::fs::read_to_string(folder().join("demonstration-keys.toml")).unwrap();
    let wrong: String = keys
        .lines()
        .map(|line| {
            if line.starts_with("rkssse") {
                "rkssse = \"00112233445566778899AABBCCDDEEFF\"\n".into()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    std::fs::write(&file, wrong).unwrap();
    let keys = Soft::load(&file, true).unwrap();
    (dir, keys)
}

#[test]
fn keys_that_a_card_refused_once_are_not_tried_on_it_again() {
    let desk = Desk::new("v3-sm4").with_store();
    let (_dir, mut keys) = wrong_keys();
    let first = desk.read_by(&mut keys, None);
    assert_eq!(first.outcome, Err(CardError::TerminalRefused { left: Some(2) }));
    assert_eq!(first.card.lock().unwrap().count(0x82), 1);
    assert_eq!(first.steps, [Step::Selected, Step::CardRead, Step::InternalAuthenticated]);

    let second = desk.read_by(&mut keys, None);
    assert_eq!(second.outcome, Err(CardError::PairHeld));
    assert_eq!(second.card.lock().unwrap().count(0x82), 0);
    assert_eq!(second.card.lock().unwrap().count(0x84), 0);

    // Nor are others, though they are the right ones: the card counts by its own key.
    let other = desk.read();
    assert_eq!(other.outcome, Err(CardError::PairHeld));
    assert_eq!(other.card.lock().unwrap().count(0x82), 0);
    // Another card is.
    let own = Desk { store: desk.store.clone(), ..Desk::new("v3-long-name") };
    own.read().outcome.unwrap();

    assert_eq!(desk.store.as_ref().unwrap().release_pairs().unwrap(), 1);
    desk.read().outcome.unwrap();
    let third = desk.read_by(&mut keys, None);
    assert_eq!(third.outcome, Err(CardError::TerminalRefused { left: Some(2) }));
}

#[test]
fn a_refusal_is_one_though_the_script_has_no_line_for_it() {
    let text = include_str!("../../../apdu-scripts/ssc-3.0.apdu").replace("< 63xx\n< 6983\n", "");
    let mut desk = Desk::new("v3-sm4").with_store();
    desk.scripts = Arc::new(Library::over_builtin(&[("ssc-3.0.apdu".to_owned(), text)]).unwrap());
    let (_dir, mut keys) = wrong_keys();
    assert_eq!(desk.read_by(&mut keys, None).outcome, Err(CardError::TerminalRefused { left: Some(2) }));
    assert_eq!(desk.read_by(&mut keys, None).outcome, Err(CardError::PairHeld));
}

#[test]
fn a_locked_key_is_said_each_time_and_never_laid_to_the_psam() {
    let desk = Desk::new("v3-sm4").with_store();
    let at = desk.read().card.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0x82).unwrap() + 1;
    for _ in 0..3 {
        let locked = desk.read_with(Some((at, Fault::Answer(vec![0x69, 0x83]))), None);
        assert_eq!(locked.outcome, Err(CardError::KeyLocked));
    }
    desk.read().outcome.unwrap();
}

#[test]
fn a_card_that_does_not_count_its_tries_is_held_as_well() {
    let desk = Desk::new("v3-sm4").with_store();
    let at = desk.read().card.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0x82).unwrap() + 1;
    let refused = desk.read_with(Some((at, Fault::Answer(vec![0x63, 0x00]))), None).outcome.unwrap_err();
    assert_eq!(refused.to_string(), "the card refused the terminal's key; tries left: not said");
    assert_eq!(desk.read().outcome, Err(CardError::PairHeld));
}

#[test]
fn an_answer_that_was_lost_is_forgiven_once_and_not_twice_in_a_row() {
    let desk = Desk::new("v3-sm4").with_store();
    let at = desk.read().card.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0x82).unwrap() + 1;
    // Pulled, or answered by a word that is neither yes nor no.
    for lost in [Fault::Removed, Fault::Answer(vec![0x69, 0x82])] {
        let pulled = || desk.read_with(Some((at, lost.clone())), None).outcome.unwrap_err();
        for _ in 0..2 {
            assert_ne!(pulled(), CardError::PairHeld);
            desk.read().outcome.unwrap();
        }
        assert_ne!(pulled(), CardError::PairHeld);
        assert_ne!(pulled(), CardError::PairHeld);
        let third = desk.read();
        assert_eq!(third.outcome, Err(CardError::PairHeld));
        assert_eq!(third.card.lock().unwrap().count(0x82), 0);
        assert_eq!(desk.store.as_ref().unwrap().release_pairs().unwrap(), 1);
        desk.read().outcome.unwrap();
    }
}

/// Keys that take all the time there is before they give the terminal's proof.
struct Slow<'a>(&'a mut dyn KeyService, Instant);

impl KeyService for Slow<'_> {
    fn source(&self) -> crate::keys::KeySource {
        self.0.source()
    }

    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], crate::keys::KeyError> {
        while *key.role == KeyRole::RKSSSE && Instant::now() < self.1 {
            std::hint::spin_loop();
        }
        self.0.prove(key, original)
    }

    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, crate::keys::KeyError> {
        self.0.identity(card)
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, crate::keys::KeyError> {
        self.0.terminal_number()
    }

    fn commands(&self) -> u32 {
        self.0.commands()
    }
}

#[test]
fn a_try_for_which_there_was_no_time_is_none() {
    let desk = Desk::new("v3-sm4").with_store();
    let mut soft = Soft::load(&folder().join("demonstration-keys.toml"), true).unwrap();
    for _ in 0..3 {
        let until = Instant::now() + Duration::from_millis(200);
        let chip = InProcess::new(desk.card.chip(Arc::new(SystemRandom::default()))).unwrap();
        let parts = Parts {
            lease: &mut Lease::new("reader", Box::new(chip), until),
            keys: &mut Slow(&mut soft, until),
            scripts: &desk.scripts,
            profile: &desk.profile,
            store: None,
            pairs: Pairs::Command(desk.store.as_ref().unwrap()),
            clock: &SystemClock,
            random: &SystemRandom::default(),
            default_algorithm: None,
            initial_pins: &InitialPins::default(),
            validation: Validation::WITHOUT_LIST,
        };
        assert_eq!(read(parts, &mut |_| ()), Err(CardError::Transport(TransportError::Deadline)));
    }
    desk.read_by(&mut soft, None).outcome.unwrap();
}

#[test]
fn where_no_refusal_can_be_kept_no_key_is_tried() {
    let (_dir, mut keys) = wrong_keys();
    let mut desk = Desk::new("v3-sm4");
    desk.nowhere = Some("no place");
    for _ in 0..4 {
        let went = desk.read_by(&mut keys, None);
        assert_eq!(went.outcome, Err(CardError::PairsUnknown("no place".to_owned())));
        assert_eq!(went.card.lock().unwrap().count(0x82), 0);
    }
    // A card that asks for no proof of the terminal's has no try to lose.
    desk.card = image("v2-3des");
    desk.read_by(&mut keys, None).outcome.unwrap();
}

#[test]
fn a_refusal_shows_nothing_of_the_card() {
    let (_dir, mut keys) = wrong_keys();
    let went = Desk::new("v3-sm4").read_by(&mut keys, None);
    let error = went.outcome.unwrap_err();
    let told = serde_json::to_string(&crate::failure::Explain::failure(&error)).unwrap();
    for secret in ["A1000003", "4401031988", "王小雅", "30000003"] {
        assert!(!told.contains(secret), "{told}");
    }
    assert!(told.contains("E-CARD-TERMINAL-REFUSED"));
}

/// The store of an earlier release named whose keys were refused. What it holds stays so, and a try that was lost there is
/// the first of two.
#[test]
fn what_an_earlier_release_held_is_held() {
    let identifier = *Desk::new("v3-sm4").read().outcome.unwrap().card().identifier.as_bytes();
    let desk = Desk::new("v3-sm4").with_store();
    let store = desk.store.as_ref().unwrap();
    let (_dir, mut keys) = wrong_keys();
    store.hold_pair(b"soft", &identifier);
    assert_eq!(desk.read_by(&mut keys, None).outcome, Err(CardError::PairHeld));
    store.release_pairs().unwrap();
    store.begin_try(b"soft", &identifier).unwrap();
    let at = desk.read().card.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0x82).unwrap() + 1;
    let mut right = Soft::load(&folder().join("demonstration-keys.toml"), true).unwrap();
    desk.read_by(&mut right, Some((at, Fault::Removed))).outcome.unwrap_err();
    assert_eq!(desk.read_by(&mut right, None).outcome, Err(CardError::PairHeld));
}

#[test]
fn a_key_that_is_held_is_gone_without_where_the_pin_does() {
    let names = |name: &str| [name.parse().unwrap()];
    let pin = || Some(crate::card::Pin::parse("123456").unwrap().into());
    let desk = Desk { counted: true, ..Desk::new("v3-full").with_store() };
    let read = |name: &str, pin| desk.used(|card| card.read(&names(name), pin));
    let identifier = *desk.read().outcome.unwrap().card().identifier.as_bytes();
    desk.store.as_ref().unwrap().hold_pair(b"role/RK1DF04", &identifier);
    // By PIN or key: the PIN is asked for, and does.
    assert_eq!(read("DF04/EF05", None).outcome.unwrap_err(), CardError::PinNeeded);
    let by_pin = read("DF04/EF05", pin());
    assert!(by_pin.outcome.unwrap().pin);
    assert_eq!(by_pin.card.lock().unwrap().count(0x82), 0);
    // By both: nothing does instead, and it is told why.
    let both = read("DF04/EF06", pin());
    assert_eq!(both.outcome.unwrap_err(), CardError::PairHeld);
    assert_eq!(both.card.lock().unwrap().count(0x82), 0);
    // Another key has tries of its own.
    assert!(read("DF03/EF05", None).outcome.is_ok());
}
