//! The packs that ship: they load, their cases pass, and they say what they should.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Map, json};

use crate::rules::{Decision, Input, InputError, Outcome, PackRef, Packs, Period, Span};
use crate::value::Kind;

const WITH_ACCOUNT: &str = include_str!("../../../fixtures/settlement/l3-active-with-account.json");

fn with_account() -> Input {
    serde_json::from_str(WITH_ACCOUNT).unwrap()
}

/// The packs that ship, loaded once.
pub(in crate::rules) static PACKS: LazyLock<Packs> = LazyLock::new(Packs::builtin);

/// The packs as they stand in the tree: file name and text.
pub(in crate::rules) fn texts() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy/guangzhou-2015");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        name.ends_with(".toml").then(|| (name, std::fs::read_to_string(&path).unwrap()))
    };
    files.filter_map(text).collect()
}

fn settle(input: &Input) -> Decision {
    PACKS.decide("medical-settlement", input).unwrap()
}

fn sign_in(facts: serde_json::Value, accumulators: serde_json::Value) -> Decision {
    let object = |value: serde_json::Value| value.as_object().unwrap().clone();
    let input = Input { facts: object(facts), accumulators: object(accumulators), ..Input::default() };
    PACKS.decide("unemployment-sign-in", &input).unwrap()
}

#[test]
fn every_pack_of_the_tree_ships_and_every_case_passes() {
    let packs = &*PACKS;
    let files: Vec<_> = packs.list().into_iter().map(|pack| pack.file.replace("guangzhou-2015/", "")).collect();
    let texts = texts();
    assert!(texts.keys().all(|file| files.contains(file)) && texts.len() == files.len(), "{files:?}");
    let results = packs.test();
    assert!(results.passed(), "{:#?}", results.cases);
    let written: usize = texts.values().map(|text| text.lines().filter(|line| *line == "[[case]]").count()).sum();
    assert_eq!(results.cases.len(), written);
}

#[test]
fn every_reason_says_what_it_rests_on_where_that_was_read_and_how_sure_it_is() {
    let mut guards = 0;
    for (file, text) in texts() {
        let parts = text.split("\n[").filter(|part| part.starts_with("[guard]]") || part.starts_with("[line_guard]]"));
        for guard in parts {
            guards += 1;
            for key in ["basis = ", "source = ", "confidence = "] {
                assert!(guard.lines().any(|line| line.starts_with(key)), "{file}: no {key}in [{guard}");
            }
        }
    }
    assert!(guards > 500, "only {guards} guards");
}

#[test]
fn the_page_lists_each_pack_with_what_it_decides() {
    let page = include_str!("../../../docs/policy-packs.md");
    for pack in PACKS.list() {
        let name = pack.file.trim_start_matches("guangzhou-2015/").trim_end_matches(".toml");
        let row = format!("| `{name}` | {} | ", pack.title.trim_end_matches("（演示参数）"));
        let row = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row {row}"));
        for scenario in &pack.scenarios {
            assert!(row.contains(&format!("`{scenario}` (")), "{row}");
        }
    }
}

#[test]
fn every_guard_and_check_has_a_case_that_meets_it() {
    for (file, text) in texts() {
        let (rules, cases) = text.split_once("[case_base]").unwrap();
        for code in rules.lines().filter_map(|line| line.strip_prefix("code = \"E-")) {
            let code = format!("\"E-{code}");
            assert!(cases.contains(&code), "{file}: {code}");
        }
    }
}

#[test]
fn a_decision_names_the_very_file_that_made_it() {
    let made_by = |file: &str, decision: &Decision, id: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy/guangzhou-2015").join(file);
        let digest = ring::digest::digest(&ring::digest::SHA256, &std::fs::read(path).unwrap());
        let sha256 = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(decision.pack, PackRef { id: id.into(), version: "2015.1".into(), sha256, signed_by: None });
    };
    made_by("medical-settlement.toml", &settle(&with_account()), "gz.employee.inpatient");
    let facts = json!({ "sign_date": "2015-08-03", "acc026": true, "acc027": false, "stop_cause": "none" });
    // Also what is referred or refused: it is explained later without the pack.
    let kept = |signed: &str| json!({ "signed_month": signed, "months_left": 6 });
    for signed in ["2015-07", "2015-08", "2015-09"] {
        let decision = sign_in(facts.clone(), kept(signed));
        made_by("unemployment-sign-in.toml", &decision, "gz.unemployment.sign-in");
    }
}

#[test]
fn every_figure_of_the_shipped_packs_is_marked_for_demonstration() {
    let packs = &*PACKS;
    assert!(packs.list().iter().all(|pack| pack.demo));
    let slip = settle(&with_account()).explain_zh(Kind::Settle);
    assert!(slip.iter().any(|line| line.starts_with("演示参数")), "{slip:?}");
    assert!(slip.iter().any(|line| line.contains("以中心结算为准")), "{slip:?}");
}

#[test]
fn the_slip_and_the_trace_of_the_vector_with_an_account() {
    let decision = settle(&with_account());
    insta::assert_snapshot!("with_account_slip", decision.explain_zh(Kind::Settle).join("\n"));
    insta::assert_snapshot!("with_account_table", decision.explain_table());
}

#[test]
fn the_slips_of_the_other_vectors() {
    let vector = |level: &str, status: &str, total: &str| {
        let mut input = with_account();
        let mut line = input.lines[0].clone();
        for (name, value) in [("pric", total), ("det_item_fee_sumamt", total)] {
            line.insert(name.to_owned(), json!(value));
        }
        for (name, value) in [("hosp_lv", level), ("psn_type", status), ("medfee_sumamt", total)] {
            input.facts.insert(name.to_owned(), json!(value));
        }
        input.facts.insert("acct_used_flag".to_owned(), json!(false));
        input.lines = vec![line];
        settle(&input).explain_zh(Kind::Settle).join("\n")
    };
    insta::assert_snapshot!("l3_active_slip", vector("L3", "1", "30000.00"));
    insta::assert_snapshot!("l2_retired_slip", vector("L2", "2", "560.10"));
}

#[test]
fn the_slip_of_a_refusal_gives_every_reason_and_no_amount() {
    let mut input = with_account();
    for (name, value) in [("psn_insu_stas", json!("4")), ("ttp_resp", json!(true)), ("medfee_sumamt", json!("1.00"))] {
        input.facts.insert(name.to_owned(), value);
    }
    input.lines[1].insert("fee_ocur_time".to_owned(), json!("2015-08-02"));
    let decision = settle(&input);
    assert_eq!(decision.outcome, Outcome::Deny);
    assert!(decision.outputs.is_empty() && decision.lines.is_empty() && decision.accumulators.is_empty());
    insta::assert_snapshot!("refused_slip", decision.explain_zh(Kind::Settle).join("\n"));
}

#[test]
fn the_slips_of_signing_in() {
    let facts = json!({ "sign_date": "2015-08-03", "acc026": true, "acc027": false, "stop_cause": "none" });
    let kept = |signed: &str| json!({ "start_month": "2015-02", "signed_month": signed, "months_left": 6 });
    let slip = |signed: &str| sign_in(facts.clone(), kept(signed)).explain_zh(Kind::SignIn).join("\n");
    insta::assert_snapshot!("sign_in_slip", slip("2015-07"));
    insta::assert_snapshot!("sign_in_missed_slip", slip("2015-06"));
    insta::assert_snapshot!("sign_in_stopped_slip", slip("2015-05"));
    insta::assert_snapshot!("sign_in_table", sign_in(facts, kept("2015-07")).explain_table());
}

#[test]
fn the_schema_names_what_a_form_needs() {
    let packs = &*PACKS;
    let on = jiff::civil::date(2015, 8, 3);
    let schema = packs.schema("medical-settlement", on, &Map::new()).unwrap();
    assert_eq!(schema.date_of, "endtime");
    let level = schema.facts.iter().find(|fact| fact.name == "hosp_lv").unwrap();
    assert_eq!((level.kind.as_str(), level.optional, level.choices.len()), ("choice", false, 3));
    assert!(schema.lines.iter().any(|fact| fact.name == "pric_uplmt_amt" && fact.optional));
    let scopes: Vec<_> =
        schema.accumulators.iter().map(|one| (one.fact.name.as_str(), one.period.clone().unwrap())).collect();
    let period = |scope, of: &str| Period { scope, of: of.into(), by: None };
    let year = || period(Span::Year, "2015-07/2016-06");
    assert_eq!(scopes, [("ded_paid", period(Span::Admission, "")), ("pool", year()), ("supplement", year())]);
    assert!(schema.accumulators.iter().all(|counted| counted.scheme == "310"));
    assert!(schema.outputs.iter().any(|field| field.value == "hifp_pay"));
    assert_eq!(schema.line_outputs[0].value, "feedetl_sn");
    assert!(packs.schema("unemployment-sign-in", on, &Map::new()).unwrap().lines.is_empty());
    let missing = packs.schema("no-such", on, &Map::new()).unwrap_err();
    assert_eq!(missing, InputError::UnknownScenario { scenario: "no-such".into() });
}

#[test]
fn no_fact_of_the_case_stands_in_the_record() {
    let mut input = with_account();
    input.lines[0].insert("med_list_codg".to_owned(), json!("XZ-SECRET"));
    let stored = serde_json::to_string(&settle(&input)).unwrap();
    assert!(!stored.contains("XZ-SECRET"), "a line is named by its position and key alone");
}
