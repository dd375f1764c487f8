//! What the interface answers is what its document describes: each answer of each route is held against the schema
//! that `GET /openapi.json` has for it, and nothing may be there that is not described.

use std::collections::BTreeSet;

use sbkd::center::{self, Faults, Settings};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::described::Document;
use super::house::{ALL, House, chip};
use super::rig::http::{Answer, Client};
use super::rig::{HOLDER, tree, until};

fn open(scenario: &str) -> Value {
    let form = std::fs::read_to_string(tree("fixtures/demo").join(scenario).with_extension("json")).unwrap();
    let form: Value = serde_json::from_str(&form).unwrap();
    json!({ "scenario": scenario, "operator": "0001", "reader": HOLDER, "input": form, "idempotency": scenario })
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

#[test]
fn each_answer_of_each_route_is_as_it_is_described() {
    let house = House::open();
    let document = Document::of(&house);
    for route in ["/openapi.json", "/v1/readers", "/v1/scenarios", "/v1/policy", "/v1/health", "/v1/transactions"] {
        document.ask("GET", route, "", None);
    }
    // Between them they have whatever a part may have.
    let scenarios = document.ask("GET", "/v1/scenarios", "", None);
    for scenario in scenarios.as_array().unwrap() {
        document.ask("GET", "/v1/scenarios/{id}", scenario["id"].as_str().unwrap(), None);
    }
    let mut told = document.client.events("/v1/events").unwrap();

    let sign_in = open("unemployment-sign-in");
    let case = id(&document.ask("POST", "/v1/cases", "", Some(sign_in.clone())));
    assert_eq!(id(&document.ask("POST", "/v1/cases", "", Some(sign_in))), case);
    let other_case = json!({ "scenario": "unemployment-sign-in", "operator": "0001" });
    house.insert();
    let shown = document.until(&case, "waiting-confirmation");
    assert!(shown["holder"]["name"].is_string() && shown["decision"]["trace"].is_array(), "{shown:#}");
    document.ask("POST", "/v1/cases/{id}/confirm", &case, None);
    let done = document.until(&case, "done");
    assert!(done["slip"].is_array() && done["transaction"].is_object(), "{done:#}");
    for medium in ["a4", "80mm", "escpos", "text"] {
        document.fetch(&format!("/v1/cases/{{id}}/paper?as={medium}"), &case);
    }
    document.ask("GET", "/v1/transactions?state=pending&limit=1", "", None);
    document.ask("GET", "/v1/transactions/{id}", &id(&done["transaction"]), None);
    let said = document.ask("GET", "/v1/transactions/{id}/refusal", &id(&done["transaction"]), None);
    assert_eq!(said, json!(null), "nobody refused it");
    let filed = document.ask("GET", "/v1/transactions/{id}/filed", &id(&done["transaction"]), None);
    assert_eq!(filed, json!(null), "a sign-in files nothing");
    let none = document.ask("GET", "/v1/transactions/{id}/paper?as=text", &id(&done["transaction"]), None);
    assert_eq!(none["error"]["code"], "E-TERM-NO-RECEIPT");

    let shift = done["shift"].as_str().unwrap().to_owned();
    assert_eq!(done["transaction"]["shift"], shift);
    document.ask("GET", "/v1/shifts", "", None);
    assert_eq!(document.ask("GET", "/v1/shifts/{id}", &shift, None)["totals"][0]["count"], 1);
    let other = document.ask("POST", "/v1/shifts", "", Some(json!({ "operator": "0002" })));
    assert_eq!(document.ask("POST", "/v1/shifts", "", Some(json!({ "operator": "0002" }))), other);
    let closed = document.ask("POST", "/v1/shifts/{id}/close", other["number"].as_str().unwrap(), None);
    assert!(closed["closed_at"].is_string(), "{closed}");
    document.ask("POST", "/v1/policy/reload", "", None);
    for unmask in [false, true] {
        document.ask("POST", "/v1/card/read", "", Some(json!({ "unmask": unmask })));
    }
    let (socket, kind) = (Client::unix(house.socket()), json!({ "parameters": { "iType": "1" } }));
    let read = document.ask_by(&socket, "POST", "/v1/driver/{function}", "iReadCardBas", Some(kind.clone()));
    assert_eq!(read["code"], 0, "{read}");
    let asked = document.ask_by(&socket, "POST", "/v1/driver/{function}", "iVerifyPIN", Some(kind));
    assert!(asked["ask"] == "pin" && asked["card"].is_string(), "{asked}");
    card_tasks(&house, &document, &socket);
    house.insert();
    let case = id(&document.ask("POST", "/v1/cases", "", Some(other_case)));
    document.until(&case, "waiting-input");
    let refused = document.ask("POST", "/v1/cases/{id}/input", &case, Some(json!({})));
    assert_eq!(refused["error"]["code"], "E-SCN-INPUT");
    assert_eq!(document.ask("GET", "/v1/cases/{id}", &case, None)["failure"]["code"], "E-SCN-INPUT");
    document.ask("POST", "/v1/cases/{id}/cancel", &case, Some(json!({})));
    let case = id(&document.ask(
        "POST",
        "/v1/cases",
        "",
        Some(json!({ "scenario": "unemployment-sign-in", "operator": "2" })),
    ));
    document.ask("POST", "/v1/cases/{id}/input", &case, Some(open("unemployment-sign-in")["input"].take()));
    document.ask("POST", "/v1/cases/{id}/confirm", &case, Some(json!({ "amount": 1 })));

    // What was told meanwhile, up to the last of it.
    let event = document.schema("GET", "/v1/events", 200).clone();
    house.readers.remove(HOLDER);
    let (mut kinds, mut out) = (BTreeSet::new(), false);
    for (kind, data) in told.by_ref() {
        let mut wrong = Vec::new();
        document.check(&event, &data, "", &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}\n{data:#}");
        out |= data["change"] == "card-out";
        kinds.insert(kind);
        // What is not delivered is told beside the rest, and may come before it or after.
        if out && kinds.contains("queue") {
            break;
        }
    }
    assert_eq!(kinds, ["case", "queue", "reader", "shift", "step", "transaction"].map(str::to_owned).into());

    let seen = document.seen.borrow();
    let mut described = BTreeSet::new();
    for (route, item) in document.served["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let statuses = operation["responses"].as_object().unwrap().keys().filter_map(|status| status.parse().ok());
            described.extend(statuses.map(|status| (method.clone(), route.clone(), status)));
        }
    }
    described.remove(&("get".to_owned(), "/v1/events".to_owned(), 200));
    // No PSAM that is publicly known has the key of a load: `card_use` has one by the demonstration's keys.
    described.remove(&("post".to_owned(), "/v1/card/account/load".to_owned(), 200));
    // Those need a centre: `what_reconciliation_says_is_as_it_is_described`.
    described.retain(|(_, route, _)| !route.starts_with("/v1/reconciliations") && !route.ends_with("/acknowledge"));
    // It needs one that has accepted something: `tests/scenarios/paper.rs`.
    described.remove(&("get".to_owned(), "/v1/transactions/{id}/paper".to_owned(), 200));
    let left: Vec<_> = described.difference(&seen).collect();
    assert!(left.is_empty(), "described, and not seen here: {left:?}");
}

/// What is done with a card that has everything, and what is asked before.
fn card_tasks(house: &House, document: &Document, socket: &Client) {
    house.readers.insert(HOLDER, chip("v3-money"));
    let files = json!({ "names": ["DF04/EF05", "DF04/EF08", "SSSE/EF08"], "unmask": true });
    let write = json!({ "file": "DF04/EF05", "items": [{ "item": "84", "value": "440105" }] });
    let (none, discard) = (json!({}), json!({ "discard": true }));
    let pins = |pin: Option<&str>, new: Option<&str>| json!({ "pin": pin, "new_pin": new });
    for (route, task, pins) in [
        ("/v1/card/files", &files, pins(Some("123456"), None)),
        ("/v1/card/bank", &none, Value::Null),
        ("/v1/card/pin/tries", &none, Value::Null),
        ("/v1/card/pin/verify", &none, pins(Some("123456"), None)),
        ("/v1/card/pin/change", &none, pins(Some("123456"), Some("222222"))),
        ("/v1/card/pin/reload", &none, pins(None, Some("123456"))),
        ("/v1/card/pin/unblock", &none, Value::Null),
        ("/v1/card/write", &write, Value::Null),
        ("/v1/card/mend", &none, Value::Null),
        ("/v1/card/mend", &discard, Value::Null),
        ("/v1/card/account/balance", &none, pins(Some("123456"), None)),
        ("/v1/card/account/pay", &json!({ "account": "23.45", "pool": "200.00" }), pins(Some("123456"), None)),
        ("/v1/card/account/settle", &none, Value::Null),
        ("/v1/card/account/settle", &discard, Value::Null),
    ] {
        let answer = document.ask_by(socket, "POST", route, "", Some(task.clone()));
        assert_eq!(answer["ask"].is_null(), pins.is_null(), "{route}: {answer:#}");
        if !pins.is_null() {
            let mut call = task.clone();
            call["entered"] = pins;
            call["entered"]["card"] = answer["ask"]["card"].clone();
            let answer = document.ask_by(socket, "POST", route, "", Some(call));
            assert!(answer["done"].is_object(), "{route}: {answer:#}");
        }
    }
}

#[test]
fn what_the_centre_says_is_as_it_is_described() {
    for (seed, state) in [(None, "done"), (Some("seed-other-accumulators.toml"), "referred")] {
        let runtime = Runtime::new().unwrap();
        let centre = center::run(Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            database: None,
            seed: seed.map(|seed| tree("config/center").join(seed)),
            token: ALL.to_owned(),
            ledger_token: None,
            demo: true,
            faults: Faults::default(),
            tls: None,
            broker: None,
        });
        let centre = runtime.block_on(centre).unwrap();
        let house = House::with(&format!("[uplink]\nurl = \"http://{}\"\ntoken_file = \"all\"\n", centre.address));
        let document = Document::of(&house);
        until("the centre is reached", || {
            Some(document.ask("GET", "/v1/health", "", None)).filter(|health| health["uplink"]["reachable"] == true)
        });
        house.insert();
        let case = id(&document.ask("POST", "/v1/cases", "", Some(open("medical-settlement"))));
        if state == "done" {
            document.until(&case, "waiting-confirmation");
            document.ask("POST", "/v1/cases/{id}/confirm", &case, None);
        }
        let ended = document.until(&case, state);
        assert!(ended["centre"].is_object(), "{ended:#}");
        assert_eq!(ended["differences"].as_array().unwrap().is_empty(), state == "done");
    }
}

#[test]
fn what_reconciliation_says_is_as_it_is_described() {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("centre.db");
    let centre = center::run(Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Some(database.clone()),
        seed: None,
        token: ALL.to_owned(),
        ledger_token: None,
        demo: true,
        faults: Faults::default(),
        tls: None,
        broker: None,
    });
    let centre = runtime.block_on(centre).unwrap();
    let house = House::with(&format!("[uplink]\nurl = \"http://{}\"\ntoken_file = \"all\"\n", centre.address));
    let document = Document::of(&house);
    house.insert();
    let case = id(&document.ask("POST", "/v1/cases", "", Some(open("medical-settlement"))));
    document.until(&case, "waiting-confirmation");
    document.ask("POST", "/v1/cases/{id}/confirm", &case, None);
    document.until(&case, "done");
    let changed = rusqlite::Connection::open(&database)
        .unwrap()
        .execute("UPDATE settlements SET reply = json_set(reply, '$.setlinfo.psn_cash_pay', '1.00')", []);
    assert_eq!(changed, Ok(1));
    let today = sbkd::world::Clock::today(&sbkd::world::SystemClock).to_string();
    let new = json!({ "date": today, "operator": "0001" });
    let day = document.ask("POST", "/v1/reconciliations", "", Some(new));
    assert_eq!(day["differences"][0]["fields"], json!(["psn_cash_pay"]), "{day:#}");
    document.ask("GET", "/v1/reconciliations", "", None);
    document.ask("GET", "/v1/reconciliations/{id}", &today, None);
    let number = day["differences"][0]["id"].to_string();
    let repair = |action: &str| json!({ "action": action, "operator": "0002" });
    let route = "/v1/reconciliations/differences/{id}/repair";
    assert_eq!(document.ask("POST", route, &number, Some(repair("reverse")))["error"]["code"], "E-RECON-ACTION");
    let repaired = document.ask("POST", route, &number, Some(repair("adopt")));
    assert_eq!(repaired["repair"]["operator"], "0002");
    // Who never comes back is called.
    let told_of = |count: usize| {
        let listed = document.ask("GET", "/v1/transactions?untold=true", "", None);
        assert_eq!(listed.as_array().unwrap().len(), count, "{listed:#}");
        assert_eq!(document.ask("GET", "/v1/health", "", None)["untold"], count);
        listed
    };
    assert_eq!(told_of(1)[0]["id"], repaired["transaction"]);
    // The holder's next case tells of it, until they were told.
    let next = || id(&document.ask("POST", "/v1/cases", "", Some(open("unemployment-sign-in"))));
    let case = next();
    let told = document.until(&case, "waiting-confirmation")["notices"].clone();
    assert_eq!((&told[0]["transaction"], &told[0]["owed"]), (&repaired["transaction"], &json!("1.00")), "{told:#}");
    document.ask("POST", "/v1/cases/{id}/cancel", &case, None);
    let transaction = repaired["transaction"].as_str().unwrap();
    let told = json!({ "operator": "0002", "revision": told[0]["revision"] });
    document.ask("POST", "/v1/transactions/{id}/acknowledge", transaction, Some(told));
    told_of(0);
}

#[test]
fn every_route_says_how_it_refuses_and_who_may_call() {
    let served = serde_json::to_value(sbkd::api::document()).unwrap();
    assert_eq!(served["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(served["security"], json!([{ "bearer": [] }, {}]), "a token, or the socket");
    for (route, item) in served["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let refused = &operation["responses"]["default"]["content"]["application/json"]["schema"];
            assert_eq!(refused["$ref"], "#/components/schemas/Refused", "{method} {route}");
        }
    }
    for step in ["confirm", "cancel"] {
        let body = &served["paths"][format!("/v1/cases/{{id}}/{step}")]["post"]["requestBody"];
        assert!(body.is_object() && body["required"] != true, "{step}: {body}");
    }
}

#[test]
fn an_answer_that_is_not_as_it_is_described_is_found() {
    let house = House::open();
    let document = Document::of(&house);
    let health = document.ask("GET", "/v1/health", "", None);
    let wrong = |change: &dyn Fn(&mut Value)| {
        let (mut changed, mut wrong) = (health.clone(), Vec::new());
        change(&mut changed);
        document.check(document.schema("GET", "/v1/health", 200), &changed, "", &mut wrong);
        wrong.len()
    };
    assert_eq!(wrong(&|_| ()), 0);
    assert_eq!(wrong(&|health| health["more"] = json!(1)), 1);
    assert_eq!(wrong(&|health| drop(health.as_object_mut().unwrap().remove("queue"))), 1);
    assert_eq!(wrong(&|health| health["status"] = json!("splendid")), 1);
    assert_eq!(wrong(&|health| health["readers"][0]["card"] = json!("yes")), 1);
    assert_eq!(wrong(&|health| health["queue"]["sum"] = json!("1.5")), 1);
}

#[test]
fn the_page_names_each_member() {
    let page = std::fs::read_to_string(tree("docs/api.md")).unwrap();
    let served = serde_json::to_value(sbkd::api::document()).unwrap();
    let mut wanted = BTreeSet::new();
    let all =
        ["Case", "Holder", "Decision", "Difference", "Transaction", "Reader", "Scenario", "Health", "QueueHealth"];
    let all = all.iter().chain(&[
        "Found",
        "PolicyHealth",
        "PolicyRefused",
        "Shift",
        "ShiftTotal",
        "Alarm",
        "ReconciliationHealth",
        "Notice",
        "TerminalLeft",
        "Reconciliation",
        "AccountDifference",
        "Repair",
        "ReconciledDay",
    ]);
    let events = served.pointer("/components/schemas/What/oneOf").unwrap().as_array().unwrap();
    let schemas = all.map(|name| &served["components"]["schemas"][name]).chain(events);
    for schema in schemas.chain([&served["components"]["schemas"]["UplinkHealth"]]) {
        let members = schema["properties"].as_object().unwrap_or_else(|| panic!("{schema}"));
        wanted.extend(members.keys().cloned());
    }
    let told = |name: &&String| page.contains(&format!("`{name}`")) || page.contains(&format!("\"{name}\""));
    let missing: Vec<_> = wanted.iter().filter(|name| !told(name)).collect();
    assert!(missing.is_empty(), "docs/api.md does not name {missing:?}");
}

#[test]
fn a_refusal_names_what_it_is_about() {
    let house = House::open();
    let client = house.http().token(ALL);
    let detail = |answer: Answer| answer.json()["error"]["detail"].clone();
    for (query, named) in [
        ("limit=many", "`limit` is 1 to 1000"),
        ("limit=1001", "`limit` is 1 to 1000"),
        ("limit=1&limit=2", "`limit` is there twice"),
        ("state=440103198806120021", "`state` is some of pending, sending, "),
        ("untold=440103198806120021", "`untold` is true or false"),
        ("440103198806120021=1", "there are one of `state`, `limit`, `untold`"),
    ] {
        let told = detail(client.get(&format!("/v1/transactions?{query}")));
        let told = told.as_str().unwrap();
        assert!(told.contains(named) && !told.contains("440103198806120021"), "{query}: {told}");
    }
    let case = json!({ "scenario": "unemployment-sign-in", "operator": "1", "reader": "Nobody 00 00" });
    for (path, body) in [("/v1/cases", &case), ("/v1/card/read", &json!({ "reader": "Nobody 00 00" }))] {
        assert_eq!(detail(client.post(path, body)), "Nobody 00 00", "{path}");
    }
    for none in ["x".repeat(129), "a\u{1b}[2J".to_owned()] {
        let answer = client.post("/v1/card/read", &json!({ "reader": none }));
        assert_eq!((answer.status, detail(answer)), (409, Value::Null), "{none}");
    }
    let twice = r#"{"scenario":"unemployment-sign-in","operator":"1","input":{"acc026":true,"acc026":false}}"#;
    let answer = client.request("POST", "/v1/cases", Some(twice));
    assert_eq!(answer.status, 400);
    assert!(detail(answer).as_str().unwrap().ends_with("duplicate field"));
}
