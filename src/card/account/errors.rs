//! What can go wrong with the medical account.

use super::intent::Kind;
use crate::apdu::StatusWord;
use crate::card::CardError;
use crate::failure::{Entry, Explain};

/// Why the account could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The card, the way to it, its keys or a script.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card has no medical account.
    #[error("the card has no medical account")]
    None,
    /// The card asks for the PIN first (6982).
    #[error("the card asks for the PIN first")]
    PinNeeded,
    /// An amount is zero where something is moved, below it, or more than the account holds bytes for.
    #[error("the amount cannot be moved")]
    Amount,
    /// The account has less than is to be paid from it (9401).
    #[error("the account has less than that")]
    Funds,
    /// The card counted all the transactions it can (9402).
    #[error("the card's transaction counter is at its end")]
    Counter,
    /// The card's account is not for the terminal's keys (9302, 9403): it refused a MAC, or has no such key.
    #[error("the card refused the terminal's key of the account: {0}")]
    Keys(StatusWord),
    /// The card went, or did not answer, when the money was moved: it may have been, or not.
    #[error("whether the {} number {sequence} was carried out is not known", .kind.name())]
    Torn {
        /// Which.
        kind: Kind,
        /// The card's number of it.
        sequence: u16,
    },
    /// What the card says does not tell what became of a transaction: it was used elsewhere since, or its log cannot be had.
    #[error("what became of the {} number {sequence} cannot be told from what the card says", .kind.name())]
    Disputed {
        /// Which.
        kind: Kind,
        /// The card's number of it.
        sequence: u16,
    },
    /// How the last transaction on this card ended is not known yet.
    #[error("how the last transaction on this card ended is not known yet")]
    Unsettled,
    /// The answer is not what the standard says. Says what, never what came.
    #[error("{0}: the card's answer is not what it should be")]
    Answer(&'static str),
}

impl AccountError {
    /// A status word of the account's commands.
    pub(super) fn of(error: CardError) -> Self {
        let CardError::Status { status, .. } = error else { return Self::Card(error) };
        match status {
            StatusWord::CLASS | StatusWord::INSTRUCTION => Self::None,
            StatusWord::SECURITY_STATE => Self::PinNeeded,
            StatusWord::INSUFFICIENT_FUNDS => Self::Funds,
            StatusWord::COUNTER => Self::Counter,
            StatusWord::WRONG_MAC | StatusWord::KEY_INDEX => Self::Keys(status),
            _ => Self::Card(error),
        }
    }
}

crate::entries! {
    NONE = "E-CARD-ACCOUNT-NONE", Holder;
        class Card;
        message "卡上没有医疗账户" | "the card has no medical account";
        cause "该卡未开通卡内医疗个人账户；多数地区的账户在中心" | "this card has no account of its own; in most places it is kept by the centre";
        remedy "请按联网方式结算" | "settle by the centre";

    PIN_NEEDED = "E-CARD-ACCOUNT-PIN", Holder;
        class Card;
        message "请先校验密码" | "the PIN is asked for first";
        cause "卡要求在使用账户前校验个人密码（6982）" | "the card wants the PIN before its account is used (6982)";
        remedy "请输入社保卡密码" | "enter the card's PIN";

    AMOUNT = "E-CARD-ACCOUNT-AMOUNT", Clerk;
        class Card;
        message "金额不能入账" | "the amount cannot be moved";
        cause "金额为零、为负，或超出卡可记录的范围" | "it is zero, below zero, or more than the card can hold";
        remedy "请核对金额" | "check the amount";

    FUNDS = "E-CARD-ACCOUNT-FUNDS", Holder;
        class Card;
        message "账户余额不足" | "the account has not enough";
        cause "卡内账户余额少于应由账户支付的金额（9401）" | "it holds less than is to be paid from it (9401)";
        remedy "请减少账户支付的金额，或以其他方式支付" | "pay less from the account, or otherwise";

    COUNTER = "E-CARD-ACCOUNT-COUNTER", Holder;
        class Card;
        message "卡的交易次数已满" | "the card's transaction counter is at its end";
        cause "卡内交易序号已达最大值（9402）" | "its number of transactions is at the maximum (9402)";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    KEYS = "E-CARD-ACCOUNT-KEYS", Technician;
        class Card;
        message "卡拒绝了本终端的账户密钥" | "the card refused the terminal's key of the account";
        cause "PSAM 卡与该卡的消费或圈存密钥不符（9302），或卡没有该密钥（9403）" | "PSAM and card have different keys of purchase or load (9302), or the card has no such key (9403)";
        remedy "不要重试；请核对 PSAM 卡和 config/card/account.toml" | "do not try again; check the PSAM and config/card/account.toml";

    TORN = "E-CARD-ACCOUNT-TORN", Clerk;
        class Card;
        message "卡上交易结果未知" | "whether the card carried the transaction out is not known";
        cause "扣款或充值时卡被拔出，或没有应答" | "the card was pulled, or did not answer, while the money was moved";
        remedy "请重新插入同一张卡，核实结果后再继续" | "insert the same card again, and go on once the outcome is known";

    DISPUTED = "E-CARD-ACCOUNT-DISPUTED", Clerk;
        class Card;
        message "卡上交易结果无法确定" | "what became of the transaction cannot be told from what the card says";
        cause "交易认证、余额和交易明细互相不符，或明细不可读：该卡可能又在其他终端使用过" | "its proof, its balance and its log do not agree, or its log cannot be read: the card may have been used at another terminal since";
        remedy "请核对卡内交易明细（DF04/EF08），人工处理后执行 sbkd card account settle --discard" | "compare the card's log (DF04/EF08), settle it by hand, then run sbkd card account settle --discard";

    OPEN = "E-CARD-ACCOUNT-OPEN", Clerk;
        class Card;
        message "该卡有未了结的账户交易" | "a transaction on this card's account is not over";
        cause "在本终端的一笔扣款或充值结果未知，或结果尚未告知" | "what became of a purchase or a load at this terminal is not known, or nobody was told";
        remedy "请执行 sbkd card account settle 查明并告知持卡人" | "run sbkd card account settle, and tell the holder";

    UNSETTLED = "E-CARD-ACCOUNT-UNSETTLED", Clerk;
        class Card;
        message "该卡上一笔交易尚未核实或告知" | "how the last transaction on this card ended is not known, or was not told";
        cause "上一笔扣款或充值中断，尚未向卡核实，或结果没有送达" | "the last purchase or load was interrupted and the card was not asked yet, or what became of it reached nobody";
        remedy "请先执行 sbkd card account settle" | "run sbkd card account settle first";
}

impl Explain for AccountError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Card(error) => error.entry(),
            Self::None => &NONE,
            Self::PinNeeded => &PIN_NEEDED,
            Self::Amount => &AMOUNT,
            Self::Funds => &FUNDS,
            Self::Counter => &COUNTER,
            Self::Keys(_) => &KEYS,
            Self::Torn { .. } => &TORN,
            Self::Disputed { .. } => &DISPUTED,
            Self::Unsettled => &UNSETTLED,
            Self::Answer(_) => &crate::card::errors::STATUS,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Card(error) => error.detail(),
            Self::Keys(_) | Self::Torn { .. } | Self::Disputed { .. } | Self::Answer(_) => Some(self.to_string()),
            _ => None,
        }
    }
}
