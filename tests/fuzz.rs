//! What the fuzz targets do (`fuzz/`), with some thousand inputs that are the same in every run.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[path = "../fuzz/src/lib.rs"]
mod entries;

/// Runs a target with so many inputs. Each is bounded in itself: by its size, and by what the loader lets a pack
/// compute. So the number bounds the time on any machine.
fn run<S: Strategy>(inputs: u32, strategy: S, target: impl Fn(S::Value)) {
    let config = Config { cases: inputs, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let ran = TestRunner::new_with_rng(config, random).run(&strategy, |input| {
        target(input);
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}

/// The packs that ship and those with mistakes.
fn packs() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["config/policy/guangzhou-2015", "fixtures/policy-bad"]
        .into_iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).expect("a pack")).collect()
}

/// The words of a dictionary, without its escapes.
fn words(dictionary: &str) -> Vec<String> {
    let quoted = dictionary.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|word| word.replace("\\\"", "\"").replace("\\xc2\\xa5", "¥")).collect()
}

/// What happens to a pack.
#[derive(Debug, Clone)]
enum Edit {
    /// Letters at a place become something else.
    Replace(Index, usize, String),
    /// A line comes to another place.
    Move(Index, Index),
    /// A line is there twice.
    Double(Index),
    /// A line is gone.
    Drop(Index),
    /// Nothing comes after a line.
    Cut(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let word = select(words(include_str!("../fuzz/pack.dict")));
    let with = prop_oneof![
        4 => word,
        2 => select(vec!["-1", "0", "9223372036854775807", "9999-12-31", "0001-01-01", "1e9", "\\u0000", "'''"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,3}",
    ];
    prop_oneof![
        6 => (any::<Index>(), 0..4_usize, with).prop_map(|(at, length, with)| Edit::Replace(at, length, with)),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Edit::Move(from, to)),
        1 => any::<Index>().prop_map(Edit::Double),
        2 => any::<Index>().prop_map(Edit::Drop),
        1 => any::<Index>().prop_map(Edit::Cut),
    ]
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits {
        if lines.is_empty() {
            break;
        }
        let at = |index: &Index| index.index(lines.len());
        match edit {
            Edit::Replace(index, length, with) => {
                let line = index.index(lines.len());
                let letters: Vec<char> = lines[line].chars().collect();
                let start = index.index(letters.len() + 1);
                let rest = letters.get(start + length..).unwrap_or_default();
                lines[line] = letters[..start].iter().chain(&with.chars().collect::<Vec<_>>()).chain(rest).collect();
            }
            Edit::Move(from, to) => {
                let (from, to) = (at(from), at(to));
                let line = lines.remove(from);
                lines.insert(to, line);
            }
            Edit::Double(index) => {
                let line = at(index);
                lines.insert(line, lines[line].clone());
            }
            Edit::Drop(index) => {
                let line = at(index);
                lines.remove(line);
            }
            Edit::Cut(index) => lines.truncate(at(index)),
        }
    }
    lines.join("\n")
}

#[test]
fn packs_with_some_edits_are_loaded_or_refused() {
    let strategy = (select(packs()), prop::collection::vec(edit(), 1..6));
    run(800, strategy, |(text, edits)| entries::pack(edited(&text, &edits).as_bytes()));
}

#[test]
fn any_bytes_are_refused_as_a_pack() {
    run(2_000, prop::collection::vec(any::<u8>(), 0..300), |bytes| entries::pack(&bytes));
}

/// Choices by bytes that are used up; the first choice after the last.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        let Some((first, rest)) = self.0.split_first() else { return all[0] };
        self.0 = rest;
        all[usize::from(*first) % all.len()]
    }
}

/// An expression of a type by the grammar of the language, nested so deep at most.
fn expression(typ: &str, depth: usize, choices: &mut Choices<'_>) -> String {
    let ordered = ["money", "rate", "int", "date", "month"];
    let forms: &[&str] = match typ {
        _ if depth == 0 => &["leaf"],
        "money" => &["if", "rounded", "sum", "extreme", "clamp", "leaf"],
        "int" => &["if", "sum", "times", "between", "extreme", "clamp", "leaf"],
        "rate" => &["if", "sum", "extreme", "clamp", "leaf"],
        "month" => &["if", "later", "extreme", "leaf"],
        "date" => &["if", "extreme", "leaf"],
        _ => &["if", "compared", "compared", "joined", "not", "leaf"],
    };
    let form = choices.of(forms);
    let mut of = |typ: &str| expression(typ, depth.saturating_sub(1), choices);
    match form {
        "if" => format!("if {} then {} else {}", of("bool"), of(typ), of(typ)),
        "sum" => format!("({}) {} ({})", of(typ), choices.of(&["+", "-"]), expression(typ, depth - 1, choices)),
        "times" => format!("({}) * ({})", of("int"), of("int")),
        "between" => format!("months_between({}, {})", of("month"), of("month")),
        "later" => format!("add_months({}, {})", of("month"), of("int")),
        "extreme" => format!(
            "{}({}, {})",
            choices.of(&["min", "max"]),
            expression(typ, depth - 1, choices),
            expression(typ, depth - 1, choices)
        ),
        "clamp" => format!("clamp({}, {}, {})", of(typ), of(typ), of(typ)),
        "not" => format!("not ({})", of("bool")),
        "joined" => {
            format!("({}) {} ({})", of("bool"), choices.of(&["and", "or"]), expression("bool", depth - 1, choices))
        }
        "compared" => {
            let typ = choices.of(&ordered);
            let sign = choices.of(&["==", "!=", "<", "<=", ">", ">="]);
            format!("({}) {sign} ({})", expression(typ, depth - 1, choices), expression(typ, depth - 1, choices))
        }
        "rounded" => {
            let how = choices.of(&["half_up", "half_even", "floor", "ceil"]);
            let unit = choices.of(&["¥0.01", "¥0.1", "¥1"]);
            let amount = expression("money", depth - 1, choices);
            match choices.of(&["share", "share", "price", "bands"]) {
                "share" => format!("{how}(({amount}) * ({}), {unit})", expression("rate", depth - 1, choices)),
                "price" => format!("{how}(price * quantity, {unit})"),
                _ => format!("{how}(bands({amount}, bands.rate), {unit})"),
            }
        }
        _ => choices.of(leaves(typ)).to_owned(),
    }
}

/// Names and values of a type.
fn leaves(typ: &str) -> &'static [&'static str] {
    match typ {
        "money" => &[
            "money",
            "cap",
            "first",
            "pay.ded",
            "given(absent, ¥1)",
            "given(acc.used, money)",
            "¥0",
            "¥0.01",
            "-money",
        ],
        "rate" => &["rate", "unknown", "pay.rate", "0%", "89.5%"],
        "int" => &["n", "acc.count", "0", "1", "9223372036854775807", "day_of(date)", "-n"],
        "date" => &["date", "since(cap)", "'2015-05-01'"],
        "month" => &["month", "month_of(date)", "'2015-08'"],
        _ => {
            &["yes", "true", "has(absent)", "has(acc.used)", "level == 'L2'", "level in ['L1', 'L3']", "text != 'abc'"]
        }
    }
}

#[test]
fn expressions_of_the_grammar_are_decided() {
    let types = select(vec!["money", "rate", "int", "date", "month", "bool"]);
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    let loaded = Cell::new(0);
    run(4_000, (any::<u8>(), types, bytes(200), bytes(120)), |(place, typ, choices, values)| {
        let text = expression(typ, 4, &mut Choices(&choices));
        let data = [&[place], text.as_bytes(), &[0], &values].concat();
        loaded.set(loaded.get() + u32::from(entries::expression(&data)));
    });
    // Not every type fits in every place; but what is never decided proves nothing.
    assert!(loaded.get() > 1_000, "{} were decided", loaded.get());
}

#[test]
fn words_of_the_language_in_any_order_are_refused() {
    let word = prop_oneof![8 => select(words(include_str!("../fuzz/expression.dict"))), 1 => "\\PC{1,2}", 1 => select(vec!["(", ")", ",", "[", "]"]).prop_map(str::to_owned)];
    run(3_000, (any::<u8>(), prop::collection::vec(word, 0..30)), |(place, words)| {
        entries::expression(&[&[place], words.join(" ").as_bytes()].concat());
    });
}

/// A target's first inputs: what is in these folders.
fn seeds(folders: &[&str]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).expect("a folder"));
    let mut files: Vec<_> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a seed")).collect()
}

/// What happens to bytes.
#[derive(Debug, Clone)]
enum Change {
    /// Bytes at a place become others.
    Bytes(Index, usize, Vec<u8>),
    /// A bit is turned.
    Bit(Index, u8),
    /// A part is there twice.
    Double(Index, usize),
    /// Nothing comes after a place.
    Cut(Index),
}

fn change(words: Vec<String>) -> impl Strategy<Value = Change> {
    let lengths = select(vec![0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0xFE, 0xFF]);
    let word = if words.is_empty() { vec![String::new()] } else { words };
    let with = prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..4),
        2 => lengths.prop_map(|byte| vec![byte]),
        3 => select(word).prop_map(String::into_bytes),
    ];
    prop_oneof![
        4 => (any::<Index>(), 0..5_usize, with).prop_map(|(at, length, with)| Change::Bytes(at, length, with)),
        3 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Bit(at, bit)),
        1 => (any::<Index>(), 1..60_usize).prop_map(|(at, length)| Change::Double(at, length)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

fn changed(seed: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for change in changes {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match change {
            Change::Bytes(at, length, with) => {
                let at = place(at);
                let end = (at + length).min(bytes.len());
                bytes.splice(at..end, with.iter().copied());
            }
            Change::Bit(at, bit) => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Change::Double(at, length) => {
                let at = place(at);
                let part = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            Change::Cut(at) => bytes.truncate(place(at)),
        }
    }
    bytes
}

/// Gives a target each of its seeds, then so many changed ones; how many were taken.
fn from_seeds(folders: &[&str], words: Vec<String>, inputs: u32, target: impl Fn(&[u8]) -> bool) -> u32 {
    let (seeds, taken) = (seeds(folders), Cell::new(0));
    let count = |bytes: &[u8]| taken.set(taken.get() + u32::from(target(bytes)));
    seeds.iter().for_each(|seed| count(seed));
    run(inputs, (select(seeds), prop::collection::vec(change(words), 1..6)), |(seed, changes)| {
        count(&changed(&seed, &changes));
    });
    taken.get()
}

/// The words of a dictionary of the scripts' language or of logs, line ends among them.
fn phrases(dictionary: &str) -> Vec<String> {
    words(dictionary).iter().map(|word| word.replace("\\x0a", "\n")).collect()
}

#[test]
fn bytes_of_a_card_are_read_or_refused() {
    let always = |target: fn(&[u8])| {
        move |bytes: &[u8]| {
            target(bytes);
            true
        }
    };
    from_seeds(&["fuzz/seeds/tlv", "fuzz/seeds/record"], Vec::new(), 4_000, always(entries::tlv));
    from_seeds(&["fuzz/seeds/atr"], Vec::new(), 4_000, always(entries::atr));
}

#[test]
fn a_card_that_answers_anything_is_read_or_refused() {
    from_seeds(&["fuzz/seeds/fci"], Vec::new(), 150, |bytes| {
        entries::fci(bytes);
        true
    });
    let read = from_seeds(&["fuzz/seeds/record"], Vec::new(), 300, entries::record);
    assert!(read > 20, "{read} were read");
}

#[test]
fn a_session_of_anything_is_recorded_or_refused() {
    let kept = from_seeds(&["fuzz/seeds/session"], Vec::new(), 2_000, entries::session);
    assert!(kept > 100, "{kept} were kept");
}

#[test]
fn scripts_recordings_and_logs_with_some_changes_are_taken_or_refused() {
    let language = || phrases(include_str!("../fuzz/script.dict"));
    assert!(from_seeds(&["apdu-scripts"], language(), 800, entries::script) > 50);
    // A byte that is another one seldom leaves a recording sound; the seeds themselves are.
    assert!(from_seeds(&["fixtures/recordings"], language(), 800, entries::recording) >= 4);
    let logs = phrases(include_str!("../fuzz/log.dict"));
    assert!(from_seeds(&["fixtures/imports"], logs, 400, entries::log) > 10);
}

#[test]
fn strings_with_some_changes_are_taken_or_refused() {
    let sound = |folder, target: fn(&[u8]) -> bool| seeds(&[folder]).iter().all(|seed| target(seed));
    assert!(sound("fuzz/seeds/hsm", entries::hsm) && sound("fuzz/seeds/driver", entries::driver));
    let strings = phrases(include_str!("../fuzz/hsm.dict"));
    assert!(from_seeds(&["fuzz/seeds/hsm"], strings, 4_000, entries::hsm) > 500);
    let parameters = phrases(include_str!("../fuzz/driver.dict"));
    assert!(from_seeds(&["fuzz/seeds/driver"], parameters, 4_000, entries::driver) > 500);
}

#[test]
fn certificates_and_signatures_with_some_changes_are_taken_or_refused() {
    assert!(seeds(&["fuzz/seeds/certificate"]).iter().all(|seed| entries::certificate(seed)));
    let taken = from_seeds(&["fuzz/seeds/certificate"], Vec::new(), 4_000, entries::certificate);
    assert!(taken > 100, "{taken} were taken");
}
