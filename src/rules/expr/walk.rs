//! What stands in an expression as it is written.

use super::parser::{Expr, Kind};

impl Expr {
    /// Where each `if` of it stands, one before those inside of it.
    pub fn ifs(&self, found: &mut Vec<usize>) {
        match &self.kind {
            Kind::Call(_, items) => items.iter().for_each(|item| item.ifs(found)),
            Kind::Not(item) | Kind::Minus(item) | Kind::In(item, _) => item.ifs(found),
            Kind::Binary(_, left, right) | Kind::Within(left, right) => {
                [left, right].into_iter().for_each(|item| item.ifs(found));
            }
            Kind::If(condition, yes, no) => {
                found.push(self.at);
                [condition, yes, no].into_iter().for_each(|item| item.ifs(found));
            }
            _ => {}
        }
    }

    /// Calls `each` with every name that stands in it; of `table.column`, with the table's.
    pub fn names(&self, each: &mut impl FnMut(&str)) {
        match &self.kind {
            Kind::Int(_) | Kind::Money(_) | Kind::Rate(_) | Kind::Bool(_) | Kind::Text(_) => {}
            Kind::Name(name) | Kind::Dotted(name, _) => each(name),
            Kind::Call(_, items) => items.iter().for_each(|item| item.names(each)),
            Kind::Not(item) | Kind::Minus(item) => item.names(each),
            Kind::Binary(_, left, right) | Kind::Within(left, right) => {
                [left, right].into_iter().for_each(|item| item.names(each));
            }
            Kind::In(item, items) => std::iter::once(&**item).chain(items).for_each(|item| item.names(each)),
            Kind::If(condition, yes, no) => [condition, yes, no].into_iter().for_each(|item| item.names(each)),
        }
    }
}
