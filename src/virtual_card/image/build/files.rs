//! What each file of a card holds.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Flaw, value};
use crate::apdu::tlv;
use crate::profile::{self, Item, Repeats, Structure};
use crate::virtual_card::image::content::{FileTable, Value};
use crate::virtual_card::image::fields::Byte;
use crate::virtual_card::memory::{Bytes, Content};

/// The length byte of a garbled record: beyond any of the card's files.
pub(super) const GARBLED: u8 = 0xF0;

/// The content of a file as the profile lays it out, filled from what the image says of it. `own` are records that come
/// from elsewhere, in place of the items'.
pub(super) fn content(
    file: &profile::File,
    generation: u8,
    table: &FileTable,
    own: Option<Vec<Bytes>>,
) -> Result<Content, Flaw> {
    let at = format!("files.{:?}", file.name.to_string());
    if let Some(setting) = foreign(file.structure, table) {
        return Err(Flaw::Wrong(format!("{at}.{setting}"), "what another structure has"));
    }
    Ok(match file.structure {
        Structure::Linear => {
            let records = match own {
                Some(own) => over(own, file, generation, table, &at)?,
                None => records(file, generation, table, &at)?,
            };
            let whole: usize =
                file.items_of(generation).map(|item| usize::from(item.count) * (2 + usize::from(item.length))).sum();
            let taken: usize = records.iter().map(|record| record.len()).sum();
            let capacity = table.capacity.map_or_else(|| whole.max(taken), usize::from);
            Content::Linear { records, capacity }
        }
        Structure::Fixed(_) => Content::Fixed { records: records(file, generation, table, &at)? },
        Structure::Cyclic(Repeats { records, length }) => {
            let list = table.records.as_deref().unwrap_or_default();
            let one = |(number, values): (usize, &Value)| {
                untagged(file, length, values, &format!("{at}.records {}", number + 1))
            };
            let list = list.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()?;
            if list.len() > usize::from(records) {
                return Err(Flaw::Wrong(format!("{at}.records"), "more than the file has"));
            }
            Content::Cyclic { records: list, most: records.into(), length: length.into() }
        }
        Structure::Transparent { size } => {
            let mut bytes = table.bytes.as_ref().map_or_else(Zeroizing::default, |bytes| bytes.0.clone());
            if bytes.len() > usize::from(size) {
                return Err(Flaw::Wrong(format!("{at}.bytes"), "longer than the file"));
            }
            bytes.resize(size.into(), 0x00);
            Content::Transparent(bytes)
        }
    })
}

/// What is set of the file that only files of another structure have.
fn foreign(structure: Structure, table: &FileTable) -> Option<&'static str> {
    let lists = [&table.missing, &table.unpersonalised, &table.garbled, &table.remade];
    let tagged = !table.items.is_empty() || lists.iter().any(|list| list.is_some());
    let (by_tag, cyclic, transparent) = match structure {
        Structure::Linear | Structure::Fixed(_) => (true, false, false),
        Structure::Cyclic(_) => (false, true, false),
        Structure::Transparent { .. } => (false, false, true),
    };
    let set = [
        ("items", tagged && !by_tag),
        ("records", table.records.is_some() && !cyclic),
        ("bytes", table.bytes.is_some() && !transparent),
        ("capacity", table.capacity.is_some() && structure != Structure::Linear),
    ];
    set.into_iter().find(|(_, wrong)| *wrong).map(|(setting, _)| setting)
}

/// The records of a file by its items, each as often as it is there.
fn records(file: &profile::File, generation: u8, table: &FileTable, at: &str) -> Result<Vec<Bytes>, Flaw> {
    let items: Vec<&Item> = file.items_of(generation).collect();
    known(&items, table, at)?;
    let mut records = Vec::new();
    for item in items {
        records.extend(records_of(item, table, at)?);
    }
    Ok(records)
}

/// Records that come from elsewhere, with what the image says of the file over them.
fn over(
    own: Vec<Bytes>,
    file: &profile::File,
    generation: u8,
    table: &FileTable,
    at: &str,
) -> Result<Vec<Bytes>, Flaw> {
    let there: Vec<&Item> =
        file.items_of(generation).filter(|item| own.iter().any(|record| record.first().copied() == item.tag)).collect();
    known(&there, table, at)?;
    let mut records = Vec::new();
    for record in own {
        let tag = Byte(record[0]);
        let named = table.items.contains_key(&tag) || listed(&table.missing, tag) || listed(&table.unpersonalised, tag);
        match file.item(tag.0).filter(|_| named || listed(&table.garbled, tag)) {
            Some(item) => records.extend(records_of(item, table, at)?),
            None => records.push(record),
        }
    }
    Ok(records)
}

/// Whether every tag that is named is one of the file's.
fn known(items: &[&Item], table: &FileTable, at: &str) -> Result<(), Flaw> {
    let lists = [&table.missing, &table.unpersonalised, &table.garbled, &table.remade];
    let named = table.items.keys().chain(lists.into_iter().flatten().flatten());
    for tag in named {
        if !items.iter().any(|item| item.tag == Some(tag.0)) {
            return Err(Flaw::Wrong(format!("{at}.{:02X}", tag.0), "the file has no such item"));
        }
    }
    Ok(())
}

fn listed(list: &Option<Vec<Byte>>, tag: Byte) -> bool {
    list.as_ref().is_some_and(|tags| tags.contains(&tag))
}

/// The records of one item.
fn records_of(item: &Item, table: &FileTable, at: &str) -> Result<Vec<Bytes>, Flaw> {
    let Some(tag) = item.tag else {
        return Err(Flaw::Wrong(at.to_owned(), "records without tags cannot be filled by tag"));
    };
    let at = format!("{at}.{tag:02X}");
    if listed(&table.missing, Byte(tag)) {
        return Ok(Vec::new());
    }
    let given = match table.items.get(&Byte(tag)) {
        Some(Value::Many(values)) => values.iter().collect(),
        one => Vec::from_iter(one),
    };
    if given.len() > usize::from(item.count) {
        return Err(Flaw::Wrong(at, "more often than it is there"));
    }
    let mut records = Vec::new();
    for number in 0..usize::from(item.count) {
        let given = given.get(number).copied();
        let mut value = match listed(&table.remade, Byte(tag)) {
            true => value::remade(item, given, &at)?,
            false => value::bytes(item, given, &at)?,
        };
        if listed(&table.unpersonalised, Byte(tag)) {
            value.fill(0xFF);
        }
        let mut record = value::record(tag, &value, &at)?;
        if listed(&table.garbled, Byte(tag)) {
            record[1] = GARBLED;
        }
        records.push(record);
    }
    Ok(records)
}

/// A record without tags: its items one behind the other, or bytes.
fn untagged(file: &profile::File, length: u8, values: &Value, at: &str) -> Result<Bytes, Flaw> {
    let record = match values {
        Value::Many(values) if values.len() == file.items.len() => {
            let mut record = Zeroizing::new(Vec::with_capacity(length.into()));
            for (item, value) in file.items.iter().zip(values) {
                record.extend_from_slice(&value::bytes(item, Some(value), at)?);
            }
            record
        }
        Value::One(text) => {
            Zeroizing::new(hex::decode(text.as_str()).map_err(|_| Flaw::Wrong(at.to_owned(), "not hexadecimal"))?)
        }
        _ => return Err(Flaw::Wrong(at.to_owned(), "as many values as the file has items, or bytes")),
    };
    if record.len() == usize::from(length) {
        Ok(record)
    } else {
        Err(Flaw::Wrong(at.to_owned(), "not as long as its records"))
    }
}

/// DIR: a template 61 of name and label for each directory that can be named (card-facts §1.1).
pub(super) fn dir<'a>(directories: impl Iterator<Item = &'a profile::Directory>) -> Vec<Bytes> {
    let entry = |directory: &profile::Directory| {
        let (label, _, _) = encoding_rs::GB18030.encode(&directory.label);
        let aid = tlv::record_bytes(0x4F, directory.aid.as_deref()?);
        Some(Zeroizing::new(tlv::record_bytes(0x61, &[aid, tlv::record_bytes(0x50, &label)].concat())))
    };
    directories.filter_map(entry).collect()
}

/// Every file that the image speaks of, by name.
pub(super) type Tables<'a> = BTreeMap<&'a profile::FileName, &'a FileTable>;
