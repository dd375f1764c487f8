//! The language of expressions: no loops, no recursion, no clock, no randomness (settlement-facts §6.11).
//!
//! Text becomes tokens, tokens a tree ([`parser`]), the tree is checked for types and names and becomes a [`Node`]
//! ([`check`]), which [`eval`](super::eval) computes.

mod check;
mod comparison;
mod functions;
mod lexer;
mod names;
mod node;
mod parser;
mod print;
mod scope;
mod walk;

pub(super) use comparison::Comparison;
#[cfg(test)]
pub(super) use lexer::{Token, tokens};
#[cfg(test)]
pub(super) use node::Rounding;
pub(super) use node::{Node, Place, Round};
pub(super) use parser::{Expr, Kind, parse};
pub(super) use print::Paper;
pub(super) use scope::{Lost, Scope, Symbol, TableSymbol, Typed};

/// Words that cannot be names.
pub(super) const RESERVED: &[&str] = &["if", "then", "else", "and", "or", "not", "in", "true", "false", "acc"];

/// A mistake in an expression: byte offset and what is wrong.
pub(super) type Mistake = (usize, String);
