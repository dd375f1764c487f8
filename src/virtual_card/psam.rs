//! The PSAM (card-facts §4.3, STD-9).

use super::chip::{Chip, Outcome, Reaction, T0};
use super::image::PsamImage;
use super::psam_keys::Delivered;
use super::psam_purchase::Begun;
use crate::apdu::{Command, StatusWord, ins, tlv};
use crate::cipher::Algorithm;

/// The application under each environment, FID DF01.
const APPLICATION: &[u8] = &[0xD1, 0x56, 0x00, 0x00, 0x05, 0x90];
/// 公共信息 and 终端信息.
const PUBLIC: u8 = 0x15;
const TERMINAL: u8 = 0x16;
/// The terminal's transaction sequence number, 4 bytes.
const SEQUENCE: u8 = 0x19;

/// A PSAM with environments for some of the algorithms.
pub struct VirtualPsam {
    pub(super) image: PsamImage,
    atr: Vec<u8>,
    t0: T0,
    pub(super) state: State,
    /// Of the next purchase. It outlives resets.
    pub(super) terminal_sequence: u32,
}

/// What a reset takes back.
#[derive(Default)]
pub(super) struct State {
    /// The environment; a reset selects the MF, which is the DES one.
    pub(super) environment: Option<Algorithm>,
    pub(super) application: bool,
    /// The current file of the application.
    file: Option<u8>,
    pub(super) delivered: Option<Delivered>,
    pub(super) purchase: Option<Begun>,
}

impl VirtualPsam {
    pub(super) fn new(image: PsamImage, atr: Vec<u8>) -> Self {
        let terminal_sequence = image.terminal_sequence;
        Self { image, atr, t0: T0::default(), state: State::default(), terminal_sequence }
    }

    fn run(&mut self, command: &Command) -> Outcome {
        let purchase = self.state.purchase.take();
        match (command.cla(), command.ins()) {
            (0x80, ins::INIT_SAM_FOR_PURCHASE) => self.init_sam_for_purchase(command),
            (0x80, ins::CREDIT_SAM_FOR_PURCHASE) => {
                self.state.purchase = purchase;
                self.credit_sam_for_purchase(command)
            }
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

    fn file(&self, file: u8) -> Option<Vec<u8>> {
        match file {
            PUBLIC if self.state.application => Some(self.image.public.to_vec()),
            TERMINAL if self.state.application => Some(self.image.terminal.to_vec()),
            SEQUENCE if self.state.application => Some(self.terminal_sequence.to_be_bytes().to_vec()),
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
        let bytes = self.file(file);
        let outcome = match bytes.as_ref().map(|bytes| bytes.get(offset..).filter(|rest| !rest.is_empty())) {
            None => return StatusWord::FILE_NOT_FOUND.into(),
            Some(None) => return StatusWord::OFFSET.into(),
            Some(Some(rest)) => Outcome::Read { data: rest.to_vec(), exact: false },
        };
        self.state.file = Some(file);
        outcome
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
