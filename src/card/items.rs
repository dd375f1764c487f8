//! Files and items by name: the least that must be proven, each directory once, and the fewest commands.

use std::fmt;
use std::time::Duration;

use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::access::{self, Means, Proof};
use super::files::{FileKind, Learned};
use super::open::{Card, ENVIRONMENT};
use super::reading::Apdus;
use super::repeats::Series;
use super::session::FILES;
use super::value::{Value, is_remade};
use super::{CardError, HolderPin};
use crate::apdu::StatusWord;
use crate::apdu::tlv::{self, Record};
use crate::profile::{Access, File, FileName, Form, Item, ItemName, KeyRole, Profile, Revision, Structure};
use crate::script::Vars;

/// What was read of a card by name. Prints masked, and is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Files {
    /// The reader's PC/SC name.
    pub reader: String,
    /// 卡识别码, masked.
    pub identifier: String,
    /// 规范版本.
    pub version: String,
    /// Each file that was asked for, in that order.
    pub files: Vec<Holding>,
    /// The keys that were proven for it.
    pub keys: Vec<KeyRole>,
    /// Whether the PIN was verified.
    pub pin: bool,
    /// What it took, the opening of the card included.
    pub apdus: Apdus,
    /// From the first command on.
    pub elapsed: Duration,
}

/// A file and what was read of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Holding {
    /// Its name.
    pub name: FileName,
    /// Its Chinese name.
    pub label: String,
    /// Its content.
    pub contents: Contents,
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Contents {
    /// Items of a linear file, in the order of the profile; one that is there several times as often.
    Items(Vec<Value>),
    /// Records of a fixed or cyclic file, number 1 first; `None` for one that was never written.
    Records(Vec<Option<Vec<Value>>>),
    /// Bytes of a transparent file as on the card.
    Bytes(Zeroizing<Vec<u8>>),
}

/// A file of the profile, and which of its items are wanted.
struct Wanted<'p> {
    file: &'p File,
    /// All of them where there are none.
    tags: Option<Vec<u8>>,
}

impl Card<'_> {
    /// Reads files and items by name. What they ask for is proven first: the PIN, where one is given and something asks
    /// for it, is tried once.
    ///
    /// # Errors
    /// [`CardError::PinNeeded`] and [`CardError::NoKey`] where what is to be proven is not to be had, before or after
    /// something was read; whatever the error is, nothing of the card is given.
    pub fn read(&mut self, items: &[ItemName], mut pin: Option<HolderPin>) -> Result<Files, CardError> {
        let generation = self.generation();
        let wanted = wanted(self.session.parts.profile, items)?;
        let conditions = self.conditions(&wanted);

        let mut found: Vec<(FileName, Contents, Option<Learned>)> = Vec::new();
        let mut keys: Vec<KeyRole> = Vec::new();
        self.visit(&conditions, &mut pin, |card, name| {
            let Some(wanted) = wanted.iter().find(|wanted| wanted.file.name == *name) else { return Ok(()) };
            let (contents, learned) = card.contents(wanted, generation).map_err(CardError::of_use)?;
            found.push((name.clone(), contents, learned));
            keys.extend(card.proven.keys.iter().filter(|role| !keys.contains(role)).cloned().collect::<Vec<_>>());
            Ok(())
        })?;

        let mut files = Vec::new();
        for wanted in &wanted {
            let at = found.iter().position(|(name, ..)| *name == wanted.file.name);
            let contents = match at.map(|at| found.swap_remove(at)) {
                Some((name, contents, learned)) => {
                    if let Some(learned) = learned {
                        self.memory.learn_named(&self.session, &name, &learned);
                    }
                    contents
                }
                None => self.items(wanted, &self.card_records, generation)?,
            };
            files.push(Holding { name: wanted.file.name.clone(), label: wanted.file.label.clone(), contents });
        }
        Ok(Files {
            reader: self.session.parts.lease.reader().to_owned(),
            identifier: self.identifier.masked(),
            version: self.version.clone(),
            files,
            keys,
            pin: !self.proven.pins.is_empty(),
            apdus: self.apdus(),
            elapsed: self.begun.started.elapsed(),
        })
    }

    /// Whether the PIN would be verified to [`read`](Self::read) these, were it at hand: something asks for it, or leaves the
    /// choice.
    ///
    /// # Errors
    /// [`CardError::UnknownItem`].
    pub fn reads_by_pin(&self, items: &[ItemName]) -> Result<bool, CardError> {
        let (means, own) = (Means { pin: true, lacking: &[] }, self.session.parts.profile.own_pins());
        let visits = access::plan(&self.to_read(items)?, &self.proven, means, &own);
        // What is denied either way is denied when it is read.
        Ok(visits.is_ok_and(|visits| visits.iter().any(|visit| visit.proofs.contains(&Proof::Pin))))
    }

    /// What reading these items asks for, file by file.
    ///
    /// # Errors
    /// [`CardError::UnknownItem`].
    pub(super) fn to_read(&self, items: &[ItemName]) -> Result<Vec<(FileName, Access)>, CardError> {
        Ok(self.conditions(&wanted(self.session.parts.profile, items)?))
    }

    /// What the files ask for that are still to be read.
    fn conditions(&self, wanted: &[Wanted<'_>]) -> Vec<(FileName, Access)> {
        let generation = self.generation();
        let left = wanted.iter().filter(|wanted| !self.is_read(wanted));
        left.map(|wanted| (wanted.file.name.clone(), wanted.file.read.at(generation).clone())).collect()
    }

    /// EF05 was read when the card was opened.
    fn is_read(&self, wanted: &Wanted<'_>) -> bool {
        wanted.file.name == FileName::new(ENVIRONMENT, 0x05)
    }

    /// What one file holds, in the directory that is selected.
    fn contents(&mut self, wanted: &Wanted<'_>, generation: u8) -> Result<(Contents, Option<Learned>), CardError> {
        let name = &wanted.file.name;
        let no_such = |error| match error {
            CardError::Status { status: StatusWord::FILE_NOT_FOUND, .. } => CardError::NoFile(name.to_string()),
            other => other,
        };
        let sfi = self.reach(name).map_err(no_such)?;
        let known = self.memory.named(name, &self.learned_ef05);
        if let Structure::Transparent { size } = wanted.file.structure {
            return Ok((Contents::Bytes(self.session.binary(name, sfi, size).map_err(no_such)?), None));
        }
        if let Some(series) = Series::of(name, sfi, wanted.file.structure) {
            let (records, learned) = self.session.series(&series, &known).map_err(no_such)?;
            let records = records.iter().map(|bytes| record(wanted.file, bytes)).collect::<Result<_, _>>()?;
            return Ok((Contents::Records(records), Some(learned)));
        }
        let kind = self.linear(wanted, sfi, generation);
        // One record is read as such, whatever the card can do; several with the whole file, where it can.
        if kind.wanted() == 1 || (known.capability.is_some() && known.whole.is_none()) {
            let (records, learned) = self.session.records(&kind, &known).map_err(no_such)?;
            return Ok((self.items(wanted, &records, generation)?, wanted.tags.is_none().then_some(learned)));
        }
        let whole = FileKind::of(wanted.file, sfi, generation, None);
        let (records, learned) = self.session.file(&whole, &known).map_err(no_such)?;
        Ok((self.items(wanted, &records, generation)?, Some(learned)))
    }

    /// The short identifier of a file in the selected directory; one that has none is selected, and 0 stands for it.
    pub(super) fn reach(&mut self, name: &FileName) -> Result<u8, CardError> {
        match name.sfi() {
            Some(sfi) => Ok(sfi),
            None => {
                self.session.run(FILES, "select-file", &mut Vars::new().with("id", &name.fid()))?;
                Ok(0)
            }
        }
    }

    /// A linear file as it is read: of the whole of it one command brings all, of some items only those are asked for; on
    /// a 1.0 card also the items that say what the wanted ones mean.
    fn linear(&self, wanted: &Wanted<'_>, sfi: u8, generation: u8) -> FileKind {
        let mut tags = wanted.tags.clone();
        if let Some(tags) = tags.as_mut().filter(|_| generation == 1) {
            let leaders: Vec<u8> = tags.iter().filter_map(|tag| leader(wanted.file.item(*tag)?)).collect();
            tags.extend(leaders);
        }
        FileKind::of(wanted.file, sfi, generation, tags.as_deref())
    }

    /// The wanted items among the records of a linear file.
    fn items(&self, wanted: &Wanted<'_>, records: &[Record], generation: u8) -> Result<Contents, CardError> {
        let mut values = Vec::new();
        let of = |tag: u8| records.iter().filter(move |record| record.tag == tag);
        for item in wanted.file.items_of(generation) {
            let Some(tag) = item.tag.filter(|tag| wanted.tags.as_ref().is_none_or(|tags| tags.contains(tag))) else {
                continue;
            };
            let remade = |value: &[u8]| match item.revision {
                Some(Revision::Marked) => is_remade(value),
                Some(Revision::Follows(leader)) => of(leader).any(|record| is_remade(&record.value)),
                None => true,
            };
            let binary = Item { form: Form::B, ..item.clone() };
            let item = if is_identifier(&wanted.file.name, tag) { &binary } else { item };
            let before = values.len();
            for record in of(tag) {
                let value = match (generation, item.revision) {
                    (1, Some(_)) => Value::read_revised(item, &record.value, remade(&record.value)),
                    _ => Value::read(item, &record.value),
                };
                values.push(value.map_err(|error| garbled(&wanted.file.name, tag, error))?);
            }
            if values.len() == before {
                values.push(Value::none(item));
            }
        }
        Ok(Contents::Items(values))
    }

    /// What was sent so far.
    pub(super) fn apdus(&self) -> Apdus {
        let parts = &self.session.parts;
        Apdus {
            card: parts.lease.counts().commands - self.begun.card_commands,
            psam: parts.keys.commands() - self.begun.key_commands,
        }
    }
}

/// 卡识别码: the RID in it has a nibble that is no digit (card-facts §1.3).
fn is_identifier(file: &FileName, tag: u8) -> bool {
    (file.directory(), file.ef(), tag) == (ENVIRONMENT, 0x05, 0x01)
}

/// The item whose marker says what this one means.
fn leader(item: &Item) -> Option<u8> {
    match item.revision {
        Some(Revision::Follows(leader)) => Some(leader),
        Some(Revision::Marked) | None => None,
    }
}

/// Each file once, with the items that are wanted of it.
fn wanted<'p>(profile: &'p Profile, items: &[ItemName]) -> Result<Vec<Wanted<'p>>, CardError> {
    let mut all: Vec<Wanted<'p>> = Vec::new();
    for name in items {
        let unknown = || CardError::UnknownItem(name.to_string());
        let file = profile.file(&name.file).ok_or_else(unknown)?;
        // Bytes and records without tags are read as a whole.
        if name.tag.is_some_and(|tag| file.structure != Structure::Linear || file.item(tag).is_none()) {
            return Err(unknown());
        }
        match (all.iter_mut().find(|wanted| wanted.file.name == name.file), name.tag) {
            (None, tag) => all.push(Wanted { file, tags: tag.map(|tag| vec![tag]) }),
            (Some(wanted), None) => wanted.tags = None,
            (Some(Wanted { tags: Some(tags), .. }), Some(tag)) if !tags.contains(&tag) => tags.push(tag),
            (Some(_), Some(_)) => {}
        }
    }
    Ok(all)
}

/// One record of a fixed or cyclic file: items one behind the other, or TLV where they have tags.
pub(super) fn record(file: &File, bytes: &[u8]) -> Result<Option<Vec<Value>>, CardError> {
    let (name, items) = (&file.name, &file.items);
    if bytes.iter().all(|byte| *byte == 0xFF) || bytes.iter().all(|byte| *byte == 0x00) {
        return Ok(None);
    }
    if items.iter().any(|item| item.tag.is_some()) {
        let found = tlv::records(bytes).map_err(|error| garbled(name, 0, error))?;
        let value = |record: &Record| {
            let item = file.item(record.tag).ok_or_else(|| garbled(name, record.tag, "it is not known"))?;
            Value::read(item, &record.value).map_err(|error| garbled(name, record.tag, error))
        };
        return found.iter().map(value).collect::<Result<Vec<_>, _>>().map(Some);
    }
    let mut rest = bytes;
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        let cut = || garbled(name, 0, "a record is too short for its items");
        let (value, after) = rest.split_at_checked(item.length.into()).ok_or_else(cut)?;
        values.push(Value::read(item, value).map_err(|error| garbled(name, 0, error))?);
        rest = after;
    }
    Ok(Some(values))
}

fn garbled(file: &FileName, tag: u8, what: impl ToString) -> CardError {
    CardError::ItemGarbled { item: format!("{file}/{tag:02X}"), what: what.to_string() }
}

impl Files {
    /// The object that `sbkd card file` prints (docs/cli.md). Without `unmask` every value is starred.
    pub fn to_json(&self, unmask: bool) -> Json {
        json!({
            "reader": self.reader,
            "identifier": self.identifier,
            "version": self.version,
            "files": self.files.iter().map(|file| file.to_json(unmask)).collect::<Vec<_>>(),
            "proven": {
                "keys": self.keys.iter().map(KeyRole::name).collect::<Vec<_>>(),
                "pin": self.pin,
            },
            "apdus": self.apdus,
            "elapsed_ms": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

impl Holding {
    fn to_json(&self, unmask: bool) -> Json {
        let mut shown = json!({ "file": self.name.to_string(), "label": self.label });
        let values = |values: &[Value]| values.iter().map(|value| value.to_json(unmask)).collect::<Json>();
        match &self.contents {
            Contents::Items(items) => shown["items"] = values(items),
            Contents::Records(records) => {
                let numbered = records.iter().zip(1..).map(
                    |(record, number): (_, u32)| json!({ "number": number, "items": record.as_deref().map(values) }),
                );
                shown["records"] = numbered.collect();
            }
            Contents::Bytes(bytes) => {
                shown["size"] = json!(bytes.len());
                shown["bytes"] = if unmask { json!(hex::encode_upper(bytes)) } else { Json::Null };
            }
        }
        shown
    }
}

/// Masked, as [`to_json`](Files::to_json) without `unmask`.
impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Files({})", self.to_json(false))
    }
}

impl fmt::Debug for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holding({})", self.to_json(false))
    }
}
