//! What the keys can do to a reading.

use super::*;
use crate::failure::Explain as _;
use crate::keys::{KeyError, KeySource, Soft};

#[test]
fn a_psam_without_what_a_card_needs_is_told_from_a_card_that_is_not_genuine() {
    let code = |card: &str, psam: &str| Desk::new(card).with_psam(psam).read().outcome.unwrap_err().entry().code;
    assert_eq!(code("v3-sm4", "psam-no-sm4"), "E-KEYS-NO-ALGORITHM");
    assert_eq!(code("v3-sm4", "psam-no-rk"), "E-KEYS-NO-KEY");
    assert_eq!(code("v3-sm4", "psam-none"), "E-KEYS-NO-PSAM");
    assert_eq!(code("v2-3des", "psam-none"), "E-KEYS-NO-PSAM");
    Desk::new("v2-3des").with_psam("psam-no-sm4").read().outcome.unwrap();
    Desk::new("v2-3des").with_psam("psam-no-rk").read().outcome.unwrap();
}

#[test]
fn every_level_of_psam_reads_every_generation() {
    for psam in ["psam-level-1", "psam-level-2", "psam-level-3"] {
        for card in ["v1-3des", "v2-3des", "v3-sm4"] {
            Desk::new(card).with_psam(psam).read().outcome.unwrap_or_else(|error| panic!("{card}, {psam}: {error}"));
        }
    }
}

#[test]
fn demonstration_keys_read_what_a_psam_reads() {
    let mut keys = Soft::load(&folder().join("demonstration-keys.toml"), true).unwrap();
    for card in ["v1-3des", "v2-3des", "v3-sm4", "v3-long-name"] {
        let desk = Desk::new(card);
        let soft = desk.read_by(&mut keys, None).outcome.unwrap();
        let psam = desk.read().outcome.unwrap();
        assert_eq!((soft.card(), soft.holder()), (psam.card(), psam.holder()), "{card}");
        assert_eq!(soft.authenticated().by, KeySource::Soft);
        assert_eq!(soft.apdus().psam, 0);
    }
    assert_eq!(Desk::new("v3-forged").read_by(&mut keys, None).outcome, Err(CardError::NotGenuine));
}

#[test]
fn a_psam_that_is_lost_is_told_from_a_card_that_is() {
    let lost = Desk::new("v3-sm4").read_with(None, Some((1, Fault::Removed))).outcome.unwrap_err();
    assert_eq!(lost, CardError::Key(KeyError::Transport(TransportError::Removed)));
    assert_eq!(lost.entry().code, "E-KEYS-PSAM-LOST");
}

/// Whatever a card answers that is not its proof, a clerk is told not to accept it.
#[test]
fn an_answer_that_is_no_proof_is_not_a_genuine_cards() {
    let desk = Desk::new("v2-3des");
    // SELECT, GET RESPONSE, READ RECORD; then INTERNAL AUTHENTICATE, and GET RESPONSE for its proof.
    let statuses = [0x6982_u16, 0x6983, 0x6985, 0x6988, 0x6A81, 0x6A82, 0x6A86, 0x6A88, 0x6D00, 0x6E00];
    let words = statuses.map(|status| (4, status.to_be_bytes().to_vec()));
    let lengths = [0, 1, 7, 9, 16].map(|length| (5, [vec![0xA5; length], vec![0x90, 0x00]].concat()));
    for (at, answer) in words.into_iter().chain(lengths) {
        let went = desk.read_with(Some((at, Fault::Answer(answer.clone()))), None);
        assert_eq!(went.outcome, Err(CardError::NotGenuine), "{} bytes at {at}", answer.len());
        assert_eq!(went.steps, [Step::Selected, Step::CardRead]);
    }
}

/// The card takes the time, and it is the PSAM's lease that is over when it is asked next.
#[test]
fn a_slow_card_is_not_told_as_a_lost_psam() {
    let desk = records::desk("v3-sm4", "[faults]\nlate_ms = 20\n");
    let chip = InProcess::new(desk.psam.chip(Arc::new(SystemRandom::default()))).unwrap();
    let psam = Lease::new("psam", Box::new(chip), Instant::now() + Duration::from_millis(40));
    let mut keys = Psam::new(psam, desk.scripts.clone(), profile(), None);
    let went = desk.read_by(&mut keys, None);
    assert_eq!(went.steps, [Step::Selected, Step::CardRead], "three TPDUs, each 20 ms late");
    let late = went.outcome.unwrap_err();
    assert_eq!(late, CardError::Key(KeyError::Transport(TransportError::Deadline)));
    assert_eq!(late.entry().code, "E-READER-DEADLINE");
}
