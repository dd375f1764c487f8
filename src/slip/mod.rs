//! What is printed: lines for an 80 mm printer, 48 columns, wide characters count two. The holder stands on it masked.

mod layout;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::queue::Row;
use crate::value::Kind;
use layout::Paper;

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
    /// What the centre settled, where it did.
    pub centre: Option<&'a Map<String, Value>>,
    /// The committed transaction.
    pub transaction: &'a Row,
    /// It was committed before.
    pub duplicate: bool,
    /// When it is printed.
    pub at: Timestamp,
}

impl Slip<'_> {
    /// The lines, each at most [`COLUMNS`] wide.
    pub fn lines(&self) -> Vec<String> {
        let mut paper = Paper::new(COLUMNS);
        self.head(&mut paper);
        self.body(&mut paper);
        self.foot(&mut paper);
        paper.into_lines()
    }

    fn head(&self, paper: &mut Paper) {
        paper.centred(self.title);
        if self.transaction.demo {
            paper.centred("*** 演示，不作凭证 ***");
        }
        paper.rule();
        paper.pair("终端", self.terminal);
        paper.pair("经办人", self.operator);
        if let Some(name) = self.name {
            paper.pair("姓名", name);
        }
        if let Some(number) = self.number {
            paper.pair("社会保障号码", number);
        }
        let date = self.business_date.to_string();
        paper.pair("业务日期", &if self.demo_date { format!("{date}（演示日期）") } else { date });
        if self.expired_card {
            paper.text("注意：卡已过有效期");
        }
        paper.rule();
    }

    fn body(&self, paper: &mut Paper) {
        for line in self.explanation {
            paper.text(line);
        }
        if self.demo_figures && !self.explanation.iter().any(|line| line.contains("演示参数")) {
            paper.text("演示参数：所用数值仅供演示");
        }
        paper.rule();
    }

    fn foot(&self, paper: &mut Paper) {
        let row = self.transaction;
        if row.provisional {
            paper.text("本机暂结，以中心结算为准");
        } else if let Some(setl_id) = self.centre.and_then(|centre| centre.get("setl_id")).and_then(Value::as_str) {
            paper.text("中心已结算");
            paper.pair("结算编号", setl_id);
        } else if row.kind != Kind::Settle {
            paper.text("已提交，以中心受理结果为准");
        }
        if self.duplicate {
            paper.text("此前已提交，本次未重复提交");
        }
        paper.pair("流水号", &row.id.to_string());
        paper.pair("验真码", &verification_code(row));
        let printed = crate::wire::inf_time(self.at);
        paper.pair("打印时间", &printed);
    }
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
