//! From settings to a chip's content: files, diversified keys.

mod account;
mod bank;
mod card;
mod files;
mod holder;
mod psam;
mod value;

use std::sync::LazyLock;

use super::fields::CipherName;
use super::file::{ChipKind, File, Roots};
use super::{Content, Image};
use crate::cipher::{Key16, Unsupported};
use crate::profile::{KeyRole, Profile};
use crate::reader::Interface;
use crate::virtual_card::card::Atrs;
use crate::virtual_card::errors::ImageError;
use crate::virtual_card::faults::Faults;

/// The built-in profile, read once: images are loaded by the dozen.
static PROFILE: LazyLock<Profile> = LazyLock::new(Profile::builtin);

/// What is missing, or cannot be.
enum Flaw {
    Missing(&'static str),
    /// A list names the tag of a record that the card does not have.
    NoRecord(&'static str, u8),
    /// What cannot be, and where it is set.
    Wrong(String, &'static str),
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
        Flaw::Wrong(place, what) => ImageError::Wrong { file: name.to_owned(), place, what },
        Flaw::Unsupported(unsupported) => ImageError::Unsupported { file: name.to_owned(), unsupported },
    })
}

fn assemble(file: File) -> Result<Image, Flaw> {
    let historical = *file.historical.as_ref().ok_or(Flaw::Missing("historical"))?.0;
    let faults = faults(&file)?;
    let atrs = atrs(&file, &historical)?;
    let psam_file = file.psam_image.clone();
    let content = match file.chip.ok_or(Flaw::Missing("chip"))? {
        ChipKind::Card => Content::Card(card::card(file, historical)?.into()),
        ChipKind::Psam => Content::Psam(Box::new(psam::psam(&file)?)),
        ChipKind::Other => Content::Other,
    };
    Ok(Image { atrs, content, faults, psam_file, psam: None })
}

fn faults(file: &File) -> Result<Faults, Flaw> {
    let settings = &file.faults;
    let both = |at: Option<u32>, there: bool, missing: [&'static str; 2]| match (at, there) {
        (None, true) => Err(Flaw::Missing(missing[0])),
        (Some(_), false) => Err(Flaw::Missing(missing[1])),
        _ => Ok(()),
    };
    let (status, answer) = (&settings.status, &settings.answer);
    both(status.at, status.sw.is_some(), ["faults.status.at", "faults.status.sw"])?;
    both(answer.at, answer.data.is_some(), ["faults.answer.at", "faults.answer.data"])?;
    Ok(Faults {
        remove_at: settings.remove_at,
        torn: settings.torn.unwrap_or_default(),
        late: settings.late_ms.map(std::time::Duration::from_millis),
        status: status.at.zip(status.sw.map(|status| status.0)),
        answer: answer.at.zip(answer.data.as_ref().map(|data| data.0.clone())),
    })
}

/// By contacts T=0 only, F=372 and D=1, 13 historical bytes (card-facts §8). Without, as PC/SC makes it of an ATS: T=0
/// and T=1 named, its historical bytes, a check byte.
fn atrs(file: &File, historical: &[u8; 13]) -> Result<Atrs, Flaw> {
    let contactless = file.interface.map(Interface::from) == Some(Interface::Contactless);
    let own = file.atr.contactless.as_ref().map_or(&historical[..], |own| &own.0[..]);
    let usual = if contactless {
        let count = u8::try_from(own.len()).ok().filter(|count| *count <= 15);
        let count = count.ok_or_else(|| Flaw::Wrong("atr.contactless".into(), "more than 15 bytes"))?;
        let body = [&[0x80 | count, 0x80, 0x01], own].concat();
        let check = body.iter().fold(0, |check, byte| check ^ byte);
        [&[0x3B], &body[..], &[check]].concat()
    } else {
        [&[0x3B, 0x6D, 0x00, 0x00], &historical[..]].concat()
    };
    let named = |setting: &Option<super::fields::HexBytes>| {
        setting.as_ref().map_or_else(|| usual.clone(), |bytes| bytes.0.to_vec())
    };
    Ok(Atrs { cold: named(&file.atr.cold), warm: named(&file.atr.warm), is_warm: false })
}

fn roots(file: &File, cipher: CipherName) -> Result<&Roots, Flaw> {
    match cipher {
        CipherName::TripleDes => Ok(&file.keys.des),
        CipherName::StandIn => Ok(&file.keys.stand_in),
        CipherName::Sm4 => Ok(&file.keys.sm4),
        CipherName::Ssf33 => Err(Unsupported(cipher.algorithm()).into()),
    }
}

fn root<'a>(roots: &'a Roots, role: &KeyRole) -> Option<&'a Key16> {
    roots.get(&super::fields::Role(role.clone()))
}

fn need<'a, T>(setting: &'a Option<T>, what: &'static str) -> Result<&'a T, Flaw> {
    setting.as_ref().ok_or(Flaw::Missing(what))
}
