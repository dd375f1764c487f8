//! Where a terminal's keys come from, opened anew for each card.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{KeyError, KeyService, KeySource, Psam, Soft};
use crate::reader::{Readers, Role, TransportError};
use crate::script::Library;
use crate::store::Store;

/// The keys a terminal is configured to use.
#[derive(Clone)]
pub enum KeyProvider {
    /// A PSAM in one of the readers.
    Psam {
        /// All readers.
        readers: Arc<dyn Readers>,
        /// The PSAM's reader; `None` stands for the one whose role it is.
        reader: Option<String>,
        /// The scripts it is spoken to by.
        scripts: Arc<Library>,
        /// Where its levels are remembered.
        store: Option<Arc<Store>>,
    },
    /// Demonstration keys of a file.
    Soft {
        /// The file.
        file: PathBuf,
        /// Whether the terminal runs in demo mode; they are refused otherwise.
        demo: bool,
    },
}

impl KeyProvider {
    /// The keys for one card; a PSAM is leased for at most `within`.
    ///
    /// # Errors
    /// No PSAM, or not to be had; demonstration keys refused, or their file unusable.
    pub fn open(&self, within: Duration) -> Result<Box<dyn KeyService>, KeyError> {
        match self {
            Self::Soft { file, demo } => Ok(Box::new(Soft::load(file, *demo)?)),
            Self::Psam { readers, reader, scripts, store } => {
                let reader = match reader {
                    Some(reader) => reader.clone(),
                    None => only_psam(&**readers)?,
                };
                let lease = readers.lease(&reader, within).map_err(|error| match error {
                    TransportError::NoReader(_) | TransportError::NoCard(_) => KeyError::NoPsam,
                    other => KeyError::Transport(other),
                })?;
                Ok(Box::new(Psam::new(lease, scripts.clone(), store.clone())))
            }
        }
    }

    /// Who will answer.
    pub fn source(&self) -> KeySource {
        match self {
            Self::Psam { .. } => KeySource::Psam,
            Self::Soft { .. } => KeySource::Soft,
        }
    }
}

fn only_psam(readers: &dyn Readers) -> Result<String, KeyError> {
    let mut names: Vec<String> =
        readers.list().into_iter().filter(|r| r.role == Some(Role::Psam) && r.card).map(|r| r.name).collect();
    match (names.pop(), names.is_empty()) {
        (None, _) => Err(KeyError::NoPsam),
        (Some(name), true) => Ok(name),
        (Some(name), false) => {
            names.push(name);
            Err(KeyError::SeveralPsams(names.join(", ")))
        }
    }
}

impl fmt::Debug for KeyProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Psam { reader, .. } => f.debug_struct("Psam").field("reader", reader).finish_non_exhaustive(),
            Self::Soft { file, demo } => f.debug_struct("Soft").field("file", file).field("demo", demo).finish(),
        }
    }
}
