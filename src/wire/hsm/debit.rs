//! iDoDebit_HSM. What its strings look like is not publicly known (card-facts §4.5): a deployment's templates say it, and
//! this module is the one place that reads them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::dialect::DebitForm;
use super::fields::{Malformed, Text, Writer};
use super::{Address, Dialect};
use crate::cipher::Algorithm;

/// A string with named places: `{algorithm}|{key}|{random}|…`. Each place but `algorithm` and `key` has a fixed number of
/// hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// What can stand in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Algorithm,
    Key,
    /// A value of so many bytes.
    Bytes(&'static str, usize),
}

/// Every place of a fixed length: name and bytes.
const BYTES: [(&str, usize); 13] = [
    ("random", 4),
    ("sequence", 2),
    ("account", 4),
    ("self-pay", 4),
    ("pool", 4),
    ("type", 1),
    ("terminal", 6),
    ("time", 7),
    ("key-version", 1),
    ("identifier", 16),
    ("historical", 13),
    ("terminal-sequence", 4),
    ("mac1", 4),
];

/// What MAC1 is computed over and with (card-facts §4.4): without one of these no security module could.
const NEEDED: [&str; 8] = ["random", "sequence", "account", "self-pay", "pool", "type", "terminal", "time"];
/// What it answers.
const ANSWERED: [&str; 2] = ["terminal-sequence", "mac1"];

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace that opens nothing, or nothing closes.
    #[error("a place of a template is a name in braces")]
    Brace,
    /// A place that there is none of.
    #[error("there is no {0} to put into a template")]
    Unknown(String),
    /// Two places beside each other of which the first has no fixed length.
    #[error("{0} needs some text behind it, so that it can be told where it ends")]
    Endless(&'static str),
    /// A place of no fixed length, and behind it what could be a part of its value.
    #[error("what stands behind {0} begins with a letter or a digit: it cannot be told where {0} ends")]
    Blurred(&'static str),
    /// A place that is there twice: two values could stand in them.
    #[error("the template has {0} twice")]
    Twice(&'static str),
    /// A place that has to be there.
    #[error("the template has no {0}")]
    Missing(&'static str),
}

impl Place {
    fn of(name: &str) -> Option<Self> {
        match name {
            "algorithm" => Some(Self::Algorithm),
            "key" => Some(Self::Key),
            name => BYTES.into_iter().find(|(known, _)| *known == name).map(|(name, bytes)| Self::Bytes(name, bytes)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Bytes(name, _) => name,
        }
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (before, after) = rest.split_once('{').unwrap_or((rest, ""));
            if before.contains('}') || (before.len() < rest.len() && after.is_empty()) {
                return Err(TemplateError::Brace);
            }
            if !before.is_empty() {
                // Names of algorithms and addresses of keys are letters and digits.
                if is_endless(parts.last()) && before.starts_with(|first: char| first.is_ascii_alphanumeric()) {
                    return Err(TemplateError::Blurred(last_name(&parts)));
                }
                parts.push(Part::Text(before.to_owned()));
            }
            if after.is_empty() {
                break;
            }
            let (name, behind) = after.split_once('}').ok_or(TemplateError::Brace)?;
            let place = Place::of(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            if is_endless(parts.last()) {
                return Err(TemplateError::Endless(last_name(&parts)));
            }
            if parts.contains(&Part::Place(place)) {
                return Err(TemplateError::Twice(place.name()));
            }
            parts.push(Part::Place(place));
            rest = behind;
        }
        Ok(Self(parts))
    }
}

fn is_endless(part: Option<&Part>) -> bool {
    matches!(part, Some(Part::Place(Place::Algorithm | Place::Key)))
}

fn last_name(parts: &[Part]) -> &'static str {
    match parts.last() {
        Some(Part::Place(place)) => place.name(),
        _ => "",
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        text.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Place(place) => write!(f, "{{{}}}", place.name()),
        })
    }
}

impl Template {
    fn needs(&self, names: &[&'static str]) -> Result<(), TemplateError> {
        let has = |name: &str| self.0.iter().any(|part| matches!(part, Part::Place(place) if place.name() == name));
        names.iter().find(|name| !has(name)).map_or(Ok(()), |name| Err(TemplateError::Missing(name)))
    }

    /// Whether it has a place for the key's address.
    pub fn names_key(&self) -> bool {
        self.0.contains(&Part::Place(Place::Key))
    }

    fn print(&self, dialect: &Dialect, values: &Values<'_>) -> Text {
        let writer = self.0.iter().fold(Writer::new(), |writer, part| match part {
            Part::Text(text) => writer.text(text),
            Part::Place(Place::Algorithm) => writer.text(dialect.algorithm.print(values.algorithm)),
            Part::Place(Place::Key) => writer.text(values.key.map_or("", Address::as_str)),
            Part::Place(Place::Bytes(name, bytes)) => match values.value(name) {
                Some(value) => writer.hex(value),
                None => writer.hex(&vec![0; *bytes]),
            },
        });
        writer.done()
    }

    /// The values of the places of fixed length; `None` where the text is not of this form.
    fn parse(&self, text: &str) -> Option<Found> {
        let (mut found, mut rest) = (Found::default(), text);
        for (at, part) in self.0.iter().enumerate() {
            rest = match part {
                Part::Text(wanted) => rest.strip_prefix(wanted.as_str())?,
                Part::Place(Place::Bytes(name, bytes)) => {
                    let (digits, behind) = rest.split_at_checked(2 * bytes)?;
                    found.0.push((name, hex::decode(digits).ok()?));
                    behind
                }
                // The text behind it says where it ends; without one it is the rest.
                Part::Place(Place::Algorithm | Place::Key) => match self.0.get(at + 1) {
                    Some(Part::Text(end)) => &rest[rest.find(end.as_str())?..],
                    _ => "",
                },
            };
        }
        rest.is_empty().then_some(found)
    }
}

/// What is written.
struct Values<'a> {
    algorithm: Algorithm,
    key: Option<&'a Address>,
    bytes: &'a [(&'static str, &'a [u8])],
}

impl Values<'_> {
    fn value(&self, name: &str) -> Option<&[u8]> {
        self.bytes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// What was read.
#[derive(Default)]
struct Found(Vec<(&'static str, Vec<u8>)>);

impl Found {
    fn bytes<const N: usize>(&self, name: &str) -> Option<[u8; N]> {
        self.0.iter().find(|(known, _)| *known == name)?.1.as_slice().try_into().ok()
    }
}

impl DebitForm {
    /// Whether both templates have what they need.
    ///
    /// # Errors
    /// The first place that is missing.
    pub fn check(&self) -> Result<(), TemplateError> {
        self.step1.needs(&NEEDED).and_then(|()| self.step2.needs(&ANSWERED))
    }
}

/// What Step1 gives: the purchase, and what the card answered to INITIALIZE FOR PURCHASE.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Debit {
    /// The card's random.
    pub random: [u8; 4],
    /// 医疗消费交易序号.
    pub sequence: [u8; 2],
    /// From the account, in 分.
    pub account: [u8; 4],
    /// Paid by the holder.
    pub self_pay: [u8; 4],
    /// From the pool.
    pub pool: [u8; 4],
    /// 交易类型.
    pub kind: u8,
    /// 终端机编号.
    pub terminal: [u8; 6],
    /// YYYYMMDDhhmmss, packed.
    pub time: [u8; 7],
    /// The key's version, as the card says.
    pub key_version: u8,
}

impl Debit {
    /// The string of a card whose key is at `key`; places that the purchase has no value for are filled from the card.
    pub fn print(
        &self,
        (form, dialect): (&DebitForm, &Dialect),
        (algorithm, identifier, historical): (Algorithm, &[u8; 16], &[u8; 13]),
        key: Option<&Address>,
    ) -> Text {
        let bytes: [(&'static str, &[u8]); 11] = [
            ("random", &self.random),
            ("sequence", &self.sequence),
            ("account", &self.account),
            ("self-pay", &self.self_pay),
            ("pool", &self.pool),
            ("type", &[self.kind]),
            ("terminal", &self.terminal),
            ("time", &self.time),
            ("key-version", &[self.key_version]),
            ("identifier", identifier),
            ("historical", historical),
        ];
        form.step1.print(dialect, &Values { algorithm, key, bytes: &bytes })
    }

    /// What the string says; a key version that it does not name is 0.
    ///
    /// # Errors
    /// When it is another.
    pub fn parse(text: &str, form: &DebitForm) -> Result<Self, Malformed> {
        Self::parsed(text, form).ok_or(Malformed("iDoDebit_HSM_Step1"))
    }

    fn parsed(text: &str, form: &DebitForm) -> Option<Self> {
        let found = form.step1.parse(text)?;
        Some(Self {
            random: found.bytes("random")?,
            sequence: found.bytes("sequence")?,
            account: found.bytes("account")?,
            self_pay: found.bytes("self-pay")?,
            pool: found.bytes("pool")?,
            kind: u8::from_be_bytes(found.bytes("type")?),
            terminal: found.bytes("terminal")?,
            time: found.bytes("time")?,
            key_version: u8::from_be_bytes(found.bytes("key-version").unwrap_or_default()),
        })
    }
}

impl fmt::Debug for Debit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Debit(..)")
    }
}

/// What Step2 takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebitAnswer {
    /// 终端交易序号.
    pub terminal_sequence: [u8; 4],
    /// What proves the terminal to the card.
    pub mac1: [u8; 4],
}

impl DebitAnswer {
    /// The string.
    pub fn print(&self, (form, dialect): (&DebitForm, &Dialect), algorithm: Algorithm) -> Text {
        let bytes: [(&'static str, &[u8]); 2] = [("terminal-sequence", &self.terminal_sequence), ("mac1", &self.mac1)];
        form.step2.print(dialect, &Values { algorithm, key: None, bytes: &bytes })
    }

    /// What the string says.
    ///
    /// # Errors
    /// When it is another.
    pub fn parse(text: &str, form: &DebitForm) -> Result<Self, Malformed> {
        let found = form.step2.parse(text);
        let answer = found.and_then(|found| {
            Some(Self { terminal_sequence: found.bytes("terminal-sequence")?, mac1: found.bytes("mac1")? })
        });
        answer.ok_or(Malformed("iDoDebit_HSM_Step2"))
    }
}
