//! A caller's key, for every scenario: once the case that it opened is not known any more, its transaction is.

use std::collections::BTreeMap;

use sbkd::queue::State;
use serde_json::Value;

use crate::house::{House, brief};
use crate::subject::{self, Subject};
use crate::told;

fn key_of(subject: &Subject) -> String {
    format!("key of {subject}")
}

#[test]
fn what_a_key_committed_is_told_after_a_restart_and_not_done_again() {
    let house = House::open();
    let all = subject::all();
    let committed = house.each(&all, |subject| {
        house.card_of(subject);
        let view = house.carried_out(subject, Some(&key_of(subject)));
        house.transaction(&view, State::Acked)["id"].clone()
    });
    let committed: BTreeMap<String, Value> = all.iter().map(Subject::to_string).zip(committed).collect();
    let house = house.restarted();
    house.each(&all, |subject| {
        house.card_of(subject);
        let again = house.decided(subject, &subject.said.full_form(), Some(&key_of(subject)));
        assert_eq!(
            (&again["state"], &again["duplicate"]),
            (&"refused".into(), &true.into()),
            "{subject}: {}",
            brief(&again)
        );
        told::told(&again["failure"], &["E-TERM-REPEATED"], "clerk", subject);
        assert_eq!(again["transaction"]["id"], committed[&subject.to_string()], "{subject}");
    });
    // And asked for something else, or with the card of somebody else, it is used.
    let house = house.restarted();
    house.each(&all, |subject| {
        let mut other = subject.said.refused_form();
        let record = subject.asks.lookup.as_ref().and_then(|lookup| lookup.key.as_ref());
        match (other == subject.said.full_form(), record) {
            (true, None) => house.put_in(subject.another_card()),
            // Not every card has the account that moves money.
            (true, Some(item)) => {
                house.card_of(subject);
                other[item] = "another".into();
            }
            (false, _) => house.card_of(subject),
        }
        let used = house.decided(subject, &other, Some(&key_of(subject)));
        told::told(&used["failure"], &["E-TERM-KEY-USED"], "clerk", subject);
        assert_eq!((&used["state"], &used["transaction"]), (&"refused".into(), &Value::Null), "{subject}");
    });
    assert_eq!(house.committed(), all.len(), "one transaction each");
}
