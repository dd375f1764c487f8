//! The policy-pack engine: parse, check, compile, decide, explain.
//!
//! Pure: no I/O, no clock, no randomness, no floating point; the same input gives the same decision. A pack is a TOML
//! file (settlement-facts §6); everything in it is checked when it is loaded, its cases included, so that a decision
//! can only fail by its input.

mod builtin;
mod cancel;
mod compare;
mod datum;
mod decide;
mod decision;
mod desk;
mod difference;
mod each;
mod errors;
mod eval;
mod explain;
mod expr;
mod force;
mod given;
mod glance;
mod identities;
mod input;
mod listed;
mod lookup;
mod notes;
mod pack;
mod packs;
mod records;
mod replay;
mod run;
mod schema;
mod sheet;
mod shown;
mod sign;
mod span;
#[cfg(test)]
mod tests;
mod texts;
mod trace;
mod types;
mod val;

pub use crate::failure::Diagnostic;
pub use crate::wire::detached::{
    ENDING as SIGNATURE_ENDING, LARGEST as LARGEST_SIGNATURE, NoKey, NoSigningKey, PublicKey, SigningKey,
};
pub use cancel::{CancelError, Counted, obstacle};
pub use compare::{CaseEffect, Change as PackChange, Comparison, Effects, PackComparison};
pub use datum::Datum;
pub use decision::{Amount, Basis, Change, Decision, Effect, Outcome, PackRef, Reason, Words};
pub use desk::{Desk, Slot};
pub use difference::{Difference, differences};
pub use errors::ENTRIES;
pub use input::{Input, InputError};
pub use listed::{GuardInfo, PackRules};
pub use pack::LARGEST as LARGEST_PACK;
pub use packs::{CaseResult, CaseResults, PACK_SCHEMA, PackInfo, Packs};
pub use replay::{Again, FieldChange, Otherwise, PastCase};
pub use schema::{AccumulatorSpec, Choice, FactSpec, Schema};
pub use sheet::{Import, RowChange, Sheet};
pub use sign::{Source, Trust, sign_pack};
pub use span::{Period, Span};
pub use trace::TraceRecord;
