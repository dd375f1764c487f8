//! What is printed of a case, at the door.

use std::process::Command;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::described::Document;
use super::house::{ALL, House, OPERATE, READ};
use super::rig::{HOLDER, tree};
use super::{refused, rig};

const MEDIA: [(&str, &str); 4] = [
    ("a4", "text/html; charset=utf-8"),
    ("80mm", "text/html; charset=utf-8"),
    ("escpos", "application/octet-stream"),
    ("text", "text/plain; charset=utf-8"),
];

/// A sign-in, carried out: the case as it ended.
fn signed_in(house: &House) -> Value {
    let document = Document::of(house);
    let form = std::fs::read_to_string(tree("fixtures/demo/unemployment-sign-in.json")).unwrap();
    let form: Value = serde_json::from_str(&form).unwrap();
    let new = json!({ "scenario": "unemployment-sign-in", "operator": "0001", "reader": HOLDER, "input": form });
    house.insert();
    let case = document.ask("POST", "/v1/cases", "", Some(new))["id"].as_str().unwrap().to_owned();
    document.until(&case, "waiting-confirmation");
    // There is nothing to print before it is done.
    let path = format!("/v1/cases/{case}/paper?as=a4");
    refused(&house.http().token(ALL).get(&path), 409, "E-TERM-NO-PAPER");
    document.ask("POST", "/v1/cases/{id}/confirm", &case, None);
    document.until(&case, "done")
}

#[test]
fn a_case_that_is_done_is_printed_in_every_form() {
    let house = House::open();
    let case = signed_in(&house);
    let (client, id) = (house.http().token(OPERATE), case["id"].as_str().unwrap());
    let transaction = case["transaction"]["id"].as_str().unwrap();
    for (name, media) in MEDIA {
        let answer = client.get(&format!("/v1/cases/{id}/paper?as={name}"));
        let head = answer.head.to_lowercase();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(head.contains(&format!("content-type: {media}\r\n")) && head.contains("no-store"), "{head}");
        assert_eq!(
            head.contains("content-security-policy: default-src 'none'; style-src 'sha256-"),
            media.starts_with("text/html")
        );
        assert!(answer.body.contains(transaction), "{name}: {}", answer.body);
        assert!(!answer.body.contains("王小雅") && !answer.body.contains("440103198806120021"), "{name} is masked");
    }
    for copy in ["holder", "third-party"] {
        let own = client.get(&format!("/v1/cases/{id}/paper?as=a4")).body;
        assert_eq!(client.get(&format!("/v1/cases/{id}/paper?as=a4&copy={copy}")).body, own, "a slip is for anybody");
    }
    let lines: Vec<&str> = case["slip"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(client.get(&format!("/v1/cases/{id}/paper?as=text")).body, lines.join("\n") + "\n");
}

#[test]
fn who_asks_wrongly_is_told() {
    let house = House::open();
    let (client, none) = (house.http().token(OPERATE), "01940000-0000-7000-8000-000000000000");
    let path = |rest: &str| format!("/v1/cases/{none}/paper{rest}");
    refused(&client.get(&path("?as=a4")), 404, "E-TERM-NO-CASE");
    refused(&client.get("/v1/cases/1/paper?as=a4"), 404, "E-TERM-NO-CASE");
    for wrong in ["", "?as=", "?as=pdf", "?as=a4&as=a4", "?medium=a4", "?as=a4&copy=", "?as=a4&copy=agency"] {
        refused(&client.get(&path(wrong)), 400, "E-API-QUERY");
    }
    let named = client.get(&path("?as=440103198806120021")).json();
    assert_eq!(named["error"]["detail"], "`as` is one of a4, 80mm, escpos, text");
    let named = client.get(&path("?as=a4&copy=x")).json();
    assert_eq!(named["error"]["detail"], "`copy` is one of holder, third-party");
    refused(&house.http().token(READ).get(&path("?as=a4")), 403, "E-API-PERMISSION");
}

#[test]
fn the_command_prints_what_the_door_gives() {
    let house = House::open();
    let case = signed_in(&house);
    let id = case["id"].as_str().unwrap();
    let sbkd = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sbkd"));
        command.args(["case", "paper", id]).args(args).arg("--socket").arg(house.socket()).env_remove("SBKD_CONFIG");
        command.output().unwrap()
    };
    for (name, media) in MEDIA {
        let given = house.http().token(OPERATE).get(&format!("/v1/cases/{id}/paper?as={name}")).body;
        let ran = sbkd(&["--as", name]);
        assert!(ran.status.success(), "{ran:?}");
        assert_eq!(String::from_utf8_lossy(&ran.stdout), given, "{name}");
        let told: Value = serde_json::from_slice(&sbkd(&["--as", name, "--json"]).stdout).unwrap();
        assert_eq!((told["as"].as_str(), told["media"].as_str()), (Some(name), Some(media)));
        assert_eq!(BASE64.decode(told["base64"].as_str().unwrap().as_bytes()).unwrap(), ran.stdout);
    }
    assert_eq!(sbkd(&["--as", "a4", "--copy", "third-party"]).stdout, sbkd(&["--as", "a4"]).stdout);
    assert_eq!(sbkd(&["--as", "a4", "--copy", "agency"]).status.code(), Some(2));
    assert_eq!(sbkd(&["--as", "pdf"]).status.code(), Some(2));
    assert_eq!(rig::bare().args(["case", "paper", id]).output().unwrap().status.code(), Some(2), "the form is named");
}
