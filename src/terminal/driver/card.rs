//! A card that proved itself to the terminal's keys, and is the one that is meant: by `pCardInfo`, and by the question for
//! its holder's PIN.

use std::sync::Arc;

use super::call::{Asked, Parameters, Stop};
use super::reader::Taken;
use crate::card::{Card, CardError};
use crate::national::{CardInfo, Code, Refused};
use crate::terminal::inner::Inner;

/// Does something with the card in a reader. Where `pCardInfo` says which is meant, or a PIN was asked for one, with no
/// other: that is seen in the lease in which the PIN is tried.
pub(super) fn at<T>(
    inner: &Arc<Inner>,
    reader: &Taken,
    parameters: &Parameters,
    meant: Option<&CardInfo>,
    work: impl FnOnce(&mut Card<'_>) -> Result<T, CardError>,
) -> Result<T, Refused> {
    let done = inner.at_card_of(&reader.name, &|| drop(reader.take_turn()), |lease, keys| {
        let mut card = inner.open_card(lease, keys, &mut |_| {})?;
        let is_meant = match meant {
            Some(meant) => meant.check(&card.card_file()?).is_ok(),
            None => true,
        };
        let is_it = is_meant && is_asked(inner, parameters, &reader.name, &card);
        if is_it { work(&mut card).map(Some) } else { Ok(None) }
    })?;
    Ok(done.ok_or(Code::OTHER_CARD)?)
}

/// Whether it is the card that a PIN was asked for, where one was.
pub(super) fn is_asked(inner: &Inner, parameters: &Parameters, reader: &str, card: &Card<'_>) -> bool {
    parameters.card().is_none_or(|name| inner.is_card(name, reader, card))
}

/// Has the caller ask the holder of the card that is in a reader.
pub(super) fn ask(
    inner: &Arc<Inner>,
    reader: &Taken,
    parameters: &Parameters,
    meant: Option<&CardInfo>,
    what: Asked,
) -> Stop {
    match at(inner, reader, parameters, meant, |card| Ok(inner.card_name(&reader.name, card))) {
        Ok(name) => Stop::Asked(what, name),
        Err(refused) => Stop::Refused(refused),
    }
}
