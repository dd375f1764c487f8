//! MACs, encipherment and purchases: through a PSAM in every way that PSAMs differ, and by demonstration keys.

use proptest::prelude::*;

use super::field::{self, Ways};
use super::*;
use crate::cipher::{self, Formulas, Transaction, load_factor, purchase_factor};

const PROCESS: [u8; 8] = *b"process.";
const BOTH: [Algorithm; 2] = [Algorithm::TripleDes, Algorithm::Sm4];

/// The built-in scripts, with room for as many blocks in a command as a deployment's may have.
fn scripts(from: &str, to: &str) -> Library {
    let text = include_str!("../../../apdu-scripts/psam.apdu");
    assert!(text.contains(from), "{from}");
    Library::over_builtin(&[("psam.apdu".to_owned(), text.replace(from, to))]).unwrap()
}

fn about() -> Transaction {
    Transaction {
        balance: 100_000,
        sequence: 0x0102,
        account: 1234,
        self_pay: 56,
        pool: 7890,
        terminal: [0x44, 1, 0, 0, 0, 1],
        time: [0x20, 0x15, 0x08, 0x03, 0x09, 0x30, 0],
        ..Transaction::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_mac_is_the_formulas_whatever_the_psams_way(
        message in proptest::collection::vec(any::<u8>(), 0..200),
        levels in 1u8..=3, serves_once: bool, whole_block: bool,
    ) {
        for algorithm in BOTH {
            let card = card(algorithm);
            let expected = cipher::mac(&field::session(&card, levels, PROCESS), [0; 8], &message);
            let ways = Ways { levels, serves_once, whole_block, ..Ways::default() };
            let (mut keys, sent) = field::psam(ways, Library::builtin());
            prop_assert_eq!(keys.mac(card.process_key(&KeyRole::STK, PROCESS), &message), Ok(expected));
            let macs = sent.lock().unwrap().iter().filter(|tpdu| tpdu[1] == 0xFA).count();
            prop_assert_eq!(macs, 1, "all of it in one command");
        }
    }

    /// A PSAM that takes one block at a time is chained by the host, and asked for its process key again where it must be.
    #[test]
    fn a_mac_by_single_blocks_is_the_same(
        message in proptest::collection::vec(any::<u8>(), 0..80), serves_once: bool,
    ) {
        let card = card(Algorithm::TripleDes);
        let expected = cipher::mac(&field::session(&card, 2, PROCESS), [0; 8], &message);
        let blocks = message.len() / 8 + 1;
        let ways = Ways { serves_once, whole_block: true, ..Ways::default() };
        let (mut keys, sent) = field::psam(ways, scripts("data:8..240", "data:8"));
        prop_assert_eq!(keys.mac(card.process_key(&KeyRole::STK, PROCESS), &message), Ok(expected));
        let count = |ins: u8| sent.lock().unwrap().iter().filter(|tpdu| tpdu[1] == ins).count();
        // Once learned that the key is gone after a command, it is delivered before each; one command is refused for it.
        let refused = usize::from(serves_once && blocks > 1);
        prop_assert_eq!(count(0xFA), blocks + refused);
        prop_assert_eq!(count(0xDE), if serves_once { blocks } else { 1 });
    }

    #[test]
    fn encipherment_is_the_ciphers_block_by_block(
        plain in proptest::collection::vec(any::<u8>(), 0..60), serves_once: bool, several: bool,
    ) {
        for algorithm in BOTH {
            let card = card(algorithm);
            let blocks = cipher::lengthened(&plain, algorithm.block()).unwrap();
            let expected = cipher::encipher(&field::session(&card, 2, PROCESS), &plain).unwrap();
            let scripts = if several { many_blocks() } else { Library::builtin() };
            let (mut keys, sent) = field::psam(Ways { serves_once, ..Ways::default() }, scripts);
            prop_assert_eq!(keys.encipher(card.process_key(&KeyRole::STK, PROCESS), &blocks), Ok(expected));
            let ciphers = sent.lock().unwrap().iter().filter(|tpdu| tpdu[1] == 0xFA).count();
            prop_assert!(!several || ciphers == 1);
        }
    }
}

fn many_blocks() -> Library {
    let text = include_str!("../../../apdu-scripts/psam.apdu");
    let text = text.replace("block:8 ->", "block:8..240 ->").replace("block:16 ->", "block:16..240 ->");
    let text = text.replace("[{block}] 08\n< {answer:8}", "[{block}] 00\n< {answer:*}");
    let text = text.replace("[{block}] 10\n< {answer:16}", "[{block}] 00\n< {answer:*}");
    Library::over_builtin(&[("psam.apdu".to_owned(), text)]).unwrap()
}

#[test]
fn a_short_mac_is_never_taken_for_a_vector() {
    let (mut keys, _) = field::psam(Ways::default(), scripts("data:8..240", "data:8"));
    let card = card(Algorithm::TripleDes);
    assert!(matches!(keys.mac(card.process_key(&KeyRole::STK, PROCESS), &[1; 8]), Err(KeyError::Script(_))));
    assert!(keys.mac(card.process_key(&KeyRole::STK, PROCESS), &[1; 7]).is_ok(), "one block needs none");
}

#[test]
fn what_is_no_whole_block_is_not_enciphered() {
    let card = card(Algorithm::Sm4);
    let (mut psam, sent) = field::psam(Ways::default(), Library::builtin());
    for length in [0, 8, 17] {
        for keys in [&mut psam as &mut dyn KeyService, &mut soft()] {
            let outcome = keys.encipher(card.process_key(&KeyRole::IRK, PROCESS), &vec![0; length]);
            assert_eq!(outcome, Err(KeyError::Blocks(length)));
        }
    }
    assert!(sent.lock().unwrap().is_empty());
}

#[test]
fn a_purchase_is_proved_by_the_psam_and_ends_with_the_cards_mac() {
    let formula = Formulas::builtin().unwrap().purchase;
    for algorithm in BOTH {
        for levels in 1..=3 {
            let (card, about) = (card(algorithm), about());
            let purchase = Purchase { formula: &formula, about: &about, random: [9, 8, 7, 6], key_version: 1 };
            let (mut keys, sent) = field::psam(Ways { levels, ..Ways::default() }, Library::builtin());
            let begun = keys.purchase(&card, &purchase).unwrap();
            let session = field::session(&card, levels, purchase_factor([9, 8, 7, 6], 0x0102, begun.terminal_sequence));
            assert_eq!(begun.mac1, formula.mac1(&session, &about), "{algorithm}, {levels}");
            assert_eq!(begun.terminal_sequence, 0x0001_0204);
            assert_eq!(keys.confirm_purchase(formula.mac2(&session, &about)), Ok(Checked::Proven));
            assert_eq!(keys.confirm_purchase([0; 4]), Err(KeyError::Mac));
            let tries = sent.lock().unwrap().iter().filter(|tpdu| tpdu[1] == 0x70).count();
            assert_eq!(tries, usize::from(levels), "the profile names no levels for it");
        }
    }
    let about = about();
    let purchase = Purchase { formula: &formula, about: &about, random: [0; 4], key_version: 1 };
    let (mut none, _) = field::psam(Ways { purchases: false, ..Ways::default() }, Library::builtin());
    assert_eq!(none.purchase(&card(Algorithm::Sm4), &purchase), Err(KeyError::NoPurchase));
    assert_eq!(KeyError::NoPurchase.national(), Some(-37891));
    assert_eq!(KeyError::Mac.national(), Some(-37634));
}

/// Demonstration keys of the same roots give what the PSAM gives.
#[test]
fn demonstration_keys_do_what_a_psam_does() {
    let root = hex::encode(field::ROOT);
    let names = ["stk", "dpk", "dlk"].map(|name| format!("{name} = \"{root}\"\n")).concat();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.toml");
    std::fs::write(&file, format!("[keys.3DES]\n{names}[keys.SM4]\n{names}")).unwrap();
    let formulas = Formulas::builtin().unwrap();
    for algorithm in BOTH {
        let (card, about) = (card(algorithm), about());
        let mut soft = Soft::load(&file, true).unwrap();
        let (mut psam, _) = field::psam(Ways { levels: 3, ..Ways::default() }, Library::builtin());
        let mac =
            |keys: &mut dyn KeyService| keys.mac(card.process_key(&KeyRole::STK, PROCESS), b"a message of some length");
        assert_eq!(mac(&mut soft), mac(&mut psam));
        let blocks = cipher::lengthened(&[0x12, 0x34, 0x56], algorithm.block()).unwrap();
        let encipher = |keys: &mut dyn KeyService| keys.encipher(card.process_key(&KeyRole::STK, PROCESS), &blocks);
        assert_eq!(encipher(&mut soft), encipher(&mut psam));

        let purchase = Purchase { formula: &formulas.purchase, about: &about, random: [1, 2, 3, 4], key_version: 1 };
        for sequence in 1..=2 {
            let begun = soft.purchase(&card, &purchase).unwrap();
            assert_eq!(begun.terminal_sequence, sequence);
            let session = field::session(&card, 3, purchase_factor([1, 2, 3, 4], about.sequence, sequence));
            assert_eq!(begun.mac1, formulas.purchase.mac1(&session, &about));
            let mac2 = formulas.purchase.mac2(&session, &about);
            assert_eq!(soft.confirm_purchase(mac2), Ok(Checked::Proven));
            assert_eq!(soft.confirm_purchase(mac2), Err(KeyError::Mac), "once");
        }

        let session = field::session(&card, 3, load_factor([1, 2, 3, 4], about.sequence));
        let mac1 = formulas.load.mac1(&session, &about);
        let load = Load { formula: &formulas.load, about: &about, random: [1, 2, 3, 4], mac1 };
        assert_eq!(soft.load(&card, &load), Ok(formulas.load.mac2(&session, &about)));
        assert_eq!(soft.load(&card, &Load { mac1: [0; 4], ..load }), Err(KeyError::Mac));
        let unplaced = KeyError::Unplaced { role: KeyRole::DLK, by: KeySource::Psam };
        assert_eq!(psam.load(&card, &load), Err(unplaced), "no public source says where a PSAM has it");
    }
}

/// Pulled at any command it is a typed error, for n = 1, 2, … until the fault no longer fires.
#[test]
fn a_psam_pulled_at_any_command_is_a_typed_error() {
    let formula = Formulas::builtin().unwrap().purchase;
    let about = about();
    let purchase = Purchase { formula: &formula, about: &about, random: [0; 4], key_version: 1 };
    type Work<'a> = Box<dyn Fn(&mut Psam) -> Result<(), KeyError> + 'a>;
    let card = card(Algorithm::Sm4);
    let works: [Work<'_>; 4] = [
        Box::new(|keys| keys.prove(card.process_key(&KeyRole::PUK, PROCESS), PROCESS).map(drop)),
        Box::new(|keys| keys.mac(card.process_key(&KeyRole::STK, PROCESS), &[7; 40]).map(drop)),
        Box::new(|keys| keys.encipher(card.process_key(&KeyRole::STK, PROCESS), &[7; 48]).map(drop)),
        Box::new(|keys| {
            keys.purchase(&card, &purchase)?;
            keys.confirm_purchase([0; 4]).map(drop)
        }),
    ];
    for (which, work) in works.iter().enumerate() {
        let mut at = 1;
        loop {
            let (mut keys, sent) = field::psam(Ways { pulled_at: Some(at), ..Ways::default() }, Library::builtin());
            let outcome = work(&mut keys);
            if sent.lock().unwrap().len() < at {
                let whole = if which == 3 { Err(KeyError::Mac) } else { Ok(()) };
                assert_eq!(outcome, whole);
                break;
            }
            assert_eq!(outcome, Err(KeyError::Transport(TransportError::Removed)), "{which} at {at}");
            at += 1;
        }
        assert!(at > 5, "{which}: {at}");
    }
}
