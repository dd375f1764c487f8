//! What an image says of one file: `[files."DF04/EF05"]` with `81 = "…"`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::fields::{Blob, Byte};
use super::file::Over;
use crate::virtual_card::messaging::Messaging;

/// A value as the file writes it; its item says how it is read.
#[derive(Clone)]
pub(super) enum Value {
    /// Text, digits or hexadecimal, by the item's form; `hex:` before any bytes.
    One(Zeroizing<String>),
    /// Several under one tag, or the items of a record without tags.
    Many(Vec<Value>),
    /// The parts of a B-TLV item by their tags.
    Parts(BTreeMap<Byte, Value>),
}

/// One file: the values of its items, and what is wrong with them.
#[derive(Clone, Default)]
pub(super) struct FileTable {
    pub items: BTreeMap<Byte, Value>,
    /// The records of a file without tags, the newest first.
    pub records: Option<Vec<Value>>,
    /// The start of a transparent file; the rest is 00.
    pub bytes: Option<Blob>,
    /// Records that are not there.
    pub missing: Option<Vec<Byte>>,
    /// Records whose value is all FF.
    pub unpersonalised: Option<Vec<Byte>>,
    /// Records whose length byte is wrong.
    pub garbled: Option<Vec<Byte>>,
    /// Records of a 1.0 card written with the meaning of 2.0: filled with E.
    pub remade: Option<Vec<Byte>>,
    /// What UPDATE must bring.
    pub messaging: Option<Messaging>,
    /// The file is not there after all.
    pub absent: Option<bool>,
    /// Bytes for all records of a linear file.
    pub capacity: Option<u16>,
}

impl Over for FileTable {
    fn over(self, base: Self) -> Self {
        Self {
            items: self.items.over(base.items),
            records: self.records.or(base.records),
            bytes: self.bytes.or(base.bytes),
            missing: self.missing.or(base.missing),
            unpersonalised: self.unpersonalised.or(base.unpersonalised),
            garbled: self.garbled.or(base.garbled),
            remade: self.remade.or(base.remade),
            messaging: self.messaging.or(base.messaging),
            absent: self.absent.or(base.absent),
            capacity: self.capacity.or(base.capacity),
        }
    }
}

impl<'de> Deserialize<'de> for FileTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor)
    }
}

/// What a key of the table may be.
enum Key {
    Item(Byte),
    Setting(&'static str),
}

const SETTINGS: &[&str] =
    &["records", "bytes", "missing", "unpersonalised", "garbled", "remade", "messaging", "absent", "capacity"];

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tag or a setting of a file")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key, E> {
                let setting = SETTINGS.iter().find(|name| **name == text).map(|name| Key::Setting(name));
                let key = Byte::parse(text).map(Key::Item).or(setting);
                key.ok_or_else(|| {
                    E::custom(format_args!("{text:?} is neither a tag nor one of {}", SETTINGS.join(", ")))
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = FileTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file: values by tag, and its settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FileTable, A::Error> {
        let mut table = FileTable::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Item(tag) => {
                    table.items.insert(tag, map.next_value()?);
                }
                Key::Setting("records") => table.records = map.next_value()?,
                Key::Setting("bytes") => table.bytes = map.next_value()?,
                Key::Setting("missing") => table.missing = map.next_value()?,
                Key::Setting("unpersonalised") => table.unpersonalised = map.next_value()?,
                Key::Setting("garbled") => table.garbled = map.next_value()?,
                Key::Setting("remade") => table.remade = map.next_value()?,
                Key::Setting("messaging") => table.messaging = map.next_value()?,
                Key::Setting("absent") => table.absent = map.next_value()?,
                Key::Setting(_) => table.capacity = map.next_value()?,
            }
        }
        Ok(table)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list of values, or the parts of a value by tag")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::One(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Many(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut parts = BTreeMap::new();
        while let Some((tag, value)) = map.next_entry()? {
            parts.insert(tag, value);
        }
        Ok(Value::Parts(parts))
    }
}
