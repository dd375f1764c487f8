//! EF05 and EF06 of the environment, from `[card]` and `[holder]` (card-facts §1.3, §1.4).

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Flaw, need};
use crate::apdu::tlv;
use crate::virtual_card::image::fields::{HexBytes, Tag};
use crate::virtual_card::image::file::{Card, File};
use crate::virtual_card::memory::Bytes;

/// Bytes of 姓名 and of its extension (card-facts §1.4).
const NAME: usize = 30;
const EXTENSION: usize = 20;
const EXTENSION_TAG: Tag = Tag(0x4E);
/// Bytes of 卡号.
const NUMBER: usize = 9;

/// The first character of 规范版本.
pub(super) fn generation(card: &Card) -> Result<u8, Flaw> {
    card.version.as_ref().and_then(|version| version.0.first().copied()).ok_or(Flaw::Missing("card.version"))
}

pub(super) fn ef05(file: &File) -> Result<Vec<Bytes>, Flaw> {
    let card = &file.card;
    let mut number = need(&card.number, "card.number")?.0.clone();
    number.resize(card.number_length.map_or(NUMBER, |length| length.0.into()), 0);
    let records = [
        (0x01, need(&card.identifier, "card.identifier")?.0.to_vec()),
        (0x02, need(&card.category, "card.category")?.0.to_vec()),
        (0x03, need(&card.version, "card.version")?.0.to_vec()),
        (0x04, need(&card.issuer, "card.issuer")?.0.to_vec()),
        (0x05, need(&card.issued, "card.issued")?.0.to_vec()),
        (0x06, need(&card.expires, "card.expires")?.0.to_vec()),
        (0x07, number.to_vec()),
    ];
    Ok(encode(file, records))
}

pub(super) fn ef06(file: &File) -> Result<Vec<Bytes>, Flaw> {
    extension_named(file)?;
    let holder = &file.holder;
    let padding = file.quirks.padding.map_or(0x00, |byte| byte.0);
    let mut name = need(&holder.name, "holder.name")?.0.clone();
    name.resize(NAME + EXTENSION, padding);
    let extension = has_extension(file)?;
    let records = [
        (0x08, need(&holder.social_security_number, "holder.social_security_number")?.0.to_vec()),
        (0x09, name[..NAME].to_vec()),
        (0x4E, name[NAME..].to_vec()),
        (0x0A, need(&holder.sex, "holder.sex")?.0.to_vec()),
        (0x0B, need(&holder.ethnicity, "holder.ethnicity")?.0.to_vec()),
        (0x0C, need(&holder.birth_place, "holder.birth_place")?.0.to_vec()),
        (0x0D, need(&holder.birth_date, "holder.birth_date")?.0.to_vec()),
    ];
    Ok(encode(file, records.into_iter().filter(|(tag, _)| *tag != 0x4E || extension)))
}

/// 4E is new in 2.0 (card-facts §1.4).
fn has_extension(file: &File) -> Result<bool, Flaw> {
    Ok(generation(&file.card)? != b'1' && file.quirks.no_4e != Some(true))
}

/// Whether something is set of 4E where the card has none: every other record that can be named is there.
fn extension_named(file: &File) -> Result<(), Flaw> {
    let quirks = &file.quirks;
    let named = |list: &Option<Vec<Tag>>| list.as_ref().is_some_and(|tags| tags.contains(&EXTENSION_TAG));
    let lists = [
        ("raw", file.raw.as_ref().is_some_and(|raw| raw.contains_key(&EXTENSION_TAG))),
        ("quirks.missing", named(&quirks.missing)),
        ("quirks.unpersonalised", named(&quirks.unpersonalised)),
        ("quirks.garbled", named(&quirks.garbled)),
    ];
    match lists.iter().find(|(_, names)| *names) {
        Some((list, _)) if !has_extension(file)? => Err(Flaw::NoRecord(list, EXTENSION_TAG.0)),
        _ => Ok(()),
    }
}

/// The records' bytes, with what the image replaces, leaves unpersonalised, or spoils.
fn encode(file: &File, records: impl IntoIterator<Item = (u8, Vec<u8>)>) -> Vec<Bytes> {
    let listed = |list: &Option<Vec<Tag>>, tag| list.as_ref().is_some_and(|tags| tags.contains(&Tag(tag)));
    let replaced = |tag| file.raw.as_ref().and_then(|raw: &BTreeMap<Tag, HexBytes>| raw.get(&Tag(tag)));
    let encode_one = |(tag, mut value): (u8, Vec<u8>)| {
        if let Some(HexBytes(raw)) = replaced(tag) {
            value = raw.to_vec();
        }
        if listed(&file.quirks.unpersonalised, tag) {
            value.fill(0xFF);
        }
        let mut record = Zeroizing::new(tlv::record_bytes(tag, &value));
        if listed(&file.quirks.garbled, tag) {
            record[1] = super::files::GARBLED;
        }
        record
    };
    let there = |(tag, _): &(u8, Vec<u8>)| !listed(&file.quirks.missing, *tag);
    records.into_iter().filter(there).map(encode_one).collect()
}
