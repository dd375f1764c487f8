//! What comes of a scenario with other cards than its own, or other claims: people who are insured otherwise, and what
//! another pack of the scenario decides.

use sbkd::queue::State;
use serde_json::{Value, json};

use crate::fixture::Case;
use crate::house::{House, brief, case_id};
use crate::subject::{self, Subject};
use crate::told;

#[test]
fn what_another_person_or_another_claim_comes_to_is_what_the_fixture_says() {
    let house = House::open();
    let mut with_cases = subject::all();
    with_cases.retain(|subject| !subject.said.cases.is_empty());
    house.each(&with_cases, |subject| {
        for (at, case) in subject.said.cases.iter().enumerate() {
            let about = format!("{subject}, case {} with {}", at + 1, case.card);
            house.put_in(&case.card);
            let view = house.decided(subject, &subject.said.form_of(case), None);
            match case.reasons.is_empty() {
                true => done(&house, subject, &view, case, &about),
                false => referred(&house, &house.told(subject, view), case, &about),
            }
        }
    });
    let cards: Vec<&str> =
        with_cases.iter().flat_map(|subject| &subject.said.cases).map(|case| case.card.as_str()).collect();
    assert!(cards.contains(&"v3-resident"), "nobody is insured as a resident: {cards:?}");
}

/// It comes to these figures; of a settlement the centre comes to them as well, and its own stand.
fn done(house: &House, subject: &Subject, view: &Value, case: &Case, about: &str) {
    assert_eq!(view["state"], "waiting-confirmation", "{about}: {}", brief(view));
    let by_the_terminal = |view: &Value| {
        has_figures(&view["decision"]["outputs"], case, &format!("{about}, by the terminal"));
    };
    if !subject.asks.is_told_after_the_pin() {
        by_the_terminal(view);
    }
    assert_eq!(house.confirm(view).status, 200, "{about}");
    let view = house.ended(case_id(view));
    assert_eq!(view["state"], "done", "{about}: {}", brief(&view));
    by_the_terminal(&view);
    if subject.asks.kind == "settle" {
        has_figures(&view["centre"], case, &format!("{about}, by the centre"));
    }
    house.transaction(&view, State::Acked);
}

fn has_figures(found: &Value, case: &Case, about: &str) {
    assert!(!case.want.is_empty(), "{about}: the fixture wants nothing");
    let otherwise: Vec<_> = case.want.iter().filter(|(name, value)| found[name.as_str()] != **value).collect();
    assert!(otherwise.is_empty(), "{about}: wanted {otherwise:?} of {found}");
}

/// A person decides, and nothing is committed.
fn referred(house: &House, view: &Value, case: &Case, about: &str) {
    let before = house.committed();
    assert_eq!(view["state"], "referred", "{about}: {}", brief(view));
    told::told(&view["failure"], &["E-TERM-REFERRED"], "clerk", &about);
    told::names(&view["failure"], case.reasons.iter().map(String::as_str), &about);
    assert_eq!((&view["transaction"], house.committed()), (&json!(null), before), "{about}");
}
