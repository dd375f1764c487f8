//! What of the interface's strings is not publicly known (card-facts §5.2): the syntax of repeated items and cyclic records,
//! `pPayInfo`, the texts of `iDoDebit` and `iReadDebitRecord`, and those of the PKI functions. Each is a setting of `[driver]`; unset, what needs it is refused with
//! [`Code::NOT_SUPPORTED`]. Whoever has the text of the standard changes this module and nothing else.

mod debit;
mod pki;

pub use debit::{DebitField, DebitOutput, RecordField, RecordOutput};
pub use pki::{DataForm, Encoding, PkiStrings, SignField, SignatureForm};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Code;
use crate::value::Fen;

/// A known dialect for repeated items and cyclic records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    /// A province's own (card-facts §5.2, B): `99:01` for the first of a repeated item, `DF02EF07:01` for the newest record
    /// of a cyclic file, sub-items with `,` between, `MFEF05` for `SSSEEF05`.
    Jiangsu,
}

/// One field of `pPayInfo`: an amount, in 分 or in 元 with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayField {
    /// 个人账户, 分.
    Account,
    /// 个人自付, 分.
    SelfPay,
    /// 统筹, 分.
    Pool,
    /// 个人账户, 元.
    AccountYuan,
    /// 个人自付, 元.
    SelfPayYuan,
    /// 统筹, 元.
    PoolYuan,
}

/// What a purchase takes from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payment {
    /// 个人账户.
    pub account: Fen,
    /// 个人自付.
    pub self_pay: Fen,
    /// 统筹.
    pub pool: Fen,
}

/// The settings for what is not published.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unpublished {
    syntax: Option<Syntax>,
    pay: Vec<PayField>,
    debit: Vec<DebitField>,
    records: Vec<RecordField>,
    pki: Option<PkiStrings>,
}

impl Unpublished {
    /// The same with this syntax.
    #[must_use]
    pub fn with_syntax(mut self, syntax: Syntax) -> Self {
        self.syntax = Some(syntax);
        self
    }

    /// The same with `pPayInfo` of these fields, a bar after each.
    #[must_use]
    pub fn with_pay(mut self, fields: Vec<PayField>) -> Self {
        self.pay = fields;
        self
    }

    /// The same with these fields of what `iDoDebit` writes.
    #[must_use]
    pub fn with_debit(mut self, fields: Vec<DebitField>) -> Self {
        self.debit = fields;
        self
    }

    /// The same with these fields of each record of `iReadDebitRecord`.
    #[must_use]
    pub fn with_records(mut self, fields: Vec<RecordField>) -> Self {
        self.records = fields;
        self
    }

    /// The same with the strings of the PKI functions written so.
    #[must_use]
    pub fn with_pki(mut self, strings: PkiStrings) -> Self {
        self.pki = Some(strings);
        self
    }

    /// How the strings of the PKI functions are written.
    ///
    /// # Errors
    /// [`Code::NOT_SUPPORTED`] where it is not set.
    pub fn pki(&self) -> Result<&PkiStrings, Code> {
        self.pki.as_ref().ok_or(Code::NOT_SUPPORTED)
    }

    /// What `iDoDebit` writes.
    ///
    /// # Errors
    /// [`Code::NOT_SUPPORTED`] where its fields are not set.
    pub fn debit(&self) -> Result<DebitOutput<'_>, Code> {
        if self.debit.is_empty() { Err(Code::NOT_SUPPORTED) } else { Ok(DebitOutput(&self.debit)) }
    }

    /// What `iReadDebitRecord` writes.
    ///
    /// # Errors
    /// [`Code::NOT_SUPPORTED`] where its fields are not set.
    pub fn records(&self) -> Result<RecordOutput<'_>, Code> {
        if self.records.is_empty() { Err(Code::NOT_SUPPORTED) } else { Ok(RecordOutput(&self.records)) }
    }

    /// The syntax that is set.
    pub fn syntax(&self) -> Option<Syntax> {
        self.syntax
    }

    /// A name and the number behind it, where one is written.
    pub(super) fn numbered<'t>(&self, text: &'t str) -> Result<(&'t str, Option<u8>), Code> {
        let Some((name, number)) = text.split_once(':') else { return Ok((text, None)) };
        match self.syntax {
            None => Err(Code::NOT_SUPPORTED),
            Some(Syntax::Jiangsu) => {
                let digits = (1..=3).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit());
                let number = number.parse().ok().filter(|number: &u8| digits && *number > 0);
                Ok((name, Some(number.ok_or(Code::PARAMETER)?)))
            }
        }
    }

    /// The parts of an item, or of a cyclic record, as one value.
    ///
    /// # Errors
    /// [`Code::NOT_SUPPORTED`] where the syntax is not set; [`Code::CHARACTERS`] where a part has the character that
    /// separates.
    pub(super) fn parts(&self, parts: &[Zeroizing<String>]) -> Result<Zeroizing<String>, Code> {
        match self.syntax {
            None => Err(Code::NOT_SUPPORTED),
            Some(Syntax::Jiangsu) if parts.iter().any(|part| part.contains(',')) => Err(Code::CHARACTERS),
            Some(Syntax::Jiangsu) => {
                // All of it at once: growing would leave a copy behind that nobody wipes.
                let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len() + 1).sum()));
                for (at, part) in parts.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { "," });
                    text.push_str(part);
                }
                Ok(text)
            }
        }
    }

    /// `pPayInfo`, its last bar optional.
    ///
    /// # Errors
    /// [`Code::NOT_SUPPORTED`] where its fields are not set; [`Code::ILLEGAL_INPUT`] where there are others, or one is no
    /// amount.
    pub fn payment(&self, text: &str) -> Result<Payment, Code> {
        if self.pay.is_empty() {
            return Err(Code::NOT_SUPPORTED);
        }
        let written: Vec<&str> = text.strip_suffix('|').unwrap_or(text).split('|').collect();
        if written.len() != self.pay.len() {
            return Err(Code::ILLEGAL_INPUT);
        }
        let mut payment = Payment::default();
        for (field, text) in self.pay.iter().zip(written) {
            let (place, yuan) = match field {
                PayField::Account => (&mut payment.account, false),
                PayField::SelfPay => (&mut payment.self_pay, false),
                PayField::Pool => (&mut payment.pool, false),
                PayField::AccountYuan => (&mut payment.account, true),
                PayField::SelfPayYuan => (&mut payment.self_pay, true),
                PayField::PoolYuan => (&mut payment.pool, true),
            };
            *place = amount(text, yuan).ok_or(Code::ILLEGAL_INPUT)?;
        }
        Ok(payment)
    }
}

/// An amount that fits the card's four bytes.
fn amount(text: &str, yuan: bool) -> Option<Fen> {
    let digits = match yuan {
        false => text.to_owned(),
        true => {
            let (whole, cents) = text.split_once('.')?;
            (cents.len() == 2 && !whole.is_empty()).then(|| format!("{whole}{cents}"))?
        }
    };
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let fen: u32 = plain.then(|| digits.parse().ok()).flatten()?;
    Some(Fen(fen.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_payment_has_the_fields_that_are_set() {
        assert_eq!(Unpublished::default().payment("1|2|3|"), Err(Code::NOT_SUPPORTED));
        let set = Unpublished::default().with_pay(vec![PayField::PoolYuan, PayField::Account]);
        let wanted = Payment { pool: Fen(1234), account: Fen(50), self_pay: Fen(0) };
        assert_eq!(set.payment("12.34|50|"), Ok(wanted));
        assert_eq!(set.payment("12.34|50"), Ok(wanted));
        for text in
            ["", "12.34|", "12.34|50|1|", "12|50|", "12.3|50|", ".34|50|", "1.34|-5|", "1.34|4294967296|", "|50|"]
        {
            assert_eq!(set.payment(text), Err(Code::ILLEGAL_INPUT), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", near in "[0-9.|:]{0,30}") {
            let set = Unpublished::default().with_pay(vec![PayField::AccountYuan, PayField::SelfPay]);
            let _ = (set.payment(&text), set.payment(&near), set.numbered(&text).map(drop));
        }
    }
}
