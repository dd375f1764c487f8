//! Commands, responses and status words of ISO/IEC 7816-4, and the TLV encodings the card uses.

pub mod ber;
mod command;
mod response;
mod status;
pub mod tlv;

pub use command::{Command, CommandError, ins};
pub use response::{Response, ShortResponse};
pub use status::StatusWord;
