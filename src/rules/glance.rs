//! Parts of a decision for who wants to know few of them: the cases of a pack ask for a field or two each, and writing the
//! whole decision out for that took ten times as long as deciding.

use serde_json::Value;

use super::decision::Outcome;
use super::notes::Note;
use super::run::Run;
use super::val::Val;

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

    /// The sentences for the slip, as [`Decision::said`](super::Decision) has them.
    pub fn sentences(&mut self) -> Vec<String> {
        if self.outcome == Outcome::Deny {
            return Vec::new();
        }
        let notes = self.written();
        let mut sentences = Vec::new();
        for note in &notes {
            if let Note::Step(line, at) = *note
                && self.part_of(line).steps[at as usize].say.is_some()
            {
                sentences.extend(self.record(*note).and_then(|record| record.sentence()));
            }
        }
        self.notes.all = notes;
        sentences
    }

    /// Which of these stand in no line of the record.
    pub fn records_lack<'w>(&mut self, wanted: &'w [String]) -> Vec<&'w str> {
        let notes = self.written();
        let mut missing: Vec<&str> = wanted.iter().map(String::as_str).collect();
        // Nearly always it is in a record whose name it says; the others are written out only where it is not.
        for named in [true, false] {
            for note in &notes {
                if missing.is_empty() {
                    break;
                }
                let name = self.name_of(*note);
                if named == missing.iter().any(|wanted| wanted.contains(name))
                    && let Some(line) = self.record(*note).map(|record| record.line())
                {
                    missing.retain(|wanted| !line.contains(wanted));
                }
            }
        }
        self.notes.all = notes;
        missing
    }

    /// The name under which a note is recorded.
    fn name_of(&self, note: Note) -> &'p str {
        let (pack, part) = (self.pack, |line| self.part_of(line));
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

#[cfg(test)]
mod tests {
    use super::super::pack::load_without_cases;
    use super::super::tests::shipped::texts;
    use super::*;

    /// Every case of every pack that ships, each part of its decision against what is seen of it here.
    #[test]
    fn what_is_seen_at_a_glance_is_what_the_decision_says() {
        let mut seen = 0;
        for (file, text) in texts() {
            let pack = load_without_cases(&file, &text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
            let mut run = Run::new(&pack);
            for case in &pack.cases {
                let Some(decision) = case.decision(&mut run) else { continue };
                let name = &case.name;
                for step in &pack.whole.steps {
                    let Some(field) = &step.out else { continue };
                    assert_eq!(run.output(field).as_ref(), decision.outputs.get(field), "{file}: {name}: {field}");
                }
                for (at, line) in decision.lines.iter().enumerate() {
                    for (field, value) in line {
                        assert_eq!(run.line_output(at, field).as_ref(), Some(value), "{file}: {name}: {at} {field}");
                    }
                    assert_eq!(run.line_output(at, "medfee_sumamt"), None, "no field of a line");
                }
                assert_eq!(run.line_output(decision.lines.len(), "inscp_scp_amt"), None, "{file}: {name}");
                for accumulator in &pack.accumulators {
                    let of = &accumulator.fact.name;
                    let change = decision.accumulators.iter().find(|change| change.name == *of);
                    assert_eq!(run.after(of), change.map(|change| change.after.clone()), "{file}: {name}: {of}");
                }
                assert_eq!(run.sentences(), decision.said(), "{file}: {name}");
                let lines: Vec<_> = decision.trace.iter().map(|record| record.line()).collect();
                // The whole of a line, the end of one, which names nothing, and what no line has.
                let ends = lines.iter().filter_map(|line| line.rsplit(' ').next()).map(str::to_owned);
                let have: Vec<_> = lines.iter().cloned().chain(ends).collect();
                assert_eq!(run.records_lack(&have), Vec::<&str>::new(), "{file}: {name}");
                let lack = ["step nowhere = ¥0.01".to_owned(), have[0].clone()];
                assert_eq!(run.records_lack(&lack), ["step nowhere = ¥0.01"], "{file}: {name}");
                seen += 1;
            }
        }
        assert!(seen > 1_000, "{seen}");
    }
}
