//! The medical account on the card.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::Hall;
use super::files::{INFO, asker, call, with_pin};
use super::rig::http::Client;
use super::rig::{image, until};

const SETTINGS: &str = "[driver]\npay_fields = [\"account-yuan\", \"self-pay\"]\n\
    debit_fields = [\"sequence\", \"terminal\", \"balance\", \"balance-yuan\", \"tac\"]\n\
    record_fields = [\"sequence\", \"terminal\", \"account-yuan\", \"self-pay\", \"pool\"]\n";

fn with_card(lines: &'static str, card: &str) -> Hall {
    let mut hall = Hall::with(lines);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image(card));
    hall
}

/// With a holder who knows the PIN.
fn paid(hall: &Hall, arguments: &[&str]) -> (i32, String) {
    call(hall, &[("SBKD_DRIVER_PIN_PROGRAM", &asker(hall, "echo 123456"))], arguments)
}

#[test]
fn a_purchase_is_paid_and_told_in_the_fields_that_are_set() {
    let hall = with_card(SETTINGS, "v3-money");
    let (code, first) = paid(&hall, &["iDoDebit", "1", INFO, "73.45|100|"]);
    assert_eq!(code, 0, "{first}");
    let fields: Vec<&str> = first.split('|').collect();
    let [sequence, "440100000001", "142655", "1426.55", tac, ""] = fields[..] else { panic!("{first}") };
    assert!(tac.len() == 8 && tac.bytes().all(|digit| digit.is_ascii_hexdigit()), "{first}");
    let sequence: u32 = sequence.parse().unwrap();
    let (code, second) = paid(&hall, &["iDoDebit", "1", INFO, "0.05|0|"]);
    assert!(code == 0 && second.starts_with(&format!("{}|440100000001|142650|1426.50|", sequence + 1)), "{second}");
    let (code, log) = paid(&hall, &["iReadDebitRecord", "1"]);
    let newest = format!("{}|440100000001|0.05|0|0|${sequence}|440100000001|73.45|100|0|$", sequence + 1);
    assert!(code == 0 && log.starts_with(&newest), "{code} {log}");
}

#[test]
fn what_is_not_to_be_paid_has_its_code_and_nothing_is_moved() {
    let mut hall = with_card(SETTINGS, "v3-money");
    for (info, pay, code) in [
        (INFO, "1500.01|0|", -37889),
        (INFO, "0.00|0|", -23),
        (INFO, "1|0|", -23),
        (INFO, "1.00|", -23),
        ("440100D15600000530000003FFFFFFFE|A10000031|", "1.00|0|", -22),
    ] {
        assert_eq!(paid(&hall, &["iDoDebit", "1", info, pay]).0, code, "{info} {pay}");
    }
    let debit = ["iDoDebit", "1", INFO, "1.00|0|"];
    let with = |lines: &str| call(&hall, &[("SBKD_DRIVER_PIN_PROGRAM", &asker(&hall, lines))], &debit).0;
    assert_eq!((with("exit 1"), with("echo 111111")), (-31, -51), "the card asks for the PIN");
    assert_eq!(call(&hall, &[], &debit).0, -13, "nobody can be asked");
    let (code, text) = paid(&hall, &debit);
    assert!(code == 0 && text.contains("|149900|"), "all of it was there: {code} {text}");
    hall.walk.insert(&image("v3-full"));
    let (code, text) = paid(&hall, &debit);
    assert!(code == -27266 && text.contains("E-CARD-ACCOUNT-NONE"), "{code} {text}");
}

#[test]
fn strings_that_are_not_public_are_written_as_they_are_set_or_not_at_all() {
    for lines in ["", "[driver]\npay_fields = [\"account\"]\n", "[driver]\ndebit_fields = [\"tac\"]\n"] {
        let hall = Hall::with(lines);
        assert_eq!(paid(&hall, &["iDoDebit", "1", INFO, "1|"]).0, -13, "{lines}");
        assert_eq!(paid(&hall, &["iReadDebitRecord", "1"]).0, -13, "{lines}");
    }
}

#[test]
fn a_purchase_whose_end_was_not_seen_is_told_before_another_is_paid() {
    let mut hall = with_card(SETTINGS, "v3-money");
    let socket = Client::unix(hall.walk.socket());
    let pay = || -> (Value, String) {
        let parameters = json!({"iType": "1", "pCardInfo": INFO, "pPayInfo": "10.00|0|"});
        let answer = with_pin(&socket, "iDoDebit", &parameters, "123456");
        (answer["code"].clone(), answer["output"].as_str().unwrap().to_owned())
    };
    // The command that moves the money is carried out, and answered by an error.
    let torn = (8..90).find_map(|at| {
        let path = hall.walk.file("torn.toml");
        let money = image("v3-money");
        let text = format!("extends = \"{}\"\n[faults]\nanswer = {{ at = {at}, data = \"6F00\" }}\n", money.display());
        std::fs::write(&path, text).unwrap();
        hall.walk.insert(&path);
        let (code, text) = pay();
        assert_ne!(code, 0, "the fault at {at} was not met");
        text.contains("E-CARD-ACCOUNT-TORN").then_some(code)
    });
    assert_eq!(torn, Some(json!(-999)));
    let (code, text) = pay();
    assert!(code == -999 && text.contains("E-TERM-DRIVER-PAID") && text.contains("TAC "), "{code} {text}");
    let (code, text) = pay();
    assert!(code == 0 && text.contains("|148000|"), "once before, once now: {code} {text}");
}

#[test]
fn a_caller_that_has_gone_is_told_by_its_next_call_and_nothing_is_paid_twice() {
    let hall = with_card(SETTINGS, "v3-money");
    let socket = Client::unix(hall.walk.socket());
    let parameters = json!({"iType": "1", "pCardInfo": INFO, "pPayInfo": "10.00|0|"});
    let asked = socket.post("/v1/driver/iDoDebit", &json!({"parameters": parameters})).success();
    let call = json!({"parameters": parameters, "pin": "123456", "card": asked["card"]}).to_string();
    let mut gone = UnixStream::connect(hall.walk.socket()).unwrap();
    let head = "POST /v1/driver/iDoDebit HTTP/1.1\r\nHost: sbkd\r\nContent-Type: application/json\r\n";
    write!(gone, "{head}Content-Length: {}\r\n\r\n{call}", call.len()).unwrap();
    let open = || socket.get("/v1/health").success()["open_on_accounts"] == 1;
    until("the purchase is begun", || open().then_some(()));
    // Not before: what nobody waits for is not begun.
    drop(gone);
    // It waits for the one that is under way.
    let (code, text) = paid(&hall, &["iDoDebit", "1", INFO, "10.00|0|"]);
    assert!(code == -999 && text.contains("E-TERM-DRIVER-PAID") && text.contains("TAC "), "{code} {text}");
    let (code, text) = paid(&hall, &["iDoDebit", "1", INFO, "10.00|0|"]);
    assert!(code == 0 && text.contains("|148000|"), "once before, once now: {code} {text}");
}
