//! The walk over one card: select, issuer's file, internal authentication, external authentication where the version
//! needs it, holder's file.

use std::time::Instant;

use subtle::ConstantTimeEq as _;

use super::files::{FileKind, named};
use super::memory::Memory;
use super::reading::{Apdus, Authenticated};
use super::session::{COMMON, Session, eight, output};
use super::tries::Tries;
use super::{CardError, Parts, Reading, Step, parse};
use crate::apdu::{StatusWord, tlv};
use crate::cipher::Algorithm;
use crate::keys::{CardKeyId, KeyRole};
use crate::reader::Atr;
use crate::script::Vars;
use crate::value::CardIdentifier;

/// Reads a card: all of it, or an error and nothing of it. `progress` learns each step when it is done. Whatever right
/// the card gave is taken back when the lease ends.
///
/// # Errors
/// See [`CardError`].
pub fn read(mut parts: Parts<'_>, progress: &mut dyn FnMut(Step)) -> Result<Reading, CardError> {
    let (started, read_at) = (Instant::now(), parts.clock.now());
    let before = (parts.lease.counts().commands, parts.keys.commands());
    let mut session = Session { parts: &mut parts };

    // Before anything else is asked of the card, since a card of another kind may lack anything else.
    let algorithm = session.select()?;
    let (type_bytes, serial) = historical(session.parts.lease.atr())?;
    progress(Step::Selected);

    let mut memory = Memory::of(&session, type_bytes);
    let ef05 = FileKind::ef05();
    // A PSAM has the environment, by the same name, and no such file.
    let (card_records, learned_ef05) = session.file(&ef05, &memory.ef05()).map_err(|error| match error {
        CardError::Status { status, .. } if has_no_file(status) => CardError::WrongType(status),
        other => other,
    })?;
    let version = parse::version(&named(&ef05, &card_records))?;
    let identifier = parse::identifier(&named(&ef05, &card_records))?;
    let script = &script_of(&session, &version)?;
    progress(Step::CardRead);

    let key = CardKeyId { algorithm, city: identifier.city(), serial };
    session.authenticate_card(script, &key)?;
    progress(Step::InternalAuthenticated);

    let external = session.has(script, "external-authenticate");
    if external {
        session.authenticate_terminal(script, &key, &identifier)?;
        progress(Step::ExternalAuthenticated);
    }

    memory.version(&session, &version);
    let ef06 = FileKind::ef06(script, session.has(script, "holder-name-extension"));
    let (holder_records, learned_ef06) = session.file(&ef06, &memory.ef06(&learned_ef05))?;
    let card = parse::card_file(&named(&ef05, &card_records))?;
    let holder = parse::holder(&named(&ef06, &holder_records))?;
    progress(Step::HolderRead);

    memory.learn(&session, learned_ef05, learned_ef06);
    Ok(Reading {
        reader: parts.lease.reader().to_owned(),
        atr: parts.lease.atr().clone(),
        algorithm,
        card,
        holder,
        authenticated: Authenticated { internal: true, external, by: parts.keys.source() },
        apdus: Apdus { card: parts.lease.counts().commands - before.0, psam: parts.keys.commands() - before.1 },
        read_at,
        elapsed: started.elapsed(),
    })
}

impl Session<'_, '_> {
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

    /// Internal authentication: both randoms are the terminal's (card-facts §4.2).
    fn authenticate_card(&mut self, script: &str, key: &CardKeyId) -> Result<(), CardError> {
        let (process, original) = (self.random()?, self.random()?);
        let expected = self.parts.keys.prove(key, KeyRole::Internal, process, original)?;
        let mut vars = Vars::new().with("process", &process).with("original", &original);
        self.run(script, "internal-authenticate", &mut vars).map_err(|error| match error {
            // A card without the key, or without the command, cannot prove itself; nor does an answer that is no proof.
            CardError::Status { status, .. } if cannot_prove(status) => CardError::NotGenuine,
            CardError::Answer(_) => CardError::NotGenuine,
            other => other,
        })?;
        let proof = vars.get("proof").unwrap_or_default();
        if bool::from(expected.as_slice().ct_eq(proof)) { Ok(()) } else { Err(CardError::NotGenuine) }
    }

    /// External authentication, once: the process factor is the card's latest challenge, the original any random. Keys
    /// that the card refuses are never tried on it again until a technician releases the pair. A locked key has no try
    /// left to lose: each reading says that it is locked, and nothing is laid to the PSAM.
    fn authenticate_terminal(
        &mut self,
        script: &str,
        key: &CardKeyId,
        identifier: &CardIdentifier,
    ) -> Result<(), CardError> {
        let keys = self.parts.keys.identity(key)?;
        let tries = Tries { pairs: self.parts.pairs, keys, card: *identifier.as_bytes() };
        tries.may_be()?;
        let original = self.random()?;
        let mut vars = Vars::new().with("original", &original);
        self.run(script, "get-challenge", &mut vars)?;
        let process = eight(&vars, "process")?;
        let proof = self.parts.keys.prove(key, KeyRole::ReadHolder, process, original)?;
        vars.set("proof", &proof);
        // A card so slow that its time is over here each time loses no try, and must not be taken for one that does.
        self.parts.lease.in_time()?;
        tries.begin()?;
        let status = match self.run(script, "external-authenticate", &mut vars) {
            // A refusal is one whether the script has a line for it or not.
            Err(CardError::Status { status, .. }) if status.sw1() == 0x63 || status == StatusWord::LOCKED => status,
            ended => ended?,
        };
        match status {
            StatusWord::OK => {
                tries.end();
                Ok(())
            }
            StatusWord::LOCKED => {
                tries.end();
                Err(CardError::KeyLocked)
            }
            refused => {
                tries.hold();
                Err(CardError::TerminalRefused { left: refused.tries_left() })
            }
        }
    }

    fn random(&self) -> Result<[u8; 8], CardError> {
        let mut bytes = [0; 8];
        self.parts.random.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// Bytes 1 to 7 of the historical bytes, the card's type, and 6 to 13, by which its keys are diversified.
fn historical(atr: &Atr) -> Result<([u8; 7], [u8; 8]), CardError> {
    let bytes = atr.historical();
    let parts = bytes.first_chunk::<7>().zip(bytes.get(5..13).and_then(|serial| serial.try_into().ok()));
    parts.map(|(kind, serial)| (*kind, serial)).ok_or(CardError::Historical(bytes.len()))
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
fn script_of(session: &Session<'_, '_>, version: &str) -> Result<String, CardError> {
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

/// What a card answers to INTERNAL AUTHENTICATE that has no such key or command, or may not use it: both randoms are the
/// terminal's and nothing has to come before, so that a genuine card has no reason to.
fn cannot_prove(status: StatusWord) -> bool {
    const CANNOT: [StatusWord; 10] = [
        StatusWord::KEY_NOT_FOUND,
        StatusWord::SECURITY_STATE,
        StatusWord::LOCKED,
        StatusWord::CONDITIONS,
        StatusWord::SECURE_MESSAGING,
        StatusWord::INSTRUCTION,
        StatusWord::CLASS,
        StatusWord::P1P2,
        StatusWord::NOT_SUPPORTED,
        StatusWord::FILE_NOT_FOUND,
    ];
    CANNOT.contains(&status)
}
