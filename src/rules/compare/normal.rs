//! Figures, conditions and sentences in one form: what means the same is the same text.

use crate::rules::expr::parse;
use crate::value::{Fen, Price, Quantity, Rate};

/// A value of a kind (`money`, `rate`, …) as it is always written; one of another form stays as it is.
pub(super) fn value(kind: &str, text: &str) -> String {
    let text = text.trim();
    let one = match kind {
        "money" => text.parse::<Fen>().ok().map(|fen| fen.to_string()),
        "price" => text.parse::<Price>().ok().map(|price| price.to_string()),
        "quantity" => text.parse::<Quantity>().ok().map(|quantity| quantity.to_string()),
        "rate" => text.parse::<Rate>().ok().map(|rate| rate.to_string()),
        "int" | "days" => text.parse::<i64>().ok().map(|n| n.to_string()),
        _ => None,
    };
    one.unwrap_or_else(|| text.to_owned())
}

/// A condition of a table, or a range: values in the order of their names, and of a range of whole numbers `1..4`
/// whichever way its end is written.
pub(super) fn condition(kind: &str, text: &str) -> String {
    if let Some((low, high)) = text.split_once("..") {
        let (inside, high) = match high.strip_prefix('=') {
            Some(high) => (true, high),
            None => (false, high),
        };
        let (low, high) = (value(kind, low), value(kind, high));
        return match (inside, kind, high.parse::<i64>().ok().and_then(|n| n.checked_add(1))) {
            (true, "int" | "days", Some(next)) => format!("{low}..{next}"),
            (true, ..) => format!("{low}..={high}"),
            (false, ..) => format!("{low}..{high}"),
        };
    }
    let mut values: Vec<String> = text.split('|').map(|part| value(kind, part)).collect();
    values.sort();
    values.join("|")
}

/// An expression.
pub(super) fn expression(text: &str) -> String {
    parse(text).map_or_else(|_| text.to_owned(), |expr| expr.to_string())
}

/// A sentence with expressions in braces.
pub(super) fn sentence(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((words, after)) = rest.split_once('{') {
        let Some((inner, after)) = after.split_once('}') else { break };
        out += &format!("{words}{{{}}}", expression(inner));
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_the_same_text() {
        for (kind, one, other) in [
            ("money", "1600", "1600.00"),
            ("rate", "89.50%", "89.5%"),
            ("price", "0.405", "0.4050"),
            ("days", "07", "7"),
        ] {
            assert_eq!(value(kind, one), value(kind, other), "{kind}");
        }
        for (kind, one, other) in [
            ("choice", "L1 | L2", "L2|L1"),
            ("money", "1000 .. 2000", "1000.00..2000.00"),
            ("int", "1..=3", "1..4"),
            ("days", "..=9", "..10"),
            ("money", "*", " * "),
        ] {
            assert_eq!(condition(kind, one), condition(kind, other), "{kind}");
        }
        assert_ne!(condition("money", "1..=3"), condition("money", "1..4"), "there are fen between");
        assert_ne!(condition("int", "1..3"), condition("int", "1..=3"));
        assert_eq!(sentence("支付 {a*b}，{ c }元"), "支付 {a * b}，{c}元");
        assert_eq!(sentence("开 {a"), "开 {a");
    }
}
