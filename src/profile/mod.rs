//! The card as data: its key roles, directories, files, items, and who may read and write each. What is not certain of
//! every card stands in `config/card/`, where an integrator changes it without a build.

mod access;
mod address;
mod file;
mod key;
mod load;
mod name;

pub use access::{Access, ByGeneration};
pub use address::{Address, ItemAddress, ItemKey, Row};
pub use file::{Directory, File, Form, Item, PinOf, Repeats, Revision, Structure, Writing};
pub use key::{Grade, Key, KeyRole, Sam};
pub use name::{FileName, ItemName, NameError};

use crate::cipher::Formulas;

/// The keys of `config/card/keys.toml`, the files of `files.toml` and the account's formulas of `account.toml` beside it, or
/// a deployment's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    keys: Vec<Key>,
    directories: Vec<Directory>,
    files: Vec<File>,
    account: Formulas,
}

impl Profile {
    /// A key by its role; `None` where the profile has none.
    pub fn key(&self, role: &KeyRole) -> Option<&Key> {
        self.keys.iter().find(|key| key.role == *role)
    }

    /// The key that EXTERNAL AUTHENTICATE names by `reference` in a directory.
    pub fn key_by_reference(&self, directory: &str, reference: u8) -> Option<&Key> {
        self.keys.iter().find(|key| key.directory == directory && key.reference == Some(reference))
    }

    /// Every key, in the order of the file.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// A directory by its name, `DF04`.
    pub fn directory(&self, name: &str) -> Option<&Directory> {
        self.directories.iter().find(|directory| directory.name == name)
    }

    /// Every directory, in the order of the file.
    pub fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// The names of the directories with a PIN of their own.
    pub fn own_pins(&self) -> Vec<&str> {
        let own = self.directories.iter().filter(|directory| directory.pin == PinOf::Own);
        own.map(|directory| directory.name.as_str()).collect()
    }

    /// A file by its name.
    pub fn file(&self, name: &FileName) -> Option<&File> {
        self.files.iter().find(|file| file.name == *name)
    }

    /// Every file, in the order of the file.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// What the MACs of the medical account are made over.
    pub fn account(&self) -> &Formulas {
        &self.account
    }
}

#[cfg(test)]
mod tests;
