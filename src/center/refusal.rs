//! Why something is refused: a code of the table, or of the rules.

use serde::{Deserialize, Serialize};

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
