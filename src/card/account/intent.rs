//! What is kept of a transaction from before the command that moves money until its end was seen.

use serde::{Deserialize, Serialize};

use super::{Amount, Payment};

/// Which of the account's two transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// 账户划入.
    Load,
    /// 医疗结算.
    Purchase,
}

impl Kind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Purchase => "purchase",
        }
    }
}

/// A transaction that may have been carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Which.
    pub kind: Kind,
    /// The card's number of it, by which it is proven.
    pub sequence: u16,
    /// What was to be moved: of a load the account's part.
    pub payment: Payment,
    /// The account's balance before it.
    pub balance: Amount,
    /// 终端机编号.
    pub terminal: [u8; 6],
    /// 终端交易序号; 0 for a load, which has none.
    pub terminal_sequence: u32,
    /// The moment, packed `YYYYMMDDhhmmss`.
    pub time: [u8; 7],
}
