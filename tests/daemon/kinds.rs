//! A scenario of each kind as a counter carries it out: with the form and the card of its fixture, on a real pcscd, by a
//! real daemon and a real centre.

use std::collections::BTreeSet;

use sbkd::queue::{Queue, QueueKeys, Settings};
use sbkd::world::{SystemClock, SystemRandom};
use serde_json::{Value, json};

use crate::rig::http::Client;
use crate::rig::walk::{Setting, Walk};
use crate::rig::{image, tree};

#[allow(dead_code, reason = "what all tests of scenarios read; this one uses a part")]
#[path = "../scenarios/catalogue.rs"]
mod catalogue;
#[allow(dead_code, reason = "what all tests of scenarios read; this one uses a part")]
#[path = "../scenarios/fixture.rs"]
mod fixture;
#[allow(dead_code, reason = "what all tests of scenarios look at; this one uses a part")]
#[path = "../scenarios/message.rs"]
mod message;
#[allow(dead_code, reason = "what all tests of scenarios carry out; this one uses a part")]
#[path = "../scenarios/subject.rs"]
mod subject;

use subject::Subject;

/// The PIN of every card of the demonstration.
const PIN: &str = "123456";

#[test]
fn a_scenario_of_each_kind_is_acknowledged_through_a_real_card_service() {
    let mut walk = Walk::start(Setting::default());
    walk.rig.keep_psam(&image("psam"));
    let (mut card, mut number) = (String::new(), String::new());
    let mut done = Vec::new();
    for subject in one_of_each_kind() {
        if card != subject.card {
            let watch = walk.watch();
            walk.rig.insert(&image(&subject.card));
            watch.until("the card's event", |event| event["change"] == "card-in");
            card.clone_from(&subject.card);
            number = number_on_card(&walk);
        }
        let row = carried_out(&walk, &subject);
        done.push((subject, number.clone(), row));
    }
    let ledger = walk.ledger();
    for (subject, _, row) in &done {
        assert!(is_in(&ledger, row), "{subject}: the centre has nothing of {row:#}: {ledger:#}");
    }
    assert_eq!(walk.transactions().len(), done.len(), "one transaction each");

    assert_eq!(walk.stop_daemon(), Some(0));
    let journal = journal(&walk);
    let otherwise = done.iter().flat_map(|(subject, number, row)| {
        let id = row["id"].as_str().unwrap().parse().unwrap();
        let payload = journal.payload(id).unwrap().unwrap_or_else(|| panic!("{subject}: nothing is in the journal"));
        message::otherwise(subject, number, &payload)
    });
    let otherwise: Vec<String> = otherwise.collect();
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

/// Of each kind the first scenario, those of a card one after the other. The kinds are those that the table of conditions
/// has a row of, and the catalogue's.
fn one_of_each_kind() -> Vec<Subject> {
    let (mut kinds, mut chosen) = (BTreeSet::new(), subject::all());
    chosen.retain(|subject| kinds.insert(subject.asks.kind.clone()));
    let known: BTreeSet<String> =
        catalogue::toml(&tree("config/conditions.toml")).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, known, "each kind has a scenario to carry out");
    chosen.sort_by(|one, other| one.card.cmp(&other.card));
    chosen
}

fn number_on_card(walk: &Walk) -> String {
    let read = walk.http.post("/v1/card/read", &json!({ "unmask": true })).success();
    read["holder"]["social_security_number"].as_str().unwrap_or_else(|| panic!("{read:#}")).to_owned()
}

/// Carries it out, and gives its transaction once that is acknowledged.
fn carried_out(walk: &Walk, subject: &Subject) -> Value {
    let opened = walk.http.post("/v1/cases", &subject.case(Some(&subject.said.full_form()), None)).success();
    let id = opened["id"].as_str().unwrap();
    let view = walk.until_case(id, &["waiting-confirmation"]);
    // A PIN is taken at the socket alone.
    let (door, with) = match view["needs_pin"] == true {
        true => (&Client::unix(walk.socket()), json!({ "pin": PIN })),
        false => (&walk.http, json!({})),
    };
    door.post(&format!("/v1/cases/{id}/confirm"), &with).success();
    let view = walk.until_case(id, &["done"]);
    assert!(view["slip"].as_array().is_some_and(|slip| !slip.is_empty()), "{subject}: nothing is printed: {view:#}");
    let row = walk.until_transaction(view["transaction"]["id"].as_str().unwrap(), "acked");
    assert_eq!(row["scenario"], subject.scenario, "{row:#}");
    row
}

/// Where the centre's ledger has a transaction: the list, what names it there, and how it stands. What was stored goes by
/// its id, what was settled or paid online by that of its message.
const HELD: [(&str, &str, &str, &str); 3] = [
    ("transactions", "id", "/outcome/result", "accepted"),
    ("settlements", "msgid", "/state", "settled"),
    ("payments", "msgid", "/state", "paid"),
];

/// Whether the centre has a transaction: one that came once, and stands.
fn is_in(ledger: &Value, row: &Value) -> bool {
    let found = HELD.iter().flat_map(|&(list, name, how, stands)| {
        let rows = ledger[list].as_array().unwrap().iter();
        rows.filter(move |taken| taken[name] == row[name])
            .map(move |taken| taken.pointer(how) == Some(&stands.into()) && taken["times"] == 1)
    });
    found.eq([true])
}

/// The journal of the daemon that was stopped.
fn journal(walk: &Walk) -> Queue {
    let state = walk.file("state");
    let settings = Settings {
        path: state.join("queue.db"),
        anchor: state.join("queue.anchor"),
        terminal: "H44010099999".into(),
        demo: true,
    };
    let keys = QueueKeys::load(&state.join("keys")).unwrap();
    Queue::open(settings, keys, std::sync::Arc::new(SystemClock), std::sync::Arc::new(SystemRandom::default())).unwrap()
}
