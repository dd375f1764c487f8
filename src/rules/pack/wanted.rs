//! What must come of a case, and what differs from it.

use serde_json::{Map, Value};

use super::Pack;
use super::cases::lines;
use super::page::Keys;
use crate::failure::Explain as _;
use crate::rules::decision::{Decision, Outcome};
use crate::rules::input::InputError;
use crate::rules::run::Run;

/// What must come of a case.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// It is not decided, for the item that is named.
    Refused(String),
    /// It is decided.
    Decided(Box<Decided>),
}

/// What a decision must be.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    outcome: Outcome,
    /// The codes of all reasons.
    reasons: Vec<String>,
    want: Map<String, Value>,
    want_lines: Vec<Map<String, Value>>,
    want_accumulators: Map<String, Value>,
    /// Parts of the trace's lines.
    trace_has: Vec<String>,
    /// Every sentence for the slip, where the case is about them.
    said: Option<Vec<String>>,
}

impl Wanted {
    /// Reads it; `None` when something is wrong, which is told.
    pub fn read(keys: &Keys<'_>) -> Option<Self> {
        match keys.get("refused") {
            Some(item) => item.text().map(|item| Self::Refused(item.to_owned())),
            None => decided(keys).map(|decided| Self::Decided(Box::new(decided))),
        }
    }

    /// Whether it is about the record besides what is decided.
    pub fn asks_for_record(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Decided(wanted) => !wanted.trace_has.is_empty() || wanted.said.is_some(),
        }
    }

    /// Whether all of it came of the case at hand, which was decided. It is `false` where that is to be looked at in the
    /// decision itself.
    pub fn met(&self, run: &mut Run<'_>) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Decided(wanted) => wanted.met(run),
        }
    }

    /// What differs from it in what `pack` made of the case; nothing when it is as it must be.
    pub fn differences(&self, pack: &Pack, decided: Result<Decision, InputError>) -> Vec<String> {
        match (self, decided) {
            (Self::Decided(wanted), Ok(decision)) => wanted.differences(&decision),
            (Self::Decided(_), Err(error)) => vec![error.to_string()],
            (Self::Refused(_), Ok(decision)) => vec![format!("the outcome is {}", decision.outcome.name())],
            (Self::Refused(wanted), Err(error)) => match refused_for(&error, pack) {
                item if item == *wanted => Vec::new(),
                item => vec![format!("it is refused for {item}: {error}")],
            },
        }
    }
}

fn decided(keys: &Keys<'_>) -> Option<Decided> {
    let outcome = keys.need("outcome").and_then(|item| {
        let outcome = serde_json::from_value(Value::String(item.text()?.to_owned())).ok();
        if outcome.is_none() {
            item.mistake("an outcome is \"allow\", \"warn\", \"refer\" or \"deny\"");
        }
        outcome
    });
    let texts = |key| {
        let list = keys.get(key)?.texts()?;
        Some(list.into_iter().map(|(_, text)| text.to_owned()).collect::<Vec<_>>())
    };
    let map = |key| keys.get(key).and_then(|item| item.json_map()).unwrap_or_default();
    // Each key is taken, whatever is wrong with the others.
    let (reasons, trace_has, said) = (texts("reasons"), texts("trace_has"), texts("said"));
    let (want, want_accumulators) = (map("want"), map("want_accumulators"));
    let want_lines = lines(keys, "want_lines")?.unwrap_or_default();
    Some(Decided {
        outcome: outcome?,
        reasons: reasons.unwrap_or_default(),
        want,
        want_lines,
        want_accumulators,
        trace_has: trace_has.unwrap_or_default(),
        said,
    })
}

/// The item for which an input is refused, as a case names it; the code of what is about no item.
fn refused_for(error: &InputError, pack: &Pack) -> String {
    match error {
        InputError::Missing { item }
        | InputError::Unknown { item }
        | InputError::WrongType { item, .. }
        | InputError::OutOfRange { item, .. } => item.clone(),
        InputError::TooManyLines { .. } => "lines".to_owned(),
        InputError::NoVersion { .. } => format!("facts.{}", pack.date_of()),
        other => other.entry().code.to_owned(),
    }
}

impl Decided {
    fn met(&self, run: &mut Run<'_>) -> bool {
        let is = |have: Option<Value>, want: &Value| have.as_ref() == Some(want);
        let lines = || self.want_lines.iter().enumerate();
        self.outcome == run.outcome
            && run.codes().eq(self.reasons.iter().map(String::as_str))
            && self.want.iter().all(|(field, want)| is(run.output(field), want))
            && lines().all(|(at, line)| line.iter().all(|(field, want)| is(run.line_output(at, field), want)))
            && self.want_accumulators.iter().all(|(name, want)| is(run.after(name), want))
            && (self.trace_has.is_empty() || run.records_have(&self.trace_has))
            && self.said.as_ref().is_none_or(|said| run.sentences() == *said)
    }

    fn differences(&self, decision: &Decision) -> Vec<String> {
        let mut failures = Vec::new();
        if self.outcome != decision.outcome {
            failures.push(format!("the outcome is {}", decision.outcome.name()));
        }
        let codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code.clone()).collect();
        if codes != self.reasons {
            failures.push(format!("the reasons are [{}]", codes.join(", ")));
        }
        // What is denied has no results, and what is not carried out changes nothing: with another outcome than is wanted
        // that follows.
        let same = self.outcome == decision.outcome;
        let results = same || decision.outcome != Outcome::Deny;
        if results {
            compare(&self.want, &decision.outputs, "", &mut failures);
        }
        for (at, want) in self.want_lines.iter().enumerate().filter(|_| results) {
            let none = Map::new();
            compare(want, decision.lines.get(at).unwrap_or(&none), &format!("line {}: ", at + 1), &mut failures);
        }
        let after = decision.accumulators.iter().map(|change| (change.name.clone(), change.after.clone())).collect();
        if same || decision.outcome <= Outcome::Warn {
            compare(&self.want_accumulators, &after, "acc.", &mut failures);
        }
        let trace: Vec<_> = decision.trace.iter().map(|record| record.line()).collect();
        for wanted in &self.trace_has {
            if !trace.iter().any(|line| line.contains(wanted)) {
                failures.push(format!("the trace has no \"{wanted}\""));
            }
        }
        if let Some(wanted) = &self.said {
            let said = decision.said();
            if said != *wanted {
                // As a list that can be read and copied.
                failures.push(format!("what is said is {said:?}"));
            }
        }
        failures
    }
}

fn compare(want: &Map<String, Value>, have: &Map<String, Value>, place: &str, failures: &mut Vec<String>) {
    for (name, want) in want {
        match have.get(name) {
            Some(have) if have == want => {}
            Some(have) => failures.push(format!("{place}{name} is {have}, not {want}")),
            None => failures.push(format!("{place}{name} is not there")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pack, load_without_cases};
    use crate::rules::run::Run;
    use crate::rules::tests::shipped::texts;

    /// Each case of each pack that ships, against what the others want: most of it differs in one thing or several.
    #[test]
    fn what_is_seen_at_a_glance_is_what_the_decision_says() {
        let (mut met, mut unmet) = (0, 0);
        for (file, text) in texts() {
            let pack: Pack = load_without_cases(&file, &text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
            let mut run = Run::new(&pack);
            for (at, case) in pack.cases.iter().enumerate() {
                let Some(decision) = case.decision(&mut run) else { continue };
                for other in [0, 1, 2, 7].map(|step| &pack.cases[(at + step) % pack.cases.len()]) {
                    let differences = other.wanted().differences(&pack, Ok(decision.clone()));
                    let glance = other.wanted().met(&mut run);
                    assert_eq!(
                        glance,
                        differences.is_empty(),
                        "{file}: {} and {}: {differences:?}",
                        case.name,
                        other.name
                    );
                    *if glance { &mut met } else { &mut unmet } += 1;
                }
            }
        }
        assert!(met > 1000 && unmet > 1000, "{met} {unmet}");
    }
}
