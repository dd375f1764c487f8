//! Definitions and forms.

use serde_json::{Value, json};

use super::*;
use crate::rules::Packs;

const SMALL: &str = r#"[scenario]
id = "medical-settlement"
kind = "settle"
title = { zh = "结算", en = "settlement" }
[[field]]
name = "level"
label = { zh = "等级", en = "level" }
type = "choice"
choices = [{ value = "L1", zh = "一级", en = "1" }]
[[field]]
name = "on"
label = { zh = "日期", en = "date" }
type = "date"
optional = true
[[field]]
name = "note"
label = { zh = "备注", en = "note" }
type = "text"
optional = true
longest = 4
[lines]
name = "lines"
label = { zh = "明细", en = "lines" }
most = 2
[[lines.field]]
name = "amount"
label = { zh = "金额", en = "amount" }
type = "money"
[[lines.field]]
name = "cnt"
label = { zh = "数量", en = "count" }
type = "quantity"
[facts]
total = "sum amount"
"#;

fn load(text: &str) -> Result<Definitions, Vec<String>> {
    Definitions::load(&[("medical-settlement.toml".into(), text.into())])
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn small() -> Definition {
    load(SMALL).unwrap().get("medical-settlement").unwrap().clone()
}

fn mistakes(form: Value) -> Vec<(String, FieldMistake)> {
    match small().check(&form) {
        Err(ScenarioError::Form(mistakes)) => mistakes.into_iter().map(|m| (m.item, m.what)).collect(),
        Err(other) => panic!("{other}"),
        Ok(_) => Vec::new(),
    }
}

#[test]
fn the_definitions_that_ship_are_sound() {
    let definitions = Definitions::builtin().unwrap();
    let ids: Vec<&str> = definitions.iter().map(|definition| definition.id.as_str()).collect();
    assert_eq!(ids, ["medical-settlement", "unemployment-sign-in"]);
}

#[test]
fn a_mistake_names_file_line_and_column() {
    let with = |from: &str, to: &str| load(&SMALL.replacen(from, to, 1)).unwrap_err();
    assert_eq!(
        with("kind = \"settle\"", "kind = \"sign-in\""),
        ["medical-settlement.toml:3:8: the catalogue gives this scenario another kind"]
    );
    assert_eq!(
        with("id = \"medical-settlement\"", "id = \"dance\""),
        [
            "medical-settlement.toml:2:6: the catalogue has no such scenario",
            "medical-settlement.toml:2:6: the id is not the file's name"
        ]
    );
    assert_eq!(with("name = \"on\"", "name = \"level\""), ["medical-settlement.toml:11:8: this name is there twice"]);
    assert_eq!(
        with("sum amount", "sum cnt"),
        ["medical-settlement.toml:34:9: sum takes the name of a money field of the bill's lines"]
    );
    assert!(with("most = 2", "mast = 2")[0].starts_with("medical-settlement.toml:24:1: "));
    assert!(with("type = \"date\"", "type = \"date\"\nlongest = 3")[0].contains(":14:11: longest"));
    assert!(with("type = \"date\"", "type = \"date\"\ndefault = \"now\"")[0].contains(":14:11: the field does not"));
    assert!(with("total = \"sum", "level = \"sum")[0].contains(":34:1: the form always has this"));
    assert_eq!(load("[scenario").unwrap_err().len(), 1);
}

#[test]
fn a_scenario_is_defined_once() {
    let file = |folder: &str| (format!("{folder}/medical-settlement.toml"), SMALL.to_owned());
    let mistakes = Definitions::load(&[file("a"), file("b")]).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert_eq!(
        mistakes[0].to_string(),
        "b/medical-settlement.toml:1:1: medical-settlement is defined in another file already"
    );
}

#[test]
fn a_form_that_fits_is_taken() {
    let form =
        small().check(&json!({"level": "L1", "on": null, "lines": [{"amount": "10.00", "cnt": "2.5"}]})).unwrap();
    assert_eq!(Value::Object(form.values), json!({"level": "L1"}));
    assert_eq!(form.lines.len(), 1);
}

#[test]
fn a_number_has_one_form_however_it_is_written() {
    let field = |kind| Field { kind, ..small().fields[1].clone() };
    for (kind, one, written) in [
        (FieldType::Money, "10.00", ["10", "10.0", "010.00"]),
        (FieldType::Price, "0.4050", ["0.405", "0.4050", "00.405"]),
        (FieldType::Quantity, "1", ["1", "1.0", "01.0000"]),
        (FieldType::Rate, "45%", ["45%", "45.0%", "045.0000%"]),
    ] {
        for text in written {
            assert_eq!(field(kind).value(&json!(text)), Ok(json!(one)), "{text}");
        }
    }
    let text = SMALL.replacen("type = \"quantity\"", "type = \"quantity\"\ndefault = \"1.0\"", 1);
    let definition = load(&text).unwrap().get("medical-settlement").unwrap().clone();
    let form = definition.check(&json!({"level": "L1", "lines": [{"amount": "1.00"}]})).unwrap();
    assert_eq!(form.lines[0]["cnt"], "1");
}

#[test]
fn what_is_left_out_gets_its_default() {
    let text = SMALL.replacen("optional = true\nlongest = 4", "default = \"无\"", 1);
    let definition = load(&text).unwrap().get("medical-settlement").unwrap().clone();
    let form = definition.check(&json!({"level": "L1", "lines": [{"amount": "1.00", "cnt": "1"}]})).unwrap();
    assert_eq!(Value::Object(form.values), json!({"level": "L1", "note": "无"}));
}

#[test]
fn a_text_that_says_nothing_is_left_out() {
    let line = json!([{"amount": "1.00", "cnt": "1"}]);
    for note in ["", " ", "\u{3000}", "\t"] {
        let form = small().check(&json!({"level": "L1", "note": note, "lines": line})).unwrap();
        assert_eq!(Value::Object(form.values), json!({"level": "L1"}), "{note:?}");
    }
    let form = small().check(&json!({"level": "L1", "note": " 四个字的 ", "lines": line})).unwrap();
    assert_eq!(form.values["note"], "四个字的");

    let with = |from: &str, to: &str| load(&SMALL.replacen(from, to, 1)).map(|all| all.iter().next().unwrap().clone());
    let needed = with("optional = true\nlongest = 4", "longest = 4").unwrap();
    let missing = needed.check(&json!({"level": "L1", "note": " ", "lines": line})).unwrap_err();
    assert_eq!(missing, ScenarioError::Form(vec![FieldError { item: "note".into(), what: FieldMistake::Missing }]));
    let with_default = with("optional = true\nlongest = 4", "default = \"无\"").unwrap();
    assert_eq!(with_default.check(&json!({"level": "L1", "note": "", "lines": line})).unwrap().values["note"], "无");
    assert!(with("optional = true\nlongest = 4", "default = \" \"").unwrap_err()[0].contains("its own default"));
}

#[test]
fn a_form_is_the_same_by_what_identifies_it_however_it_is_stated() {
    let text = SMALL.replacen(
        "[[field]]",
        "[scenario.once.form]\nfields = [\"level\"]\nlines = [\"amount\", \"cnt\"]\n[[field]]",
        1,
    );
    let text = text.replacen("type = \"quantity\"", "type = \"quantity\"\ndefault = \"1\"", 1);
    let text = text.replacen("en = \"1\" }", "en = \"1\" }, { value = \"L2\", zh = \"二级\", en = \"2\" }", 1);
    let definition = load(&text).unwrap().get("medical-settlement").unwrap().clone();
    let print = |form: Value| match &definition.once {
        Some(Once::Form(identity)) => definition.check(&form).unwrap().fingerprint(identity),
        other => panic!("{other:?}"),
    };
    let bill = print(json!({"level": "L1", "lines": [{"amount": "10.00"}, {"amount": "2.00", "cnt": "3"}]}));
    for same in [
        json!({"level": "L1", "on": "2015-08-01", "note": "x", "lines": [{"amount": "10.00"}, {"amount": "2.00", "cnt": "3"}]}),
        json!({"level": "L1", "lines": [{"amount": "10", "cnt": "1.0"}, {"amount": "2.0", "cnt": "03"}]}),
        json!({"level": "L1", "lines": [{"amount": "2.00", "cnt": "3"}, {"amount": "10.00"}]}),
    ] {
        assert_eq!(print(same.clone()), bill, "{same}");
    }
    for other in [
        json!({"level": "L2", "lines": [{"amount": "10.00"}, {"amount": "2.00", "cnt": "3"}]}),
        json!({"level": "L1", "lines": [{"amount": "10.01"}, {"amount": "2.00", "cnt": "3"}]}),
        json!({"level": "L1", "lines": [{"amount": "10.00", "cnt": "3"}, {"amount": "2.00"}]}),
        json!({"level": "L1", "lines": [{"amount": "10.00"}]}),
    ] {
        assert_ne!(print(other.clone()), bill, "{other}");
    }
}

#[test]
fn what_identifies_a_form_is_always_there() {
    let once = |what: &str| {
        let text = SMALL.replacen("[[field]]", &format!("[scenario.once.form]\n{what}\n[[field]]"), 1);
        load(&text).map(|_| ()).unwrap_err()
    };
    let at = |place: &str, what: &str| vec![format!("medical-settlement.toml:{place}: {what}")];
    assert_eq!(once("lines = [\"dance\"]"), at("6:10", "there is no such field here"));
    assert_eq!(once("fields = [\"amount\"]"), at("6:11", "there is no such field here"));
    assert_eq!(once("fields = [\"on\"]"), at("6:11", "what may be left out does not make a form the same"));
    assert_eq!(once("lines = []"), at("5:11", "nothing is named that makes a form the same"));
}

#[test]
fn a_rate_is_per_cent_up_to_all() {
    let field = |kind| Field { kind, ..small().fields[1].clone() };
    for (text, fits) in [
        ("0%", true),
        ("89.5%", true),
        ("100%", true),
        ("100.00%", true),
        ("100.1%", false),
        ("0.5", false),
        ("-1%", false),
    ] {
        assert_eq!(field(FieldType::Rate).value(&json!(text)).is_ok(), fits, "{text}");
    }
}

#[test]
fn every_mistake_of_a_form_is_named_by_its_item() {
    use FieldMistake::*;
    let named = |items: &[(&str, FieldMistake)]| -> Vec<(String, FieldMistake)> {
        items.iter().map(|(item, what)| ((*item).to_owned(), *what)).collect()
    };
    assert_eq!(mistakes(json!([])), named(&[("input", Object)]));
    assert_eq!(mistakes(json!({})), named(&[("level", Missing), ("lines", Missing)]));
    let line = json!([{"amount": "1.00", "cnt": "1"}]);
    for (item, value, what) in [
        ("level", json!("L9"), Choice),
        ("level", json!(1), Choice),
        ("on", json!("2015-02-29"), Date),
        ("on", json!("2015-8-1"), Date),
        ("on", json!(20150801), Date),
        ("note", json!("五个字以上"), Text),
        ("note", json!("a\nb"), Text),
        ("note", json!({}), Text),
        ("dance", json!(true), Unknown),
    ] {
        let mut form = json!({"level": "L1", "lines": line});
        form[item] = value;
        assert_eq!(mistakes(form), named(&[(item, what)]), "{item}");
    }
    for (lines, item, what) in [
        (json!([]), "lines", Lines),
        (json!("x"), "lines", Lines),
        (json!([1]), "lines[1]", Object),
        (json!([{"amount": "1", "cnt": "1"}, {"amount": 1.5, "cnt": "1"}]), "lines[2].amount", Money),
        (json!([{"amount": "-1.00", "cnt": "1"}]), "lines[1].amount", Money),
        (json!([{"amount": "1.005", "cnt": "1"}]), "lines[1].amount", Money),
        (json!([{"amount": "1.00", "cnt": "1.23456"}]), "lines[1].cnt", Decimal),
        (json!([{"amount": "1.00", "cnt": "1e3"}]), "lines[1].cnt", Decimal),
        (json!([{"amount": "1.00"}]), "lines[1].cnt", Missing),
    ] {
        assert_eq!(mistakes(json!({"level": "L1", "lines": lines})), named(&[(item, what)]), "{item} {what:?}");
    }
}

#[test]
fn what_was_sent_is_never_repeated() {
    use crate::failure::Explain as _;
    let sent = json!({"level": "440103198806120021", "440103198806120021": 1, "王小雅": 1, "lines": 5});
    let failure = small().check(&sent).unwrap_err().failure();
    let told = failure.detail.unwrap();
    assert!(!told.contains("4401") && !told.contains('王'), "{told}");
    assert_eq!(told.matches("?: ").count(), 2);
    assert_eq!(failure.entry.code, "E-SCN-INPUT");
    let form =
        small().check(&json!({"level": "L1", "note": "秘密", "lines": [{"amount": "1.00", "cnt": "1"}]})).unwrap();
    assert!(!format!("{form:?}").contains("秘密"));
    assert_eq!(ScenarioError::Unknown("440103198806120021".into()).failure().detail, None);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_loader_stop(text in "[a-z0-9\\[\\]{}=\"'.,\n社# -]{0,120}") {
        let _ = load(&text);
    }

    #[test]
    fn no_form_makes_the_check_stop(text in "\\PC{0,60}") {
        let _ = small().check(&json!({"level": text, "on": text, "note": text, "lines": [{"amount": text, "cnt": text}]}));
    }
}

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
    let form = small().check(&json!({"level": "L1", "note": "x", "lines": lines})).unwrap();
    let object = |value: Value| value.as_object().unwrap().clone();
    let known = Known {
        facts: object(json!({"level": "L2", "secret": "1"})),
        accumulators: object(json!({"pool": "5.00", "other": "1.00"})),
        insutype: String::new(),
    };
    let schema = schema(&["level", "total"], &["pool"]);
    let input = small().input(&form, &known, &schema, jiff::civil::date(2015, 8, 3));
    assert_eq!(Value::Object(input.facts), json!({"level": "L2", "total": "10.05"}));
    assert_eq!(Value::Object(input.accumulators), json!({"pool": "5.00"}));
    assert_eq!(input.lines.len(), 2);
}

#[test]
fn the_business_date_is_the_forms_where_it_has_one() {
    let today = jiff::civil::date(2015, 8, 3);
    let line = json!([{"amount": "1.00", "cnt": "1"}]);
    let on = |form: Value| small().business_date(&small().check(&form).unwrap(), Some("on"), today);
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
scenarios = ["medical-settlement"]
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
        let form = small().check(&json!({"level": "L1", "on": on, "note": "x", "lines": lines})).unwrap();
        let date = small().business_date(&form, packs.date_of("medical-settlement"), today);
        let schema = packs.schema("medical-settlement", date, &form.values).unwrap();
        let input = small().input(&form, &known, &schema, today);
        let decision = packs.decide("medical-settlement", &input).unwrap();
        assert_eq!((decision.pack.version.as_str(), decision.business_date.to_string().as_str()), (version, on));
    }
}
