//! The files that `sbkd policy` reads and writes: what else may lie there, and how mistakes reach an editor.

mod rig;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use rig::{Ran, tree};
use serde_json::{Value, json};

const PACK: &str = "config/policy/guangzhou-2015/unemployment-sign-in.toml";
const MEDICAL: &str = "config/policy/guangzhou-2015/medical-settlement.toml";

/// A command with `place` as its working directory.
fn sbkd(place: &Path, arguments: &[&str]) -> Ran {
    let mut command = rig::bare();
    command.arg("policy").args(arguments).current_dir(place);
    Ran::of(command)
}

fn pipe(path: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
}

fn names(place: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn each_mistake_is_a_line_and_there_is_nothing_else() {
    let file = "fixtures/policy-bad/ten.toml";
    for command in ["check", "test"] {
        let told = sbkd(&tree(""), &[command, file, "--json"]);
        let diagnostics = told.json()["error"]["diagnostics"].clone();
        let line = |of: &Value| {
            format!(
                "{}:{}:{}: {}\n",
                of["file"].as_str().unwrap(),
                of["line"],
                of["column"],
                of["message"].as_str().unwrap()
            )
        };
        let lines: String = diagnostics.as_array().unwrap().iter().map(line).collect();
        assert_eq!(lines.lines().count(), 10);
        let ran = sbkd(&tree(""), &[command, file]);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(7), "", lines.as_str()));
        assert_eq!((told.code, told.error_code().as_str(), told.stderr.as_str()), (Some(7), "E-CLI-PACK", ""));
    }
}

#[test]
fn a_table_comes_in_beside_files_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(tree(MEDICAL)).unwrap();
    let text = text.split_once("[case_base]").unwrap().0;
    let pack = dir.path().join("c.toml");
    fs::write(&pack, text).unwrap();
    fs::write(dir.path().join("c.toml.new"), "a draft").unwrap();
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o660)).unwrap();
    // Only root can give a file away.
    let given = fs::metadata(&pack).unwrap().uid() == 0 && chown(&pack, Some(1000), Some(1000)).is_ok();
    let csv = sbkd(dir.path(), &["table", "c.toml", "pay", "--csv", "-"]).stdout;
    fs::write(dir.path().join("c.csv"), csv.replace("1120.00", "1121.00")).unwrap();
    let ran = sbkd(dir.path(), &["table", "c.toml", "pay", "--import", "c.csv", "--json"]);
    assert_eq!((ran.code, &ran.json()["written"]), (Some(0), &json!(true)));
    let there = fs::metadata(&pack).unwrap();
    assert_eq!(there.permissions().mode() & 0o777, 0o660);
    assert!(!given || (there.uid(), there.gid()) == (1000, 1000));
    assert_eq!(fs::read_to_string(&pack).unwrap(), text.replace("1120.00", "1121.00"));
    assert_eq!(fs::read_to_string(dir.path().join("c.toml.new")).unwrap(), "a draft");
    assert_eq!(names(dir.path()), ["c.csv", "c.toml", "c.toml.new"]);

    // A pack that is a link is its owner's, wherever that is.
    symlink("c.toml", dir.path().join("d.toml")).unwrap();
    fs::write(dir.path().join("d.csv"), csv.replace("1120.00", "1122.00")).unwrap();
    let ran = sbkd(dir.path(), &["table", "d.toml", "pay", "--import", "d.csv"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("d.toml: a link"), "{ran:?}");
    assert_eq!(fs::read_to_string(&pack).unwrap(), text.replace("1120.00", "1121.00"));
}

#[test]
fn a_signature_goes_through_no_link_and_a_key_leaves_no_half() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(tree(PACK), dir.path().join("a.toml")).unwrap();
    fs::write(dir.path().join("bureau.p8.pub"), "another's").unwrap();
    let ran = sbkd(dir.path(), &["keygen", "--out", "bureau.p8"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("bureau.p8.pub"), "{ran:?}");
    assert_eq!(names(dir.path()), ["a.toml", "bureau.p8.pub"], "no private key without its public one");
    fs::remove_file(dir.path().join("bureau.p8.pub")).unwrap();
    assert_eq!(sbkd(dir.path(), &["keygen", "--out", "bureau.p8"]).code, Some(0));

    fs::write(dir.path().join("shadow"), "secrets").unwrap();
    symlink("shadow", dir.path().join("a.toml.sig")).unwrap();
    fs::copy(tree(PACK), dir.path().join("b.toml")).unwrap();
    let ran = sbkd(dir.path(), &["sign", "--key", "bureau.p8", "b.toml", "a.toml"]);
    assert!(!dir.path().join("b.toml.sig").exists(), "none is signed");
    assert!(ran.code == Some(2) && ran.stderr.contains("a.toml.sig: a link"), "{ran:?}");
    assert_eq!(fs::read_to_string(dir.path().join("shadow")).unwrap(), "secrets");

    let ran = sbkd(dir.path(), &["verify", "--key", "bureau.p8", "a.toml"]);
    assert!(
        ran.code == Some(2) && ran.stderr.contains("bureau.p8: a private key; the public one is wanted"),
        "{ran:?}"
    );
}

#[test]
fn what_is_no_file_is_refused_by_name_and_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    pipe(&dir.path().join("a.toml"));
    symlink("/dev/zero", dir.path().join("b.toml")).unwrap();
    let ran = sbkd(dir.path(), &["check", "."]);
    assert_eq!(ran.code, Some(2));
    for name in ["a.toml", "b.toml"] {
        assert!(ran.stderr.contains(&format!("./{name}: cannot be read: not a regular file")), "{ran:?}");
    }
    let input = sbkd(dir.path(), &["explain", "unemployment-sign-in", "--input", "/dev/zero"]);
    assert!(input.code == Some(2) && input.stderr.contains("/dev/zero: not a regular file"), "{input:?}");
    fs::copy(tree(MEDICAL), dir.path().join("c.toml")).unwrap();
    let csv = sbkd(dir.path(), &["table", "c.toml", "pay", "--import", "/dev/zero"]);
    assert!(csv.code == Some(2) && csv.stderr.contains("/dev/zero: not a regular file"), "{csv:?}");
}

#[test]
fn another_encoding_is_told_by_its_place_and_the_others_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    // 工 in GBK.
    fs::write(dir.path().join("a.toml"), b"[pack]\ntitle = \"\xB9\xA4\"\n").unwrap();
    fs::write(dir.path().join("b.toml"), "[pack\n").unwrap();
    fs::copy(tree(PACK), dir.path().join("c.toml")).unwrap();
    let ran = sbkd(dir.path(), &["check", "gone.toml", "a.toml", "c.toml", "b.toml"]);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!((ran.code, lines.len()), (Some(7), 3), "{ran:?}");
    assert!(lines[0].starts_with("gone.toml:1:1: cannot be read: "), "{ran:?}");
    assert_eq!(lines[1], "a.toml:2:10: not UTF-8: save it as UTF-8");
    assert!(lines[2].starts_with("b.toml:1:"), "{ran:?}");
    assert_eq!(sbkd(dir.path(), &["check", "gone.toml"]).code, Some(2), "a place that is wrong, and no pack");
    let ran = sbkd(dir.path(), &["verify", "--key", &"0".repeat(64), "a.toml", "--json"]);
    assert_eq!(ran.json()["error"]["packs"][0]["mistake"]["line"], 2);
}

#[test]
fn a_pack_that_nothing_proves_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(tree(MEDICAL)).unwrap();
    fs::write(dir.path().join("a.toml"), text.split_once("[case_base]").unwrap().0).unwrap();
    fs::write(dir.path().join(".#a.toml"), "an editor's").unwrap();
    fs::copy(tree(PACK), dir.path().join("b.toml")).unwrap();
    for command in ["check", "test"] {
        let ran = sbkd(dir.path(), &[command, "."]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.stderr, "./a.toml:1:1: warning: the pack has no [[case]]: nothing proves what it decides\n");
        assert_eq!(sbkd(dir.path(), &[command, ".", "--json"]).json()["without_cases"], json!(["./a.toml"]));
    }
    assert_eq!(sbkd(dir.path(), &["keygen", "--out", "key"]).code, Some(0));
    let ran = sbkd(dir.path(), &["sign", "--key", "key", "."]);
    assert!(ran.code == Some(7) && !dir.path().join("b.toml.sig").exists(), "{ran:?}");
}
