//! Makes a session into a recording: whatever names a person becomes the made-up holder's, everywhere and always the
//! same, so that the recording replays with every check on.
//!
//! Redaction goes by type: each field of a record by its tag, PINs, amounts, the historical bytes in the answer to reset,
//! and those same bytes where keys are diversified by them. A command that has no rule is refused, and at the end the
//! real values are searched for once more.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::account::Account;
use super::bank::Accounts;
use super::exchange::{Exchange, HEADER, exchanges};
use super::historical::Historical;
use super::personal::{Kind, fields, tag, values};
use super::pins::Pins;
use super::place::{Directory, Place};
use super::psam::Known;
use super::rules::Rule;
use super::swaps::{EVIDENT, Swaps};
use super::{Channel, Event, Opening, madeup};
use crate::script::RecordError;

/// The transactions' file: DF04/EF08, and how long its records are (card-facts §1.6).
const TRANSACTIONS: Place = Place { directory: Directory::Area(4), file: 8 };
const TRANSACTION: usize = 0x1C;

/// The values of a session that name its holder, and those of the made-up one.
pub(super) struct Holders {
    real: BTreeMap<u8, Zeroizing<Vec<u8>>>,
    made_up: BTreeMap<u8, Zeroizing<Vec<u8>>>,
    /// What was written of which no more is known, in that order: where it replaces something it has to be another value
    /// in the recording as well, or a replay would have nothing to write.
    written: Vec<(Place, Zeroizing<Vec<u8>>)>,
}

impl Holders {
    /// Which of the values written at a place it is, from 1; 0 for what was there and stayed.
    fn nth(&self, place: Place, value: &[u8]) -> usize {
        let at =
            |(there, written): &(Place, Zeroizing<Vec<u8>>)| *there == place && **written == madeup::trimmed(value);
        self.written.iter().position(at).map_or(0, |at| at + 1)
    }
}

/// The session without personal data.
///
/// # Errors
/// A command that has no rule, and what should not have stayed but did.
pub(super) fn session(card: &Opening, events: &[Event]) -> Result<(Opening, Vec<Event>), RecordError> {
    let (read, psam) = (exchanges(events, Channel::Card)?, exchanges(events, Channel::Psam)?);
    let real = values(&read);
    let made_up = madeup::holder(&real);
    let historical = Historical::new(&card.atr, made_up.get(&tag::IDENTIFIER).map(|bytes| bytes.as_slice()))?;

    let mut redaction = Redaction::new(Holders { real, made_up, written: written(&read) }, &psam);
    let mut redacted = events.to_vec();
    for exchange in &read {
        let (sent, answer) = redaction.card(exchange);
        exchange.put_sent(&mut redacted, &sent);
        exchange.put_back(&mut redacted, &answer);
    }
    let Redaction { holders, mut pins, account, mut bank, mut swaps, sealed, .. } = redaction;
    let mut purchases = Vec::new();
    for (real, made_up) in account.swaps() {
        swaps.add(real, made_up);
        purchases.push(made_up.to_vec());
    }
    let known = Known { holders: &holders, swaps: &swaps, randoms: randoms(&read, events), sealed, purchases };
    known.redact(&psam, &mut pins, &mut redacted)?;
    for event in &mut redacted {
        if let Event::Turn(_, turn) = event {
            historical.replace(&mut turn.sent);
        }
    }

    let mut traces = evident(&holders);
    traces.extend(others(&read).map(|trace| ("a value of a file", trace)));
    traces.extend(historical.trace().map(|trace| ("the historical bytes", trace)));
    traces.extend(pins.traces().into_iter().map(|trace| ("a PIN", trace)));
    traces.extend(bank.traces().into_iter().map(|trace| ("the bank account's number", trace)));
    search(&redacted, &traces)?;
    Ok((Opening { atr: historical.into_atr(), ..card.clone() }, redacted))
}

/// What is learned from one command to the next.
struct Redaction<'a> {
    holders: Holders,
    psam: &'a [Exchange],
    pins: Pins,
    account: Account,
    bank: Accounts,
    swaps: Swaps,
    /// Headers and data of commands with a MAC, as they are in the recording.
    sealed: Vec<Zeroizing<Vec<u8>>>,
}

impl<'a> Redaction<'a> {
    fn new(holders: Holders, psam: &'a [Exchange]) -> Self {
        let (pins, account, bank) = (Pins::default(), Account::default(), Accounts::default());
        Self { holders, psam, pins, account, bank, swaps: Swaps::default(), sealed: Vec::new() }
    }

    /// A command's data and its answer without what names a person.
    fn card(&mut self, exchange: &Exchange) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
        let mut sent = Zeroizing::new(exchange.command.data().to_vec());
        let mut answer = exchange.data.clone();
        match exchange.rule {
            Rule::Records if exchange.place.directory == Directory::Bank => self.bank.redact(&mut answer),
            Rule::Records if exchange.place == TRANSACTIONS => {
                answer.chunks_mut(TRANSACTION).for_each(|record| self.account.logged(record));
            }
            Rule::Records => records(exchange.place, &mut answer, &self.holders),
            Rule::Bank => self.bank.redact(&mut answer),
            // Fingerprints, the photo.
            Rule::Bytes => answer.fill(0),
            Rule::Pin => sent = self.pins.made_up(exchange.command.data()),
            Rule::TwoPins => sent = self.pins.two_made_up(exchange.command.data()),
            Rule::WriteRecord | Rule::WriteBytes | Rule::SealedPin => self.written(exchange, &mut sent),
            Rule::Initialize | Rule::Credit | Rule::Debit | Rule::Balance => {
                self.account.redact(exchange, &mut sent, &mut answer);
            }
            Rule::Open | Rule::Select | Rule::Authenticate | Rule::Deliver | Rule::Cipher | Rule::Purchase => {}
        }
        (sent, answer)
    }

    /// What is written: in clear by its place, enciphered by its blocks. The PSAM sees the same where it makes the MAC.
    fn written(&mut self, exchange: &Exchange, sent: &mut [u8]) {
        let real = exchange.body();
        let body = &mut sent[..real.len()];
        if exchange.rule == Rule::SealedPin || self.enciphered(real) {
            self.swaps.seal(real);
            self.swaps.apply(body);
        } else if exchange.rule == Rule::WriteRecord {
            records(exchange.place, body, &self.holders);
        } else {
            body.fill(0);
        }
        let whole = exchange.command.to_bytes();
        let header = &whole[..HEADER.min(whole.len())];
        let made_up = Zeroizing::new([header, body].concat());
        self.swaps.add(&[header, real].concat(), &made_up);
        self.sealed.push(made_up);
    }

    /// The PSAM enciphered it.
    fn enciphered(&self, body: &[u8]) -> bool {
        !body.is_empty() && self.psam.iter().any(|one| one.rule == Rule::Cipher && one.data.as_slice() == body)
    }
}

/// Records at a place without what names a person.
pub(super) fn records(place: Place, data: &mut [u8], holders: &Holders) {
    for field in fields(place, data) {
        let part = &mut data[field.at];
        match field.kind {
            Kind::Open => {}
            Kind::Unknown => madeup::filler(part, holders.nth(place, part)),
            Kind::Personal(tag) => replace(part, holders.real.get(&tag), holders.made_up.get(&tag)),
        }
    }
}

/// Each value once that was written and names nobody in particular.
fn written(read: &[Exchange]) -> Vec<(Place, Zeroizing<Vec<u8>>)> {
    let mut found = Vec::new();
    for exchange in read.iter().filter(|exchange| exchange.rule == Rule::WriteRecord) {
        let body = exchange.body();
        let unknown = fields(exchange.place, body).into_iter().filter(|field| field.kind == Kind::Unknown);
        for field in unknown {
            let value = (exchange.place, Zeroizing::new(madeup::trimmed(&body[field.at]).to_vec()));
            if !value.1.is_empty() && !found.contains(&value) {
                found.push(value);
            }
        }
    }
    found
}

/// A value that was read shorter than at its longest becomes the beginning of the made-up one; a value that was
/// another one than at its longest is none that can be told.
fn replace(part: &mut [u8], real: Option<&Zeroizing<Vec<u8>>>, made_up: Option<&Zeroizing<Vec<u8>>>) {
    match (real, made_up) {
        (Some(real), Some(made_up)) if real.starts_with(part) => part.copy_from_slice(&made_up[..part.len()]),
        _ => part.fill(0),
    }
}

/// The randoms of a session: both of each authentication (card-facts §3), and those that the program took.
fn randoms(read: &[Exchange], events: &[Event]) -> Vec<Zeroizing<Vec<u8>>> {
    let proofs = read.iter().filter(|exchange| exchange.rule == Rule::Authenticate);
    let mut found: Vec<_> = proofs
        .flat_map(|exchange| exchange.command.data().chunks_exact(8).map(|half| Zeroizing::new(half.to_vec())))
        .collect();
    found.extend(events.iter().filter_map(|event| match event {
        Event::Random(bytes) if bytes.len() == 8 => Some(bytes.clone()),
        _ => None,
    }));
    found
}

/// The real values that would be seen at once if they had stayed.
fn evident(holders: &Holders) -> Vec<(&'static str, Zeroizing<Vec<u8>>)> {
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
        let value = part(&holders.real);
        if value != part(&holders.made_up) {
            traces.push((what, value));
        }
    }
    traces
}

/// The longer values of which only this is known, that they do not stay.
fn others(read: &[Exchange]) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    /// A number of eight digits, four characters: seldom anything else by chance.
    const LONG: usize = 8;
    let known = |exchange: &&Exchange| exchange.place != TRANSACTIONS && exchange.place.directory != Directory::Bank;
    read.iter().filter(known).flat_map(|exchange| {
        let records = match exchange.rule {
            Rule::Records => exchange.data.as_slice(),
            Rule::WriteRecord => exchange.body(),
            _ => &[],
        };
        let unknown = fields(exchange.place, records).into_iter().filter(|field| field.kind == Kind::Unknown);
        let values = unknown.map(|field| Zeroizing::new(madeup::trimmed(&records[field.at]).to_vec()));
        values
            .filter(|value| value.len() >= LONG && value.windows(2).any(|pair| pair[0] != pair[1]))
            .collect::<Vec<_>>()
    })
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
