//! The commands of shifts, reconciliation and notices, at a daemon's socket.

use std::process::Command;

use serde_json::{Value, json};

use super::house::House;

/// What a command prints: its exit status, and its JSON.
fn sbkd(house: &House, args: &[&str]) -> (i32, Value) {
    let ran = Command::new(env!("CARGO_BIN_EXE_sbkd"))
        .args(args)
        .arg("--json")
        .arg("--socket")
        .arg(house.socket())
        .env_remove("SBKD_CONFIG")
        .output()
        .unwrap();
    let told = serde_json::from_slice(&ran.stdout);
    (ran.status.code().unwrap(), told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&ran.stderr))))
}

fn code((status, told): (i32, Value)) -> (i32, String) {
    (status, told["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_shift_is_opened_shown_and_closed() {
    let house = House::open();
    let (status, shift) = sbkd(&house, &["shift", "open", "--operator", "0001"]);
    let number = shift["number"].as_str().unwrap();
    assert_eq!((status, &shift["closed_at"], number.len()), (0, &Value::Null, 16));
    assert_eq!(sbkd(&house, &["shift", "list"]).1[0]["number"], number);
    assert_eq!(sbkd(&house, &["shift", "show", number]).1["operator"], "0001");
    let (status, closed) = sbkd(&house, &["shift", "close", number]);
    assert_eq!((status, &closed["totals"]), (0, &json!([])));
    assert!(closed["closed_at"].is_string());
    let (_, second) = sbkd(&house, &["shift", "open", "--operator", "0001"]);
    let (status, closed) = sbkd(&house, &["shift", "close", "--operator", "0001"]);
    assert_eq!((status, &closed["number"]), (0, &second["number"]));
    let none = sbkd(&house, &["shift", "close", "--operator", "0001"]);
    assert_eq!(code(none), (2, "E-SHIFT-UNKNOWN".into()), "it has none open any more");
    assert_eq!(code(sbkd(&house, &["shift", "close", "x/../1"])), (2, "E-SHIFT-UNKNOWN".into()));
    assert_eq!(code(sbkd(&house, &["shift", "open", "--operator", " "])), (2, "E-TERM-OPERATOR".into()));
}

#[test]
fn a_day_is_reconciled_with_a_centre_and_not_without() {
    let house = House::open();
    assert_eq!(code(sbkd(&house, &["reconcile", "run", "--date", "2015-08-03"])), (5, "E-TERM-UPLINK-AWAY".into()));
    assert_eq!(code(sbkd(&house, &["reconcile", "run", "--date", "9999-08-03"])), (2, "E-RECON-DATE".into()));
    assert_eq!(sbkd(&house, &["reconcile", "list"]), (0, json!([])));
    assert_eq!(code(sbkd(&house, &["reconcile", "show", "2015-08-03"])), (2, "E-RECON-UNKNOWN".into()));
    assert_eq!(code(sbkd(&house, &["reconcile", "repair", "7", "--action", "adopt"])), (2, "E-RECON-UNKNOWN".into()));
    assert_eq!(sbkd(&house, &["queue", "list", "--untold", "--state", "acked,refused"]), (0, json!([])));
    let unknown = "01940000-0000-7000-8000-000000000000";
    assert_eq!(
        code(sbkd(&house, &["queue", "acknowledge", unknown, "--revision", "0"])),
        (6, "E-QUEUE-NOT-FOUND".into())
    );
}
