//! An item's value in bytes (card-facts §1.2).

use zeroize::Zeroizing;

use super::Flaw;
use crate::apdu::tlv;
use crate::profile::{Form, Item};
use crate::virtual_card::image::content::Value;
use crate::virtual_card::image::fields::Byte;
use crate::virtual_card::memory::Bytes;

/// What stands before bytes that are written as they are, whatever the item's form and length.
const EXACT: &str = "hex:";

/// The bytes of `value`, filled up to the item's length as its form has it; all FF where there is no value. `at` names
/// the place for a mistake.
pub(super) fn bytes(item: &Item, value: Option<&Value>, at: &str) -> Result<Bytes, Flaw> {
    match (value, item.parts.is_empty()) {
        (Some(Value::One(text)), _) if text.starts_with(EXACT) => exact(&text[EXACT.len()..], at),
        (Some(Value::One(text)), true) => filled(item, &of_form(item.form, text, at)?, at),
        (None, true) => Ok(Zeroizing::new(vec![0xFF; item.length.into()])),
        (None, false) => parts(item, &|_| None, at),
        (Some(Value::Parts(values)), false) => {
            let unknown = values.keys().find(|tag| !item.parts.iter().any(|part| part.tag == Some(tag.0)));
            match unknown {
                Some(tag) => Err(Flaw::Wrong(format!("{at}.{:02X}", tag.0), "the item has no such part")),
                None => parts(item, &|tag| values.get(&Byte(tag)), at),
            }
        }
        _ => Err(Flaw::Wrong(at.to_owned(), "a value of another shape than the item's")),
    }
}

/// B-TLV: one byte of tag and one of length before each part.
fn parts<'a>(item: &Item, value: &dyn Fn(u8) -> Option<&'a Value>, at: &str) -> Result<Bytes, Flaw> {
    let mut whole = Zeroizing::new(Vec::with_capacity(item.length.into()));
    for part in &item.parts {
        // The profile lets no part be without a tag.
        let tag = part.tag.unwrap_or_default();
        let bytes = bytes(part, value(tag), &format!("{at}.{tag:02X}"))?;
        whole.extend_from_slice(&record(tag, &bytes, at)?);
    }
    Ok(whole)
}

/// A record of tag, length and value.
pub(super) fn record(tag: u8, value: &[u8], at: &str) -> Result<Bytes, Flaw> {
    if value.len() > tlv::LONGEST_VALUE {
        return Err(Flaw::Wrong(at.to_owned(), "longer than a record can be"));
    }
    Ok(Zeroizing::new(tlv::record_bytes(tag, value)))
}

fn exact(text: &str, at: &str) -> Result<Bytes, Flaw> {
    let bytes = hex::decode(text).map(Zeroizing::new);
    bytes.map_err(|_| Flaw::Wrong(at.to_owned(), "not hexadecimal"))
}

fn of_form(form: Form, text: &str, at: &str) -> Result<Bytes, Flaw> {
    match form {
        Form::An => {
            let (bytes, _, unmappable) = encoding_rs::GB18030.encode(text);
            let bytes = Zeroizing::new(bytes.into_owned());
            if unmappable { Err(Flaw::Wrong(at.to_owned(), "not in GB18030")) } else { Ok(bytes) }
        }
        Form::Cn => {
            let odd = if text.len() % 2 == 1 { "F" } else { "" };
            exact(&Zeroizing::new([text, odd].concat()), at)
        }
        Form::B => exact(text, at),
    }
}

/// Characters are filled with 00 on the right, digits with F, binary is as long as it is to be.
fn filled(item: &Item, value: &[u8], at: &str) -> Result<Bytes, Flaw> {
    let length = usize::from(item.length);
    if value.len() > length || (item.form == Form::B && value.len() != length) {
        return Err(Flaw::Wrong(at.to_owned(), "not as long as the item"));
    }
    let mut filled = Zeroizing::new(value.to_vec());
    filled.resize(length, if item.form == Form::Cn { 0xFF } else { 0x00 });
    Ok(filled)
}

/// The bytes of `value` on a 1.0 card that was written with the meaning of 2.0: filled with E, and one byte of it at
/// least (card-facts §1.7).
pub(super) fn remade(item: &Item, value: Option<&Value>, at: &str) -> Result<Bytes, Flaw> {
    let Some(Value::One(text)) = value else {
        return Err(Flaw::Wrong(at.to_owned(), "remade without a value"));
    };
    let mut bytes = of_form(item.form, text, at)?;
    if let (Form::Cn, Some(last)) = (item.form, bytes.last_mut())
        && *last & 0x0F == 0x0F
    {
        *last &= 0xFE;
    }
    let least = bytes.len() + 1;
    bytes.resize(least.max(item.length.into()), 0xEE);
    Ok(bytes)
}
