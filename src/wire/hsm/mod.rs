//! The strings of the national HSM flow (card-facts §4.5): what a terminal hands to a security module upstream and what
//! that hands back, step by step; and the envelope that carries one to the centre.
//!
//! Where public drivers differ, a deployment's [`Dialect`] says which form it is. Nothing here is printed: these strings
//! name one card, and one of them carries a new PIN in clear.

mod bas;
mod debit;
mod dialect;
mod envelope;
mod fields;
mod proof;
mod secured;
#[cfg(test)]
mod tests;

pub use bas::{Bas, BasAnswer};
pub use debit::{Debit, DebitAnswer, Template, TemplateError};
pub use dialect::{AlgorithmForm, DebitForm, Dialect, NoExternalForm, ResetForm, SealedForm, TerminalForm};
pub use envelope::{Answer, Card, Kind, Question};
pub use fields::{Malformed, Text};
pub use proof::{Proof, ProofAsked, Randoms};
pub use secured::{PinCommand, Sealed, Secured};

use serde::{Deserialize, Serialize};

/// Where a security module keeps a key: its "key code". It differs by deployment (card-facts §2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

impl Address {
    /// As it stands in a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(text)) } else { Err("a key's address is 1 to 16 letters and digits") }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}
