//! `iReadCard` and `iWriteCard`: items of the card's files, by the holder's PIN or by the terminal's keys.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::call::{Asked, Carried, Parameters, Stop};
use super::{card, pin, reader};
use crate::card::{Card, CardError, Files, Journal, Update};
use crate::national::{self, CardInfo, Code, FileAddress, Outcome, Parameter, Refused, Values};
use crate::profile::{FileName, ItemAddress, ItemName, Profile, Structure};
use crate::terminal::inner::Inner;

pub(super) fn read_card(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let kind = parameters.kind()?;
    let by_pin = match parameters.text(Parameter::Authority)? {
        "1" => true,
        "2" => false,
        _ => return Err(Code::PARAMETER.into()),
    };
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let wanted = Wanted::of(inner, parameters)?;
    let reader = reader::take(inner, kind)?;
    let pin = if by_pin { pin::at_hand(inner, reader.pad, parameters)? } else { None };
    // What is free to read, or a key opens alone, is no reason to ask anybody.
    let read = card::at(inner, &reader, parameters, Some(&meant), |card| {
        if by_pin && pin.is_none() && card.reads_by_pin(&wanted.items)? {
            return Ok(Err(inner.card_name(&reader.name, card)));
        }
        card.read(&wanted.items, pin).map(Ok)
    });
    let files = read?.map_err(|card| Stop::Asked(Asked::Pin, card))?;
    Ok(wanted.text(inner, &files)?)
}

/// What `pFileAddr` asks for.
pub(super) struct Wanted {
    addresses: Vec<FileAddress>,
    /// The same as the card room names it.
    pub(super) items: Vec<ItemName>,
}

impl Wanted {
    /// From the parameter.
    pub(super) fn of(inner: &Inner, parameters: &Parameters) -> Result<Self, Code> {
        let addresses = addresses(inner, parameters)?;
        let items: Vec<Vec<ItemName>> =
            addresses.iter().map(|address| items(address, inner)).collect::<Result<_, Code>>()?;
        Ok(Self { addresses, items: items.concat() })
    }

    /// What the function gives, of what was read.
    pub(super) fn text(&self, inner: &Inner, files: &Files) -> Result<Zeroizing<String>, Code> {
        let values = self.addresses.iter().map(|address| {
            let name = name(address);
            let holding = files.files.iter().find(|holding| holding.name == name).ok_or(Code::PARAMETER)?;
            national::values(address, holding, &inner.parts.config.driver.unpublished)
        });
        national::mirror(&self.addresses, &values.collect::<Result<Vec<_>, Code>>()?)
    }
}

pub(super) fn addresses(inner: &Inner, parameters: &Parameters) -> Result<Vec<FileAddress>, Code> {
    FileAddress::parse(parameters.text(Parameter::FileAddress)?, &inner.parts.config.driver.unpublished)
}

/// Each file after the other; what was written by then stays where a later one is refused, and is told.
pub(super) fn write_card(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let kind = parameters.kind()?;
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let addresses = addresses(inner, parameters)?;
    let contents = Contents::of_all(inner, &addresses, parameters)?;
    let reader = reader::take(inner, kind)?;
    let journal = inner.card_journal();
    let mut written = Written::default();
    let done = card::at(inner, &reader, parameters, Some(&meant), |card| {
        // What an earlier write left half done comes first.
        card.mend(&journal, &mut None)?;
        written.write(card, &journal, &contents)
    });
    Ok(written.told(done)?)
}

/// Files that were written by one call.
#[derive(Default)]
pub(super) struct Written(Vec<String>);

impl Written {
    /// Writes one file after the other.
    pub(super) fn write(
        &mut self,
        card: &mut Card<'_>,
        journal: &Journal<'_>,
        contents: &[(FileName, Contents)],
    ) -> Result<(), CardError> {
        for (file, contents) in contents {
            card.write(journal, file, &contents.update(), &mut None)?;
            self.0.push(file.to_string());
        }
        Ok(())
    }

    /// What the function gives; a refusal names what was written before it.
    pub(super) fn told(&self, done: Result<(), Refused>) -> Outcome {
        match done {
            Ok(()) => Ok(Zeroizing::default()),
            Err(refused) if self.0.is_empty() => Err(refused),
            Err(refused) => {
                Err(Refused { text: format!("{}；已写入 {}", refused.text, self.0.join(", ")), ..refused })
            }
        }
    }
}

/// What is written into one file.
pub(super) enum Contents {
    Items(Vec<(ItemAddress, Zeroizing<String>)>),
    Bytes(Zeroizing<Vec<u8>>),
}

impl Contents {
    /// What `pWriteData` gives to each of these files.
    pub(super) fn of_all(
        inner: &Inner,
        addresses: &[FileAddress],
        parameters: &Parameters,
    ) -> Result<Vec<(FileName, Self)>, Code> {
        let values = national::write_data(parameters.text(Parameter::WriteData)?, addresses)?;
        let of = |(address, values)| Ok((name(address), contents(address, values, &inner.profile)?));
        addresses.iter().zip(values).map(of).collect()
    }

    fn update(&self) -> Update<'_> {
        match self {
            Self::Items(items) => Update::Items(None, items),
            Self::Bytes(bytes) => Update::Bytes(bytes),
        }
    }
}

fn contents(address: &FileAddress, values: Values, profile: &Profile) -> Result<Contents, Code> {
    match writable(address, profile)? {
        Structure::Transparent { .. } => {
            let [bytes] = values.as_slice() else { return Err(Code::PARAMETER) };
            Ok(Contents::Bytes(Zeroizing::new(hex::decode(bytes.as_bytes()).map_err(|_| Code::CHARACTERS)?)))
        }
        _ => Ok(Contents::Items(address.items.iter().map(|item| ItemAddress::of(item.tag)).zip(values).collect())),
    }
}

/// How a file is written: whole bytes of a transparent one, or items of a linear one.
pub(super) fn writable(address: &FileAddress, profile: &Profile) -> Result<Structure, Code> {
    let file = profile.file(&name(address)).ok_or(Code::PARAMETER)?;
    let items = || address.items.iter().all(|item| item.number.is_none()) && !address.items.is_empty();
    match file.structure {
        transparent @ Structure::Transparent { .. } => Ok(transparent),
        // How one of several items is written is not published, nor how a record is.
        Structure::Linear if items() => Ok(Structure::Linear),
        _ => Err(Code::NOT_SUPPORTED),
    }
}

pub(super) fn name(address: &FileAddress) -> FileName {
    FileName::new(address.directory.to_string(), address.ef)
}

/// What the card room is asked for: items of a linear file; of any other the whole, whatever stands for it. What needs a
/// syntax that is not set is refused before a card is touched for it.
fn items(address: &FileAddress, inner: &Inner) -> Result<Vec<ItemName>, Code> {
    let name = name(address);
    let file = inner.profile.file(&name).ok_or(Code::PARAMETER)?;
    let published = inner.parts.config.driver.unpublished.syntax().is_none();
    let of = |tag| ItemName { file: name.clone(), tag };
    match file.structure {
        Structure::Transparent { .. } => Ok(vec![of(None)]),
        Structure::Linear => {
            let item = |tag| {
                let item = file.item(tag).ok_or(Code::PARAMETER)?;
                let plain = item.count == 1 && item.parts.is_empty();
                if published && !plain { Err(Code::NOT_SUPPORTED) } else { Ok(of(Some(tag))) }
            };
            address.items.iter().map(|address| item(address.tag)).collect()
        }
        _ if address.record.is_none() => Err(Code::NOT_SUPPORTED),
        _ => Ok(vec![of(None)]),
    }
}
