//! The plan of rooms holds: a room uses only rooms on floors below its own, and what its row adds (ARCHITECTURE.md).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A room's floor, and what it may use besides the floors below. Read with the table in ARCHITECTURE.md.
const ROOMS: &[(&str, u8, &[&str])] = &[
    // Under the house: what every room stands on.
    ("failure", 0, &[]),
    ("world", 0, &[]),
    ("apdu", 1, &[]),
    ("value", 1, &[]),
    ("cipher", 1, &[]),
    ("profile", 1, &["cipher"]),
    ("wire", 1, &["value", "cipher"]),
    ("reader", 2, &[]),
    ("script", 2, &["reader"]),
    ("rules", 2, &[]),
    ("queue", 2, &[]),
    ("store", 2, &["reader"]),
    ("keys", 3, &[]),
    ("sync", 3, &["keys"]),
    ("card", 4, &[]),
    ("slip", 4, &[]),
    ("config", 5, &["national"]),
    ("national", 5, &[]),
    ("scenario", 5, &[]),
    ("terminal", 6, &[]),
    ("api", 7, &[]),
    ("cli", 7, &["api", "virtual_card", "center"]),
];

/// Rooms aside have no floor: they use just this, and only `cli` uses them.
const ASIDE: &[(&str, &[&str])] = &[
    ("virtual_card", &["failure", "world", "apdu", "value", "cipher", "profile", "reader"]),
    ("center", &["failure", "world", "value", "cipher", "profile", "wire", "rules", "queue"]),
];

#[test]
fn rooms_use_only_the_floors_below_and_what_their_row_adds() {
    let mut wrong = Vec::new();
    for (room, used, place) in uses() {
        if room != used && !allowed(&room, &used) {
            wrong.push(format!("{place}: {room} uses {used}"));
        }
    }
    assert!(wrong.is_empty(), "against the plan of rooms:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_plan() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let library = fs::read_to_string(src.join("lib.rs")).expect("src/lib.rs");
    let there: BTreeSet<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let planned: BTreeSet<&str> =
        ROOMS.iter().map(|(room, ..)| *room).chain(ASIDE.iter().map(|(room, _)| *room)).collect();
    assert_eq!(there, planned);
}

/// SSF33 is not public: what stands in for it is computed by simulated chips alone, so no key of the daemon meets it.
#[test]
fn only_simulated_chips_compute_with_the_stand_in() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut named = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(&file).expect("a source file");
        if text.contains("Suite::simulated") || text.contains("fn simulated(") {
            let inside = file.strip_prefix(&src).expect("a file of src");
            named.insert(inside.iter().next().and_then(|part| part.to_str()).expect("a room").to_owned());
        }
    }
    assert!(named.remove("cipher"), "the search finds nothing: it is broken");
    assert!(named.iter().all(|room| room == "virtual_card"), "the stand-in for SSF33 is named in {named:?}");
}

#[test]
fn the_search_for_uses_finds_every_form() {
    let text = "use crate::queue::{Queue, Row};\nuse crate::{sync, rules::Packs};\n// crate::ui\nlet x = crate::card::read();\n\
                /// see [`crate::api`]\nuse super::*;\nlet s = \"crate::slip\";\n#[cfg(test)]\nmod tests { use crate::center; }\n";
    let found: BTreeSet<String> = rooms_named(text).into_keys().collect();
    assert_eq!(found, ["card", "queue", "rules", "sync"].map(str::to_owned).into());
}

#[test]
fn files_stay_short() {
    for file in sources() {
        let lines = fs::read_to_string(&file).expect("a source file").lines().count();
        assert!(lines <= 500, "{} has {lines} lines: split it by what it does", file.display());
    }
}

fn allowed(room: &str, used: &str) -> bool {
    if let Some((_, may)) = ASIDE.iter().find(|(name, _)| *name == room) {
        return may.contains(&used);
    }
    let Some((_, floor, adds)) = ROOMS.iter().find(|(name, ..)| *name == room) else { return false };
    adds.contains(&used) || ROOMS.iter().any(|(name, below, _)| *name == used && below < floor)
}

/// Every use of one room by another outside tests: who, whom, and where.
fn uses() -> Vec<(String, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    for file in sources() {
        let inside = file.strip_prefix(&src).expect("a file of src");
        let room =
            inside.iter().next().and_then(|part| part.to_str()).expect("a room").trim_end_matches(".rs").to_owned();
        if ["lib", "main"].contains(&room.as_str()) || inside.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        for (used, line) in rooms_named(&fs::read_to_string(&file).expect("a source file")) {
            all.push((room.clone(), used, format!("src/{}:{line}", inside.display())));
        }
    }
    assert!(all.len() > 5, "the search finds next to nothing: it is broken");
    all
}

/// The rooms that a file's code names after `crate::`, each with the first line; comments, strings and the tests at
/// the file's end do not count.
fn rooms_named(text: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let code: Vec<&str> =
        text[..tests].lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect();
    let code = code.join("\n");
    for (at, _) in code.match_indices("crate::") {
        let quoted = code[..at].rsplit('\n').next().is_some_and(|before| before.matches('"').count() % 2 == 1);
        if quoted || code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '$' || c == '_') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        for name in names(&code[at + "crate::".len()..]) {
            found.entry(name).or_insert(line);
        }
    }
    found.remove("entries"); // the macro of `failure`, which macro_export puts at the crate's root
    found
}

/// The first segments of a path or of a brace of paths: `queue::{A}` gives `queue`; `{sync, rules::P}` gives both.
fn names(rest: &str) -> Vec<String> {
    let ident = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    if !rest.starts_with('{') {
        return vec![ident(rest)];
    }
    let (mut depth, mut items, mut item) = (0, Vec::new(), String::new());
    for c in rest.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => items.push(std::mem::take(&mut item)),
            c => item.push(c),
        }
        if depth == 0 {
            break;
        }
    }
    items.push(item);
    items.iter().map(|item| ident(item.trim())).filter(|name| !name.is_empty()).collect()
}

fn sources() -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).expect("a directory of src").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files
}
