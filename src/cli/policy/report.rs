//! What `sbkd policy replay` found.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};

use super::line;
use crate::failure::Explain as _;
use crate::queue::{Row, State};
use crate::rules::{Again, FieldChange, Otherwise, Packs, PastCase};
use crate::value::Fen;

/// What came of all of them.
#[derive(Default)]
pub(super) struct Report {
    pub(super) counts: Counts,
    pub(super) cases: Vec<Case>,
    /// Why cases cannot be decided, and how many.
    reasons: BTreeMap<String, u64>,
    /// Field by field: how many cases differ, and the sums then and now in fen.
    pub(super) sums: BTreeMap<String, Sum>,
}

#[derive(Default, Serialize)]
pub(super) struct Counts {
    /// All that were looked at.
    pub(super) transactions: u64,
    pub(super) same: u64,
    /// The same outcome, other fields.
    pub(super) different: u64,
    pub(super) outcome_changed: u64,
    /// These packs cannot decide them.
    pub(super) undecided: u64,
    /// They do not stand: refused, void, taken back.
    pub(super) not_standing: u64,
    /// Their payload is no longer kept.
    pub(super) erased: u64,
    /// Another version of the program kept them, without all that is needed.
    pub(super) other_version: u64,
    /// Records of the journal that are damaged.
    pub(super) damaged: Vec<u64>,
    /// Decided again by the very pack that decided them.
    pub(super) own: u64,
    /// And not as they were: there must be none.
    pub(super) own_different: u64,
}

#[derive(Default)]
pub(super) struct Sum {
    cases: u64,
    pub(super) then: i128,
    now: i128,
}

/// A case that would end otherwise.
#[derive(Serialize)]
pub(super) struct Case {
    id: String,
    sequence: u64,
    business_date: Date,
    scenario: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What {
    Otherwise(Box<Otherwise>),
    Undecided { undecided: String },
}

/// A case of its own that a pack does not pass.
#[derive(Serialize)]
struct Failing {
    pack: String,
    name: String,
}

fn failing(packs: &Packs) -> Vec<Failing> {
    let failed = packs.test().cases.into_iter().filter(|case| !case.failures.is_empty());
    failed.map(|case| Failing { pack: case.pack, name: case.name }).collect()
}

impl Report {
    /// Decides a case again, and counts what came of it.
    pub(super) fn take(&mut self, packs: &Packs, row: Row, payload: Option<Value>) {
        let counts = &mut self.counts;
        counts.transactions += 1;
        if !stands(row.state) {
            counts.not_standing += 1;
            return;
        }
        let Some(mut payload) = payload else {
            counts.erased += 1;
            return;
        };
        let Some(past) = PastCase::read(payload["detail"].take()) else {
            counts.other_version += 1;
            return;
        };
        match packs.decide_again(&past) {
            Again::Decided(otherwise) => self.decided(&row, otherwise),
            Again::Not(error) => {
                counts.undecided += 1;
                *self.reasons.entry(format!("{}: {error}", error.entry().code)).or_default() += 1;
                self.keep(&row, What::Undecided { undecided: error.to_string() });
            }
        }
    }

    /// A record of the journal that cannot be read: of which day and scenario it is nobody can say, so it counts always.
    pub(super) fn damaged(&mut self, record: u64) {
        self.counts.transactions += 1;
        self.counts.damaged.push(record);
    }

    fn decided(&mut self, row: &Row, otherwise: Box<Otherwise>) {
        let same = otherwise.is_nothing();
        let counts = &mut self.counts;
        counts.own += u64::from(otherwise.own_pack);
        counts.own_different += u64::from(otherwise.own_pack && !same);
        match (same, otherwise.outcome) {
            (true, _) => counts.same += 1,
            (false, None) => counts.different += 1,
            (false, Some(_)) => counts.outcome_changed += 1,
        }
        for (field, (then, now)) in &otherwise.amounts {
            let sum = self.sums.entry(field.clone()).or_default();
            sum.cases += u64::from(then != now);
            sum.then += i128::from(*then);
            sum.now += i128::from(*now);
        }
        if !same {
            self.keep(row, What::Otherwise(otherwise));
        }
    }

    fn keep(&mut self, row: &Row, what: What) {
        self.cases.push(Case {
            id: row.id.to_string(),
            sequence: row.sequence,
            business_date: row.business_date,
            scenario: row.scenario.clone(),
            what,
        });
    }

    /// As data.
    pub(super) fn value(&self, packs: &Packs) -> Value {
        let sum = |(field, sum): (&String, &Sum)| {
            json!({
                "field": field,
                "cases": sum.cases,
                "old": yuan(sum.then),
                "new": yuan(sum.now),
                "difference": yuan(sum.now - sum.then),
            })
        };
        let undecided = |(why, cases): (&String, &u64)| json!({ "why": why, "cases": cases });
        let mut value = json!(self.counts);
        value["packs"] = json!(packs.list());
        value["failing"] = json!(failing(packs));
        value["reasons"] = self.reasons.iter().map(undecided).collect();
        value["sums"] = self.sums.iter().map(sum).collect();
        value["cases"] = json!(self.cases);
        value
    }

    /// For reading.
    pub(super) fn text(&self, packs: &Packs) -> String {
        let mut text: String = packs.list().iter().map(line).collect();
        text.extend(failing(packs).iter().map(|Failing { pack, name }| {
            format!("✘ {pack}：案例未通过，不能启用 / a case fails, no terminal takes it up: {name}\n")
        }));
        text.extend(self.cases.iter().map(Case::text));
        for (why, cases) in &self.reasons {
            text += &format!("不能核定 / cannot be decided: {cases} × {why}\n");
        }
        let moved = self.sums.iter().filter(|(_, sum)| sum.cases > 0);
        for (field, Sum { cases, then, now }) in moved {
            let (old, new, difference) = (yuan(*then), yuan(*now), yuan(now - then));
            text +=
                &format!("合计 / sum {field}: {old} → {new}，差额 / difference {difference}（{cases} 笔 / cases）\n");
        }
        text + &self.counts.text()
    }
}

impl Counts {
    fn text(&self) -> String {
        let Self { transactions, same, different, outcome_changed, undecided, .. } = self;
        let mut text = format!(
            "共 {transactions} 笔：相同 {same}，金额不同 {different}，结论不同 {outcome_changed}，不能核定 {undecided}\n\
             {transactions} in all: {same} the same, {different} with other figures, {outcome_changed} with another \
             outcome, {undecided} that cannot be decided\n"
        );
        let damaged = self.damaged.len() as u64;
        for (count, zh, en) in [
            (self.not_standing, "已拒收、作废、冲正或撤销，未比较", "refused, void or taken back: not compared"),
            (self.erased, "明细已清除，无法比较", "no longer kept: not compared"),
            (
                self.other_version,
                "由其他版本的程序记录，无法比较",
                "kept by another version of the program: not compared",
            ),
            (damaged, "流水记录损坏，无法比较", "damaged in the journal: not compared"),
            (self.own, "与当时所用的政策包逐字节相同，应当结果相同", "decided by the very same pack: as they were"),
        ] {
            if count > 0 {
                text += &format!("其中 {count} 笔{zh} / {count} {en}\n");
            }
        }
        text
    }
}

impl Case {
    fn text(&self) -> String {
        let what = match &self.what {
            What::Undecided { undecided } => format!("不能核定 / cannot be decided: {undecided}"),
            What::Otherwise(found) => otherwise(found),
        };
        format!("{} {} {}  {what}\n", self.id, self.business_date, self.scenario)
    }
}

/// What is otherwise, in one line: outcome, reasons, fields, then → now.
pub(super) fn otherwise(found: &Otherwise) -> String {
    let codes = |codes: &[String]| if codes.is_empty() { "–".to_owned() } else { codes.join(" ") };
    let outcome = found.outcome.map(|(then, now)| format!("{} → {}", then.name(), now.name()));
    let reasons = found.reasons.as_ref().map(|(then, now)| format!("{} → {}", codes(then), codes(now)));
    outcome.into_iter().chain(reasons).chain(found.fields.iter().map(field)).collect::<Vec<_>>().join("  ")
}

fn field(change: &FieldChange) -> String {
    let shown = |value: &Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!("{} {} → {}", change.field, shown(&change.old), shown(&change.new))
}

/// Whether somebody has what was decided, or is to get it.
fn stands(state: State) -> bool {
    !matches!(
        state,
        State::Refused
            | State::Reversing
            | State::Reversed
            | State::Void
            | State::Cancelling
            | State::Cancelled
            | State::Expired
    )
}

/// Fen as yuan. A sum of all that a journal can hold is far below what 64 bits take.
fn yuan(fen: i128) -> String {
    i64::try_from(fen).map_or_else(|_| format!("{fen} fen"), |fen| Fen(fen).to_string())
}
