//! Every scenario is carried out, from the card to the acknowledged transaction; its message is what it should be, and so
//! is what it sends to the chips; it is printed in every form.

use sbkd::queue::State;
use serde_json::Value;
use uuid::Uuid;

use crate::apdus::{self, Apdus};
use crate::house::{House, brief};
use crate::message;
use crate::subject::{self, Subject};

/// What came of one.
struct Done {
    id: Uuid,
    /// The number on the card.
    number: String,
    apdus: Apdus,
}

#[test]
fn every_scenario_is_carried_out_and_acknowledged() {
    let house = House::open();
    let all = subject::all();
    // What one settlement leaves of the account is nothing to the next one's message.
    let db = house.centre_db();
    db.execute_batch("CREATE TEMP TABLE seeded AS SELECT * FROM facts").unwrap();
    let done: Vec<Done> = house.each(&all, |subject| {
        db.execute_batch("INSERT OR REPLACE INTO facts SELECT * FROM temp.seeded").unwrap();
        house.card_of(subject);
        // From here on the terminal knows what this type of card can do, and asks no more.
        let number = house.number();
        let before = Apdus::so_far(&house);
        let id = accepted(&house, subject);
        Done { id, number, apdus: Apdus::since(&house, before) }
    });
    assert_eq!(house.committed(), all.len(), "one transaction each");
    let (journal, _dir) = house.into_journal();
    let mut otherwise = Vec::new();
    for (subject, Done { id, number, .. }) in all.iter().zip(&done) {
        let payload = journal.payload(*id).unwrap().unwrap_or_else(|| panic!("{subject}: nothing is in the journal"));
        otherwise.extend(message::otherwise(subject, number, &payload));
    }
    otherwise.extend(apdus::otherwise(all.iter().zip(done.iter().map(|done| done.apdus))));
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

/// Carries it out, and gives its transaction.
fn accepted(house: &House, subject: &Subject) -> Uuid {
    let view = house.carried_out(subject, None);
    assert_eq!((&view["state"], &view["failure"]), (&"done".into(), &Value::Null), "{subject}: {}", brief(&view));
    assert!(view["slip"].as_array().is_some_and(|slip| !slip.is_empty()), "{subject}: nothing is printed");
    if subject.asks.kind == "query" {
        let records = view["found"]["records"].as_array().unwrap();
        let own = &subject.said.own.detail;
        assert!(
            records.iter().any(|record| record.get(own).is_some()),
            "{subject}: no record has its own detail {own}"
        );
    }
    let row = house.transaction(&view, State::Acked);
    assert_eq!(row["scenario"], subject.scenario, "{subject}: {row}");
    assert_eq!(row["business_date"], view["business_date"], "{subject}: {row}");
    let id = row["id"].as_str().unwrap();
    let names_it = house.papers(&view).map(|paper| paper.contains(id));
    assert_eq!(names_it, [true; 4], "{subject}: a paper does not say of which transaction it is");
    id.parse().unwrap()
}
