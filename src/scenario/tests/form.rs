//! Forms.

use serde_json::{Value, json};

use super::*;

/// The note, as the form of the small scenario has it.
const NOTE: &str = "{ item = \"note\", optional = true }";

#[test]
fn a_form_that_fits_is_taken() {
    let form = small().taken(json!({"level": "L1", "on": null, "lines": [{"amount": "10.00", "cnt": "2.5"}]})).unwrap();
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
    let definition =
        changed(&[("[\"amount\", \"cnt\"]", "[\"amount\", { item = \"cnt\", default = \"1.0\" }]")]).unwrap();
    let form = definition.taken(json!({"level": "L1", "lines": [{"amount": "1.00"}]})).unwrap();
    assert_eq!(form.lines[0]["cnt"], "1");
}

#[test]
fn what_is_left_out_gets_its_default() {
    let definition = changed(&[(NOTE, "{ item = \"note\", default = \"无\" }")]).unwrap();
    let form = definition.taken(whole()).unwrap();
    assert_eq!(Value::Object(form.values), json!({"level": "L1", "note": "无"}));
}

#[test]
fn a_text_that_says_nothing_is_left_out() {
    let line = json!([{"amount": "1.00", "cnt": "1"}]);
    for note in ["", " ", "\u{3000}", "\t"] {
        let form = small().taken(json!({"level": "L1", "note": note, "lines": line})).unwrap();
        assert_eq!(Value::Object(form.values), json!({"level": "L1"}), "{note:?}");
    }
    let form = small().taken(json!({"level": "L1", "note": " 四个字的 ", "lines": line})).unwrap();
    assert_eq!(form.values["note"], "四个字的");

    let needed = changed(&[(NOTE, "\"note\"")]).unwrap();
    let missing = needed.taken(json!({"level": "L1", "note": " ", "lines": line})).unwrap_err();
    assert_eq!(missing, ScenarioError::Form(vec![FieldError { item: "note".into(), what: FieldMistake::Missing }]));
    let with_default = changed(&[(NOTE, "{ item = \"note\", default = \"无\" }")]).unwrap();
    assert_eq!(with_default.taken(json!({"level": "L1", "note": "", "lines": line})).unwrap().values["note"], "无");
    let blank = changed(&[(NOTE, "{ item = \"note\", default = \" \" }")]).unwrap_err();
    assert!(blank[0].contains("its own default"));
}

#[test]
fn a_form_is_the_same_by_what_identifies_it_however_it_is_stated() {
    let definition = changed(&[
        ("packs =", "once = { form = { fields = [\"level\"], lines = [\"amount\", \"cnt\"] } }\npacks ="),
        (
            "[\"amount\", \"cnt\"]\n[scenario.facts]",
            "[\"amount\", { item = \"cnt\", default = \"1\" }]\n[scenario.facts]",
        ),
        ("{ item = \"level\", only = [\"L1\"] }", "\"level\""),
    ])
    .unwrap();
    let print = |form: Value| match &definition.once {
        Some(Once::Form(identity)) => definition.taken(form).unwrap().fingerprint(identity),
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
fn a_line_is_known_by_the_first_that_both_have_all_of() {
    let known_by = "known_by = [{ fields = [\"note\"], lines = [\"cnt\"] }, { lines = [\"amount\", \"cnt\"] }]";
    let definition = changed(&[("most = 2", &format!("most = 2\n{known_by}"))]).unwrap();
    let known_by = definition.lines.as_ref().unwrap().known_by.clone();
    let named = |note: Value, lines: Value| {
        definition.taken(json!({"level": "L1", "note": note, "lines": lines})).unwrap().line_names(&known_by)
    };
    let line = |amount: &str, cnt: &str| json!({"amount": amount, "cnt": cnt});
    let noted = named("a".into(), json!([line("10.00", "1"), line("10.00", "2")]));
    assert!(noted[0].is_same(&noted[0]) && !noted[0].is_same(&noted[1]));
    assert!(named("a".into(), json!([line("9.00", "1.0")]))[0].is_same(&noted[0]), "what else it says does not count");
    assert!(!named("b".into(), json!([line("10.00", "1")]))[0].is_same(&noted[0]), "nor is it compared by that");
    let without = named(Value::Null, json!([line("10.00", "1"), line("9.00", "1")]));
    assert!(!without[0].is_same(&without[1]) && without[0].is_same(&named(Value::Null, json!([line("10", "1")]))[0]));
    for (line, same) in without.iter().zip([true, false]) {
        assert_eq!([line.is_same(&noted[0]), noted[0].is_same(line)], [same; 2], "one of them has no note");
    }
    let form = definition.taken(json!({"level": "L1", "lines": [line("10.00", "1")]})).unwrap();
    let by_note = &form.line_names(&known_by[..1])[0];
    assert!(!by_note.is_same(by_note), "nothing names it");
}

/// A form that asks for the number of a certificate and of which kind it is, or for the number alone.
fn certificate(form: &str) -> Result<Arc<Definition>, Vec<String>> {
    let items = "[item.number]\nlabel = { zh = \"证件号码\", en = \"number\" }\ntype = \"text\"\ncheck = \"certificate-number\"\n\
                 check_by = { item = \"level\", checks = { L1 = \"citizen-number\" } }\n[item.on]";
    changed(&[("[item.on]", items), ("form = [{ item = \"level\", only = [\"L1\"] }", form)])
}

#[test]
fn a_number_is_held_to_the_kind_of_certificate_that_it_is_said_to_be_of() {
    let with_kind = certificate("form = [\"number\", { item = \"level\", optional = true }").unwrap();
    let form = |kind: Value, number: &str| {
        let lines = json!([{"amount": "1.00", "cnt": "1"}]);
        with_kind.taken(json!({"level": kind, "number": number, "lines": lines}))
    };
    // One that has passed is kept in its one form.
    assert_eq!(form("L1".into(), "610104620927690").unwrap().values["number"], "610104196209276908");
    assert_eq!(form("L2".into(), "E12345678").unwrap().values["number"], "E12345678");
    assert_eq!(form(Value::Null, "E12345678").unwrap().values["number"], "E12345678");
    let what = FieldMistake::Check(crate::value::CheckMistake::Form(crate::value::Check::CitizenNumber));
    let mistake = ScenarioError::Form(vec![FieldError { item: "number".into(), what }]);
    assert_eq!(form("L1".into(), "E12345678").unwrap_err(), mistake);
    // What its own check does not take is told once.
    let what = FieldMistake::Check(crate::value::CheckMistake::Digit);
    let mistake = ScenarioError::Form(vec![FieldError { item: "number".into(), what }]);
    assert_eq!(form("L1".into(), "440103198806120022").unwrap_err(), mistake);
    // A form that does not ask of which kind it is takes any.
    let alone = certificate("form = [\"number\"").unwrap();
    let lines = json!([{"amount": "1.00", "cnt": "1"}]);
    assert!(alone.taken(json!({"number": "E12345678", "lines": lines})).is_ok());
}

#[test]
fn a_check_goes_by_a_choice_and_by_codes_that_it_has() {
    let form = "form = [\"number\"";
    assert!(certificate(form).is_ok());
    let items = |by: &str| {
        let item = "[item.number]\nlabel = { zh = \"证件号码\", en = \"number\" }\ntype = \"text\"\n";
        changed(&[("[item.on]", &format!("{item}check_by = {by}\n[item.on]"))])
    };
    for (by, message) in [
        ("{ item = \"note\", checks = { L1 = \"citizen-number\" } }", "check_by names a choice"),
        ("{ item = \"nothing\", checks = { L1 = \"citizen-number\" } }", "check_by names a choice"),
        ("{ item = \"level\", checks = { L3 = \"citizen-number\" } }", "check_by names a choice"),
        ("{ item = \"level\", checks = {} }", "check_by names a choice"),
        ("{ item = \"level\", checks = { L1 = \"past\" } }", "belongs to a text"),
    ] {
        let told = items(by).unwrap_err();
        assert!(told.iter().any(|one| one.contains(message)), "{by}: {told:?}");
    }
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
fn a_document_is_shown_or_scanned() {
    let documents = "packs =";
    let asked = "documents = [\"id-card\", { document = \"proof\", scan = true, optional = true }]\npacks =";
    let definition = changed(&[(documents, asked)]).unwrap();
    let with = |documents: Value| {
        let mut form = whole();
        form["documents"] = documents;
        form
    };
    let scan = "ab".repeat(32);
    let form = definition.taken(with(json!({"id-card": true, "proof": scan}))).unwrap();
    assert_eq!(
        json!(form.documents),
        json!([{"id": "id-card", "shown": true}, {"id": "proof", "sha256": scan.to_uppercase()}])
    );
    assert_eq!(definition.taken(with(json!({"id-card": true, "proof": false}))).unwrap().documents.len(), 1);
    use FieldMistake::{Document, NoDocument, Object, Unknown};
    for (documents, item, what) in [
        (json!({}), "documents.id-card", NoDocument),
        (json!(null), "documents.id-card", NoDocument),
        (json!({"id-card": false}), "documents.id-card", NoDocument),
        (json!({"id-card": "yes"}), "documents.id-card", Document),
        (json!({"id-card": true, "proof": true}), "documents.proof", Document),
        (json!({"id-card": true, "proof": "AB"}), "documents.proof", Document),
        (json!({"id-card": true, "passport": true}), "documents.passport", Unknown),
        (json!({"id-card": true, "440103198806120021": true}), "documents.?", Unknown),
        (json!(true), "documents", Object),
    ] {
        assert_eq!(mistakes_of(&definition, with(documents)), [(item.to_owned(), what)], "{item}");
    }
    assert_eq!(mistakes(with(json!({}))), [("documents".to_owned(), Unknown)], "none is asked for");
}

#[test]
fn what_the_card_says_stands_in_the_form_and_nothing_else_may() {
    use super::super::Fill;
    let definition = changed(&[("packs =", "packs =")]).unwrap();
    let definition = Definition {
        fields: [
            &definition.fields[..],
            &[Field { fill: Some(Fill::Name), name: "aac003".into(), optional: false, ..definition.fields[2].clone() }],
        ]
        .concat(),
        ..(*definition).clone()
    };
    let card: OnCard = [(Fill::Name, "王小雅".to_owned())].into_iter().collect();
    let filled = |form: Value, card: &OnCard| definition.filled(definition.taken(form).unwrap(), card);
    assert_eq!(filled(whole(), &card).unwrap().values["aac003"], "王小雅");
    let mut said = whole();
    said["aac003"] = "王小雅".into();
    assert!(filled(said.clone(), &card).is_ok());
    let wrong = |what| ScenarioError::Form(vec![FieldError { item: "aac003".into(), what }]);
    said["aac003"] = "别人".into();
    assert_eq!(filled(said, &card), Err(wrong(FieldMistake::NotTheCards)));
    assert_eq!(filled(whole(), &OnCard::default()), Err(wrong(FieldMistake::Missing)));
    assert!(!format!("{card:?}").contains('王'));
}

#[test]
fn a_value_passes_its_check() {
    let field =
        |check| Field { check: Some(check), kind: FieldType::Text, longest: Some(40), ..small().fields[1].clone() };
    let definition = Definition {
        fields: vec![small().fields[0].clone(), Field { name: "tel".into(), ..field(crate::value::Check::Mobile) }],
        ..(*small()).clone()
    };
    let mut form = whole();
    form["tel"] = "+8613800138000".into();
    assert_eq!(definition.taken(&form).unwrap().values["tel"], "13800138000");
    form["tel"] = "123".into();
    assert!(matches!(mistakes_of(&definition, form)[..], [(_, FieldMistake::Check(_))]));
}

#[test]
fn what_was_sent_is_never_repeated() {
    use crate::failure::Explain as _;
    let sent = json!({"level": "440103198806120021", "440103198806120021": 1, "王小雅": 1, "lines": 5});
    let failure = small().taken(&sent).unwrap_err().failure();
    let told = failure.detail.unwrap();
    assert!(!told.contains("4401") && !told.contains('王'), "{told}");
    assert_eq!(told.matches("?: ").count(), 2);
    assert_eq!(failure.entry.code, "E-SCN-INPUT");
    let form =
        small().taken(json!({"level": "L1", "note": "秘密", "lines": [{"amount": "1.00", "cnt": "1"}]})).unwrap();
    assert!(!format!("{form:?}").contains("秘密"));
    assert_eq!(ScenarioError::Unknown("440103198806120021".into()).failure().detail, None);
}

proptest::proptest! {
    #[test]
    fn no_form_makes_the_check_stop(text in "\\PC{0,60}") {
        let _ = small().taken(json!({"level": text, "on": text, "note": text, "lines": [{"amount": text, "cnt": text}]}));
    }
}
