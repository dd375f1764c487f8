//! A card that refuses the terminal's keys: once, and never again until a technician releases the pair.

use super::*;
use crate::keys::Soft;

/// Demonstration keys of which RKSSSE is another, so that the card is genuine and refuses the terminal.
fn wrong_keys() -> (tempfile::TempDir, Soft) {
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

    // Other keys are another pair.
    desk.read().outcome.unwrap();

    assert_eq!(desk.store.as_ref().unwrap().release_pairs().unwrap(), 1);
    let third = desk.read_by(&mut keys, None);
    assert_eq!(third.outcome, Err(CardError::TerminalRefused { left: Some(2) }));
}

#[test]
fn a_locked_key_is_said_and_held() {
    let desk = Desk::new("v3-sm4").with_store();
    let at = desk.read().card.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0x82).unwrap() + 1;
    let locked = desk.read_with(Some((at, Fault::Answer(vec![0x69, 0x83]))), None);
    assert_eq!(locked.outcome, Err(CardError::KeyLocked));
    assert_eq!(desk.read().outcome, Err(CardError::PairHeld));
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
