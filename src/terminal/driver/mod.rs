//! The functions of the national driver interface, carried out at this terminal's readers (card-facts §5).
//!
//! One call after the other, so that several programs share a reader without knowing of each other; a case at the reader, or
//! somebody else's steps, is told as −11.

mod basic;
mod call;
mod reader;

pub use call::{DriverAnswer, DriverCall};

use std::sync::Arc;

use call::Arguments;

use super::errors;
use super::inner::Inner;
use super::reading::Unread;
use crate::failure::Failure;
use crate::national::{Code, Outcome, Refused};

/// What carries a function out.
type Work = fn(&Arc<Inner>, &Arguments<'_>) -> Outcome;

/// The functions that are carried out; any other is not supported.
const BUILT: &[(&str, Work)] = &[("iReadCardBas", basic::read_card_bas)];

/// Carries out a call.
pub(super) fn call(inner: &Arc<Inner>, call: &DriverCall) -> DriverAnswer {
    DriverAnswer::of(carried_out(inner, call))
}

fn carried_out(inner: &Arc<Inner>, call: &DriverCall) -> Outcome {
    let arguments = Arguments::of(call)?;
    let (_, work) = BUILT.iter().find(|(name, _)| *name == call.function).ok_or(Code::NOT_SUPPORTED)?;
    // First, so that nobody is refused for a call of another program that is over in a moment.
    let turn = inner.driver_turns.take(inner.parts.config.cases.reading);
    let _turn = turn.ok_or_else(|| Refused::by(Code::CONNECTION, &Failure::of(&errors::BUSY)))?;
    work(inner, &arguments)
}

impl From<Unread> for Refused {
    fn from(unread: Unread) -> Self {
        match &unread {
            Unread::KeysBusy => Self::by(Code::CONNECTION, &unread.failure()),
            Unread::Card(error) => Self::from(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::national::Function;

    #[test]
    fn what_is_carried_out_is_in_the_interface() {
        for (name, _) in BUILT {
            assert!(Function::named(name).is_some(), "{name}");
        }
    }
}
