//! The formula of a step as it is written: what it takes the least or the greatest of, so that its record can name the one
//! that was taken, and with holes for what it is computed from, so that it can say it with values.

use std::fmt::{self, Write};

use super::Term;
use crate::rules::expr::{Expr, Kind, Paper, Scope, Typed};

/// Calls whose arguments are shown, since with values in their place they are still arithmetic. What any other call comes
/// to is shown as a whole.
const ARITHMETIC: [&str; 7] = ["min", "max", "clamp", "half_up", "half_even", "floor", "ceil"];

/// What a formula is the least or the greatest of, where it is that as a whole.
pub(super) fn operands(expr: &Expr) -> Vec<String> {
    match &expr.kind {
        Kind::Call(name, arguments) if ["min", "max", "clamp"].contains(&name.as_str()) => {
            arguments.iter().map(Expr::to_string).collect()
        }
        _ => Vec::new(),
    }
}

/// The terms of a formula that was checked; none where it is nothing but one value.
pub(super) fn terms(scope: &Scope, expr: &Expr) -> Vec<Term> {
    let mut sheet = Sheet { scope, terms: Vec::new() };
    // A sheet takes all that is written.
    let _ = expr.write(&mut sheet);
    if sheet.terms.len() > 1 { sheet.terms } else { Vec::new() }
}

/// What a formula is written to.
struct Sheet<'s> {
    scope: &'s Scope,
    terms: Vec<Term>,
}

impl Write for Sheet<'_> {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        match self.terms.last_mut() {
            Some(Term::Words(text)) => text.push_str(words),
            _ => self.terms.push(Term::Words(words.to_owned())),
        }
        Ok(())
    }
}

impl Paper for Sheet<'_> {
    fn takes(&mut self, expr: &Expr) -> bool {
        let one = match &expr.kind {
            Kind::Name(_) | Kind::Dotted(..) => true,
            Kind::Call(name, _) => !ARITHMETIC.contains(&name.as_str()),
            _ => false,
        };
        if !one {
            return false;
        }
        // What has no value by itself, such as an optional fact that is only asked for, stands as it is written.
        let Ok(Typed { node, typ }) = self.scope.check(expr, None) else { return false };
        self.terms.push(Term::Value { node, typ, written: expr.to_string() });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::expr::parse;

    #[test]
    fn a_call_that_is_the_whole_has_its_operands() {
        let operands = |text: &str| operands(&parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}")));
        assert_eq!(operands("min(due, max(cap - acc.used, ¥0))"), ["due", "max(cap - acc.used, ¥0.00)"]);
        assert_eq!(operands(" clamp (a , b,c ) "), ["a", "b", "c"]);
        assert_eq!(operands("(min(a, b))"), ["a", "b"], "brackets change nothing");
        assert_eq!(
            operands("max(if x in ['a,(', 'b'] then ¥1 else ¥2, ¥0)"),
            ["if x in ['a,(', 'b'] then ¥1.00 else ¥2.00", "¥0.00"]
        );
        for other in
            ["min(a, b) + c", "minimum", "total - own", "half_up(min(a, b) * r, ¥0.01)", "min(a, b) - min(c, d)"]
        {
            assert!(operands(other).is_empty(), "{other}");
        }
    }
}
