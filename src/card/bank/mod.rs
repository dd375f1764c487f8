//! The bank application on the card's chip (EMV books 1 and 3; card-facts §1.1): who issued it and which card it is,
//! told by a masked number and a keyed token. Nothing is paid with it here, and no right of it is used.

mod errors;
mod number;
mod options;

pub use errors::{BankError, ENTRIES};
pub use number::{Expiry, TokenKey};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::session::{failed, output};
use crate::apdu::{StatusWord, ber};
use crate::reader::Lease;
use crate::script::{self, Library, Vars};
use crate::world::{Clock, Random};
use number::{Number, Track2};
use options::{Options, Told};

const SCRIPT: &str = "bank";
/// 借记 and 贷记 (card-facts §1.1): asked for at once, since most cards have the first and asking costs one command.
const APPLICATIONS: [&[u8]; 2] = [b"\xA0\x00\x00\x03\x33\x01\x01\x01", b"\xA0\x00\x00\x03\x33\x01\x01\x02"];
/// The environments that list what else there is: by radio, and by contacts.
const ENVIRONMENTS: [&[u8]; 2] = [b"2PAY.SYS.DDF01", b"1PAY.SYS.DDF01"];
/// More applications than a card can have room for, and more records of a list.
const MOST: u8 = 10;

const FCI: u32 = 0x6F;
const PROPRIETARY: u32 = 0xA5;
const ISSUER_DATA: u32 = 0xBF0C;
const APPLICATION: u32 = 0x61;
const APPLICATION_NAME: u32 = 0x4F;
const DIRECTORY_SFI: u32 = 0x88;
const LABEL: u32 = 0x50;
const PDOL: u32 = 0x9F38;
const RECORD: u32 = 0x70;
const NUMBER: u32 = 0x5A;
const TRACK_2: u32 = 0x57;
const EXPIRY: u32 = 0x5F24;

/// What a reading of the bank application needs.
pub struct Parts<'a> {
    /// The way to the card.
    pub lease: &'a mut Lease,
    /// The scripts.
    pub scripts: &'a Library,
    /// The day, which the application may ask for.
    pub clock: &'a dyn Clock,
    /// An unpredictable number, which it may ask for.
    pub random: &'a dyn Random,
    /// The key of tokens; without it the card has none.
    pub token_key: Option<&'a TokenKey>,
}

/// A bank card as it may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankCard {
    /// The application's name (AID).
    pub application: Vec<u8>,
    /// What it calls itself, as far as that is ASCII.
    pub label: Option<String>,
    /// The number's first six and last four digits.
    pub masked: String,
    /// The same card has the same token, under the same key.
    pub token: Option<[u8; 32]>,
    /// The last month in which it is good, where it says.
    pub expires: Option<Expiry>,
}

impl BankCard {
    /// The object that `sbkd card bank` prints (docs/cli.md).
    pub fn to_json(&self) -> Value {
        json!({
            "application": hex::encode_upper(&self.application),
            "label": self.label,
            "number": self.masked,
            "token": self.token.map(hex::encode_upper),
            "expires": self.expires.map(|expires| expires.to_string()),
        })
    }
}

/// Reads the card's bank application, the first that is not blocked: selects it, asks for its options, and reads its
/// records until the number is there.
///
/// # Errors
/// See [`BankError`].
pub fn read(parts: Parts<'_>) -> Result<BankCard, BankError> {
    let mut random = [0; 4];
    parts.random.fill(&mut random).map_err(super::CardError::from)?;
    let told = Told { date: parts.clock.today(), unpredictable: random };
    Bank { parts }.first(&told)
}

/// What the records gave so far.
#[derive(Default)]
struct Found {
    number: Option<Number>,
    expires: Option<Expiry>,
}

impl Found {
    /// Takes what is among these elements. Number and track 2 are of one card, or of none.
    fn take(&mut self, elements: &[u8]) -> Result<(), BankError> {
        for element in ber::elements(elements).map_err(BankError::tlv("record"))? {
            let (number, expires) = match element.tag {
                NUMBER => (Some(Number::parse(element.value)?), None),
                EXPIRY => (None, Some(Expiry::parse(element.value)?)),
                TRACK_2 => {
                    let track = Track2::parse(element.value)?;
                    (Some(track.number), Some(track.expires))
                }
                _ => continue,
            };
            if let (Some(before), Some(now)) = (&self.number, &number)
                && before != now
            {
                return Err(BankError::garbled("card number", "track 2 has another one"));
            }
            self.number = self.number.take().or(number);
            self.expires = self.expires.or(expires);
        }
        Ok(())
    }

    fn whole(&self) -> bool {
        self.number.is_some() && self.expires.is_some()
    }
}

struct Bank<'a> {
    parts: Parts<'a>,
}

impl Bank<'_> {
    fn run(&mut self, flow: &'static str, vars: &mut Vars) -> Result<StatusWord, BankError> {
        let found = self.parts.scripts.flow(SCRIPT, flow);
        let ran = found.and_then(|found| script::run(found, self.parts.lease, vars));
        ran.map_err(|error| BankError::Card(failed(flow, error)))
    }

    /// The first application that can be read: one of the two that are known, else one that an environment lists. One that is
    /// blocked hides no other.
    fn first(&mut self, told: &Told) -> Result<BankCard, BankError> {
        let mut blocked = None;
        for name in APPLICATIONS {
            if let Some(card) = unless_blocked(self.application(name, told), &mut blocked)? {
                return Ok(card);
            }
        }
        for environment in ENVIRONMENTS {
            let Some(fci) = unless_blocked(self.selected(environment), &mut blocked)? else { continue };
            for name in self.listed(&fci)? {
                if let Some(card) = unless_blocked(self.application(&name, told), &mut blocked)? {
                    return Ok(card);
                }
            }
        }
        Err(blocked.map_or(BankError::None, BankError::Blocked))
    }

    /// One application; `None` where the card has it not.
    fn application(&mut self, name: &[u8], told: &Told) -> Result<Option<BankCard>, BankError> {
        let Some(fci) = self.selected(name)? else { return Ok(None) };
        let inside = ber::find(&fci, &[FCI, PROPRIETARY]).map_err(BankError::tlv("FCI"))?.unwrap_or_default();
        let inside = ber::elements(inside).map_err(BankError::tlv("FCI"))?;
        let find = |tag| inside.iter().find(|element| element.tag == tag).map(|element| element.value);
        let label = find(LABEL).and_then(|label| std::str::from_utf8(label).ok()).map(str::to_owned);
        let options = self.options(&told.data(find(PDOL).unwrap_or_default())?)?;
        let found = self.number(&options)?;
        let number = found.number.ok_or(BankError::NoNumber)?;
        Ok(Some(BankCard {
            application: name.to_vec(),
            label,
            masked: number.masked(),
            token: self.parts.token_key.map(|key| number.token(key)),
            expires: found.expires,
        }))
    }

    /// The FCI of a name; `None` where the card has it not.
    fn selected(&mut self, name: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, BankError> {
        let mut vars = Vars::new().with("name", name);
        match self.run("select", &mut vars)? {
            blocked @ StatusWord(0x6283 | 0x6985 | 0x9303) => Err(BankError::Blocked(blocked)),
            _ => Ok(vars.get("fci").map(|fci| Zeroizing::new(fci.to_vec()))),
        }
    }

    /// The names in an environment: within its FCI, or in the records of its directory.
    fn listed(&mut self, fci: &[u8]) -> Result<Vec<Vec<u8>>, BankError> {
        let garbled = BankError::tlv("list of applications");
        let inside = ber::find(fci, &[FCI, PROPRIETARY]).map_err(&garbled)?.unwrap_or_default();
        if let Some(list) = ber::find(inside, &[ISSUER_DATA]).map_err(&garbled)? {
            return names(list);
        }
        let Some([sfi @ 1..=30]) = ber::find(inside, &[DIRECTORY_SFI]).map_err(&garbled)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for number in 1..=MOST {
            let Some(record) = self.record(number, sfi << 3 | 0b100)? else { break };
            let list = ber::find(&record, &[RECORD]).map_err(&garbled)?;
            found.extend(names(list.unwrap_or_default())?);
        }
        Ok(found)
    }

    fn options(&mut self, data: &[u8]) -> Result<Options, BankError> {
        let mut vars = Vars::new().with("data", data);
        match self.run("processing-options", &mut vars)? {
            refused @ StatusWord(0x6985 | 0x9303) => Err(BankError::Blocked(refused)),
            _ => Options::parse(output(&vars, "options")?),
        }
    }

    /// Reads the application's records until number and month are there; the rest is for payments.
    fn number(&mut self, options: &Options) -> Result<Found, BankError> {
        let mut found = Found::default();
        found.take(&options.elements)?;
        for records in &options.records {
            for number in records.first..=records.last {
                if found.whole() {
                    return Ok(found);
                }
                let Some(record) = self.record(number, records.file)? else { continue };
                // A record without its template is one of the bank's own (SFI 11 to 30).
                let elements = ber::find(&record, &[RECORD]).map_err(BankError::tlv("record"))?;
                found.take(elements.unwrap_or_default())?;
            }
        }
        Ok(found)
    }

    fn record(&mut self, number: u8, file: u8) -> Result<Option<Zeroizing<Vec<u8>>>, BankError> {
        let mut vars = Vars::new().with("number", &[number]).with("file", &[file]);
        self.run("record", &mut vars)?;
        Ok(vars.get("record").map(|record| Zeroizing::new(record.to_vec())))
    }
}

/// What there is, of something that is not blocked; the first status word that said so is kept.
fn unless_blocked<T>(
    found: Result<Option<T>, BankError>,
    blocked: &mut Option<StatusWord>,
) -> Result<Option<T>, BankError> {
    match found {
        Err(BankError::Blocked(status)) => {
            blocked.get_or_insert(status);
            Ok(None)
        }
        found => found,
    }
}

/// The names of applications in a list, as many as a card may have; of another length they are none.
fn names(list: &[u8]) -> Result<Vec<Vec<u8>>, BankError> {
    let garbled = BankError::tlv("list of applications");
    let mut found = Vec::new();
    for element in ber::elements(list).map_err(&garbled)?.iter().filter(|element| element.tag == APPLICATION) {
        let name = ber::find(element.value, &[APPLICATION_NAME]).map_err(&garbled)?;
        found.extend(name.filter(|name| (5..=16).contains(&name.len())).map(<[u8]>::to_vec));
    }
    found.truncate(usize::from(MOST));
    Ok(found)
}
