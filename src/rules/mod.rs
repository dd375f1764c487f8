//! The policy-pack engine: parse, check, compile, decide, explain.
//!
//! Pure: no I/O, no clock, no randomness, no floating point; the same input gives the same decision. A pack is a TOML
//! file (settlement-facts §6); everything in it is checked when it is loaded, its cases included, so that a decision
//! can only fail by its input.

mod decide;
mod decision;
mod difference;
mod errors;
mod eval;
mod explain;
mod expr;
mod facts;
mod input;
mod lookup;
mod pack;
mod packs;
mod replay;
mod schema;
mod sign;
mod span;
#[cfg(test)]
mod tests;
mod trace;
mod types;

pub use crate::failure::Diagnostic;
pub use decision::{Basis, Change, Decision, Effect, Outcome, PackRef, Reason, Words};
pub use difference::{Difference, differences};
pub use errors::ENTRIES;
pub use input::{Input, InputError};
pub use packs::{CaseResult, CaseResults, PackInfo, Packs};
pub use replay::{Again, FieldChange, Otherwise, PastCase};
pub use schema::{AccumulatorSpec, Choice, FactSpec, Schema};
pub use sign::{ENDING as SIGNATURE_ENDING, NoKey, NoSigningKey, PublicKey, SigningKey, Source, Trust};
pub use span::{Period, Span};
pub use trace::TraceRecord;
