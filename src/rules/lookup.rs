//! Looks figures up by the business date, and records each that is used.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::eval::{Computed, Run, Seen, Stop};
use super::expr::Node;
use super::trace::TraceRecord;
use super::types::{Type, Val};

impl<'a> Run<'a> {
    /// A parameter's figure on the business date.
    pub fn param(&mut self, at: usize) -> Computed {
        let (_, value) = self.version(at)?;
        value.cloned().ok_or(Stop::NoFigure(at))
    }

    /// The day from which that figure holds.
    pub fn since(&mut self, at: usize) -> Computed {
        let (from, _) = self.version(at)?;
        Ok(Val::Date(from))
    }

    /// The version of a parameter on the business date, and its figure where it has one. Recorded once.
    fn version(&mut self, at: usize) -> Result<(Date, Option<&'a Val>), Stop> {
        let param = &self.pack.params[at];
        // The versions cover the pack's span, and only a date within it comes here.
        let Some((from, figure)) = param.figures.on(self.date) else { return Err(Stop::Defect) };
        let for_test = self.figures.get(&at).filter(|_| !figure.origin.confirmed());
        let value = for_test.or(figure.value.as_ref());
        if self.seen.insert(Seen::Param(at)) {
            let enums = &self.pack.enums;
            self.demo |= figure.origin.demo();
            self.trace.push(TraceRecord::Param {
                name: param.name.clone(),
                label: param.label.clone(),
                value: value.map_or(Value::Null, |value| param.typ.json(value, enums)),
                shown: value.map_or("无数值".to_owned(), |value| param.typ.shown(value, enums)),
                from: from.to_string(),
                source: figure.origin.source.clone(),
                confidence: figure.origin.confidence.clone(),
            });
        }
        Ok((from, value))
    }

    /// A column of the row whose conditions the values meet.
    pub fn cell(&mut self, table: usize, column: usize, on: &[Node], line: Option<usize>) -> Computed {
        let pack = self.pack;
        let spec = &pack.tables[table];
        let mut values = Vec::with_capacity(on.len());
        for node in on {
            values.push(self.eval(node, line)?);
        }
        // Proved complete at load, and the versions cover the pack's span.
        let Some((_, version)) = spec.versions.on(self.date) else { return Err(Stop::Defect) };
        let Some(at) = version.rows.iter().position(|row| row.holds(&values)) else { return Err(Stop::Defect) };
        self.record_row(table, at, &values, line);
        Ok(version.rows[at].out[column].clone())
    }

    /// Each part of an amount at the rate of the row whose range it lies in; what is below zero has no part.
    pub fn bands(&mut self, of: &Node, table: usize, column: usize, line: Option<usize>) -> Computed {
        let amount = self.number(of, line)?;
        let pack = self.pack;
        let Some((_, version)) = pack.tables[table].versions.on(self.date) else { return Err(Stop::Defect) };
        let mut sum = 0_i128;
        for (at, row) in version.rows.iter().enumerate() {
            let part = row.cells.first().map_or(0, |cell| cell.part(amount));
            if let (Some(Val::Num(rate)), true) = (row.out.get(column), part > 0) {
                self.record_row(table, at, &[Val::Num(amount)], line);
                sum = part.checked_mul(*rate).and_then(|part| sum.checked_add(part)).ok_or(Stop::Range)?;
            }
        }
        Ok(Val::Num(sum))
    }

    /// Records that a row was used, once.
    fn record_row(&mut self, table: usize, at: usize, values: &[Val], line: Option<usize>) {
        let pack = self.pack;
        let spec = &pack.tables[table];
        let Some((from, version)) = spec.versions.on(self.date) else { return };
        let row = &version.rows[at];
        if self.seen.insert(Seen::Row(line, table, at)) {
            let json = |typ: Type, value: &Val| typ.json(value, &pack.enums);
            let named = |names: &[(String, Type)], values: &[Val]| -> Map<String, Value> {
                names.iter().zip(values).map(|((name, typ), value)| (name.clone(), json(*typ, value))).collect()
            };
            let shown: Vec<_> = spec
                .columns
                .iter()
                .zip(&row.out)
                .map(|((name, typ), value)| format!("{name} {}", typ.shown(value, &pack.enums)))
                .collect();
            self.demo |= version.origin.demo();
            self.trace.push(TraceRecord::Table {
                name: spec.name.clone(),
                label: spec.label.clone(),
                from: from.to_string(),
                row: at + 1,
                on: named(&spec.on, values),
                out: named(&spec.columns, &row.out),
                shown: shown.join(", "),
                source: version.origin.source.clone(),
                confidence: version.origin.confidence.clone(),
            });
        }
    }
}
