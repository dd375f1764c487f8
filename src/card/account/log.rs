//! The card's own log of its account, DF04/EF08 (card-facts §1.6): what it says that it carried out, where and when.

use super::{Amount, Intent, Payment};
use crate::card::open::Card;
use crate::card::{CardError, Content, Contents, Value};
use crate::profile::{FileName, ItemName};

/// 医疗交易明细: the directory, and the file in it.
const FILE: (&str, u8) = (super::DIRECTORY, 0x08);

/// The names of its items in the profile.
pub mod item {
    /// The card's number of the transaction.
    pub const SEQUENCE: &str = "医疗消费交易序号";
    /// Whether it is a load or a purchase.
    pub const TYPE: &str = "交易类型";
    /// The number of the terminal.
    pub const TERMINAL: &str = "终端机编号";
    /// The moment.
    pub const TIME: &str = "交易时间";
    /// From the account, or into it.
    pub const ACCOUNT: &str = "账户支付";
    /// Paid by the holder.
    pub const SELF_PAY: &str = "个人自付";
    /// From the pool.
    pub const POOL: &str = "统筹支付";
}

/// The log as it is asked for by name.
pub fn log_file() -> ItemName {
    ItemName { file: FileName::new(FILE.0, FILE.1), tag: None }
}

/// What of the log was to be had.
pub(super) enum Log {
    /// Its records, the newest first.
    Read(Vec<Entry>),
    /// The card asks for the PIN first.
    PinNeeded,
    /// The card has one, and what came of it is no log.
    Garbled,
    /// The card, or the profile, has none that can be read.
    None,
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u16,
    pub(super) code: u8,
    pub(super) terminal: [u8; 6],
    pub(super) time: [u8; 7],
    pub(super) payment: Payment,
}

impl Entry {
    /// Whether it is of this terminal, moment and payment.
    pub(super) fn is_of(&self, intent: &Intent) -> bool {
        (self.terminal, self.time, self.payment) == (intent.terminal, intent.time, intent.payment)
    }

    fn of(record: &[Value]) -> Option<Self> {
        let content =
            |name| record.iter().find(|value| value.name.as_deref() == Some(name)).map(|value| &value.content);
        let number = |name| match content(name)? {
            Content::Number(number) => Some(*number),
            _ => None,
        };
        let Content::Text(code) = content(item::TYPE)? else { return None };
        Some(Self {
            number: u16::try_from(number(item::SEQUENCE)?).ok()?,
            code: <[u8; 1]>::try_from(code.as_bytes()).ok()?[0],
            terminal: digits(content(item::TERMINAL)?)?,
            time: digits(content(item::TIME)?)?,
            payment: Payment {
                account: Amount::of(number(item::ACCOUNT)?.to_be_bytes()),
                self_pay: Amount::of(number(item::SELF_PAY)?.to_be_bytes()),
                pool: Amount::of(number(item::POOL)?.to_be_bytes()),
            },
        })
    }
}

fn digits<const N: usize>(content: &Content) -> Option<[u8; N]> {
    let Content::Digits(digits) = content else { return None };
    hex::decode(digits.as_str()).ok()?.try_into().ok()
}

impl Card<'_> {
    /// The log, as far as it may be read now: nobody is asked for anything.
    pub(super) fn account_log(&mut self) -> Result<Log, CardError> {
        let files = match self.read(&[log_file()], None) {
            Ok(files) => files,
            Err(CardError::PinNeeded) => return Ok(Log::PinNeeded),
            Err(CardError::ItemGarbled { .. }) => return Ok(Log::Garbled),
            Err(error) if is_of_the_log(&error) => return Ok(Log::None),
            Err(error) => return Err(error),
        };
        let Some(Contents::Records(records)) = files.files.first().map(|holding| &holding.contents) else {
            return Ok(Log::None);
        };
        let entries: Option<Vec<Entry>> = records.iter().flatten().map(|record| Entry::of(record)).collect();
        Ok(entries.map_or(Log::Garbled, Log::Read))
    }
}

/// Whether it says something of the log, and not of the card or the way to it: what a card fails at now it may tell later.
fn is_of_the_log(error: &CardError) -> bool {
    match error {
        CardError::Status { status, .. } => status.refuses(),
        CardError::UnknownItem(_) | CardError::NoFile(_) | CardError::Never(_) | CardError::NoKey(_) => true,
        _ => false,
    }
}
