//! What can go wrong with a card. Nothing here carries personal data.

use super::errors as told;
use super::pin::PinForm;
use super::validity::Finding;
use super::value::ValueError;
use crate::apdu::StatusWord;
use crate::failure::{Entry, Explain};
use crate::keys::KeyError;
use crate::profile::KeyRole;
use crate::reader::TransportError;
use crate::value::{CardNumberError, InvalidName, NumberError};
use crate::world::NoRandom;

/// Why a card could not be read. Whichever it is, nothing of the card is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The card, or the way to it, is gone.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// It has no social security environment, or no EF05 in it (national code −1).
    #[error("this is no social security card: it answered {0}")]
    WrongType(StatusWord),
    /// The whole card is blocked (6A81).
    #[error("the card is blocked")]
    Blocked,
    /// The application is permanently locked (9303).
    #[error("the card's application is permanently locked")]
    ApplicationLocked,
    /// It failed internal authentication (−21): a copy, or a card of another issuer's keys.
    #[error("the card is not genuine")]
    NotGenuine,
    /// The card names no algorithm and the terminal has no default.
    #[error("the card names no algorithm")]
    NoAlgorithm,
    /// The card names an algorithm that is none of the three.
    #[error("the card names algorithm {0:02X}")]
    UnknownAlgorithm(u8),
    /// The version's first character is not one there are scripts for.
    #[error("the card's version is not supported")]
    Version,
    /// The answer to reset has no thirteen historical bytes to diversify keys by.
    #[error("the answer to reset has {0} historical bytes")]
    Historical(usize),
    /// 卡识别码 is missing or malformed (−20).
    #[error("the card's identifier is malformed")]
    Identifier,
    /// A record, or a whole file, is not what it should be.
    #[error("record {file}/{tag:02X} is garbled: {what}")]
    Garbled {
        /// The file: `EF05`, `EF06`, or `FCI`.
        file: &'static str,
        /// The record's tag; 00 for the file as a whole.
        tag: u8,
        /// What is wrong; never the value.
        what: String,
    },
    /// The name is not valid GB18030.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// 卡号 is not a card number.
    #[error("card number: {0}")]
    Number(#[from] CardNumberError),
    /// 社会保障号码 is not one.
    #[error("social security number: {0}")]
    HolderNumber(#[from] NumberError),
    /// The card refused the terminal's proof. The key is not tried on it again, whoever has it.
    #[error("the card refused the terminal's key; tries left: {}", .left.map_or("not said".to_owned(), |n| n.to_string()))]
    TerminalRefused {
        /// Tries the card has left for the key, where it says (63Cx).
        left: Option<u8>,
    },
    /// The card refused the key before, or the reading of its holder, from whomever; a technician must release it.
    #[error("this card refused the terminal's key before")]
    PairHeld,
    /// Whether the card refused these keys before cannot be known, or could not be kept.
    #[error("whether the card refused these keys cannot be kept: {0}")]
    PairsUnknown(String),
    /// The card's key for reading the holder is locked (6983).
    #[error("the card's key is locked")]
    KeyLocked,
    /// The card answered a status word that no step expects.
    #[error("{step}: the card answered {status}")]
    Status {
        /// What was being done.
        step: &'static str,
        /// The status word.
        status: StatusWord,
    },
    /// A record of a file that was read by name is not what it should be.
    #[error("{item} is garbled: {what}")]
    ItemGarbled {
        /// The item, `DF04/EF05/81`; tag 00 for the file as a whole.
        item: String,
        /// What is wrong; never the value.
        what: String,
    },
    /// The profile has no such file or item.
    #[error("no file or item {0} is known")]
    UnknownItem(String),
    /// The card has no such directory, or no such file in it.
    #[error("the card does not have {0}")]
    NoFile(String),
    /// Nobody may read or write the file by command.
    #[error("{0} is not read or written by command")]
    Never(String),
    /// A key that the file asks for is not to be had: no PSAM has it, the card does not, or nobody knows how it is named.
    #[error("the key {0} is not to be had")]
    NoKey(KeyRole),
    /// The file asks for the holder's PIN, and none was given.
    #[error("the holder's PIN is needed")]
    PinNeeded,
    /// The PIN is wrong (−51).
    #[error("the PIN is wrong; tries left: {left}")]
    PinWrong {
        /// Tries the card has left for it.
        left: u8,
    },
    /// The PIN is locked (−52).
    #[error("the PIN is locked")]
    PinLocked,
    /// It is the initial PIN, with which nothing may be transacted (−35).
    #[error("the initial PIN may not be used")]
    PinInitial,
    /// The PIN may not be changed to the initial one (−36).
    #[error("the PIN may not become the initial one")]
    PinToInitial,
    /// A new PIN was entered twice, and not the same (−34).
    #[error("the two PINs differ")]
    PinsDiffer,
    /// The holder pressed the pad's cancel key (−31).
    #[error("the PIN entry was cancelled")]
    PinCancelled,
    /// Nobody typed at the pad in time (−32).
    #[error("nobody entered a PIN in time")]
    PinTimedOut,
    /// Whether the card took a new PIN is not known: it went away, or said neither that it did nor that it did not.
    #[error("whether the card took the new PIN is not known: {0}")]
    PinUnsure(#[source] Box<CardError>),
    /// What was typed at the pad has another number of digits than the pad was told (−33).
    #[error("the PIN has another number of digits than the pad takes")]
    PadLength,
    /// What was entered is no PIN (−33).
    #[error(transparent)]
    PinForm(#[from] PinForm),
    /// A new value does not fit its item.
    #[error("{item}: {why}")]
    NewValue {
        /// The item.
        item: String,
        /// What is wrong with it.
        why: ValueError,
    },
    /// The card took a value, and holds another.
    #[error("{0} was written, and is not what was written")]
    NotWritten(String),
    /// The card went away in the middle of a write, which is completed or undone when it comes again.
    #[error("a write was torn: {0}")]
    WriteTorn(#[source] Box<CardError>),
    /// The card refused to go on with a write and to go back.
    #[error("{0} is half written")]
    HalfWritten(String),
    /// After a write of ours was torn somebody else wrote there: neither value is what the card holds now.
    #[error("{0} was written elsewhere since a write was torn")]
    ChangedElsewhere(String),
    /// An earlier write on this card was torn, and is to be mended first.
    #[error("an earlier write on this card was torn")]
    WriteOpen,
    /// Which writes on this card were torn cannot be known, or a new one could not be kept.
    #[error("the writes on this card cannot be kept: {0}")]
    WritesUnknown(String),
    /// Something speaks against the card's use, and nothing on it is changed.
    #[error(transparent)]
    NotValid(Finding),
    /// So many writes and transactions on cards are open whose cards are not known any more: this may be one of them.
    #[error("{0} writes or transactions are open, and on which cards is not known any more")]
    WritesLost(u64),
    /// It is another card than the one that was read before.
    #[error("it is another card")]
    Swapped,
    /// The card says that what was proven does not do (6901, 6982, 6985).
    #[error("{step}: the card does not allow it ({status})")]
    NotAllowed {
        /// What was being done.
        step: &'static str,
        /// The status word.
        status: StatusWord,
    },
    /// The card refused a MAC or what it was made with (6984, 6988, 9302).
    #[error("{step}: the card refused the protection of the command ({status})")]
    Protection {
        /// What was being done.
        step: &'static str,
        /// The status word.
        status: StatusWord,
    },
    /// The card's memory failed, or has no room (6581, 6A84).
    #[error("{step}: the card's memory failed or is full ({status})")]
    Memory {
        /// What was being done.
        step: &'static str,
        /// The status word.
        status: StatusWord,
    },
    /// The card's answer does not have the form the script expects. Says where, never what came.
    #[error("{0}")]
    Answer(String),
    /// The script does not fit the program.
    #[error("{0}")]
    Script(String),
    /// The keys could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Random bytes were not to be had.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl Explain for CardError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Transport(error) => error.entry(),
            Self::WrongType(_) => &told::WRONG_TYPE,
            Self::Blocked => &told::BLOCKED,
            Self::ApplicationLocked => &told::APPLICATION_LOCKED,
            Self::NotGenuine => &told::NOT_GENUINE,
            Self::NoAlgorithm => &told::NO_ALGORITHM,
            Self::UnknownAlgorithm(_) => &told::ALGORITHM,
            Self::Version => &told::VERSION,
            Self::Historical(_) => &told::HISTORICAL,
            Self::Identifier => &told::IDENTIFIER,
            Self::Garbled { .. } => &told::GARBLED,
            Self::Name(_) => &told::NAME,
            Self::Number(_) => &told::NUMBER,
            Self::HolderNumber(_) => &told::HOLDER_NUMBER,
            Self::TerminalRefused { .. } => &told::TERMINAL_REFUSED,
            Self::PairHeld => &told::PAIR_HELD,
            Self::PairsUnknown(_) => &told::PAIRS_UNKNOWN,
            Self::KeyLocked => &told::KEY_LOCKED,
            Self::ItemGarbled { .. } => &told::GARBLED,
            Self::UnknownItem(_) => &told::UNKNOWN_ITEM,
            Self::NoFile(_) => &told::NO_FILE,
            Self::Never(_) => &told::NEVER,
            Self::NoKey(_) => &told::NO_KEY,
            Self::PinNeeded => &told::PIN_NEEDED,
            Self::PinWrong { .. } => &told::PIN_WRONG,
            Self::PinLocked => &told::PIN_LOCKED,
            Self::PinInitial => &told::PIN_INITIAL,
            Self::PinToInitial => &told::PIN_TO_INITIAL,
            Self::PinsDiffer => &told::PINS_DIFFER,
            Self::PinCancelled => &told::PIN_CANCELLED,
            Self::PinTimedOut => &told::PIN_TIMED_OUT,
            Self::PinUnsure(_) => &told::PIN_UNSURE,
            Self::PadLength => &told::PAD_LENGTH,
            Self::PinForm(_) => &told::PIN_FORM,
            Self::NewValue { .. } => &told::NEW_VALUE,
            Self::NotWritten(_) => &told::NOT_WRITTEN,
            Self::WriteTorn(_) => &told::WRITE_TORN,
            Self::HalfWritten(_) => &told::HALF_WRITTEN,
            Self::ChangedElsewhere(_) => &told::CHANGED_ELSEWHERE,
            Self::WriteOpen => &told::WRITE_OPEN,
            Self::WritesUnknown(_) => &told::WRITES_UNKNOWN,
            Self::NotValid(finding) => finding.entry(),
            Self::WritesLost(_) => &crate::store::errors::LOST_WRITES,
            Self::Swapped => &told::SWAPPED,
            Self::NotAllowed { .. } => &told::NOT_ALLOWED,
            Self::Protection { .. } => &told::PROTECTION,
            Self::Memory { .. } => &told::MEMORY,
            Self::Status { .. } => &told::STATUS,
            Self::Answer(_) | Self::Script(_) => &told::SCRIPT,
            Self::Key(error) => error.entry(),
            Self::Random(_) => &told::RANDOM,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Transport(error) => error.detail(),
            Self::Key(error) => error.detail(),
            Self::NotValid(finding) => finding.detail(),
            Self::WrongType(status) => Some(status.to_string()),
            Self::PairsUnknown(why) => Some(why.clone()),
            Self::UnknownItem(name)
            | Self::NoFile(name)
            | Self::Never(name)
            | Self::NotWritten(name)
            | Self::HalfWritten(name)
            | Self::ChangedElsewhere(name) => Some(name.clone()),
            Self::WritesUnknown(why) => Some(why.clone()),
            Self::WritesLost(lost) => Some(lost.to_string()),
            Self::WriteTorn(error) | Self::PinUnsure(error) => Some(error.to_string()),
            Self::NoKey(role) => Some(role.name().to_owned()),
            Self::UnknownAlgorithm(_)
            | Self::Historical(_)
            | Self::Garbled { .. }
            | Self::ItemGarbled { .. }
            | Self::NewValue { .. }
            | Self::PinWrong { .. }
            | Self::NotAllowed { .. }
            | Self::Protection { .. }
            | Self::Memory { .. }
            | Self::Number(_)
            | Self::HolderNumber(_)
            | Self::TerminalRefused { .. }
            | Self::Status { .. }
            | Self::Answer(_)
            | Self::Script(_) => Some(self.to_string()),
            _ => None,
        }
    }
}
