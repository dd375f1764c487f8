//! Values that are right by construction: parse, don't validate. A type that holds personal data prints masked, is
//! wiped on drop, and gives its value only to who calls `reveal`.

pub mod bcd;
mod card_number;
mod check;
mod decimal;
mod fen;
pub mod gb18030;
mod identifier;
mod kind;
mod mask;
mod name;
mod number;
mod price;
mod quantity;
mod rate;
mod region;
mod settlement_number;

pub use bcd::BcdError;
pub use card_number::{CardNumber, CardNumberError, check_character};
pub use check::{Check, CheckMistake};
pub use decimal::DecimalError;
pub use fen::{Fen, FenError};
pub use identifier::CardIdentifier;
pub use kind::{Kind, Protocol};
pub use mask::mask;
pub use name::{InvalidName, PersonName};
pub use number::{NumberError, NumberForm, Sex, SocialSecurityNumber, check_digit};
pub use price::Price;
pub use quantity::Quantity;
pub use rate::Rate;
pub use region::Region;
pub use settlement_number::SettlementNumber;
