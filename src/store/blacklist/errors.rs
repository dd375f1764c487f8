//! What can go wrong with a list.

use std::io;

use super::format::Unreadable;
use crate::failure::{Diagnostic, Entry, Explain};
use crate::store::StoreError;
use crate::store::errors::{LIST_BUSY, LIST_DAMAGED, LIST_FILE, LIST_FORM, LIST_OLDER, LIST_UNSIGNED};

/// Why a list is not taken in, or not used. What was in force before is so still. Never carries a card.
#[derive(Debug, thiserror::Error)]
pub enum BlacklistError {
    /// The list cannot be read.
    #[error("{file}: {why}")]
    File {
        /// The list.
        file: String,
        /// What the system said.
        why: String,
    },
    /// A line is not what it should be.
    #[error("{0}")]
    Form(Diagnostic),
    /// No signature that holds.
    #[error("{0}")]
    Signature(Diagnostic),
    /// The file was written while it was read.
    #[error("{0}: the file was changed while it was read")]
    Changed(String),
    /// It is older than what is, or was, in force.
    #[error("serial {found}, while {known} is known here")]
    Older {
        /// The list's serial.
        found: u64,
        /// The least that is taken.
        known: u64,
    },
    /// Another list has this serial.
    #[error("serial {0} is that of another list, which is in force")]
    Reused(u64),
    /// Another program takes one in.
    #[error("another program takes a list in")]
    Busy,
    /// What was taken in is not what it was.
    #[error("{file}: {why}")]
    Damaged {
        /// The file of the entries.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The store, or the disk that takes the entries.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BlacklistError {
    pub(super) fn file(name: &str, error: &io::Error) -> Self {
        Self::File { file: name.to_owned(), why: error.to_string() }
    }

    pub(super) fn of(name: &str, unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Io(error) => Self::file(name, &error),
            Unreadable::Form(diagnostic) => Self::Form(diagnostic),
        }
    }

    /// Whether the list itself is refused: the same file is not worth another try.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Form(_) | Self::Signature(_) | Self::Older { .. } | Self::Reused(_) => true,
            Self::File { .. } | Self::Changed(_) | Self::Busy | Self::Damaged { .. } | Self::Store(_) => false,
        }
    }
}

impl From<rusqlite::Error> for BlacklistError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<io::Error> for BlacklistError {
    fn from(error: io::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Explain for BlacklistError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::File { .. } | Self::Changed(_) => &LIST_FILE,
            Self::Form(_) => &LIST_FORM,
            Self::Signature(_) => &LIST_UNSIGNED,
            Self::Older { .. } | Self::Reused(_) => &LIST_OLDER,
            Self::Busy => &LIST_BUSY,
            Self::Damaged { .. } => &LIST_DAMAGED,
            Self::Store(error) => error.entry(),
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.detail(),
            Self::Busy => None,
            other => Some(other.to_string()),
        }
    }
}
