//! A page of records: what a lookup found, for A4.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::cell::{Column, Copy, table};
use super::document::{Document, Section};
use super::{DEMO, business_date, proofs};
use crate::queue::Row;
use crate::wire::inf_time;

/// What a lookup found, as it is printed.
#[derive(Clone)]
pub struct Page<'a> {
    /// Its name: the scenario's, or the certificate's.
    pub title: &'a str,
    /// What it is printed as.
    pub sort: Sort,
    /// The terminal's name.
    pub terminal: &'a str,
    /// Who carried it out.
    pub operator: &'a str,
    /// In whose hands it is meant to be.
    pub copy: Copy,
    /// The holder's name in full; it is masked where the copy is not their own.
    pub name: &'a str,
    /// The holder's social security number, masked: it stands in full on no paper.
    pub number: &'a str,
    /// The business date.
    pub business_date: Date,
    /// The business date is a demonstration's.
    pub demo_date: bool,
    /// It is a demonstration's.
    pub demo: bool,
    /// What the records have, in the order printed.
    pub columns: &'a [Column<'a>],
    /// The records.
    pub rows: &'a [Map<String, Value>],
    /// When the centre told them.
    pub as_of: Timestamp,
    /// They were told before: the centre was away.
    pub cached: bool,
}

/// What a page is.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq)]
pub enum Sort {
    /// The rows of a lookup.
    Record,
    /// A certificate for its holder to show (参保缴费凭证, 个人权益记录单).
    Certificate,
}

/// Names how much is on it.
impl std::fmt::Debug for Page<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut page = f.debug_struct("Page");
        page.field("title", &self.title).field("sort", &self.sort).field("copy", &self.copy);
        page.field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl Page<'_> {
    /// The page but for its foot, which names the transaction that says it was printed, and that names this page's
    /// [`sha256`](Document::sha256).
    pub fn document(&self) -> Document {
        let mut document = Document::titled(self.title);
        if self.demo {
            document.marks.push(DEMO.into());
        }
        document.head = self.head();
        document.sections = vec![self.records()];
        document
    }

    fn head(&self) -> Section {
        let mut head = Section::default();
        head.pair("姓名", self.copy.personal(self.name));
        head.pair("社会保障号码", self.number);
        head.pair("业务日期", business_date(self.business_date, self.demo_date).as_str());
        head.pair("数据时间", inf_time(self.as_of).as_str());
        head.pair("记录条数", self.rows.len().to_string().as_str());
        head.pair("终端", self.terminal);
        head.pair("经办人", self.operator);
        head
    }

    fn records(&self) -> Section {
        let mut records = Section::default();
        match self.rows {
            [] => records.say("没有查到记录"),
            rows => records.table(table(self.columns, rows, self.copy)),
        }
        if self.cached {
            records.say("中心暂时无法访问，以上为数据时间取得的内容");
        }
        if self.sort == Sort::Certificate {
            records.say("以上内容由中心提供，如有疑问请向参保地社会保险经办机构查询");
        }
        records
    }
}

impl Document {
    /// The page with the transaction that says it was printed at its foot, and what proves it.
    pub fn vouched(mut self, transaction: &Row, at: Timestamp) -> Self {
        let digest = self.sha256();
        self.foot.pair("内容校验值（SHA-256）", digest.to_string().as_str());
        proofs(&mut self.foot, transaction, at);
        self
    }
}
