//! What must come of a case, and what differs from it.

use serde_json::{Map, Value};

use super::Pack;
use super::cases::lines;
use super::page::Keys;
use crate::failure::Explain as _;
use crate::rules::decision::Outcome;
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

    /// What differs from it in what came of the case at hand, which was decided or not; nothing when it is as it must be.
    pub fn differences(&self, run: &mut Run<'_>, decided: Result<(), InputError>) -> Vec<String> {
        match (self, decided) {
            (Self::Decided(wanted), Ok(())) => wanted.differences(run),
            (Self::Decided(_), Err(error)) => vec![error.to_string()],
            (Self::Refused(_), Ok(())) => vec![format!("the outcome is {}", run.outcome.name())],
            (Self::Refused(wanted), Err(error)) => match refused_for(&error, run.pack) {
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
    fn differences(&self, run: &mut Run<'_>) -> Vec<String> {
        let mut failures = Vec::new();
        if self.outcome != run.outcome {
            failures.push(format!("the outcome is {}", run.outcome.name()));
        }
        if !run.codes().eq(self.reasons.iter().map(String::as_str)) {
            failures.push(format!("the reasons are [{}]", run.codes().collect::<Vec<_>>().join(", ")));
        }
        // What is denied has no results, and what is not carried out changes nothing: with another outcome than is wanted
        // that follows.
        let same = self.outcome == run.outcome;
        if same || run.outcome != Outcome::Deny {
            compare(&self.want, |field| run.output(field), "", &mut failures);
            for (at, want) in self.want_lines.iter().enumerate() {
                compare(want, |field| run.line_output(at, field), &format!("line {}: ", at + 1), &mut failures);
            }
        }
        if same || run.outcome <= Outcome::Warn {
            compare(&self.want_accumulators, |name| run.after(name), "acc.", &mut failures);
        }
        let missing = run.records_lack(&self.trace_has);
        failures.extend(missing.into_iter().map(|wanted| format!("the trace has no \"{wanted}\"")));
        if let Some(wanted) = &self.said {
            let said = run.sentences();
            if said != *wanted {
                // As a list that can be read and copied.
                failures.push(format!("what is said is {said:?}"));
            }
        }
        failures
    }
}

fn compare(want: &Map<String, Value>, have: impl Fn(&str) -> Option<Value>, place: &str, failures: &mut Vec<String>) {
    for (name, want) in want {
        match have(name) {
            Some(have) if have == *want => {}
            Some(have) => failures.push(format!("{place}{name} is {have}, not {want}")),
            None => failures.push(format!("{place}{name} is not there")),
        }
    }
}
