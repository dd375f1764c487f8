//! A PSAM, and a security module where the PSAM cannot: on the listed codes and on no other.

use super::super::fallback::FALL_BACK;
use super::hsm::{Watched, settings};
use super::*;
use crate::apdu::StatusWord;
use crate::cipher::{Formulas, Transaction};
use crate::wire::hsm::Dialect;

/// A PSAM that fails as it is told.
struct Failing(KeyError);

impl KeyService for Failing {
    fn source(&self) -> KeySource {
        KeySource::Psam
    }

    fn prove(&mut self, _: ProcessKey<'_>, _: [u8; 8]) -> Result<[u8; 8], KeyError> {
        Err(self.0.clone())
    }

    fn confirm_purchase(&mut self, _: [u8; 4]) -> Result<Checked, KeyError> {
        Err(self.0.clone())
    }

    fn identity(&mut self, _: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        Ok(b"psam".to_vec())
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        Err(self.0.clone())
    }

    fn commands(&self) -> u32 {
        7
    }
}

fn afar() -> (Box<dyn KeyService>, Arc<Watched>) {
    let link = Arc::new(Watched::default());
    (Box::new(Hsm::new(link.clone(), settings(Dialect::default()))), link)
}

/// Every error there is, whether the security module is asked after it, and the national code.
fn errors() -> Vec<(KeyError, bool, Option<i32>)> {
    let status = |word: u16| KeyError::Status(StatusWord(word));
    vec![
        (KeyError::NoPsam, true, Some(-2201)),
        (KeyError::NoAlgorithm(Algorithm::Sm4), true, Some(-2202)),
        (KeyError::NoKey(KeyRole::RKSSSE), true, Some(-2203)),
        (KeyError::NoKey(KeyRole::PUK), true, Some(-27272)),
        (status(0x6A88), true, Some(-27272)),
        (KeyError::Level, true, Some(-24)),
        (KeyError::SeveralPsams(String::new()), false, None),
        (KeyError::Transport(TransportError::Removed), false, None),
        (KeyError::Transport(TransportError::Reset), false, None),
        (KeyError::Transport(TransportError::ServiceAway), false, None),
        (KeyError::Transport(TransportError::Deadline), false, None),
        (status(0x6A80), false, Some(-27264)),
        (status(0x6A86), false, Some(-27270)),
        (status(0x6985), false, Some(-27013)),
        (status(0x9403), false, Some(-37891)),
        (KeyError::Script(String::new()), false, None),
        (KeyError::SoftRefused, false, None),
        (KeyError::SoftFile(String::new()), false, None),
        (KeyError::Unplaced { role: KeyRole::STK, by: KeySource::Psam }, false, None),
        (KeyError::NotOffered { by: KeySource::Psam, what: "it" }, false, None),
        (KeyError::NoPurchase, false, Some(-37891)),
        (KeyError::Mac, false, Some(-37634)),
        (KeyError::Blocks(1), false, None),
        (KeyError::NoDebitForm, false, None),
        (KeyError::Link(LinkError::Away(String::new())), false, None),
        (KeyError::Random(crate::world::NoRandom), false, None),
    ]
}

#[test]
fn the_security_module_is_asked_on_the_listed_codes_and_on_no_other() {
    let card = card(Algorithm::Sm4);
    for (error, asks, code) in errors() {
        assert_eq!(error.national(), code, "{error}");
        assert_eq!(asks, code.is_some_and(|code| FALL_BACK.contains(&code)), "{error}");
        // Where it cannot be opened.
        let (hsm, link) = afar();
        let opened = Fallback::new(Err(error.clone()), hsm);
        assert_eq!(opened.as_ref().err(), (!asks).then_some(&error));
        if let Ok(mut keys) = opened {
            assert_eq!((keys.source(), keys.far(), keys.commands()), (KeySource::Hsm, true, 0));
            assert_eq!(keys.identity(&card), Ok(b"watched".to_vec()));
            assert_eq!(keys.terminal_number(), Ok(Some([0x44, 1, 0, 0, 0, 9])));
        }
        assert!(link.asked().is_empty());
        // Where it is asked.
        let (hsm, link) = afar();
        let mut keys = Fallback::new(Ok(Box::new(Failing(error.clone()))), hsm).unwrap();
        assert_eq!((keys.identity(&card), keys.far()), (Ok(b"psam".to_vec()), false));
        let proof = keys.prove(card.process_key(&KeyRole::IRK, [1; 8]), [2; 8]);
        if asks {
            assert_eq!(proof, soft().prove(card.process_key(&KeyRole::IRK, [1; 8]), [2; 8]), "{error}");
            // Whose tries the next ones are.
            assert_eq!((keys.identity(&card), keys.source()), (Ok(b"watched".to_vec()), KeySource::Hsm));
        } else {
            assert_eq!(proof, Err(error.clone()));
            assert_eq!((keys.identity(&card), keys.source()), (Ok(b"psam".to_vec()), KeySource::Psam));
        }
        assert_eq!((link.asked().len(), keys.commands()), (usize::from(asks), 7), "{error}");
    }
}

/// Each code has an error that it comes of, so that the list is tested whole.
#[test]
fn every_listed_code_is_tested() {
    let tested: Vec<i32> = errors().iter().filter(|(_, asks, _)| *asks).filter_map(|(_, _, code)| *code).collect();
    assert!(FALL_BACK.iter().all(|code| tested.contains(code)));
}

#[test]
fn real_psams_that_cannot_are_stood_in_for() {
    for (name, algorithm) in [
        ("psam-none", Algorithm::TripleDes),
        ("psam-no-sm4", Algorithm::Sm4),
        ("psam-no-rk", Algorithm::Sm4),
        ("psam-no-rk", Algorithm::TripleDes),
    ] {
        let (hsm, link) = afar();
        let mut keys = Fallback::new(Ok(Box::new(psam(name, None))), hsm).unwrap();
        assert_eq!(proofs(&mut keys, algorithm), proofs(&mut soft(), algorithm), "{name}");
        let asked = if name == "psam-no-rk" { 1 } else { 2 };
        assert_eq!((link.asked().len(), keys.source()), (asked, KeySource::Hsm), "{name}");
    }
    let (hsm, link) = afar();
    let mut keys = Fallback::new(Ok(Box::new(psam("psam", None))), hsm).unwrap();
    assert_eq!(proofs(&mut keys, Algorithm::Sm4), proofs(&mut soft(), Algorithm::Sm4));
    assert!(link.asked().is_empty() && keys.source() == KeySource::Psam);
    assert_eq!(keys.terminal_number(), Ok(Some([0x44, 1, 0, 0, 0, 1])));
}

/// A purchase is ended by whoever began it: the PSAM's word that it has no such key is no reason to ask elsewhere then.
#[test]
fn a_purchase_ends_where_it_began() {
    let formula = Formulas::builtin().unwrap().purchase;
    let about = Transaction::default();
    let purchase = Purchase { formula: &formula, about: &about, random: [0; 4], key_version: 1 };
    let none = KeyError::NoKey(KeyRole::DPK);
    let mut keys = Fallback::new(Ok(Box::new(Failing(none.clone()))), afar().0).unwrap();
    assert_eq!(keys.confirm_purchase([0; 4]), Err(none));
    let mut keys = Fallback::new(Err(KeyError::NoPsam), afar().0).unwrap();
    assert_eq!(keys.purchase(&card(Algorithm::Sm4), &purchase), Err(KeyError::NoDebitForm));
    assert_eq!(keys.confirm_purchase([0; 4]), Ok(Checked::Unchecked));
}
