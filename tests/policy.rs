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
    let files = std::fs::read_dir("config/policy/guangzhou-2015").unwrap().count();
    assert_eq!(ids.len(), files);
    assert!(ids.contains(&"gz.employee.inpatient") && ids.contains(&"gz.unemployment.sign-in"), "{ids:?}");
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
fn ten_mistakes_are_ten_lines_with_places_and_nothing_else() {
    let broken = "fixtures/policy-bad/ten.toml";
    let ran = rig::bare().args(["policy", "check", broken]).output().expect("sbkd runs");
    let [aside, shown] = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    assert_eq!((ran.status.code(), aside.as_str()), (Some(7), ""));
    // What each is about; the whole lines are in `ten.expected`, which a test of the engine holds.
    let kinds = [
        "unknown key",
        "dates are out of order",
        "has no value from",
        "has no row for",
        "keeps an unrounded product",
        "unknown name",
        "is wanted here, not",
        "is not computed yet here",
        "need each other",
        "can never hold",
    ];
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 10, "{shown}");
    for (line, kind) in lines.iter().zip(kinds) {
        let [file, at, column, message] = line.splitn(4, ':').collect::<Vec<_>>().try_into().expect("a place");
        let place = [at, column].map(|number| number.parse::<usize>().expect("a number"));
        assert!(file == broken && place.into_iter().all(|number| number > 0) && message.contains(kind), "{line}");
    }
    let expected = std::fs::read_to_string(rig::tree("fixtures/policy-bad/ten.expected")).expect("the lines");
    let named: String = expected.lines().map(|line| format!("fixtures/policy-bad/{line}\n")).collect();
    assert_eq!(shown, named);
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

const PACK: &str = "config/policy/guangzhou-2015/unemployment-sign-in.toml";

/// A directory with a pack in it, and a new key beside that: the private file, the public one, and its id.
fn signing() -> (tempfile::TempDir, String, [String; 2], String) {
    let directory = tempfile::tempdir().expect("a directory");
    let text = std::fs::read_to_string(rig::tree(PACK)).expect("a pack");
    let pack = file(directory.path(), "pack.toml", &text);
    let (private, public) = (directory.path().join("bureau.p8"), directory.path().join("bureau.p8.pub"));
    let [private, public] = [private, public].map(|path| path.display().to_string());
    let (code, made) = sbkd_json(&["policy", "keygen", "--out", &private]);
    assert_eq!((code, &made["private"], &made["public"]), (0, &json!(private), &json!(public)));
    let id = made["id"].as_str().unwrap().to_owned();
    let key = std::fs::read_to_string(&public).unwrap();
    assert_eq!((key.trim(), id.len()), (made["key"].as_str().unwrap(), 16));
    (directory, pack, [private, public], id)
}

#[test]
fn a_pack_is_signed_and_its_signature_proved() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, pack, [private, public], id) = signing();
    assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, shown) = sbkd_json(&["policy", "keygen", "--out", &private]);
    assert_eq!((code, &shown["error"]["code"]), (2, &json!("E-CLI-EXISTS")), "a key is never overwritten");

    let (code, shown) = sbkd_json(&["policy", "verify", "--key", &public, &pack]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-CLI-SIGNATURE")), "it is not signed yet");
    let (code, shown) = sbkd_json(&["policy", "sign", "--key", &private, &pack]);
    assert_eq!((code, &shown), (0, &json!({ "key": id, "signed": [format!("{pack}.sig")] })));
    let whole = directory.path().to_str().unwrap();
    for key in [&public, &std::fs::read_to_string(&public).unwrap().trim().to_owned()] {
        let (code, shown) = sbkd_json(&["policy", "verify", "--key", key, whole]);
        let proved = json!({ "ok": true, "packs": [{ "file": pack, "signed_by": id, "mistake": null }] });
        assert_eq!((code, shown), (0, proved));
    }
    let (code, shown) = sbkd_json(&["policy", "check", "--key", &public, "--require-signature", &pack]);
    assert_eq!((code, &shown["packs"][0]["signed_by"]), (0, &json!(id)));
    let (_, shown) = sbkd_json(&["policy", "check", &pack]);
    assert_eq!(shown["packs"][0]["signed_by"], Value::Null, "nobody's keys are known");

    // One of two was changed after it was signed: both are told of, and the command fails.
    let other = file(directory.path(), "other.toml", &std::fs::read_to_string(&pack).unwrap());
    assert_eq!(sbkd_json(&["policy", "sign", "--key", &private, &other]).0, 0);
    std::fs::write(&other, std::fs::read_to_string(&pack).unwrap().replace("2015.1", "2015.2")).unwrap();
    let (code, shown) = sbkd_json(&["policy", "verify", "--key", &public, whole]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-CLI-SIGNATURE")));
    let packs = shown["error"]["packs"].as_array().unwrap();
    assert_eq!(packs.iter().map(|pack| &pack["signed_by"]).collect::<Vec<_>>(), [&Value::Null, &json!(id)]);
    assert_eq!(packs[0]["mistake"]["file"], format!("{other}.sig"));
    let (code, text) = sbkd(&["policy", "check", "--key", &public, &other, "--json"]);
    assert!(code == 7 && text.contains("the signature is not the key"), "{text}");
}

#[test]
fn a_key_that_others_may_read_signs_nothing_and_a_pack_with_a_mistake_is_not_signed() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, pack, [private, public], _) = signing();
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (code, shown) = sbkd_json(&["policy", "sign", "--key", &private, &pack]);
    assert_eq!((code, &shown["error"]["code"]), (2, &json!("E-CLI-SIGNING-KEY")));
    assert!(shown["error"]["detail"].as_str().unwrap().contains("mode 0640"), "{shown}");
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o600)).unwrap();
    let no_key = file(directory.path(), "no.p8", "not a key");
    std::fs::set_permissions(&no_key, std::fs::Permissions::from_mode(0o600)).unwrap();
    for arguments in [["sign", "--key", &no_key], ["verify", "--key", &no_key], ["check", "--key", &no_key]] {
        let (code, shown) = sbkd_json(&[&["policy"], &arguments[..], &[&pack]].concat());
        assert_eq!((code, &shown["error"]["code"]), (2, &json!("E-CLI-SIGNING-KEY")), "{arguments:?}");
    }
    let broken = file(directory.path(), "broken.toml", "[pack]\n");
    let (code, shown) = sbkd_json(&["policy", "sign", "--key", &private, &pack, &broken]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-CLI-PACK")));
    for pack in [&pack, &broken] {
        assert!(!Path::new(&format!("{pack}.sig")).exists(), "nothing is signed where one has a mistake");
    }
    let (code, shown) = sbkd_json(&["policy", "verify", &pack]);
    assert_eq!((code, &shown["error"]["code"]), (2, &json!("E-CLI-USAGE")), "no key is named anywhere");
    let (code, shown) = sbkd_json(&["policy", "check", "--key", &public, "--require-signature"]);
    assert_eq!((code, &shown["error"]["code"]), (2, &json!("E-CLI-USAGE")), "the built-in packs are not signed");
}

#[test]
fn a_table_goes_out_to_csv_and_comes_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = std::fs::read_to_string("config/policy/guangzhou-2015/medical-settlement.toml").expect("the pack");
    let pack = file(directory.path(), "pack.toml", &text);
    let csv = directory.path().join("pay.csv").display().to_string();
    let (code, shown) = sbkd_json(&["policy", "table", &pack, "pay", "--csv", &csv, "--bom"]);
    assert_eq!((code, &shown["rows"]), (0, &json!(7)));
    let exported = std::fs::read_to_string(&csv).expect("the CSV");
    assert!(exported.starts_with("\u{feff}hosp_lv,psn_type,ded,rate\nL1,1,400.00,90%\n"), "{exported}");
    let (code, shown) = sbkd(&["policy", "table", &pack, "pay", "--csv", "-"]);
    assert_eq!((code, shown.as_str()), (0, exported.trim_start_matches('\u{feff}')));
    // What somebody may have worked on is not overwritten.
    let (code, shown) = sbkd_json(&["policy", "table", &pack, "pay", "--csv", &csv]);
    assert_eq!((code, &shown["error"]["code"]), (2, &json!("E-CLI-EXISTS")));

    let (code, shown) = sbkd_json(&["policy", "table", &pack, "pay", "--import", &csv]);
    assert_eq!((code, &shown["written"], &shown["changes"]), (0, &json!(false), &json!([])));
    assert_eq!(std::fs::read_to_string(&pack).expect("the pack"), text);

    // A figure that a case of the pack rests on is refused; without its cases it is written.
    let changed = |row: &str, is: &str| file(directory.path(), "changed.csv", &exported.replace(row, is));
    let wrong = changed("L3,1,1600.00", "L3,1,1500.00");
    let (code, shown) = sbkd_json(&["policy", "table", &pack, "pay", "--import", &wrong]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-CLI-PACK")));
    assert_eq!(std::fs::read_to_string(&pack).expect("the pack"), text);

    let text = text.split_once("[case_base]").expect("the cases").0;
    let pack = file(directory.path(), "pack.toml", text);
    std::fs::write(format!("{pack}.sig"), "").expect("a signature");
    let good = changed("1120.00", "1121.00");
    let dry = sbkd_json(&["policy", "table", &pack, "pay", "--import", &good, "--dry-run"]);
    assert_eq!((dry.0, &dry.1["written"]), (0, &json!(false)));
    let (code, shown) = sbkd(&["policy", "table", &pack, "pay", "--import", &good]);
    assert_eq!(code, 0);
    for wanted in ["第 6 行 / row 6, ded: 1120.00 → 1121.00\n", "已写入", "签名已失效"] {
        assert!(shown.contains(wanted), "{shown}");
    }
    assert_eq!(std::fs::read_to_string(&pack).expect("the pack"), text.replace("1120.00", "1121.00"));
    assert_eq!(sbkd(&["policy", "table", &pack, "pay"]).0, 2, "one way or the other is wanted");
    assert_eq!(sbkd(&["policy", "table", &pack, "no", "--csv", "-"]).0, 7);
}

#[test]
fn two_packs_are_compared_by_what_they_say() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = std::fs::read_to_string(rig::tree(PACK)).expect("a pack");
    let changed =
        text.replace("version = \"2015.1\"", "version = \"2015.2\"").replace("\n[[step]]", "\n# more\n\n[[step]]");
    let new = file(directory.path(), "new.toml", &changed);
    let (code, shown) = sbkd_json(&["policy", "diff", PACK, &new]);
    assert_eq!((code, &shown["same"]), (0, &json!(false)));
    let change =
        json!({ "part": "pack", "name": "", "section": "", "member": "version", "old": "2015.1", "new": "2015.2" });
    let pack = &shown["packs"][0];
    assert_eq!(
        (&pack["changes"], &pack["effects"]["changed"], &pack["failing"]),
        (&json!([change]), &json!([]), &json!([]))
    );
    let (code, shown) = sbkd(&["policy", "diff", PACK, &new]);
    assert_eq!(code, 0);
    assert!(shown.contains("~ 包头 pack version: 2015.1 → 2015.2\n"), "{shown}");

    let (code, shown) = sbkd_json(&["policy", "diff", "config/policy", "config/policy"]);
    assert_eq!((code, &shown["same"]), (0, &json!(true)));
    let broken = file(directory.path(), "broken.toml", "[pack]\n");
    let (code, shown) = sbkd_json(&["policy", "diff", PACK, &broken]);
    assert_eq!((code, &shown["error"]["code"]), (7, &json!("E-CLI-PACK")));
}
