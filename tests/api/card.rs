//! What is done with a holder's card outside a case: who may, what is asked first, and which card it is tried on.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use sbkd::virtual_card::{Chip, Reaction};
use serde_json::{Value, json};

use super::house::{ALL, House, OPERATE, chip};
use super::refused;
use super::rig::HOLDER;
use super::rig::http::{Answer, Client};
use super::rig::until;

/// A daemon with a card that has everything, and its user at the socket.
/// A chip that stops once before it answers, until it may go on.
struct Stopping {
    chip: Box<dyn Chip>,
    stops: Arc<AtomicBool>,
    reached: Sender<()>,
    goes: Receiver<()>,
}

impl Chip for Stopping {
    fn answer(&mut self, tpdu: &[u8]) -> Reaction {
        if self.stops.swap(false, Ordering::SeqCst) {
            self.reached.send(()).expect("whoever waits for it");
            self.goes.recv().expect("whoever lets it go on");
        }
        self.chip.answer(tpdu)
    }

    fn reset(&mut self) {
        self.chip.reset();
    }

    fn atr(&self) -> Vec<u8> {
        self.chip.atr()
    }
}

fn house() -> (House, Client) {
    let house = House::open();
    house.readers.insert(HOLDER, chip("v3-money"));
    let socket = Client::unix(house.socket());
    (house, socket)
}

/// What the daemon wants to have asked.
#[track_caller]
fn asked(answer: &Answer, what: &str) -> String {
    let answer = answer.success();
    assert_eq!(
        (&answer["done"], &answer["ask"]["what"], &answer["ask"]["pad"]),
        (&Value::Null, &json!(what), &json!(false))
    );
    answer["ask"]["card"].as_str().unwrap().to_owned()
}

/// Has something done for which `what` has to be entered.
#[track_caller]
fn entered(client: &Client, route: &str, task: &Value, what: &str, pin: Option<&str>, new_pin: Option<&str>) -> Answer {
    let card = asked(&client.post(route, task), what);
    let mut call = task.clone();
    call["entered"] = json!({ "card": card, "pin": pin, "new_pin": new_pin });
    client.post(route, &call)
}

fn tries(client: &Client) -> Value {
    client.post("/v1/card/pin/tries", &json!({})).success()["done"]["left"].clone()
}

#[test]
fn files_are_shown_to_who_may_see_them() {
    let (house, socket) = house();
    let operate = house.http().token(OPERATE);
    let files = |client: &Client, unmask| {
        client.post("/v1/card/files", &json!({ "names": ["SSSE/EF05/07", "DF04/EF05"], "unmask": unmask }))
    };
    let masked = files(&operate, false).success()["done"].clone();
    let whole = files(&house.http().token(ALL), true).success()["done"].clone();
    let value = |shown: &Value| shown["files"][0]["items"][0]["value"].as_str().unwrap().to_owned();
    assert_eq!((value(&masked).as_str(), value(&whole).len()), ("*********", 9));
    assert!(!masked.to_string().contains(&value(&whole)));
    assert_eq!(files(&socket, true).success()["done"]["files"], whole["files"]);
    let before = house.readers.exchanges(HOLDER);
    refused(&files(&operate, true), 403, "E-API-PERMISSION");
    assert_eq!(house.readers.exchanges(HOLDER), before, "the card is not even asked");
    refused(&socket.post("/v1/card/files", &json!({ "names": ["DF04/EF05/FF"] })), 422, "E-CARD-UNKNOWN-ITEM");
    refused(&socket.post("/v1/card/files", &json!({ "names": ["440103198806120021"] })), 400, "E-API-BODY");
}

#[test]
fn no_token_gives_a_pin_a_write_or_an_account() {
    let (house, socket) = house();
    for route in
        ["pin/verify", "pin/change", "pin/reload", "pin/unblock", "write", "mend", "account/balance", "account/pay"]
    {
        refused(&house.http().token(ALL).post(&format!("/v1/card/{route}"), &json!({})), 403, "E-API-PERMISSION");
    }
    // Files may be read by a PIN; a token's client is not asked for it, nor may it bring one.
    let log = json!({ "names": ["DF04/EF08"] });
    let all = house.http().token(ALL);
    refused(&all.post("/v1/card/files", &log), 403, "E-API-PERMISSION");
    let card = asked(&socket.post("/v1/card/files", &log), "pin");
    let before = house.readers.exchanges(HOLDER);
    let brought = json!({ "names": ["DF04/EF08"], "entered": { "card": card, "pin": "111111" } });
    refused(&all.post("/v1/card/files", &brought), 403, "E-API-PERMISSION");
    assert_eq!(house.readers.exchanges(HOLDER), before, "the card is not even asked");
    assert_eq!(tries(&socket), 3);
    assert!(
        entered(&socket, "/v1/card/files", &log, "pin", Some("123456"), None).success()["done"]["files"].is_array()
    );
}

#[test]
fn a_pin_is_asked_for_and_tried_once_on_the_card_that_asked() {
    let (house, socket) = house();
    let (verify, nothing) = ("/v1/card/pin/verify", json!({}));
    refused(&entered(&socket, verify, &nothing, "pin", Some("111111"), None), 409, "E-CARD-PIN-WRONG");
    assert_eq!(tries(&socket), 2);
    refused(&entered(&socket, verify, &nothing, "pin", Some("12345a"), None), 422, "E-CARD-PIN-FORM");
    assert_eq!(
        entered(&socket, verify, &nothing, "pin", Some("123456"), None).success()["done"],
        json!({ "verified": true })
    );
    let changed = entered(&socket, "/v1/card/pin/change", &nothing, "change", Some("123456"), Some("222222"));
    assert_eq!(changed.success()["done"], json!({ "changed": true }));
    let set = entered(&socket, "/v1/card/pin/reload", &nothing, "new", None, Some("333333"));
    assert_eq!(set.success()["done"], json!({ "reloaded": true }));
    let balance = entered(&socket, "/v1/card/account/balance", &nothing, "pin", Some("333333"), None);
    assert_eq!(balance.success()["done"]["account"], "1500.00");

    // What is asked and not brought is asked again; what was asked by another card is tried on none.
    let card = asked(&socket.post(verify, &nothing), "pin");
    asked(&socket.post(verify, &json!({ "entered": { "card": card } })), "pin");
    house.readers.remove(HOLDER);
    house.readers.insert(HOLDER, chip("v2-full"));
    for named in [card.as_str(), "", "00"] {
        let call = json!({ "entered": { "card": named, "pin": "111111" } });
        refused(&socket.post(verify, &call), 409, "E-CARD-SWAPPED");
    }
    assert_eq!(tries(&socket), 3, "the other holder's tries are whole");
}

#[test]
fn a_write_is_read_back_and_what_is_torn_is_mended() {
    let (_house, socket) = house();
    let write = |value: &str| {
        let items = json!([{ "item": "84", "value": value }]);
        socket.post("/v1/card/write", &json!({ "file": "DF04/EF05", "items": items }))
    };
    assert_eq!(write("440105").success()["done"], json!({ "file": "DF04/EF05", "changed": 1, "mended": [] }));
    assert_eq!(write("440105").success()["done"]["changed"], 0);
    refused(&write("44010X"), 422, "E-CARD-NEW-VALUE");
    let both = json!({ "file": "DF04/EF05", "items": [], "bytes": "00" });
    refused(&socket.post("/v1/card/write", &both), 422, "E-CARD-UNKNOWN-ITEM");
    assert_eq!(socket.post("/v1/card/mend", &json!({})).success()["done"], json!({ "mended": [] }));
    let discarded = socket.post("/v1/card/mend", &json!({ "discard": true }));
    assert_eq!(discarded.success()["done"], json!({ "discarded": 0 }));
}

#[test]
fn a_payment_whose_answer_nobody_heard_is_told_before_another_is_made() {
    let (house, socket) = house();
    let (stops, (reached, has_reached), (go, goes)) = (Arc::new(AtomicBool::new(false)), channel(), channel());
    let stopping = Stopping { chip: chip("v3-money"), stops: Arc::clone(&stops), reached, goes };
    house.readers.insert(HOLDER, Box::new(stopping));
    let (pay, settle, payment) =
        ("/v1/card/account/pay", "/v1/card/account/settle", json!({ "account": "10.00", "pool": "5.00" }));
    let paid = |amount: Option<&str>| {
        let answer = entered(&socket, pay, &payment, "pin", Some("123456"), None);
        assert_eq!(answer.success()["done"]["balance"].as_str(), amount);
    };
    paid(Some("1490.00"));
    // Whoever asks and is gone by the answer hears nothing.
    let mut call = payment.clone();
    call["entered"] = json!({ "card": asked(&socket.post(pay, &payment), "pin"), "pin": "123456" });
    let body = call.to_string();
    let head = format!("POST {pay} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    let mut gone = UnixStream::connect(house.socket()).unwrap();
    stops.store(true, Ordering::SeqCst);
    gone.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    // It goes while the payment is under way: a connection that is closed before is not read.
    has_reached.recv_timeout(std::time::Duration::from_secs(30)).expect("the payment is begun");
    drop(gone);
    go.send(()).unwrap();
    let again =
        json!({ "account": "10.00", "pool": "5.00", "entered": { "card": call["entered"]["card"], "pin": "123456" } });
    let refusal = until("the payment is over", || {
        let answer = socket.post(pay, &again);
        (answer.json()["error"]["code"] != "E-TERM-BUSY").then_some(answer)
    });
    refused(&refusal, 409, "E-CARD-ACCOUNT-UNSETTLED");
    let told = socket.post(settle, &json!({})).success()["done"]["settled"].clone();
    assert_eq!(
        (told.as_array().unwrap().len(), &told[0]["account"], &told[0]["done"]),
        (1, &json!("10.00"), &json!(true))
    );
    assert!(told[0]["tac"].as_str().is_some_and(|tac| tac.len() == 8), "{told}");
    paid(Some("1470.00"));
    assert_eq!(socket.post(settle, &json!({})).success()["done"], json!({ "settled": [] }));
    // No PSAM's place for the key of a load is publicly known.
    let load = entered(&socket, "/v1/card/account/load", &json!({ "amount": "1.00" }), "pin", Some("123456"), None);
    refused(&load, 409, "E-KEYS-UNPLACED");
    refused(&socket.post(pay, &json!({ "account": "-1.00" })), 422, "E-CARD-ACCOUNT-AMOUNT");
}

#[test]
fn a_case_at_the_reader_or_a_terminal_that_stops_keeps_everybody_else_away() {
    let (house, socket) = house();
    let calls = [("/v1/card/pin/tries", json!({})), ("/v1/card/bank", json!({})), ("/v1/card/mend", json!({}))];
    for (route, call) in &calls {
        assert_eq!(socket.post(route, call).status, 200, "{route}");
        let other = json!({ "reader": "Nobody 00 00" });
        refused(&socket.post(route, &other), 409, "E-TERM-NO-READER");
    }
    let open = json!({ "scenario": "unemployment-sign-in", "operator": "1" });
    let id = socket.post("/v1/cases", &open).success()["id"].as_str().unwrap().to_owned();
    until("the case has the card", || {
        let case = socket.get(&format!("/v1/cases/{id}")).success();
        (case["state"] == "waiting-input").then_some(())
    });
    for (route, call) in &calls {
        refused(&socket.post(route, call), 409, "E-TERM-BUSY");
    }
    socket.post(&format!("/v1/cases/{id}/cancel"), &json!({})).success();
    house.terminal.drain();
    for (route, call) in &calls {
        refused(&socket.post(route, call), 503, "E-TERM-DRAINING");
    }
}
