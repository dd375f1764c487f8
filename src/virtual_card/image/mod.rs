//! Images: what is on a virtual chip, what it can do and what is wrong with it, from TOML.

mod build;
mod content;
mod fields;
mod file;
mod load;
mod money;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use self::file::Dir;
use super::account::AccountImage;
use super::bank::BankImage;
use super::card::{Atrs, VirtualCard};
use super::chip::{Chip, Stranger};
use super::errors::ImageError;
use super::faults::{Faults, Faulty, Torn};
use super::memory::{self, Memory};
use super::messaging::Messaging;
use super::pin::Pin;
use super::psam::VirtualPsam;
use super::rights::Condition;
use super::signing::Signing;
use crate::cipher::{Algorithm, Formulas, Key16, Suite};
use crate::profile::KeyRole;
use crate::reader::Interface;
use crate::world::Random;

/// The image of a chip. Its keys are demonstration keys, its people made up.
#[derive(Clone)]
pub struct Image {
    atrs: Atrs,
    content: Content,
    faults: Faults,
    psam_file: Option<PathBuf>,
    psam: Option<Box<Image>>,
}

#[derive(Clone)]
enum Content {
    Card(Arc<CardImage>),
    Psam(Box<PsamImage>),
    Other,
}

/// A holder's card as it is issued.
pub(super) struct CardImage {
    pub(super) algorithm: Algorithm,
    /// What computes it.
    pub(super) suite: Suite,
    pub(super) interface: Interface,
    /// The MF, the environment, the directories under it, other applications.
    pub(super) directories: Vec<Directory>,
    pub(super) files: Vec<FileImage>,
    /// Every key but IRK, diversified for this card.
    pub(super) keys: Vec<CardKey>,
    pub(super) irk: Key16,
    pub(super) puk: Option<usize>,
    pub(super) key_tries: u8,
    pub(super) pin: Pin,
    /// Directories whose application was blocked.
    pub(super) locked: BTreeSet<usize>,
    pub(super) quirks: Quirks,
    pub(super) account: Option<AccountImage>,
    pub(super) bank: Option<BankImage>,
}

/// The MF, a DF, or an application beside.
pub(super) struct Directory {
    pub(super) fid: Option<[u8; 2]>,
    /// Its name; empty where it has none.
    pub(super) aid: Vec<u8>,
    pub(super) parent: Option<usize>,
    /// Its key of secure messaging, and the one that must be proven before it is blocked, among the image's keys.
    pub(super) messaging: Option<usize>,
    pub(super) lock: Option<usize>,
    /// What it signs with.
    pub(super) signing: Option<Signing>,
}

/// A file.
pub(super) struct FileImage {
    pub(super) directory: usize,
    pub(super) fid: [u8; 2],
    pub(super) read: Condition,
    pub(super) write: Condition,
    pub(super) messaging: Messaging,
    pub(super) content: memory::Content,
}

impl FileImage {
    /// The short identifier: the low five bits of the file's.
    pub(super) fn sfi(&self) -> u8 {
        self.fid[1] & 0x1F
    }
}

/// A key of the card.
pub(super) struct CardKey {
    pub(super) role: KeyRole,
    pub(super) directory: usize,
    /// P2 of EXTERNAL AUTHENTICATE; `None` of a key that it does not take.
    pub(super) proves: Option<u8>,
    pub(super) key: Key16,
}

/// What a card does otherwise than the standard.
#[derive(Clone, Default)]
pub(super) struct Quirks {
    pub(super) exact_le: bool,
    pub(super) no_whole_file: bool,
    pub(super) no_algorithm_in_fci: bool,
    pub(super) pin_per_directory: bool,
    pub(super) dir: Dir,
    pub(super) blocked: bool,
}

/// A PSAM.
#[derive(Clone)]
pub(super) struct PsamImage {
    pub(super) public: [u8; 15],
    pub(super) terminal: [u8; 6],
    pub(super) environments: BTreeMap<Algorithm, PsamEnvironment>,
    /// Of the first purchase.
    pub(super) terminal_sequence: u32,
    /// Of the purchase keys.
    pub(super) key_version: u8,
    pub(super) formulas: Formulas,
}

/// One environment of a PSAM.
#[derive(Clone)]
pub(super) struct PsamEnvironment {
    pub(super) suite: Suite,
    /// Its keys by their ids.
    pub(super) keys: BTreeMap<u8, PsamKey>,
    /// DPK, which the purchase commands take without naming it.
    pub(super) purchase: Option<PsamKey>,
}

/// A PSAM's key, how many factors lead from it to a card's, and its type.
#[derive(Clone)]
pub(super) struct PsamKey {
    pub(super) key: Key16,
    pub(super) levels: u8,
    pub(super) kind: u8,
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
        let file = load::merged(path, &[])?;
        build::image(&path.display().to_string(), file)
    }

    /// The image of the PSAM that goes with this card (`psam_image` in the file).
    pub fn psam(&self) -> Option<&Self> {
        self.psam.as_deref()
    }

    /// The chip of this image as it is issued, with the image's faults.
    pub fn chip(&self, random: Arc<dyn Random>) -> Box<dyn Chip> {
        let chip: Box<dyn Chip> = match &self.content {
            Content::Card(card) => return self.chip_with(&Memory::new(card), random),
            Content::Psam(psam) => Box::new(VirtualPsam::new((**psam).clone(), self.atrs.warm.clone())),
            Content::Other => Box::new(Stranger::new(self.atrs.warm.clone())),
        };
        Box::new(Faulty::new(chip, self.faults.clone()))
    }

    /// The memory of a card as it is issued; `None` of what is no card.
    pub fn memory(&self) -> Option<Memory> {
        match &self.content {
            Content::Card(card) => Some(Memory::new(card)),
            Content::Psam(_) | Content::Other => None,
        }
    }

    /// The card with this memory, which [`memory`](Self::memory) of the same image gave: the same card again.
    pub fn chip_with(&self, memory: &Memory, random: Arc<dyn Random>) -> Box<dyn Chip> {
        let chip: Box<dyn Chip> = match &self.content {
            Content::Card(card) => {
                Box::new(VirtualCard::new(Arc::clone(card), memory.clone(), self.atrs.clone(), random))
            }
            Content::Psam(_) | Content::Other => return self.chip(random),
        };
        Box::new(Faulty::new(chip, self.faults.clone()))
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

    /// The same image that carries the TPDU at which it is pulled out, or does not.
    pub fn torn(mut self, torn: Torn) -> Self {
        self.faults.torn = torn;
        self
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
