//! A case decided, written out: the decision with its reasons, its results, its record.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::decision::{Basis, Change, Decision, Effect, Outcome, Reason, Words};
use super::eval::{Computed, Stop};
use super::force::Force;
use super::input::{Input, InputError};
use super::notes::Line;
use super::pack::{Guard, Step};
use super::run::{Changed, Run};
use super::shown::Lexicon;
use super::val::Val;

/// A parameter that is needed has no figure.
const NO_FIGURE: &str = "E-NO-PARAM";
/// A number is out of range.
const OUT_OF_RANGE: &str = "E-RANGE";
/// What the loader proves does not hold.
const DEFECT: &str = "E-DEFECT";
/// An identity does not hold.
const NOT_HELD: &str = "E-CHECK";

impl Reason {
    /// A guard as a ground: of this line of the bill where it is asked of lines.
    pub(super) fn of(guard: &Guard, line: Option<usize>) -> Self {
        let origin = guard.origin.as_ref();
        Self {
            code: guard.code.clone(),
            outcome: guard.outcome,
            text: guard.text.clone(),
            basis: guard.basis.clone(),
            source: origin.map(|origin| origin.source.clone()),
            confidence: origin.map(|origin| origin.confidence.clone()),
            line,
        }
    }
}

impl Run<'_> {
    /// Decides a case; `figures` stand in for those that no source gives, in a pack's own cases only. Its record is empty
    /// where it is not `noted`: that is most of the work.
    ///
    /// # Errors
    /// When the input is not what the pack asks for, or its date is outside the pack's span.
    pub fn case(
        &mut self,
        scenario: &str,
        input: &Input,
        figures: &[(usize, &str)],
        noted: bool,
    ) -> Result<(), InputError> {
        self.given.read(input)?;
        self.stand_in(figures);
        self.decide(scenario, noted).map(drop)
    }

    /// Takes figures for a test, each as it is written; what is none of its parameter's type is left out.
    fn stand_in(&mut self, figures: &[(usize, &str)]) {
        let pack = self.pack;
        if !figures.is_empty() || !self.figures.is_empty() {
            // What is in force has other figures in it.
            self.force = Force::default();
            self.figures.clear();
        }
        for (at, text) in figures {
            let value = pack.params[*at].typ.parse(text, &pack.enums, |text| self.given.texts.keep(text));
            self.figures.extend(value.map(|value| (*at, value)));
        }
    }

    /// The decision on the case that was decided last.
    pub fn decision(&mut self, scenario: &str) -> Decision {
        let pack = self.pack;
        let trace = self.records();
        let denied = self.outcome == Outcome::Deny;
        // A case that was decided has its date.
        let date = match self.given.facts[pack.date_of] {
            Some(Val::Date(day)) => day.into(),
            _ => pack.valid.0,
        };
        let lines = (0..self.given.count).map(|line| self.line_outputs(line));
        Decision {
            scenario: scenario.to_owned(),
            outcome: self.outcome,
            outputs: if denied { Map::new() } else { fields(&pack.whole.steps, &self.steps, self.lexicon()) },
            amounts: Some(pack.amounts()),
            lines: if denied { Vec::new() } else { lines.collect() },
            reasons: self.reasons(),
            accumulators: self.changes.iter().filter_map(|changed| self.change(*changed, date)).collect(),
            basis: Basis::LocalEstimate,
            pack: pack.reference.clone(),
            business_date: date,
            version_reason: self.why(date),
            demo: self.demo,
            trace,
        }
    }

    /// Why it is this pack that decides, and this version of it.
    fn why(&self, date: Date) -> String {
        let pack = self.pack;
        let label = &pack.facts[pack.date_of].label;
        let mut why = format!(
            "{label} {date}，在政策包 {} {} 的有效期 {} 至 {} 内",
            pack.reference.id, pack.reference.version, pack.valid.0, pack.valid.1
        );
        for selector in &pack.selectors {
            let fact = &pack.facts[selector.fact];
            // What chooses a pack is always given.
            let said = self.given.facts[selector.fact].map(|value| self.lexicon().shown(fact.typ, value));
            why.push_str(&format!("，{} {}", fact.label, said.unwrap_or_default()));
        }
        why
    }

    /// What the numbers in this case's values stand for.
    pub fn lexicon(&self) -> Lexicon<'_> {
        Lexicon { enums: &self.pack.enums, texts: &self.given.texts, lists: &self.lists }
    }

    /// All grounds: what guards say, then identities that do not hold, then what could not be computed.
    fn reasons(&self) -> Vec<Reason> {
        let hits = self.hits.iter().map(|(line, guard)| Reason::of(guard, of_line(*line)));
        let broken = self.broken.iter().map(|(line, check)| Reason {
            code: NOT_HELD.to_owned(),
            outcome: Outcome::Refer,
            text: Words {
                zh: format!("核对关系 {} 不成立", check.code),
                en: format!("the identity {} does not hold", check.code),
            },
            basis: None,
            source: None,
            confidence: None,
            line: of_line(*line),
        });
        hits.chain(broken).chain(self.stops.iter().map(|stop| self.stopped(*stop))).collect()
    }

    /// The codes of all grounds, in order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        let hits = self.hits.iter().map(|(_, guard)| guard.code.as_str());
        hits.chain(self.broken.iter().map(|_| NOT_HELD)).chain(self.stops.iter().map(|stop| stop.code()))
    }

    fn stopped(&self, stop: Stop) -> Reason {
        let param = stop.param().and_then(|at| self.pack.params.get(at));
        let (zh, en) = match (param, stop) {
            (Some(param), _) => {
                let zh = format!("参数“{}”没有数值，不能核定", param.label);
                (zh, format!("the parameter {} has no figure", param.name))
            }
            (None, Stop::RANGE) => ("计算结果超出范围，不能核定".to_owned(), "a number is out of range".to_owned()),
            (None, _) => ("核算程序有缺陷，不能核定".to_owned(), "the program that decides has a defect".to_owned()),
        };
        let code = stop.code().to_owned();
        let text = Words { zh, en };
        Reason { code, outcome: Outcome::Refer, text, basis: None, source: None, confidence: None, line: None }
    }

    /// What is told of a change; its stretch was known when it was made.
    fn change(&self, changed: Changed, date: Date) -> Option<Change> {
        let (pack, lexicon) = (self.pack, self.lexicon());
        let post = &pack.posts[changed.post];
        let accumulator = &pack.accumulators[post.accumulator];
        let json = |value: Val| lexicon.json(accumulator.fact.typ, value);
        let fact = |at: usize| self.given.facts[at];
        let figure = |at: usize| self.force.params[at].and_then(|version| version.what);
        Some(Change {
            name: accumulator.fact.name.clone(),
            scheme: accumulator.scope.scheme.clone(),
            period: accumulator.scope.period(pack, date, fact, figure, lexicon)?,
            effect: if post.add { Effect::Add } else { Effect::Set },
            value: json(changed.value),
            before: changed.before.map_or(Value::Null, json),
            after: json(changed.after),
        })
    }

    fn line_outputs(&self, line: usize) -> Map<String, Value> {
        let (pack, lexicon) = (self.pack, self.lexicon());
        let steps = &pack.line.steps;
        let first = line * steps.len();
        let mut fields = fields(steps, &self.line_steps[first..first + steps.len()], lexicon);
        if let Some(lines) = &pack.lines
            && let Some(key) = self.given.lines[line * lines.facts.len() + lines.key]
        {
            let fact = &lines.facts[lines.key];
            fields.insert(fact.name.clone(), lexicon.json(fact.typ, key));
        }
        fields
    }
}

impl Stop {
    fn code(self) -> &'static str {
        match self {
            Self::RANGE => OUT_OF_RANGE,
            Self::DEFECT => DEFECT,
            _ => NO_FIGURE,
        }
    }
}

/// The fields that steps fill; what could not be computed is left out.
fn fields(steps: &[Step], values: &[Computed], lexicon: Lexicon<'_>) -> Map<String, Value> {
    let filled = steps.iter().zip(values).filter_map(|(step, value)| {
        let value = value.ok()?;
        Some((step.out.clone()?, lexicon.json(step.typ, value)))
    });
    filled.collect()
}

/// The line's number as it is told; `None` for the whole.
pub(super) fn of_line(line: Line) -> Option<usize> {
    (line > 0).then_some(line as usize)
}
