//! What several packs say in the same words: a pack stands alone, so that whoever reads it sees the whole, and what two
//! packs must not say differently is held equal here.
//!
//! Such a piece stands between `# 同文开始：名` and `# 同文结束：名`, and is the same to the byte wherever it stands.

use std::collections::{BTreeMap, BTreeSet};

use super::shipped::texts;

const BEGINS: &str = "# 同文开始：";
const ENDS: &str = "# 同文结束：";

/// The pieces of every pack with lines: what a line is, how it is split, what the bill has to be, and the cases of it.
const OF_EVERY_BILL: [&str; 4] = ["费用明细", "费用分割", "账单核对", "费用分割案例"];

/// The pieces of a pack, by name.
fn pieces(file: &str, text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix(ENDS) {
            let (begun, piece) = open.pop().unwrap_or_else(|| panic!("{file}: {name} ends and has not begun"));
            assert_eq!(begun, name, "{file}");
            assert!(found.insert(name.to_owned(), piece).is_none(), "{file}: {name} is there twice");
        }
        for (_, piece) in &mut open {
            piece.push_str(line);
            piece.push('\n');
        }
        open.extend(line.strip_prefix(BEGINS).map(|name| (name, String::new())));
    }
    assert!(open.is_empty(), "{file}: {} has no end", open[0].0);
    found
}

#[test]
fn a_piece_is_the_same_in_every_pack_that_has_it() {
    let mut first: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (file, text) in texts() {
        for (name, piece) in pieces(&file, &text) {
            let (other, wanted) = first.entry(name.clone()).or_insert_with(|| (file.clone(), piece.clone()));
            let differs = piece.lines().zip(wanted.lines()).find(|(a, b)| a != b);
            assert!(piece == *wanted, "{name} in {file} is not the one in {other}: {differs:?}");
        }
    }
}

/// Whether a step, and what stands behind it, fills a field before the next part begins.
fn fills(step: &str) -> bool {
    step.lines().take_while(|line| !line.starts_with('[')).any(|line| line.starts_with("out = "))
}

#[test]
fn a_bill_is_split_and_looked_at_alike_in_every_pack() {
    let mut with_lines = 0;
    for (file, text) in texts() {
        let has = |line: &str| text.lines().any(|other| other == line);
        let pieces = pieces(&file, &text);
        let names: BTreeSet<_> = pieces.keys().map(String::as_str).collect();
        // Other groups have lines as well; what has an amount is a bill.
        let is_bill = has("[lines]") && text.lines().any(|line| line.starts_with("det_item_fee_sumamt = "));
        assert_eq!(names.contains("费用明细"), is_bill, "{file}");
        if names.contains("费用明细") {
            with_lines += 1;
            assert!(OF_EVERY_BILL.iter().all(|name| names.contains(name)), "{file} has {names:?}");
            // What another step of a line fills would be a second way to split it.
            let filled = |text: &str| text.split("[[line_step]]").skip(1).filter(|step| fills(step)).count();
            assert_eq!(filled(&text), filled(&pieces["费用分割"]), "{file}");
        }
    }
    assert!(with_lines > 0);
}
