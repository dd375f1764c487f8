//! The notes of a case written out: each thing that was looked up, computed or tested, with its words.

use serde_json::{Map, Value};

use super::decide::of_line;
use super::expr::Node;
use super::notes::{Line, Note};
use super::pack::{Check, Guard, Out, Part, Piece, Row, Say, Step, Term};
use super::run::Run;
use super::trace::TraceRecord;
use super::types::Type;
use super::val::Val;

/// What is shown of a parameter without a figure.
const NO_FIGURE: &str = "无数值";

impl<'p> Run<'p> {
    /// The records of the case that was decided last, in order.
    pub(super) fn records(&mut self) -> Vec<TraceRecord> {
        let notes = self.written();
        let records = notes.iter().filter_map(|note| self.record(*note)).collect();
        self.notes.all = notes;
        records
    }

    /// The notes, to be written out and put back. None are taken meanwhile: what sentences use was noted when they were due.
    pub fn written(&mut self) -> Vec<Note> {
        self.notes.on = false;
        std::mem::take(&mut self.notes.all)
    }

    /// The record of a note; there is one of every note that was made.
    pub fn record(&mut self, note: Note) -> Option<TraceRecord> {
        Some(match note {
            Note::Param(at) => self.param_record(at as usize)?,
            Note::Accumulator(at) => self.accumulator_record(at as usize),
            Note::Row { table, row, keys } => self.row_record(table as usize, row as usize, keys as usize, false)?,
            Note::Band { table, row, keys } => self.row_record(table as usize, row as usize, keys as usize, true)?,
            Note::Step(line, at) => self.step_record(line, at as usize),
            Note::Guard(line, at, hit) => {
                let Guard { code, outcome, .. } = &self.part_of(line).guards[at as usize];
                TraceRecord::Guard { line: of_line(line), code: code.clone(), hit, outcome: *outcome }
            }
            Note::Check(line, at, ok) => {
                let Check { code, .. } = &self.part_of(line).checks[at as usize];
                TraceRecord::Check { line: of_line(line), code: code.clone(), ok }
            }
        })
    }

    pub fn part_of(&self, line: Line) -> &'p Part {
        if line == 0 { &self.pack.whole } else { &self.pack.line }
    }

    fn param_record(&self, at: usize) -> Option<TraceRecord> {
        let lexicon = self.lexicon();
        let param = &self.pack.params[at];
        let version = self.force.params[at]?;
        let value = version.what;
        Some(TraceRecord::Param {
            name: param.name.clone(),
            label: param.label.clone(),
            value: value.map_or(Value::Null, |value| lexicon.json(param.typ, value)),
            shown: value.map_or(NO_FIGURE.to_owned(), |value| lexicon.shown(param.typ, value)),
            from: version.from.to_string(),
            source: version.origin.source.clone(),
            confidence: version.origin.confidence.clone(),
        })
    }

    fn accumulator_record(&self, at: usize) -> TraceRecord {
        let lexicon = self.lexicon();
        let fact = &self.pack.accumulators[at].fact;
        let value = self.given.accumulators[at];
        TraceRecord::Accumulator {
            name: fact.name.clone(),
            label: fact.label.clone(),
            value: value.map_or(Value::Null, |value| lexicon.json(fact.typ, value)),
            shown: value.map_or("无".to_owned(), |value| lexicon.shown(fact.typ, value)),
        }
    }

    fn row_record(&self, table: usize, at: usize, keys: usize, band: bool) -> Option<TraceRecord> {
        let lexicon = self.lexicon();
        let spec = &self.pack.tables[table];
        let version = self.force.tables[table]?;
        let Row { cells, out: row } = version.what.rows.get(at)?;
        let part = match (&self.notes.keys[keys..], cells.as_slice(), spec.on.as_slice()) {
            ([Val::Num(amount), ..], [cell], [(_, typ)]) if band => Some((cell.part(i128::from(*amount)), *typ)),
            _ => None,
        };
        // What a row has from a parameter is shown with the figure in force, used or not.
        let out = |out: &Out| match out {
            Out::Value(value) => Some(*value),
            Out::Param(param) => self.force.params[*param].and_then(|version| version.what),
        };
        let out: Vec<_> = row.iter().map(out).collect();
        let gives = match (part, out.as_slice(), spec.columns.as_slice()) {
            (Some((part, Type::Money)), [Some(Val::Num(rate))], [(_, Type::Rate)]) => part.checked_mul((*rate).into()),
            _ => None,
        };
        let json = |typ: Type, value: Option<Val>| value.map_or(Value::Null, |value| lexicon.json(typ, value));
        let named = |names: &[(String, Type)], values: &[Option<Val>]| -> Map<String, Value> {
            names.iter().zip(values).map(|((name, typ), value)| (name.clone(), json(*typ, *value))).collect()
        };
        let keys: Vec<_> = self.notes.keys[keys..].iter().take(spec.on.len()).copied().map(Some).collect();
        let shown = spec.columns.iter().zip(&out).map(|((name, typ), value)| {
            let value = value.map_or(NO_FIGURE.to_owned(), |value| lexicon.shown(*typ, value));
            format!("{name} {value}")
        });
        let shown: Vec<_> = shown.collect();
        Some(TraceRecord::Table {
            name: spec.name.clone(),
            label: spec.label.clone(),
            from: version.from.to_string(),
            row: at + 1,
            on: named(&spec.on, &keys),
            out: named(&spec.columns, &out),
            shown: shown.join(", "),
            part: part.map(|(part, typ)| typ.shown_number(part)),
            gives: gives.map(|product| Type::Exact.shown_number(product)),
            source: version.origin.source.clone(),
            confidence: version.origin.confidence.clone(),
        })
    }

    fn step_record(&mut self, line: Line, at: usize) -> TraceRecord {
        let step: &Step = &self.part_of(line).steps[at];
        if let Some(line) = (line as usize).checked_sub(1) {
            self.go_to(line);
        }
        let say = step.say.as_ref().and_then(|say| self.said(say));
        let value = if line == 0 { self.steps[at] } else { self.line_steps[self.line_first + at] };
        let taken = value.ok().and_then(|value| self.taken(step, value));
        let worked = (self.worked && !step.terms.is_empty()).then(|| self.worked(&step.terms));
        let lexicon = self.lexicon();
        TraceRecord::Step {
            line: of_line(line),
            name: step.name.clone(),
            label: step.label.clone(),
            value: value.map_or(Value::Null, |value| lexicon.json(step.typ, value)),
            shown: value.map_or("无法计算".to_owned(), |value| lexicon.shown(step.typ, value)),
            taken,
            worked,
            say,
        }
    }

    /// Of a step that is the least or the greatest of several, the first that is what it came to.
    fn taken(&mut self, step: &Step, value: Val) -> Option<String> {
        let (Val::Num(value), Some(operands)) = (value, step.node.operands()) else { return None };
        let mut written = operands.iter().zip(&step.operands);
        written.find(|(node, _)| self.shown_number(node) == Ok(value.into())).map(|(_, written)| written.clone())
    }

    /// A formula with values; what has none, because it was not needed or cannot be computed, stands as it is written.
    fn worked(&mut self, terms: &[Term]) -> String {
        let mut text = String::new();
        for term in terms {
            match term {
                Term::Words(words) => text.push_str(words),
                // A text may be of a person, who is told of by reference only.
                Term::Value { node, typ, written } => match self.value_in_formula(node, *typ) {
                    Some(value) => text.push_str(&value),
                    None => text.push_str(written),
                },
            }
        }
        text
    }

    /// A value as it would be written in a formula; none of a text.
    fn value_in_formula(&mut self, node: &Node, typ: Type) -> Option<String> {
        match typ {
            Type::Text => None,
            Type::Bool => self.holds(node).ok().map(|truth| truth.to_string()),
            Type::Enum(_) => {
                let value = self.compute(node, typ).ok()?;
                Some(format!("'{}'", self.lexicon().plain(typ, value)))
            }
            _ => self.value_shown(node, typ),
        }
    }

    fn value_shown(&mut self, node: &Node, typ: Type) -> Option<String> {
        if typ.number() {
            return self.shown_number(node).ok().map(|n| typ.shown_number(n));
        }
        let value = self.compute(node, typ).ok()?;
        Some(self.lexicon().shown(typ, value))
    }

    /// The sentence, when it applies and all in it is known.
    fn said(&mut self, say: &Say) -> Option<String> {
        if let Some(when) = &say.when
            && !self.holds(when).ok()?
        {
            return None;
        }
        let mut text = String::new();
        for piece in &say.pieces {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Value(typed) => text.push_str(&self.value_shown(&typed.node, typed.typ)?),
            }
        }
        Some(text)
    }
}
