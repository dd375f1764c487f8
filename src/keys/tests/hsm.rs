//! A security module: the centre's key service in this process, in every dialect, whole and failing at any question.

use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

use super::field::{self, ROOT, Ways};
use super::*;
use crate::center::keys::{answer, answer_by};
use crate::cipher::{self, Formulas, Transaction};
use crate::wire::hsm::{
    Address, AlgorithmForm, DebitForm, Dialect, Kind, NoExternalForm, Question, ResetForm, SealedForm, TerminalForm,
    Text,
};

const PROCESS: [u8; 8] = *b"process.";
const ORIGINAL: [u8; 8] = *b"original";
/// CLA, INS, P1, P2 and Lc of PIN UNBLOCK.
const UNBLOCK: [u8; 5] = [0x84, 0x24, 0x00, 0x00, 0x04];
const BOTH: [Algorithm; 2] = [Algorithm::TripleDes, Algorithm::Sm4];

/// The way to it, watched.
#[derive(Default)]
pub(crate) struct Watched {
    asked: Mutex<Vec<Question>>,
    purchases: AtomicU32,
    /// What becomes of the n-th question, counted from 1.
    fault: Option<(usize, LinkError)>,
    /// What is answered in place of what it said.
    other: Option<&'static str>,
    /// All keys have this root; those of the demonstration otherwise.
    root: Option<[u8; 16]>,
}

impl Watched {
    pub(crate) fn failing(at: usize, error: LinkError) -> Self {
        Self { fault: Some((at, error)), ..Self::default() }
    }

    pub(crate) fn asked(&self) -> Vec<Kind> {
        self.asked.lock().unwrap().iter().map(|question| question.kind).collect()
    }
}

impl HsmLink for Watched {
    fn ask(&self, question: &Question, within: Duration) -> Result<Text, LinkError> {
        assert_eq!(within, Duration::from_secs(5));
        // As it travels.
        let question: Question = serde_json::from_str(&serde_json::to_string(question).unwrap()).unwrap();
        let count = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(question.clone());
            asked.len()
        };
        if let Some((_, error)) = self.fault.as_ref().filter(|(at, _)| *at == count) {
            return Err(error.clone());
        }
        if let Some(other) = self.other {
            return Ok(Text::from(other.to_owned()));
        }
        let roots = self.root.map(|root| {
            let keys = |role: &str| format!("{role} = \"{}\"\n", hex::encode(root));
            let keys = ["irk", "rkssse", "puk", "stk", "dpk", "uk1df04"].map(keys).concat();
            format!("[keys.3DES]\n{keys}[keys.SM4]\n{keys}")
        });
        let told = match &roots {
            Some(roots) => answer_by(roots, &question, &self.purchases),
            None => answer(&question, &self.purchases),
        };
        told.map(|answer| answer.string).map_err(|_| LinkError::Refused("C-NO-KEYS".into()))
    }

    fn identity(&self) -> Vec<u8> {
        b"watched".to_vec()
    }
}

pub(crate) fn settings(dialect: Dialect) -> Arc<HsmSettings> {
    let address = |text: &str| Address::try_from(text.to_owned()).unwrap();
    Arc::new(HsmSettings {
        dialect,
        addresses: [("PUK", "0090"), ("STK", "0173"), ("UK1DF04", "7"), ("DPK", "D1")]
            .map(|(role, place)| (role.to_owned(), address(place)))
            .into(),
        terminal: Some([0x44, 1, 0, 0, 0, 9]),
        within: Duration::from_secs(5),
        randoms: RandomSource::Terminal,
    })
}

fn hsm(link: Watched, dialect: Dialect) -> (Hsm, Arc<Watched>) {
    let link = Arc::new(link);
    (Hsm::new(link.clone(), settings(dialect)), link)
}

/// Each point where dialects differ, alone, and all at once.
fn dialects() -> Vec<Dialect> {
    let debit = Some(DebitForm {
        step1: "{key}|{random}|{sequence}|{account}|{self-pay}|{pool}|{type}|{terminal}|{time}|{key-version}|"
            .parse()
            .unwrap(),
        step2: "{terminal-sequence}|{mac1}|".parse().unwrap(),
    });
    let all = Dialect {
        algorithm: AlgorithmForm::Name,
        reset: ResetForm::Whole,
        terminal: TerminalForm::Absent,
        no_external: NoExternalForm::Empty,
        open_end: true,
        no_pin: NoExternalForm::Empty,
        sealed: SealedForm::Command,
        debit: debit.clone(),
    };
    let plain = Dialect { debit, ..Dialect::default() };
    vec![
        plain.clone(),
        Dialect { algorithm: all.algorithm, ..plain.clone() },
        Dialect { reset: all.reset, ..plain.clone() },
        Dialect { terminal: TerminalForm::Empty, ..plain.clone() },
        Dialect { terminal: all.terminal, ..plain.clone() },
        Dialect { no_external: all.no_external, ..plain.clone() },
        Dialect { open_end: true, ..plain.clone() },
        Dialect { no_pin: all.no_pin, ..plain.clone() },
        Dialect { sealed: all.sealed, ..plain },
        all,
    ]
}

#[test]
fn its_proofs_are_those_of_the_root_keys_in_every_dialect() {
    for dialect in dialects() {
        for algorithm in BOTH {
            let (mut keys, link) = hsm(Watched::default(), dialect.clone());
            assert_eq!(proofs(&mut keys, algorithm), proofs(&mut soft(), algorithm), "{dialect:?}");
            assert_eq!(link.asked(), [Kind::Bas, Kind::Bas], "one after the other");
        }
    }
    let (mut keys, _) = hsm(Watched::default(), Dialect::default());
    assert_eq!(keys.identity(&card(Algorithm::Sm4)), Ok(b"watched".to_vec()));
    assert_eq!((keys.source(), keys.terminal_number()), (KeySource::Hsm, Ok(Some([0x44, 1, 0, 0, 0, 9]))));
}

/// Where both are known before, both come by one journey; and no proof is given for other randoms than it is of.
#[test]
fn announced_proofs_come_together() {
    let card = card(Algorithm::Sm4);
    let pair = |process, original| Randoms { process, original };
    let (internal, external) = (pair([1; 8], [2; 8]), pair([3; 8], [4; 8]));
    let (mut keys, link) = hsm(Watched::default(), Dialect::default());
    keys.announce(&card, &internal, &external);
    let mut ask = |role: &KeyRole, of: &Randoms| keys.prove(card.process_key(role, of.process), of.original);
    let mut soft = soft();
    let mut known = |role: &KeyRole, of: &Randoms| soft.prove(card.process_key(role, of.process), of.original);
    assert_eq!(ask(&KeyRole::IRK, &internal), known(&KeyRole::IRK, &internal));
    assert_eq!(ask(&KeyRole::RKSSSE, &external), known(&KeyRole::RKSSSE, &external));
    assert_eq!(link.asked().len(), 1);
    let others = pair([5; 8], [6; 8]);
    assert_eq!(ask(&KeyRole::RKSSSE, &others), known(&KeyRole::RKSSSE, &others));
    assert_eq!(ask(&KeyRole::IRK, &others), known(&KeyRole::IRK, &others));
    assert_eq!(link.asked().len(), 3);
}

#[test]
fn keys_with_an_address_are_proved_and_others_are_unplaced() {
    for dialect in dialects() {
        for algorithm in BOTH {
            let card = card(algorithm);
            let (mut keys, link) = hsm(Watched { root: Some(ROOT), ..Watched::default() }, dialect.clone());
            let (mut psam, _) = field::psam(Ways { levels: 3, ..Ways::default() }, Library::builtin());
            for role in [KeyRole::PUK, KeyRole::named("UK1DF04")] {
                let proof = keys.prove(card.process_key(&role, PROCESS), ORIGINAL);
                assert_eq!(proof, psam.prove(card.process_key(&role, PROCESS), ORIGINAL), "{dialect:?}");
            }
            assert_eq!(link.asked(), [Kind::Proof, Kind::Proof]);
            let unplaced = KeyError::Unplaced { role: KeyRole::UKSSSE, by: KeySource::Hsm };
            assert_eq!(keys.prove(card.process_key(&KeyRole::UKSSSE, PROCESS), ORIGINAL), Err(unplaced.clone()));
            assert_eq!((unplaced.entry().code, unplaced.national()), ("E-KEYS-UNPLACED", None));
        }
    }
}

/// A new PIN is enciphered and secured by one question, and is what a PSAM makes of it.
#[test]
fn a_pin_is_reloaded_and_unblocked_as_by_a_psam() {
    for dialect in dialects() {
        for algorithm in BOTH {
            let card = card(algorithm);
            let (mut keys, link) = hsm(Watched { root: Some(ROOT), ..Watched::default() }, dialect.clone());
            let (mut psam, _) = field::psam(Ways { levels: 3, ..Ways::default() }, Library::builtin());
            for pin in [&[0x12, 0x34][..], &[0x24, 0x68, 0x0F], &[0x13, 0x57, 0x91]] {
                let block = cipher::pin_block(pin, algorithm.block()).unwrap();
                let cipher = keys.encipher(card.process_key(&KeyRole::STK, PROCESS), &block).unwrap();
                assert_eq!(psam.encipher(card.process_key(&KeyRole::STK, PROCESS), &block).as_ref(), Ok(&cipher));
                let header = [0x84, 0x24, 0x00, 0x01, algorithm.block() as u8 + 4];
                let command = [&header[..], &cipher].concat();
                let mac = keys.mac(card.process_key(&KeyRole::STK, PROCESS), &command);
                assert_eq!(mac, psam.mac(card.process_key(&KeyRole::STK, PROCESS), &command), "{dialect:?}");
                // It is of that command, once.
                let again = keys.mac(card.process_key(&KeyRole::STK, PROCESS), &command);
                assert!(matches!(again, Err(KeyError::NotOffered { .. })), "{again:?}");
            }
            let mac = keys.mac(card.process_key(&KeyRole::STK, PROCESS), &UNBLOCK);
            assert_eq!(mac, psam.mac(card.process_key(&KeyRole::STK, PROCESS), &UNBLOCK));
            assert_eq!(link.asked(), [Kind::Secured; 4]);
        }
    }
}

#[test]
fn what_the_strings_have_no_place_for_is_not_offered() {
    let (mut keys, link) = hsm(Watched::default(), Dialect::default());
    let card = card(Algorithm::TripleDes);
    let formulas = Formulas::builtin().unwrap();
    let about = Transaction::default();
    let load = Load { formula: &formulas.load, about: &about, random: [0; 4], mac1: [0; 4] };
    let update = [0x04, 0xDC, 0x01, 0x30, 0x08, 1, 2, 3, 4];
    let not_offered = |error: KeyError| matches!(error, KeyError::NotOffered { by: KeySource::Hsm, .. });
    assert!(not_offered(keys.mac(card.process_key(&KeyRole::STK, PROCESS), &update).unwrap_err()));
    assert!(not_offered(keys.load(&card, &load).unwrap_err()));
    for no_pin in [
        &[3, 0x12, 0x34, 0x56, 0x80, 0, 0, 1][..],
        &[3, 0x12, 0x34, 0x5A, 0x80, 0, 0, 0],
        &[3, 0x12, 0xF4, 0x56, 0x80, 0, 0, 0],
        &[1, 0x12, 0x80, 0, 0, 0, 0, 0],
        &[8, 1, 2, 3, 4, 5, 6, 7],
        &[3, 0x12, 0x34, 0x56, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[],
    ] {
        assert!(
            not_offered(keys.encipher(card.process_key(&KeyRole::STK, PROCESS), no_pin).unwrap_err()),
            "{no_pin:?}"
        );
    }
    let purchase = Purchase { formula: &formulas.purchase, about: &about, random: [0; 4], key_version: 1 };
    assert_eq!(keys.purchase(&card, &purchase), Err(KeyError::NoDebitForm));
    assert!(link.asked().is_empty(), "nobody is asked what nobody can answer");
}

#[test]
fn a_purchase_goes_by_the_deployments_strings() {
    let formula = Formulas::builtin().unwrap().purchase;
    let about = Transaction {
        sequence: 7,
        account: 100,
        self_pay: 20,
        pool: 3,
        terminal: [0x44, 1, 0, 0, 0, 9],
        time: [0x20, 0x15, 0x08, 0x03, 0x09, 0x30, 0],
        ..Transaction::default()
    };
    let purchase = Purchase { formula: &formula, about: &about, random: [1, 2, 3, 4], key_version: 1 };
    for dialect in dialects() {
        for algorithm in BOTH {
            let card = card(algorithm);
            let (mut keys, _) = hsm(Watched { root: Some(ROOT), ..Watched::default() }, dialect.clone());
            for sequence in 1..=2 {
                let begun = keys.purchase(&card, &purchase).unwrap();
                assert_eq!(begun.terminal_sequence, sequence);
                let process = cipher::purchase_factor([1, 2, 3, 4], 7, sequence);
                assert_eq!(begun.mac1, formula.mac1(&field::session(&card, 3, process), &about), "{dialect:?}");
                assert_eq!(keys.confirm_purchase([0; 4]), Ok(Checked::Unchecked), "it has no step for that");
            }
        }
    }
}

/// Away, refusing or answering nonsense at any question, for n = 1, 2, … until the fault no longer fires.
#[test]
fn each_way_to_fail_is_told_apart_at_every_question() {
    let card = card(Algorithm::Sm4);
    let block = cipher::pin_block(&[0x12, 0x34, 0x56], 16).unwrap();
    let work = |keys: &mut Hsm| -> Result<(), KeyError> {
        keys.prove(card.process_key(&KeyRole::IRK, PROCESS), ORIGINAL)?;
        keys.prove(card.process_key(&KeyRole::RKSSSE, PROCESS), ORIGINAL)?;
        keys.prove(card.process_key(&KeyRole::PUK, PROCESS), ORIGINAL)?;
        keys.encipher(card.process_key(&KeyRole::STK, PROCESS), &block)?;
        keys.mac(card.process_key(&KeyRole::STK, PROCESS), &UNBLOCK).map(drop)
    };
    for (error, code) in [
        (LinkError::Away("no route".into()), "E-KEYS-HSM-AWAY"),
        (LinkError::Refused("C-NO-KEYS".into()), "E-KEYS-HSM-REFUSED"),
        (LinkError::Malformed("a form".into()), "E-KEYS-HSM-ANSWER"),
    ] {
        let mut at = 1;
        loop {
            let link = Watched { root: Some(ROOT), ..Watched::failing(at, error.clone()) };
            let (mut keys, link) = hsm(link, Dialect::default());
            let outcome = work(&mut keys);
            if link.asked().len() < at {
                assert_eq!(outcome, Ok(()));
                break;
            }
            assert_eq!(outcome.as_ref().map_err(|error| error.entry().code), Err(code), "{at}");
            assert_eq!(outcome, Err(KeyError::Link(error.clone())));
            at += 1;
        }
        assert_eq!(at, 6);
    }
    // A refusal whose code is none names nobody.
    let named = LinkError::Refused("张三 440103198806120021".into());
    assert!(!format!("{named} {:?}", KeyError::Link(named.clone()).detail()).contains("4401"));
}

/// Whatever it answers in place of what was asked for is no proof.
#[test]
fn an_answer_to_another_question_is_none() {
    let one = "A1A2A3A4A5A6A7A86F726967696E616C";
    for other in ["", "|", one, "A1A2A3A4A5A6A7A80102030405060708|", "A1|A2|", "nonsense", "社保"] {
        let (mut keys, _) = hsm(Watched { other: Some(other), ..Watched::default() }, Dialect::default());
        for algorithm in BOTH {
            for role in [&KeyRole::IRK, &KeyRole::RKSSSE] {
                let outcome = keys.prove(card(algorithm).process_key(role, PROCESS), ORIGINAL);
                assert!(matches!(outcome, Err(KeyError::Link(LinkError::Malformed(_)))), "{other}: {outcome:?}");
            }
            let puk = keys.prove(card(algorithm).process_key(&KeyRole::PUK, PROCESS), ORIGINAL);
            assert_eq!(puk.is_ok(), other == one, "{other}");
        }
    }
    // The terminal's proof where none was asked for, and none where one was.
    for (other, role) in [("{}|{}|", KeyRole::IRK), ("{}|", KeyRole::RKSSSE)] {
        let (mut keys, _) =
            hsm(Watched { other: Some(other.replace("{}", one).leak()), ..Watched::default() }, Dialect::default());
        let outcome = keys.prove(card(Algorithm::Sm4).process_key(&role, PROCESS), ORIGINAL);
        assert!(matches!(outcome, Err(KeyError::Link(LinkError::Malformed(_)))), "{outcome:?}");
    }
}
