//! From settings to a chip's content: records, diversified keys.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::fields::{HexBytes, Tag};
use super::file::{Card, ChipKind, Environment, File, Level, Psam, Roots};
use super::{CardImage, Content, Image, PsamImage, PsamKey, Quirks};
use crate::apdu::tlv;
use crate::cipher::{self, Algorithm, Factors, Key16, Unsupported};
use crate::virtual_card::errors::ImageError;
use crate::virtual_card::faults::Faults;
use crate::virtual_card::{IRK_ID, RKSSSE_ID};

/// Bytes of 姓名 and of its extension (card-facts §1.4).
const NAME: usize = 30;
const EXTENSION: usize = 20;
const EXTENSION_TAG: Tag = Tag(0x4E);
/// Bytes of 卡号.
const NUMBER: usize = 9;
/// Tries where an image says nothing.
const TRIES: u8 = 3;

/// What is missing, or cannot be.
enum Flaw {
    Missing(&'static str),
    /// A list names the tag of a record that the card does not have.
    NoRecord(&'static str, u8),
    Unsupported(Unsupported),
}

impl From<Unsupported> for Flaw {
    fn from(unsupported: Unsupported) -> Self {
        Self::Unsupported(unsupported)
    }
}

/// Builds the image of the file `name`.
pub(super) fn image(name: &str, file: File) -> Result<Image, ImageError> {
    assemble(file).map_err(|flaw| match flaw {
        Flaw::Missing(what) => ImageError::Missing { file: name.to_owned(), what },
        Flaw::NoRecord(list, tag) => ImageError::NoRecord { file: name.to_owned(), list, tag },
        Flaw::Unsupported(unsupported) => ImageError::Unsupported { file: name.to_owned(), unsupported },
    })
}

fn assemble(file: File) -> Result<Image, Flaw> {
    let historical = *file.historical.as_ref().ok_or(Flaw::Missing("historical"))?.0;
    let faults = faults(&file)?;
    let psam_file = file.psam_image.clone();
    let content = match file.chip.ok_or(Flaw::Missing("chip"))? {
        ChipKind::Card => Content::Card(Box::new(card(file, historical)?)),
        ChipKind::Psam => Content::Psam(Box::new(psam(&file)?)),
        ChipKind::Other => Content::Other,
    };
    Ok(Image { historical, content, faults, psam_file, psam: None })
}

fn faults(file: &File) -> Result<Faults, Flaw> {
    let settings = &file.faults;
    let status = match (settings.status.at, settings.status.sw) {
        (None, None) => None,
        (Some(at), Some(sw)) => Some((at, sw.0)),
        (None, Some(_)) => return Err(Flaw::Missing("faults.status.at")),
        (Some(_), None) => return Err(Flaw::Missing("faults.status.sw")),
    };
    let late = settings.late_ms.map(std::time::Duration::from_millis);
    Ok(Faults { remove_at: settings.remove_at, late, status })
}

fn card(file: File, historical: [u8; 13]) -> Result<CardImage, Flaw> {
    let algorithm = file.card.algorithm.ok_or(Flaw::Missing("card.algorithm"))?;
    let identifier = file.card.identifier.as_ref().ok_or(Flaw::Missing("card.identifier"))?;
    let mut card_factor = [0; 8];
    card_factor.copy_from_slice(&historical[5..13]);
    let factors = Factors::new([identifier.0[0], identifier.0[1], identifier.0[2]], card_factor);
    let forged = file.faults.forged == Some(true);
    let key = |root: &Option<Key16>, what| -> Result<Key16, Flaw> {
        let root = root.as_ref().ok_or(Flaw::Missing(what))?;
        let path = factors.descending();
        // A forger has the card's data but not the issuer's root: one diversification too few.
        let path = if forged { &path[..2] } else { &path[..] };
        Ok(cipher::diversify_by(algorithm, root, path)?)
    };
    let roots = roots(&file, algorithm)?;
    extension_named(&file)?;
    Ok(CardImage {
        irk: key(&roots.irk, "the root key irk")?,
        rkssse: key(&roots.rkssse, "the root key rkssse")?,
        algorithm,
        generation: generation(&file.card)?,
        key_tries: file.card.key_tries.map_or(TRIES, |tries| tries.0),
        ef05: ef05(&file)?,
        ef06: ef06(&file)?,
        pin: file.pin.digits.as_ref().map(|pin| pin.0.clone()),
        pin_tries: file.pin.tries.map_or(TRIES, |tries| tries.0),
        quirks: Quirks {
            exact_le: file.quirks.wrong_le == Some(true),
            no_whole_file: file.quirks.no_whole_file == Some(true),
            no_algorithm_in_fci: file.quirks.no_algorithm_in_fci == Some(true),
            blocked: file.faults.blocked == Some(true),
            application_locked: file.faults.application_locked == Some(true),
        },
    })
}

fn roots(file: &File, algorithm: Algorithm) -> Result<&Roots, Flaw> {
    match algorithm {
        Algorithm::TripleDes => Ok(&file.keys.des),
        Algorithm::Sm4 => Ok(&file.keys.sm4),
        Algorithm::Ssf33 => Err(Unsupported(algorithm).into()),
    }
}

fn generation(card: &Card) -> Result<u8, Flaw> {
    card.version.as_ref().and_then(|version| version.0.first().copied()).ok_or(Flaw::Missing("card.version"))
}

fn ef05(file: &File) -> Result<Vec<Zeroizing<Vec<u8>>>, Flaw> {
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

fn ef06(file: &File) -> Result<Vec<Zeroizing<Vec<u8>>>, Flaw> {
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

fn need<'a, T>(setting: &'a Option<T>, what: &'static str) -> Result<&'a T, Flaw> {
    setting.as_ref().ok_or(Flaw::Missing(what))
}

/// The records' bytes, with what the image replaces, leaves unpersonalised, or spoils.
fn encode(file: &File, records: impl IntoIterator<Item = (u8, Vec<u8>)>) -> Vec<Zeroizing<Vec<u8>>> {
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
            // A length beyond any of the card's files.
            record[1] = 0xF0;
        }
        record
    };
    let there = |(tag, _): &(u8, Vec<u8>)| !listed(&file.quirks.missing, *tag);
    records.into_iter().filter(there).map(encode_one).collect()
}

fn psam(file: &File) -> Result<PsamImage, Flaw> {
    let settings = &file.psam;
    let mut environments = BTreeMap::new();
    for (algorithm, environment) in [(Algorithm::TripleDes, &settings.des), (Algorithm::Sm4, &settings.sm4)] {
        if environment.present == Some(true) {
            environments.insert(algorithm, psam_keys(file, algorithm, environment)?);
        }
    }
    Ok(PsamImage {
        public: public(settings)?,
        terminal: *need(&settings.terminal_number, "psam.terminal_number")?.0,
        environments,
    })
}

/// 公共信息: issuer, PSAM serial, version, key card type, FCI data (card-facts §4.3).
fn public(settings: &Psam) -> Result<[u8; 15], Flaw> {
    let mut bytes = [0; 15];
    bytes[0] = 0x01;
    bytes[1..11].copy_from_slice(&need(&settings.serial, "psam.serial")?.0[..]);
    bytes[11] = 0x01;
    Ok(bytes)
}

fn psam_keys(file: &File, algorithm: Algorithm, environment: &Environment) -> Result<BTreeMap<u8, PsamKey>, Flaw> {
    let region = *need(&file.psam.region, "psam.region")?.0;
    let roots = roots(file, algorithm)?;
    let mut keys = BTreeMap::new();
    for (id, root, level) in [(IRK_ID, &roots.irk, environment.irk), (RKSSSE_ID, &roots.rkssse, environment.rkssse)] {
        let levels = match level.unwrap_or(Level::Absent) {
            Level::Absent => continue,
            Level::City => 1,
            Level::Provincial => 2,
            Level::National => 3,
        };
        let root = need(root, "a root key of the PSAM")?;
        let down = Factors::new(region, [0; 8]).descending();
        let key = cipher::diversify_by(algorithm, root, &down[..3 - usize::from(levels)])?;
        keys.insert(id, PsamKey { key, levels });
    }
    Ok(keys)
}
