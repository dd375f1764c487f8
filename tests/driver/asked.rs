//! Another card by the time the question for the PIN is answered: nobody's PIN is tried on it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::Hall;
use super::files::{asker_named, calling, given};
use super::rig::http::Client;
use super::rig::{HOLDER, image, tree, until};

fn hall(lines: &'static str) -> Hall {
    let mut hall = Hall::with(lines);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-full"));
    hall
}

/// The tries that the PIN of the card in the reader has left.
fn tries(hall: &Hall) -> Value {
    let keys = tree("fixtures/cards/demonstration-keys.toml").display().to_string();
    let words = ["card", "pin", "tries", "--direct", "--reader", HOLDER, "--json", "--mode", "demo", "--keys", &keys];
    hall.walk.rig.sbkd(&words).success()["left"].clone()
}

#[test]
fn a_pin_is_tried_on_no_card_but_the_one_it_was_asked_for() {
    let mut hall = hall("[driver]\nrecord_fields = [\"sequence\"]\n");
    let socket = Client::unix(hall.walk.socket());
    for function in ["iVerifyPIN", "iChangePIN", "iReadDebitRecord"] {
        let call = |body: Value| socket.post(&format!("/v1/driver/{function}"), &body).success();
        let entered = |card: &Value| {
            let parameters = json!({"iType": "1"});
            call(json!({"parameters": parameters, "pin": "111111", "new_pin": "222222", "card": card}))
        };
        let asked = call(json!({"parameters": {"iType": "1"}}));
        assert!(asked["card"].as_str().is_some_and(|name| name.len() == 64), "{function}: {asked}");
        hall.walk.insert(&image("v2-full"));
        let refused = entered(&asked["card"]);
        assert_eq!((&refused["code"], &refused["ask"]), (&json!(-22), &Value::Null), "{function}: {refused}");
        assert_eq!(tries(&hall), 3, "{function}");
        // The card was taken out since: whoever it belongs to is asked anew.
        hall.walk.insert(&image("v3-full"));
        assert_eq!(entered(&asked["card"])["code"], -22, "{function}");
        let again = call(json!({"parameters": {"iType": "1"}}));
        assert_eq!(tries(&hall), 3, "{function}");
        assert_eq!(entered(&again["card"])["code"], -51, "{function}");
    }
}

/// A program at whose question nobody has answered yet.
struct Asking {
    program: Child,
    answer: PathBuf,
}

impl Asking {
    /// Once it asks.
    fn start(hall: &Hall, name: &str) -> Self {
        let path = |end: &str| hall.walk.file(&format!("{name}.{end}"));
        let (answer, asks) = (path("answer"), path("asks"));
        let lines = format!("mkfifo '{0}' && touch '{1}' && cat '{0}'", answer.display(), asks.display());
        let asker = asker_named(hall, name, &lines);
        let mut command = calling(hall, &[("SBKD_DRIVER_PIN_PROGRAM", &asker)], &["iVerifyPIN", "1"]);
        let program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("python3");
        until("the program asks", || asks.exists().then_some(()));
        Self { program, answer }
    }

    /// The code it is given once this is typed.
    fn hears(self, pin: &str) -> i32 {
        let mut answer = std::fs::OpenOptions::new().write(true).open(self.answer).unwrap();
        writeln!(answer, "{pin}").unwrap();
        drop(answer);
        given(&self.program.wait_with_output().unwrap()).0
    }
}

#[test]
fn two_programs_at_one_reader_reach_the_cards_they_asked_for_and_no_other() {
    let mut hall = hall("");
    let first = Asking::start(&hall, "first");
    hall.walk.insert(&image("v2-full"));
    let second = Asking::start(&hall, "second");
    assert_eq!(first.hears("111111"), -22, "its card is out");
    assert_eq!(tries(&hall), 3);
    assert_eq!(second.hears("123456"), 0, "nobody else's question ended its own");
    // Both ask for the same card.
    let (third, fourth) = (Asking::start(&hall, "third"), Asking::start(&hall, "fourth"));
    assert_eq!((fourth.hears("111111"), third.hears("123456")), (-51, 0));
}
