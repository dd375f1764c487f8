//! A card that proved itself to the terminal's keys, and is the one that is meant.

use std::sync::Arc;

use super::reader::Taken;
use crate::card::{Card, CardError};
use crate::national::{CardInfo, Code, Refused};
use crate::terminal::inner::Inner;

/// Does something with the card in a reader; where `pCardInfo` says which is meant, with no other.
pub(super) fn at<T>(
    inner: &Arc<Inner>,
    reader: &Taken,
    meant: Option<&CardInfo>,
    work: impl FnOnce(&mut Card<'_>) -> Result<T, CardError>,
) -> Result<T, Refused> {
    let done = inner.at_card(&reader.name, |lease, keys| {
        let mut card = Card::open(inner.card_parts(lease, keys), &mut |_| {})?;
        let is_it = match meant {
            Some(meant) => meant.check(&card.card_file()?).is_ok(),
            None => true,
        };
        if is_it { work(&mut card).map(Some) } else { Ok(None) }
    })?;
    Ok(done.ok_or(Code::OTHER_CARD)?)
}
