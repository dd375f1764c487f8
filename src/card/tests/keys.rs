//! What the keys can do to a reading.

use super::*;
use crate::center::keys::Step1;
use crate::failure::Explain as _;
use crate::keys::{CardKeyId, KeyError, KeyRole, KeyService, KeySource, Soft};

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
    let mut keys = Psam::new(psam, desk.scripts.clone(), None);
    let went = desk.read_by(&mut keys, None);
    assert_eq!(went.steps, [Step::Selected, Step::CardRead], "three TPDUs, each 20 ms late");
    let late = went.outcome.unwrap_err();
    assert_eq!(late, CardError::Key(KeyError::Transport(TransportError::Deadline)));
    assert_eq!(late.entry().code, "E-READER-DEADLINE");
}

/// The centre's key service in the place of a PSAM, by the strings of the HSM flow.
struct ByCentre {
    identifier: [u8; 16],
    /// The randoms of internal authentication: the string has them in both its steps.
    internal: Option<([u8; 8], [u8; 8])>,
}

impl KeyService for ByCentre {
    fn source(&self) -> KeySource {
        KeySource::Hsm
    }

    fn prove(
        &mut self,
        card: &CardKeyId,
        role: KeyRole,
        process: [u8; 8],
        original: [u8; 8],
    ) -> Result<[u8; 8], KeyError> {
        let hex = |bytes: &[u8]| hex::encode_upper(bytes);
        let internal = *self.internal.get_or_insert((process, original));
        let external = match role {
            KeyRole::Internal => "||".to_owned(),
            KeyRole::ReadHolder => format!("{}|{}|", hex(&process), hex(&original)),
        };
        // The first five of the historical bytes are no factor of any key.
        let historical = [&[0; 5][..], &card.serial].concat();
        let step1 = format!(
            "440100|{}|{:02}|{}|{}|{}|{external}|",
            hex(&historical),
            card.algorithm.id(),
            hex(&self.identifier),
            hex(&internal.0),
            hex(&internal.1)
        );
        let answer = Step1::new(step1).answer().expect("keys of the demonstration");
        let part = answer.step2.split('|').nth(usize::from(role == KeyRole::ReadHolder)).expect("a part for each");
        let mut proof = [0; 8];
        hex::decode_to_slice(&part[..16], &mut proof).expect("hex");
        assert_eq!(part[16..], hex(&original), "and the original it is for");
        Ok(proof)
    }

    fn identity(&mut self, _: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        Ok(b"centre".to_vec())
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        Ok(None)
    }

    fn commands(&self) -> u32 {
        0
    }
}

#[test]
fn the_centres_key_service_proves_a_card_and_reads_its_holder() {
    for card in ["v1-3des", "v2-3des", "v3-sm4", "v3-long-name"] {
        let desk = Desk::new(card);
        let psam = desk.read().outcome.unwrap();
        let identifier = psam.card().identifier.reveal().to_string();
        let mut keys = ByCentre { identifier: hex_of(&identifier), internal: None };
        let centre = desk.read_by(&mut keys, None).outcome.unwrap_or_else(|error| panic!("{card}: {error}"));
        assert_eq!(centre.holder(), psam.holder(), "{card}");
        assert!(centre.authenticated().internal && centre.authenticated().external == psam.authenticated().external);
    }
    // Internal authentication compares equal only where the card is genuine.
    let desk = Desk::new("v3-forged");
    let identifier = Desk::new("v3-sm4").read().outcome.unwrap().card().identifier.reveal().to_string();
    let mut keys = ByCentre { identifier: hex_of(&identifier), internal: None };
    assert_eq!(desk.read_by(&mut keys, None).outcome, Err(CardError::NotGenuine));
}

fn hex_of(text: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text, &mut bytes).unwrap();
    bytes
}
