//! The packs that ship, with one number or operator changed at a time: their own cases must tell.
//!
//! `SBKD_PACK=medical-settlement` takes one pack alone, by its file's name, and prints what it did with `--nocapture`.
//! A mutant that no case can tell from the pack is named in `fixtures/mutants/NAME.toml` with the reason.

mod document;
mod figures;
mod formulas;
mod places;
mod structure;
mod tables;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use self::document::{Mutant, mutants};
use crate::failure::place;
use crate::rules::each::all;
use crate::rules::pack::load_without_cases;

/// The most mutants that may survive, in a hundred.
const MOST_SURVIVORS: usize = 2;

/// What became of a mutant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its form is wrong: it is no mutant.
    Unborn,
    /// The loader refused it, before any case.
    Refused,
    /// A case failed.
    Told,
    Survived,
}

/// Survivors of one item that are known, and why no case can tell them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    item: String,
    changes: Vec<String>,
    reason: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct KnownOfPack {
    mutant: Vec<Known>,
}

/// One pack's mutants, counted.
#[derive(Default)]
struct Count {
    unborn: usize,
    refused: usize,
    told: usize,
    survived: usize,
}

impl Count {
    fn all(&self) -> usize {
        self.refused + self.told + self.survived
    }
}

#[test]
fn a_changed_number_or_operator_is_told_by_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let only = std::env::var("SBKD_PACK").ok();
    let mut files: Vec<_> =
        fs::read_dir(root.join("config/policy/guangzhou-2015")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.retain(|path| only.as_deref().is_none_or(|only| path.file_stem().is_some_and(|stem| stem == only)));
    files.sort();
    assert!(!files.is_empty(), "no pack is named {only:?}");
    let (mut wrong, mut summary) = (String::new(), String::new());
    let (mut all, mut survived) = (0, 0);
    for file in files {
        let known = root.join("fixtures/mutants").join(file.file_name().unwrap());
        let count = of_pack(&file, &known, &mut wrong);
        all += count.all();
        survived += count.survived;
        writeln!(
            summary,
            "{}: {} mutants, {} told by a case, {} by the loader, {} survive ({} more do not load by their form)",
            file.file_stem().unwrap().display(),
            count.all(),
            count.told,
            count.refused,
            count.survived,
            count.unborn
        )
        .unwrap();
    }
    eprint!("{summary}");
    assert!(wrong.is_empty(), "\n{wrong}{summary}");
    assert!(survived * 100 <= all * MOST_SURVIVORS, "more than {MOST_SURVIVORS} % survive\n{summary}");
}

/// Makes the mutants of one pack; tells survivors that are not known, and known ones that do not survive.
fn of_pack(file: &Path, known: &Path, wrong: &mut String) -> Count {
    let text = fs::read_to_string(file).unwrap();
    let pack =
        load_without_cases("p.toml", &text).unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", file.display()));
    assert!(pack.cases.iter().all(|case| case.run(&pack).is_empty()), "{}: a case fails", file.display());
    let mutants = mutants(&text, &pack);
    let fates = all(&mutants, || 0, |likely, mutant| fate(&text, mutant, likely));
    let mut known = read_known(known);
    let mut count = Count::default();
    for (mutant, fate) in mutants.iter().zip(fates) {
        *match fate {
            Fate::Unborn => &mut count.unborn,
            Fate::Refused => &mut count.refused,
            Fate::Told => &mut count.told,
            Fate::Survived => &mut count.survived,
        } += 1;
        let listed = known.remove(&(mutant.item.clone(), mutant.change.clone()));
        let what = match (fate == Fate::Survived, listed.is_some()) {
            (true, false) => "no case tells",
            (false, true) => "is listed as a survivor, and is none",
            _ => continue,
        };
        let (line, column) = place(&text, mutant.at());
        let shown = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file).display();
        writeln!(wrong, "{shown}:{line}:{column}: {}: {} — {what}", mutant.item, mutant.change).unwrap();
    }
    for (item, change) in known.keys() {
        writeln!(wrong, "{}: {item}: {change} is listed, and there is no such mutant", file.display()).unwrap();
    }
    count
}

/// Item and change of each known survivor, and the reason.
fn read_known(path: &Path) -> HashMap<(String, String), String> {
    let Ok(text) = fs::read_to_string(path) else { return HashMap::new() };
    let known: KnownOfPack = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut found = HashMap::new();
    for Known { item, changes, reason } in known.mutant {
        assert!(!reason.trim().is_empty(), "{}: {item} has no reason", path.display());
        for change in changes {
            assert!(found.insert((item.clone(), change.clone()), reason.clone()).is_none(), "{item}: {change} twice");
        }
    }
    found
}

/// What becomes of one; `likely` is the case that told the last one, which most often tells the next.
fn fate(text: &str, mutant: &Mutant, likely: &mut usize) -> Fate {
    let pack = match load_without_cases("p.toml", &mutant.text(text)) {
        Ok(pack) => pack,
        Err(mistakes) if mutant.ill_formed(&mistakes) => return Fate::Unborn,
        Err(_) => return Fate::Refused,
    };
    let fails = |at: &usize| -> bool { pack.cases.get(*at).is_some_and(|case| !case.run(&pack).is_empty()) };
    match std::iter::once(*likely).chain(0..pack.cases.len()).find(fails) {
        Some(at) => {
            *likely = at;
            Fate::Told
        }
        None => Fate::Survived,
    }
}
