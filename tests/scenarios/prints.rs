//! What is printed a few times a day: each of these, and not once more.

use sbkd::queue::State;

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
            assert_eq!(view["state"], "done", "{subject}: {}", brief(&view));
            house.transaction(&view, State::Acked);
        }
        let over = house.decided(subject, &subject.said.full_form(), None);
        assert_eq!(over["state"], "refused", "{subject}: {}", brief(&over));
        told::told(&over["failure"], &["E-TERM-PRINTED"], "holder", subject);
        told::names(&over["failure"], [a_day.to_string().as_str()], subject);
        assert!(over["found"].is_null() && over["slip"].is_null(), "{subject}: nothing of it is shown");
        assert_eq!(house.committed() - before, usize::try_from(a_day).unwrap(), "{subject}");
    });
}
