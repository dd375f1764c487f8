//! Where a value stands on the card: a file, a record of it, an item, one of several under its tag, a part of it. Written
//! `DF04/EF05/81`, `DF02/EF15/99:2`, `DF02/EF15/99:2/10`, `DF03/EF19:2/79/18`, `DF02/EF07:1/@4`, `DF02/EF07:+`.

use std::fmt;
use std::str::FromStr;

use super::name::two_digits;
use super::{FileName, ItemName, NameError};

/// A place on the card.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// The file.
    pub file: FileName,
    /// The record of a fixed or cyclic file; `None` is all of them.
    pub row: Option<Row>,
    /// The item; `None` is all of them.
    pub item: Option<ItemAddress>,
}

/// A record of a file whose records have one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// By its number; 1 is the first, of a cyclic file the newest.
    Number(u8),
    /// One that is added to a cyclic file: `+`.
    New,
}

/// An item within a file or a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemAddress {
    /// Which item.
    pub key: ItemKey,
    /// Which one of several under the same tag, from 1; `None` is all of them.
    pub number: Option<u8>,
    /// The tag of a part of it; `None` is the whole item.
    pub part: Option<u8>,
}

/// What an item is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKey {
    /// Its tag.
    Tag(u8),
    /// Its place in a record without tags, from 1: `@1`.
    Place(u8),
}

impl Address {
    /// The file or the item of it that has all of the place.
    pub fn name(&self) -> ItemName {
        let tag = self.item.and_then(|item| item.key.tag()).filter(|_| self.row.is_none());
        ItemName { file: self.file.clone(), tag }
    }
}

impl ItemAddress {
    /// The whole item with a tag.
    pub fn of(tag: u8) -> Self {
        Self { key: ItemKey::Tag(tag), number: None, part: None }
    }
}

impl ItemKey {
    /// The tag, where that is what it is found by.
    pub fn tag(self) -> Option<u8> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Place(_) => None,
        }
    }
}

impl FromStr for Address {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError(text.to_owned());
        let (file, item) = match text.match_indices('/').nth(1) {
            None => (text, None),
            Some((at, _)) => (&text[..at], Some(text[at + 1..].parse().map_err(|_| wrong())?)),
        };
        let (file, row) = match file.split_once(':') {
            None => (file, None),
            Some((file, "+")) => (file, Some(Row::New)),
            Some((file, number)) => (file, Some(Row::Number(ordinal(number).ok_or_else(wrong)?))),
        };
        Ok(Self { file: file.parse().map_err(|_| wrong())?, row, item })
    }
}

impl FromStr for ItemAddress {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        item(text).ok_or_else(|| NameError(text.to_owned()))
    }
}

impl TryFrom<String> for Address {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for ItemAddress {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ItemAddress> for String {
    fn from(address: ItemAddress) -> Self {
        address.to_string()
    }
}

fn item(text: &str) -> Option<ItemAddress> {
    let (item, part) = match text.split_once('/') {
        None => (text, None),
        Some((item, part)) => (item, Some(two_digits(part)?)),
    };
    let (key, number) = match item.split_once(':') {
        None => (item, None),
        Some((key, number)) => (key, Some(ordinal(number)?)),
    };
    let key = match key.strip_prefix('@') {
        Some(place) => ItemKey::Place(ordinal(place)?),
        None => ItemKey::Tag(two_digits(key)?),
    };
    Some(ItemAddress { key, number, part })
}

/// 1 to 254, without a zero before it.
fn ordinal(text: &str) -> Option<u8> {
    let fits = text.bytes().all(|digit| digit.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|number| fits && *number < 0xFF)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        match self.row {
            None => {}
            Some(Row::New) => f.write_str(":+")?,
            Some(Row::Number(number)) => write!(f, ":{number}")?,
        }
        self.item.map_or(Ok(()), |item| write!(f, "/{item}"))
    }
}

impl fmt::Display for ItemAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            ItemKey::Tag(tag) => write!(f, "{tag:02X}")?,
            ItemKey::Place(place) => write!(f, "@{place}")?,
        }
        if let Some(number) = self.number {
            write!(f, ":{number}")?;
        }
        self.part.map_or(Ok(()), |part| write!(f, "/{part:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_written_as_it_is_read() {
        for text in [
            "DF04/EF05",
            "SSSE/EF06/0A",
            "DF02/EF15/99:2",
            "DF02/EF15/99:2/10",
            "DF02/EF15/99/10",
            "DF03/EF19:4",
            "DF03/EF19:4/79/18",
            "DF02/EF07:1/@4",
            "DF02/EF07:+",
            "DF02/EF07:254",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let name = |text: &str| text.parse::<Address>().unwrap().name().to_string();
        assert_eq!(name("DF02/EF15/99:2/10"), "DF02/EF15/99");
        assert_eq!((name("DF03/EF19:4/79/18"), name("DF02/EF07:+")), ("DF03/EF19".into(), "DF02/EF07".into()));
    }

    #[test]
    fn what_is_no_place_says_so() {
        for text in [
            "",
            "DF04",
            "DF04/EF5",
            "DF04/EF05/",
            "DF04/EF05/8",
            "DF04/EF05/81:0",
            "DF04/EF05/81:",
            "DF04/EF05/81:01",
            "DF04/EF05/81:255",
            "DF04/EF05/81/1",
            "DF04/EF05/81/10/11",
            "DF04/EF05:/81",
            "DF04/EF05:-/81",
            "DF04/EF05/@0",
            "DF04/EF05/@",
        ] {
            assert_eq!(text.parse::<Address>(), Err(NameError(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", near in "(DF02/EF07)?[0-9A-F:/@+]{0,12}") {
            for text in [text, near] {
                if let Ok(address) = text.parse::<Address>() {
                    prop_assert_eq!(address.to_string(), text);
                }
            }
        }
    }
}
