//! iReadCardBas_HSM: both proofs in one round.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::dialect::{NoExternalForm, ResetForm, TerminalForm};
use super::fields::{Malformed, Text, Writer, bytes};
use super::{Dialect, Proof, Randoms};
use crate::cipher::Algorithm;

/// Historical bytes of a social security card.
const HISTORICAL: usize = 13;
/// The fewest and the most bytes of an answer to reset (ISO/IEC 7816-3).
const RESET: std::ops::RangeInclusive<usize> = 2..=33;

/// What Step1 gives:
/// `region|reset|algorithm|卡识别码|process|original|process|original|[terminal|]`, the randoms of internal and then those
/// of external authentication, the latter empty before 3.0. The region is the first six digits of 卡识别码.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Bas {
    /// The historical bytes, or the whole answer to reset, as the dialect says.
    pub reset: Vec<u8>,
    /// The card's.
    #[zeroize(skip)]
    pub algorithm: Algorithm,
    /// 卡识别码.
    pub identifier: [u8; 16],
    /// For the card's proof.
    pub internal: Randoms,
    /// For the terminal's.
    pub external: Option<Randoms>,
    /// 终端机编号; none where there is none, or the dialect has no place for it.
    pub terminal: Option<[u8; 6]>,
}

impl Bas {
    /// The string.
    pub fn print(&self, dialect: &Dialect) -> Text {
        let writer = Writer::new().hex(&self.identifier[..3]).bar().hex(&self.reset).bar();
        let writer = writer.text(dialect.algorithm.print(self.algorithm)).bar().hex(&self.identifier).bar();
        let writer = writer.hex(&self.internal.process).bar().hex(&self.internal.original).bar();
        let writer = match &self.external {
            Some(external) => writer.hex(&external.process).bar().hex(&external.original).bar(),
            None => writer.bar().bar(),
        };
        match dialect.terminal {
            TerminalForm::Number => writer.hex(&self.terminal.unwrap_or_default()).bar(),
            TerminalForm::Empty => writer.bar(),
            TerminalForm::Absent => writer,
        }
        .done()
    }

    /// What the string says.
    ///
    /// # Errors
    /// When it is another.
    pub fn parse(text: &str, dialect: &Dialect) -> Result<Self, Malformed> {
        Self::parsed(text, dialect).ok_or(Malformed("iReadCardBas_HSM_Step1"))
    }

    fn parsed(text: &str, dialect: &Dialect) -> Option<Self> {
        let mut fields = text.strip_suffix('|')?.split('|');
        let region: [u8; 3] = bytes(fields.next()?)?;
        let digits = fields.next()?;
        let reset = match dialect.reset {
            ResetForm::Historical => bytes::<HISTORICAL>(digits)?.to_vec(),
            ResetForm::Whole => hex::decode(digits).ok().filter(|reset| RESET.contains(&reset.len()))?,
        };
        let algorithm = dialect.algorithm.parse(fields.next()?)?;
        let identifier: [u8; 16] = bytes(fields.next()?)?;
        let internal = Randoms { process: bytes(fields.next()?)?, original: bytes(fields.next()?)? };
        let external = match (fields.next()?, fields.next()?) {
            ("", "") => None,
            (process, original) => Some(Randoms { process: bytes(process)?, original: bytes(original)? }),
        };
        let terminal = match dialect.terminal {
            TerminalForm::Number => Some(bytes(fields.next()?)?).filter(|number| *number != [0; 6]),
            TerminalForm::Empty => fields.next()?.is_empty().then_some(None)?,
            TerminalForm::Absent => None,
        };
        let asked = Self { reset, algorithm, identifier, internal, external, terminal };
        (fields.next().is_none() && asked.identifier.starts_with(&region)).then_some(asked)
    }
}

/// The algorithm only: the rest names one card.
impl fmt::Debug for Bas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bas({})", self.algorithm)
    }
}

/// What Step2 takes: the card's proof, which it has to give itself, and the terminal's where it was asked for, each with
/// the original it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasAnswer {
    /// By IRK.
    pub internal: Proof,
    /// By RKSSSE.
    pub external: Option<Proof>,
}

impl BasAnswer {
    /// The string.
    pub fn print(&self, dialect: &Dialect) -> Text {
        let writer = self.internal.write(Writer::new()).bar();
        match (&self.external, dialect.no_external) {
            (Some(external), _) => external.write(writer).bar(),
            (None, NoExternalForm::Absent) => writer,
            (None, NoExternalForm::Empty) => writer.bar(),
        }
        .done()
    }

    /// What the string says.
    ///
    /// # Errors
    /// When it is another.
    pub fn parse(text: &str, dialect: &Dialect) -> Result<Self, Malformed> {
        Self::parsed(text, dialect).ok_or(Malformed("iReadCardBas_HSM_Step2"))
    }

    fn parsed(text: &str, dialect: &Dialect) -> Option<Self> {
        let (internal, rest) = text.split_once('|')?;
        let external = match (rest, dialect.no_external) {
            ("", NoExternalForm::Absent) | ("|", NoExternalForm::Empty) => None,
            (rest, _) => Some(Proof::parsed(rest.strip_suffix('|')?)?),
        };
        Some(Self { internal: Proof::parsed(internal)?, external })
    }
}
