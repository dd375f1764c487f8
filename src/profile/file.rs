//! Directories, files and items (card-facts §1).

use serde::Deserialize;

use super::{Access, ByGeneration, FileName, KeyRole};

/// A directory: the social security environment, or a DF under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// `SSSE`, `DF04`.
    pub name: String,
    /// Its Chinese name.
    pub label: String,
    /// Its identifier.
    pub fid: [u8; 2],
    /// Its name for SELECT, 5 to 16 bytes; `None` where it has none.
    pub aid: Option<Vec<u8>>,
    /// The key of secure messaging in it; `None` where none is known.
    pub messaging: Option<KeyRole>,
    /// Whose PIN guards its files.
    pub pin: PinOf,
}

/// Whose PIN guards the files of a directory (card-facts §6: cards of either kind work).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PinOf {
    /// The one of the environment around it.
    #[default]
    Parent,
    /// One of its own.
    Own,
}

/// A file: its structure, its items, and who may read and write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: FileName,
    /// Its Chinese name.
    pub label: String,
    /// How its content is laid out.
    pub structure: Structure,
    /// What is proven before it is read.
    pub read: ByGeneration<Access>,
    /// What is proven before it is written.
    pub write: ByGeneration<Access>,
    /// How UPDATE goes to the card.
    pub writing: Writing,
    /// Its items in the order of the file. Records of a file whose items have no tags hold all of them in this order.
    pub items: Vec<Item>,
}

impl File {
    /// The item with this tag.
    pub fn item(&self, tag: u8) -> Option<&Item> {
        self.items.iter().find(|item| item.tag == Some(tag))
    }

    /// The items that cards of a generation have: 1, 2, 3.
    pub fn items_of(&self, generation: u8) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.since <= generation)
    }
}

/// How a file's content is laid out (STD-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// Records of tag, length and value, each of its own length.
    Linear,
    /// So many records of one length in bytes.
    Fixed(Repeats),
    /// At least so many records of one length; a new one takes the oldest's place, and is number 1.
    Cyclic(Repeats),
    /// So many bytes.
    Transparent {
        /// How many.
        size: u16,
    },
}

/// Records of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeats {
    /// How many, at least.
    pub records: u8,
    /// Bytes in each.
    pub length: u8,
}

/// How UPDATE goes to the card (card-facts §3, §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writing {
    /// As it stands.
    Plain,
    /// With a MAC.
    Mac,
    /// Enciphered, and with a MAC.
    Enciphered,
}

/// The type of a value (card-facts §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Characters, left aligned, filled with 00 on the right; Chinese is GBK.
    An,
    /// Packed BCD, left aligned, filled with nibbles F on the right.
    Cn,
    /// Binary.
    B,
}

/// What makes a reused tag of a 1.0 card have its meaning of 2.0 (card-facts §1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revision {
    /// Its value ends with EE then.
    Marked,
    /// Where the item with this tag has it.
    Follows(u8),
}

/// An item of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its tag; `None` in records without tags.
    pub tag: Option<u8>,
    /// Its name, where the standard's is known.
    pub name: Option<String>,
    /// The type of its value; one with parts is binary.
    pub form: Form,
    /// Bytes of its value.
    pub length: u8,
    /// How often it is there under the same tag.
    pub count: u8,
    /// B-TLV: what its value is made of, one byte of tag and one of length each.
    pub parts: Vec<Item>,
    /// The first generation that has it.
    pub since: u8,
    /// Whether its tag meant something else on cards of 1.0.
    pub revision: Option<Revision>,
}
