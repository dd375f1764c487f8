//! What a formula could have been mistaken for: each of its operators and literals changed, one at a time.

use std::ops::Range;

use super::figures::{Step, days, digits};
use super::structure::Formula;
use crate::rules::expr::{Token, tokens};

/// A change of a text: what of it becomes what, and that in words.
pub(super) struct Change {
    pub at: Range<usize>,
    pub with: String,
    pub words: String,
}

/// What holds of the formula beyond its form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It decides something.
    Rule,
    /// It is an identity that holds in every case that is right. What only weakens it can change no decision, so such
    /// changes are left out.
    Check,
}

const ROUNDINGS: [&str; 4] = ["half_up", "half_even", "floor", "ceil"];
const UNITS: [&str; 3] = ["¥0.01", "¥0.1", "¥1"];

/// Every change of a formula; none when it cannot be read.
pub(super) fn changes(text: &str, role: Role) -> Vec<Change> {
    let Ok(tokens) = tokens(text) else { return Vec::new() };
    let formula = Formula { text, tokens, role };
    let mut changes = Vec::new();
    for at in 0..formula.tokens.len() {
        formula.change(at, &mut changes);
    }
    changes
}

impl Formula<'_> {
    fn change(&self, at: usize, found: &mut Vec<Change>) {
        let mut becomes = |with: &str| found.push(self.replaced(at..at + 1, with));
        match &self.tokens[at].1 {
            Token::Sign("+") => becomes("-"),
            Token::Sign("-") if self.ends_operand(at) => becomes("+"),
            Token::Sign("-") => becomes(""),
            Token::Sign("*") => {
                becomes("+");
                found.extend(self.factor_before(at).map(|start| self.replaced(start..at + 1, "")));
                found.extend(self.factor_after(at).map(|end| self.replaced(at..end, "")));
            }
            Token::Sign("[") => found.extend(self.parts(at).into_iter().map(|part| self.without(part, at))),
            Token::Sign(sign) => {
                for other in self.other_comparisons(at, sign) {
                    becomes(other);
                }
            }
            Token::Int(_) | Token::Rate(_) | Token::Money(_) => {
                for other in self.other_numbers(at) {
                    becomes(&other);
                }
            }
            Token::Text(text) => {
                for day in days(text) {
                    becomes(&format!("'{day}'"));
                }
            }
            Token::Name(word) => match word.as_str() {
                "true" => becomes("false"),
                "false" => becomes("true"),
                "or" => becomes("and"),
                "and" if !self.of_whole_check(at) => becomes("or"),
                "not" => becomes(""),
                "if" => found.extend(self.swapped(at)),
                "min" if self.is(at + 1, "(") => becomes("max"),
                "max" if self.is(at + 1, "(") => becomes("min"),
                "clamp" if self.is(at + 1, "(") => found.extend(self.unclamped(at)),
                word if self.is(at + 1, "(") => {
                    let (of, how) = word.strip_prefix("bands_").map_or(("", word), |how| ("bands_", how));
                    if ROUNDINGS.contains(&how) {
                        for other in ROUNDINGS.into_iter().filter(|other| *other != how) {
                            becomes(&format!("{of}{other}"));
                        }
                    }
                }
                _ => {}
            },
            Token::End => {}
        }
    }

    /// The boundary moved, and the opposite.
    fn other_comparisons(&self, at: usize, sign: &str) -> Vec<&'static str> {
        let weaker = self.of_whole_check(at);
        match sign {
            "==" => vec!["!="],
            "!=" => vec!["=="],
            "<" if weaker => vec![">="],
            "<" => vec!["<=", ">="],
            "<=" => vec!["<", ">"],
            ">" if weaker => vec!["<="],
            ">" => vec![">=", "<="],
            ">=" => vec![">", "<"],
            _ => Vec::new(),
        }
    }

    fn other_numbers(&self, at: usize) -> Vec<String> {
        let written = &self.text[self.span(at..at + 1)];
        let open = self.is(at + 1, ")").then(|| self.opening(at + 1)).flatten();
        // What stands before a bracket is its function, and before the first there may be nothing.
        let called = open.and_then(|open| open.checked_sub(1)).map(|before| &self.tokens[before].1);
        if matches!(called, Some(Token::Name(name)) if ROUNDINGS.iter().any(|how| name.ends_with(how)))
            && UNITS.contains(&written)
        {
            return UNITS.into_iter().filter(|unit| *unit != written).map(str::to_owned).collect();
        }
        let (sign, number) = written.strip_prefix('¥').map_or(("", written), |number| ("¥", number));
        let [down, up] = digits(number, Step::LastDigit).try_into().expect("a literal is a number");
        let shown = |number: String| match number.strip_prefix('-') {
            Some(number) => format!("-{sign}{number}"),
            None => format!("{sign}{number}"),
        };
        // A bound of a check that is moved away from what it bounds.
        let bounds =
            |sign: &[&str], beside: usize| self.of_whole_check(beside) && sign.iter().any(|s| self.is(beside, s));
        let (before, after) = (at.checked_sub(1), at + 1);
        let alone_right = before.is_some_and(|before| bounds(&[">", ">="], before));
        let alone_left = bounds(&["<", "<="], after);
        let below = alone_right || alone_left;
        let above = before.is_some_and(|before| bounds(&["<", "<="], before)) || bounds(&[">", ">="], after);
        let mut found = Vec::new();
        if !below {
            found.push(shown(down));
        }
        if !above {
            found.push(shown(up));
        }
        found
    }

    /// Whether the token stands outside of all brackets of a check that is comparisons joined by `and`.
    fn of_whole_check(&self, at: usize) -> bool {
        let mut depth = 0;
        let mut found = false;
        for (number, (_, token)) in self.tokens.iter().enumerate() {
            match token {
                Token::Sign("(" | "[") => depth += 1,
                Token::Sign(")" | "]") => depth -= 1,
                Token::Name(word) if depth == 0 && ["or", "not", "if"].contains(&word.as_str()) => return false,
                _ => {}
            }
            found |= number == at && depth == 0;
        }
        self.role == Role::Check && found
    }

    /// `if a then b else c` with b and c in each other's place.
    fn swapped(&self, at: usize) -> Option<Change> {
        let then = self.word_of(at, "then")?;
        let or_else = self.word_of(at, "else")?;
        let end = self.end_of(or_else + 1);
        let text = |tokens: Range<usize>| &self.text[self.span(tokens)];
        let (yes, no) = (text(then + 1..or_else), text(or_else + 1..end));
        let with = format!("{no} else {yes}");
        Some(Change { at: self.span(then + 1..end), with, words: "then, else -> else, then".to_owned() })
    }

    /// `clamp(a, b, c)` with one of its bounds.
    fn unclamped(&self, at: usize) -> Vec<Change> {
        let [value, least, most] = match <[_; 3]>::try_from(self.parts(at + 1)) {
            Ok(three) => three,
            Err(_) => return Vec::new(),
        };
        let span = self.span(at..most.end + 1);
        let text = |part: &Range<usize>| &self.text[self.span(part.clone())];
        let change = |with: String, how: &str| Change { at: span.clone(), with, words: format!("clamp -> {how}") };
        vec![
            change(format!("max({}, {})", text(&value), text(&least)), "max"),
            change(format!("min({}, {})", text(&value), text(&most)), "min"),
        ]
    }

    /// A list without one of its parts.
    fn without(&self, part: Range<usize>, open: usize) -> Change {
        let words = format!("{} -> nothing", &self.text[self.span(part.clone())]);
        let with_comma = match (self.is(part.end, ","), part.start - 1 == open) {
            (true, _) => part.start..part.end + 1,
            (false, true) => part,
            (false, false) => part.start - 1..part.end,
        };
        Change { words, ..self.replaced(with_comma, "") }
    }

    fn replaced(&self, tokens: Range<usize>, with: &str) -> Change {
        let at = self.span(tokens);
        let became = if with.is_empty() { "nothing" } else { with };
        Change { words: format!("{} -> {became}", &self.text[at.clone()]), at, with: with.to_owned() }
    }
}

#[test]
fn every_operator_and_literal_is_changed() {
    let changed = |text: &str, role| -> Vec<String> {
        let change = |change: Change| format!("{}{}{}", &text[..change.at.start], change.with, &text[change.at.end..]);
        changes(text, role).into_iter().map(change).collect()
    };
    let rule = |text: &str| changed(text, Role::Rule);
    assert_eq!(rule("a - b"), ["a + b"]);
    assert_eq!(rule("-a + 7"), ["a + 7", "-a - 7", "-a + 6", "-a + 8"]);
    assert_eq!(
        rule("t.r * f(x, y) * (b)"),
        ["t.r + f(x, y) * (b)", " f(x, y) * (b)", "t.r  * (b)", "t.r * f(x, y) + (b)", "t.r *  (b)", "t.r * f(x, y) "]
    );
    assert_eq!(rule("a < b and not c"), ["a <= b and not c", "a >= b and not c", "a < b or not c", "a < b and  c"]);
    assert_eq!(rule("a in ['x', 'y', 'z']"), ["a in [ 'y', 'z']", "a in ['x',  'z']", "a in ['x', 'y']"]);
    assert_eq!(
        rule("half_up(a, ¥0.01)"),
        ["half_even(a, ¥0.01)", "floor(a, ¥0.01)", "ceil(a, ¥0.01)", "half_up(a, ¥0.1)", "half_up(a, ¥1)"]
    );
    // A bracket that is no function's has no unit in it, wherever it stands.
    assert_eq!(rule("(x == 2016)"), ["(x != 2016)", "(x == 2015)", "(x == 2017)"]);
    assert_eq!(rule("not (¥1)"), [" (¥1)", "not (¥0)", "not (¥2)"]);
    assert_eq!(rule("clamp(a, f(b, c), d)"), ["max(a, f(b, c))", "min(a, d)"]);
    assert_eq!(rule("max(a, ¥0)"), ["min(a, ¥0)", "max(a, -¥1)", "max(a, ¥1)"]);
    assert_eq!(
        rule("if a then if b then c else d else e"),
        ["if a then e else if b then c else d", "if a then if b then d else c else e"]
    );
    assert_eq!(rule("d < '2015-03-01'").len(), 4);
    // A check is only made stricter, or another.
    assert_eq!(
        changed("a >= ¥0 and b < c", Role::Check),
        ["a > ¥0 and b < c", "a < ¥0 and b < c", "a >= ¥1 and b < c", "a >= ¥0 and b >= c"]
    );
    assert_eq!(changed("max(a, 1) > b", Role::Check).len(), 4);
}
