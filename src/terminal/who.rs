//! The holder of a case, as far as the walk needs them.

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::errors;
use super::view::HolderView;
use crate::card::{Reading, Validity};
use crate::failure::Failure;
use crate::queue::Queue;
use crate::scenario::ExpiredCard;
use crate::wire::Digest;
use crate::wire::person::{PersonKey, SOCIAL_SECURITY_CARD};

/// Who a case is for. Wiped on drop.
pub(super) struct Who {
    /// As the messages name them.
    pub(super) person: PersonKey,
    /// 社会保障号码, by which the journal knows them.
    pub(super) number: Zeroizing<Vec<u8>>,
    /// The keyed hash that stands for them in the store.
    pub(super) tag: Digest,
    /// As the doors show them.
    pub(super) view: HolderView,
    /// The card is past its validity and the scenario takes it all the same.
    pub(super) expired: bool,
}

impl Who {
    /// The holder of a card that was read, if the card may be used on that day.
    pub(super) fn of(reading: &Reading, queue: &Queue, today: Date, expired: ExpiredCard) -> Result<Self, Failure> {
        let expired = match (reading.validity(today), expired) {
            (Validity::Expired(_), ExpiredCard::Refuse) => return Err(Failure::of(&errors::CARD_EXPIRED)),
            (Validity::Expired(_), ExpiredCard::Warn) => true,
            (Validity::NotYet(_), _) => return Err(Failure::of(&errors::CARD_NOT_YET)),
            (Validity::Valid | Validity::Unstated, _) => false,
        };
        let (card, holder) = (reading.card(), reading.holder());
        let blank = |what: &str| Failure::with(&errors::CARD_BLANK, what);
        let number = holder.number.as_ref().ok_or_else(|| blank("社会保障号码"))?;
        let card_number = card.number.as_ref().ok_or_else(|| blank("卡号"))?;
        let name = holder.name.as_ref().ok_or_else(|| blank("姓名"))?;
        let bytes = Zeroizing::new(number.reveal().as_bytes().to_vec());
        Ok(Self {
            tag: queue.holder_tag(&bytes),
            number: bytes,
            person: PersonKey {
                mdtrt_cert_type: SOCIAL_SECURITY_CARD.to_owned(),
                mdtrt_cert_no: card_number.reveal().to_owned(),
                card_sn: card.identifier.reveal().to_string(),
                certno: number.reveal().to_owned(),
                psn_name: name.reveal().to_owned(),
                psn_no: None,
            },
            view: HolderView {
                name: Some(name.masked()),
                social_security_number: Some(number.masked()),
                card_number: Some(card_number.masked()),
            },
            expired,
        })
    }
}
