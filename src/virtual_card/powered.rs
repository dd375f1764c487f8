//! A card while it has power: what is selected, what was proven, and which command does what (card-facts §3).

use super::chip::Outcome;
use super::image::CardImage;
use super::memory::Cells;
use super::records::{self, Pointer};
use super::rights::Rights;
use super::{account, bank};
use crate::apdu::{Command, StatusWord, ins};
use crate::reader::Interface;
use crate::world::Random;

/// The MF, and the social security environment under it, by their places among an image's directories.
pub(super) const ROOT: usize = 0;
pub(super) const ENVIRONMENT: usize = 1;

/// What a reset takes back.
#[derive(Default)]
pub(super) struct Session {
    /// The current directory, by its place in the image.
    pub(super) directory: usize,
    pub(super) file: Option<Pointer>,
    pub(super) challenge: Option<[u8; 8]>,
    pub(super) rights: Rights,
    /// The transaction of the medical account that was begun.
    pub(super) account: account::Pending,
    /// What of the bank application is selected.
    pub(super) bank: bank::Selected,
    /// The power lasts for so many more bytes that are written to a file.
    pub(super) power_for: Option<u8>,
}

/// A card, and what it is in the middle of.
pub(super) struct Powered<'a> {
    pub(super) card: &'a CardImage,
    pub(super) memory: &'a mut Cells,
    pub(super) session: &'a mut Session,
    pub(super) random: &'a dyn Random,
}

impl Powered<'_> {
    /// Carries a command out.
    pub(super) fn run(&mut self, command: &Command) -> Outcome {
        if self.memory.blocked {
            return StatusWord::NOT_SUPPORTED.into();
        }
        if let Some(outcome) = self.bank(command) {
            return outcome;
        }
        if !matches!(command.cla(), 0x00 | 0x04 | 0x80 | 0x84 | 0xB0) {
            return StatusWord::CLASS.into();
        }
        if self.locked() && (command.cla(), command.ins()) != (0x00, ins::SELECT) {
            return StatusWord::APPLICATION_LOCKED.into();
        }
        if command.cla() != 0xB0 {
            // Any other command gives up the transaction that was begun.
            self.session.account = account::Pending::None;
        }
        match (command.cla(), command.ins()) {
            (0xB0, _) => self.account(command),
            (0x00, ins::SELECT) => self.select(command),
            (0x00, ins::READ_RECORD) => self.read_record(command),
            (0x00, ins::READ_BINARY) => self.read_binary(command),
            (0x00 | 0x04, ins::UPDATE_RECORD) => self.update_record(command),
            (0x00 | 0x04, ins::UPDATE_BINARY) => self.update_binary(command),
            (0x00, ins::GET_CHALLENGE) => self.get_challenge(command),
            (0x00, ins::INTERNAL_AUTHENTICATE) => self.internal_authenticate(command),
            (0x00, ins::EXTERNAL_AUTHENTICATE) => self.external_authenticate(command),
            (0x00, ins::VERIFY) => self.verify(command),
            (0x00, ins::PERFORM_SECURITY_OPERATION) => self.sign(command),
            (0x80, ins::CHANGE_PIN) => self.change_pin(command),
            (0x84, ins::UNBLOCK_PIN) => self.unblock_pin(command),
            (0x84, ins::APPLICATION_BLOCK) => self.block_application(command),
            (0x84, ins::CARD_BLOCK) => self.block_card(command),
            (0x00, _) => StatusWord::INSTRUCTION.into(),
            _ => StatusWord::CLASS.into(),
        }
    }

    fn read_record(&mut self, command: &Command) -> Outcome {
        match self.record(command) {
            Err(status) => status.into(),
            Ok((data, pointer)) => {
                // A length the card refuses does not move its pointer to another record.
                let served = match (self.card.interface, command.le()) {
                    (_, None) => false,
                    (Interface::Contact, Some(le)) => le != 0 && usize::from(le) <= data.len(),
                    (Interface::Contactless, Some(_)) => true,
                };
                if served || self.session.file.map(|current| current.file) != Some(pointer.file) {
                    self.session.file = Some(if served { pointer } else { Pointer::at(pointer.file) });
                }
                Outcome::Read { data, exact: self.card.quirks.exact_le }
            }
        }
    }

    fn record(&self, command: &Command) -> Result<(Vec<u8>, Pointer), StatusWord> {
        let pointer = self.pointed(command.p2() >> 3)?;
        self.may_read(pointer.file)?;
        let content = &self.memory.files[pointer.file];
        records::read(content, pointer, command.p1(), command.p2(), !self.card.quirks.no_whole_file)
    }

    fn update_record(&mut self, command: &Command) -> Outcome {
        match self.write_record(command) {
            Ok(pointer) => {
                self.session.file = Some(pointer);
                StatusWord::OK.into()
            }
            Err(status) => status.into(),
        }
    }

    fn write_record(&mut self, command: &Command) -> Result<Pointer, StatusWord> {
        let pointer = self.pointed(command.p2() >> 3)?;
        let data = self.data_to_write(command, pointer.file)?;
        let power = self.session.power_for.map_or(usize::MAX, usize::from);
        records::update(&mut self.memory.files[pointer.file], pointer, (command.p1(), command.p2()), &data, power)
    }

    /// The file that a short identifier names, 0 the current one, with its current record.
    fn pointed(&self, sfi: u8) -> Result<Pointer, StatusWord> {
        if sfi == 0 {
            return self.session.file.ok_or(StatusWord::NO_CURRENT_EF);
        }
        let named = self.file_of(sfi)?;
        Ok(self.session.file.filter(|current| current.file == named.file).unwrap_or(named))
    }

    /// Whether the holder has shown to be it where this card can ask for that: a card may have no PIN.
    pub(super) fn identified(&self) -> bool {
        let pin = self.pin();
        !self.memory.pins[pin].is_set() || self.session.rights.meet(super::rights::Condition::Pin, pin)
    }

    /// The file of the current directory with this short identifier.
    pub(super) fn file_of(&self, sfi: u8) -> Result<Pointer, StatusWord> {
        let here = |file: &super::image::FileImage| file.directory == self.session.directory && file.sfi() == sfi;
        self.card.files.iter().position(here).map(Pointer::at).ok_or(StatusWord::FILE_NOT_FOUND)
    }

    /// Whether the file may be read now.
    pub(super) fn may_read(&self, file: usize) -> Result<(), StatusWord> {
        let file = &self.card.files[file];
        self.met(file.directory, file.read)
    }

    /// Whether it may be written now.
    pub(super) fn may_write(&self, file: usize) -> Result<(), StatusWord> {
        let file = &self.card.files[file];
        self.met(file.directory, file.write)
    }

    fn met(&self, directory: usize, condition: super::rights::Condition) -> Result<(), StatusWord> {
        let met = self.session.rights.meet(condition, self.pin_of(directory));
        met.then_some(()).ok_or(StatusWord::SECURITY_STATE)
    }

    /// Whether the current directory is the environment or lies under it.
    pub(super) fn in_environment(&self) -> bool {
        self.session.directory == ENVIRONMENT
            || self.card.directories[self.session.directory].parent == Some(ENVIRONMENT)
    }

    /// Whether the current application, or the environment around it, was blocked.
    pub(super) fn locked(&self) -> bool {
        let here = self.session.directory;
        let around = self.card.directories[here].parent;
        self.memory.locked.contains(&here) || around.is_some_and(|parent| self.memory.locked.contains(&parent))
    }

    /// The key that EXTERNAL AUTHENTICATE names by P2: b8 = 0 one of the environment, 1 one of the current directory
    /// (card-facts §2.2).
    pub(super) fn key_of(&self, reference: u8) -> Option<usize> {
        let directory = if reference & 0x80 == 0 { ENVIRONMENT } else { self.session.directory };
        let is = |key: &super::image::CardKey| key.directory == directory && key.proves == Some(reference);
        self.in_environment().then(|| self.card.keys.iter().position(is)).flatten()
    }

    /// The key of secure messaging: the current directory's, or the environment's where it has none.
    pub(super) fn messaging_key(&self) -> Option<usize> {
        let of = |directory: usize| self.card.directories[directory].messaging;
        of(self.session.directory).or_else(|| self.in_environment().then(|| of(ENVIRONMENT)).flatten())
    }

    /// The key that must be proven before the current application, or the card, is blocked.
    pub(super) fn lock_key(&self) -> Option<usize> {
        self.card.directories[self.session.directory].lock
    }
}
