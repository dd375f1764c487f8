//! A decision in words: the lines of a slip, and the trace as a table.

use serde_json::Value;

use super::decision::{Basis, Change, Decision, Effect, Outcome};
use super::span::{Period, Span};
use super::trace::TraceRecord;
use crate::value::Kind;

/// Between the columns of the table.
const GAP: &str = "  ";

impl Decision {
    /// The lines of a slip in Chinese, of a case of this kind: each fen accounted for, and 演示参数 where figures are for
    /// demonstration.
    pub fn explain_zh(&self, kind: Kind) -> Vec<String> {
        let mut lines = vec![format!("结论：{}", conclusion(self.outcome))];
        for reason in &self.reasons {
            let place = reason.line.map(|line| format!("第 {line} 行：")).unwrap_or_default();
            // Where no law was found, what stands in its place says so, and is for who reads the pack.
            let basis = reason.basis.as_ref().filter(|_| reason.confidence.as_deref() != Some("U"));
            let basis = basis.map(|basis| format!("，依据{basis}")).unwrap_or_default();
            lines.push(format!("· {place}{}（{}{basis}）", reason.text.zh, reason.code));
        }
        lines.extend(self.said());
        lines.push(standing(self.basis, kind).to_owned());
        lines.push(format!("政策依据：{}", self.version_reason));
        if self.demo {
            lines.push("演示参数：所用数值仅供演示，不作为待遇依据".to_owned());
        }
        lines
    }

    /// The sentences of the steps, as they stand on a slip; what is denied has none.
    pub(super) fn said(&self) -> Vec<String> {
        if self.outcome == Outcome::Deny {
            return Vec::new();
        }
        self.trace.iter().filter_map(TraceRecord::sentence).collect()
    }

    /// What carrying the case out changes of the accumulators, and by what pack, in Chinese.
    pub fn explain_changes(&self) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::Null => "无".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let change = |change: &Change| {
            let (before, value, after) = (text(&change.before), text(&change.value), text(&change.after));
            let how = match change.effect {
                Effect::Add => format!("{before} + {value} = {after}"),
                Effect::Set => format!("{before}，改为 {after}"),
            };
            format!("累计 {}（险种 {}，{}）：{how}", change.name, change.scheme, period(&change.period))
        };
        let pack = format!("政策包 {} {}，SHA-256 {}", self.pack.id, self.pack.version, self.pack.sha256);
        self.accumulators.iter().map(change).chain([pack]).collect()
    }

    /// The trace as a table for a terminal, aligned for wide characters.
    pub fn explain_table(&self) -> String {
        let mut rows = vec![["类别", "行", "名称", "说明", "值", "出处"].map(str::to_owned)];
        rows.extend(self.trace.iter().map(row));
        let mut widths = [0; 6];
        for row in &rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = width(cell).max(*widest);
            }
        }
        let shown = rows.iter().map(|row| {
            let cells = row.iter().zip(widths).map(|(cell, widest)| {
                let fill = widest - width(cell);
                format!("{cell}{}", " ".repeat(fill))
            });
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        });
        shown.collect::<Vec<_>>().join("\n")
    }
}

/// The stretch in which something is counted; what it is counted apart by may be an illness, and is not said.
fn period(period: &Period) -> String {
    let scope = match period.scope {
        Span::Admission => "本次住院",
        Span::Days => "按天数",
        Span::Month => "当月",
        Span::Year => "年度",
        Span::Disease => "按病种",
        Span::Benefit => "按待遇",
    };
    match period.of.as_str() {
        "" | "-" => scope.to_owned(),
        of => format!("{scope} {of}"),
    }
}

/// Who stands behind the result. Only what is settled is reckoned; all else is looked at, and taken or not.
fn standing(basis: Basis, kind: Kind) -> &'static str {
    match (basis, kind) {
        (Basis::LocalEstimate, Kind::Settle) => "本结果为本机核算，以中心结算为准",
        (Basis::LocalEstimate, _) => "本结果为本机审核，以中心受理结果为准",
        (Basis::Centre, Kind::Settle) => "本结果已由中心结算",
        (Basis::Centre, _) => "本结果已由中心确认",
    }
}

fn conclusion(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "可以办理",
        Outcome::Warn => "核对提示后可以办理",
        Outcome::Refer => "转人工或中心核定",
        Outcome::Deny => "不予办理",
    }
}

/// Kind, line, name, label, value, source.
fn row(record: &TraceRecord) -> [String; 6] {
    let of = |line: &Option<usize>| line.map(|line| line.to_string()).unwrap_or_default();
    let from = |from: &str, source: &str, confidence: &str| format!("{from} 起；{source}（{confidence}）");
    match record {
        TraceRecord::Param { name, label, shown, from: since, source, confidence, .. } => {
            ["参数".into(), String::new(), name.clone(), label.clone(), shown.clone(), from(since, source, confidence)]
        }
        TraceRecord::Table { name, label, row, shown, part, gives, from: since, source, confidence, .. } => [
            "表".into(),
            String::new(),
            format!("{name}#{row}"),
            label.clone(),
            match (part, gives) {
                (Some(part), Some(gives)) => format!("{shown}，用于 {part}，得 {gives}"),
                (Some(part), None) => format!("{shown}，用于 {part}"),
                _ => shown.clone(),
            },
            from(since, source, confidence),
        ],
        TraceRecord::Accumulator { name, label, shown, .. } => {
            ["累计".into(), String::new(), name.clone(), label.clone(), shown.clone(), String::new()]
        }
        TraceRecord::Step { line, name, label, shown, taken, worked, .. } => {
            let how = match (worked, taken) {
                (Some(worked), Some(taken)) => format!("= {worked}；取 {taken}"),
                (Some(one), None) | (None, Some(one)) => format!("= {one}"),
                (None, None) => String::new(),
            };
            ["步骤".into(), of(line), name.clone(), label.clone(), shown.clone(), how]
        }
        TraceRecord::Guard { line, code, hit, outcome } => {
            let shown = if *hit { outcome.name() } else { "–" };
            ["条件".into(), of(line), code.clone(), String::new(), shown.to_owned(), String::new()]
        }
        TraceRecord::Check { line, code, ok } => {
            let shown = if *ok { "成立" } else { "不成立" };
            ["核对".into(), of(line), code.clone(), String::new(), shown.to_owned(), String::new()]
        }
    }
}

/// The columns a text takes on a terminal.
fn width(text: &str) -> usize {
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// Whether a character takes two columns: East Asian width W and F, in the blocks that occur in Chinese text.
fn wide(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x115F | 0x2E80..=0x303E | 0x3041..=0x33FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xA000..=0xA4CF
        | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x20000..=0x3FFFD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_settlement_is_said_to_be_settled() {
        use Kind::{Apply, Certify, Change, Collect, Pay, Query, Register, Report, SignIn, Visit};
        for kind in [Register, Apply, Query, Change, Visit, Pay, Collect, SignIn, Certify, Report] {
            for basis in [Basis::LocalEstimate, Basis::Centre] {
                assert!(!standing(basis, kind).contains("结算"), "{}", kind.name());
                assert!(standing(basis, Kind::Settle).contains("中心结算"));
            }
        }
    }

    #[test]
    fn chinese_takes_two_columns() {
        assert_eq!(width("统筹 80%（¥1）"), 4 + 1 + 3 + 2 + 2 + 2);
    }
}
