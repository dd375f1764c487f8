//! The parts of a pack's TOML, and where they stand.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and its place.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// The numbers of a range, or of a single value.
pub(super) fn ends(range: &str) -> Vec<Range<usize>> {
    let trimmed = |part: Range<usize>| {
        let text = &range[part.clone()];
        let start = part.start + text.len() - text.trim_start().len();
        start..start + text.trim().len()
    };
    let (low, high) = match range.split_once("..") {
        None => (range.len(), range.len()),
        Some((low, high)) => (low.len(), range.len() - high.strip_prefix('=').unwrap_or(high).len()),
    };
    [0..low, high..range.len()].into_iter().map(trimmed).filter(|part| !part.is_empty()).collect()
}

/// The text of a value without its quotes, and where it stands.
pub(super) fn written<'t>(text: &'t str, value: &Value<'_>) -> (Range<usize>, &'t str) {
    let span = value.span();
    let raw = &text[span.clone()];
    let inner = match value.get_ref().as_str() {
        None => 0..raw.len(),
        Some(inner) => {
            let start = raw.find(inner).expect("a text of a shipped pack has no escapes");
            start..start + inner.len()
        }
    };
    let at = span.start + inner.start..span.start + inner.end;
    (at.clone(), &text[at])
}

/// A value that is a table.
pub(super) fn table<'v, 'a>(value: &'v Value<'a>) -> &'v DeTable<'a> {
    value.get_ref().as_table().expect("a table")
}

/// The tables of a list that may be left out.
pub(super) fn tables<'v, 'a>(root: &'v DeTable<'a>, key: &str) -> Vec<&'v DeTable<'a>> {
    root.get(key).map(|value| list(value).map(table).collect()).unwrap_or_default()
}

/// The values of a list.
pub(super) fn list<'v, 'a>(value: &'v Value<'a>) -> impl Iterator<Item = &'v Value<'a>> {
    value.get_ref().as_array().expect("a list").iter()
}
