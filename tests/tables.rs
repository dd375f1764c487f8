//! The tables that README.md and ARCHITECTURE.md print are those that the program works by. `SBKD_WRITE=1 cargo test --test tables`
//! prints them anew. And the page of facts has what packs and catalogue say that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sbkd::queue::{By, MOVES, State};
use sbkd::scenario::{Catalogue, Conduct, Definition, Lookup, Proof, Runner};
use sbkd::terminal::{Condition, Conditions, Table};
use sbkd::value::Kind;

const KINDS: [Kind; 11] = [
    Kind::Register,
    Kind::Apply,
    Kind::Query,
    Kind::Change,
    Kind::Visit,
    Kind::Settle,
    Kind::Pay,
    Kind::Collect,
    Kind::SignIn,
    Kind::Certify,
    Kind::Report,
];

const CONDITIONS: [(Condition, &str); 5] = [
    (Condition::UplinkAway, "uplink away"),
    (Condition::CardServiceAway, "card service away"),
    (Condition::KeysAway, "keys away"),
    (Condition::Storage, "storage"),
    (Condition::Draining, "draining"),
];

fn told(conduct: Conduct) -> &'static str {
    match conduct {
        Conduct::CarryOut => "carry out",
        Conduct::Provisional => "provisional, within limits",
        Conduct::Refuse => "refuse",
    }
}

/// Kind by condition.
fn conditions() -> String {
    let table = Table::builtin().unwrap();
    let heads: Vec<&str> = CONDITIONS.iter().map(|(_, name)| *name).collect();
    let mut out = format!("| kind | {} | uplink away, no record |\n|---|{}\n", heads.join(" | "), "---|".repeat(6));
    for kind in KINDS {
        let cells = CONDITIONS.map(|(condition, _)| told(table.conduct(kind, &Conditions::from([condition])).0));
        out += &format!("| `{}` | {} | {} |\n", kind.name(), cells.join(" | "), told(table.without_record(kind)));
    }
    out
}

/// From each state, where a transaction may go.
fn states() -> String {
    let mut out = "| from | to, store and forward | to, online |\n|---|---|---|\n".to_owned();
    for from in State::ALL {
        let to = |by: By| {
            let moves = MOVES.iter().filter(|(at, _, of)| *at == from && (*of == By::Either || *of == by));
            let names: Vec<String> = moves.map(|(_, to, _)| format!("`{}`", to.name())).collect();
            if names.is_empty() { "–".to_owned() } else { names.join(", ") }
        };
        out += &format!("| `{}` | {} | {} |\n", from.name(), to(By::StoreAndForward), to(By::Online));
    }
    out
}

/// What a part does while the centre is away.
fn away(table: &Table, part: &Definition) -> String {
    let of_kind = table.conduct(part.kind, &Conditions::from([Condition::UplinkAway])).0;
    match (of_kind.max(part.conditions.uplink_away.unwrap_or(of_kind)), &part.lookup) {
        (Conduct::Provisional, _) => "provisional".to_owned(),
        (Conduct::CarryOut, None) => "yes".to_owned(),
        // What is looked up first is shown where the centre told it not too long ago.
        (Conduct::CarryOut, Some(Lookup { hours: Some(hours), .. })) => format!("{hours} h"),
        (Conduct::CarryOut, Some(_)) | (Conduct::Refuse, _) => "–".to_owned(),
    }
}

/// The parts' cells of a column; once where all have the same.
fn cell(cells: impl Iterator<Item = String>) -> String {
    let mut cells: Vec<String> = cells.collect();
    if cells.windows(2).all(|pair| pair[0] == pair[1]) {
        cells.truncate(1);
    }
    cells.join(", ")
}

/// The 77 of the table of 2015, by domain.
fn scenarios() -> String {
    let table = Table::builtin().unwrap();
    let mut out = "| row | scenario | kind | by | card | centre away |\n|--:|---|---|---|---|---|\n".to_owned();
    let mut domain = String::new();
    for scenario in Catalogue::builtin().unwrap().scenarios() {
        let (entry, parts) = (&scenario.entry, || scenario.parts.iter());
        if domain != entry.domain {
            domain.clone_from(&entry.domain);
            out += &format!("| | **{domain}** | | | | |\n");
        }
        let kinds = cell(parts().map(|part| format!("`{}`", part.kind.name())));
        let by = cell(parts().map(|part| {
            let who = |runner: &Runner| match runner {
                Runner::Clerk => "clerk",
                Runner::Holder => "holder",
            };
            part.who.iter().map(who).collect::<Vec<_>>().join(" or ")
        }));
        let card = cell(parts().map(|part| match part.card {
            Proof::Authenticate => "genuine".to_owned(),
            Proof::Pin => "PIN".to_owned(),
        }));
        let away = cell(parts().map(|part| away(&table, part)));
        let row = entry.row.unwrap();
        out += &format!("| {row} | {} `{}` | {kinds} | {by} | {card} | {away} |\n", entry.name, entry.id);
    }
    out
}

#[test]
fn the_pages_print_the_tables_that_the_program_works_by() {
    for (page, name, table) in [
        ("ARCHITECTURE.md", "states", states()),
        ("ARCHITECTURE.md", "conditions", conditions()),
        ("README.md", "scenarios", scenarios()),
    ] {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let text = fs::read_to_string(&page).unwrap();
        let from = text.find(&begin).unwrap_or_else(|| panic!("no {begin}")) + begin.len();
        let to = from + text[from..].find(&end).unwrap_or_else(|| panic!("no {end}"));
        if std::env::var_os("SBKD_WRITE").is_some() {
            fs::write(&page, format!("{}{table}{}", &text[..from], &text[to..])).unwrap();
        }
        let text = fs::read_to_string(&page).unwrap();
        let printed = &text[from..text.len().min(from + table.len())];
        assert_eq!(printed, table, "{name} is of another day: SBKD_WRITE=1 cargo test --test tables");
        assert!(text[from + table.len()..].starts_with(&end), "{name} has more than the table");
    }
}

/// The sections of the page of facts by their numbers: from where one begins to where the next does.
fn facts() -> BTreeMap<String, String> {
    let mut sections = BTreeMap::<String, String>::new();
    let mut last = None;
    for line in fs::read_to_string(tree("docs/settlement-facts.md")).unwrap().lines() {
        if let Some(begun) = line.trim_start_matches(['#', ' ']).strip_prefix('§') {
            let number = numbered(begun).0;
            assert!(!sections.contains_key(&number), "§{number} is there twice");
            last = Some(number);
        }
        if let Some(number) = &last {
            let text = sections.entry(number.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }
    sections
}

/// What is cited after a §: the section's number, and what of it is meant, up to the end of that phrase.
fn numbered(after: &str) -> (String, &str) {
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
    let number = after[..end].trim_end_matches('.');
    let of_it = after[number.len()..].split(['§', '"', '）', ')', '；', '，', '。', '.', ',', ';']).next();
    (number.to_owned(), of_it.unwrap_or_default())
}

fn figures(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|figure| !figure.is_empty()).collect()
}

fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Each § of a file, with its line.
fn cites(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.flat_map(|(at, line)| line.split('§').skip(1).map(move |after| (at + 1, after)))
}

#[test]
fn the_page_of_facts_has_what_packs_and_catalogue_cite_of_it() {
    let facts = facts();
    let (mut cited, mut missing) = (BTreeSet::new(), Vec::new());
    let folders =
        ["config/policy/guangzhou-2015", "config/scenarios"].map(|folder| fs::read_dir(tree(folder)).unwrap());
    for file in folders.into_iter().flatten().map(|entry| entry.unwrap().path()) {
        for (line, after) in cites(&fs::read_to_string(&file).unwrap()) {
            let (number, of_it) = numbered(after);
            let is_there = facts.get(&number).is_some_and(|section| figures(of_it).is_subset(&figures(section)));
            if !is_there {
                missing.push(format!("{}:{line}: §{number}{of_it}", file.display()));
            }
            cited.insert(number);
        }
    }
    assert!(missing.is_empty(), "not in docs/settlement-facts.md:\n{}", missing.join("\n"));
    let is_grade = |word: &str| matches!(word, "H" | "M" | "L" | "U");
    let is_graded = |section: &str| section.split(|c: char| !c.is_alphanumeric()).any(is_grade);
    let ungraded: Vec<&String> = cited.iter().filter(|number| !is_graded(&facts[*number])).collect();
    assert!(ungraded.is_empty() && cited.len() > 10, "without a grade: {ungraded:?} of {cited:?}");
}
