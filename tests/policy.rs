//! `sbkd policy`: packs checked, tested and explained from the command line.

mod rig;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Exit code and standard output of a command at the top of the repository.
fn sbkd(arguments: &[&str]) -> (i32, String) {
    let run = rig::bare().args(arguments).output().expect("sbkd runs");
    (run.status.code().expect("an exit code"), String::from_utf8(run.stdout).expect("UTF-8"))
}

fn sbkd_json(arguments: &[&str]) -> (i32, Value) {
    let (code, text) = sbkd(&[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// A file that holds `text`, kept as long as the directory.
fn file(directory: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = directory.join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

const INPUT: &str = "fixtures/settlement/l3-active-with-account.json";

#[test]
fn good_packs_are_listed_and_their_cases_pass() {
    let (code, shown) = sbkd_json(&["policy", "check", "config/policy"]);
    assert_eq!((code, &shown["ok"]), (0, &json!(true)));
    let ids: Vec<_> = shown["packs"].as_array().unwrap().iter().map(|pack| pack["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["gz.employee.inpatient", "gz.unemployment.sign-in"]);
    assert_eq!(shown["packs"][0]["sha256"].as_str().unwrap().len(), 64);

    let (code, shown) = sbkd_json(&["policy", "test"]);
    assert_eq!((code, &shown["ok"], &shown["failed"]), (0, &json!(true), &json!(0)));
    assert!(shown["total"].as_u64().unwrap() > 30);
}

#[test]
fn a_broken_pack_is_told_with_places_and_ends_in_7() {
    let broken = "fixtures/policy-bad/facts-shapes.toml";
    let (code, shown) = sbkd_json(&["policy", "check", broken]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-CLI-PACK")));
    let first = &shown["error"]["diagnostics"][0];
    let wanted =
        json!({ "file": broken, "line": 26, "column": 8, "message": "table pay has no row for (L2, retired)" });
    assert_eq!(first, &wanted);

    let (code, shown) = sbkd_json(&["policy", "test", "fixtures/policy-bad/cases.toml"]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-CLI-PACK")));
}

#[test]
fn an_input_is_explained_in_words_and_as_data() {
    let (code, decision) = sbkd_json(&["policy", "explain", "medical-settlement", "--input", INPUT]);
    assert_eq!((code, &decision["outcome"]), (0, &json!("allow")));
    assert_eq!(decision["outputs"]["hifp_pay"], "22242.84");
    assert_eq!(decision["outputs"]["psn_cash_pay"], "7257.16");
    assert_eq!(decision["lines"][1]["preselfpay_amt"], "450.00");
    assert_eq!((&decision["demo"], &decision["basis"]), (&json!(true), &json!("local-estimate")));

    let (code, text) = sbkd(&["policy", "explain", "medical-settlement", "--input", INPUT]);
    assert_eq!(code, 0);
    for wanted in ["个人现金支付 ¥7757.16 − ¥500.00 = ¥7257.16", "演示参数", "pool_cap", "¥445476.00"] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn a_wrong_input_is_told_by_place_and_no_pack_is_another_matter() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(INPUT)).expect("the input");
    let wrong = file(directory.path(), "wrong.json", &input.replace("\"L3\"", "\"SECRET\""));
    let (code, shown) = sbkd_json(&["policy", "explain", "medical-settlement", "--input", &wrong]);
    assert_eq!((code, &shown["error"]["code"]), (2, &json!("E-RULES-INPUT")));
    let told = shown.to_string();
    assert!(told.contains("facts.hosp_lv") && !told.contains("SECRET"), "{told}");

    let no_object = file(directory.path(), "list.json", "[1]");
    let (code, shown) = sbkd_json(&["policy", "explain", "medical-settlement", "--input", &no_object]);
    assert_eq!((code, &shown["error"]["code"]), (2, &json!("E-CLI-JSON")));

    let (code, shown) = sbkd_json(&["policy", "explain", "no-such", "--input", INPUT]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-RULES-NO-PACK")));

    let late = file(directory.path(), "late.json", &input.replace("2015-08-01", "2016-08-01"));
    let (code, shown) = sbkd_json(&["policy", "explain", "medical-settlement", "--input", &late]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-RULES-NO-VERSION")));
}
