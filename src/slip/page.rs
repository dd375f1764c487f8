//! A page of records: what was asked and what a lookup found, for A4.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::cell::{Column, Copy, table};
use super::document::{Document, Section};
use super::{DEMO, business_date, proofs};
use crate::queue::Row;
use crate::wire::{Digest, inf_time};

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
    /// What the form of the query has, in the order it is asked.
    pub items: &'a [Column<'a>],
    /// What was asked, by that form; an item that was left out is not printed.
    pub asked: &'a Map<String, Value>,
    /// What the records have, in the order printed.
    pub columns: &'a [Column<'a>],
    /// The records.
    pub rows: &'a [Map<String, Value>],
    /// Of which columns, whole numbers, the total is told.
    pub totals: &'a [String],
    /// When the centre told them.
    pub as_of: Timestamp,
    /// They were told before: the centre was away.
    pub cached: bool,
}

/// A paper as it is handed out, by who is to have it. Of a slip, on which everybody is masked, both are one.
#[derive(Debug, Clone)]
pub struct Copies {
    holder: Arc<Document>,
    third_party: Arc<Document>,
}

/// What a page is.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq)]
pub enum Sort {
    /// The rows of a lookup (个人权益记录单 and others).
    Record,
    /// A certificate for its holder to show (参保缴费凭证): it says whom to ask about it.
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
        if self.copy == Copy::ThirdParty {
            document.marks.push(MASKED.into());
        }
        document.head = self.head();
        let asked = Some(self.asked()).filter(|asked| !asked.blocks.is_empty());
        document.sections = asked.into_iter().chain([self.records()]).collect();
        document
    }

    /// The page for its holder, and the one for anybody else.
    pub fn copies(&self) -> Copies {
        let of = |copy| Arc::new(Self { copy, ..self.clone() }.document());
        Copies { holder: of(Copy::Holder), third_party: of(Copy::ThirdParty) }
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

    /// What the records answer: of which time, of which insurance, for which purpose.
    fn asked(&self) -> Section {
        let mut asked = Section::under("查询内容");
        for item in self.items.iter().filter(|item| self.asked.contains_key(item.item)) {
            asked.pair(item.label, item.text(self.asked, self.copy));
        }
        asked
    }

    fn records(&self) -> Section {
        let mut records = Section::default();
        match self.rows {
            [] => records.say("没有查到记录"),
            rows => records.table(table(self.columns, rows, self.copy)),
        }
        for column in self.columns.iter().filter(|column| self.totals.iter().any(|total| total == column.item)) {
            if let Some(total) = self.total(column.item) {
                records.pair(&format!("{}合计", column.label), total.to_string().as_str());
            }
        }
        if self.cached {
            records.say("中心暂时无法访问，以上为数据时间取得的内容");
        }
        if self.sort == Sort::Certificate {
            records.say("以上内容由中心提供，如有疑问请向参保地社会保险经办机构查询");
        }
        records
    }

    /// The sum over all records; where one does not have the number, or there are none, there is no sum.
    fn total(&self, column: &str) -> Option<i64> {
        let all = self.rows.iter().map(|row| row.get(column)?.as_i64());
        all.reduce(|sum, one| sum?.checked_add(one?)).flatten()
    }
}

impl Copies {
    /// The one for this reader.
    pub fn of(&self, copy: Copy) -> &Arc<Document> {
        match copy {
            Copy::Holder => &self.holder,
            Copy::ThirdParty => &self.third_party,
        }
    }

    /// What the centre is told of the page: the hash of the holder's own copy.
    pub fn sha256(&self) -> Digest {
        self.holder.sha256()
    }

    /// The page with the transaction that says it was printed at its foot, and what proves it. There is one hash, told to
    /// the centre: on the copy for others it is named as that of the holder's.
    pub fn vouched(&self, transaction: &Row, at: Timestamp) -> Self {
        let digest = self.sha256().to_string();
        let vouched = |document: &Document, name: &str| {
            let mut document = document.clone();
            document.foot.pair(name, digest.as_str());
            proofs(&mut document.foot, transaction, at);
            Arc::new(document)
        };
        Self {
            holder: vouched(&self.holder, "内容校验值（SHA-256）"),
            third_party: vouched(&self.third_party, "本人联内容校验值（SHA-256）"),
        }
    }

    /// How long their texts are together, in bytes.
    pub fn size(&self) -> usize {
        let others = if Arc::ptr_eq(&self.holder, &self.third_party) { 0 } else { self.third_party.size() };
        self.holder.size() + others
    }
}

impl From<Document> for Copies {
    /// One for everybody.
    fn from(slip: Document) -> Self {
        let slip = Arc::new(slip);
        Self { holder: Arc::clone(&slip), third_party: slip }
    }
}

/// What a page for somebody else than its holder says of itself.
const MASKED: &str = "供第三方，个人信息已遮盖";
