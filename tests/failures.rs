//! Every failure that a person can be told: its code is its own, it is told in both languages, and `docs/errors.md`
//! lists it. `SBKD_WRITE=1 cargo test --test failures` writes that page anew.

mod rig;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sbkd::cli::{Exit, failures};
use sbkd::failure::{Actor, Entry, Text};

fn all() -> impl Iterator<Item = &'static Entry> {
    failures().into_iter().flat_map(|(_, entries)| entries.iter().copied())
}

#[test]
fn each_code_is_its_own_and_none_is_left_out() {
    let mut codes = BTreeSet::new();
    for entry in all() {
        assert!(codes.insert(entry.code.to_owned()), "{} is there twice", entry.code);
        let parts: Vec<&str> = entry.code.split('-').collect();
        let fits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        // What the centre says no by is `C-WHAT`; whatever is the terminal's own, `E-ROOM-WHAT`.
        let form = parts[0] == "E" && parts.len() > 2 || parts[0] == "C" && parts.len() > 1;
        assert!(form && parts.iter().all(fits), "{}", entry.code);
    }
    let mut written = BTreeSet::new();
    declared(&rig::tree("src"), &mut written);
    assert_eq!(codes, written, "the tables of cli/failures.rs, and what src/ declares");
}

/// The codes that the tables in `folder` declare: `NAME = "E-…", Actor;`, and below it `class …;`.
fn declared(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            declared(&path, codes);
        } else if path.file_name().is_some_and(|name| name == "errors.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text
                .lines()
                .filter(|line| [", Holder;", ", Clerk;", ", Technician;"].iter().any(|end| line.ends_with(end)));
            codes.extend(lines.filter_map(|line| line.split('"').nth(1)).map(str::to_owned));
        }
    }
}

/// Whatever it says no by is a row of the table: no code is written anywhere else.
#[test]
fn the_centre_has_no_code_beside_the_table() {
    let mut codes = BTreeSet::new();
    quoted(&rig::tree("src/center"), &mut codes);
    let listed: BTreeSet<&str> = sbkd::wire::errors::ENTRIES.iter().map(|entry| entry.code).collect();
    assert!(codes.len() > 5 && codes.iter().all(|code| listed.contains(code.as_str())), "{codes:?}");
}

/// Each `C-…` in a string of the code in `folder`.
fn quoted(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            quoted(&path, codes);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let rests = text.match_indices("\"C-").map(|(at, _)| &text[at + 1..]);
        let of = |rest: &str| rest.split(|c: char| c != '-' && !c.is_ascii_uppercase()).next().unwrap().to_owned();
        codes.extend(rests.map(of));
    }
}

/// Programs go by them: a code never gets another exit status or another HTTP status. `SBKD_WRITE=1` adds the rows of new
/// codes, and leaves the others as they are.
#[test]
fn each_code_keeps_its_exit_and_its_status() {
    const FIRST: &str = "code\texit\tHTTP";
    let file = rig::tree("fixtures/failures.tsv");
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let mut kept: BTreeMap<&str, &str> = kept.lines().skip(1).filter_map(|line| line.split_once('\t')).collect();
    let now = |entry: &Entry| format!("{}\t{}", Exit::for_code(entry.code) as u8, sbkd::api::status_of(entry));
    let now: BTreeMap<&str, String> = all().map(|entry| (entry.code, now(entry))).collect();
    if std::env::var_os("SBKD_WRITE").is_some() {
        for (code, own) in &now {
            kept.entry(code).or_insert(own);
        }
        let rows: String = kept.iter().map(|(code, own)| format!("{code}\t{own}\n")).collect();
        fs::write(&file, format!("{FIRST}\n{rows}")).unwrap();
    }
    for (code, own) in &now {
        assert_eq!(kept.get(code), Some(&own.as_str()), "{code} in fixtures/failures.tsv: only what is new is written");
    }
    let gone: Vec<_> = kept.keys().filter(|code| !now.contains_key(*code)).collect();
    assert!(gone.is_empty(), "no code is taken away once it was released: {gone:?}");
}

#[test]
fn each_is_told_in_both_languages() {
    for entry in all() {
        for Text { zh, en } in [entry.message, entry.cause, entry.remedy] {
            let chinese = |text: &str| text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c));
            assert!(chinese(zh), "{}: {zh}", entry.code);
            assert!(!en.is_empty() && !chinese(en), "{}: {en}", entry.code);
            for text in [zh, en] {
                assert!(text.trim() == text && !text.ends_with(['.', '。', '|']), "{}: {text}", entry.code);
            }
        }
    }
}

#[test]
fn the_page_lists_them_all() {
    let page = rig::tree("docs/errors.md");
    let text = told();
    if std::env::var_os("SBKD_WRITE").is_some() {
        fs::write(&page, &text).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap();
    let differs = text.lines().zip(written.lines()).find(|(told, written)| told != written);
    assert_eq!(differs, None, "docs/errors.md is of another day: SBKD_WRITE=1 cargo test --test failures");
    assert_eq!(text.lines().count(), written.lines().count(), "docs/errors.md");
}

fn told() -> String {
    let mut out = "# Failures\n\nWhat a person is told, by room. A code never changes its meaning. *Who* must act, and the exit status of a \
                   command that ends with it; some commands give another for a reason of their own (`docs/cli.md`).\n"
        .to_owned();
    for (room, entries) in failures() {
        out += &format!("\n## `{room}`\n| code | what | cause | remedy | who | exit |\n|---|---|---|---|---|---|\n");
        for entry in entries {
            let both = |Text { zh, en }: Text| format!("{zh}<br>{en}").replace('|', "\\|");
            let who = match entry.actor {
                Actor::Holder => "holder",
                Actor::Clerk => "clerk",
                Actor::Technician => "technician",
            };
            let (what, cause, remedy) = (both(entry.message), both(entry.cause), both(entry.remedy));
            let exit = Exit::for_code(entry.code) as u8;
            out += &format!("| `{}` | {what} | {cause} | {remedy} | {who} | {exit} |\n", entry.code);
        }
    }
    out
}
