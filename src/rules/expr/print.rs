//! An expression in one form: two that differ in spaces, needless brackets or how a figure is written are the same text.

use std::fmt::{self, Display, Formatter};

use super::comparison::Comparison;
use super::parser::{Expr, Kind, Op};
use crate::value::{Fen, Rate};

/// How tightly each form binds; see the parser's own.
const LOOSEST: u8 = 0;
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const SIGN: u8 = 7;
const TIGHTEST: u8 = 8;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Int(n) => write!(f, "{n}"),
            Kind::Money(fen) => write!(f, "¥{}", Fen(*fen)),
            Kind::Rate(ppm) => write!(f, "{}", Rate(*ppm)),
            Kind::Bool(truth) => write!(f, "{truth}"),
            Kind::Text(text) => write!(f, "'{text}'"),
            Kind::Name(name) => f.write_str(name),
            Kind::Dotted(of, part) => write!(f, "{of}.{part}"),
            Kind::Call(name, arguments) => write!(f, "{name}({})", List(arguments)),
            Kind::Not(inner) => write!(f, "not {}", above(inner, NOT)),
            Kind::Minus(inner) => write!(f, "-{}", above(inner, SIGN)),
            Kind::Binary(op, left, right) => {
                let (sign, power) = sign(*op);
                // Operators of one power are read from the left; comparisons do not chain at all.
                let left = if power == COMPARISON { above(left, power) } else { above(left, power - 1) };
                write!(f, "{left} {sign} {}", above(right, power))
            }
            Kind::In(item, list) => write!(f, "{} in [{}]", above(item, COMPARISON), List(list)),
            Kind::Within(item, list) => write!(f, "{} in {}", above(item, COMPARISON), above(list, COMPARISON)),
            Kind::If(condition, yes, no) => write!(f, "if {condition} then {yes} else {no}"),
        }
    }
}

fn sign(op: Op) -> (&'static str, u8) {
    match op {
        Op::Or => ("or", OR),
        Op::And => ("and", AND),
        Op::Compare(Comparison::Equal) => ("==", COMPARISON),
        Op::Compare(Comparison::Unequal) => ("!=", COMPARISON),
        Op::Compare(Comparison::Less) => ("<", COMPARISON),
        Op::Compare(Comparison::LessEqual) => ("<=", COMPARISON),
        Op::Compare(Comparison::Greater) => (">", COMPARISON),
        Op::Compare(Comparison::GreaterEqual) => (">=", COMPARISON),
        Op::Plus => ("+", SUM),
        Op::Minus => ("-", SUM),
        Op::Times => ("*", PRODUCT),
    }
}

fn power(expr: &Expr) -> u8 {
    match &expr.kind {
        Kind::If(..) => LOOSEST,
        Kind::Not(_) => NOT,
        Kind::Binary(op, ..) => sign(*op).1,
        Kind::In(..) | Kind::Within(..) => COMPARISON,
        Kind::Minus(_) => SIGN,
        _ => TIGHTEST,
    }
}

/// The expression as it stands where only what binds more tightly than `least` needs no brackets.
fn above(expr: &Expr, least: u8) -> Within<'_> {
    Within { expr, brackets: power(expr) <= least }
}

struct Within<'a> {
    expr: &'a Expr,
    brackets: bool,
}

impl Display for Within<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.brackets { write!(f, "({})", self.expr) } else { self.expr.fmt(f) }
    }
}

struct List<'a>(&'a [Expr]);

impl Display for List<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{item}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn printed(text: &str) -> String {
        parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}")).to_string()
    }

    #[test]
    fn what_is_the_same_is_one_text() {
        for (written, one) in [
            ("half_up( (a*b) ,¥0.01)", "half_up(a * b, ¥0.01)"),
            ("((a+b))-c", "a + b - c"),
            ("a-(b-c)", "a - (b - c)"),
            ("a-(b*c)", "a - b * c"),
            ("(a-b)*c", "(a - b) * c"),
            ("¥30000", "¥30000.00"),
            ("80.50%", "80.5%"),
            ("not(a==b)", "not a == b"),
            ("(not a)==b", "(not a) == b"),
            ("(a or b)and c", "(a or b) and c"),
            ("a or(b and c)", "a or b and c"),
            ("-(a+b)*c", "-(a + b) * c"),
            ("x in['a' ,'b']", "x in ['a', 'b']"),
            ("(a < b) in [true]", "(a < b) in [true]"),
            ("x in(t . names)and y", "x in t.names and y"),
            ("(a in t.n) in t.m", "(a in t.n) in t.m"),
            ("if(a)then b else(c)", "if a then b else c"),
            ("(if a then b else c)+d", "(if a then b else c) + d"),
            ("if a then b else c+d", "if a then b else c + d"),
            ("pay . rate", "pay.rate"),
        ] {
            assert_eq!(printed(written), one, "{written}");
            assert_eq!(printed(one), one, "what it is printed as is read as the same");
        }
    }

    #[test]
    fn what_is_not_the_same_is_not_one_text() {
        for (one, other) in [
            ("a - b - c", "a - (b - c)"),
            ("(a + b) * c", "a + b * c"),
            ("not (a and b)", "not a and b"),
            ("-(a - b)", "-a - b"),
            ("(if a then b else c) + d", "if a then b else c + d"),
            ("min(a, b)", "min(b, a)"),
            ("1", "¥1"),
        ] {
            assert_ne!(printed(one), printed(other), "{one}, {other}");
        }
    }
}
