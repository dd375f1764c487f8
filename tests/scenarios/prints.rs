//! What is printed a few times a day: each of these, and not once more; shown it is as often as one likes.

use sbkd::queue::State;
use serde_json::{Value, json};

use crate::house::{House, brief};
use crate::subject;
use crate::told;

#[test]
fn what_was_printed_as_often_as_it_may_be_is_not_printed_again() {
    let house = House::open();
    let limited = subject::those(|asks| asks.a_day.is_some());
    house.each(&limited, |subject| {
        house.card_of(subject);
        let before = house.committed();
        let a_day = subject.asks.a_day.unwrap();
        for _ in 0..a_day {
            let view = house.carried_out(subject, None);
            assert_eq!(
                (&view["state"], &view["findings"]),
                (&"done".into(), &json!([])),
                "{subject}: {}",
                brief(&view)
            );
            assert!(is_page(&house, &view), "{subject}");
            house.transaction(&view, State::Acked);
        }
        let over = house.carried_out(subject, None);
        assert_eq!(over["state"], "done", "{subject}: {}", brief(&over));
        let told = over["findings"].as_array().unwrap();
        assert_eq!(told.len(), 1, "{subject}: {told:?}");
        told::told(&told[0], &["E-TERM-PRINTED"], "holder", subject);
        told::names(&told[0], [a_day.to_string().as_str()], subject);
        assert!(over["found"]["records"].is_array() && !is_page(&house, &over), "{subject}: it is shown, not printed");
        house.transaction(&over, State::Acked);
        assert_eq!(house.committed() - before, usize::try_from(a_day).unwrap() + 1, "{subject}");
    });
}

/// Whether its paper is the page of its records.
fn is_page(house: &House, view: &Value) -> bool {
    house.paper(view, "text").body.contains("内容校验值")
}
