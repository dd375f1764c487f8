//! What is looked up of a person of whom the centre has no record.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::house::{House, case_id};
use crate::subject::{self, Subject};
use crate::told;

#[test]
fn who_has_no_record_is_told_so_and_nothing_is_done_but_to_tell_them() {
    let house = House::open();
    let looking_up = subject::those(|asks| asks.lookup.is_some());
    let with_records = house.each(&looking_up, |subject| {
        house.card_of(subject);
        let view = house.told(subject, house.to_be_confirmed(subject, None));
        if view["state"] == "waiting-confirmation" {
            house.give_up(case_id(&view));
        }
        reasons(&view)
    });
    let holders = house.each(&looking_up, |subject| {
        house.card_of(subject);
        house.number()
    });
    // All that was theirs is somebody else's.
    let db = house.centre_db();
    db.execute("INSERT INTO persons VALUES ('44010000000099', 'nobody at the counter', '310')", []).unwrap();
    for number in holders.into_iter().collect::<BTreeSet<String>>() {
        let given = "UPDATE records SET psn_no = '44010000000099'
                     WHERE psn_no = (SELECT psn_no FROM persons WHERE certno = ?1)";
        assert_ne!(db.execute(given, [number]), Ok(0), "there was a record");
    }
    let usually = looking_up.iter().map(ToString::to_string).zip(with_records);
    let usually: BTreeMap<String, BTreeSet<String>> = usually.collect();
    let before = house.committed();
    let ends = house.each(&looking_up, |subject| {
        house.card_of(subject);
        let view = house.told(subject, house.decided(subject, &subject.said.full_form(), None));
        match &subject.asks.lookup.as_ref().unwrap().key {
            Some(key) => names_no_record(&house, &view, key, subject),
            None => says_that_there_is_none(&house, &view, &usually[&subject.to_string()], subject),
        }
        view["state"].clone()
    });
    assert_eq!(house.committed() - before, ends.iter().filter(|end| **end == "done").count());
}

/// The record that the form names is a mistake of the form.
fn names_no_record(house: &House, view: &Value, key: &str, subject: &Subject) {
    assert_eq!(view["state"], "waiting-input", "{subject}: {view}");
    told::told(&view["failure"], &["E-SCN-INPUT"], "clerk", subject);
    told::names(&view["failure"], [key], subject);
    house.give_up(case_id(view));
}

/// The rules have a reason of their own for that, by which they refuse, or which is shown.
fn says_that_there_is_none(house: &House, view: &Value, usually: &BTreeSet<String>, subject: &Subject) {
    let told: BTreeSet<String> = reasons(view).difference(usually).cloned().collect();
    assert!(!told.is_empty(), "{subject}: nothing says that there is no record: {view}");
    match view["state"].as_str() {
        Some("refused") => {
            told::told(&view["failure"], &["E-TERM-DENIED"], "clerk", subject);
            told::names(&view["failure"], told.iter().map(String::as_str), subject);
        }
        Some("done") if subject.asks.is_told_after_the_pin() => {}
        state => {
            assert_eq!(state, Some("waiting-confirmation"), "{subject}: {view}");
            house.give_up(case_id(view));
        }
    }
}

/// The codes of what the rules say.
fn reasons(view: &Value) -> BTreeSet<String> {
    let all = view["decision"]["reasons"].as_array().into_iter().flatten();
    all.map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}
