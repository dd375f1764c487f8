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

#[test]
fn the_key_service_answers_the_strings_of_the_hsm_flow() {
    let counter = Counter::new();
    let card = "440100|86035342440003440130000003|03|440100D15600000530000003FFFFFFFF";
    let string = format!("{card}|0102030405060708|1112131415161718|2122232425262728|3132333435363738||");
    let question = json!({
        "kind": "bas",
        "card": {
            "algorithm": "SM4",
            "identifier": "440100D15600000530000003FFFFFFFF",
            "historical": "86035342440003440130000003",
        },
        "dialect": { "terminal": "empty" },
        "string": string,
    });
    let (status, told) = counter.post_to_centre("/v1/keys", &question);
    let parts: Vec<&str> = told["string"].as_str().unwrap().split_terminator('|').collect();
    assert_eq!((status, parts.len()), (200, 2));
    assert!(parts.iter().all(|part| part.len() == 32) && parts[1].ends_with("3132333435363738"), "{told}");
    for (place, value, code) in [
        ("/string", "440100|", "C-FORM"),
        ("/dialect/terminal", "absent", "C-FORM"),
        ("/card/identifier", "440200D15600000530000003FFFFFFFF", "C-FORM"),
        ("/card/historical", "86035342440003440130000004", "C-FORM"),
        ("/card/algorithm", "SSF33", "C-NO-KEYS"),
        ("/kind", "proof", "C-NO-KEYS"),
        ("/kind", "everything", "C-FORM"),
    ] {
        let mut other = question.clone();
        *other.pointer_mut(place).unwrap() = value.into();
        let (status, told) = counter.post_to_centre("/v1/keys", &other);
        assert!((400..=422).contains(&status), "{place}: {status}");
        assert_eq!(told["error"]["code"], code, "{place}");
        assert!(!told.to_string().contains("D1560000"), "nothing of the card is repeated: {told}");
    }
}
