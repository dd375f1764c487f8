//! Which pack decides a case, and on which counts.

use serde_json::{Map, Value, json};

use crate::rules::{Input, InputError, Packs, Period, Span};

/// A pack for these values, of these accumulators.
fn pack(file: &str, selection: &str, more: &str) -> (String, String) {
    let text = format!(
        r#"
[pack]
id = "{file}"
version = "1"
title = "选择"
scenarios = ["test"]
{selection}
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "on"
status = "demo"
[enums.insutype]
"310" = "职工"
"390" = "居民"
[enums.med_type]
"11" = "门诊"
"21" = "住院"
[facts]
on = {{ type = "date" }}
insutype = {{ type = "insutype", default = "310" }}
med_type = {{ type = "med_type" }}
since = {{ type = "date", default = 2015-07-20 }}
dise_codg = {{ type = "text", default = "M01" }}
note = {{ type = "text", optional = true }}
{more}
"#
    );
    (file.to_owned(), text)
}

fn facts(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn mistakes(files: &[(String, String)]) -> Vec<String> {
    Packs::load(files).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn two_packs_are_not_called_the_same() {
    let (one, mut other) = (pack("a", "", ""), pack("a", "", ""));
    other.0 = "b".to_owned();
    other.1 = other.1.replace(r#"scenarios = ["test"]"#, r#"scenarios = ["other"]"#);
    assert_eq!(mistakes(&[one, other]), ["b:1:1: a 1 is there already: a"]);
}

#[test]
fn a_case_is_decided_by_the_pack_that_is_for_it() {
    let packs = Packs::load(&[
        pack("a", r#"for = { insutype = ["310"], med_type = ["21"] }"#, ""),
        pack("b", r#"for = { insutype = ["310"], med_type = ["11"] }"#, ""),
        pack("c", r#"for = { insutype = ["390"] }"#, ""),
    ])
    .unwrap();
    let on = jiff::civil::date(2015, 8, 3);
    let chosen = |told: Value| {
        let mut told = facts(told);
        let schema = packs.schema("test", on, &told).map(|schema| schema.pack);
        told.insert("on".into(), "2015-08-03".into());
        let decided = packs.decide("test", &Input { facts: told, ..Input::default() }).map(|decision| decision.pack.id);
        assert_eq!(schema, decided);
        schema
    };
    assert_eq!(chosen(json!({"med_type": "21"})).unwrap(), "a", "what is left out is its default");
    assert_eq!(chosen(json!({"insutype": "310", "med_type": "11"})).unwrap(), "b");
    assert_eq!(chosen(json!({"insutype": "390", "med_type": "11"})).unwrap(), "c");
    assert_eq!(chosen(json!({})), Err(InputError::Missing { item: "facts.med_type".into() }));
    let wrong = chosen(json!({"insutype": "310", "med_type": "99"})).unwrap_err();
    assert!(matches!(&wrong, InputError::WrongType { item, .. } if item == "facts.med_type"), "{wrong}");
    assert_eq!(packs.keys("test").into_iter().collect::<Vec<_>>(), ["insutype", "med_type"]);
}

#[test]
fn a_case_that_no_pack_is_for_is_told_by_the_items_that_choose() {
    let packs = Packs::load(&[pack("a", r#"for = { insutype = ["310"], med_type = ["21"] }"#, "")]).unwrap();
    let on = jiff::civil::date(2015, 8, 3);
    let error = packs.schema("test", on, &facts(json!({"insutype": "390", "med_type": "21"}))).unwrap_err();
    assert_eq!(error.to_string(), "no pack of test on 2015-08-03 is for what is said in insutype, med_type");
    let later = packs.schema("test", jiff::civil::date(2016, 1, 1), &Map::new()).unwrap_err();
    assert!(matches!(later, InputError::NoVersion { .. }));
}

#[test]
fn packs_that_could_both_be_for_a_case_clash() {
    let first = pack("a", r#"for = { insutype = ["310", "390"], med_type = ["21"] }"#, "");
    for (selection, clashes) in [
        ("", true),
        (r#"for = { insutype = ["390"] }"#, true),
        (r#"for = { insutype = ["390"], med_type = ["21", "11"] }"#, true),
        (r#"for = { med_type = ["11"] }"#, false),
    ] {
        let loaded = Packs::load(&[first.clone(), pack("b", selection, "")]);
        assert_eq!(loaded.is_err(), clashes, "{selection}");
    }
}

#[test]
fn a_selection_is_of_values_that_are_always_there() {
    let told = |selection: &str| mistakes(&[pack("a", selection, "")]);
    assert_eq!(told(r#"for = { insutyp = ["310"] }"#), ["a:7:9: unknown name 'insutyp'"]);
    assert_eq!(
        told(r#"for = { note = ["x"] }"#),
        ["a:7:9: 'note' is not an enumeration that is always given or has a default"]
    );
    assert_eq!(told(r#"for = { insutype = ["320"] }"#), [r#"a:7:21: one of "310" 职工, "390" 居民 is wanted here"#]);
    assert_eq!(told(r#"for = { insutype = [] }"#), ["a:7:20: a pack is for one value at least"]);
    let case = r#"
[[case]]
name = "别的险种"
facts = { on = 2015-08-01, insutype = "390", med_type = "21" }
outcome = "allow"
"#;
    let told = mistakes(&[pack("a", r#"for = { insutype = ["310"] }"#, case)]);
    assert_eq!(told, ["a:27:8: case '别的险种': no pack of test on 2015-08-01 is for what is said in insutype"]);
}

const COUNTED: &str = r#"
[accumulators]
year = { type = "money", scope = "year", default = "0.00", begins = "year_begins" }
calendar = { type = "money", scope = "year", default = "0.00" }
window = { type = "money", scope = "days", days = 90, since = "since", default = "0.00" }
disease = { type = "money", scope = "disease", by = "dise_codg", default = "0.00" }
monthly = { type = "money", scope = "month", by = "dise_codg", scheme = "assistance", default = "0.00" }
[[param]]
name = "year_begins"
type = "int"
values = [{ from = 2015-01-01, value = 7, source = "测试", confidence = "U", verified_on = 2026-11-26 }]
[[post]]
name = "year"
add = "¥1"
[[post]]
name = "window"
add = "¥2"
[[post]]
name = "monthly"
add = "¥3"
"#;

#[test]
fn each_accumulator_is_counted_in_its_own_stretch() {
    let packs = Packs::load(&[pack("a", r#"scheme = "310""#, COUNTED)]).unwrap();
    let told = json!({"on": "2015-10-18", "med_type": "21", "dise_codg": "M02"});
    let schema = packs.schema("test", jiff::civil::date(2015, 10, 18), &facts(told.clone())).unwrap();
    let period = |scope, of: &str, by: Option<&str>| Period { scope, of: of.into(), by: by.map(str::to_owned) };
    let counted: Vec<_> =
        schema.accumulators.iter().map(|counted| (counted.scheme.as_str(), counted.period.clone().unwrap())).collect();
    let expected = [
        ("310", period(Span::Year, "2015-07/2016-06", None)),
        ("310", period(Span::Year, "2015", None)),
        ("310", period(Span::Days, "2015-07-20+90", None)),
        ("310", period(Span::Disease, "-", Some("M02"))),
        ("assistance", period(Span::Month, "2015-10", Some("M02"))),
    ];
    assert_eq!(counted, expected);
    let decision = packs.decide("test", &Input { facts: facts(told), ..Input::default() }).unwrap();
    let changed: Vec<_> =
        decision.accumulators.iter().map(|change| (change.scheme.as_str(), change.period.clone())).collect();
    assert_eq!(changed, [expected[0].clone(), expected[2].clone(), expected[4].clone()]);
    assert_eq!(packs.keys("test").into_iter().collect::<Vec<_>>(), ["dise_codg", "since"]);
    assert!(decision.trace.iter().any(|record| record.line() == "param year_begins = 7 (from 2015-01-01)"));
}

#[test]
fn a_text_counts_without_the_spaces_around_it() {
    const ALSO: &str = r#"
[[step]]
name = "blank"
expr = "dise_codg == ''"
out = "blank"
"#;
    let packs = Packs::load(&[pack("a", "", &format!("{COUNTED}{ALSO}"))]).unwrap();
    let long = format!("{}{}", "M".repeat(200), " ".repeat(10));
    for (told, kept) in [
        ("M02", "M02"),
        (" M02", "M02"),
        ("M02\u{3000}\t\n", "M02"),
        ("M 02", "M 02"),
        ("m02", "m02"),
        ("", ""),
        (" \u{3000}", ""),
        (&long, long.trim()),
    ] {
        let told = facts(json!({"on": "2015-10-18", "med_type": "21", "dise_codg": told}));
        let decision = packs.decide("test", &Input { facts: told, ..Input::default() }).unwrap();
        assert_eq!(decision.outputs["blank"], json!(kept.is_empty()), "{kept}");
        assert_eq!(decision.accumulators[2].period.by.as_deref(), Some(kept));
    }
}

#[test]
fn a_year_of_which_nobody_knows_the_beginning_is_not_counted_over() {
    let unknown = COUNTED.replace("value = 7, ", "");
    let packs = Packs::load(&[pack("a", "", &unknown)]).unwrap();
    let told = facts(json!({"on": "2015-10-18", "med_type": "21"}));
    let decision = packs.decide("test", &Input { facts: told.clone(), ..Input::default() }).unwrap();
    let codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, ["E-NO-PARAM"]);
    let schema = packs.schema("test", jiff::civil::date(2015, 10, 18), &told).unwrap();
    assert_eq!(schema.accumulators[0].period, None);
}

#[test]
fn a_scope_has_what_it_needs_and_nothing_else() {
    for (written, told) in [
        (r#"scope = "weeks""#, "scope is one of admission, days, month, year, disease, benefit"),
        (r#"scope = "days", days = 90"#, "'days' and 'since' go with the scope \"days\", and both are needed there"),
        (r#"scope = "month", days = 9"#, "'days' and 'since' go with the scope \"days\", and both are needed there"),
        (r#"scope = "days", days = 0, since = "on""#, "a window has 1 to 3660 days"),
        (r#"scope = "days", days = 9, since = "med_type""#, "'med_type' is not a date"),
        (r#"scope = "disease""#, "the scope \"disease\" needs 'by', the fact that names the disease"),
        (r#"scope = "year", by = "nobody""#, "unknown name 'nobody'"),
        (r#"scope = "year", by = "note""#, "'note' may be missing, and nothing is counted by what may be missing"),
        (r#"scope = "month", begins = "m""#, "'begins' goes with the scope \"year\""),
        (r#"scope = "year", begins = "on""#, "'on' is not a parameter"),
        (r#"scope = "year", begins = "none""#, "unknown name 'none'"),
        (r#"scope = "year", begins = "m""#, "'m' is not a month from 1 to 12, of type int"),
    ] {
        let more = format!(
            "[accumulators]\nx = {{ type = \"int\", {written} }}\n[[param]]\nname = \"m\"\ntype = \"int\"\nvalues = \
             [{{ from = 2015-01-01, value = 13, source = \"测试\", confidence = \"H\", verified_on = 2026-11-26 }}]"
        );
        let all = mistakes(&[pack("a", "", &more)]);
        assert!(all.len() == 1 && all[0].ends_with(&format!(": {told}")), "{written}: {all:?}");
    }
}

#[test]
fn what_no_source_confirms_has_a_value_only_for_demonstration() {
    let (name, text) = pack("a", "", COUNTED);
    let official = text.replace("status = \"demo\"", "status = \"official\"");
    let told = mistakes(&[(name, official)]);
    assert_eq!(told, ["a:35:11: a figure of confidence \"U\" has a value only in a pack for demonstration"]);
}
