//! Images: what is on a virtual chip, what it can do and what is wrong with it, from TOML.

mod build;
mod fields;
mod file;
mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::card::VirtualCard;
use super::chip::{Chip, Stranger};
use super::errors::ImageError;
use super::faults::{Faults, Faulty};
use super::psam::VirtualPsam;
use crate::cipher::{Algorithm, Key16};
use crate::world::Random;

/// The image of a chip. Its keys are demonstration keys, its people made up.
#[derive(Clone)]
pub struct Image {
    historical: [u8; 13],
    content: Content,
    faults: Faults,
    psam_file: Option<PathBuf>,
    psam: Option<Box<Image>>,
}

#[derive(Clone)]
enum Content {
    Card(Box<CardImage>),
    Psam(Box<PsamImage>),
    Other,
}

/// A holder's card.
#[derive(Clone)]
pub(super) struct CardImage {
    pub(super) algorithm: Algorithm,
    /// The first character of 规范版本: 1, 2 or 3.
    pub(super) generation: u8,
    /// IRK and RKSSSE, diversified for this card.
    pub(super) irk: Key16,
    pub(super) rkssse: Key16,
    pub(super) key_tries: u8,
    pub(super) ef05: Vec<Zeroizing<Vec<u8>>>,
    pub(super) ef06: Vec<Zeroizing<Vec<u8>>>,
    pub(super) pin: Option<Zeroizing<Vec<u8>>>,
    pub(super) pin_tries: u8,
    pub(super) quirks: Quirks,
}

/// What a card does otherwise than the standard.
#[derive(Clone, Default)]
pub(super) struct Quirks {
    pub(super) exact_le: bool,
    pub(super) no_whole_file: bool,
    pub(super) no_algorithm_in_fci: bool,
    pub(super) blocked: bool,
    pub(super) application_locked: bool,
}

/// A PSAM.
#[derive(Clone)]
pub(super) struct PsamImage {
    pub(super) public: [u8; 15],
    pub(super) terminal: [u8; 6],
    pub(super) environments: BTreeMap<Algorithm, BTreeMap<u8, PsamKey>>,
}

/// A PSAM's key and how many factors lead from it to a card's.
#[derive(Clone)]
pub(super) struct PsamKey {
    pub(super) key: Key16,
    pub(super) levels: u8,
}

impl Image {
    /// Loads an image and those it extends.
    ///
    /// # Errors
    /// When a file cannot be read, has an unknown key or a value of the wrong form (with line and column), when a
    /// setting is missing, or when SSF33 is asked for.
    pub fn load(path: &Path) -> Result<Self, ImageError> {
        let mut image = Self::load_one(path)?;
        if let Some(psam) = image.psam_file.take() {
            image.psam = Some(Box::new(Self::load_one(&psam)?));
        }
        Ok(image)
    }

    /// Without the PSAM that goes with it.
    fn load_one(path: &Path) -> Result<Self, ImageError> {
        let file = load::merged(path, &mut BTreeSet::new())?;
        build::image(&path.display().to_string(), file)
    }

    /// The image of the PSAM that goes with this card (`psam_image` in the file).
    pub fn psam(&self) -> Option<&Self> {
        self.psam.as_deref()
    }

    /// The chip of this image, with the image's faults.
    pub fn chip(&self, random: Arc<dyn Random>) -> Box<dyn Chip> {
        let atr = self.atr();
        let chip: Box<dyn Chip> = match &self.content {
            Content::Card(card) => Box::new(VirtualCard::new((**card).clone(), atr, random)),
            Content::Psam(psam) => Box::new(VirtualPsam::new((**psam).clone(), atr)),
            Content::Other => Box::new(Stranger::new(atr)),
        };
        Box::new(Faulty::new(chip, self.faults))
    }

    /// Whether it is a PSAM, which belongs into the PSAM's reader.
    pub fn is_psam(&self) -> bool {
        matches!(self.content, Content::Psam(_))
    }

    /// The same image that is pulled at the `n`-th TPDU, counted from 1.
    pub fn removed_at(mut self, n: u32) -> Self {
        self.faults.remove_at = Some(n);
        self
    }

    /// T=0 only, F=372 and D=1, 13 historical bytes (card-facts §8).
    fn atr(&self) -> Vec<u8> {
        [&[0x3B, 0x6D, 0x00, 0x00], &self.historical[..]].concat()
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.content {
            Content::Card(_) => "card",
            Content::Psam(_) => "psam",
            Content::Other => "other",
        };
        f.debug_struct("Image").field("chip", &kind).finish_non_exhaustive()
    }
}
