//! The largest packs: what is proved of them, and how much work that may be.

use std::fmt::Write as _;

use super::ACCUMULATING;
use crate::rules::Packs;
use crate::rules::pack::load_without_cases;

/// Loads a pack with one table of these rows, looked up by `n`, `m` and `k`, or as many of them as `on` says.
fn told(on: usize, hit: &str, rows: impl Iterator<Item = String>) -> Vec<String> {
    let facts = "[facts]\nn = { type = \"int\", range = \"..\" }\nm = { type = \"int\", range = \"..\" }\nk = { type = \"int\", range = \"..\" }\n";
    let on = ["\"n\"", "\"m\"", "\"k\""][..on].join(", ");
    let mut text = ACCUMULATING.replace("[facts]\n", facts);
    write!(
        text,
        "[[table]]\nname = \"t\"\non = [{on}]\nout = {{ x = \"int\" }}\nhit = \"{hit}\"\n[[table.version]]\nfrom = 2015-01-01\nsource = \"-\"\nconfidence = \"H\"\nverified_on = 2015-01-01\nrows = [\n"
    )
    .unwrap();
    for row in rows {
        writeln!(text, "[{row}, 1],").unwrap();
    }
    text.push_str("]\n");
    match Packs::load(&[("t.toml".to_owned(), text)]) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.into_iter().map(|mistake| mistake.message).collect(),
    }
}

/// A band of a scale of so many.
fn band(at: usize, of: usize) -> String {
    match at {
        0 => "\"..1\"".to_owned(),
        _ if at + 1 == of => format!("\"{at}..\""),
        _ => format!("\"{at}\""),
    }
}

#[test]
fn ten_thousand_rows_are_proved() {
    let grid =
        |side: usize| (0..side * side).map(move |at| format!("{}, {}", band(at % side, side), band(at / side, side)));
    assert_eq!(told(1, "unique", (0..10_000).map(|at| band(at, 10_000))), [""; 0]);
    assert_eq!(told(2, "unique", grid(100)), [""; 0]);
    assert_eq!(
        told(2, "unique", grid(100).filter(|row| row != "\"7\", \"50\"")),
        ["table t has no row for (7..8, 50..51)"]
    );
    // Each row alone takes what no other does, and the last takes the rest.
    let first = (0..9_999).map(|at| format!("\"{at}\", \"*\"")).chain(["\"*\", \"*\"".to_owned()]);
    assert_eq!(told(2, "first", first), [""; 0]);
    let twice = grid(99).chain(["\"3..5\", \"98..200\"".to_owned()]);
    assert_eq!(told(2, "unique", twice), ["row 9802 overlaps row 9706 on (3..4, 98..200)"]);
    assert_eq!(
        told(1, "unique", (0..10_001).map(|at| band(at, 10_001))),
        ["the tables have more than 10000 rows in all"]
    );
}

#[test]
fn a_pack_has_at_most_a_mebibyte() {
    let filled = |length: usize| format!("{ACCUMULATING}# {}\n", "-".repeat(length - ACCUMULATING.len() - 3));
    let load = |text: String| Packs::load(&[("t.toml".to_owned(), text)]);
    assert!(load(filled(1_048_576)).is_ok());
    let told = load(filled(1_048_577)).unwrap_err();
    assert_eq!(told[0].to_string(), "t.toml:1:1: the pack is larger than 1048576 bytes");
}

#[test]
fn rows_that_no_column_tells_apart_are_given_up_in_bounded_time() {
    // Ranges that lie in each other, in each column another way: there are some 10^11 combinations.
    let nested = |hit| {
        told(
            3,
            hit,
            (0..5_000_usize).map(|at| {
                let range = |n: usize| format!("\"{}..{}\"", n % 5_003, 20_000 - n % 4_999);
                format!("{}, {}, {}", range(at), range(at * 77), range(at * 1_301))
            }),
        )
    };
    assert_eq!(nested("first"), ["table t has too many combinations to be proved: split it"]);
    let told = nested("unique");
    assert!(!told.is_empty() && told.len() <= 200, "{}", told.len());
}

#[test]
fn the_cases_compute_a_bounded_part() {
    let lines = "[lines]\nleast = 1\nmost = 2000\nkey = \"sn\"\n[lines.facts]\nsn = { type = \"int\" }\n[accumulators]";
    let expr = format!("min({})", vec!["sn"; 900].join(","));
    let mut text = ACCUMULATING.replace("[accumulators]", lines);
    for step in 0..5 {
        write!(text, "[[line_step]]\nname = \"s{step}\"\nexpr = \"{expr}\"\n").unwrap();
    }
    let cases = |text: &str, cases: usize| {
        let lines = vec!["{ sn = 1 }"; 1_000].join(",");
        let case = |n| {
            format!(
                "[[case]]\nname = \"{n}\"\nfacts = {{ date = 2015-01-01, amount = \"1.00\" }}\nlines = [{lines}]\noutcome = \"allow\"\n"
            )
        };
        let cases: String = (0..cases).map(case).collect();
        Packs::load(&[("t.toml".to_owned(), format!("{text}{cases}"))]).err().unwrap_or_default()
    };
    assert_eq!(cases(&text, 4), []);
    let told = cases(&text, 5);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].message, "the cases up to here compute more than 20000000 parts of expressions");
}

#[test]
fn no_pack_that_ships_comes_near_what_its_cases_may_compute() {
    for (name, text) in super::shipped::texts() {
        let pack = load_without_cases(&name, &text).unwrap();
        let work: usize = pack.cases.iter().map(|case| pack.work(case.lines())).sum();
        assert!((1..1_000_000).contains(&work), "{name}: {work}");
    }
}

#[test]
fn what_the_cases_take_from_their_base_is_bounded() {
    // More than one case may have of its own, and each line takes a thousand times the room of its text.
    let told = |base: &str, cases: usize| {
        let mut text = format!("{ACCUMULATING}[case_base]\n{base}\n");
        for case in 0..cases {
            write!(text, "[[case]]\nname = \"{case}\"\noutcome = \"allow\"\n").unwrap();
        }
        let told = Packs::load(&[("t.toml".to_owned(), text.clone())]).err().unwrap_or_default();
        told.into_iter()
            .map(|told| (text.lines().nth(told.line - 1).unwrap().to_owned(), told.message))
            .collect::<Vec<_>>()
    };
    let many = |item: &str, count: usize| vec![item; count].join(",");
    let one = |name: &str, message: &str| vec![(format!("name = \"{name}\""), message.to_owned())];
    let lines = format!("lines = [{}]", many("{a=1}", 150_000));
    assert_eq!(told(&lines, 200), one("0", "the cases up to here have more than 5000 lines"));
    let lines = format!("lines = [{}]", many("{a=1}", 1_000));
    assert_eq!(told(&lines, 200), one("5", "the cases up to here have more than 5000 lines"));
    let facts: String = (0..60_000).map(|n| format!("f{n}=1\n")).collect();
    assert_eq!(
        told(&format!("[case_base.facts]\n{facts}"), 100),
        one("3", "the cases up to here have more than 200000 values")
    );
    assert_eq!(told("", 201), [("[[case]]".to_owned(), "more than 200 cases".to_owned())]);
}
