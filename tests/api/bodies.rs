//! What a request may carry: every mistake is told, no value is repeated, and nothing makes the daemon stop.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::house::{ALL, House};
use super::{refused, rig};

/// A made-up number that must come back in no answer.
const PERSONAL: &str = "440103198806120021";

#[test]
fn a_mistake_in_a_body_is_told_without_its_value() {
    let house = House::open();
    let client = house.http().token(ALL);
    let case = "/v1/cases";
    for (path, body, status, code) in [
        (case, "".to_owned(), 400, "E-API-BODY"),
        (case, "{".to_owned(), 400, "E-API-BODY"),
        (case, PERSONAL.to_owned(), 400, "E-API-BODY"),
        (case, format!("[\"{PERSONAL}\"]"), 400, "E-API-BODY"),
        (case, "{}".to_owned(), 400, "E-API-BODY"),
        (case, json!({"scenario": "medical-settlement"}).to_string(), 400, "E-API-BODY"),
        (case, json!({"scenario": 7, "operator": PERSONAL}).to_string(), 400, "E-API-BODY"),
        (case, json!({"scenario": "x", "operator": "1", "holder": PERSONAL}).to_string(), 400, "E-API-BODY"),
        (case, json!({"scenario": PERSONAL, "operator": "1"}).to_string(), 404, "E-SCN-UNKNOWN"),
        ("/v1/card/read", json!({"reader": [PERSONAL]}).to_string(), 400, "E-API-BODY"),
        ("/v1/card/read", json!({"unmask": "yes"}).to_string(), 400, "E-API-BODY"),
        (&format!("{case}/{}/confirm", uuid()), json!({"amount": PERSONAL}).to_string(), 400, "E-API-BODY"),
        (&format!("{case}/{}/cancel", uuid()), "null".to_owned(), 400, "E-API-BODY"),
        (&format!("{case}/{}/input", uuid()), "{}".to_owned(), 404, "E-TERM-NO-CASE"),
        (&format!("{case}/{}/confirm", uuid()), "{}".to_owned(), 404, "E-TERM-NO-CASE"),
        (&format!("{case}/{}/confirm", uuid()), String::new(), 404, "E-TERM-NO-CASE"),
        (&format!("{case}/{PERSONAL}/cancel"), "{}".to_owned(), 404, "E-TERM-NO-CASE"),
    ] {
        let answer = client.request("POST", path, Some(&body));
        refused(&answer, status, code);
        assert!(!answer.body.contains(PERSONAL), "{body}: {}", answer.body);
    }
}

#[test]
fn only_json_of_a_moderate_size_is_taken() {
    let house = House::open();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let client = house.http().token(ALL).with("Content-Type", kind);
        refused(&client.request("POST", "/v1/cases", Some("{}")), 415, "E-API-CONTENT-TYPE");
    }
    let client = house.http().token(ALL).with("Content-Type", "application/json; charset=utf-8");
    refused(&client.request("POST", "/v1/cases", Some("{}")), 400, "E-API-BODY");
    let large = format!("{{\"scenario\":\"{}\"}}", "x".repeat(256 * 1024));
    refused(&house.http().token(ALL).request("POST", "/v1/cases", Some(&large)), 413, "E-API-BODY-SIZE");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(&house.http().token(ALL).request("POST", "/v1/cases", Some(&deep)), 400, "E-API-BODY");
}

#[test]
fn what_an_address_names_wrongly_is_told() {
    let house = House::open();
    let client = house.http().token(ALL);
    for (path, status, code) in [
        ("/v1/nothing", 404, "E-API-NO-ROUTE"),
        ("/", 404, "E-API-NO-ROUTE"),
        ("/v1/cases/", 404, "E-API-NO-ROUTE"),
        ("/v1/cases/1", 404, "E-TERM-NO-CASE"),
        ("/v1/cases/%FF%FE", 404, "E-TERM-NO-CASE"),
        ("/v1/transactions/%ff", 404, "E-API-NO-TRANSACTION"),
        (&format!("/v1/cases/{}", uuid()), 404, "E-TERM-NO-CASE"),
        ("/v1/transactions/1", 404, "E-API-NO-TRANSACTION"),
        (&format!("/v1/transactions/{}", uuid()), 404, "E-API-NO-TRANSACTION"),
        ("/v1/transactions?limit=0", 400, "E-API-QUERY"),
        ("/v1/transactions?limit=many", 400, "E-API-QUERY"),
        ("/v1/transactions?state=lost", 400, "E-API-QUERY"),
        ("/v1/transactions?holder=1", 400, "E-API-QUERY"),
        ("/v1/cases", 405, "E-API-METHOD"),
    ] {
        refused(&client.get(path), status, code);
    }
    refused(&client.post("/v1/health", &json!({})), 405, "E-API-METHOD");
    refused(&client.request("DELETE", "/v1/cases", None), 405, "E-API-METHOD");
    refused(&client.with("Last-Event-ID", "last").get("/v1/events"), 400, "E-API-QUERY");
}

#[test]
fn no_body_and_no_header_makes_it_stop() {
    let house = House::open();
    let path = prop_oneof![
        Just("/v1/cases".to_owned()),
        Just("/v1/card/read".to_owned()),
        Just(format!("/v1/cases/{}/input", uuid())),
        Just(format!("/v1/cases/{}/confirm", uuid())),
        "/[ -~]{0,40}".prop_map(|text| text.replace([' ', '#'], "")),
    ];
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        json_text().prop_map(String::into_bytes),
        "\\PC{0,80}".prop_map(String::into_bytes),
    ];
    let header = ("[!-9;-~]{1,20}", "[ -~]{0,60}");
    let method = prop_oneof!["POST", "GET", "PUT", "OPTIONS", "[A-Z]{1,8}"];
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let all = (method, path, body, proptest::collection::vec(header, 0..4));
    let result = runner.run(&all, |(method, path, body, headers)| {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", house.address());
        head += &format!("Authorization: Bearer {ALL}\r\nContent-Type: application/json\r\n");
        head += &format!("Content-Length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let answer = raw(&house, &[format!("{head}\r\n").as_bytes(), &body].concat());
        prop_assert!(status(&answer).is_none_or(|status| status < 500), "{head}\n{}", String::from_utf8_lossy(&answer));
        Ok(())
    });
    assert_eq!(result, Ok(()));
    house.http().token(ALL).get("/v1/health").success();
}

#[test]
fn bytes_that_are_no_http_make_it_close_the_connection_at_most() {
    let house = House::open();
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let result = runner.run(&proptest::collection::vec(any::<u8>(), 1..400), |bytes| {
        let answer = raw(&house, &bytes);
        prop_assert!(status(&answer).is_none_or(|status| status < 500));
        Ok(())
    });
    assert_eq!(result, Ok(()));
    house.http().token(ALL).get("/v1/health").success();
}

/// JSON that looks like what is wanted and is not.
fn json_text() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1e999".to_owned()),
        Just("\"medical-settlement\"".to_owned()),
        Just("\"unemployment-sign-in\"".to_owned()),
        "\"[a-z\\\\u]{0,12}\"",
        Just("{\"lines\":[{\"amount\":-1}]}".to_owned()),
    ];
    let name = prop_oneof!["scenario", "operator", "input", "idempotency", "reader", "unmask", "[a-z]{1,6}"];
    proptest::collection::vec((name, value), 0..5).prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// Sends bytes and gives what comes back until the connection ends.
fn raw(house: &House, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(house.address()).unwrap();
    stream.set_read_timeout(Some(rig::PATIENCE)).unwrap();
    // It may close before all was sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    // It may also hang up hard on what it did not want, but never stay silent.
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_ne!(
            error.kind(),
            std::io::ErrorKind::WouldBlock,
            "no answer and no end: {:?}",
            String::from_utf8_lossy(bytes)
        );
    }
    answer
}

fn status(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    text.split_whitespace().nth(1)?.parse().ok()
}

fn uuid() -> &'static str {
    "01940000-0000-7000-8000-000000000000"
}
