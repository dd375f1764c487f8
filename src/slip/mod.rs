//! What is printed: a [`Document`], made of what a case came to, and its forms ([`Medium`]). On a slip the holder stands
//! masked; a page of records may be the holder's own ([`Copy`]).

mod cell;
mod document;
mod escpos;
mod foot;
mod html;
mod layout;
mod medium;
mod page;
mod receipt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::queue::Row;
use crate::value::Kind;
use crate::wire::inf_time;

pub use cell::{Cell, Column, Copy};
pub use document::{Document, Text};
pub use foot::Foot;
pub use medium::{Medium, Printed};
pub use page::{Copies, Page, Sort};
pub use receipt::Receipt;

use cell::table;
use document::Section;

/// Columns of an 80 mm printer.
pub const COLUMNS: usize = 48;

/// What a slip tells.
#[derive(Debug, Clone)]
pub struct Slip<'a> {
    /// The scenario's name.
    pub title: &'a str,
    /// The terminal's name.
    pub terminal: &'a str,
    /// Who carried it out.
    pub operator: &'a str,
    /// The holder's name, masked.
    pub name: Option<&'a str>,
    /// The holder's social security number, masked.
    pub number: Option<&'a str>,
    /// The business date.
    pub business_date: Date,
    /// The business date is a demonstration's.
    pub demo_date: bool,
    /// The card is past its validity.
    pub expired_card: bool,
    /// What was decided, each fen accounted for (see `rules::Decision::explain_zh`).
    pub explanation: &'a [String],
    /// Figures were used that are for demonstration only.
    pub demo_figures: bool,
    /// What was filed, where the paper lists it.
    pub filed: Option<Filed<'a>>,
    /// What the centre settled, or says was paid, where it did.
    pub centre: Option<&'a Map<String, Value>>,
    /// The committed transaction.
    pub transaction: &'a Row,
    /// It was committed before.
    pub duplicate: bool,
    /// When it is printed.
    pub at: Timestamp,
}

/// What was filed: the form as it was taken.
#[derive(Clone)]
pub struct Filed<'a> {
    /// The form's items.
    pub items: Vec<Column<'a>>,
    /// Their values; an item that was left out is not printed.
    pub values: &'a Map<String, Value>,
    /// The repeated group, where the form has one.
    pub lines: Option<Group<'a>>,
    /// The documents that were there.
    pub documents: Vec<(&'a str, Seen)>,
}

/// A repeated group of a form.
#[derive(Clone)]
pub struct Group<'a> {
    /// Its label.
    pub label: &'a str,
    /// Its items.
    pub columns: Vec<Column<'a>>,
    /// Its lines.
    pub rows: &'a [Map<String, Value>],
}

/// Names the items and no value.
impl std::fmt::Debug for Filed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filed").field("items", &self.items).field("documents", &self.documents).finish_non_exhaustive()
    }
}

/// How a document was there.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq)]
pub enum Seen {
    /// It was shown.
    Shown,
    /// It was scanned.
    Scanned,
}

impl Slip<'_> {
    /// The slip, to be put in any form.
    pub fn document(&self) -> Document {
        let undoes = match (self.transaction.cancels, self.transaction.kind) {
            (None, _) => "",
            (Some(_), Kind::Settle) => "撤销退费：",
            (Some(_), _) => "撤回：",
        };
        let mut document = Document::titled(&format!("{undoes}{}", self.title));
        if self.transaction.demo {
            document.marks.push(DEMO.into());
        }
        document.head = self.head();
        document.sections =
            std::iter::once(self.explained()).chain(self.filed.iter().flat_map(Filed::sections)).collect();
        document.foot = self.foot();
        document
    }

    fn head(&self) -> Section {
        let mut head = Section::default();
        head.pair("终端", self.terminal);
        head.pair("经办人", self.operator);
        if let Some(name) = self.name {
            head.pair("姓名", name);
        }
        if let Some(number) = self.number {
            head.pair("社会保障号码", number);
        }
        head.pair("业务日期", business_date(self.business_date, self.demo_date).as_str());
        if let Some(cancelled) = self.transaction.cancels {
            head.pair("原流水号", cancelled.to_string().as_str());
        }
        if self.expired_card {
            head.say("注意：卡已过有效期");
        }
        head
    }

    fn explained(&self) -> Section {
        let mut section = Section::default();
        self.explanation.iter().for_each(|line| section.say(line));
        if self.demo_figures && !self.explanation.iter().any(|line| line.contains("演示参数")) {
            section.say("演示参数：所用数值仅供演示");
        }
        section
    }

    fn foot(&self) -> Section {
        let foot = Foot {
            transaction: self.transaction,
            centre: self.centre,
            answer: None,
            lists: self.filed.is_some(),
            duplicate: self.duplicate,
            at: self.at,
        };
        foot.section()
    }
}

impl Filed<'_> {
    /// The parts that are there: items, lines, documents. Whoever reads a slip is nobody in particular, so that what
    /// may be personal stands on it masked.
    fn sections(&self) -> Vec<Section> {
        let mut items = Section::under("办理内容");
        for column in self.items.iter().filter(|column| self.values.contains_key(column.item)) {
            items.pair(column.label, column.text(self.values, Copy::ThirdParty));
        }
        let lines = self.lines.iter().map(|group| {
            let mut lines = Section::under(group.label);
            lines.table(table(&group.columns, group.rows, Copy::ThirdParty));
            lines
        });
        let mut documents = Section::under("已核对材料");
        for (label, seen) in &self.documents {
            let seen = match seen {
                Seen::Shown => "已出示",
                Seen::Scanned => "已扫描",
            };
            documents.say(&format!("{label}（{seen}）"));
        }
        let all = std::iter::once(items).chain(lines).chain([documents]);
        all.filter(|section| !section.blocks.is_empty()).collect()
    }
}

/// What a demonstration's paper says of itself.
const DEMO: &str = "演示，不作凭证";

fn business_date(date: Date, demo: bool) -> String {
    if demo { format!("{date}（演示日期）") } else { date.to_string() }
}

/// By what the paper is found and proven.
fn proofs(foot: &mut Section, row: &Row, at: Timestamp) {
    foot.pair("流水号", row.id.to_string().as_str());
    foot.pair("验真码", verification_code(row).as_str());
    foot.pair("打印时间", inf_time(at).as_str());
}

/// What proves a slip: the first twelve digits of the transaction's header hash, which the chain holds at the terminal
/// and at the centre. In groups of four, `"A1B2-C3D4-E5F6"`.
pub fn verification_code(row: &Row) -> String {
    let hash = row.header_hash.to_string();
    let digits: Vec<char> = hash.chars().take(12).collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;
