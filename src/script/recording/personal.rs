//! Where a session with a social security card carries what names a person.
//!
//! What may stay is listed, everything else that was read from the card is replaced: a record is personal until its
//! tag and length say that it is not.

use std::collections::BTreeMap;
use std::ops::Range;

use zeroize::Zeroizing;

use super::{Channel, Event, Turn};
use crate::apdu::ins;

/// Tags of EF05 and EF06 (card-facts §1.3, §1.4) whose values name a person or one card.
pub(super) mod tag {
    /// 卡的识别码.
    pub const IDENTIFIER: u8 = 0x01;
    /// 卡号.
    pub const CARD_NUMBER: u8 = 0x07;
    /// 社会保障号码.
    pub const SOCIAL_SECURITY_NUMBER: u8 = 0x08;
    /// 姓名.
    pub const NAME: u8 = 0x09;
    /// 姓名扩展.
    pub const NAME_MORE: u8 = 0x4E;
    /// 性别.
    pub const SEX: u8 = 0x0A;
    /// 民族.
    pub const ETHNICITY: u8 = 0x0B;
    /// 出生地.
    pub const BIRTH_PLACE: u8 = 0x0C;
    /// 出生日期.
    pub const BIRTH_DATE: u8 = 0x0D;
}

/// Tags and lengths that name nobody: category, version, issuer, dates of issue and expiry (card-facts §1.3).
const OPEN: [(u8, usize); 5] = [(0x02, 1), (0x03, 4), (0x04, 12), (0x05, 4), (0x06, 4)];

/// A command of the card with the whole of its answer, which T=0 may have brought in pieces.
pub(super) struct Exchange {
    /// The events it is made of: the command, then each GET RESPONSE.
    pub(super) events: Vec<usize>,
    pub(super) ins: u8,
    /// P2's file identifier: 0 for the current file.
    pub(super) file: u8,
    pub(super) data: Zeroizing<Vec<u8>>,
}

/// The session's commands to one channel.
pub(super) fn exchanges(events: &[Event], channel: Channel) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let Event::Turn(_, turn) = event else { continue };
        if !matches!(event, Event::Turn(on, _) if *on == channel) {
            continue;
        }
        let byte = |n: usize| turn.sent.get(n).copied().unwrap_or_default();
        match found.last_mut() {
            Some(exchange) if byte(1) == ins::GET_RESPONSE => {
                exchange.events.push(at);
                // Growing would leave a copy behind that nobody wipes.
                exchange.data = Zeroizing::new([exchange.data.as_slice(), turn.data()].concat());
            }
            _ => found.push(Exchange {
                events: vec![at],
                ins: byte(1),
                file: byte(3) >> 3,
                data: Zeroizing::new(turn.data().to_vec()),
            }),
        }
    }
    found
}

impl Turn {
    /// The answer without its status word.
    pub(super) fn data(&self) -> &[u8] {
        &self.answer[..self.answer.len().saturating_sub(2)]
    }
}

/// A part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// What is known of it.
    pub(super) kind: Kind,
    /// Where its bytes are.
    pub(super) at: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Tag and length, filler, and what names nobody.
    Open,
    /// The value of a tag that names a person or a card.
    Personal(u8),
    /// Whatever it is, it does not stay.
    Unknown,
}

/// The parts of what READ RECORD brought. A record that is cut off is read as far as it goes.
pub(super) fn fields(exchange: &Exchange) -> Vec<Field> {
    let data = &exchange.data;
    if !matches!(exchange.file, 0 | 5 | 6) {
        return vec![Field { kind: Kind::Unknown, at: 0..data.len() }];
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let [tag, length, ..] = data[at..] {
        if matches!(tag, 0x00 | 0xFF) {
            break;
        }
        let end = (at + 2 + usize::from(length)).min(data.len());
        found.push(Field { kind: Kind::Open, at: at..at + 2 });
        found.push(Field { kind: kind(tag, length), at: at + 2..end });
        at = end;
    }
    let filler = data[at..].iter().all(|byte| matches!(byte, 0x00 | 0xFF));
    found.push(Field { kind: if filler { Kind::Open } else { Kind::Unknown }, at: at..data.len() });
    found
}

fn kind(tag: u8, length: u8) -> Kind {
    match tag {
        tag::IDENTIFIER
        | tag::CARD_NUMBER
        | tag::SOCIAL_SECURITY_NUMBER
        | tag::NAME
        | tag::NAME_MORE
        | tag::SEX
        | tag::ETHNICITY
        | tag::BIRTH_PLACE
        | tag::BIRTH_DATE => Kind::Personal(tag),
        _ if OPEN.contains(&(tag, length.into())) => Kind::Open,
        _ => Kind::Unknown,
    }
}

/// The personal values of a session, each as long as it was ever read.
pub(super) fn values(exchanges: &[Exchange]) -> BTreeMap<u8, Zeroizing<Vec<u8>>> {
    let mut found: BTreeMap<u8, Zeroizing<Vec<u8>>> = BTreeMap::new();
    for exchange in exchanges.iter().filter(|exchange| exchange.ins == ins::READ_RECORD) {
        for Field { kind, at } in fields(exchange) {
            let Kind::Personal(tag) = kind else { continue };
            let value = &exchange.data[at];
            let longest = found.entry(tag).or_default();
            if value.len() > longest.len() {
                *longest = Zeroizing::new(value.to_vec());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(file: u8, data: &[u8]) -> Exchange {
        Exchange { events: vec![0], ins: ins::READ_RECORD, file, data: Zeroizing::new(data.to_vec()) }
    }

    fn kinds(file: u8, data: &[u8]) -> Vec<(Kind, Range<usize>)> {
        fields(&exchange(file, data)).into_iter().map(|field| (field.kind, field.at)).collect()
    }

    #[test]
    fn a_record_is_personal_until_its_tag_and_length_say_otherwise() {
        use Kind::{Open, Personal, Unknown};
        let whole = [0x02, 1, b'3', 0x0A, 1, b'1', 0x77, 1, 9, 0xFF, 0xFF];
        assert_eq!(
            kinds(5, &whole),
            [
                (Open, 0..2),
                (Open, 2..3),
                (Open, 3..5),
                (Personal(tag::SEX), 5..6),
                (Open, 6..8),
                (Unknown, 8..9),
                (Open, 9..11)
            ]
        );
        // Another file, another length of an open tag, bytes behind the filler, a record that is cut off.
        assert_eq!(kinds(7, &whole), [(Unknown, 0..11)]);
        assert_eq!(kinds(5, &[0x02, 2, 1, 2])[1], (Unknown, 2..4));
        assert_eq!(kinds(5, &[0x00, 0x01]), [(Unknown, 0..2)]);
        assert_eq!(kinds(6, &[0x08, 18, b'4', b'4'])[1], (Personal(tag::SOCIAL_SECURITY_NUMBER), 2..4));
    }

    #[test]
    fn an_answer_in_pieces_is_one() {
        let turn = |sent: &[u8], answer: &[u8]| {
            let turn = Turn { sent: Zeroizing::new(sent.to_vec()), answer: Zeroizing::new(answer.to_vec()) };
            Event::Turn(Channel::Card, turn)
        };
        let events = [
            turn(&[0, 0xB2, 1, 0x2C, 3], &[0x61, 3]),
            Event::Random(Zeroizing::new(vec![1])),
            turn(&[0, 0xC0, 0, 0, 3], &[0x0A, 1, b'2', 0x90, 0]),
        ];
        let found = exchanges(&events, Channel::Card);
        assert_eq!((found.len(), &found[0].events[..], found[0].file), (1, &[0, 2][..], 5));
        assert_eq!(**values(&found).get(&tag::SEX).unwrap(), *b"2");
        assert!(exchanges(&events, Channel::Psam).is_empty());
    }
}
