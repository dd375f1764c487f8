//! What the reference centre keeps of settlements.

use serde_json::{Value, json};

use crate::counter::{Counter, HOLDER, PSAM, bill, chip, numbered, psam};

const SETTLE: &str = "medical-settlement";

#[test]
fn what_was_settled_after_one_that_is_taken_back_is_for_review() {
    let counter = Counter::new();
    let first = counter.carried_out(SETTLE, bill()).transaction.unwrap()["msgid"].clone();
    counter.carried_out(SETTLE, numbered("2"));
    // Another person's, later as well.
    counter.readers.remove(HOLDER);
    counter.readers.insert(HOLDER, chip("v1-3des"));
    counter.readers.remove(PSAM);
    counter.readers.insert(PSAM, psam("v1-3des"));
    counter.carried_out(SETTLE, numbered("3"));
    let reviewed = |counter: &Counter| -> Vec<(String, bool)> {
        let ledger = counter.ledger();
        let all = ledger["settlements"].as_array().unwrap().iter();
        all.map(|one| (one["state"].as_str().unwrap().to_owned(), one["review"] == true)).collect()
    };
    let settled = |review| ("settled".to_owned(), review);
    assert_eq!(reviewed(&counter), [settled(false), settled(false), settled(false)]);
    let reversal = json!({ "omsgid": first, "oinfno": "2207" });
    for _ in 0..2 {
        assert_eq!(counter.ask_centre("2601", reversal.clone())["infcode"], 0, "carried out, and answered alike");
        assert_eq!(reviewed(&counter), [("reversed".to_owned(), false), settled(true), settled(false)]);
    }
    let shift = &counter.ledger()["shifts"][0];
    assert_eq!((&shift["operator"], &shift["closed_at"]), (&json!("0001"), &Value::Null));
    assert_eq!(counter.ask_centre("9002", json!({ "sign_no": "Q9" }))["infcode"], -2);
}
