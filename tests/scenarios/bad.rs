//! What may be bad about a case, for every scenario: how it is told, and what is left in the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sbkd::center;
use sbkd::queue::{Faults, QueueError, State};
use sbkd::terminal::{CaseState, Condition};
use serde_json::{Value, json};

use crate::bad_forms::{self, BadForm};
use crate::counter::{PSAM, Setup};
use crate::house::{House, brief, case_id};
use crate::subject::{self, Subject};
use crate::told;

/// One way for a case to be bad.
struct Badness {
    what: &'static str,
    /// How it is told: one of these, and whose it is to mend.
    codes: &'static [&'static str],
    actor: &'static str,
    /// What is in the journal of it, in the order it came there.
    leaves: &'static [State],
    /// Lets it happen. What is told of it, which is nothing where it cannot happen to a scenario: without documents none
    /// is missing.
    happens: fn(&House, &Subject) -> Vec<Value>,
}

const NOTHING: &[State] = &[];

/// What is wrong with the form itself, which is told before a card is looked at.
const IN_THE_FORM: [Badness; 4] = [
    Badness {
        what: "a missing field",
        codes: &["E-SCN-INPUT"],
        actor: "clerk",
        leaves: NOTHING,
        happens: |house, subject| not_taken(house, subject, bad_forms::missing_fields(subject)),
    },
    Badness {
        what: "a wrong type",
        codes: &["E-SCN-INPUT"],
        actor: "clerk",
        leaves: NOTHING,
        happens: |house, subject| not_taken(house, subject, bad_forms::wrong_types(subject)),
    },
    Badness {
        what: "a failed validator",
        codes: &["E-SCN-INPUT"],
        actor: "clerk",
        leaves: NOTHING,
        happens: |house, subject| not_taken(house, subject, bad_forms::failed_validators(subject)),
    },
    Badness {
        what: "a missing document",
        codes: &["E-SCN-INPUT"],
        actor: "clerk",
        leaves: NOTHING,
        happens: |house, subject| not_taken(house, subject, bad_forms::missing_documents(subject)),
    },
];

/// Where the centre and the keys are as they should be, and the centre knows of the holder what is needed.
const AT_THE_COUNTER: [Badness; 5] = [
    Badness {
        what: "the card removed before the commit",
        codes: &["E-TERM-CARD-REMOVED"],
        actor: "holder",
        leaves: NOTHING,
        happens: |house, subject| card_changed(house, subject, House::take_out),
    },
    Badness {
        what: "the card of another person at the confirmation",
        codes: &["E-TERM-CARD-REMOVED"],
        actor: "holder",
        leaves: NOTHING,
        happens: |house, subject| card_changed(house, subject, |house| house.put_in(subject.another_card())),
    },
    Badness {
        what: "a refusal of the centre after the commit",
        codes: &["C-ON-PURPOSE"],
        actor: "technician",
        leaves: &[State::Refused],
        happens: refused_upstream,
    },
    Badness {
        what: "a duplicate",
        codes: &["E-TERM-ALREADY", "E-TERM-SAME-FORM", "E-TERM-KEY-USED"],
        actor: "clerk",
        leaves: &[State::Acked],
        happens: duplicate,
    },
    Badness {
        what: "a line of the bill that was settled",
        codes: &["E-TERM-SAME-LINE"],
        actor: "clerk",
        leaves: NOTHING,
        happens: settled_line,
    },
];

const NOT_ELIGIBLE: Badness = Badness {
    what: "not eligible",
    codes: &["E-TERM-DENIED", "E-TERM-REFERRED"],
    actor: "clerk",
    leaves: NOTHING,
    happens: not_eligible,
};

/// Under a condition of the terminal that is for nobody at the counter to mend.
const fn condition(what: &'static str, codes: &'static [&'static str]) -> Badness {
    let happens =
        |house: &House, subject: &Subject| vec![ended_badly(&house.decided(subject, &subject.said.full_form(), None))];
    Badness { what, codes, actor: "technician", leaves: NOTHING, happens }
}

#[test]
fn what_is_bad_in_a_form_is_told_and_leaves_nothing() {
    all_are_told(&IN_THE_FORM);
}

#[test]
fn what_is_bad_at_the_counter_is_told_and_leaves_what_it_should() {
    all_are_told(&AT_THE_COUNTER);
}

fn all_are_told(bad: &[Badness]) {
    let house = House::open();
    house.each(&subject::all(), |subject| {
        for badness in bad {
            badness.is_told(&house, subject);
        }
    });
}

#[test]
fn who_is_not_eligible_is_refused_by_the_rules() {
    let house = House::open();
    let all = subject::all();
    house.each(&all, |subject| {
        house.card_of(subject);
        told_otherwise(&house, subject);
    });
    house.each(&all, |subject| NOT_ELIGIBLE.is_told(&house, subject));
}

#[test]
fn without_its_keys_the_terminal_carries_out_nothing() {
    let house = House::open();
    house.readers.remove(PSAM);
    none_is_carried_out(&house, &condition("no PSAM", &["E-KEYS-NO-PSAM", "E-TERM-KEYS-AWAY"]));
}

#[test]
fn without_the_card_service_the_terminal_carries_out_nothing() {
    let house = House::open();
    house.readers.service(false);
    house.wait_for_condition(Condition::CardServiceAway, true);
    none_is_carried_out(&house, &condition("no card service", &["E-TERM-CARD-SERVICE-AWAY"]));
}

#[test]
fn without_a_disk_the_terminal_carries_out_nothing() {
    let full = Arc::new(AtomicBool::new(false));
    let disk = full.clone();
    let faults = Faults::new(move |_| if disk.load(Ordering::SeqCst) { Err(QueueError::StorageFull) } else { Ok(()) });
    let house = House::with(Setup { faults, ..Setup::default() });
    full.store(true, Ordering::SeqCst);
    none_is_carried_out(&house, &condition("a full disk", &["E-TERM-STORAGE"]));
}

fn none_is_carried_out(house: &House, badness: &Badness) {
    house.each(&subject::all(), |subject| badness.is_told(house, subject));
}

impl Badness {
    fn is_told(&self, house: &House, subject: &Subject) {
        let about = format!("{subject}, {}", self.what);
        house.card_of(subject);
        let before = house.committed();
        for failure in (self.happens)(house, subject) {
            told::told(&failure, self.codes, self.actor, &about);
        }
        let rows = house.rows();
        let states: Vec<&Value> = rows[..rows.len() - before].iter().rev().map(|row| &row["state"]).collect();
        let leaves: Vec<Value> = self.leaves.iter().map(|state| json!(state)).collect();
        assert_eq!(states, leaves.iter().collect::<Vec<_>>(), "{about}: what is in the journal of it");
    }
}

/// Each form is given back, with its mistake named, and the case waits for another one.
fn not_taken(house: &House, subject: &Subject, forms: Vec<BadForm>) -> Vec<Value> {
    if forms.is_empty() {
        return Vec::new();
    }
    let id = house.asked(subject);
    let told = forms.into_iter().map(|(form, items)| {
        let answer = house.give(id, &form);
        let failure = match answer.status {
            422 => answer.json()["error"].clone(),
            // What only the rules see is told by the case.
            _ => house.at(id, |view| view.state != CaseState::Deciding)["failure"].clone(),
        };
        told::names(&failure, items.iter().map(String::as_str), &format!("{subject}: {failure}"));
        assert_eq!(house.at(id, |_| true)["state"], "waiting-input", "{subject}: {items:?}");
        failure
    });
    let told = told.collect();
    house.give_up(id);
    told
}

/// Somebody does something with the card while all wait for the confirmation: the case ends, whoever agrees then.
fn card_changed(house: &House, subject: &Subject, change: impl Fn(&House)) -> Vec<Value> {
    let shown = house.to_be_confirmed(subject, None);
    change(house);
    let view = house.ended(case_id(&shown));
    let late = house.confirm(&shown);
    assert_eq!((late.status, &late.json()["error"]), (409, &view["failure"]), "{subject}: {late:?}");
    vec![ended_badly(&view)]
}

/// The centre refuses the transaction itself. What waits for its answer ends so; what was stored is told by the holder's
/// next case, in the centre's words, with what is to be done and by whom.
fn refused_upstream(house: &House, subject: &Subject) -> Vec<Value> {
    let shown = house.to_be_confirmed(subject, None);
    house.centre_faults(center::Faults { refuse: 1, ..center::Faults::default() });
    assert_eq!(house.confirm(&shown).status, 200, "{subject}");
    let view = house.ended(case_id(&shown));
    let row = house.transaction(&view, State::Refused);
    let said = house.refusal(&row);
    assert_eq!(row["refusal"], said["code"], "{subject}: {row}");
    assert!(said["text"].as_str().is_some_and(|text| !text.is_empty()), "{subject}: {said}");
    if view["state"] == "done" {
        let next = house.asked(subject);
        let notices = house.at(next, |_| true)["notices"].clone();
        house.give_up(next);
        let told = notices.as_array().into_iter().flatten().find(|notice| notice["transaction"] == row["id"]);
        let words = told.and_then(|notice| notice["refusal"].as_str()).unwrap_or_default();
        assert!(words.contains(said["code"].as_str().unwrap()), "{subject}: the next case tells nothing: {notices}");
        assert_eq!(said["failure"], told.unwrap()["failure"], "{subject}: {notices}");
        return vec![said["failure"].clone()];
    }
    vec![ended_badly(&view)]
}

/// The same again. By its caller's key it is the same case, and another form is none of that key. What is carried out once
/// is told without a key and by another one alike; what a person may do as often as they like has no other duplicate.
fn duplicate(house: &House, subject: &Subject) -> Vec<Value> {
    let key = format!("key of {subject}");
    let full_form = subject.said.full_form();
    let first = house.carried_out(subject, Some(&key));
    house.transaction(&first, State::Acked);
    let again = house.opened(subject, Some(&full_form), Some(&key));
    assert_eq!(again, case_id(&first), "{subject}: the key opens the same case");
    let mut told = vec![house.not_opened(subject, None, Some(&key))];
    assert_eq!(told[0]["code"], "E-TERM-KEY-USED", "{subject}");
    let another = format!("another key of {subject}");
    for key in [None, Some(another.as_str())].into_iter().filter(|_| subject.asks.once) {
        let again = house.decided(subject, &full_form, key);
        assert_eq!(again["duplicate"], true, "{subject}, {key:?}: {}", brief(&again));
        assert_eq!(again["transaction"]["id"], first["transaction"]["id"], "{subject}: the one that stands is shown");
        let failure = ended_badly(&again);
        assert_ne!(failure["code"], "E-TERM-KEY-USED", "{subject}: the key is another one");
        told.push(failure);
    }
    told
}

/// A line that the one before settled comes again in another bill, which has one line more.
fn settled_line(house: &House, subject: &Subject) -> Vec<Value> {
    if subject.asks.kind != "settle" {
        return Vec::new();
    }
    let mut bill = subject.said.full_form();
    let lines = bill[&subject.asks.lines.as_ref().unwrap().name].as_array_mut().unwrap();
    let mut more = lines[0].clone();
    (more["feedetl_sn"], more["cnt"]) = ("one more".into(), "7".into());
    lines.push(more);
    let again = house.decided(subject, &bill, None);
    assert_eq!((&again["duplicate"], &again["transaction"]["state"]), (&true.into(), &"acked".into()), "{subject}");
    vec![ended_badly(&again)]
}

fn not_eligible(house: &House, subject: &Subject) -> Vec<Value> {
    let view = house.told(subject, house.decided(subject, &subject.said.refused_form(), None));
    let failure = ended_badly(&view);
    let found = view["decision"]["reasons"].as_array().into_iter().flatten();
    let found: Vec<&str> = found.filter_map(|reason| reason["code"].as_str()).collect();
    let wanted: Vec<&str> = subject.said.refused.reasons.iter().map(String::as_str).collect();
    assert!(
        !wanted.is_empty() && wanted.iter().all(|code| found.contains(code)),
        "{subject}: {found:?}, not {wanted:?}"
    );
    told::names(&failure, wanted, subject);
    vec![failure]
}

/// The centre knows otherwise of the holder, for this scenario alone.
fn told_otherwise(house: &House, subject: &Subject) {
    let number = house.number();
    let db = house.centre_db();
    for (name, value) in &subject.said.refused.facts {
        let changed = db.execute(
            "INSERT OR REPLACE INTO facts SELECT psn_no, ?2, ?3, ?4 FROM persons WHERE certno = ?1",
            (&number, &subject.scenario, name, value.to_string()),
        );
        assert_eq!(changed, Ok(1), "{subject}: the centre does not know the holder");
    }
}

/// Why a case ended without anything being done.
#[track_caller]
fn ended_badly(view: &Value) -> Value {
    let state = view["state"].as_str().unwrap();
    assert!(["refused", "referred", "failed"].contains(&state), "{}", brief(view));
    view["failure"].clone()
}
