//! Files and items by name: `DF04/EF05`, `DF04/EF05/81`.

use std::fmt;
use std::str::FromStr;

/// The name of a file: its directory and its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    directory: String,
    ef: u8,
}

/// The name of one item of a file, or of the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemName {
    /// The file.
    pub file: FileName,
    /// The item's tag; `None` is the whole file.
    pub tag: Option<u8>,
}

/// Why a text names no file and no item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no file: write DF04/EF05, SSSE/EF06, or DF04/EF05/81 for an item")]
pub struct NameError(pub String);

impl FileName {
    /// The file `EF` in `directory`. A short file identifier is the low five bits of its number.
    pub fn new(directory: impl Into<String>, ef: u8) -> Self {
        Self { directory: directory.into(), ef }
    }

    /// The directory's name: `SSSE`, `DF04`.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The last byte of the file's identifier: 05 for EF05.
    pub fn ef(&self) -> u8 {
        self.ef
    }

    /// The identifier that SELECT takes: EF05 (STD-5).
    pub fn fid(&self) -> [u8; 2] {
        [0xEF, self.ef]
    }

    /// The short file identifier; `None` where the number has none (0, or more than five bits can say).
    pub fn sfi(&self) -> Option<u8> {
        (1..=0x1E).contains(&self.ef).then_some(self.ef)
    }
}

impl FromStr for FileName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        parse(text).ok_or_else(|| NameError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<FileName> {
    let (directory, ef) = text.split_once('/')?;
    let fits =
        !directory.is_empty() && directory.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    fits.then(|| Some(FileName::new(directory, two_digits(ef.strip_prefix("EF")?)?)))?
}

/// Two upper-case hexadecimal digits.
pub(super) fn two_digits(text: &str) -> Option<u8> {
    let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    fits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

impl FromStr for ItemName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError(text.to_owned());
        match text.match_indices('/').nth(1) {
            None => Ok(Self { file: text.parse()?, tag: None }),
            Some((at, _)) => {
                let file = parse(&text[..at]).ok_or_else(wrong)?;
                Ok(Self { file, tag: Some(two_digits(&text[at + 1..]).ok_or_else(wrong)?) })
            }
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/EF{:02X}", self.directory, self.ef)
    }
}

impl fmt::Display for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        self.tag.map_or(Ok(()), |tag| write!(f, "/{tag:02X}"))
    }
}
