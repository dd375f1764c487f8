//! Where a terminal's keys come from, opened anew for each card.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Fallback, Hsm, HsmLink, HsmSettings, KeyError, KeyService, Psam, Soft};
use crate::profile::Profile;
use crate::reader::{Readers, Role, TransportError};
use crate::script::Library;
use crate::store::Store;

/// The keys a terminal is configured to use.
#[derive(Debug, Clone)]
pub enum KeyProvider {
    /// A PSAM in one of the readers.
    Psam(PsamPlace),
    /// A security module upstream.
    Hsm(HsmPlace),
    /// A PSAM, and a security module where the PSAM cannot.
    PsamThenHsm(PsamPlace, HsmPlace),
    /// Demonstration keys of a file.
    Soft {
        /// The file.
        file: PathBuf,
        /// Whether the terminal runs in demo mode; they are refused otherwise.
        demo: bool,
    },
}

/// Where a PSAM is, and what is needed to speak to it.
#[derive(Clone)]
pub struct PsamPlace {
    /// All readers.
    pub readers: Arc<dyn Readers>,
    /// The PSAM's reader; `None` stands for the one whose role it is.
    pub reader: Option<String>,
    /// The scripts it is spoken to by.
    pub scripts: Arc<Library>,
    /// Where in it the keys are.
    pub profile: Arc<Profile>,
    /// Where its levels are remembered.
    pub store: Option<Arc<Store>>,
}

/// How a security module is reached and asked.
#[derive(Clone)]
pub struct HsmPlace {
    /// The way to it.
    pub link: Arc<dyn HsmLink>,
    /// How it is asked.
    pub settings: Arc<HsmSettings>,
}

impl KeyProvider {
    /// The keys for one card; a PSAM is leased for at most `within`.
    ///
    /// # Errors
    /// No PSAM, or not to be had; demonstration keys refused, or their file unusable. A security module is asked only
    /// when it is needed.
    pub fn open(&self, within: Duration) -> Result<Box<dyn KeyService>, KeyError> {
        match self {
            Self::Soft { file, demo } => Ok(Box::new(Soft::load(file, *demo)?)),
            Self::Psam(psam) => psam.open(within),
            Self::Hsm(hsm) => Ok(hsm.open()),
            Self::PsamThenHsm(psam, hsm) => Ok(Box::new(Fallback::new(psam.open(within), hsm.open())?)),
        }
    }

    /// Where the PSAM is, for a terminal that uses one.
    pub fn psam(&self) -> Option<&PsamPlace> {
        match self {
            Self::Psam(psam) | Self::PsamThenHsm(psam, _) => Some(psam),
            Self::Hsm(_) | Self::Soft { .. } => None,
        }
    }

    /// Whether a security module may be asked.
    pub fn has_hsm(&self) -> bool {
        matches!(self, Self::Hsm(_) | Self::PsamThenHsm(..))
    }
}

impl HsmPlace {
    fn open(&self) -> Box<dyn KeyService> {
        Box::new(Hsm::new(Arc::clone(&self.link), Arc::clone(&self.settings)))
    }
}

impl PsamPlace {
    fn open(&self, within: Duration) -> Result<Box<dyn KeyService>, KeyError> {
        let reader = match &self.reader {
            Some(reader) => reader.clone(),
            None => only_psam(&*self.readers)?,
        };
        let lease = self.readers.lease(&reader, within).map_err(|error| match error {
            TransportError::NoReader(_) | TransportError::NoCard(_) => KeyError::NoPsam,
            other => KeyError::Transport(other),
        })?;
        Ok(Box::new(Psam::new(lease, Arc::clone(&self.scripts), Arc::clone(&self.profile), self.store.clone())))
    }

    /// Whether there is just one PSAM where it is looked for. Leases nothing.
    pub fn looks_there(&self) -> bool {
        let named = |name: &str| self.reader.as_deref().is_none_or(|wanted| wanted == name);
        let psams = self.readers.list();
        psams.iter().filter(|r| r.card && r.role == Some(Role::Psam) && named(&r.name)).count() == 1
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

impl fmt::Debug for PsamPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PsamPlace").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl fmt::Debug for HsmPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HsmPlace").field("settings", &self.settings).finish_non_exhaustive()
    }
}
