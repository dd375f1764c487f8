//! Packs before they are in force: read, loaded, and with those that the scenarios name.

use jiff::Timestamp;

use super::folder::{self, PackFiles};
use super::kept;
use super::policy::Origin;
use super::setup::SetupError;
use crate::config::Config;
use crate::rules::{Packs, Source};
use crate::scenario::Catalogue;

/// Packs that may be put in force: sound, and with those that the scenarios of this terminal name.
pub(super) struct Taken {
    pub(super) packs: Packs,
    pub(super) origin: Origin,
    /// What they were read from; nothing where they are built in.
    pub(super) sources: Vec<Source>,
    /// When an earlier run took them up.
    pub(super) since: Option<Timestamp>,
    /// Why it is not those of the folder.
    pub(super) refused: Option<SetupError>,
}

impl Taken {
    /// The packs that the configuration names.
    pub(super) fn load(config: &Config, catalogue: &Catalogue) -> Result<Self, SetupError> {
        match &config.policy {
            Some(folder) => Self::of(folder::sources(folder)?, config, catalogue),
            None => {
                let packs = Packs::builtin_for_use();
                decided(catalogue, &packs)?;
                Ok(Self { packs, origin: Origin::BuiltIn, sources: Vec::new(), since: None, refused: None })
            }
        }
    }

    /// The same, or else those that were in force last, which are held to all that the folder's are.
    pub(super) fn load_or_kept(config: &Config, catalogue: &Catalogue) -> Result<Self, SetupError> {
        let refused = match Self::load(config, catalogue) {
            Ok(taken) => return Ok(taken),
            Err(refused) => refused,
        };
        let kept = config.policy.as_ref().and_then(|folder| kept::kept(&config.state, folder));
        let Some(kept) = kept else { return Err(refused) };
        match Self::of(PackFiles { sources: kept.packs, ..PackFiles::default() }, config, catalogue) {
            Ok(taken) => {
                Ok(Self { origin: Origin::LastGood, since: Some(kept.since), refused: Some(refused), ..taken })
            }
            Err(error) => {
                tracing::error!(why = %error, "the packs that were in force last cannot be used either");
                Err(refused)
            }
        }
    }

    /// Those that were read.
    pub(super) fn of(files: PackFiles, config: &Config, catalogue: &Catalogue) -> Result<Self, SetupError> {
        let mut mistakes = files.wrong();
        // What cannot be read is tried again at each look; the others are not proved each time for that.
        if !files.unread.is_empty() {
            return Err(SetupError::File(mistakes));
        }
        let PackFiles { sources, .. } = files;
        let packs = match Packs::load_for_use(&sources, &config.packs.trust) {
            Ok(packs) if mistakes.is_empty() => packs,
            loaded => {
                mistakes.extend(loaded.err().unwrap_or_default());
                return Err(SetupError::File(mistakes));
            }
        };
        decided(catalogue, &packs)?;
        Ok(Self { packs, origin: Origin::Folder, sources, since: None, refused: None })
    }
}

/// What no pack decides would fail at the first card.
fn decided(catalogue: &Catalogue, packs: &Packs) -> Result<(), SetupError> {
    let there = packs.list();
    let missing: Vec<_> = catalogue.offered().flat_map(|definition| definition.missing(&there)).collect();
    if missing.is_empty() { Ok(()) } else { Err(SetupError::File(missing)) }
}
