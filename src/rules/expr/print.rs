//! An expression in one form: two that differ in spaces, needless brackets or how a figure is written are the same text.

use std::fmt::{self, Display, Formatter, Write};

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

/// Where an expression is written to.
pub(in super::super) trait Paper: Write {
    /// Takes an expression as a whole, where it is not to be written out.
    fn takes(&mut self, _: &Expr) -> bool {
        false
    }
}

impl Paper for Formatter<'_> {}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl Expr {
    /// Writes it.
    ///
    /// # Errors
    /// Those of what it is written to.
    pub fn write(&self, to: &mut impl Paper) -> fmt::Result {
        if to.takes(self) {
            return Ok(());
        }
        match &self.kind {
            Kind::Int(n) => write!(to, "{n}"),
            Kind::Money(fen) => write!(to, "¥{}", Fen(*fen)),
            Kind::Rate(ppm) => write!(to, "{}", Rate(*ppm)),
            Kind::Bool(truth) => write!(to, "{truth}"),
            Kind::Text(text) => write!(to, "'{text}'"),
            Kind::Name(name) => to.write_str(name),
            Kind::Dotted(of, part) => write!(to, "{of}.{part}"),
            Kind::Call(name, arguments) => {
                to.write_str(name)?;
                list(arguments, to, ["(", ")"])
            }
            Kind::Not(inner) => {
                to.write_str("not ")?;
                inner.within(to, NOT)
            }
            Kind::Minus(inner) => {
                to.write_str("-")?;
                inner.within(to, SIGN)
            }
            Kind::Binary(op, left, right) => {
                let (sign, power) = sign(*op);
                // Operators of one power are read from the left; comparisons do not chain at all.
                left.within(to, if power == COMPARISON { power } else { power - 1 })?;
                write!(to, " {sign} ")?;
                right.within(to, power)
            }
            Kind::In(item, values) => {
                item.within(to, COMPARISON)?;
                to.write_str(" in ")?;
                list(values, to, ["[", "]"])
            }
            Kind::Within(item, list) => {
                item.within(to, COMPARISON)?;
                to.write_str(" in ")?;
                list.within(to, COMPARISON)
            }
            Kind::If(condition, yes, no) => {
                to.write_str("if ")?;
                condition.write(to)?;
                to.write_str(" then ")?;
                yes.write(to)?;
                to.write_str(" else ")?;
                no.write(to)
            }
        }
    }

    /// Writes it where only what binds more tightly than `least` needs no brackets.
    fn within(&self, to: &mut impl Paper, least: u8) -> fmt::Result {
        if power(self) > least {
            return self.write(to);
        }
        to.write_str("(")?;
        self.write(to)?;
        to.write_str(")")
    }
}

fn list(items: &[Expr], to: &mut impl Paper, [open, close]: [&str; 2]) -> fmt::Result {
    to.write_str(open)?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            to.write_str(", ")?;
        }
        item.write(to)?;
    }
    to.write_str(close)
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
