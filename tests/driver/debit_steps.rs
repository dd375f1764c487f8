//! A purchase from the medical account by the caller's own HSM, in steps.

use sbkd::cipher::{Algorithm, Formulas, Transaction};
use sbkd::keys::{CardKeyId, KeyService as _, Purchase, Soft};
use sbkd::reader::Atr;
use sbkd::value::CardIdentifier;
use sbkd::wire::hsm::{Debit, DebitAnswer, DebitForm, Dialect};
use serde_json::{Value, json};

use super::Hall;
use super::files::INFO;
use super::module::bas;
use super::rig::http::Client;
use super::rig::{image, tree};
use super::steps;

const SETTINGS: &str = "[driver]\npay_fields = [\"account\"]\n\
    debit_fields = [\"sequence\", \"terminal\", \"terminal-sequence\", \"balance\", \"tac\"]\n\
    [driver.dialect.debit]\n\
    step1 = \"{algorithm}|{random}|{sequence}|{account}|{self-pay}|{pool}|{type}|{terminal}|{time}|{key-version}|\"\n\
    step2 = \"{terminal-sequence}|{mac1}|\"\n";

/// The strings of the settings.
fn form() -> DebitForm {
    let template = |step: &str| {
        let line = SETTINGS.lines().find_map(|line| line.trim().strip_prefix(step)).unwrap();
        line.trim_matches([' ', '=', '"']).parse().unwrap()
    };
    DebitForm { step1: template("step1"), step2: template("step2") }
}

/// What the caller's HSM answers to Step1's string.
fn hsm(asked: &str) -> String {
    let asked = Debit::parse(asked, &form()).expect("the string of Step1");
    let identifier = hex::decode("440100D15600000530000003FFFFFFFF").unwrap();
    let identifier = CardIdentifier::parse(&identifier).unwrap();
    let atr = hex::decode("3B6D000086035342440003440130000003").unwrap();
    let card = CardKeyId::new(Algorithm::Sm4, identifier, Atr::parse(&atr).unwrap()).unwrap();
    let about = Transaction {
        sequence: u16::from_be_bytes(asked.sequence),
        account: u32::from_be_bytes(asked.account),
        self_pay: u32::from_be_bytes(asked.self_pay),
        pool: u32::from_be_bytes(asked.pool),
        terminal: asked.terminal,
        time: asked.time,
        ..Transaction::default()
    };
    let formula = &Formulas::builtin().unwrap().purchase;
    let purchase = Purchase { formula, about: &about, random: asked.random, key_version: asked.key_version };
    let mut keys = Soft::load(&tree("fixtures/cards/demonstration-keys.toml"), true).unwrap();
    let made = keys.purchase(&card, &purchase).unwrap();
    let answer = DebitAnswer { terminal_sequence: made.terminal_sequence.to_be_bytes(), mac1: made.mac1 };
    answer.print((&form(), &Dialect::default()), Algorithm::Sm4).reveal().to_owned()
}

fn hall(lines: &'static str) -> Hall {
    let mut hall = Hall::with(lines);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-money"));
    hall
}

/// With a PIN, where it is asked for: for the card that it is asked for.
fn step1(socket: &Client, info: &str, pin: Option<&str>) -> Value {
    let parameters = json!({"iType": "1", "pCardInfo": info, "pPayInfo": "1000|"});
    let call = |pin: Option<&str>, card: &Value| {
        let call = json!({"parameters": parameters, "pin": pin, "card": card});
        socket.post("/v1/driver/iDoDebit_HSM_Step1", &call).success()
    };
    let asked = call(None, &Value::Null);
    if pin.is_some() && asked["ask"] == "pin" { call(pin, &asked["card"]) } else { asked }
}

fn step2(socket: &Client, begun: &Value, key: &str) -> Value {
    let call = json!({"parameters": {"pKey": key}, "session": begun["session"]});
    socket.post("/v1/driver/iDoDebit_HSM_Step2", &call).success()
}

#[test]
fn a_purchase_is_proven_by_the_callers_hsm_and_told_as_any() {
    let hall = hall(SETTINGS);
    let socket = Client::unix(hall.walk.socket());
    for balance in ["149000", "148000"] {
        assert_eq!(step1(&socket, INFO, None)["ask"], "pin", "before the card is held");
        let begun = step1(&socket, INFO, Some("123456"));
        let asked = begun["output"].as_str().unwrap();
        assert!(begun["code"] == 0 && asked.contains("|000003E8|00000000|00000000|32|440100000001|"), "{begun}");
        let paid = step2(&socket, &begun, &hsm(asked));
        let fields: Vec<&str> = paid["output"].as_str().unwrap().split('|').collect();
        let [_, terminal, terminal_sequence, left, tac, ""] = fields[..] else { panic!("{paid}") };
        assert_eq!((&paid["code"], terminal, terminal_sequence, left), (&json!(0), "440100000001", "1", balance));
        assert_eq!(tac.len(), 8, "{paid}");
    }
}

#[test]
fn what_is_no_mac_of_the_cards_key_moves_nothing() {
    let hall = hall(SETTINGS);
    let socket = Client::unix(hall.walk.socket());
    assert_eq!(step1(&socket, INFO, Some("111111"))["code"], -51);
    let other = "440100D15600000530000004FFFFFFFF|A10000031|";
    assert_eq!(step1(&socket, other, Some("111111"))["code"], -22, "no try of another card's PIN is lost");
    for (key, code) in [("00000001|00000000|", -37634), ("nonsense", -23), ("", -23)] {
        let begun = step1(&socket, INFO, Some("123456"));
        assert_eq!(begun["code"], 0, "{begun}");
        let refused = step2(&socket, &begun, key);
        assert_eq!((&refused["code"], &refused["session"]), (&json!(code), &Value::Null), "{key}: {refused}");
    }
    let begun = step1(&socket, INFO, Some("123456"));
    let paid = step2(&socket, &begun, &hsm(begun["output"].as_str().unwrap()));
    assert!(paid["output"].as_str().unwrap().contains("|149000|"), "all of it was there: {paid}");
}

#[test]
fn without_its_strings_or_where_the_key_is_nobody_is_asked_for_a_pin() {
    let keyed = SETTINGS.replace("step1 = \"", "step1 = \"{key}|");
    for (lines, why) in [
        ("[driver]\npay_fields = [\"account\"]\ndebit_fields = [\"tac\"]\n", ""),
        (keyed.leak() as &'static str, "E-KEYS-UNPLACED"),
    ] {
        let hall = hall(lines);
        let refused = step1(&Client::unix(hall.walk.socket()), INFO, None);
        assert_eq!((&refused["code"], &refused["ask"]), (&json!(-13), &Value::Null), "{refused}");
        assert!(refused["output"].as_str().unwrap().contains(why), "{refused}");
    }
}

#[test]
fn without_keys_of_its_own_the_terminal_has_its_number_by_a_setting() {
    let numbered = SETTINGS.replace("[driver]\n", "[driver]\nterminal = \"440100000009\"\n");
    for (lines, number) in [(SETTINGS, None), (numbered.leak() as &'static str, Some("440100000009"))] {
        let mut hall = Hall::with(lines);
        hall.walk.insert_alone(&image("v3-money"));
        let socket = Client::unix(hall.walk.socket());
        let asked = steps::call(&socket, "iReadCardBas_HSM_Step1", &json!({"iType": "1"}), None);
        let key = bas(asked["output"].as_str().unwrap());
        let read = steps::call(&socket, "iReadCardBas_HSM_Step2", &json!({"pKey": key}), asked["session"].as_str());
        assert_eq!(read["code"], 0, "{read}");
        let Some(number) = number else {
            let refused = step1(&socket, INFO, None);
            assert_eq!((&refused["code"], &refused["ask"]), (&json!(-13), &Value::Null), "{refused}");
            continue;
        };
        let begun = step1(&socket, INFO, Some("123456"));
        let asked = begun["output"].as_str().unwrap();
        assert!(begun["code"] == 0 && asked.contains(&format!("|{number}|")), "{begun}");
        let paid = step2(&socket, &begun, &hsm(asked));
        assert!(paid["code"] == 0 && paid["output"].as_str().unwrap().contains(&format!("|{number}|")), "{paid}");
    }
}
