//! What ends a request without an answer to it.

use super::keys::NoKeys;
use crate::queue::chain::Broken;
use crate::wire::errors as told;

/// Why a centre does not start, or a request gets no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CenterError {
    /// It cannot start; a sentence.
    #[error("{0}")]
    Start(String),
    /// The request has no sense; never a value out of it.
    #[error("{0}")]
    Form(&'static str),
    /// The token is not this centre's.
    #[error("the token is not one of this centre's")]
    Token,
    /// It is not of the terminal that it says it is of.
    #[error("{0}")]
    Enrol(&'static str),
    /// A header does not follow, or is not the one that is known.
    #[error(transparent)]
    Chain(#[from] Broken),
    /// Headers come without the signature over them.
    #[error("no signature of the terminal holds for the headers up to {0}")]
    Unsigned(u64),
    /// It carries the demonstration's mark, and this is no demonstration.
    #[error("demonstration data is not taken here")]
    Demo,
    /// The key service has no answer.
    #[error(transparent)]
    Keys(#[from] NoKeys),
    /// Its own database fails.
    #[error("the centre's database: {0}")]
    Database(String),
    /// It was told to fail.
    #[error("it fails on purpose")]
    OnPurpose,
}

impl CenterError {
    /// The status of HTTP.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Form(_) => 400,
            Self::Token => 401,
            Self::Enrol(_) => 403,
            Self::Chain(_) | Self::Unsigned(_) => 409,
            Self::Demo | Self::Keys(_) => 422,
            Self::Start(_) | Self::Database(_) | Self::OnPurpose => 500,
        }
    }

    /// The code that whoever asked is told.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Form(_) | Self::Keys(NoKeys::Form) => told::FORM.code,
            Self::Token => told::TOKEN.code,
            Self::Enrol(_) => told::ENROL.code,
            Self::Chain(Broken::Gap { .. }) => told::CHAIN_GAP.code,
            Self::Chain(Broken::Fork(_)) => told::CHAIN_FORK.code,
            Self::Unsigned(_) => told::CHAIN_SIGNATURE.code,
            Self::Demo => told::DEMO.code,
            Self::Keys(NoKeys::Algorithm | NoKeys::Role | NoKeys::Demonstration) => told::NO_KEYS.code,
            Self::Start(_) | Self::Database(_) => told::DATABASE.code,
            Self::OnPurpose => told::ON_PURPOSE.code,
        }
    }

    /// Whether nobody honest sends this: a journal was changed, or somebody else speaks for the terminal.
    pub(super) fn is_alarm(&self) -> bool {
        matches!(self, Self::Chain(_) | Self::Unsigned(_) | Self::Enrol(_))
    }
}

impl From<rusqlite::Error> for CenterError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}
