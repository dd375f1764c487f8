//! Parts of a decision for who wants to know few of them: the cases of a pack ask for a field or two each, and writing the
//! whole decision out for that took ten times as long as deciding.

use serde_json::Value;

use super::decision::Outcome;
use super::notes::Note;
use super::pack::{Pack, Step};
use super::run::Run;
use super::val::Val;

impl Pack {
    /// Runs its cases in turn, each with what differs from what it wants.
    pub fn run_cases(&self) -> impl Iterator<Item = Vec<String>> {
        let mut run = Run::new(self);
        self.cases.iter().map(move |case| case.run_at(&mut run))
    }

    /// Drops the cases and the formulas as they are written.
    pub fn keep_what_decides(&mut self) {
        self.cases = Vec::new();
        for step in self.line.steps.iter_mut().chain(&mut self.whole.steps) {
            step.terms = Vec::new();
        }
    }
}

impl<'p> Run<'p> {
    /// What of the case at hand fills `field`, as the decision's `outputs` have it.
    pub fn output(&self, field: &str) -> Option<Value> {
        if self.outcome == Outcome::Deny {
            return None;
        }
        let steps = &self.pack.whole.steps;
        let at = steps.iter().position(|step| step.out.as_deref() == Some(field))?;
        self.steps[at].ok().map(|value| self.lexicon().json(steps[at].typ, value))
    }

    /// The same of a bill line, counted from 0; the key that names it is one of its fields.
    pub fn line_output(&self, line: usize, field: &str) -> Option<Value> {
        if self.outcome == Outcome::Deny || line >= self.given.count {
            return None;
        }
        let (steps, spec) = (&self.pack.line.steps, self.pack.lines.as_ref()?);
        let key = &spec.facts[spec.key];
        if key.name == field {
            let given: Option<Val> = self.given.lines[line * spec.facts.len() + spec.key];
            return given.map(|value| self.lexicon().json(key.typ, value));
        }
        let at = steps.iter().position(|step| step.out.as_deref() == Some(field))?;
        self.line_steps[line * steps.len() + at].ok().map(|value| self.lexicon().json(steps[at].typ, value))
    }

    /// What an accumulator is once the case is carried out.
    pub fn after(&self, accumulator: &str) -> Option<Value> {
        let of = |post: usize| &self.pack.accumulators[self.pack.posts[post].accumulator].fact;
        let changed = self.changes.iter().find(|changed| of(changed.post).name == accumulator)?;
        Some(self.lexicon().json(of(changed.post).typ, changed.after))
    }

    /// The sentences for the slip, in order.
    pub fn sentences(&mut self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.outcome == Outcome::Deny {
            return sentences;
        }
        self.notes.on = false;
        for line in 0..self.given.count {
            self.go_to(line);
            for step in &self.pack.line.steps {
                sentences.extend(self.sentence(step).map(|sentence| format!("第 {} 行：{sentence}", line + 1)));
            }
        }
        for step in &self.pack.whole.steps {
            sentences.extend(self.sentence(step));
        }
        sentences
    }

    /// Whether each of these stands in a line of the record. Only records are written out whose name stands in one.
    pub fn records_have(&mut self, wanted: &[String]) -> bool {
        let notes = std::mem::take(&mut self.notes.all);
        self.notes.on = false;
        let mut missing: Vec<&str> = wanted.iter().map(String::as_str).collect();
        for note in &notes {
            if missing.is_empty() {
                break;
            }
            let name = self.name_of(*note);
            if missing.iter().any(|wanted| wanted.contains(name))
                && let Some(line) = self.record(*note).map(|record| record.line())
            {
                missing.retain(|wanted| !line.contains(wanted));
            }
        }
        self.notes.all = notes;
        missing.is_empty()
    }

    fn sentence(&mut self, step: &'p Step) -> Option<String> {
        self.said(step.say.as_ref()?)
    }

    /// The name under which a note is recorded.
    fn name_of(&self, note: Note) -> &'p str {
        let pack = self.pack;
        let part = |line| if line == 0 { &pack.whole } else { &pack.line };
        match note {
            Note::Param(at) => &pack.params[at as usize].name,
            Note::Accumulator(at) => &pack.accumulators[at as usize].fact.name,
            Note::Row { table, .. } | Note::Band { table, .. } => &pack.tables[table as usize].name,
            Note::Step(line, at) => &part(line).steps[at as usize].name,
            Note::Guard(line, at, _) => &part(line).guards[at as usize].code,
            Note::Check(line, at, _) => &part(line).checks[at as usize].code,
        }
    }
}
