//! Makes a session into a recording: whatever names a person becomes the made-up holder's, everywhere and always the
//! same, so that the recording replays with every check on.
//!
//! Redaction goes by type: each field of a record by its tag, the historical bytes in the answer to reset, and those
//! same bytes where keys are diversified by them. A command that has no rule is refused, and at the end the real
//! values are searched for once more.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::personal::{Exchange, Kind, exchanges, fields, tag, values};
use super::{Channel, Event, Opening, madeup};
use crate::apdu::{Command, ins};
use crate::script::RecordError;

/// INITIALIZE ENVIRONMENT of a PSAM (card-facts §4.3).
const INITIALIZE_ENVIRONMENT: u8 = 0xEC;
/// Shorter values are no evidence when they are found: any two bytes may stand anywhere.
const EVIDENT: usize = 4;

/// The session without personal data.
///
/// # Errors
/// A command that has no rule, and what should not have stayed but did.
pub(super) fn session(card: &Opening, events: &[Event]) -> Result<(Opening, Vec<Event>), RecordError> {
    refuse(events)?;
    let read = exchanges(events, Channel::Card);
    let real = values(&read);
    let made_up = madeup::holder(&real);
    let historical = Historical::new(card, made_up.get(&tag::IDENTIFIER))?;

    let mut redacted = events.to_vec();
    for exchange in &read {
        let data = answer(exchange, &real, &made_up);
        put_back(&mut redacted, exchange, &data);
    }
    for event in &mut redacted {
        if let Event::Turn(_, turn) = event {
            historical.replace(&mut turn.sent);
        }
    }
    let mut traces = evident(&real, &made_up);
    if *historical.real != historical.made_up {
        traces.push(("the historical bytes", historical.real.clone()));
    }
    search(&redacted, &traces)?;
    Ok((Opening { atr: historical.atr, ..card.clone() }, redacted))
}

/// Every command must be one whose data and answer are known not to be a secret, or to be replaced below.
fn refuse(events: &[Event]) -> Result<(), RecordError> {
    for event in events {
        let Event::Turn(channel, turn) = event else { continue };
        let Ok(command) = Command::parse(&turn.sent) else {
            return Err(RecordError::Command { ins: turn.sent.get(1).copied().unwrap_or_default() });
        };
        let known = match (channel, command.ins()) {
            (_, ins::SELECT | ins::READ_BINARY | ins::READ_RECORD | ins::GET_RESPONSE | ins::GET_CHALLENGE) => true,
            (Channel::Card, ins::INTERNAL_AUTHENTICATE | ins::EXTERNAL_AUTHENTICATE) => true,
            // Asks for the tries that are left; with data it carries a PIN.
            (Channel::Card, ins::VERIFY) => command.data().is_empty(),
            (Channel::Psam, ins::DELIVERY_SESSION_KEY | ins::CIPHER_DATA | INITIALIZE_ENVIRONMENT) => true,
            _ => false,
        };
        if !known || turn.answer.len() < 2 {
            return Err(RecordError::Command { ins: command.ins() });
        }
    }
    Ok(())
}

/// An answer of the card without what names a person.
fn answer(
    exchange: &Exchange,
    real: &BTreeMap<u8, Zeroizing<Vec<u8>>>,
    made_up: &BTreeMap<u8, Zeroizing<Vec<u8>>>,
) -> Zeroizing<Vec<u8>> {
    let mut data = exchange.data.clone();
    match exchange.ins {
        ins::READ_RECORD => {
            for field in fields(exchange) {
                let part = &mut data[field.at];
                match field.kind {
                    Kind::Open => {}
                    Kind::Unknown => part.fill(0),
                    Kind::Personal(tag) => replace(part, real.get(&tag), made_up.get(&tag)),
                }
            }
        }
        // Fingerprints, the photo, amounts.
        ins::READ_BINARY => data.fill(0),
        _ => {}
    }
    data
}

/// A value that was read shorter than at its longest becomes the beginning of the made-up one; a value that was
/// another one than at its longest is none that can be told.
fn replace(part: &mut [u8], real: Option<&Zeroizing<Vec<u8>>>, made_up: Option<&Zeroizing<Vec<u8>>>) {
    match (real, made_up) {
        (Some(real), Some(made_up)) if real.starts_with(part) => part.copy_from_slice(&made_up[..part.len()]),
        _ => part.fill(0),
    }
}

/// Writes an answer back into the pieces it came in.
fn put_back(events: &mut [Event], exchange: &Exchange, data: &[u8]) {
    let mut rest = data;
    for at in &exchange.events {
        if let Event::Turn(_, turn) = &mut events[*at] {
            let length = turn.data().len();
            let (here, after) = rest.split_at(length);
            turn.answer[..length].copy_from_slice(here);
            rest = after;
        }
    }
}

/// The bytes of the answer to reset that name one card.
struct Historical {
    real: Zeroizing<Vec<u8>>,
    made_up: Vec<u8>,
    atr: crate::reader::Atr,
}

impl Historical {
    fn new(card: &Opening, identifier: Option<&Zeroizing<Vec<u8>>>) -> Result<Self, RecordError> {
        let whole = card.atr.historical();
        let made_up = madeup::historical(whole, identifier.map(|bytes| bytes.as_slice()));
        // As many bytes as before: the answer to reset stays one.
        let atr = card.atr.with_historical(&made_up).map_err(|_| RecordError::Left { what: "the answer to reset" })?;
        let own = whole.len().min(7);
        Ok(Self { real: Zeroizing::new(whole[own..].to_vec()), made_up: made_up[own..].to_vec(), atr })
    }

    /// Replaces them wherever they are sent: the card's own diversification factor ends in them.
    fn replace(&self, sent: &mut [u8]) {
        if self.real.len() < EVIDENT {
            return;
        }
        for at in 0..sent.len().saturating_sub(self.real.len() - 1) {
            let here = &mut sent[at..at + self.real.len()];
            if *here == **self.real {
                here.copy_from_slice(&self.made_up);
            }
        }
    }
}

/// The real values that would be seen at once if they had stayed.
fn evident(
    real: &BTreeMap<u8, Zeroizing<Vec<u8>>>,
    made_up: &BTreeMap<u8, Zeroizing<Vec<u8>>>,
) -> Vec<(&'static str, Zeroizing<Vec<u8>>)> {
    let mut traces = Vec::new();
    for (tag, what) in [
        (tag::IDENTIFIER, "the card's identifier"),
        (tag::CARD_NUMBER, "the card's number"),
        (tag::SOCIAL_SECURITY_NUMBER, "the social security number"),
        (tag::NAME, "the name"),
    ] {
        let part = |values: &BTreeMap<u8, Zeroizing<Vec<u8>>>| {
            let value = values.get(&tag).map(|value| value.as_slice()).unwrap_or_default();
            // City and application stand in many identifiers.
            let own = if tag == tag::IDENTIFIER { value.get(8..12).unwrap_or_default() } else { value };
            Zeroizing::new(madeup::trimmed(own).to_vec())
        };
        let value = part(real);
        if value != part(made_up) {
            traces.push((what, value));
        }
    }
    traces
}

fn search(events: &[Event], traces: &[(&'static str, Zeroizing<Vec<u8>>)]) -> Result<(), RecordError> {
    let found = |bytes: &[u8]| {
        let there = |trace: &[u8]| trace.len() >= EVIDENT && bytes.windows(trace.len()).any(|window| window == trace);
        traces.iter().find(|(_, trace)| there(trace)).map(|(what, _)| *what)
    };
    for event in events {
        let left = match event {
            Event::Turn(_, turn) => found(&turn.sent).or_else(|| found(&turn.answer)),
            Event::Random(bytes) => found(bytes),
            Event::Reset(_) => None,
        };
        if let Some(what) = left {
            return Err(RecordError::Left { what });
        }
    }
    Ok(())
}
