//! What an expression may use.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::Mistake;
use super::check::Checker;
use super::node::{Node, Place};
use super::parser::Expr;
use crate::rules::texts::Texts;
use crate::rules::types::{Enumeration, Type};
use crate::rules::val::Val;

/// A name an expression may use.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Symbol {
    /// `None` when its declaration is wrong, which was told there.
    pub typ: Option<Type>,
    pub place: Place,
    /// It may be missing, so `has` or `given` must stand before it.
    pub optional: bool,
}

/// A table as expressions see it.
#[derive(Debug, Clone)]
pub(in super::super) struct TableSymbol {
    pub index: usize,
    /// The names it is looked up by.
    pub on: Vec<String>,
    pub columns: Vec<(String, Option<Type>)>,
    /// No two rows meet.
    pub unique: bool,
    /// Its declaration is wrong, which was told there.
    pub broken: bool,
}

/// What an expression may use.
#[derive(Debug, Default)]
pub(in super::super) struct Scope {
    pub enums: Vec<Enumeration>,
    /// The texts that stand in the pack, kept as they are met.
    pub texts: RefCell<Texts>,
    pub names: HashMap<String, Symbol>,
    pub accumulators: HashMap<String, Symbol>,
    pub tables: HashMap<String, TableSymbol>,
    /// The tables that an amount is cut by.
    pub scales: RefCell<HashSet<String>>,
    /// Steps that stand further down.
    pub later: HashSet<String>,
    /// The steps that need each other, each with the number of the cycle that it is in: that was told.
    pub cycles: HashMap<String, usize>,
    /// The cycle of the step that is checked.
    pub cycle: Option<usize>,
    /// The expression is computed for each line.
    pub on_line: bool,
    /// What could not be read.
    pub lost: Lost,
}

/// Declarations that cannot be read, which was told there: a name that is not known may be one of theirs, and nothing is
/// told of it.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Lost {
    pub types: bool,
    pub names: bool,
    pub accumulators: bool,
}

/// A checked expression.
#[derive(Debug, Clone)]
pub(in super::super) struct Typed {
    pub node: Node,
    pub typ: Type,
}

impl Scope {
    /// A value of this type as it is written.
    pub fn value(&self, typ: Type, text: &str) -> Option<Val> {
        typ.parse(text, &self.enums, |text| self.texts.borrow_mut().keep(text))
    }

    /// Checks `expr`, of type `wanted` where one is.
    ///
    /// # Errors
    /// Each mistake; none when all follow from one that was told elsewhere.
    pub fn check(&self, expr: &Expr, wanted: Option<Type>) -> Result<Typed, Vec<Mistake>> {
        let mut checker = Checker { scope: self, mistakes: Vec::new() };
        let typed = checker.infer(expr, wanted);
        let typed = typed.filter(|typed| wanted.is_none_or(|wanted| checker.is(expr.at, typed.typ, wanted)));
        match typed {
            Some(typed) if checker.mistakes.is_empty() => Ok(typed),
            _ => Err(checker.mistakes),
        }
    }
}
