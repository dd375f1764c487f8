//! Packs with mistakes: `fixtures/policy-bad/NAME.toml`, and in `NAME.expected` every line that must be told of it.
//! `UPDATE_EXPECTED=1` writes what is told now, to be read before it is committed.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::rules::Packs;

#[test]
fn each_broken_pack_is_told_to_the_column_and_without_what_follows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policy-bad");
    let mut packs: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    packs.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    packs.sort();
    assert!(packs.len() >= 28, "{packs:?}");
    for path in packs {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mistakes = Packs::load(&[(name.clone(), fs::read_to_string(&path).unwrap())]).expect_err(&name);
        let told: String = mistakes.iter().map(|mistake| format!("{mistake}\n")).collect();
        let expected = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &told).unwrap();
        }
        assert_eq!(told, fs::read_to_string(&expected).unwrap_or_default(), "{name}");
    }
}

/// What the loader tells, by the fixture that is about it.
const KINDS: [(&str, &str); 14] = [
    ("unknown-keys", "unknown key"),
    ("names", "unknown name"),
    ("types", "is wanted here, not"),
    ("types", "has no meaning"),
    ("unrounded", "keeps an unrounded product"),
    ("tables", "has no row for ("),
    ("tables", "overlaps row"),
    ("dates", "dates are out of order"),
    ("dates", "has no value from"),
    ("dates", "has two values on"),
    ("order", "is not computed yet here"),
    ("cycles", "steps need each other"),
    ("unreachable", "can never hold"),
    ("cases", "case '"),
];

#[test]
fn each_kind_of_mistake_has_a_pack_that_is_about_it() {
    for (name, message) in KINDS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policy-bad").join(name);
        let told = fs::read_to_string(path.with_extension("expected")).unwrap();
        assert!(told.lines().any(|line| line.contains(message)), "{name}: {message}");
    }
}

/// Keys of every part of a pack; none of them is a name that the packs that ship declare.
const KEYS: [&str; 38] = [
    "id",
    "version",
    "title",
    "scenarios",
    "scheme",
    "valid_from",
    "valid_to",
    "date_of",
    "status",
    "type",
    "label",
    "default",
    "optional",
    "range",
    "scope",
    "begins",
    "least",
    "most",
    "name",
    "values",
    "from",
    "value",
    "source",
    "confidence",
    "verified_on",
    "on",
    "out",
    "hit",
    "rows",
    "expr",
    "say",
    "say_when",
    "code",
    "when",
    "outcome",
    "set",
    "add",
    "figures",
];

#[test]
fn a_slip_in_any_key_is_told_once_and_nothing_that_follows() {
    let texts = super::shipped::texts();
    let mut tried = HashSet::new();
    for (name, text) in texts.iter().filter(|(name, _)| name.contains("settlement") || name.contains("sign-in")) {
        let mut header = "";
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if line.starts_with('[') {
                header = line.trim_end();
            }
            for key in KEYS {
                let stands = |before: &str| line.find(&format!("{before}{key} = ")).map(|at| at + before.len());
                let Some(at) = stands("{ ").or_else(|| stands(", ")).or_else(|| stands("").filter(|at| *at == 0))
                else {
                    continue;
                };
                if line.starts_with('#') || !tried.insert((name, header, key)) {
                    continue;
                }
                let last = start + at + key.len() - 1;
                let slip = format!("{}x{}", &text[..last], &text[last..]);
                let told = Packs::load(&[(name.clone(), slip)]).err().unwrap_or_default();
                assert!(
                    told.len() == 1 && told[0].message.ends_with(&format!("write '{key}'")),
                    "{name}: {header} {line}: {key}: {told:?}"
                );
            }
            start += line.len();
        }
    }
    assert!(tried.len() > 100, "{}", tried.len());
}

#[test]
fn two_packs_for_one_day_clash() {
    let pack = |name: &str, from: &str, to: &str| {
        let text = super::ACCUMULATING.replace("2015-01-01", from).replace("2015-12-31", to);
        let text = text.replace("version = \"1\"", &format!("version = \"{name}\""));
        (name.to_owned(), text)
    };
    let first = pack("a.toml", "2015-01-01", "2015-06-30");
    let clash = Packs::load(&[first.clone(), pack("b.toml", "2015-06-30", "2015-12-31")]).unwrap_err();
    assert_eq!(clash[0].to_string(), "b.toml:1:1: test has a pack for some of these days already: a.toml");
    let second = pack("b.toml", "2015-07-01", "2015-12-31");
    assert!(Packs::load(&[first.clone(), second.clone()]).is_ok());
    // By two dates a case could fall under both packs, or under none.
    let by_another = second.1.replace("date_of = \"date\"", "date_of = \"day\"").replace("date = {", "day = {");
    let clash = Packs::load(&[first, (second.0, by_another)]).unwrap_err();
    assert_eq!(clash[0].to_string(), "b.toml:1:1: test has a pack with another business date, 'date': a.toml");
}
