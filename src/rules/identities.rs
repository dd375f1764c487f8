//! The identities of a pack, tested once more on what was stored of a decision.

use serde_json::{Map, Value};

use super::decision::Decision;
use super::eval::{Computed, Stop};
use super::pack::{Fact, Pack, Step};
use super::run::Run;
use super::trace::TraceRecord;
use super::types::Type;
use super::val::Val;

impl Pack {
    /// A record of each identity that can be tested: what a field was given out as is taken from the results, the other
    /// steps and the accumulators from the record. What needs a fact of the case is left out, for facts are not kept.
    pub(super) fn identities(&self, decision: &Decision) -> Vec<TraceRecord> {
        let mut run = Run::new(self);
        run.recall(decision);
        let mut records = Vec::new();
        for line in 0..decision.lines.len() {
            run.go_to(line);
            for check in &self.line.checks {
                if let Ok(ok) = run.holds(&check.node) {
                    records.push(TraceRecord::Check { line: Some(line + 1), code: check.code.clone(), ok });
                }
            }
        }
        for check in &self.whole.checks {
            if let Ok(ok) = run.holds(&check.node) {
                records.push(TraceRecord::Check { line: None, code: check.code.clone(), ok });
            }
        }
        records
    }
}

impl Run<'_> {
    /// Takes what was stored of a decision in place of a case: what the steps came to, and the accumulators as they were
    /// read.
    fn recall(&mut self, decision: &Decision) {
        let pack = self.pack;
        self.force.on(pack, decision.business_date, &[]);
        self.given.facts.fill(None);
        self.given.count = decision.lines.len();
        self.given.lines = vec![None; pack.line_facts().len() * decision.lines.len()];
        self.given.accumulators =
            pack.accumulators.iter().map(|accumulator| self.accumulator(&accumulator.fact, decision)).collect();
        for (at, fields) in decision.lines.iter().enumerate() {
            for step in &pack.line.steps {
                let value = self.stored(step, fields, decision, Some(at + 1));
                self.line_steps.push(value);
            }
        }
        for step in &pack.whole.steps {
            let value = self.stored(step, &decision.outputs, decision, None);
            self.steps.push(value);
        }
    }

    fn accumulator(&mut self, fact: &Fact, decision: &Decision) -> Option<Val> {
        let value = decision.trace.iter().find_map(|record| match record {
            TraceRecord::Accumulator { name, value, .. } if *name == fact.name => Some(value),
            _ => None,
        });
        self.stored_value(fact.typ, value?)
    }

    /// What a step came to, of the whole or of a line (from 1).
    fn stored(&mut self, step: &Step, fields: &Map<String, Value>, decision: &Decision, of: Option<usize>) -> Computed {
        let field = step.out.as_ref().and_then(|field| fields.get(field));
        let value = field.or_else(|| {
            decision.trace.iter().find_map(|record| match record {
                TraceRecord::Step { line, name, value, .. } if *line == of && *name == step.name => Some(value),
                _ => None,
            })
        });
        value.and_then(|value| self.stored_value(step.typ, value)).ok_or(Stop::DEFECT)
    }

    /// A value in the form that stands in the data.
    fn stored_value(&mut self, typ: Type, value: &Value) -> Option<Val> {
        let written = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ => return None,
        };
        typ.parse(&written, &self.pack.enums, |text| self.given.texts.keep(text))
    }
}
