//! PIN CHANGE/UNBLOCK under secure messaging: the second step of iReloadPIN_HSM and iUnblockPIN_HSM, and what the third
//! takes.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::dialect::{NoExternalForm, SealedForm};
use super::fields::{Malformed, Text, Writer, bytes};
use super::{Address, Dialect};
use crate::cipher::Algorithm;

/// Bytes of a MAC.
const MAC: usize = 4;
/// Digits of a PIN (card-facts §6).
const PIN: std::ops::RangeInclusive<usize> = 4..=16;

/// What is to be done with the PIN.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub enum PinCommand {
    /// A new one, its digits **in clear**: the national flow hands it to the security module so (card-facts §4.5).
    Reload(String),
    /// Its tries anew.
    Unblock,
}

impl PinCommand {
    /// CLA, INS, P1, P2 and Lc: a block of the algorithm and the MAC, or the MAC alone (card-facts §3).
    pub fn header(&self, algorithm: Algorithm) -> [u8; 5] {
        match self {
            // A block is 8 or 16 bytes.
            Self::Reload(_) => [0x84, 0x24, 0x00, 0x01, (algorithm.block() + MAC) as u8],
            Self::Unblock => [0x84, 0x24, 0x00, 0x00, MAC as u8],
        }
    }
}

impl fmt::Debug for PinCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reload(_) => "Reload(..)",
            Self::Unblock => "Unblock",
        })
    }
}

/// What Step2 gives: `algorithm|key code|process|84240001Lc|PIN|` for a new PIN; to unblock, `8424000004`, and the last field
/// empty or left out, as the dialect says.
#[derive(Clone, PartialEq, Eq)]
pub struct Secured {
    /// The card's.
    pub algorithm: Algorithm,
    /// Where the key of secure messaging is.
    pub key: Address,
    /// The process factor: the card's latest challenge.
    pub process: [u8; 8],
    /// What is to be secured.
    pub command: PinCommand,
}

impl Secured {
    /// The string.
    pub fn print(&self, dialect: &Dialect) -> Text {
        let writer = Writer::new().text(dialect.algorithm.print(self.algorithm)).bar().text(self.key.as_str()).bar();
        let writer = writer.hex(&self.process).bar().hex(&self.command.header(self.algorithm)).bar();
        match &self.command {
            PinCommand::Unblock if dialect.no_pin == NoExternalForm::Absent => writer,
            PinCommand::Unblock => writer.bar(),
            PinCommand::Reload(pin) if dialect.open_end => writer.text(pin),
            PinCommand::Reload(pin) => writer.text(pin).bar(),
        }
        .done()
    }

    /// What the string says.
    ///
    /// # Errors
    /// When it is another.
    pub fn parse(text: &str, dialect: &Dialect) -> Result<Self, Malformed> {
        Self::parsed(text, dialect).ok_or(Malformed("iReloadPIN_HSM_Step2"))
    }

    fn parsed(text: &str, dialect: &Dialect) -> Option<Self> {
        let [algorithm, key, process, rest] = fields(text)?;
        let algorithm = dialect.algorithm.parse(algorithm)?;
        let (header, pin) = rest.split_once('|')?;
        let command = match (pin, dialect.no_pin) {
            ("", NoExternalForm::Absent) | ("|", NoExternalForm::Empty) => PinCommand::Unblock,
            (pin, _) => {
                let digits = if dialect.open_end { pin } else { pin.strip_suffix('|')? };
                let fits = PIN.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
                fits.then(|| PinCommand::Reload(digits.to_owned()))?
            }
        };
        let same = bytes::<5>(header)? == command.header(algorithm);
        let key = key.to_owned().try_into().ok()?;
        same.then_some(Self { algorithm, key, process: bytes(process)?, command })
    }

    /// The answer that a string is: what Step3 takes, the command's data or the whole command, as its length says.
    ///
    /// # Errors
    /// When it is another.
    pub fn sealed(&self, text: &str) -> Result<Sealed, Malformed> {
        self.sealed_in(text).ok_or(Malformed("iReloadPIN_HSM_Step3"))
    }

    fn sealed_in(&self, text: &str) -> Option<Sealed> {
        let header = self.command.header(self.algorithm);
        let data = match text.len().checked_sub(2 * usize::from(header[4])) {
            Some(0) => text,
            _ => {
                let (first, data) = text.split_at_checked(2 * header.len())?;
                (bytes::<5>(first)? == header).then_some(data)?
            }
        };
        let data = Zeroizing::new(hex::decode(data).ok()?);
        let (cipher, mac) = data.split_last_chunk::<MAC>()?;
        (data.len() == usize::from(header[4])).then(|| Sealed { cipher: cipher.to_vec(), mac: *mac })
    }
}

/// The first three fields, and all that is behind them.
fn fields(text: &str) -> Option<[&str; 4]> {
    let mut fields = text.splitn(4, '|');
    Some([fields.next()?, fields.next()?, fields.next()?, fields.next()?])
}

/// The algorithm only.
impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secured({}, {:?})", self.algorithm, self.command)
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.process.zeroize();
    }
}

/// The data of a command under secure messaging.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Sealed {
    /// The enciphered PIN, a block of the algorithm; empty where there is none.
    pub cipher: Vec<u8>,
    /// Over the command.
    pub mac: [u8; MAC],
}

impl Sealed {
    /// The string, as the answer to what was asked.
    pub fn print(&self, asked: &Secured, dialect: &Dialect) -> Text {
        let writer = match dialect.sealed {
            SealedForm::Data => Writer::new(),
            SealedForm::Command => Writer::new().hex(&asked.command.header(asked.algorithm)),
        };
        writer.hex(&self.cipher).hex(&self.mac).done()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}
