//! The numbers that a settlement goes up under, by what its form chooses.

use super::*;

const STAY: &str = "[[scenario.message.for]]\nitem = \"level\"\nvalues = [\"L2\"]\nname = \"2304\"\nask = \"2303\"\ncancel = \"2305\"\n";
/// Of the same item.
const ANOTHER: &str = "[[scenario.message.for]]\nitem = \"level\"\nvalues = [\"L1\"]\nname = \"2102\"\nask = \"2101\"\ncancel = \"2103\"\n";

fn with(tables: &str) -> Result<Arc<Definition>, Vec<String>> {
    let main = "cancel = \"2208\"\n";
    changed(&[("only = [\"L1\"]", "only = [\"L1\", \"L2\"]"), (main, &format!("{main}{tables}"))])
}

#[test]
fn a_settlement_goes_up_under_the_numbers_of_what_its_form_chooses_and_is_cancelled_under_theirs() {
    let definition = with(STAY).unwrap();
    let messages = &definition.message;
    for (level, name, ask, cancel) in [("L1", "2207", "2206", "2208"), ("L2", "2304", "2303", "2305")] {
        let form = definition.taken(json!({"level": level, "lines": [{"amount": "1.00", "cnt": "1"}]})).unwrap();
        assert_eq!((messages.name_of(&form.values), messages.ask_of(&form.values)), (name, Some(ask)));
        assert_eq!(messages.cancel_of(name), Some(cancel));
    }
    // What went up under a number that the catalogue has no more.
    assert_eq!(messages.cancel_of("2102"), Some("2208"));
    assert_eq!(small().message.ask_of(&small().taken(whole()).unwrap().values), Some("2206"));
    let shown = serde_json::to_value(&*definition).unwrap();
    assert_eq!(
        shown["message"]["for"][0],
        json!({"item": "level", "values": ["L2"], "name": "2304", "ask": "2303", "cancel": "2305"})
    );
    assert_eq!(serde_json::to_value(&*small()).unwrap()["message"].get("for"), None);
}

#[test]
fn what_the_numbers_go_by_is_a_choice_that_the_form_always_has_and_each_form_has_its_own_once() {
    let first = SMALL.lines().count() + 1;
    for (tables, line, column, message) in [
        (STAY.replace("\"level\"", "\"amount\""), 1, 8, "a choice that the form always has"),
        (STAY.replace("\"level\"", "\"note\""), 1, 8, "a choice that the form always has"),
        (STAY.replace("[\"L2\"]", "[\"L2\", \"L9\"]"), 2, 10, "these are values that the form offers"),
        (STAY.replace("[\"L2\"]", "[]"), 2, 10, "these are values that the form offers"),
        (STAY.replace("\"2304\"", "\"stay\""), 3, 8, "a message is named by the national platform's number"),
        (STAY.replace("ask", "asks"), 4, 1, "unknown field `asks`"),
        (STAY.replace("ask = \"2303\"\n", ""), 0, 1, "missing field `ask`"),
        (format!("{STAY}{STAY}"), 8, 10, "a value is there twice"),
        (format!("{STAY}{}", ANOTHER.replace("\"level\"", "\"on\"")), 7, 8, "the messages go by one item"),
        (
            format!("{STAY}{}", ANOTHER.replace("2102", "2304")),
            11,
            10,
            "what went up under a number is cancelled by one",
        ),
        (STAY.replace("2304", "2207"), 5, 10, "what went up under a number is cancelled by one"),
    ] {
        let told = with(&tables).map(|_| ()).unwrap_err();
        let expected = format!("small.toml:{}:{column}: ", first + line);
        assert!(
            told.iter().any(|one| one.starts_with(&expected) && one.contains(message)),
            "{expected}{message}: {told:?}"
        );
    }
    assert!(with(&format!("{STAY}{ANOTHER}")).is_ok());
    let message = "[scenario.message]\nname = \"2207\"\nask = \"2206\"\ncancel = \"2208\"\n";
    let told =
        changed(&[("kind = \"settle\"", "kind = \"apply\""), ("only = [\"L1\"]", "only = [\"L2\"]"), (message, STAY)]);
    let told = told.map(|_| ()).unwrap_err();
    assert!(told.iter().any(|one| one.contains("only a settlement has other messages")), "{told:?}");
}

/// By the names of the kinds of care (settlement-facts §4.2, §4.4): pharmacy, stay, clinic.
#[test]
fn each_kind_of_care_of_the_catalogue_goes_up_under_its_own_numbers() {
    let expected = |care: &str| match care {
        "41" => ["2101", "2102", "2103"],
        "21" | "22" | "23" | "24" | "25" | "26" | "27" | "28" | "52" => ["2303", "2304", "2305"],
        "11" | "13" | "14" | "51" => ["2206", "2207", "2208"],
        other => panic!("{other}: nobody has said what this kind of care goes up under"),
    };
    let catalogue = Catalogue::builtin().unwrap();
    let parts = catalogue.scenarios().iter().flat_map(|scenario| &scenario.parts);
    let mut seen = 0;
    for part in parts.filter(|part| part.kind == crate::value::Kind::Settle) {
        for care in &part.fields.iter().find(|field| field.name == "med_type").unwrap().choices {
            let values = json!({ "med_type": care.value });
            let messages = &part.message;
            let name = messages.name_of(values.as_object().unwrap());
            let numbers = [messages.ask_of(values.as_object().unwrap()), Some(name), messages.cancel_of(name)];
            assert_eq!(numbers, expected(&care.value).map(Some), "{} {}", part.id, care.value);
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}
