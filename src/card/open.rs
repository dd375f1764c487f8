//! A card that is open: selected, its own file read, proven genuine. Everything else works on it.

use std::time::Instant;

use jiff::Timestamp;

use super::access::Proven;
use super::files::{FileKind, Learned, named};
use super::memory::Memory;
use super::session::{COMMON, Session, output};
use super::{CardError, CardFile, Parts, Step, parse};
use crate::apdu::tlv::Record;
use crate::apdu::{StatusWord, tlv};
use crate::cipher::Algorithm;
use crate::keys::CardKeyId;
use crate::profile::Profile;
use crate::reader::Atr;
use crate::script::Vars;
use crate::value::CardIdentifier;

/// A card that proved itself, in the lease that it is spoken to through. Whatever right it gives is taken back when the
/// lease ends.
pub struct Card<'a> {
    pub(super) session: Session<'a>,
    pub(super) algorithm: Algorithm,
    pub(super) version: String,
    /// The script of its generation.
    pub(super) script: String,
    pub(super) identifier: CardIdentifier,
    pub(super) key: CardKeyId,
    /// EF05 as it was read, and how.
    pub(super) card_records: Vec<Record>,
    pub(super) learned_ef05: Learned,
    pub(super) memory: Memory,
    pub(super) begun: Begun,
    pub(super) proven: Proven,
}

/// The directory that a card is opened in.
pub(super) const ENVIRONMENT: &str = "SSSE";

/// When a session began, and what had been sent by then.
pub(super) struct Begun {
    pub(super) started: Instant,
    pub(super) at: Timestamp,
    pub(super) card_commands: u32,
    pub(super) key_commands: u32,
}

impl<'a> Card<'a> {
    /// Opens a card: selects the social security environment, reads EF05 and has the card prove that it is genuine.
    /// `progress` learns each step when it is done.
    ///
    /// # Errors
    /// See [`CardError`].
    pub fn open(parts: Parts<'a>, progress: &mut dyn FnMut(Step)) -> Result<Self, CardError> {
        let mut card = Self::identified(parts, progress)?;
        let Self { session, script, key, .. } = &mut card;
        session.authenticate_card(script, key)?;
        progress(Step::InternalAuthenticated);
        card.memory.version(&card.session, &card.version);
        Ok(card)
    }

    /// A card that says which it is, and has proved nothing yet.
    pub(super) fn identified(parts: Parts<'a>, progress: &mut dyn FnMut(Step)) -> Result<Self, CardError> {
        let begun = Begun {
            started: Instant::now(),
            at: parts.clock.now(),
            card_commands: parts.lease.counts().commands,
            key_commands: parts.keys.commands(),
        };
        let mut session = Session { parts, ahead: None };

        // Before anything else is asked of the card, since a card of another kind may lack anything else.
        let algorithm = session.select()?;
        let type_bytes = historical(session.parts.lease.atr())?;
        progress(Step::Selected);

        let memory = Memory::of(&session, type_bytes);
        let ef05 = FileKind::ef05();
        // A PSAM has the environment, by the same name, and no such file.
        let (card_records, learned_ef05) = session.file(&ef05, &memory.ef05()).map_err(|error| match error {
            CardError::Status { status, .. } if has_no_file(status) => CardError::WrongType(status),
            other => other,
        })?;
        let version = parse::version(&named("EF05", &card_records))?;
        let identifier = parse::identifier(&named("EF05", &card_records))?;
        let script = script_of(&session, &version)?;
        progress(Step::CardRead);

        let atr = session.parts.lease.atr().clone();
        let short = CardError::Historical(atr.historical().len());
        let key = CardKeyId::new(algorithm, identifier.clone(), atr).ok_or(short)?;
        let proven = Proven { directory: ENVIRONMENT.to_owned(), ..Proven::default() };
        Ok(Self {
            session,
            algorithm,
            version,
            script,
            identifier,
            key,
            card_records,
            learned_ef05,
            memory,
            begun,
            proven,
        })
    }

    /// 卡识别码.
    pub fn identifier(&self) -> &CardIdentifier {
        &self.identifier
    }

    /// The card's generation: the first digit of its version.
    pub(super) fn generation(&self) -> u8 {
        // There is no script for a version that begins otherwise.
        self.version.bytes().next().map_or(0, |digit| digit.wrapping_sub(b'0'))
    }

    /// EF05, which was read when the card was opened.
    ///
    /// # Errors
    /// [`CardError::Garbled`] and [`CardError::Number`]: a value of it cannot be.
    pub fn card_file(&self) -> Result<CardFile, CardError> {
        parse::card_file(&named("EF05", &self.card_records))
    }

    /// The card as data.
    pub fn profile(&self) -> &'a Profile {
        self.session.parts.profile
    }

    /// 规范版本, `3.00`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl Session<'_> {
    /// Selects the social security environment and says its algorithm.
    fn select(&mut self) -> Result<Algorithm, CardError> {
        let mut vars = Vars::new();
        self.run(COMMON, "select", &mut vars).map_err(|error| match error {
            CardError::Status { status: StatusWord::NOT_SUPPORTED, .. } => CardError::Blocked,
            CardError::Status { status, .. } if is_foreign(status) => CardError::WrongType(status),
            other => other,
        })?;
        let named = algorithm_id(output(&vars, "fci")?)?;
        match named {
            Some(id) => Algorithm::from_id(id).ok_or(CardError::UnknownAlgorithm(id)),
            None => self.parts.default_algorithm.ok_or(CardError::NoAlgorithm),
        }
    }
}

/// Bytes 1 to 7 of the historical bytes, the card's type. There are 13: by the last 8 its keys are diversified.
fn historical(atr: &Atr) -> Result<[u8; 7], CardError> {
    let bytes = atr.historical();
    let kind = bytes.first_chunk::<7>().filter(|_| bytes.len() >= 13);
    kind.copied().ok_or(CardError::Historical(bytes.len()))
}

/// The algorithm's identifier in the FCI: `86 01 xx` inside 9F0C (card-facts §1.1); `None` where there is none.
fn algorithm_id(fci: &[u8]) -> Result<Option<u8>, CardError> {
    let garbled = |what: tlv::TlvError| CardError::Garbled { file: "FCI", tag: 0, what: what.to_string() };
    let Some(issuer) = tlv::ber_find(fci, &[0x6F, 0xA5, 0x9F0C]).map_err(garbled)? else {
        return Ok(None);
    };
    // One byte of tag, one of length; what the issuer put behind the algorithm need be neither.
    let mut rest = issuer.as_slice();
    loop {
        match rest {
            [] | [0x00 | 0xFF, ..] => return Ok(None),
            [tag, length, tail @ ..] if tail.len() >= usize::from(*length) => {
                let (value, after) = tail.split_at(usize::from(*length));
                if *tag == 0x86 {
                    return Ok(value.first().copied());
                }
                rest = after;
            }
            _ => return Err(garbled(tlv::TlvError::Truncated(issuer.len() - rest.len()))),
        }
    }
}

/// The script for a version: its first character decides (card-facts §1.3). A generation is added by adding its script.
fn script_of(session: &Session<'_>, version: &str) -> Result<String, CardError> {
    let script = format!("ssc-{}.0", version.chars().next().ok_or(CardError::Version)?);
    if session.has(&script, "internal-authenticate") { Ok(script) } else { Err(CardError::Version) }
}

/// What a card of another kind answers to READ RECORD of EF05.
fn has_no_file(status: StatusWord) -> bool {
    matches!(status, StatusWord::FILE_NOT_FOUND | StatusWord::INSTRUCTION | StatusWord::CLASS)
}

/// What a card of another kind answers to SELECT.
fn is_foreign(status: StatusWord) -> bool {
    const FOREIGN: [StatusWord; 7] = [
        StatusWord::FILE_NOT_FOUND,
        StatusWord::NOT_SELECTED,
        StatusWord::INSTRUCTION,
        StatusWord::CLASS,
        StatusWord::P1P2,
        StatusWord::LENGTH,
        StatusWord::OFFSET,
    ];
    FOREIGN.contains(&status)
}
