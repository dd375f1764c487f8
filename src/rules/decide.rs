//! One case through one pack: lines, the whole, guards, checks, and what becomes of the accumulators.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::decision::{Basis, Change, Decision, Effect, Outcome, Reason, Words};
use super::eval::{Computed, Run, Stop};
use super::input::{Input, InputError};
use super::pack::{NoPeriod, Pack, Part, Piece, Say, Step};
use super::span::Period;
use super::trace::TraceRecord;
use super::types::Val;

/// A parameter that is needed has no figure.
pub(super) const NO_FIGURE: &str = "E-NO-PARAM";
/// A number is out of range.
const OUT_OF_RANGE: &str = "E-RANGE";
/// What the loader proves does not hold.
const DEFECT: &str = "E-DEFECT";
/// An identity does not hold.
const NOT_HELD: &str = "E-CHECK";

impl Pack {
    /// Decides a case; `figures` stand in for those that no source gives, in a pack's own cases only.
    ///
    /// # Errors
    /// When the input is not what the pack asks for, or its date is outside the pack's span.
    pub fn decide(&self, scenario: &str, input: &Input, figures: &HashMap<usize, Val>) -> Result<Decision, InputError> {
        let given = self.given(input)?;
        let Some(Val::Date(date)) = given.facts[self.date_of] else {
            return Err(InputError::Missing { item: format!("facts.{}", self.date_of()) });
        };
        if !self.covers(date) {
            return Err(InputError::NoVersion { scenario: scenario.to_owned(), date });
        }
        let lines = given.lines.len();
        let run = Run::new(self, date, given, figures);
        let mut case = Case { run, reasons: Vec::new(), broken: Vec::new(), stops: BTreeSet::new() };
        for line in 0..lines {
            case.run.line_steps.push(Vec::with_capacity(self.line.steps.len()));
            case.part(&self.line, Some(line));
        }
        case.part(&self.whole, None);
        let mut accumulators = case.posts();
        case.tell_broken();
        case.tell_stops();
        let outcome = case.reasons.iter().map(|reason| reason.outcome).max().unwrap_or(Outcome::Allow);
        let denied = outcome == Outcome::Deny;
        if outcome > Outcome::Warn {
            accumulators.clear();
        }
        let label = &self.facts[self.date_of].label;
        Ok(Decision {
            scenario: scenario.to_owned(),
            outcome,
            outputs: if denied { Map::new() } else { case.outputs() },
            lines: if denied { Vec::new() } else { (0..lines).map(|line| case.line_outputs(line)).collect() },
            reasons: case.reasons,
            accumulators,
            basis: Basis::LocalEstimate,
            pack: self.reference.clone(),
            business_date: date,
            version_reason: format!(
                "{label} {date}，在政策包 {} {} 的有效期 {} 至 {} 内",
                self.reference.id, self.reference.version, self.valid.0, self.valid.1
            ),
            demo: case.run.demo,
            trace: case.run.trace,
        })
    }
}

/// A case half way.
struct Case<'a> {
    run: Run<'a>,
    reasons: Vec<Reason>,
    /// Identities that do not hold.
    broken: Vec<Reason>,
    /// Why something could not be computed, each once.
    stops: BTreeSet<Stop>,
}

impl Case<'_> {
    fn part(&mut self, part: &Part, line: Option<usize>) {
        for step in &part.steps {
            self.step(step, line);
        }
        for guard in &part.guards {
            let hit = self.run.truth(&guard.when, line);
            let hit = self.noted(hit).unwrap_or(false);
            let line = line.map(|line| line + 1);
            self.run.trace.push(TraceRecord::Guard { line, code: guard.code.clone(), hit, outcome: guard.outcome });
            if hit {
                self.reasons.push(Reason {
                    code: guard.code.clone(),
                    outcome: guard.outcome,
                    text: guard.text.clone(),
                    basis: guard.basis.clone(),
                    line,
                });
            }
        }
        for check in &part.checks {
            let held = self.run.truth(&check.node, line);
            // What cannot be computed is told as such, not as a broken identity.
            let Some(ok) = self.noted(held) else { continue };
            let line = line.map(|line| line + 1);
            self.run.trace.push(TraceRecord::Check { line, code: check.code.clone(), ok });
            if !ok {
                self.broken.push(Reason {
                    code: NOT_HELD.to_owned(),
                    outcome: Outcome::Refer,
                    text: Words {
                        zh: format!("核对关系 {} 不成立", check.code),
                        en: format!("the identity {} does not hold", check.code),
                    },
                    basis: None,
                    line,
                });
            }
        }
    }

    fn step(&mut self, step: &Step, line: Option<usize>) {
        let value = self.run.eval(&step.node, line);
        let value = value.and_then(|value| if value.fits() { Ok(value) } else { Err(Stop::Range) });
        self.noted(value.clone());
        let known = value.as_ref().ok().cloned();
        match line {
            Some(line) => self.run.line_steps[line].push(value),
            None => self.run.steps.push(value),
        }
        let enums = &self.run.pack.enums;
        let (json, shown) = match &known {
            Some(value) => (step.typ.json(value, enums), step.typ.shown(value, enums)),
            None => (Value::Null, "无法计算".to_owned()),
        };
        let say = step.say.as_ref().and_then(|say| self.say(say, line));
        self.run.trace.push(TraceRecord::Step {
            line: line.map(|line| line + 1),
            name: step.name.clone(),
            label: step.label.clone(),
            value: json,
            shown,
            say,
        });
    }

    /// The sentence, when it applies and all in it is known.
    fn say(&mut self, say: &Say, line: Option<usize>) -> Option<String> {
        if let Some(when) = &say.when
            && !self.run.truth(when, line).ok()?
        {
            return None;
        }
        let mut text = String::new();
        for piece in &say.pieces {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Value(typed) => {
                    let value = self.run.eval(&typed.node, line).ok()?;
                    text.push_str(&typed.typ.shown(&value, &self.run.pack.enums));
                }
            }
        }
        Some(text)
    }

    /// What the case does to the accumulators.
    fn posts(&mut self) -> Vec<Change> {
        let pack = self.run.pack;
        let mut changes = Vec::new();
        for post in &pack.posts {
            if let Some(when) = &post.when {
                let applies = self.run.truth(when, None);
                if !self.noted(applies).unwrap_or(false) {
                    continue;
                }
            }
            let computed = self.run.eval(&post.value, None);
            let Some(value) = self.noted(computed) else { continue };
            let accumulator = &pack.accumulators[post.accumulator];
            let before = self.run.given.accumulators[post.accumulator].clone();
            let after = if post.add { added(before.as_ref(), &value) } else { Ok(value.clone()) };
            let after = after.and_then(|after| if after.fits() && value.fits() { Ok(after) } else { Err(Stop::Range) });
            let Some(after) = self.noted(after) else { continue };
            let Some(period) = self.period(post.accumulator) else { continue };
            let typ = accumulator.fact.typ;
            let json = |value: &Val| typ.json(value, &pack.enums);
            changes.push(Change {
                name: accumulator.fact.name.clone(),
                scheme: accumulator.scope.scheme.clone(),
                period,
                effect: if post.add { Effect::Add } else { Effect::Set },
                value: json(&value),
                before: before.as_ref().map_or(Value::Null, json),
                after: json(&after),
            });
        }
        changes
    }

    /// The stretch in which an accumulator is counted. Without it nobody could tell what was counted before either.
    fn period(&mut self, accumulator: usize) -> Option<Period> {
        let pack = self.run.pack;
        let begins = pack.accumulators[accumulator].scope.begins.map(|param| self.run.param(param));
        let facts = &self.run.given.facts;
        let figure = |_| begins.clone()?.ok();
        let period = pack.accumulators[accumulator].scope.period(pack, self.run.date, |at| facts[at].clone(), figure);
        let period = period.map_err(|missing| match missing {
            NoPeriod::Figure(param) => Stop::NoFigure(param),
            // The loader takes only facts that are always given.
            NoPeriod::Fact(_) => Stop::Defect,
        });
        self.noted(period)
    }

    /// The value, or a note of why there is none.
    fn noted<T>(&mut self, computed: Result<T, Stop>) -> Option<T> {
        match computed {
            Ok(value) => Some(value),
            Err(stop) => {
                self.stops.insert(stop);
                None
            }
        }
    }

    /// Broken identities are reasons of their own only where no guard has told why the case cannot be decided.
    fn tell_broken(&mut self) {
        if self.reasons.iter().all(|reason| reason.outcome < Outcome::Refer) {
            self.reasons.append(&mut self.broken);
        }
    }

    /// A reason for each thing that could not be computed.
    fn tell_stops(&mut self) {
        for stop in &self.stops {
            let (code, text) = match stop {
                Stop::NoFigure(param) => {
                    let param = &self.run.pack.params[*param];
                    let zh = format!("参数“{}”没有数值，不能核定", param.label);
                    (NO_FIGURE, Words { zh, en: format!("the parameter {} has no figure", param.name) })
                }
                Stop::Range => {
                    let zh = "计算结果超出范围，不能核定".to_owned();
                    (OUT_OF_RANGE, Words { zh, en: "a number is out of range".to_owned() })
                }
                Stop::Defect => {
                    let zh = "核算程序有缺陷，不能核定".to_owned();
                    (DEFECT, Words { zh, en: "the program that decides has a defect".to_owned() })
                }
            };
            let outcome = Outcome::Refer;
            self.reasons.push(Reason { code: code.to_owned(), outcome, text, basis: None, line: None });
        }
    }

    /// The fields that steps fill; what could not be computed is left out.
    fn outputs(&self) -> Map<String, Value> {
        fields(&self.run.pack.whole.steps, &self.run.steps, self.run.pack)
    }

    fn line_outputs(&self, line: usize) -> Map<String, Value> {
        let pack = self.run.pack;
        let mut fields = fields(&pack.line.steps, &self.run.line_steps[line], pack);
        if let Some(lines) = &pack.lines
            && let Some(key) = &self.run.given.lines[line][lines.key]
        {
            let fact = &lines.facts[lines.key];
            fields.insert(fact.name.clone(), fact.typ.json(key, &pack.enums));
        }
        fields
    }
}

fn fields(steps: &[Step], values: &[Computed], pack: &Pack) -> Map<String, Value> {
    let filled = steps.iter().zip(values).filter_map(|(step, value)| {
        let value = value.as_ref().ok()?;
        Some((step.out.clone()?, step.typ.json(value, &pack.enums)))
    });
    filled.collect()
}

fn added(before: Option<&Val>, value: &Val) -> Computed {
    match (before, value) {
        (None, value) => Ok(value.clone()),
        (Some(Val::Num(before)), Val::Num(value)) => before.checked_add(*value).map(Val::Num).ok_or(Stop::Range),
        // Only numbers are added; the loader sees to it.
        _ => Err(Stop::Defect),
    }
}
