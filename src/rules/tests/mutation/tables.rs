//! Decision tables: their policies, conditions and results.

use std::ops::Range;

use toml::de::DeTable;

use super::document::{Document, Kind};
use super::figures::{Step, neighbours};
use super::places::{Value, ends, list, tables, written};
use crate::rules::types::Type;

/// A number at which rows begin or end, and each place where it stands: a cell and which part of its text.
struct Threshold<'v, 'a> {
    written: String,
    places: Vec<(&'v Value<'a>, Range<usize>)>,
}

impl<'a> Document<'a> {
    pub(super) fn tables(&mut self, root: &DeTable<'a>) {
        for (declared, spec) in tables(root, "table").into_iter().zip(&self.pack.tables) {
            let item = format!("table {}", spec.name);
            self.policy(&item, declared);
            let versions = tables(declared, "version");
            self.versions(&item, &versions);
            for version in versions {
                let item = format!("{item} {}", written(self.text, &version["from"]).1);
                let rows: Vec<Vec<_>> = list(&version["rows"]).map(|row| list(row).collect()).collect();
                for (column, (name, typ)) in spec.on.iter().enumerate() {
                    let cells: Vec<_> = rows.iter().map(|row| row[column]).collect();
                    self.conditions(&format!("{item} {name}"), &cells, *typ);
                }
                for (number, row) in rows.iter().enumerate() {
                    for ((name, typ), cell) in spec.columns.iter().zip(&row[spec.on.len()..]) {
                        self.value(&format!("{item} row {} {name}", number + 1), "", cell, *typ);
                    }
                }
            }
        }
    }

    /// The other policies under which the table loads. A `unique` table is the same as `first`, which therefore is no
    /// mutant.
    fn policy(&mut self, item: &str, declared: &DeTable<'a>) {
        for (key, policies) in [("hit", &["first", "unique"][..]), ("collect", &["sum", "min", "max"])] {
            let Some(policy) = declared.get(key) else { continue };
            let (at, was) = written(self.text, policy);
            if was == "unique" || !policies.contains(&was) {
                continue;
            }
            for other in policies.iter().filter(|other| **other != was) {
                self.add(item, "", was, other, vec![(at.clone(), (*other).to_owned())], Kind::Figure);
            }
        }
    }

    /// A column of conditions: each code is taken for the next one, and each threshold is moved wherever it stands.
    fn conditions(&mut self, item: &str, cells: &[&Value<'a>], typ: Type) {
        let text = self.text;
        let mut thresholds: Vec<Threshold<'_, 'a>> = Vec::new();
        for cell in cells {
            let (_, was) = written(text, cell);
            match typ {
                _ if was == "*" => {}
                Type::Bool => self.value(item, "", cell, typ),
                Type::Enum(_) => self.codes(item, cell, typ),
                _ => {
                    for at in ends(was) {
                        let end = was[at.clone()].to_owned();
                        match thresholds.iter_mut().find(|threshold| threshold.written == end) {
                            Some(threshold) => threshold.places.push((cell, at)),
                            None => thresholds.push(Threshold { written: end, places: vec![(cell, at)] }),
                        }
                    }
                }
            }
        }
        for threshold in thresholds {
            self.moved(item, "", &threshold.places, Step::Unit);
        }
    }

    fn codes(&mut self, item: &str, cell: &Value<'a>, typ: Type) {
        let (at, was) = written(self.text, cell);
        let mut start = 0;
        for code in was.split('|') {
            let from = at.start + start + (code.len() - code.trim_start().len());
            for other in neighbours(code.trim(), typ, &self.pack.enums) {
                let edit = (from..from + code.trim().len(), other.clone());
                self.add(item, "", was, &was.replacen(code.trim(), &other, 1), vec![edit], Kind::Figure);
            }
            start += code.len() + 1;
        }
    }
}
