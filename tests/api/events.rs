//! The stream of events: as they happen, resumed where it was left, and honest about what was dropped.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use super::house::{House, READ, chip};
use super::rig::http::Client;
use super::rig::{HOLDER, PATIENCE, until};

type Event = (String, Value);

/// Takes events until one is what is looked for.
fn take(stream: &mut impl Iterator<Item = Event>, wanted: impl FnMut(&Value) -> bool) -> Value {
    stream.map(|(_, event)| event).find(wanted).expect("the event comes before the stream ends")
}

fn change(event: &Value, name: &str) -> bool {
    event["type"] == "reader" && event["change"] == name && event["reader"] == HOLDER
}

fn since(house: &House, last: u64) -> impl Iterator<Item = Event> + use<> {
    let client: Client = house.http().token(READ).with("Last-Event-ID", &last.to_string());
    client.events("/v1/events").unwrap()
}

#[test]
fn what_happens_is_told_and_resumed_without_a_gap() {
    let house = House::open();
    let mut stream = house.http().token(READ).events("/v1/events").unwrap();
    house.insert();
    let first = take(&mut stream, |event| change(event, "card-in"))["id"].as_u64().unwrap();
    drop(stream);
    house.readers.remove(HOLDER);
    let mut resumed = since(&house, first);
    let mut expected = first;
    let out = loop {
        let (kind, event) = resumed.next().unwrap();
        assert_eq!(kind, event["type"].as_str().unwrap());
        expected += 1;
        assert_eq!(event["id"].as_u64(), Some(expected), "none is left out, none comes twice: {event}");
        if change(&event, "card-out") {
            break expected;
        }
    };
    // Again from the same place: the same events.
    assert_eq!(take(&mut since(&house, first), |event| change(event, "card-out"))["id"].as_u64(), Some(out));
}

#[test]
fn events_that_are_no_longer_kept_are_told_as_a_gap() {
    let house = House::open();
    let mut stream = house.http().token(READ).events("/v1/events").unwrap();
    house.insert();
    let first = take(&mut stream, |event| change(event, "card-in"))["id"].as_u64().unwrap();
    // Cards come and go until the first event is no longer kept.
    until("the oldest event is dropped", || {
        house.readers.insert(HOLDER, chip("v3-sm4"));
        house.readers.remove(HOLDER);
        let kept = house.terminal.events(Some(first)).backlog;
        kept.first().is_some_and(|event| event.id != first + 1).then_some(())
    });
    let (kind, event) = since(&house, first).next().unwrap();
    assert_eq!((kind.as_str(), event["type"].as_str()), ("gap", Some("gap")));
}

#[test]
fn an_event_names_nobody() {
    let house = House::open();
    let mut stream = house.http().token(READ).events("/v1/events").unwrap();
    house.insert();
    house.http().token(super::house::ALL).post("/v1/card/read", &serde_json::json!({ "reader": HOLDER })).success();
    house.readers.remove(HOLDER);
    let mut told = String::new();
    take(&mut stream, |event| {
        told += &event.to_string();
        change(event, "card-out")
    });
    for personal in ["440103198806120021", "王小雅", "A10000031", "440100D15600000530000003"] {
        assert!(!told.contains(personal), "{told}");
    }
}

/// A stream of events, open, and the first line of its answer.
fn open(house: &House) -> (String, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(house.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("GET /v1/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {READ}\r\n\r\n", house.address());
    stream.write_all(head.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    (line, stream)
}

#[test]
fn a_program_that_never_closes_its_streams_is_told_so() {
    let house = House::open();
    let mut streams = Vec::new();
    loop {
        let (line, stream) = open(&house);
        if !line.contains(" 200 ") {
            assert!(line.contains(" 503 "), "{line}");
            break;
        }
        streams.push(stream);
        assert!(streams.len() < 1000, "there is no end of streams");
    }
    let client = house.http().token(READ);
    super::refused(&client.get("/v1/events"), 503, "E-API-STREAMS");
    client.get("/v1/scenarios").success();
    drop(streams);
    until("closed streams make room", || open(&house).0.contains(" 200 ").then_some(()));
}
