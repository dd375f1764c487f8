//! What the names of an expression stand for.

use super::check::Checker;
use super::node::Node;
use super::scope::{Symbol, Typed};

impl Checker<'_> {
    pub(super) fn name(&mut self, at: usize, name: &str) -> Option<Typed> {
        let symbol = self.named(at, name)?;
        Some(Typed { node: Node::Get(symbol.place), typ: symbol.typ? })
    }

    /// The symbol of a name that has a value here.
    fn named(&mut self, at: usize, name: &str) -> Option<Symbol> {
        let symbol = self.symbol(at, name)?;
        if symbol.optional {
            return self.wrong(at, format!("'{name}' may be missing: has({name}) or given({name}, …)"));
        }
        if symbol.place.of_line() && !self.scope.on_line {
            return self.wrong(at, format!("'{name}' belongs to a line: sum({name})"));
        }
        Some(symbol)
    }

    /// The symbol of a name.
    pub fn symbol(&mut self, at: usize, name: &str) -> Option<Symbol> {
        if let Some(symbol) = self.scope.names.get(name) {
            return Some(*symbol);
        }
        if self.scope.later.contains(name) {
            if self.scope.cycle.is_some() && self.scope.cycles.get(name).copied() == self.scope.cycle {
                return None;
            }
            return self.wrong(at, format!("step '{name}' is not computed yet here"));
        }
        if self.scope.tables.contains_key(name) {
            return self.wrong(at, format!("'{name}' is a table: name one of its columns, '{name}.…'"));
        }
        self.unknown(at, name)
    }

    /// Tells of a name that there is not, unless it may be one that could not be read.
    pub fn unknown<T>(&mut self, at: usize, name: &str) -> Option<T> {
        if self.scope.lost.names { None } else { self.wrong(at, format!("unknown name '{name}'")) }
    }

    /// The symbol of `acc.name`.
    pub fn accumulator(&mut self, at: usize, name: &str) -> Option<Symbol> {
        match self.scope.accumulators.get(name) {
            Some(symbol) => Some(*symbol),
            None if self.scope.lost.accumulators => None,
            None => self.wrong(at, format!("unknown name 'acc.{name}'")),
        }
    }

    pub(super) fn dotted(&mut self, at: usize, first: &str, second: &str) -> Option<Typed> {
        if first == "acc" {
            let symbol = self.accumulator(at, second)?;
            if symbol.optional {
                let what = format!("'acc.{second}' may be missing: has(acc.{second}) or given(acc.{second}, …)");
                return self.wrong(at, what);
            }
            return Some(Typed { node: Node::Get(symbol.place), typ: symbol.typ? });
        }
        let scope = self.scope;
        let Some(table) = scope.tables.get(first) else { return self.unknown(at, first) };
        if table.broken {
            return None;
        }
        let Some(column) = table.columns.iter().position(|(name, _)| name == second) else {
            return self.wrong(at, format!("table {first} has no column '{second}'"));
        };
        let mut on = Vec::new();
        for name in &table.on {
            // What can be looked up by nowhere was told at the table, and a declaration that is wrong there.
            let nowhere = match scope.names.get(name) {
                Some(symbol) => symbol.typ.is_none() || symbol.optional,
                None => !scope.later.contains(name),
            };
            if nowhere {
                return None;
            }
            let symbol = self.named(at, name)?;
            on.push(symbol.place);
        }
        let typ = table.columns[column].1?;
        Some(Typed { node: Node::Cell { table: table.index, column, on: on.into() }, typ })
    }
}
