//! The steps with the caller's own HSM, by a program in Python and by hand at the socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::module::bas;
use super::rig::http::Client;
use super::rig::{image, until};
use super::{FIELDS, Hall};

/// The program, and what it says line by line.
struct Program {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Program {
    fn start(hall: &Hall) -> Self {
        let mut command = hall.python("hsm_steps.py");
        command.args(["1", "utf-8"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    fn says(&mut self) -> (i32, String) {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let (code, text) = line.trim_end().split_once(' ').expect("a code and a text");
        (code.parse().unwrap(), text.to_owned())
    }

    fn hears(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

fn fields(terminal: &str) -> String {
    let value = |(name, value): &(&str, &str)| format!("{}|", if *name == "terminal" { terminal } else { value });
    FIELDS.iter().map(value).collect()
}

#[test]
fn a_program_reads_a_card_with_its_own_hsm_and_others_wait() {
    let mut hall = Hall::open();
    hall.walk.insert_alone(&image("v3-sm4"));
    assert_eq!(hall.refused("1"), -2201, "there is no PSAM: on to the HSM");
    let mut program = Program::start(&hall);
    let (code, asked) = program.says();
    assert_eq!(code, 0, "{asked}");
    assert!(asked.starts_with("440100|86035342440003440130000003|03|440100D15600000530000003FFFFFFFF|"), "{asked}");
    assert_eq!(hall.refused("1"), -11, "the card is held for it");
    // The HSM was away, say: the program begins again without waiting for anything.
    program.hears("again");
    let (code, asked) = program.says();
    assert_eq!(code, 0, "{asked}");
    program.hears(&bas(&asked));
    assert_eq!(program.says(), (0, fields("000000000000")));
    assert!(program.child.wait().unwrap().success());
    assert_eq!(hall.refused("1"), -2201, "the reader is free");
}

#[test]
fn what_the_hsm_says_is_held_against_the_card() {
    let mut hall = Hall::open();
    hall.walk.insert_alone(&image("v3-sm4"));
    let no_hsm = "0".repeat(32);
    for (answer, code) in [(format!("{no_hsm}|{no_hsm}|"), -23), ("nonsense".to_owned(), -23), (String::new(), -23)] {
        let socket = Client::unix(hall.walk.socket());
        let begun = call(&socket, "iReadCardBas_HSM_Step1", &json!({"iType": "1"}), None);
        assert_eq!(begun["code"], 0, "{begun}");
        let ended = call(&socket, "iReadCardBas_HSM_Step2", &json!({"pKey": answer}), begun["session"].as_str());
        assert_eq!((&ended["code"], &ended["session"]), (&json!(code), &Value::Null), "{answer:?}: {ended}");
    }
    // Of the right originals, and of other keys.
    let socket = Client::unix(hall.walk.socket());
    let begun = call(&socket, "iReadCardBas_HSM_Step1", &json!({"iType": "1"}), None);
    let right = bas(begun["output"].as_str().unwrap());
    let other = format!("{}{}", "0".repeat(16), &right[16..]);
    let ended = call(&socket, "iReadCardBas_HSM_Step2", &json!({"pKey": other}), begun["session"].as_str());
    assert_eq!(ended["code"], -25, "{ended}");
}

#[test]
fn steps_are_their_callers_and_end_in_time() {
    let mut hall = Hall::with("[cases]\nreading_secs = 2\n");
    hall.walk.insert_alone(&image("v3-sm4"));
    let socket = Client::unix(hall.walk.socket());
    let step1 = |session| call(&socket, "iReadCardBas_HSM_Step1", &json!({"iType": "1"}), session);
    let none = call(&socket, "iReadCardBas_HSM_Step2", &json!({"pKey": "0"}), None);
    assert_eq!(none["code"], -12, "no first step: {none}");
    let begun = step1(None);
    let guessed =
        call(&socket, "iReadCardBas_HSM_Step2", &json!({"pKey": "0"}), Some("01940000-0000-7000-8000-000000000000"));
    assert_eq!(guessed["code"], -12, "{guessed}");
    assert_eq!(step1(None)["code"], -11, "held for who began: {begun}");
    // Nobody goes on: the card comes free by itself.
    let again = until("the steps' time is over", || Some(step1(None)).filter(|begun| begun["code"] == 0));
    let late = call(&socket, "iReadCardBas_HSM_Step2", &json!({"pKey": "0"}), begun["session"].as_str());
    assert_eq!(late["code"], -12, "{late}");
    // Anything but the next step ends them at once.
    let other = call(&socket, "iReadCardBas", &json!({"iType": "1"}), again["session"].as_str());
    assert_eq!((&other["code"], &other["session"]), (&json!(-2201), &Value::Null));
    assert_eq!(step1(None)["code"], 0);
}

pub fn call(socket: &Client, function: &str, parameters: &Value, session: Option<&str>) -> Value {
    socket.post(&format!("/v1/driver/{function}"), &json!({"parameters": parameters, "session": session})).success()
}
