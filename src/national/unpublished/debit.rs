//! What `iDoDebit` and `iReadDebitRecord` write: the fields that are set, a bar after each. Numbers are decimal; what is no
//! number is as on the card, in hexadecimal digits.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::Code;
use super::super::values::plain;
use crate::card::account::Paid;
use crate::card::account::log::item;
use crate::card::{Content, Value};
use crate::value::Fen;

/// One field of what `iDoDebit` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DebitField {
    /// 医疗消费交易序号, the card's.
    Sequence,
    /// 终端机编号.
    Terminal,
    /// 终端交易序号.
    TerminalSequence,
    /// 交易时间, `YYYYMMDDhhmmss`.
    Time,
    /// TAC.
    Tac,
    /// What the account holds now, 分.
    Balance,
    /// The same, 元.
    BalanceYuan,
}

/// One field of a record of `iReadDebitRecord`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordField {
    /// 医疗消费交易序号.
    Sequence,
    /// 交易类型.
    Type,
    /// 终端机编号.
    Terminal,
    /// 交易时间, `YYYYMMDDhhmmss`.
    Time,
    /// 账户支付, 分.
    Account,
    /// 个人自付, 分.
    SelfPay,
    /// 统筹支付, 分.
    Pool,
    /// 账户支付, 元.
    AccountYuan,
    /// 个人自付, 元.
    SelfPayYuan,
    /// 统筹支付, 元.
    PoolYuan,
}

/// The fields of `iDoDebit` as they are set; there is at least one.
#[derive(Debug, Clone, Copy)]
pub struct DebitOutput<'u>(pub(super) &'u [DebitField]);

impl DebitOutput<'_> {
    /// What is written of a purchase: whatever happens, since the card has paid.
    pub fn text(&self, paid: &Paid) -> Zeroizing<String> {
        let fields = self.0.iter().map(|field| match field {
            DebitField::Sequence => paid.sequence.to_string(),
            DebitField::Terminal => hex::encode_upper(paid.terminal),
            DebitField::TerminalSequence => paid.terminal_sequence.to_string(),
            DebitField::Time => hex::encode_upper(paid.time),
            DebitField::Tac => hex::encode_upper(paid.tac),
            DebitField::Balance => paid.balance.get().to_string(),
            DebitField::BalanceYuan => Fen::from(paid.balance).to_string(),
        });
        let mut text = Zeroizing::new(String::with_capacity(ROOM * self.0.len()));
        for field in fields.map(Zeroizing::new) {
            text.push_str(&field);
            text.push('|');
        }
        text
    }
}

/// The most bytes of a field with its bar: growing would leave a copy behind that nobody wipes.
const ROOM: usize = 16;

/// The fields of `iReadDebitRecord` as they are set; there is at least one.
#[derive(Debug, Clone, Copy)]
pub struct RecordOutput<'u>(pub(super) &'u [RecordField]);

impl RecordOutput<'_> {
    /// What is written of the log: each record that was written, the newest first, `$` after each.
    ///
    /// # Errors
    /// [`Code::NOT_SUPPORTED`] where the card's profile does not name such an item; [`Code::CHARACTERS`] where one has a
    /// character that separates.
    pub fn text(&self, records: &[Option<Vec<Value>>]) -> Result<Zeroizing<String>, Code> {
        let mut text = Zeroizing::new(String::with_capacity(records.len() * (ROOM * self.0.len() + 1)));
        for record in records.iter().flatten() {
            for field in self.0 {
                let value = field.of(record)?;
                if value.contains(['|', '$']) {
                    return Err(Code::CHARACTERS);
                }
                text.push_str(&value);
                text.push('|');
            }
            text.push('$');
        }
        Ok(text)
    }
}

impl RecordField {
    /// The item's name in the profile, and whether it is given in 元.
    fn item(self) -> (&'static str, bool) {
        match self {
            Self::Sequence => (item::SEQUENCE, false),
            Self::Type => (item::TYPE, false),
            Self::Terminal => (item::TERMINAL, false),
            Self::Time => (item::TIME, false),
            Self::Account => (item::ACCOUNT, false),
            Self::SelfPay => (item::SELF_PAY, false),
            Self::Pool => (item::POOL, false),
            Self::AccountYuan => (item::ACCOUNT, true),
            Self::SelfPayYuan => (item::SELF_PAY, true),
            Self::PoolYuan => (item::POOL, true),
        }
    }

    fn of(self, record: &[Value]) -> Result<Zeroizing<String>, Code> {
        let (name, yuan) = self.item();
        let value = record.iter().find(|value| value.name.as_deref() == Some(name)).ok_or(Code::NOT_SUPPORTED)?;
        match &value.content {
            Content::Number(fen) if yuan => Ok(Zeroizing::new(Fen(i64::from(*fen)).to_string())),
            content => plain(content).ok_or(Code::NOT_SUPPORTED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::national::Unpublished;

    fn record(sequence: u32, account: Content) -> Option<Vec<Value>> {
        let value = |name: &str, content| Value { tag: None, name: Some(name.to_owned()), content };
        let time = Content::Digits(Zeroizing::new("20260803010409".to_owned()));
        let items = [
            ("医疗消费交易序号", Content::Number(sequence)),
            ("交易时间", time),
            ("账户支付", account),
            ("统筹支付", Content::Number(5)),
        ];
        Some(items.map(|(name, content)| value(name, content)).into())
    }

    #[test]
    fn records_have_the_fields_that_are_set() {
        assert_eq!(Unpublished::default().records().err(), Some(Code::NOT_SUPPORTED));
        let of = |fields: &[RecordField], records: &[_]| {
            let set = Unpublished::default().with_records(fields.to_vec());
            set.records()?.text(records).map(|text| text.to_string())
        };
        let fields = [RecordField::Time, RecordField::AccountYuan, RecordField::Pool, RecordField::Sequence];
        let written = [record(9, Content::Number(7345)), record(8, Content::Number(0)), None];
        let wanted = "20260803010409|73.45|5|9|$20260803010409|0.00|5|8|$";
        assert_eq!(of(&fields, &written), Ok(wanted.to_owned()));
        assert_eq!(of(&fields, &[None, None]), Ok(String::new()), "no record was written");
        assert_eq!(of(&fields, &[record(1, Content::Empty)]), Ok("20260803010409||5|1|$".to_owned()));
        assert_eq!(of(&[RecordField::Terminal], &written), Err(Code::NOT_SUPPORTED), "no such item in the profile");
        let bar = Content::Text(Zeroizing::new("a|b".to_owned()));
        assert_eq!(of(&[RecordField::Account], &[record(1, bar)]), Err(Code::CHARACTERS));
    }
}
