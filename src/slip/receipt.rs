//! What is printed of a transaction by its number, when nobody has its case any more: what the centre answered, and of whom
//! it was nothing. Whoever comes with the number of a confidential report gets no more than that.

use jiff::Timestamp;

use super::document::{Document, Section};
use super::{DEMO, Foot, business_date};
use crate::queue::Row;
use crate::wire::filing;

/// A receipt of what was filed (受理回执).
#[derive(Debug, Clone)]
pub struct Receipt<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// The terminal's name.
    pub terminal: &'a str,
    /// The business dates of this terminal are a demonstration's.
    pub demo_date: bool,
    /// The transaction as it stands.
    pub transaction: &'a Row,
    /// What the centre answered to it.
    pub answer: &'a filing::Filed,
    /// When it is printed.
    pub at: Timestamp,
}

impl Receipt<'_> {
    /// The receipt, to be put in any form.
    pub fn document(&self) -> Document {
        let row = self.transaction;
        let mut document = Document::titled("受理回执");
        if row.demo {
            document.marks.push(DEMO.into());
        }
        let mut head = Section::default();
        head.pair("业务", self.scenario);
        head.pair("终端", self.terminal);
        head.pair("经办人", row.operator.as_str());
        head.pair("业务日期", business_date(row.business_date, self.demo_date).as_str());
        head.pair("受理日期", self.answer.filed_on.to_string().as_str());
        if let Some(cancelled) = row.cancels {
            head.pair("原流水号", cancelled.to_string().as_str());
        }
        document.head = head;
        let (answer, at) = (Some(self.answer), self.at);
        document.with_foot(&Foot { transaction: row, centre: None, answer, lists: true, duplicate: false, at })
    }
}
