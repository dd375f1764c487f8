//! Why something is refused: a code of the table, or of the rules. And how work stops where it is.

use serde::{Deserialize, Serialize};

use super::errors::CenterError;
use crate::failure::Entry;
use crate::rules::{Decision, InputError};
use crate::wire::errors;

/// `CODE words`, as it goes out and as it is kept to be said again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Refusal(String);

impl Refusal {
    /// In the words of the table.
    pub(super) fn of(entry: &Entry) -> Self {
        Self::saying(entry, entry.message.zh)
    }

    /// In words of its own.
    pub(super) fn saying(entry: &Entry, words: &str) -> Self {
        Self(format!("{} {words}", entry.code))
    }

    /// What the rules cannot decide. An input error names items, never their values.
    pub(super) fn of_input(error: &InputError) -> Self {
        Self::saying(&errors::INPUT, &error.to_string())
    }

    /// What the rules say no to: the first code, and every reason as strict as the outcome.
    pub(super) fn by_rules(decision: &Decision) -> Self {
        let mut grounds = decision.reasons.iter().filter(|reason| reason.outcome == decision.outcome).peekable();
        let Some(code) = grounds.peek().map(|reason| reason.code.clone()) else {
            return Self::of(&errors::REFUSED_BY_RULES);
        };
        let texts: Vec<&str> = grounds.map(|reason| reason.text.zh.as_str()).collect();
        Self(format!("{code} {}", texts.join("；")))
    }

    /// Code and words.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.0.split_once(' ').unwrap_or((&self.0, ""))
    }

    /// As the national envelope has it.
    pub(super) fn into_words(self) -> String {
        self.0
    }
}

/// Why work on a message stops: it is refused, which is an answer like another and is kept; or it failed, and nothing of it
/// is kept.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    Failed(CenterError),
}

impl Stop {
    /// What work came to: a refusal is the answer that it is, and what failed goes on up.
    pub(super) fn answered<T>(work: Result<T, Self>) -> Result<Result<T, Refusal>, CenterError> {
        match work {
            Ok(done) => Ok(Ok(done)),
            Err(Self::Refused(refusal)) => Ok(Err(refusal)),
            Err(Self::Failed(error)) => Err(error),
        }
    }

    /// Stops where there is a reason to refuse.
    pub(super) fn at(refusal: Option<Refusal>) -> Result<(), Self> {
        refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<CenterError> for Stop {
    fn from(error: CenterError) -> Self {
        Self::Failed(error)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}
