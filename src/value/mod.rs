//! Values that are right by construction: parse, don't validate.

mod fen;
mod kind;

pub use fen::{Fen, FenError};
pub use kind::{Kind, Protocol};
