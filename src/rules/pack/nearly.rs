//! A key that is there in place of another, for a slip of the hand.

/// Every key that has a meaning somewhere in a pack: none of them is a slip.
const KEYS: &[&str] = &[
    "accumulators",
    "add",
    "basis",
    "begins",
    "by",
    "case",
    "case_base",
    "check",
    "code",
    "collect",
    "confidence",
    "date_of",
    "days",
    "default",
    "dormant",
    "en",
    "enums",
    "expr",
    "facts",
    "figures",
    "for",
    "from",
    "guard",
    "hit",
    "id",
    "keep",
    "key",
    "label",
    "least",
    "line_check",
    "line_guard",
    "line_step",
    "lines",
    "most",
    "name",
    "on",
    "optional",
    "out",
    "outcome",
    "pack",
    "param",
    "post",
    "range",
    "reasons",
    "refused",
    "rows",
    "said",
    "say",
    "say_when",
    "scenarios",
    "scheme",
    "scope",
    "set",
    "since",
    "source",
    "status",
    "step",
    "table",
    "text",
    "title",
    "to",
    "trace_has",
    "type",
    "valid_from",
    "valid_to",
    "value",
    "values",
    "verified_on",
    "version",
    "want",
    "want_accumulators",
    "want_lines",
    "when",
    "without",
    "zh",
];

/// The most letters by which a slip differs, all in one place.
const MOST: usize = 2;
/// The fewest letters that are right.
const LEAST: usize = 2;

/// Whether it is a key of any table of a pack.
pub(super) fn is_key(found: &str) -> bool {
    KEYS.binary_search(&found).is_ok()
}

/// Whether `found`, which is no key, is nearly `wanted`.
pub(super) fn nearly(found: &str, wanted: &str) -> bool {
    let alike = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (found, wanted) = (found.as_bytes(), wanted.as_bytes());
    let begin = alike(found, wanted);
    let reversed = |text: &[u8]| text[begin..].iter().rev().copied().collect::<Vec<_>>();
    let end = alike(&reversed(found), &reversed(wanted));
    let rest = |text: &[u8]| text.len() - begin - end;
    begin + end >= LEAST && rest(found) <= MOST && rest(wanted) <= MOST
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::rules::PACK_SCHEMA;

    #[test]
    fn the_keys_are_in_order() {
        assert!(KEYS.is_sorted());
    }

    #[test]
    fn a_slip_is_told_from_a_key_and_from_another_word() {
        for (found, wanted) in
            [("wehn", "when"), ("typ", "type"), ("exprr", "expr"), ("valid_form", "valid_from"), ("pak", "pack")]
        {
            assert!(nearly(found, wanted), "{found}");
        }
        for (found, wanted) in
            [("out", "on"), ("text", "expr"), ("message", "text"), ("x", "on"), ("condition", "when")]
        {
            assert!(!nearly(found, wanted), "{found}");
        }
    }

    #[test]
    fn the_keys_are_those_of_the_schema() {
        fn collect(node: &Value, found: &mut BTreeSet<String>) {
            let members = node.as_object().into_iter().flatten();
            members.filter(|(key, _)| *key == "properties").for_each(|(_, properties)| {
                found.extend(properties.as_object().into_iter().flatten().map(|(key, _)| key.clone()));
            });
            let inside = node.as_object().into_iter().flat_map(|object| object.values());
            inside.chain(node.as_array().into_iter().flatten()).for_each(|node| collect(node, found));
        }
        let mut found = BTreeSet::new();
        collect(&serde_json::from_str(PACK_SCHEMA).unwrap(), &mut found);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), KEYS);
    }
}
