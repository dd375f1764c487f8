//! Packs with mistakes: `fixtures/policy-bad/NAME.toml`, and in `NAME.expected` every line that must be told of it.
//! `UPDATE_EXPECTED=1` writes what is told now, to be read before it is committed.

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

#[test]
fn two_packs_for_one_day_clash() {
    let pack = |name: &str, from: &str, to: &str| {
        let text = super::ACCUMULATING.replace("2015-01-01", from).replace("2015-12-31", to);
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
