//! What can go wrong with a bank application. Nothing here carries a number.

use crate::apdu::StatusWord;
use crate::apdu::tlv::TlvError;
use crate::card::CardError;
use crate::failure::{Entry, Explain};

/// Why a bank application could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BankError {
    /// The card, the way to it, or a script.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card has no bank application that is known.
    #[error("the card has no bank application")]
    None,
    /// Its issuer blocked it.
    #[error("the bank application is blocked: {0}")]
    Blocked(StatusWord),
    /// What it answered is not what EMV says. Says what, never what came.
    #[error("the bank application's {what}: {why}")]
    Garbled {
        /// FCI, processing options, a record.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// None of its records has a card number.
    #[error("the bank application gives no card number")]
    NoNumber,
}

impl BankError {
    pub(super) fn garbled(what: &'static str, why: impl ToString) -> Self {
        Self::Garbled { what, why: why.to_string() }
    }

    pub(super) fn tlv(what: &'static str) -> impl Fn(TlvError) -> Self {
        move |error| Self::garbled(what, error)
    }
}

crate::entries! {
    NONE = "E-CARD-BANK-NONE", Holder;
        class Card;
        message "卡上没有银行应用" | "the card has no bank application";
        cause "该社会保障卡未加载金融功能，或金融应用不是借记、贷记应用" | "this card has no financial function, or it is neither a debit nor a credit application";
        remedy "请到发卡银行开通金融功能，或出示银行卡" | "have the issuing bank add it, or show a bank card";

    BLOCKED = "E-CARD-BANK-BLOCKED", Holder;
        class Card;
        message "卡的银行应用已被锁定" | "the card's bank application is blocked";
        cause "发卡银行已将金融应用锁定（6283、6985 或 9303）" | "the bank blocked the application (6283, 6985 or 9303)";
        remedy "请联系发卡银行" | "ask the issuing bank";

    GARBLED = "E-CARD-BANK-GARBLED", Holder;
        class Card;
        message "卡的银行应用数据有误" | "the data of the card's bank application is wrong";
        cause "应答缺项、长度不符，或卡号校验错误" | "something is missing, has a wrong length, or the card number's check digit is wrong";
        remedy "请重新插卡；仍不行请联系发卡银行" | "insert the card again; if that does not help, ask the issuing bank";
}

impl Explain for BankError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Card(error) => error.entry(),
            Self::None => &NONE,
            Self::Blocked(_) => &BLOCKED,
            Self::Garbled { .. } | Self::NoNumber => &GARBLED,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Card(error) => error.detail(),
            Self::None => None,
            Self::Blocked(_) | Self::Garbled { .. } | Self::NoNumber => Some(self.to_string()),
        }
    }
}
