//! Every failure that a person can be told: its code is its own, it is told in both languages, and `docs/errors.md`
//! lists it. `SBKD_WRITE=1 cargo test --test failures` writes that page anew.

mod rig;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sbkd::cli::Exit;
use sbkd::failure::{Actor, Entry, Text};

/// The tables of all rooms, in the order of the walk.
fn tables() -> [(&'static str, &'static [&'static Entry]); 19] {
    [
        ("cipher", sbkd::cipher::ENTRIES),
        ("reader", sbkd::reader::ENTRIES),
        ("script", sbkd::script::ENTRIES),
        ("keys", sbkd::keys::ENTRIES),
        ("card", sbkd::card::ENTRIES),
        ("card::account", sbkd::card::account::ENTRIES),
        ("card::bank", sbkd::card::bank::ENTRIES),
        ("card::pki", sbkd::card::pki::ENTRIES),
        ("scenario", sbkd::scenario::errors::ENTRIES),
        ("rules", sbkd::rules::ENTRIES),
        ("terminal", sbkd::terminal::errors::ENTRIES),
        ("queue", sbkd::queue::errors::ENTRIES),
        ("store", sbkd::store::errors::ENTRIES),
        ("sync", sbkd::sync::errors::ENTRIES),
        ("wire", sbkd::wire::errors::ENTRIES),
        ("config", sbkd::config::ENTRIES),
        ("api", sbkd::api::ENTRIES),
        ("cli", sbkd::cli::ENTRIES),
        ("virtual_card", sbkd::virtual_card::ENTRIES),
    ]
}

fn all() -> impl Iterator<Item = &'static Entry> {
    tables().into_iter().flat_map(|(_, entries)| entries.iter().copied())
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
    assert_eq!(codes, written, "the tables above, and what src/ declares");
}

/// The codes that the tables in `folder` declare: `NAME = "E-…", Actor;`.
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
    for (room, entries) in tables() {
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
