//! Every scenario while the centre is away does what the table of conditions says, and what was stored is delivered.

use sbkd::queue::State;
use sbkd::terminal::Condition;
use serde_json::{Map, Value};

use crate::catalogue::{toml, tree};
use crate::house::{House, brief, case_id};
use crate::subject::{self, Subject};
use crate::told;

/// What is done, in the order of strictness.
const CONDUCTS: [&str; 3] = ["carry-out", "provisional", "refuse"];

#[test]
fn of_a_person_it_never_was_told_of_the_terminal_does_what_the_table_says() {
    let house = House::alone();
    let table = toml(&tree("config/conditions.toml"));
    house.each(&all(), |subject| {
        let conduct = strictest(&table, subject, &["uplink-away", "no-record"]);
        carried_out(&house, subject, conduct);
    });
}

#[test]
fn of_a_person_it_knows_the_terminal_does_what_the_table_says_and_delivers_it_later() {
    let mut house = House::open();
    let table = toml(&tree("config/conditions.toml"));
    let all = all();
    house.each(&all, |subject| {
        house.card_of(subject);
        let view = house.to_be_confirmed(subject, None);
        house.give_up(case_id(&view));
    });
    house.stop_centre();
    house.wait_for_condition(Condition::UplinkAway, true);
    let stored = house.each(&all, |subject| {
        let is_cached = subject.asks.lookup.as_ref().is_some_and(|lookup| lookup.cached);
        let conduct = match (subject.asks.kind.as_str(), is_cached) {
            // What was told a short time ago is shown again; of some nothing is kept.
            ("query", false) => "refuse",
            _ => strictest(&table, subject, &["uplink-away"]),
        };
        carried_out(&house, subject, conduct)
    });
    let stored: Vec<Value> = stored.into_iter().flatten().collect();
    house.start_centre();
    for view in &stored {
        let row = house.transaction(view, State::Acked);
        assert!(row["centre_no"].is_string(), "{row}");
    }
    assert_eq!(house.committed(), stored.len(), "each once");
}

/// Every part, and beside the one claim that a fixture has another, which a pack of its own decides: for assistance, of
/// somebody who is given it, in a year in which the measures were in force.
fn all() -> Vec<Subject> {
    let mut all = subject::all();
    let claims = |subject: &Subject| subject.scenario == "medical-reimbursement-application";
    let mut claim = subject::all().into_iter().find(claims).unwrap();
    claim.card = "v1-3des".to_owned();
    for (name, value) in [("claim", "assistance"), ("begntime", "2014-07-06"), ("endtime", "2014-07-15")] {
        claim.said.form.insert(name.to_owned(), value.into());
    }
    all.push(claim);
    all
}

/// The cell that is in force of these conditions.
fn strictest(table: &Map<String, Value>, subject: &Subject, conditions: &[&str]) -> &'static str {
    let strictness = |cell: &Value| CONDUCTS.iter().position(|conduct| cell == conduct).unwrap();
    let cells = conditions.iter().flat_map(|condition| {
        let own = subject.asks.conditions.get(*condition);
        own.into_iter().chain([&table[&subject.asks.kind][*condition]])
    });
    CONDUCTS[cells.map(strictness).max().unwrap()]
}

/// Carries it out as far as that goes, and gives the case of what is stored.
fn carried_out(house: &House, subject: &Subject, conduct: &str) -> Option<Value> {
    house.card_of(subject);
    let before = house.committed();
    let (state, provisional) = match conduct {
        "refuse" => {
            let view = house.decided(subject, &subject.said.full_form(), None);
            assert_eq!(view["state"], "refused", "{subject}: {}", brief(&view));
            told::told(&view["failure"], &["E-TERM-UPLINK-AWAY", "E-TERM-NO-RECORD"], "clerk", subject);
            assert_eq!((&view["transaction"], house.committed()), (&Value::Null, before), "{subject}");
            return None;
        }
        "provisional" => ("provisional-done", true),
        _ => ("done", false),
    };
    let view = house.carried_out(subject, None);
    assert_eq!((&view["state"], &view["failure"]), (&state.into(), &Value::Null), "{subject}: {}", brief(&view));
    assert_eq!((&view["provisional"], house.committed()), (&provisional.into(), before + 1), "{subject}");
    let row = house.rows().remove(0);
    let waits = ["pending", "sending"].iter().any(|state| row["state"] == *state);
    assert!(waits && row["id"] == view["transaction"]["id"], "{subject}: {row}");
    Some(view)
}
