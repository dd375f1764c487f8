//! From records to values. Says which record is wrong, never what stands in it.

use jiff::civil::Date;

use super::CardError;
use super::data::{CardFile, Holder};
use crate::apdu::tlv::Record;
use crate::value::{BcdError, CardIdentifier, CardNumber, PersonName, Region, SocialSecurityNumber, bcd};

/// The records of one file, with the file's name for mistakes.
pub(super) struct Records<'a> {
    pub(super) file: &'static str,
    pub(super) records: &'a [Record],
}

impl Records<'_> {
    /// The value of the first record with this tag.
    fn value(&self, tag: u8) -> Option<&[u8]> {
        self.records.iter().find(|record| record.tag == tag).map(|record| record.value.as_slice())
    }

    /// A value that was written: there, not all FF, not all 00.
    fn written(&self, tag: u8) -> Option<&[u8]> {
        self.value(tag).filter(|value| !bcd::unwritten(value) && value.iter().any(|byte| *byte != 0))
    }

    fn garbled(&self, tag: u8, what: impl ToString) -> CardError {
        CardError::Garbled { file: self.file, tag, what: what.to_string() }
    }

    /// A date; `None` where nothing was written.
    fn date(&self, tag: u8) -> Result<Option<Date>, CardError> {
        let Some(value) = self.written(tag) else { return Ok(None) };
        bcd::date(value).map_err(|error| self.garbled(tag, error))
    }

    /// A code of one character, padding behind it ignored.
    fn code(&self, tag: u8) -> Result<Option<char>, CardError> {
        let Some(value) = self.written(tag) else { return Ok(None) };
        match value {
            [0x20, rest @ ..] if rest.iter().all(is_padding) => Ok(None),
            [code, rest @ ..] if code.is_ascii_alphanumeric() && rest.iter().all(is_padding) => {
                Ok(Some(char::from(*code)))
            }
            _ => Err(self.garbled(tag, "not a code of one character")),
        }
    }

    /// Packed digits, as many as there are.
    fn digits(&self, tag: u8, bytes: usize) -> Result<Option<String>, CardError> {
        let Some(value) = self.written(tag) else { return Ok(None) };
        if value.len() != bytes {
            return Err(self.garbled(tag, BcdError::Length(value.len())));
        }
        bcd::digits(value).map(Some).map_err(|error| self.garbled(tag, error))
    }
}

fn is_padding(byte: &u8) -> bool {
    matches!(byte, 0x00 | 0x20 | 0xFF)
}

/// The version's four characters, `3.00`; the first decides.
pub(super) fn version(records: &Records<'_>) -> Result<String, CardError> {
    let value = records.written(0x03).ok_or(CardError::Version)?;
    let end = value.iter().rposition(|byte| !is_padding(byte)).map_or(0, |last| last + 1);
    let text = &value[..end];
    if text.is_empty() || text.len() > 4 || !text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
        return Err(CardError::Version);
    }
    // Only ASCII is left.
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// The card's identifier, needed before any key can be named.
pub(super) fn identifier(records: &Records<'_>) -> Result<CardIdentifier, CardError> {
    records.value(0x01).and_then(|value| CardIdentifier::parse(value).ok()).ok_or(CardError::Identifier)
}

/// EF05 (card-facts §1.3).
pub(super) fn card_file(records: &Records<'_>) -> Result<CardFile, CardError> {
    let number = records.written(0x07).map(CardNumber::parse).transpose()?;
    Ok(CardFile {
        identifier: identifier(records)?,
        category: records.code(0x02)?,
        version: version(records)?,
        issuer: issuer(records)?,
        issued: records.date(0x05)?,
        expires: records.date(0x06)?,
        number,
    })
}

/// 初始化机构编号: 24 digits; a nibble that is none is kept as on the card, since nothing is decided by it.
fn issuer(records: &Records<'_>) -> Result<Option<String>, CardError> {
    match records.written(0x04) {
        None => Ok(None),
        Some(value) if value.len() == 12 => Ok(Some(hex::encode_upper(value))),
        Some(value) => Err(records.garbled(0x04, BcdError::Length(value.len()))),
    }
}

/// EF06 (card-facts §1.4).
pub(super) fn holder(records: &Records<'_>) -> Result<Holder, CardError> {
    // An extension of nothing is no name: a part must not pass for the whole.
    let name = match records.written(0x09) {
        None => None,
        Some(name) => PersonName::parse(name, records.value(0x4E).unwrap_or(&[]))?,
    };
    let birth_place = match records.written(0x0C) {
        None => None,
        Some(value) => Region::from_bcd(value).map_err(|error| records.garbled(0x0C, error))?,
    };
    Ok(Holder {
        number: records.value(0x08).map(SocialSecurityNumber::parse).transpose()?.flatten(),
        name,
        sex: records.code(0x0A)?,
        ethnicity: records.digits(0x0B, 1)?,
        birth_place,
        birth_date: records.date(0x0D)?,
    })
}
