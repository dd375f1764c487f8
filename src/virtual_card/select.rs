//! SELECT and what it answers (card-facts §1.1, §3).

use super::bank;
use super::chip::Outcome;
use super::image::Directory;
use super::powered::{ENVIRONMENT, Powered, ROOT};
use super::records::Pointer;
use crate::apdu::{Command, StatusWord, tlv};

/// The short identifier of DIR, as seen in the field.
pub(super) const DIR: u8 = 0x1E;

impl Powered<'_> {
    pub(super) fn select(&mut self, command: &Command) -> Outcome {
        match (command.p1(), command.p2(), command.data()) {
            (0x04, 0x00, name) => self.select_by_name(name, ROOT),
            (0x04, 0x02, name) => self.select_by_name(name, self.session.directory),
            (0x00, 0x00, [] | [0x3F, 0x00]) => self.enter(ROOT),
            (0x00, 0x00, [0xEF, _] | [0x00, _]) | (0x02, 0x00, [_, _]) => self.select_file(command.data()),
            (0x00 | 0x01, 0x00, [_, _]) => self.select_directory(command.data()),
            (0x00..=0x02, 0x00, _) => StatusWord::LENGTH.into(),
            _ => StatusWord::P1P2.into(),
        }
    }

    /// The first directory behind `after` whose name begins so; the MF has none.
    fn select_by_name(&mut self, name: &[u8], after: usize) -> Outcome {
        let directories = self.card.directories.iter().enumerate().skip(after + 1);
        let named = |(_, directory): &(usize, &Directory)| !name.is_empty() && directory.aid.starts_with(name);
        match directories.into_iter().find(named).map(|(at, _)| at) {
            Some(at) => self.enter(at),
            None => StatusWord::FILE_NOT_FOUND.into(),
        }
    }

    /// The environment from everywhere, a DF from the environment and from the DFs beside it.
    fn select_directory(&mut self, fid: &[u8]) -> Outcome {
        let reached = |directory: &Directory| match directory.parent {
            Some(ROOT) => true,
            Some(ENVIRONMENT) => self.in_environment(),
            _ => false,
        };
        let is = |directory: &Directory| directory.fid.is_some_and(|own| own == *fid) && reached(directory);
        match self.card.directories.iter().position(is) {
            Some(at) => self.enter(at),
            None => StatusWord::FILE_NOT_FOUND.into(),
        }
    }

    /// Another directory takes back challenge and external rights, the same one keeps them (card-facts §2.1).
    fn enter(&mut self, directory: usize) -> Outcome {
        self.leave(directory);
        self.session.bank = bank::Selected::Nothing;
        if self.locked() {
            return StatusWord::APPLICATION_LOCKED.into();
        }
        Outcome::Waiting(self.fci(directory))
    }

    /// What goes when another directory than the current one is selected, and the current file always.
    pub(super) fn leave(&mut self, directory: usize) {
        if self.session.directory != directory {
            self.session.challenge = None;
            self.session.rights.leave();
        }
        self.session.directory = directory;
        self.session.file = None;
    }

    fn select_file(&mut self, fid: &[u8]) -> Outcome {
        let here = self.session.directory;
        match self.card.files.iter().position(|file| file.directory == here && file.fid == *fid) {
            Some(file) => {
                self.session.file = Some(Pointer::at(file));
                StatusWord::OK.into()
            }
            None => StatusWord::FILE_NOT_FOUND.into(),
        }
    }

    /// `6F{84 name, A5{88 SFI of DIR, 9F0C issuer data with 86 algorithm}}`; of a DF its name only, or 83 its identifier
    /// where it has none.
    fn fci(&self, directory: usize) -> Vec<u8> {
        let Directory { fid, aid, .. } = &self.card.directories[directory];
        let mut inner = match fid {
            Some(fid) if aid.is_empty() => tlv::record_bytes(0x83, fid),
            _ => tlv::record_bytes(0x84, aid),
        };
        if directory == ENVIRONMENT {
            let mut proprietary = Vec::new();
            if self.card.quirks.dir != super::image::Dir::Absent {
                proprietary.extend(tlv::record_bytes(0x88, &[DIR]));
            }
            if !self.card.quirks.no_algorithm_in_fci {
                proprietary.extend([0x9F, 0x0C, 0x03, 0x86, 0x01, self.card.algorithm.id()]);
            }
            inner.extend(tlv::record_bytes(0xA5, &proprietary));
        }
        tlv::record_bytes(0x6F, &inner)
    }
}
