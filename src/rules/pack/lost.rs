//! What of a pack cannot be read at all, so that nothing is told of who uses it.

use std::collections::HashSet;

use super::header::is_name;
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

/// Those that need the facts of lines.
const LINES: &[&str] = &["lines", "line_step", "line_guard", "line_check"];

/// Which declarations cannot be read, for a key that is mistyped, a form that is wrong, or a name that is missing, cannot be
/// one or is another's already.
pub(super) fn lost(root: &Keys<'_>) -> Lost {
    let no_table = |key: &str| root.peek(key).is_some() && root.peek_table(key).is_none();
    let mistyped = root.has_others(SECTIONS);
    let facts = root.peek_table("facts");
    let lines = root.peek_table("lines");
    let of_lines = lines.as_ref().and_then(|lines| lines.peek_table("facts"));
    // Lines are computed or given, and there are no facts of theirs.
    let no_lines = of_lines.is_none() && LINES.iter().any(|key| root.peek(key).is_some());
    let mut known = HashSet::new();
    let mut named = |name: &str| is_name(name) && known.insert(name.to_owned());
    let facts_named = [&facts, &of_lines].into_iter().flatten().flat_map(Keys::all).all(|(name, ..)| named(name));
    let tables_named = ["param", "table", "line_step", "step"].into_iter().all(|key| {
        let tables = root.peek_tables(key);
        let all = root.peek(key).map_or(Some(0), |item| item.elements());
        all == Some(tables.len()) && tables.iter().all(|keys| keys.peek_text("name").is_some_and(&mut named))
    });
    let accumulators = root.peek_table("accumulators");
    let accumulators_named = accumulators.iter().flat_map(Keys::all).all(|(name, ..)| is_name(name));
    Lost {
        types: mistyped || no_table("enums"),
        names: mistyped || facts.is_none() || no_lines || !facts_named || !tables_named,
        accumulators: mistyped || no_table("accumulators") || !accumulators_named,
    }
}
