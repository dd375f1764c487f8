//! The holder's card: files, access conditions, PIN, both authentications (card-facts §1 to §4).

use std::sync::Arc;

use super::chip::{Chip, Outcome, Reaction, T0};
use super::image::CardImage;
use super::records::{File, Pointer};
use super::rights::{Pin, Rights};
use crate::apdu::{Command, StatusWord, ins, tlv};
use crate::cipher;
use crate::world::Random;

/// `sx1.sh.社会保障` in GBK, the name of the social security environment.
pub(super) const SSSE: &[u8] = b"sx1.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF";
/// The key reference of RKSSSE in EXTERNAL AUTHENTICATE (card-facts §2.2).
const RKSSSE: u8 = 0x0A;
/// Short identifiers and FIDs of the environment's files; DIR is there and empty: every application may be present.
const EF05: u8 = 0x05;
const EF06: u8 = 0x06;
const DIR: u8 = 0x1E;

/// A social security card.
pub struct VirtualCard {
    image: CardImage,
    atr: Vec<u8>,
    random: Arc<dyn Random>,
    t0: T0,
    state: State,
    rights: Rights,
    pin: Pin,
}

/// What a reset takes back.
#[derive(Default)]
struct State {
    /// In the social security environment, not in the MF.
    environment: bool,
    current: Option<Pointer>,
    challenge: Option<[u8; 8]>,
}

impl VirtualCard {
    pub(super) fn new(image: CardImage, atr: Vec<u8>, random: Arc<dyn Random>) -> Self {
        let rights = Rights::new(image.key_tries);
        let pin = Pin::new(image.pin.clone(), image.pin_tries);
        Self { image, atr, random, t0: T0::default(), state: State::default(), rights, pin }
    }

    fn run(&mut self, command: &Command) -> Outcome {
        if self.image.quirks.blocked {
            return StatusWord::NOT_SUPPORTED.into();
        }
        if command.cla() != 0x00 {
            return StatusWord::CLASS.into();
        }
        match command.ins() {
            ins::SELECT => self.select(command),
            _ if self.image.quirks.application_locked && self.state.environment => {
                StatusWord::APPLICATION_LOCKED.into()
            }
            ins::READ_RECORD => self.read_record(command),
            ins::READ_BINARY => self.read_binary(command),
            ins::GET_CHALLENGE => self.get_challenge(command),
            ins::INTERNAL_AUTHENTICATE => self.internal_authenticate(command),
            ins::EXTERNAL_AUTHENTICATE => self.external_authenticate(command),
            ins::VERIFY => self.verify(command),
            _ => StatusWord::INSTRUCTION.into(),
        }
    }

    fn select(&mut self, command: &Command) -> Outcome {
        match (command.p1(), command.p2(), command.data()) {
            (0x04, 0x00, name) if name == SSSE => self.select_environment(),
            (0x04, 0x00 | 0x02, _) => StatusWord::FILE_NOT_FOUND.into(),
            (0x00, 0x00, [] | [0x3F, 0x00]) => self.select_root(),
            (0x00, 0x00, [0xDD, 0xF1]) => self.select_environment(),
            (0x00 | 0x02, 0x00, [0xEF, sfi]) => self.select_file(*sfi),
            (0x00 | 0x02, 0x00, [_, _]) => StatusWord::FILE_NOT_FOUND.into(),
            (0x00 | 0x02, 0x00, _) => StatusWord::LENGTH.into(),
            _ => StatusWord::P1P2.into(),
        }
    }

    fn select_root(&mut self) -> Outcome {
        self.enter(false);
        Outcome::Waiting(tlv::record_bytes(0x6F, &tlv::record_bytes(0x83, &[0x3F, 0x00])))
    }

    fn select_environment(&mut self) -> Outcome {
        self.enter(true);
        if self.image.quirks.application_locked {
            return StatusWord::APPLICATION_LOCKED.into();
        }
        Outcome::Waiting(self.fci())
    }

    /// Another application takes back challenge and external rights, the same one keeps them (card-facts §2.1).
    fn enter(&mut self, environment: bool) {
        if self.state.environment != environment {
            self.state.challenge = None;
            self.rights.leave();
        }
        self.state.environment = environment;
        self.state.current = None;
    }

    fn select_file(&mut self, sfi: u8) -> Outcome {
        match self.file(sfi) {
            Ok(_) => {
                self.state.current = Some(Pointer::at(sfi));
                StatusWord::OK.into()
            }
            Err(status) => status.into(),
        }
    }

    /// `6F{84 name, A5{88 SFI of DIR, 9F0C issuer data with 86 algorithm}}` (card-facts §1.1).
    fn fci(&self) -> Vec<u8> {
        let mut proprietary = tlv::record_bytes(0x88, &[DIR]);
        if !self.image.quirks.no_algorithm_in_fci {
            proprietary.extend_from_slice(&[0x9F, 0x0C, 0x03, 0x86, 0x01, self.image.algorithm.id()]);
        }
        let inner = [tlv::record_bytes(0x84, SSSE), tlv::record_bytes(0xA5, &proprietary)].concat();
        tlv::record_bytes(0x6F, &inner)
    }

    fn file(&self, sfi: u8) -> Result<File<'_>, StatusWord> {
        match sfi {
            EF05 if self.state.environment => Ok(File { records: &self.image.ef05, key: None }),
            EF06 if self.state.environment => {
                // Free on 1.0 and 2.0, behind RKSSSE on 3.0 (card-facts §2.1).
                Ok(File { records: &self.image.ef06, key: (self.image.generation >= b'3').then_some(RKSSSE) })
            }
            DIR if self.state.environment => Ok(File { records: &[], key: None }),
            _ => Err(StatusWord::FILE_NOT_FOUND),
        }
    }

    fn read_record(&mut self, command: &Command) -> Outcome {
        let pointer = match (command.p2() >> 3, self.state.current) {
            (0, None) => return StatusWord::NO_CURRENT_EF.into(),
            (0, Some(current)) => current,
            (sfi, Some(current)) if current.sfi == sfi => current,
            (sfi, _) => Pointer::at(sfi),
        };
        let found = self.file(pointer.sfi).and_then(|file| {
            if file.key.is_some_and(|key| !self.rights.has(key)) {
                return Err(StatusWord::SECURITY_STATE);
            }
            file.read(pointer, command.p1(), command.p2() & 0b111, !self.image.quirks.no_whole_file)
        });
        match found {
            Err(status) => status.into(),
            Ok((data, pointer)) => {
                // A length the card refuses does not move its pointer to another record.
                let served = command.le().is_some_and(|le| le != 0 && usize::from(le) <= data.len());
                if served || self.state.current.map(|current| current.sfi) != Some(pointer.sfi) {
                    self.state.current = Some(if served { pointer } else { Pointer::at(pointer.sfi) });
                }
                Outcome::Read { data, exact: self.image.quirks.exact_le }
            }
        }
    }

    /// The files of this card are records; READ BINARY finds none it could read.
    fn read_binary(&mut self, command: &Command) -> Outcome {
        let sfi = match (command.p1() & 0xE0, self.state.current) {
            (0x80, _) => command.p1() & 0x1F,
            (_, Some(current)) => current.sfi,
            (_, None) => return StatusWord::NO_CURRENT_EF.into(),
        };
        match self.file(sfi) {
            Ok(_) => StatusWord::FILE_STRUCTURE.into(),
            Err(status) => status.into(),
        }
    }

    /// 4, 8 or 16 bytes; only a challenge of 8 can be a process factor.
    fn get_challenge(&mut self, command: &Command) -> Outcome {
        if (command.p1(), command.p2()) != (0, 0) {
            return StatusWord::P1P2.into();
        }
        if !command.data().is_empty() {
            return StatusWord::LENGTH.into();
        }
        let length = match command.le() {
            Some(le @ (4 | 8 | 16)) => usize::from(le),
            None | Some(0) => return Outcome::Read { data: vec![0; 8], exact: true },
            Some(_) => return StatusWord::LENGTH.into(),
        };
        let mut bytes = vec![0; length];
        if self.random.fill(&mut bytes).is_err() {
            return StatusWord::INVALID.into();
        }
        self.state.challenge = bytes.as_slice().try_into().ok();
        Outcome::Read { data: bytes, exact: true }
    }

    fn internal_authenticate(&mut self, command: &Command) -> Outcome {
        let Some((process, original)) = two_blocks(command.data()) else {
            return StatusWord::LENGTH.into();
        };
        if command.p1() != 0x00 {
            return StatusWord::P1P2.into();
        }
        if command.p2() != 0x00 || !self.state.environment {
            return StatusWord::KEY_NOT_FOUND.into();
        }
        match cipher::authentication_data(self.image.algorithm, &self.image.irk, process, original) {
            Ok(answer) => Outcome::Waiting(answer.to_vec()),
            Err(_) => StatusWord::NOT_SUPPORTED.into(),
        }
    }

    fn external_authenticate(&mut self, command: &Command) -> Outcome {
        let Some((claimed, original)) = two_blocks(command.data()) else {
            return StatusWord::LENGTH.into();
        };
        if command.p1() != 0x00 {
            return StatusWord::P1P2.into();
        }
        let key = command.p2();
        if key != RKSSSE || !self.state.environment {
            return StatusWord::KEY_NOT_FOUND.into();
        }
        if self.rights.locked() {
            return StatusWord::LOCKED.into();
        }
        let Some(process) = self.state.challenge.take() else {
            return StatusWord::REFERENCE_DATA.into();
        };
        match cipher::authentication_data(self.image.algorithm, &self.image.rkssse, process, original) {
            Ok(expected) => self.rights.prove(key, &expected, &claimed).into(),
            Err(_) => StatusWord::NOT_SUPPORTED.into(),
        }
    }

    fn verify(&mut self, command: &Command) -> Outcome {
        if (command.p1(), command.p2()) != (0, 0) {
            return StatusWord::P1P2.into();
        }
        match command.data() {
            [] => self.pin.query().into(),
            pin if (2..=8).contains(&pin.len()) => self.pin.verify(pin).into(),
            _ => StatusWord::LENGTH.into(),
        }
    }
}

/// 16 bytes in two halves; a key version may stand behind them (card-facts §3).
fn two_blocks(data: &[u8]) -> Option<([u8; 8], [u8; 8])> {
    let (first, rest) = data.split_first_chunk::<8>()?;
    let (second, version) = rest.split_first_chunk::<8>()?;
    (version.len() <= 1).then_some((*first, *second))
}

impl Chip for VirtualCard {
    fn answer(&mut self, tpdu: &[u8]) -> Reaction {
        let mut t0 = std::mem::take(&mut self.t0);
        let reaction = t0.answer(tpdu, |command| self.run(command));
        self.t0 = t0;
        reaction
    }

    fn reset(&mut self) {
        self.state = State::default();
        self.rights.leave();
        self.t0.reset();
    }

    fn atr(&self) -> Vec<u8> {
        self.atr.clone()
    }
}
