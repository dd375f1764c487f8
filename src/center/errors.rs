//! What ends a request without an answer to it.

use crate::queue::chain::Broken;

/// Why a centre does not start, or a request gets no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CenterError {
    /// It cannot start; a sentence.
    #[error("{0}")]
    Start(String),
    /// The request has no sense; never a value out of it.
    #[error("{0}")]
    Form(&'static str),
    /// A header does not follow, or is not the one that is known.
    #[error(transparent)]
    Chain(#[from] Broken),
    /// Its own database fails.
    #[error("the centre's database: {0}")]
    Database(String),
}

impl CenterError {
    /// The code that whoever asked is told.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "C-FORM",
            Self::Chain(Broken::Gap { .. }) => "C-CHAIN-GAP",
            Self::Chain(Broken::Fork(_)) => "C-CHAIN-FORK",
            Self::Start(_) | Self::Database(_) => "C-DATABASE",
        }
    }

    /// Whether the same again may be carried out.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Start(_) | Self::Database(_))
    }
}

impl From<rusqlite::Error> for CenterError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}
