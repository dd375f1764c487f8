//! Flows against a card of the test's own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::library;
use crate::apdu::StatusWord;
use crate::failure::Explain;
use crate::reader::{Atr, Lease, Protocol, Transport, TransportError};
use crate::script::{RunError, Vars, run};

/// Answers what it was told to, when it is sent what it was told to expect.
struct Talk {
    turns: VecDeque<(&'static str, &'static str)>,
    atr: Atr,
}

impl Transport for Talk {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let (sent, answer) = self.turns.pop_front().ok_or(TransportError::Removed)?;
        assert_eq!(hex::encode_upper(tpdu), sent);
        Ok(Zeroizing::new(hex::decode(answer).unwrap()))
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn atr(&self) -> &Atr {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        Protocol::T0
    }
}

fn lease(turns: &[(&'static str, &'static str)]) -> Lease {
    let talk = Talk { turns: turns.iter().copied().collect(), atr: Atr::parse(&[0x3B, 0x00]).unwrap() };
    Lease::new("test", Box::new(talk), Instant::now() + Duration::from_secs(60))
}

/// Runs the flow `a` of `text`.
fn run_a(text: &str, turns: &[(&'static str, &'static str)], vars: &mut Vars) -> Result<StatusWord, RunError> {
    run(library(text).flow("t", "a").unwrap(), &mut lease(turns), vars)
}

#[test]
fn values_are_inserted_and_kept() {
    let text = "flow a key:1 auth:8 le:1 -> head tail\n> 00840000 08\n< {random:8} 9000\n\
                > 008200{key} [{auth} 01 {random}] {le}\n< {head:1} {_:1} 03 {tail:*} 9000|6282\n";
    let mut vars = Vars::new().with("key", &[0x0A]).with("auth", &[0xAA; 8]).with("le", &[0x10]);
    let turns = [
        ("0084000008", "11223344556677889000"),
        ("0082000A11AAAAAAAAAAAAAAAA011122334455667788", "6105"),
        ("00C0000005", "01020304056282"),
    ];
    assert_eq!(run_a(text, &turns, &mut vars), Ok(StatusWord(0x6282)));
    assert_eq!((vars.get("head"), vars.get("tail")), (Some(&[1][..]), Some(&[4, 5][..])));
    assert_eq!(vars.get("random"), None, "what is no output stays inside");
}

#[test]
fn a_further_answer_ends_the_flow_and_unsets_what_was_not_reached() {
    let text = "flow a -> file\n> 00B20105 00\n< {file:*} 9000\n< 6A86|67xx\n> 00840000\n< 9000\n";
    let mut vars = Vars::new().with("file", &[1]).with("other", &[2]);
    assert_eq!(run_a(text, &[("00B2010500", "6A86")], &mut vars), Ok(StatusWord::P1P2));
    assert_eq!((vars.get("file"), vars.get("other")), (None, Some(&[2][..])));
    let turns = [("00B2010500", "AABB9000"), ("00840000", "9000")];
    assert_eq!(run_a(text, &turns, &mut vars), Ok(StatusWord::OK));
    assert_eq!(vars.get("file"), Some(&[0xAA, 0xBB][..]));
}

#[test]
fn errors_name_the_place_and_no_bytes() {
    let text = "flow a pin:2..8 -> r\n> 00200000 [{pin}] 04\n< {r:4} 9000\n< 63Cx\n";
    let pin = [0x12, 0x34, 0x56];
    let fails = |vars: &Vars, turns: &[(&'static str, &'static str)]| {
        let error = run_a(text, turns, &mut vars.clone()).unwrap_err();
        assert!(!error.to_string().contains("1234"));
        (error.entry().code, error.to_string())
    };
    let given = Vars::new().with("pin", &pin);
    assert_eq!(
        fails(&given, &[("0020000003123456", "6983")]),
        ("E-SCRIPT-STATUS", "t.apdu:2: the card answered 6983 to INS 20, where 9000|63Cx is accepted".to_owned())
    );
    assert_eq!(
        fails(&given, &[("0020000003123456", "1234569000")]),
        ("E-SCRIPT-DATA", "t.apdu:3: the answer has 3 bytes, where 4 are wanted".to_owned())
    );
    assert_eq!(
        fails(&given, &[("0020000003123456", "0163C1")]),
        ("E-SCRIPT-DATA", "t.apdu:4: the answer has 1 bytes, where 0 are wanted".to_owned())
    );
    assert_eq!(fails(&given, &[]), ("E-READER-CARD-REMOVED", "t.apdu:2: the card was removed".to_owned()));
    assert_eq!(
        fails(&Vars::new().with("pin", &[1]), &[]),
        ("E-SCRIPT-DATA", "t.apdu:1: pin has 1 bytes, where 2 to 8 are wanted".to_owned())
    );
    assert_eq!(fails(&Vars::new(), &[]), ("E-SCRIPT-VALUE", "t.apdu:1: the flow needs a value for pin".to_owned()));
}

#[test]
fn a_fixed_byte_that_differs_is_named_by_its_position() {
    let text = "flow a\n> 00A40400 [D156] 00\n< 6F {_:1} 84 * 9000\n";
    let error = run_a(text, &[("00A4040002D156", "6F02859000")], &mut Vars::new()).unwrap_err();
    assert_eq!(error.to_string(), "t.apdu:3: byte 3 of the answer is another");
}

#[test]
fn data_that_only_turns_out_too_long_is_an_error() {
    let text = "flow a x:* y:*\n> 00D60000 [{x} {y}]\n< 9000\n";
    let mut vars = Vars::new().with("x", &[0; 200]).with("y", &[0; 56]);
    let error = run_a(text, &[], &mut vars).unwrap_err();
    assert_eq!(error.to_string(), "t.apdu:2: 256 bytes of data do not fit a short command");
    assert_eq!(library(text).flow("t", "b").unwrap_err().entry().code, "E-SCRIPT-NO-FLOW");
}
