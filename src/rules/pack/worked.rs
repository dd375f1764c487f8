//! The formula of a step with holes for what it is computed from, so that its record can say it with values.

use std::fmt::{self, Write};

use super::Term;
use crate::rules::expr::{Expr, Kind, Paper, Scope, Typed};

/// Calls whose arguments are shown, since with values in their place they are still arithmetic. What any other call comes
/// to is shown as a whole.
const ARITHMETIC: [&str; 7] = ["min", "max", "clamp", "half_up", "half_even", "floor", "ceil"];

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
