//! The medical account, alone and with the PSAM's half of a purchase.

use proptest::prelude::*;

use super::*;
use crate::cipher::Suite;
use crate::virtual_card::{Memory, Torn};

const SELECT_DF04: &str = "00A4040006D15600000503";
const PIN: &str = "0020000003123456";
/// 2026-03-02 09:30:00, and the terminal's number in every image of a PSAM.
const TIME: &str = "20260302093000";
const TERMINAL: &str = "440100000001";

fn opened(name: &str) -> Talk {
    ready(Talk::with(name))
}

/// The account's directory selected and the PIN verified.
fn ready(mut talk: Talk) -> Talk {
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status(PIN), "9000");
    talk.fetch(SELECT_DF04);
    talk
}

fn balance(talk: &mut Talk) -> u32 {
    u32::from_be_bytes(talk.read("B026000104").try_into().unwrap())
}

/// The sum under a P2 of GET BALANCE, and its year.
fn sum(talk: &mut Talk, which: u8) -> (u32, String) {
    let bytes = talk.read(&format!("B02600{which:02X}06"));
    (u32::from_be_bytes(bytes[..4].try_into().unwrap()), hex::encode(&bytes[4..]))
}

fn initialize_load(amount: u32) -> String {
    format!("B02800010B01{amount:08X}{TERMINAL}")
}

fn initialize_purchase(account: u32, self_pay: u32, pool: u32) -> String {
    format!("B02801011301{account:08X}{self_pay:08X}{pool:08X}{TERMINAL}")
}

fn suite(card: &str) -> Suite {
    Suite::of(algorithm(card)).unwrap()
}

/// A MAC by a process key, of fields that the test writes out itself.
fn mac(card: &str, role: &str, factor: &[u8], input: &str) -> String {
    let process = suite(card).session(&card_key(card, role), factor.try_into().unwrap());
    hex::encode_upper(cipher::mac(&process, [0; 8], &hex::decode(input).unwrap()))
}

fn tac(card: &str, input: &str) -> String {
    let key = suite(card).tac_key(&card_key(card, "dtk"));
    hex::encode_upper(cipher::mac(&key, [0; 8], &hex::decode(input).unwrap()))
}

/// What INIT SAM FOR PURCHASE is sent for an INITIALIZE's answer.
fn init_sam(card: &str, begun: &[u8], amounts: &str, levels: u8) -> String {
    let factors = hex::encode(factors(card).for_command(levels).concat());
    let (sequence, version, algorithm, random) = (&begun[14..16], begun[16], begun[17], &begun[18..22]);
    let (random, sequence) = (hex::encode(random), hex::encode(sequence));
    let request = format!("{random}{sequence}{amounts}32{TIME}{version:02X}{algorithm:02X}{factors}");
    format!("80700100{:02X}{request}", request.len() / 2)
}

fn psam(algorithm: Algorithm) -> Talk {
    let mut talk = Talk::with("psam");
    talk.fetch(&format!("00A404000F7378{:02X}2E73682EC9E7BBE1B1A3D5CF", 0x30 + algorithm.id()));
    talk.fetch("00A4040006D15600000590");
    talk
}

/// An exchange that a DES chip lets one fetch and an SM4 chip answers at once.
fn either(talk: &mut Talk, algorithm: Algorithm, tpdu: &str) -> Vec<u8> {
    if algorithm == Algorithm::TripleDes { talk.fetch(tpdu) } else { talk.read(tpdu) }
}

/// The first records of the log, newest first.
fn log(talk: &mut Talk, number: u8) -> String {
    hex::encode_upper(talk.read(&format!("00B2{number:02X}441C")))
}

#[test]
fn a_load_is_authenticated_both_ways_and_logged() {
    for (card, before, sequence) in [("v3-money", 150_000, 2u16), ("v2-money", 20_000, 2)] {
        let mut talk = opened(card);
        let begun = talk.fetch(&initialize_load(12_345));
        let (head, random, mac1) = (hex::encode_upper(&begun[..8]), &begun[8..12], hex::encode_upper(&begun[12..]));
        assert_eq!(head, format!("{before:08X}{sequence:04X}01{:02X}", algorithm(card).id()));
        let factor = [random, &sequence.to_be_bytes(), &[0x80, 0x00]].concat();
        assert_eq!(mac1, mac(card, "dlk", &factor, &format!("{before:08X}{:08X}31{TERMINAL}", 12_345)));
        let mac2 = mac(card, "dlk", &factor, &format!("{:08X}31{TERMINAL}{TIME}", 12_345));
        let answer = talk.fetch(&format!("B02A00000B{TIME}{mac2}"));
        let after = before + 12_345;
        let input = format!("{after:08X}{sequence:04X}{:08X}31{TERMINAL}{TIME}", 12_345);
        assert_eq!(hex::encode_upper(answer), tac(card, &input));
        assert_eq!(balance(&mut talk), after);
        let record = format!("{sequence:04X}31{TERMINAL}{TIME}{:08X}{:08X}{:08X}", 12_345, 0, 0);
        assert_eq!(log(&mut talk, 1), record);
        assert_eq!(talk.fetch(&initialize_load(1))[4..6], (sequence + 1).to_be_bytes());
    }
}

#[test]
fn card_and_psam_agree_on_a_purchase() {
    for (card, before, sequence) in [("v3-money", 150_000u32, 3u16), ("v2-money", 20_000, 3)] {
        let algorithm = algorithm(card);
        let (mut talk, mut sam) = (opened(card), psam(algorithm));
        let begun = talk.fetch(&initialize_purchase(10_000, 2_000, 30_000));
        assert_eq!(begun.len(), 0x16);
        let amounts = format!("{:08X}{:08X}{:08X}", 10_000, 2_000, 30_000);
        let given = either(&mut sam, algorithm, &init_sam(card, &begun, &amounts, 2));
        let (terminal_sequence, mac1) = given.split_at(4);
        let (sequence_hex, mac1) = (hex::encode_upper(terminal_sequence), hex::encode_upper(mac1));
        let factor = [&begun[18..22], &sequence.to_be_bytes(), &terminal_sequence[2..]].concat();
        assert_eq!(mac1, mac(card, "dpk", &factor, &format!("{amounts}32{TERMINAL}{TIME}")));
        let answer = hex::encode_upper(talk.fetch(&format!("B02C01000F{sequence_hex}{TIME}{mac1}")));
        assert_eq!(answer[..8], tac(card, &format!("{amounts}32{TERMINAL}{sequence_hex}{TIME}")));
        assert_eq!(answer[8..], mac(card, "dpk", &factor, &amounts));
        assert_eq!(sam.status(&format!("8072000004{}", &answer[8..])), "9000");
        assert_eq!(balance(&mut talk), before - 10_000);
        assert_eq!(log(&mut talk, 1), format!("{sequence:04X}32{TERMINAL}{TIME}{amounts}"));
        let proof = hex::encode_upper(talk.fetch(&format!("B02E003202{sequence:04X}")));
        assert_eq!(proof, format!("{}{}", &answer[8..], &answer[..8]));
    }
}

/// A purchase with everything right, done on the card alone: the answer to DEBIT.
fn buy(talk: &mut Talk, card: &str, time: &str, amounts: [u32; 3]) -> Vec<u8> {
    let [account, self_pay, pool] = amounts;
    let begun = talk.fetch(&initialize_purchase(account, self_pay, pool));
    talk.fetch(&debit(card, &begun, time, amounts))
}

fn debit(card: &str, begun: &[u8], time: &str, amounts: [u32; 3]) -> String {
    let factor = [&begun[18..22], &begun[14..16], &[0x00, 0x07]].concat();
    let [account, self_pay, pool] = amounts;
    let mac1 = mac(card, "dpk", &factor, &format!("{account:08X}{self_pay:08X}{pool:08X}32{TERMINAL}{time}"));
    format!("B02C01000F00000007{time}{mac1}")
}

#[test]
fn the_sums_are_of_the_year_that_begins_on_the_starting_day() {
    let mut talk = opened("v2-money");
    buy(&mut talk, "v2-money", "20260630235959", [0, 100, 200]);
    assert_eq!((sum(&mut talk, 2), sum(&mut talk, 3)), ((100, "2025".into()), (200, "2025".into())));
    buy(&mut talk, "v2-money", "20260701000000", [0, 1, 2]);
    assert_eq!((sum(&mut talk, 2), sum(&mut talk, 3)), ((1, "2026".into()), (2, "2026".into())));
    assert_eq!(talk.status("B0560000020101"), "9000");
    assert_eq!(talk.read("B056010002"), [0x01, 0x01]);
    buy(&mut talk, "v2-money", "20270101000000", [0, 5, 0]);
    assert_eq!(sum(&mut talk, 2), (5, "2027".into()));
    for (day, status) in [("B0560000021301", "6A80"), ("B0560000020A01", "6A80"), ("B05600000101", "6700")] {
        assert_eq!(talk.status(day), status);
    }
}

#[test]
fn a_transaction_asks_for_the_pin_the_key_and_the_money() {
    let mut talk = Talk::with("v3-money");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status(&initialize_load(1)), "6E00", "not in DF04");
    talk.fetch(SELECT_DF04);
    for command in [&initialize_load(1), &initialize_purchase(1, 0, 0), "B026000104", "B0560000020101"] {
        assert_eq!(talk.status(command), "6982", "{command}");
    }
    assert_eq!(talk.status(PIN), "9000");
    assert_eq!(talk.status(&initialize_load(1).replacen("0B01", "0B02", 1)), "9403");
    assert_eq!(talk.status(&initialize_purchase(1, 0, 0).replacen("1301", "1307", 1)), "9403");
    assert_eq!(talk.status(&initialize_purchase(150_001, 0, 0)), "9401");
    assert_eq!(talk.status(&initialize_purchase(150_000, 0, 0)), "6116");
    assert_eq!(talk.status(&initialize_load(u32::MAX)), "6985");
    assert_eq!(talk.status(&initialize_purchase(0, u32::MAX, 0)), "6985");
    for (command, status) in [
        ("B0280002", "6A86"),
        ("B02800010101", "6700"),
        ("B02801011201", "6700"),
        ("B026000404", "6A86"),
        ("B026000100", "6C04"),
        ("B02E0033020001", "6A86"),
        ("B02E00320101", "6700"),
        ("B0990000", "6D00"),
    ] {
        assert_eq!(talk.status(command), status, "{command}");
    }
    let mut plain = Talk::with("v3-full");
    plain.fetch(SELECT_DF04);
    assert_eq!(plain.status("B026000104"), "6E00", "a card without an account");
}

#[test]
fn what_does_not_follow_its_initialize_is_refused() {
    let card = "v3-money";
    let mut talk = opened(card);
    let zero = format!("B02C01000F00000007{TIME}00000000");
    assert_eq!(talk.status(&zero), "6901");
    assert_eq!(talk.status(&format!("B02A00000B{TIME}00000000")), "6901");
    talk.fetch(&initialize_load(5));
    assert_eq!(talk.status(&zero), "6901", "a load was begun");
    let begun = talk.fetch(&initialize_purchase(1, 2, 3));
    assert_eq!(talk.status("0020000000"), "63C3");
    assert_eq!(talk.status(&debit(card, &begun, TIME, [1, 2, 3])), "6901", "another command came between");
    let begun = talk.fetch(&initialize_purchase(1, 2, 3));
    talk.0.reset().unwrap();
    let mut talk = ready(talk);
    assert_eq!(talk.status(&debit(card, &begun, TIME, [1, 2, 3])), "6901", "a reset came between");
}

#[test]
fn a_wrong_mac_changes_nothing_and_ends_the_transaction() {
    let card = "v3-money";
    let mut talk = opened(card);
    let newest = log(&mut talk, 1);
    let begun = talk.fetch(&initialize_purchase(1, 2, 3));
    let right = debit(card, &begun, TIME, [1, 2, 3]);
    for wrong in [debit(card, &begun, TIME, [1, 2, 4]), debit(card, &begun, "20260302093001", [1, 2, 3])] {
        talk.fetch(&initialize_purchase(1, 2, 3));
        assert_eq!(talk.status(&wrong), "9302");
        assert_eq!(talk.status(&right), "6901");
    }
    talk.fetch(&initialize_load(5));
    assert_eq!(talk.status(&format!("B02A00000B{TIME}00000000")), "9302");
    assert_eq!(talk.status("B02E0032020003"), "9406");
    assert_eq!((balance(&mut talk), log(&mut talk, 1)), (150_000, newest));
    let begun = talk.fetch(&initialize_purchase(1, 2, 3));
    assert_eq!(begun[14..16], [0, 3]);
    assert_eq!(talk.status(&debit(card, &begun, TIME, [1, 2, 3])), "6108");
}

#[test]
fn a_counter_at_its_maximum_ends_the_transactions_of_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("extends = {:?}\n[account]\npurchase_sequence = 65534\n", folder().join("v3-money.toml"));
    std::fs::write(dir.path().join("worn.toml"), text).unwrap();
    let worn = Image::load(&dir.path().join("worn.toml")).unwrap();
    let mut talk = ready(Talk::to(worn.chip(Arc::new(SystemRandom::default()))));
    buy(&mut talk, "v3-money", TIME, [1, 0, 0]);
    assert_eq!(talk.status(&initialize_purchase(1, 0, 0)), "9402");
    assert_eq!(talk.status(&initialize_load(1)), "6110");
}

#[test]
fn the_log_keeps_the_newest_and_no_command_writes_it() {
    let mut talk = opened("v3-money");
    for amount in 0..40 {
        buy(&mut talk, "v3-money", TIME, [amount, 0, 0]);
    }
    let amounts: Vec<u32> =
        (1..=30).map(|number| u32::from_str_radix(&log(&mut talk, number)[32..40], 16).unwrap()).collect();
    assert_eq!(amounts, (10..40).rev().collect::<Vec<u32>>());
    let record = "00".repeat(0x1C);
    for update in [format!("00DC00431C{record}"), format!("00DC01441C{record}")] {
        assert_eq!(talk.status(&update), "6982", "{update}");
    }
}

/// A card that is pulled out at the n-th TPDU of a purchase, before or after it carried that one out, and put in again:
/// what it holds then, and whether it can prove the purchase.
fn torn_purchase(at: u32, torn: Torn) -> (u32, String) {
    let card = "v3-money";
    let issued = image(card);
    let memory: Memory = issued.memory().unwrap();
    let random = || Arc::new(SystemRandom::default());
    let mut chip = issued.clone().removed_at(at).torn(torn).chip_with(&memory, random());
    let mut send = |tpdu: &str| match chip.answer(&hex::decode(tpdu).unwrap()) {
        Reaction::Answer(bytes) => Some(bytes),
        _ => None,
    };
    let purchase = |send: &mut dyn FnMut(&str) -> Option<Vec<u8>>| {
        for command in [SELECT_SSSE, PIN, SELECT_DF04] {
            send(command)?;
        }
        send(&initialize_purchase(1_000, 20, 3))?;
        let begun = send("00C0000016")?;
        send(&debit(card, &begun, TIME, [1_000, 20, 3]))?;
        send("00C0000008")
    };
    assert!(purchase(&mut send).is_none() || at > 7);
    let mut talk = ready(Talk::to(issued.chip_with(&memory, random())));
    let proof = talk.status("B02E0032020003");
    let logged = log(&mut talk, 1).starts_with("000332");
    assert_eq!(logged, proof == "6108", "the log tells the same");
    (balance(&mut talk), proof)
}

#[test]
fn a_torn_purchase_took_place_or_did_not_and_the_card_says_which() {
    let (before, after) = ((150_000, "9406".to_owned()), (149_000, "6108".to_owned()));
    for at in 1..=8 {
        let done = if at <= 6 { &before } else { &after };
        assert_eq!(torn_purchase(at, Torn::Before), *done, "before {at}");
        let done = if at <= 5 { &before } else { &after };
        assert_eq!(torn_purchase(at, Torn::After), *done, "after {at}");
    }
}

#[test]
fn a_card_without_randomness_begins_no_transaction() {
    let mut talk = ready(Talk::to(image("v3-money").chip(Arc::new(NoMore))));
    assert_eq!(talk.status(&initialize_load(1)), "6F00");
    assert_eq!(talk.status(&initialize_purchase(1, 0, 0)), "6F00");
}

proptest! {
    #[test]
    fn any_command_is_answered_and_moves_no_money(
        commands in proptest::collection::vec((0x20u8..0x60, 0u8..3, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..24)), 1..8),
    ) {
        let mut talk = opened("v3-money");
        for (ins, p1, p2, data) in commands {
            let tpdu = format!("B0{ins:02X}{p1:02X}{p2:02X}{:02X}{}", data.len(), hex::encode(data));
            prop_assert!(matches!(talk.0.exchange(&hex::decode(tpdu).unwrap()), Ok(answer) if answer.len() >= 2));
        }
        prop_assert_eq!(balance(&mut talk), 150_000);
    }
}
