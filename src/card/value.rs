//! An item's value: from the bytes on the card by its form, and back (card-facts §1.2, §1.6, §1.7).

use std::fmt;

use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::profile::{Form, Item, Revision};
use crate::value::{bcd, gb18030};

/// One item of a file, or one part of an item. Prints without its value, which is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// The item's tag; `None` in records without tags.
    pub tag: Option<u8>,
    /// The item's name, where the standard's is known.
    pub name: Option<String>,
    /// What the card holds.
    pub content: Content,
}

/// What an item holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing: the card has no such record, or it was left as it was made.
    Empty,
    /// Characters, the padding behind them taken away.
    Text(Zeroizing<String>),
    /// Decimal digits, the padding behind them taken away.
    Digits(Zeroizing<String>),
    /// A binary number of at most four bytes, the highest first.
    Number(u32),
    /// Bytes as on the card.
    Bytes(Zeroizing<Vec<u8>>),
    /// The parts of a B-TLV item in the order of the profile.
    Parts(Vec<Value>),
    /// Bytes of a 1.0 card under a tag that had another meaning then, which is not publicly known (card-facts §1.7).
    Former(Zeroizing<Vec<u8>>),
}

/// Why bytes are no value of their form, or a text none. Says what kind, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Text that is not GB18030.
    #[error("not GB18030 text")]
    Text,
    /// A nibble that is neither a digit nor final padding.
    #[error("not decimal digits")]
    Digits,
    /// Text that is not hexadecimal.
    #[error("not hexadecimal")]
    Hex,
    /// More than the item holds.
    #[error("longer than the item's {0} bytes")]
    Long(u8),
    /// A part that the profile does not know, or one that is cut off.
    #[error("its parts are not as the profile has them")]
    Parts,
    /// It is named twice.
    #[error("it is named twice")]
    Twice,
    /// On a card of 1.0 it leaves no room for the marker of its meaning of 2.0.
    #[error("it leaves no room for the marker that a card of 1.0 needs")]
    Marker,
    /// On a card of 1.0 it has its meaning of 2.0 with this other item alone, which still has its former one.
    #[error("it has this meaning only where {0:02X} has its new one: write both")]
    Leader(u8),
    /// On a card of 1.0 this other item would get its meaning of 2.0 with it, and holds a value of its former one.
    #[error("{0:02X} would get its new meaning with it: write both")]
    Follower(u8),
}

/// What may stand behind characters (card-facts §8).
const PADDING: [u8; 3] = [0x00, 0x20, 0xFF];
/// What stands behind a value of a 1.0 card that was written with the meaning of 2.0.
const REMADE: u8 = 0xEE;

/// Whether a value of a 1.0 card ends with the marker of the meaning of 2.0.
pub(super) fn is_remade(bytes: &[u8]) -> bool {
    bytes.last() == Some(&REMADE)
}

impl Value {
    /// The value of an item that the card does not have.
    pub(super) fn none(item: &Item) -> Self {
        Self { tag: item.tag, name: item.name.clone(), content: Content::Empty }
    }

    /// An item's bytes by its form.
    pub(super) fn read(item: &Item, bytes: &[u8]) -> Result<Self, ValueError> {
        let content = if bcd::unwritten(bytes) { Content::Empty } else { content(item, bytes)? };
        Ok(Self { tag: item.tag, name: item.name.clone(), content })
    }

    /// As [`read`](Self::read), of a 1.0 card: `remade` says whether the tag has its meaning of 2.0.
    pub(super) fn read_revised(item: &Item, bytes: &[u8], remade: bool) -> Result<Self, ValueError> {
        if bcd::unwritten(bytes) {
            return Ok(Self::none(item));
        }
        if !remade {
            let former = Content::Former(Zeroizing::new(bytes.to_vec()));
            return Ok(Self { tag: item.tag, name: None, content: former });
        }
        let end = bytes.iter().rposition(|byte| *byte != REMADE).map_or(0, |last| last + 1);
        let mut value = Zeroizing::new(bytes[..end].to_vec());
        // Digits of an odd number leave the marker's first nibble in their last byte.
        if let (Form::Cn, Some(last)) = (item.form, value.last_mut())
            && *last & 0x0F == REMADE & 0x0F
        {
            *last |= 0x0F;
        }
        if value.is_empty() { Ok(Self::none(item)) } else { Self::read(item, &value) }
    }

    /// The object that is printed: `tag`, `name` and `value`, starred without `unmask`; `former` where the tag had
    /// another meaning.
    pub(super) fn to_json(&self, unmask: bool) -> Json {
        let tag = self.tag.map(|tag| format!("{tag:02X}"));
        let mut shown = json!({ "tag": tag, "name": self.name, "value": self.content.to_json(unmask) });
        if matches!(self.content, Content::Former(_)) {
            shown["former"] = json!(true);
        }
        shown
    }
}

impl Content {
    fn to_json(&self, unmask: bool) -> Json {
        let see = |text: &str| if unmask { text.to_owned() } else { star(text) };
        match self {
            Self::Empty => Json::Null,
            Self::Text(text) | Self::Digits(text) => json!(see(text)),
            Self::Number(number) if unmask => json!(number),
            Self::Number(_) => json!("*"),
            Self::Bytes(bytes) | Self::Former(bytes) => json!(see(&hex::encode_upper(bytes))),
            Self::Parts(parts) => parts.iter().map(|part| part.to_json(unmask)).collect(),
        }
    }
}

/// Every letter and digit starred, so that the form shows and nothing else.
pub(super) fn star(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() { '*' } else { c }).collect()
}

/// Whether an item of a card of this generation can have this value. What a tag of a 1.0 card meant before is not known,
/// and what no item is known of may be anything.
pub(super) fn is_sound(item: Option<&Item>, generation: u8, bytes: &[u8]) -> bool {
    let Some(item) = item else { return true };
    let inside = |bytes: &[u8]| {
        let end = bytes.iter().rposition(|byte| !PADDING.contains(byte)).map_or(0, |last| last + 1);
        !bytes[..end].contains(&0x00)
    };
    match (generation, item.revision) {
        (1, Some(Revision::Marked)) if is_remade(bytes) => Value::read_revised(item, bytes, true).is_ok(),
        (1, Some(_)) => true,
        _ => Value::read(item, bytes).is_ok() && (item.form != Form::An || inside(bytes)),
    }
}

fn content(item: &Item, bytes: &[u8]) -> Result<Content, ValueError> {
    if !item.parts.is_empty() {
        return parts(item, bytes);
    }
    match item.form {
        Form::An => {
            let end = bytes.iter().rposition(|byte| !PADDING.contains(byte)).map_or(0, |last| last + 1);
            match end {
                0 => Ok(Content::Empty),
                end => gb18030::decode(&bytes[..end]).map(Content::Text).ok_or(ValueError::Text),
            }
        }
        Form::Cn => digits(bytes).map(Content::Digits),
        Form::B => Ok(match bytes {
            [_, ..] if bytes.len() <= 4 => {
                Content::Number(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
            }
            _ => Content::Bytes(Zeroizing::new(bytes.to_vec())),
        }),
    }
}

/// The parts of a B-TLV item: one byte of tag and one of length each, whatever BER would make of the tag.
fn parts(item: &Item, bytes: &[u8]) -> Result<Content, ValueError> {
    let mut found: Vec<Value> = item.parts.iter().map(Value::none).collect();
    let mut rest = bytes;
    loop {
        match rest {
            // Unwritten memory behind the last part.
            [] | [0x00 | 0xFF, ..] => break,
            [tag, length, tail @ ..] if tail.len() >= usize::from(*length) => {
                let (value, after) = tail.split_at(usize::from(*length));
                let at = item.parts.iter().position(|part| part.tag == Some(*tag)).ok_or(ValueError::Parts)?;
                found[at] = Value::read(&item.parts[at], value)?;
                rest = after;
            }
            _ => return Err(ValueError::Parts),
        }
    }
    let empty = found.iter().all(|part| part.content == Content::Empty);
    Ok(if empty { Content::Empty } else { Content::Parts(found) })
}

fn digits(bytes: &[u8]) -> Result<Zeroizing<String>, ValueError> {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    let mut padding = false;
    for nibble in nibbles {
        match nibble {
            0..=9 if !padding => text.push(char::from(b'0' + nibble)),
            0x0F => padding = true,
            _ => return Err(ValueError::Digits),
        }
    }
    Ok(text)
}

/// An item's value where nothing is known of it: filled as its form is, its parts empty and in their order.
pub(super) fn blank(item: &Item) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(item.length.into()));
    if item.parts.is_empty() {
        bytes.resize(item.length.into(), filler(item.form));
    }
    for part in &item.parts {
        // The loader lets no part be without a tag.
        bytes.extend([part.tag.unwrap_or_default(), part.length]);
        let end = bytes.len() + usize::from(part.length);
        bytes.resize(end, filler(part.form));
    }
    bytes
}

/// Whether nothing was ever written there.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0x00) || bcd::unwritten(bytes)
}

/// The value of a B-TLV item with each of its parts in its place and of its length.
pub(super) fn reordered(item: &Item, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, ValueError> {
    let mut whole = blank(item);
    let mut rest = bytes;
    loop {
        match rest {
            [] | [0x00 | 0xFF, ..] => return Ok(whole),
            [tag, length, tail @ ..] => {
                let (value, after) = tail.split_at_checked((*length).into()).ok_or(ValueError::Parts)?;
                let part = item.parts.iter().find(|part| part.tag == Some(*tag));
                let part = part.filter(|part| value.len() <= part.length.into()).ok_or(ValueError::Parts)?;
                let at = offset_of(item, *tag);
                whole[at..at + usize::from(part.length)].fill(filler(part.form));
                whole[at..at + value.len()].copy_from_slice(value);
                rest = after;
            }
            [_] => return Err(ValueError::Parts),
        }
    }
}

/// Where the value of a part begins in an item whose parts all are in their places.
pub(super) fn offset_of(item: &Item, tag: u8) -> usize {
    let before = item.parts.iter().take_while(|part| part.tag != Some(tag));
    before.map(|part| usize::from(part.length) + 2).sum::<usize>() + 2
}

/// What fills a value up (card-facts §1.2).
fn filler(form: Form) -> u8 {
    match form {
        Form::An | Form::B => 0x00,
        Form::Cn => 0xFF,
    }
}

/// The bytes that write `text` into an item, filled to its length (card-facts §1.2). Binary items, and those with parts,
/// are written as hexadecimal.
///
/// A reused tag of a card of the first generation is written with its meaning of 2.0, which the marker behind it tells.
pub(super) fn encode(item: &Item, generation: u8, text: &str) -> Result<Zeroizing<Vec<u8>>, ValueError> {
    let (bytes, filler) = match item.form {
        _ if !item.parts.is_empty() => (unhex(text)?, 0xFF),
        Form::An => (gb18030::encode(text).ok_or(ValueError::Text)?, filler(Form::An)),
        Form::Cn => (packed(text)?, filler(Form::Cn)),
        Form::B => (unhex(text)?, filler(Form::B)),
    };
    let length = usize::from(item.length);
    if bytes.len() > length {
        return Err(ValueError::Long(item.length));
    }
    if generation == 1 && item.revision == Some(Revision::Marked) {
        return marked(&bytes, length, item.form);
    }
    if !item.parts.is_empty() {
        content(item, &bytes)?;
    }
    if item.form == Form::B && item.parts.is_empty() && bytes.len() != length {
        return Err(ValueError::Hex);
    }
    let mut padded = Zeroizing::new(vec![filler; length]);
    padded[..bytes.len()].copy_from_slice(&bytes);
    Ok(padded)
}

/// A value with the marker behind it: filled with nibbles E, a whole byte of them at least (card-facts §1.7).
fn marked(bytes: &[u8], length: usize, form: Form) -> Result<Zeroizing<Vec<u8>>, ValueError> {
    // Behind characters that end so, where the marker begins could not be told.
    if bytes.len() >= length || is_remade(bytes) {
        return Err(ValueError::Marker);
    }
    let mut whole = Zeroizing::new(vec![REMADE; length]);
    whole[..bytes.len()].copy_from_slice(bytes);
    if let (Form::Cn, Some(last)) = (form, whole[..bytes.len()].last_mut())
        && *last & 0x0F == 0x0F
    {
        *last = *last & 0xF0 | REMADE & 0x0F;
    }
    Ok(whole)
}

fn unhex(text: &str) -> Result<Zeroizing<Vec<u8>>, ValueError> {
    hex::decode(text).map(Zeroizing::new).map_err(|_| ValueError::Hex)
}

/// Digits two a byte, the last nibble F where their number is odd.
fn packed(text: &str) -> Result<Zeroizing<Vec<u8>>, ValueError> {
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(ValueError::Digits);
    }
    let nibble = |digit: Option<&u8>| digit.map_or(0x0F, |digit| digit - b'0');
    Ok(Zeroizing::new(text.as_bytes().chunks(2).map(|two| nibble(two.first()) << 4 | nibble(two.get(1))).collect()))
}

/// The tag and what kind of value, never the value.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X?}={:?}", self.tag, self.content)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Text(_) => f.write_str("Text"),
            Self::Digits(_) => f.write_str("Digits"),
            Self::Number(_) => f.write_str("Number"),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Parts(parts) => f.debug_list().entries(parts).finish(),
            Self::Former(bytes) => write!(f, "Former({} bytes)", bytes.len()),
        }
    }
}
