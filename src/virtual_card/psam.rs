//! The PSAM (card-facts §4.3, STD-9).

use super::chip::{Chip, Outcome, Reaction, T0};
use super::image::{PsamImage, PsamKey};
use crate::apdu::{Command, StatusWord, ins, tlv};
use crate::cipher::{self, Algorithm, SessionKey};

/// The application under each environment, FID DF01.
const APPLICATION: &[u8] = &[0xD1, 0x56, 0x00, 0x00, 0x05, 0x90];
/// 公共信息 and 终端信息.
const PUBLIC: u8 = 0x15;
const TERMINAL: u8 = 0x16;
/// Usage types of keys that encipher: 7, and 8, which makes MACs as well (card-facts §2.2).
const ENCIPHERING: [u8; 2] = [7, 8];

/// A PSAM with a DES environment, an SM4 environment, or both.
pub struct VirtualPsam {
    image: PsamImage,
    atr: Vec<u8>,
    t0: T0,
    state: State,
}

/// What a reset takes back.
#[derive(Default)]
struct State {
    /// The environment; a reset selects the MF, which is the DES one.
    environment: Option<Algorithm>,
    application: bool,
    /// The current file of the application.
    file: Option<u8>,
    session: Option<SessionKey>,
}

impl VirtualPsam {
    pub(super) fn new(image: PsamImage, atr: Vec<u8>) -> Self {
        Self { image, atr, t0: T0::default(), state: State::default() }
    }

    fn run(&mut self, command: &Command) -> Outcome {
        match (command.cla(), command.ins()) {
            (0x00, ins::SELECT) => self.select(command),
            (0x00, ins::READ_BINARY) => self.read_binary(command),
            (0xBF, ins::DELIVERY_SESSION_KEY) => self.deliver_session_key(command),
            (0x80, ins::CIPHER_DATA) => self.cipher_data(command),
            (0x00 | 0x80 | 0xBF, _) => StatusWord::INSTRUCTION.into(),
            _ => StatusWord::CLASS.into(),
        }
    }

    fn select(&mut self, command: &Command) -> Outcome {
        match (command.p1(), command.p2(), command.data()) {
            (0x04, 0x00, name) => self.select_by_name(name),
            (0x00, 0x00, [] | [0x3F, 0x00]) => self.select_environment(Algorithm::TripleDes),
            (0x00, 0x00, [0xDD, 0xF1]) => self.select_environment(Algorithm::Ssf33),
            (0x00, 0x00, [0xDF, 0x01]) => self.select_application(),
            (0x00 | 0x02, 0x00, [0x00, file]) => self.select_file(*file),
            (0x00 | 0x02, 0x00, [_, _]) => StatusWord::FILE_NOT_FOUND.into(),
            (0x00 | 0x02, 0x00, _) => StatusWord::LENGTH.into(),
            _ => StatusWord::P1P2.into(),
        }
    }

    fn select_by_name(&mut self, name: &[u8]) -> Outcome {
        let environments = [Algorithm::TripleDes, Algorithm::Ssf33, Algorithm::Sm4];
        match environments.into_iter().find(|algorithm| environment_name(*algorithm) == name) {
            Some(algorithm) => self.select_environment(algorithm),
            None if name == APPLICATION => self.select_application(),
            None => StatusWord::FILE_NOT_FOUND.into(),
        }
    }

    fn select_environment(&mut self, algorithm: Algorithm) -> Outcome {
        if !self.image.environments.contains_key(&algorithm) {
            return StatusWord::FILE_NOT_FOUND.into();
        }
        self.state = State { environment: Some(algorithm), ..State::default() };
        fci(&environment_name(algorithm))
    }

    /// Under the environment that is selected, else under the first there is.
    fn select_application(&mut self) -> Outcome {
        let environment = self.state.environment.or_else(|| self.image.environments.keys().next().copied());
        if environment.is_none() {
            return StatusWord::FILE_NOT_FOUND.into();
        }
        self.state = State { environment, application: true, ..State::default() };
        fci(APPLICATION)
    }

    fn select_file(&mut self, file: u8) -> Outcome {
        if self.file(file).is_none() {
            return StatusWord::FILE_NOT_FOUND.into();
        }
        self.state.file = Some(file);
        StatusWord::OK.into()
    }

    fn file(&self, file: u8) -> Option<&[u8]> {
        match file {
            PUBLIC if self.state.application => Some(&self.image.public),
            TERMINAL if self.state.application => Some(&self.image.terminal),
            _ => None,
        }
    }

    fn read_binary(&mut self, command: &Command) -> Outcome {
        let by_sfi = command.p1() & 0xE0 == 0x80;
        let file = if by_sfi { Some(command.p1() & 0x1F) } else { self.state.file };
        let Some(file) = file else {
            return StatusWord::NO_CURRENT_EF.into();
        };
        let high = if by_sfi { 0 } else { command.p1() & 0x7F };
        let offset = usize::from(u16::from_be_bytes([high, command.p2()]));
        let outcome = match self.file(file).map(|bytes| bytes.get(offset..).filter(|rest| !rest.is_empty())) {
            None => return StatusWord::FILE_NOT_FOUND.into(),
            Some(None) => return StatusWord::OFFSET.into(),
            Some(Some(rest)) => Outcome::Read { data: rest.to_vec(), exact: false },
        };
        self.state.file = Some(file);
        outcome
    }

    fn deliver_session_key(&mut self, command: &Command) -> Outcome {
        self.state.session = None;
        let Some((algorithm, key)) = self.key(command.p2()) else {
            return StatusWord::KEY_NOT_FOUND.into();
        };
        let (levels, kind) = (command.p1() >> 5, command.p1() & 0x1F);
        if kind != key.kind || !ENCIPHERING.contains(&kind) {
            return StatusWord::KEY_NOT_FOUND.into();
        }
        let tail = algorithm.block();
        let Some(factors) = command.data().len().checked_sub(tail).filter(|factors| factors % 8 == 0) else {
            return StatusWord::LENGTH.into();
        };
        if levels != key.levels || factors != 8 * usize::from(levels) {
            return StatusWord::DATA.into();
        }
        match session(algorithm, key, &command.data()[..factors], &command.data()[factors..]) {
            Some(session) => {
                self.state.session = Some(session);
                StatusWord::OK.into()
            }
            None => StatusWord::DATA.into(),
        }
    }

    fn key(&self, id: u8) -> Option<(Algorithm, &PsamKey)> {
        let algorithm = self.state.environment.filter(|_| self.state.application)?;
        Some((algorithm, self.image.environments.get(&algorithm)?.get(&id)?))
    }

    /// One block, enciphered with the process key, which is used up by it.
    fn cipher_data(&mut self, command: &Command) -> Outcome {
        if (command.p1(), command.p2()) != (0x00, 0x00) {
            return StatusWord::P1P2.into();
        }
        let Some(session) = self.state.session.take() else {
            return StatusWord::CONDITIONS.into();
        };
        if command.data().len() != session.block() {
            return StatusWord::LENGTH.into();
        }
        let block = session.encrypt(command.data()).to_vec();
        // The two ways seen in the field (card-facts §4.3).
        if session.block() == 8 { Outcome::Waiting(block) } else { Outcome::AtOnce(block) }
    }
}

/// The name `sxN.sh.社会保障`, N the algorithm's number.
fn environment_name(algorithm: Algorithm) -> Vec<u8> {
    let mut name = super::card::SSSE.to_vec();
    name[2] = b'0' + algorithm.id();
    name
}

fn fci(name: &[u8]) -> Outcome {
    Outcome::Waiting(tlv::record_bytes(0x6F, &tlv::record_bytes(0x84, name)))
}

/// The process key of the card whose factors these are, in the order card, city, province. `None` when what fills the
/// process factor to a block is not 00.
fn session(algorithm: Algorithm, key: &PsamKey, factors: &[u8], process: &[u8]) -> Option<SessionKey> {
    let (process, filling) = process.split_first_chunk::<8>()?;
    if filling.iter().any(|byte| *byte != 0) {
        return None;
    }
    let descending: Vec<[u8; 8]> = factors.chunks_exact(8).rev().filter_map(|factor| factor.try_into().ok()).collect();
    let card_key = cipher::diversify_by(algorithm, &key.key, &descending).ok()?;
    SessionKey::derive(algorithm, &card_key, *process).ok()
}

impl Chip for VirtualPsam {
    fn answer(&mut self, tpdu: &[u8]) -> Reaction {
        let mut t0 = std::mem::take(&mut self.t0);
        let reaction = t0.answer(tpdu, |command| self.run(command));
        self.t0 = t0;
        reaction
    }

    fn reset(&mut self) {
        self.state = State::default();
        self.t0.reset();
    }

    fn atr(&self) -> Vec<u8> {
        self.atr.clone()
    }
}
