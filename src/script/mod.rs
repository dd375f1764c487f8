//! The APDU script language: what is sent to a card, what is expected, and what of it is kept.
//!
//! `apdu-scripts/README.md` has the grammar on one page. A script has patterns where a recording has bytes, and one
//! parser reads both. Scripts have neither branches nor loops: the rooms above compose flows, and [`run`] tells them
//! which status word came back. What is sent and kept may be personal or secret, so errors name the place, the
//! instruction, lengths and status words, never bytes.

mod builtin;
mod check;
mod errors;
mod flow;
mod known;
mod library;
mod line;
mod parse;
mod recording;
mod run;
mod vars;

pub use errors::{ENTRIES, MISTAKE, RecordError, RunError};
pub use flow::Flow;
pub use library::Library;
pub use recording::{Choice, ImportError, Recorder, Recording, Replay};
pub use run::{command, run};
pub use vars::Vars;

#[cfg(test)]
mod tests;
