//! A command APDU, short length only: the card answers at most 256 bytes (card-facts §8).

use std::fmt;

use zeroize::Zeroizing;

/// Instruction bytes of the card's commands (card-facts §3).
pub mod ins {
    /// CARD BLOCK (CLA 84).
    pub const CARD_BLOCK: u8 = 0x16;
    /// APPLICATION BLOCK (CLA 84).
    pub const APPLICATION_BLOCK: u8 = 0x1E;
    /// VERIFY.
    pub const VERIFY: u8 = 0x20;
    /// PIN CHANGE/UNBLOCK (CLA 84).
    pub const UNBLOCK_PIN: u8 = 0x24;
    /// PERFORM SECURITY OPERATION (ISO/IEC 7816-8).
    pub const PERFORM_SECURITY_OPERATION: u8 = 0x2A;
    /// CHANGE PIN (CLA 80).
    pub const CHANGE_PIN: u8 = 0x5E;
    /// EXTERNAL AUTHENTICATE.
    pub const EXTERNAL_AUTHENTICATE: u8 = 0x82;
    /// GET CHALLENGE.
    pub const GET_CHALLENGE: u8 = 0x84;
    /// INTERNAL AUTHENTICATE.
    pub const INTERNAL_AUTHENTICATE: u8 = 0x88;
    /// SELECT.
    pub const SELECT: u8 = 0xA4;
    /// READ BINARY.
    pub const READ_BINARY: u8 = 0xB0;
    /// READ RECORD.
    pub const READ_RECORD: u8 = 0xB2;
    /// GET RESPONSE.
    pub const GET_RESPONSE: u8 = 0xC0;
    /// UPDATE BINARY.
    pub const UPDATE_BINARY: u8 = 0xD6;
    /// UPDATE RECORD.
    pub const UPDATE_RECORD: u8 = 0xDC;
    /// DELIVERY SESSION KEY, on a PSAM (CLA BF).
    pub const DELIVERY_SESSION_KEY: u8 = 0xDE;
    /// CIPHER DATA, on a PSAM (CLA 80).
    pub const CIPHER_DATA: u8 = 0xFA;
    /// INIT SAM FOR PURCHASE, on a PSAM (CLA 80).
    pub const INIT_SAM_FOR_PURCHASE: u8 = 0x70;
    /// CREDIT SAM FOR PURCHASE, on a PSAM (CLA 80).
    pub const CREDIT_SAM_FOR_PURCHASE: u8 = 0x72;
    /// GET BALANCE (CLA B0).
    pub const GET_BALANCE: u8 = 0x26;
    /// INITIALIZE FOR LOAD, P1 = 00, and FOR PURCHASE, P1 = 01 (CLA B0).
    pub const INITIALIZE: u8 = 0x28;
    /// CREDIT FOR LOAD (CLA B0).
    pub const CREDIT_FOR_LOAD: u8 = 0x2A;
    /// DEBIT FOR PURCHASE (CLA B0).
    pub const DEBIT_FOR_PURCHASE: u8 = 0x2C;
    /// GET TRANSACTION PROOF (CLA B0).
    pub const GET_TRANSACTION_PROOF: u8 = 0x2E;
    /// UPDATE STARTING DAY, P1 = 00, and GET STARTING DAY, P1 = 01 (CLA B0).
    pub const STARTING_DAY: u8 = 0x56;
    /// GET PROCESSING OPTIONS of the bank application (CLA 80, EMV book 3).
    pub const GET_PROCESSING_OPTIONS: u8 = 0xA8;
}

/// A command APDU: header, data, and the length expected back. Its data is wiped on drop and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    cla: u8,
    ins: u8,
    p1: u8,
    p2: u8,
    data: Zeroizing<Vec<u8>>,
    le: Option<u8>,
}

/// Why bytes are not a short command APDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Fewer than four bytes.
    #[error("a command has at least 4 bytes, this has {0}")]
    Short(usize),
    /// Lc does not agree with the bytes that follow it.
    #[error("Lc is {lc}, but {follows} bytes follow")]
    Length {
        /// The length the command states.
        lc: usize,
        /// The bytes that are there.
        follows: usize,
    },
    /// More than 255 bytes of data.
    #[error("{0} bytes of data do not fit a short command")]
    Long(usize),
}

impl Command {
    /// A command of the header alone (case 1).
    pub fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self { cla, ins, p1, p2, data: Zeroizing::default(), le: None }
    }

    /// With data (case 3).
    ///
    /// # Errors
    /// When `data` is longer than 255 bytes.
    pub fn with_data(mut self, data: &[u8]) -> Result<Self, CommandError> {
        if data.len() > 255 {
            return Err(CommandError::Long(data.len()));
        }
        self.data = Zeroizing::new(data.to_vec());
        Ok(self)
    }

    /// With Le (case 2, or 4 with data); 0 stands for 256 or for "as much as there is".
    pub fn with_le(mut self, le: u8) -> Self {
        self.le = Some(le);
        self
    }

    /// Reads a command from its bytes: cases 1 to 4 with short lengths.
    ///
    /// # Errors
    /// When the bytes are too few, or their lengths disagree.
    pub fn parse(bytes: &[u8]) -> Result<Self, CommandError> {
        let [cla, ins, p1, p2, body @ ..] = bytes else {
            return Err(CommandError::Short(bytes.len()));
        };
        let head = Self::new(*cla, *ins, *p1, *p2);
        match body {
            [] => Ok(head),
            [le] => Ok(head.with_le(*le)),
            [lc, rest @ ..] => {
                let lc = usize::from(*lc);
                match rest.len().checked_sub(lc) {
                    Some(0) if lc > 0 => head.with_data(rest),
                    Some(1) if lc > 0 => Ok(head.with_data(&rest[..lc])?.with_le(rest[lc])),
                    _ => Err(CommandError::Length { lc, follows: rest.len() }),
                }
            }
        }
    }

    /// The class byte.
    pub fn cla(&self) -> u8 {
        self.cla
    }

    /// The instruction byte.
    pub fn ins(&self) -> u8 {
        self.ins
    }

    /// The first parameter byte.
    pub fn p1(&self) -> u8 {
        self.p1
    }

    /// The second parameter byte.
    pub fn p2(&self) -> u8 {
        self.p2
    }

    /// The data field; empty for cases 1 and 2.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Le as sent, where there is one.
    pub fn le(&self) -> Option<u8> {
        self.le
    }

    /// The bytes as they go to a T=1 or contactless card, and to PC/SC.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = self.header_and_data();
        if let Some(le) = self.le {
            bytes.push(le);
        }
        bytes
    }

    /// The bytes as a T=0 TPDU: Le is left out when there is data, since the card then answers 61xx.
    pub fn to_tpdu(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = self.header_and_data();
        match self.le {
            Some(le) if self.data.is_empty() => bytes.push(le),
            _ => {}
        }
        bytes
    }

    fn header_and_data(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(6 + self.data.len()));
        bytes.extend_from_slice(&[self.cla, self.ins, self.p1, self.p2]);
        if !self.data.is_empty() {
            // `with_data` keeps the length below 256.
            bytes.push(self.data.len() as u8);
            bytes.extend_from_slice(&self.data);
        }
        bytes
    }
}

/// Header and lengths only: the data may be a PIN, a cryptogram or a person's record.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}{:02X}{:02X}{:02X} Lc={} Le=", self.cla, self.ins, self.p1, self.p2, self.data.len())?;
        match self.le {
            Some(le) => write!(f, "{le}"),
            None => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_cases_survive_a_round_trip() {
        for hex in ["00840000", "0084000008", "00A40000023F00", "00A404000401020304FF"] {
            let bytes = hex::decode(hex).unwrap();
            assert_eq!(*Command::parse(&bytes).unwrap().to_bytes(), bytes, "{hex}");
        }
    }

    #[test]
    fn lengths_that_disagree_are_refused() {
        assert_eq!(Command::parse(&[0, 0xA4, 0]), Err(CommandError::Short(3)));
        assert_eq!(Command::parse(&[0, 0xA4, 0, 0, 3, 1, 2]), Err(CommandError::Length { lc: 3, follows: 2 }));
        assert_eq!(Command::new(0, 0, 0, 0).with_data(&[0; 256]), Err(CommandError::Long(256)));
    }

    #[test]
    fn a_tpdu_of_case_4_leaves_le_to_get_response() {
        let command = Command::new(0, ins::SELECT, 4, 0).with_data(&[1, 2]).unwrap().with_le(0);
        assert_eq!(*command.to_tpdu(), [0, 0xA4, 4, 0, 2, 1, 2]);
    }

    #[test]
    fn debug_shows_no_data() {
        let pin = Command::new(0, ins::VERIFY, 0, 0).with_data(&[0x12, 0x34, 0x56]).unwrap();
        assert_eq!(format!("{pin:?}"), "00200000 Lc=3 Le=-");
    }
}
