//! Whatever a card or a PSAM answers, nothing panics, and no part of a card is given for a whole one.

use proptest::prelude::*;

use super::*;
use crate::apdu::{StatusWord, tlv};
use crate::card::parse::{Records, card_file, holder};

/// A chip that answers one list of bytes after the other, then falls silent.
struct Babble(std::vec::IntoIter<Vec<u8>>, Atr);

impl Transport for Babble {
    fn exchange(&mut self, _tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        self.0.next().map(Zeroizing::new).ok_or(TransportError::Mute)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn atr(&self) -> &Atr {
        &self.1
    }

    fn protocol(&self) -> Protocol {
        Protocol::T0
    }
}

fn atr() -> Atr {
    Atr::parse(&hex::decode("3B6D000086035342440003440130000003").unwrap()).unwrap()
}

fn babble(answers: Vec<Vec<u8>>, atr: Atr) -> Lease {
    let babble = Babble(answers.into_iter(), atr);
    Lease::new("reader", Box::new(babble), Instant::now() + Duration::from_secs(60))
}

/// Bytes that more often than not end as an answer does.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![
        Just(vec![0x90, 0x00]),
        Just(vec![0x90, 0x00]),
        Just(vec![0x6C, 0x10]),
        Just(vec![0x6A, 0x86]),
        proptest::collection::vec(any::<u8>(), 0..3),
    ];
    (proptest::collection::vec(any::<u8>(), 0..90), status).prop_map(|(data, status)| [data, status].concat())
}

/// A card of another kind, whose answer to reset is another's as well.
#[test]
fn a_card_of_another_kind_is_told_whatever_its_answer_to_reset() {
    for (atr, expected) in [
        ("3B00", CardError::WrongType(StatusWord::FILE_NOT_FOUND)),
        ("3B6800000102030405060708", CardError::WrongType(StatusWord::FILE_NOT_FOUND)),
    ] {
        let desk = Desk::new("v3-sm4");
        let atr = Atr::parse(&hex::decode(atr).unwrap()).unwrap();
        assert_eq!(read_from(&desk, vec![vec![0x6A, 0x82]], atr.clone()), Err(expected));
        // One of ours without the bytes that diversify its keys cannot be proven.
        let historical = atr.historical().len();
        let fci = hex::decode("6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C038601039000").unwrap();
        assert_eq!(read_from(&desk, vec![fci], atr), Err(CardError::Historical(historical)));
    }
}

/// A reading of a card that gives these answers one after the other.
fn read_from(desk: &Desk, answers: Vec<Vec<u8>>, atr: Atr) -> Result<Reading, CardError> {
    let (psam, _) = lease(&desk.psam, Interface::Contact, None);
    let mut keys = Psam::new(psam, desk.scripts.clone(), profile(), None);
    let parts = Parts {
        lease: &mut babble(answers, atr),
        keys: &mut keys,
        scripts: &desk.scripts,
        profile: &desk.profile,
        store: None,
        pairs: Pairs::Needless,
        clock: &SystemClock,
        random: &SystemRandom::default(),
        default_algorithm: Some(Algorithm::TripleDes),
        initial_pins: &InitialPins::default(),
        validation: Validation::WITHOUT_LIST,
    };
    read(parts, &mut |_| ())
}

proptest! {
    #[test]
    fn a_card_that_answers_anything_is_an_error(answers in proptest::collection::vec(answer(), 0..24)) {
        let desk = Desk::new("v3-sm4");
        // To be read it would have to prove itself.
        prop_assert!(read_from(&desk, answers, atr()).is_err());
    }

    #[test]
    fn a_card_that_answers_anything_once_is_read_whole_or_not(n in 1usize..14, bytes in answer()) {
        let desk = Desk::new("v3-sm4");
        let whole = desk.read().outcome.unwrap();
        let authentic = desk.read_with(Some((n, Fault::Answer(bytes))), None);
        // The holder's file is not protected against change on the wire; what was read before it is.
        if let Ok(reading) = authentic.outcome {
            prop_assert!(n > 6 || reading.holder() == whole.holder());
            prop_assert!(reading.authenticated().external);
        }
    }

    #[test]
    fn a_psam_that_answers_anything_is_an_error(answers in proptest::collection::vec(answer(), 0..24)) {
        let desk = Desk::new("v2-3des");
        let mut keys = Psam::new(babble(answers, atr()), desk.scripts.clone(), profile(), None);
        prop_assert!(desk.read_by(&mut keys, None).outcome.is_err());
    }

    #[test]
    fn any_records_are_values_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(found) = tlv::records(&bytes) {
            let records = Records { file: "EF06", records: &found };
            let _ = (card_file(&records), holder(&records));
        }
    }

    #[test]
    fn any_value_of_any_record_is_read_or_refused(
        tag in prop_oneof![0x01u8..=0x0D, Just(0x4E)],
        value in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let records = [tlv::Record { tag, value: Zeroizing::new(value) }];
        let records = Records { file: "EF06", records: &records };
        let _ = (card_file(&records), holder(&records));
    }
}
