//! What of a pack cannot be read at all, so that nothing is told of who uses it.

use super::page::Keys;
use crate::rules::expr::Lost;

/// The parts of a pack.
pub(super) const SECTIONS: &[&str] = &[
    "pack",
    "enums",
    "facts",
    "lines",
    "accumulators",
    "param",
    "table",
    "line_step",
    "line_guard",
    "line_check",
    "step",
    "guard",
    "check",
    "post",
    "case_base",
    "case",
];

/// Which declarations cannot be read, for a key that is mistyped, a form that is wrong or a name that is missing.
pub(super) fn lost(root: &Keys<'_>) -> Lost {
    let no_table = |key: &str| root.peek(key).is_some() && root.peek_table(key).is_none();
    let nameless = |key: &str| {
        let tables = root.peek_tables(key);
        let all = root.peek(key).map_or(Some(0), |item| item.elements());
        all != Some(tables.len()) || tables.iter().any(|keys| keys.peek_text("name").is_none())
    };
    let of_lines = || match root.peek_table("lines") {
        Some(lines) => lines.peek_table("facts").is_none(),
        None => ["lines", "line_step", "line_guard", "line_check"].iter().any(|key| root.peek(key).is_some()),
    };
    let mistyped = root.has_others(SECTIONS);
    let named = || ["param", "table", "line_step", "step"].into_iter().any(nameless);
    Lost {
        types: mistyped || no_table("enums"),
        names: mistyped || root.peek_table("facts").is_none() || of_lines() || named(),
        accumulators: mistyped || no_table("accumulators"),
    }
}
