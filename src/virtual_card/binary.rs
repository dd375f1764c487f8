//! READ BINARY and UPDATE BINARY (card-facts §3).

use super::chip::Outcome;
use super::memory::Content;
use super::powered::Powered;
use super::records::Pointer;
use crate::apdu::{Command, StatusWord};

/// Where in which file.
struct Place {
    pointer: Pointer,
    offset: usize,
}

impl Powered<'_> {
    pub(super) fn read_binary(&mut self, command: &Command) -> Outcome {
        match self.bytes_from(command) {
            Ok(data) => Outcome::Read { data, exact: false },
            Err(status) => status.into(),
        }
    }

    fn bytes_from(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let Place { pointer, offset } = self.place(command)?;
        let Content::Transparent(bytes) = &self.memory.files[pointer.file] else {
            return Err(StatusWord::FILE_STRUCTURE);
        };
        let rest = bytes.get(offset..).filter(|rest| !rest.is_empty()).ok_or(StatusWord::OFFSET);
        let may = self.may_read(pointer.file);
        self.session.file = Some(pointer);
        may?;
        rest.map(<[u8]>::to_vec)
    }

    pub(super) fn update_binary(&mut self, command: &Command) -> Outcome {
        self.write_bytes(command).map_or_else(Into::into, |()| StatusWord::OK.into())
    }

    fn write_bytes(&mut self, command: &Command) -> Result<(), StatusWord> {
        let Place { pointer, offset } = self.place(command)?;
        if !matches!(self.memory.files[pointer.file], Content::Transparent(_)) {
            return Err(StatusWord::FILE_STRUCTURE);
        }
        let data = self.data_to_write(command, pointer.file)?;
        let Content::Transparent(bytes) = &mut self.memory.files[pointer.file] else {
            return Err(StatusWord::FILE_STRUCTURE);
        };
        if offset >= bytes.len() {
            return Err(StatusWord::OFFSET);
        }
        let place = bytes.get_mut(offset..offset + data.len()).ok_or(StatusWord::NO_SPACE)?;
        let written = self.session.power_for.map_or(data.len(), |bytes| data.len().min(bytes.into()));
        place[..written].copy_from_slice(&data[..written]);
        self.session.file = Some(pointer);
        Ok(())
    }

    /// P1 = 100xxxxx: short identifier, and P2 the offset; P1 = 0xxxxxxx: the current file, and an offset of 15 bits.
    fn place(&self, command: &Command) -> Result<Place, StatusWord> {
        let (p1, p2) = (command.p1(), command.p2());
        match p1 >> 5 {
            0b100 => Ok(Place { pointer: self.file_of(p1 & 0x1F)?, offset: p2.into() }),
            0b000..0b100 => {
                let pointer = self.session.file.ok_or(StatusWord::NO_CURRENT_EF)?;
                Ok(Place { pointer, offset: u16::from_be_bytes([p1, p2]).into() })
            }
            _ => Err(StatusWord::P1P2),
        }
    }
}
