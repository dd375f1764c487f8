//! What can go wrong with a list.

use std::io;
use std::marker::PhantomData;

use super::ListKind;
use super::lines::Unreadable;
use crate::failure::{Diagnostic, Entry, Explain};
use crate::store::StoreError;

/// Why a list is not taken in, or not used. What was in force before is so still. Never carries a card.
#[derive(Debug, thiserror::Error)]
pub enum ListError<K: ListKind> {
    /// The list cannot be read.
    #[error("{file}: {why}")]
    File {
        /// The list.
        file: String,
        /// What the system said.
        why: String,
    },
    /// Lines are not what they should be: the first such, one at least, and at most [`MOST_MISTAKES`](super::MOST_MISTAKES).
    #[error("{}", told(.0))]
    Form(Vec<Diagnostic>),
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
    Busy(PhantomData<K>),
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

/// What a kind of list says of these: its own codes and words.
#[derive(Debug)]
pub struct ListCodes {
    /// It cannot be read, or changed meanwhile.
    pub(crate) file: &'static Entry,
    /// It has mistakes.
    pub(crate) form: &'static Entry,
    /// It is signed by nobody who is trusted.
    pub(crate) unsigned: &'static Entry,
    /// Something newer is known.
    pub(crate) older: &'static Entry,
    /// Another program is at it.
    pub(crate) busy: &'static Entry,
    /// What was taken in cannot be used.
    pub(crate) damaged: &'static Entry,
}

impl<K: ListKind> ListError<K> {
    pub(in crate::store) fn file(name: &str, error: &io::Error) -> Self {
        Self::File { file: name.to_owned(), why: error.to_string() }
    }

    pub(in crate::store) fn of(name: &str, unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Io(error) => Self::file(name, &error),
            Unreadable::Form(diagnostic) => Self::Form(vec![diagnostic]),
        }
    }

    /// Whether the list itself is refused: the same file is not worth another try.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Form(_) | Self::Signature(_) | Self::Older { .. } | Self::Reused(_) => true,
            Self::File { .. } | Self::Changed(_) | Self::Busy(_) | Self::Damaged { .. } | Self::Store(_) => false,
        }
    }

    /// What is wrong with the file, place by place.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Form(mistakes) => mistakes,
            Self::Signature(mistake) => std::slice::from_ref(mistake),
            _ => &[],
        }
    }
}

fn told(mistakes: &[Diagnostic]) -> String {
    mistakes.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}

impl<K: ListKind> From<rusqlite::Error> for ListError<K> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl<K: ListKind> From<io::Error> for ListError<K> {
    fn from(error: io::Error) -> Self {
        Self::Store(error.into())
    }
}

impl<K: ListKind> Explain for ListError<K> {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::File { .. } | Self::Changed(_) => K::CODES.file,
            Self::Form(_) => K::CODES.form,
            Self::Signature(_) => K::CODES.unsigned,
            Self::Older { .. } | Self::Reused(_) => K::CODES.older,
            Self::Busy(_) => K::CODES.busy,
            Self::Damaged { .. } => K::CODES.damaged,
            Self::Store(error) => error.entry(),
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.detail(),
            Self::Busy(_) => None,
            other => Some(other.to_string()),
        }
    }
}
