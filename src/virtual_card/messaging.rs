//! Secure messaging: a command's MAC, and the data it enciphers (card-facts §3.2, STD-4).

use subtle::ConstantTimeEq;

use super::chip::Outcome;
use super::memory::Bytes;
use super::powered::Powered;
use crate::apdu::{Command, StatusWord};
use crate::cipher::{self, SessionKey};

/// What a file demands of the commands that write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Messaging {
    /// Nothing: plain commands and those with a MAC are taken.
    #[default]
    Plain,
    /// A MAC.
    Mac,
    /// A MAC, and the data enciphered.
    Enciphered,
}

/// The data of a command whose MAC was right.
pub(super) struct Opened {
    data: Bytes,
    key: SessionKey,
}

impl Opened {
    /// The data in clear: LD ‖ plain, filled up to a block.
    pub(super) fn deciphered(&self) -> Result<Bytes, StatusWord> {
        cipher::decipher(&self.key, &self.data).ok_or(StatusWord::SECURE_MESSAGING)
    }
}

impl Powered<'_> {
    /// Checks a command's MAC with the key of the current directory and the last challenge, which it uses up.
    pub(super) fn open(&mut self, command: &Command) -> Result<Opened, StatusWord> {
        let (data, mac) = command.data().split_last_chunk::<4>().ok_or(StatusWord::LENGTH)?;
        let key = self.messaging_key().ok_or(StatusWord::KEY_NOT_FOUND)?;
        let factor = self.session.challenge.take().ok_or(StatusWord::REFERENCE_DATA)?;
        let key = self.card.suite.session(&self.card.keys[key].key, factor);
        let header = [command.cla(), command.ins(), command.p1(), command.p2()];
        let expected = cipher::command_mac(&key, header, data).map_err(|_| StatusWord::LENGTH)?;
        if !bool::from(expected.as_slice().ct_eq(mac)) {
            return Err(StatusWord::SECURE_MESSAGING);
        }
        Ok(Opened { data: Bytes::new(data.to_vec()), key })
    }

    /// What a command that writes brings, once it may: the right first, then the MAC.
    pub(super) fn data_to_write(&mut self, command: &Command, file: usize) -> Result<Bytes, StatusWord> {
        let demanded = self.card.files[file].messaging;
        self.may_write(file)?;
        if command.cla() & 0x0F != 0x04 {
            let plain = demanded == Messaging::Plain;
            return if plain { Ok(Bytes::new(command.data().to_vec())) } else { Err(StatusWord::SECURE_MESSAGING) };
        }
        let opened = self.open(command)?;
        if demanded == Messaging::Enciphered { opened.deciphered() } else { Ok(opened.data) }
    }

    /// APPLICATION BLOCK: the current application answers 9303 from now on, for good (card-facts §9).
    pub(super) fn block_application(&mut self, command: &Command) -> Outcome {
        let directory = self.session.directory;
        match self.authorised_block(command, (0x00, 0x01)) {
            Ok(()) => {
                self.memory.locked.insert(directory);
                StatusWord::OK.into()
            }
            Err(status) => status.into(),
        }
    }

    /// CARD BLOCK: the card answers 6A81 from now on, for good.
    pub(super) fn block_card(&mut self, command: &Command) -> Outcome {
        match self.authorised_block(command, (0x00, 0x00)) {
            Ok(()) => {
                self.memory.blocked = true;
                StatusWord::OK.into()
            }
            Err(status) => status.into(),
        }
    }

    /// The lock key of the directory must be proven where it has one (BK, LKDF03, LKDF04), then the MAC must be right.
    fn authorised_block(&mut self, command: &Command, p1p2: (u8, u8)) -> Result<(), StatusWord> {
        if (command.p1(), command.p2()) != p1p2 {
            return Err(StatusWord::P1P2);
        }
        if command.data().len() != 4 {
            return Err(StatusWord::LENGTH);
        }
        if self.lock_key().is_some_and(|key| !self.session.rights.key(key)) {
            return Err(StatusWord::SECURITY_STATE);
        }
        self.open(command).map(|_| ())
    }
}
