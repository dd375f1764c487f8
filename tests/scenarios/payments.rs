//! What may go wrong with a payment: the order is paid once or not at all, and whoever waits is told which.

use sbkd::center::Faults;
use sbkd::queue::State;
use serde_json::{Value, json};

use crate::house::{House, brief, case_id};
use crate::subject::{self, Subject};
use crate::told;

#[test]
fn an_order_is_paid_once_or_not_at_all() {
    let mut house = House::open();
    let all = subject::those(|asks| asks.kind == "pay");
    house.each(&all, |subject| {
        house.card_of(subject);
        refused(&house, subject);
        never_done(&house, subject);
    });
    for subject in &all {
        house.card_of(subject);
        centre_gone(&mut house, subject);
    }
    assert_eq!(paid(&house), 0, "nothing was paid so far");
    house.each(&all, |subject| {
        house.card_of(subject);
        answer_lost(&house, subject);
    });
    assert_eq!(paid(&house), all.len(), "each order once");
}

#[test]
fn a_payment_is_for_the_system_of_its_holders_insurance() {
    let own_part = subject::those(|asks| asks.kind == "pay").into_iter();
    let own_part = own_part.filter(|subject| subject.scenario == "out-of-pocket-payment").collect::<Vec<_>>();
    for (insutype, receiver) in [("310", "YBXT"), ("340", "LXXT")] {
        let house = House::open();
        house.centre_db().execute("UPDATE persons SET insutype = ?1", [insutype]).unwrap();
        let paid = house.each(&own_part, |subject| {
            house.card_of(subject);
            house.transaction(&house.carried_out(subject, None), State::Acked)
        });
        let (journal, _dir) = house.into_journal();
        let sent = journal.payload(paid[0]["id"].as_str().unwrap().parse().unwrap()).unwrap().unwrap();
        assert_eq!(sent["request"]["recer_sys_code"], receiver, "{insutype}");
    }
}

/// The centre refuses it.
fn refused(house: &House, subject: &Subject) {
    let view = agreed(house, subject, Faults { refuse: 1, ..Faults::default() });
    ends_unpaid(&view, ("C-ON-PURPOSE", "technician"), subject);
    let row = house.transaction(&view, State::Refused);
    assert_eq!(at_the_centre(house, &row), json!([["refused", 1]]), "{subject}");
}

/// The centre does nothing and says nothing of it. What comes of that is asked, and it is taken back.
fn never_done(house: &House, subject: &Subject) {
    let view = agreed(house, subject, Faults { fail: 1, ..Faults::default() });
    ends_unpaid(&view, ("E-TERM-NOTHING-SETTLED", "clerk"), subject);
    let row = house.transaction(&view, State::Void);
    assert_eq!(at_the_centre(house, &row), json!([["void", 0]]), "{subject}");
}

/// The centre is gone before the payment comes to it: it surely was not made, and there is nothing to take back.
fn centre_gone(house: &mut House, subject: &Subject) {
    let shown = house.to_be_confirmed(subject, None);
    house.stop_centre();
    assert_eq!(house.confirm(&shown).status, 200, "{subject}");
    let view = house.ended(case_id(&shown));
    ends_unpaid(&view, ("E-TERM-NOTHING-SETTLED", "clerk"), subject);
    let row = house.transaction(&view, State::Void);
    house.start_centre();
    assert_eq!(at_the_centre(house, &row), json!([]), "{subject}");
}

/// The centre pays the order, and its answer is lost. What came of it is asked, and nothing is paid again.
fn answer_lost(house: &House, subject: &Subject) {
    let view = agreed(house, subject, Faults { drop_answer: 1, ..Faults::default() });
    assert_eq!((&view["state"], &view["failure"]), (&json!("done"), &Value::Null), "{subject}: {}", brief(&view));
    let row = house.transaction(&view, State::Acked);
    assert_eq!(at_the_centre(house, &row), json!([["paid", 1]]), "{subject}");
    assert!(row["centre_no"].is_string(), "{subject}: {row}");
}

/// The holder agrees, and the centre does this wrong with the payment alone.
fn agreed(house: &House, subject: &Subject, faults: Faults) -> Value {
    let shown = house.to_be_confirmed(subject, None);
    house.centre_faults(Faults { only: subject.said.message["name"].as_str().map(str::to_owned), ..faults });
    assert_eq!(house.confirm(&shown).status, 200, "{subject}");
    let view = house.ended(case_id(&shown));
    house.centre_faults(Faults::default());
    view
}

fn ends_unpaid(view: &Value, (code, actor): (&str, &str), subject: &Subject) {
    assert_eq!(view["state"], "refused", "{subject}: {}", brief(view));
    told::told(&view["failure"], &[code], actor, subject);
}

/// What the centre has of a transaction's message: how that stands, and how often it came to be paid.
fn at_the_centre(house: &House, row: &Value) -> Value {
    let of_it = payments(house, |payment| payment["msgid"] == row["msgid"]);
    of_it.iter().map(|payment| json!([payment["state"], payment["times"]])).collect()
}

/// How many payments stand there.
fn paid(house: &House) -> usize {
    payments(house, |payment| payment["state"] == "paid").len()
}

fn payments(house: &House, which: impl Fn(&Value) -> bool) -> Vec<Value> {
    house.ledger()["payments"].as_array().unwrap().iter().filter(|payment| which(payment)).cloned().collect()
}
