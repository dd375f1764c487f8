//! From a form to what the rules are told.

use serde_json::{Value, json};

use super::*;
use crate::rules::Packs;

fn schema(facts: &[&str], accumulators: &[&str]) -> crate::rules::Schema {
    use crate::rules::{AccumulatorSpec, FactSpec, Schema};
    let fact = |name: &&str| FactSpec {
        name: (*name).to_owned(),
        label: String::new(),
        kind: "text".into(),
        optional: true,
        choices: Vec::new(),
    };
    Schema {
        pack: "p".into(),
        date_of: "on".into(),
        facts: facts.iter().map(fact).collect(),
        lines: Vec::new(),
        accumulators: accumulators
            .iter()
            .map(|n| AccumulatorSpec { fact: fact(n), scheme: "310".into(), period: None })
            .collect(),
        outputs: Vec::new(),
        line_outputs: Vec::new(),
    }
}

#[test]
fn the_centres_facts_lie_over_the_forms_and_only_what_is_asked_is_told() {
    let lines = json!([{"amount": "10.00", "cnt": "1"}, {"amount": "0.05", "cnt": "1"}]);
    let form = small().taken(json!({"level": "L1", "note": "x", "lines": lines})).unwrap();
    let object = |value: Value| value.as_object().unwrap().clone();
    let known = Known {
        facts: object(json!({"level": "L2", "secret": "1"})),
        accumulators: object(json!({"pool": "5.00", "other": "1.00"})),
        insutype: String::new(),
    };
    let schema = schema(&["level", "part", "total"], &["pool"]);
    let card = OnCard::default();
    let stated = Stated { form: &form, card: &card, today: today() };
    let input = small().input(stated, &known, &schema);
    assert_eq!(Value::Object(input.facts), json!({"level": "L2", "part": "settle", "total": "10.05"}));
    assert_eq!(Value::Object(input.accumulators), json!({"pool": "5.00"}));
    assert_eq!(input.lines.len(), 0, "the pack has no lines");
}

#[test]
fn the_business_date_is_the_forms_where_it_has_one() {
    let today = jiff::civil::date(2015, 8, 3);
    let line = json!([{"amount": "1.00", "cnt": "1"}]);
    let on = |form: Value| small().business_date(&small().taken(form).unwrap(), Some("on"), today);
    assert_eq!(on(json!({"level": "L1", "lines": line})), today);
    assert_eq!(on(json!({"level": "L1", "on": "2015-07-31", "lines": line})), jiff::civil::date(2015, 7, 31));
}

#[test]
fn each_pack_is_told_what_it_asks_for_and_not_what_another_does() {
    let pack = |year: &str, fact: &str, line_fact: &str, accumulator: &str| {
        let text = format!(
            r#"
[pack]
id = "p"
version = "{year}"
title = "两个版本"
scenarios = ["small"]
valid_from = {year}-01-01
valid_to = {year}-12-31
date_of = "on"
status = "official"
[facts]
on = {{ type = "date" }}
{fact}
[lines]
least = 1
most = 2
key = "amount"
[lines.facts]
amount = {{ type = "money" }}
{line_fact}
[accumulators]
pool = {{ type = "money", scope = "year", default = "0.00" }}
{accumulator}
"#
        );
        (format!("{year}.toml"), text)
    };
    let packs = Packs::load(&[
        pack("2015", "", "", ""),
        pack(
            "2016",
            "note = { type = \"text\", optional = true }",
            "cnt = { type = \"quantity\" }",
            "admissions = { type = \"int\", scope = \"year\", default = 0 }",
        ),
    ])
    .unwrap();
    let known = Known {
        accumulators: json!({"pool": "5.00", "admissions": 3}).as_object().unwrap().clone(),
        ..Known::default()
    };
    let today = jiff::civil::date(2016, 8, 3);
    for (on, version) in [("2015-12-31", "2015"), ("2016-01-01", "2016")] {
        let lines = json!([{"amount": "10.00", "cnt": "1"}]);
        let form = small().taken(json!({"level": "L1", "on": on, "note": "x", "lines": lines})).unwrap();
        let date = small().business_date(&form, packs.date_of("small"), today);
        let schema = packs.schema("small", date, &form.values).unwrap();
        let card = OnCard::default();
        let input = small().input(Stated { form: &form, card: &card, today }, &known, &schema);
        let decision = packs.decide("small", &input).unwrap();
        assert_eq!((decision.pack.version.as_str(), decision.business_date.to_string().as_str()), (version, on));
    }
}

#[test]
fn a_fact_comes_from_card_day_and_form() {
    use super::super::Fill;
    let facts = "born = \"card-birth-date\"\nage = \"age\"\nsex = \"card-sex\"\nday = \"business-date\"\nmonth = \"business-month\"\nof = \"form-month on\"\ntotal =";
    let definition = changed(&[
        ("total =", facts),
        ("packs =", "documents = [{ document = \"id-card\", optional = true }, \"proof\"]\npacks ="),
    ])
    .unwrap();
    let mut form = whole();
    form["on"] = "2015-07-31".into();
    form["documents"] = json!({"proof": true});
    let form = definition.taken(form).unwrap();
    let card: OnCard = [(Fill::BirthDate, "1988-08-04".to_owned()), (Fill::Sex, "2".to_owned())].into_iter().collect();
    let told =
        |today| Value::Object(definition.facts(Stated { form: &form, card: &card, today }, &serde_json::Map::new()));
    let facts = told(today());
    for (name, value) in [
        ("born", json!("1988-08-04")),
        ("age", json!(26)),
        ("sex", json!("2")),
        ("day", json!("2015-08-03")),
        ("month", json!("2015-08")),
        ("of", json!("2015-07")),
        ("doc_id_card", json!(false)),
        ("doc_proof", json!(true)),
        ("part", json!("settle")),
    ] {
        assert_eq!(facts[name], value, "{name}");
    }
    assert_eq!(told(jiff::civil::date(2015, 8, 4))["age"], 27, "on the birthday");
}
