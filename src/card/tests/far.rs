//! A card read by the keys of a security module, and by those of one that stands in for a PSAM.

use super::*;
use crate::keys::tests::hsm::{Watched, settings};
use crate::keys::{Fallback, Hsm, HsmSettings, KeyError, KeySource, LinkError, RandomSource};
use crate::wire::hsm::{Dialect, Kind};

const INTERNAL: u8 = 0x88;
const EXTERNAL: u8 = 0x82;
const CHALLENGE: u8 = 0x84;

fn far(link: Watched) -> (Hsm, Arc<Watched>) {
    let link = Arc::new(link);
    (Hsm::new(link.clone(), settings(Dialect::default())), link)
}

fn near(desk: &Desk) -> Box<dyn KeyService> {
    let (lease, _) = lease(&desk.psam, Interface::Contact, None);
    Box::new(Psam::new(lease, desk.scripts.clone(), profile(), None))
}

#[test]
fn a_security_module_reads_what_a_psam_reads_by_one_question() {
    for card in ["v1-3des", "v2-3des", "v3-sm4", "v3-long-name"] {
        let desk = Desk::new(card);
        let psam = desk.read().outcome.unwrap();
        let (mut keys, link) = far(Watched::default());
        let went = desk.read_by(&mut keys, None);
        let reading = went.outcome.unwrap_or_else(|error| panic!("{card}: {error}"));
        assert_eq!((reading.card(), reading.holder()), (psam.card(), psam.holder()), "{card}");
        assert_eq!(link.asked(), [Kind::Bas], "{card}");
        assert_eq!((reading.authenticated().by, reading.apdus().psam), (KeySource::Hsm, 0));
        assert_eq!(reading.authenticated().external, psam.authenticated().external);
        assert_eq!(reading.apdus().card, psam.apdus().card, "no command more");
    }
}

/// Nothing comes between the card's challenge and the proof that is made of it.
#[test]
fn the_challenge_is_asked_for_once_the_card_has_answered() {
    let (mut keys, _) = far(Watched::default());
    let went = Desk::new("v3-sm4").read_by(&mut keys, None);
    let order: Vec<u8> = went.card.lock().unwrap().sent.iter().map(|tpdu| tpdu[1]).collect();
    let at = |ins: u8| order.iter().position(|sent| *sent == ins).unwrap();
    let challenge = at(CHALLENGE);
    assert!(at(INTERNAL) < challenge);
    let between = &order[challenge + 1..at(EXTERNAL)];
    assert!(between.iter().all(|ins| *ins == 0xC0), "its answer is fetched, and no more: {between:?}");
}

#[test]
fn a_card_that_is_not_genuine_is_shown_no_proof() {
    let (mut keys, link) = far(Watched::default());
    let went = Desk::new("v3-forged").read_by(&mut keys, None);
    assert_eq!(went.outcome, Err(CardError::NotGenuine));
    assert_eq!((went.card.lock().unwrap().count(EXTERNAL), link.asked().len()), (0, 1));
}

#[test]
fn the_randoms_are_the_cards_where_the_deployment_says_so() {
    for (card, challenges) in [("v3-sm4", 3), ("v2-3des", 0)] {
        let desk = Desk::new(card);
        let psam = desk.read().outcome.unwrap();
        let settings = HsmSettings { randoms: RandomSource::Card, ..(*settings(Dialect::default())).clone() };
        let mut keys = Hsm::new(Arc::new(Watched::default()), Arc::new(settings));
        let went = desk.read_by(&mut keys, None);
        assert_eq!(went.outcome.unwrap().holder(), psam.holder());
        // A script that cannot ask for them leaves them to the terminal.
        assert_eq!(went.card.lock().unwrap().count(CHALLENGE), challenges, "{card}");
    }
}

/// For n = 1, 2, … until the fault no longer fires: always a typed error, never a part of a card, never a try.
#[test]
fn a_security_module_that_fails_at_any_question_is_a_typed_error() {
    for (error, code) in [
        (LinkError::Away("no route".into()), "E-KEYS-HSM-AWAY"),
        (LinkError::Refused("C-NO-KEYS".into()), "E-KEYS-HSM-REFUSED"),
        (LinkError::Malformed("a form".into()), "E-KEYS-HSM-ANSWER"),
    ] {
        for card in ["v1-3des", "v2-3des", "v3-sm4"] {
            let mut at = 1;
            loop {
                let (mut keys, link) = far(Watched::failing(at, error.clone()));
                let went = Desk::new(card).read_by(&mut keys, None);
                if link.asked().len() < at {
                    went.outcome.unwrap();
                    break;
                }
                let told = went.outcome.unwrap_err();
                assert_eq!(crate::failure::Explain::entry(&told).code, code, "{card} at {at}");
                assert_eq!(told, CardError::Key(KeyError::Link(error.clone())));
                assert_eq!(went.card.lock().unwrap().count(EXTERNAL), 0);
                at += 1;
            }
            assert_eq!(at, 2, "{card}");
        }
    }
}

/// The card fails at any TPDU while its keys are far: a typed error of the card's, or all of it.
#[test]
fn a_card_pulled_at_any_tpdu_is_a_typed_error_here_too() {
    for card in ["v2-3des", "v3-sm4"] {
        let mut at = 1;
        loop {
            let (mut keys, _) = far(Watched::default());
            let went = Desk::new(card).read_by(&mut keys, Some((at, Fault::Removed)));
            if went.card.lock().unwrap().sent.len() < at {
                went.outcome.unwrap();
                break;
            }
            assert_eq!(went.outcome, Err(CardError::Transport(TransportError::Removed)), "{card} at {at}");
            at += 1;
        }
        assert!(at > 5, "{card}: {at}");
    }
}

#[test]
fn a_psam_that_cannot_is_stood_in_for() {
    for (psam, card, asked) in [
        ("psam-none", "v3-sm4", 2),
        ("psam-none", "v2-3des", 1),
        ("psam-no-sm4", "v3-sm4", 2),
        ("psam-no-rk", "v3-sm4", 1),
        ("psam-no-rk", "v2-3des", 0),
        ("psam", "v3-sm4", 0),
    ] {
        let desk = Desk::new(card).with_psam(psam);
        let (hsm, link) = far(Watched::default());
        let mut keys = Fallback::new(Ok(near(&desk)), Box::new(hsm)).unwrap();
        let reading = desk.read_by(&mut keys, None).outcome.unwrap_or_else(|error| panic!("{psam}, {card}: {error}"));
        assert_eq!(reading.holder(), Desk::new(card).read().outcome.unwrap().holder());
        assert_eq!(link.asked().len(), asked, "{psam}, {card}");
        let by = if asked == 0 { KeySource::Psam } else { KeySource::Hsm };
        assert_eq!(reading.authenticated().by, by, "{psam}, {card}");
    }
    // None at all is known before, and both proofs come together.
    let desk = Desk::new("v3-sm4");
    let (hsm, link) = far(Watched::default());
    let mut keys = Fallback::new(Err(KeyError::NoPsam), Box::new(hsm)).unwrap();
    desk.read_by(&mut keys, None).outcome.unwrap();
    assert_eq!(link.asked(), [Kind::Bas]);
}

/// One try, never another: a PSAM that the card refused is no reason to show it other keys.
#[test]
fn a_refused_psam_is_never_stood_in_for() {
    let (_dir, wrong) = refused::wrong_keys();
    let desk = Desk::new("v3-sm4").with_store();
    let (hsm, link) = far(Watched::default());
    let mut keys = Fallback::new(Ok(Box::new(wrong)), Box::new(hsm)).unwrap();
    let first = desk.read_by(&mut keys, None);
    assert!(matches!(first.outcome, Err(CardError::TerminalRefused { .. })), "{:?}", first.outcome);
    for _ in 0..3 {
        let again = desk.read_by(&mut keys, None);
        assert_eq!(again.outcome, Err(CardError::PairHeld));
        assert_eq!(again.card.lock().unwrap().count(EXTERNAL), 0);
    }
    assert!(link.asked().is_empty());
}

/// The tries are those of whoever's keys they are: of a security module that a card refused none is made, though it is
/// the PSAM that was asked first.
#[test]
fn keys_that_a_card_refused_are_not_tried_by_way_of_others() {
    let desk = Desk::new("v3-sm4").with_psam("psam-no-rk").with_store();
    let reading = Desk::new("v3-sm4").read().outcome.unwrap();
    desk.store.as_ref().unwrap().hold_pair(b"watched", reading.card().identifier.as_bytes());
    let (hsm, link) = far(Watched::default());
    let mut keys = Fallback::new(Ok(near(&desk)), Box::new(hsm)).unwrap();
    let went = desk.read_by(&mut keys, None);
    assert_eq!(went.outcome, Err(CardError::PairHeld));
    assert_eq!((went.card.lock().unwrap().count(EXTERNAL), link.asked().len()), (0, 1));
}

/// What may come back is not given up for the network: a PSAM that is pulled at any command, for n = 1, 2, ….
#[test]
fn a_psam_pulled_in_the_middle_is_not_stood_in_for() {
    let desk = Desk::new("v3-sm4");
    let mut at = 1;
    loop {
        let (lease, wire) = lease(&desk.psam, Interface::Contact, Some((at, Fault::Removed)));
        let psam = Psam::new(lease, desk.scripts.clone(), profile(), None);
        let (hsm, link) = far(Watched::default());
        let mut keys = Fallback::new(Ok(Box::new(psam)), Box::new(hsm)).unwrap();
        let went = desk.read_by(&mut keys, None);
        assert!(link.asked().is_empty(), "{at}");
        if wire.lock().unwrap().sent.len() < at {
            went.outcome.unwrap();
            break;
        }
        assert_eq!(went.outcome, Err(CardError::Key(KeyError::Transport(TransportError::Removed))), "{at}");
        at += 1;
    }
    assert!(at > 6, "{at}");
}
