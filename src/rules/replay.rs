//! Cases that were decided, decided again by other packs: who would get what instead.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Packs;
use super::decision::{Change, Decision, Outcome, PackRef};
use super::difference::same;
use super::input::{Input, InputError};
use super::pack::{Fact, Pack, Step};
use crate::value::Fen;

/// A case as it was decided, and what it was decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct PastCase {
    /// What it was decided on. Holds personal data.
    input: Input,
    decision: PastDecision,
}

/// A decision as far as another one can differ from it. What else a decision had when it was kept makes no difference.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct PastDecision {
    scenario: String,
    outcome: Outcome,
    reasons: Vec<PastReason>,
    outputs: Map<String, Value>,
    lines: Vec<Map<String, Value>>,
    accumulators: Vec<PastChange>,
    pack: PackRef,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct PastChange {
    name: String,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct PastReason {
    code: String,
}

/// What the terminal keeps of a case, as far as it is decided again.
#[derive(Deserialize)]
struct Kept {
    decision: PastDecision,
    input: Input,
}

/// How a case is decided by other packs.
#[derive(Debug, Clone, PartialEq)]
pub enum Again {
    /// As it was, or otherwise.
    Decided(Box<Otherwise>),
    /// These packs cannot decide it.
    Not(InputError),
}

/// What is otherwise; nothing where all is as it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Otherwise {
    /// The pack that decides it now.
    pub pack: PackRef,
    /// It is the one that decided it then, to the byte.
    pub own_pack: bool,
    /// The outcome then and now, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<(Outcome, Outcome)>,
    /// The codes of the reasons then and now, where they are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<(Vec<String>, Vec<String>)>,
    /// The fields that are otherwise.
    pub fields: Vec<FieldChange>,
    /// The amounts of fields in fen, then and now; nothing now where it could not be carried out.
    #[serde(skip)]
    pub amounts: BTreeMap<String, (i64, i64)>,
}

/// A field that is otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its name; `lines[2].name` for one of a line, `acc.name` for what becomes of an accumulator.
    pub field: String,
    /// What it was; `null` when it was not there, and where it is a text, which may be personal.
    pub old: Value,
    /// What it would be, likewise.
    pub new: Value,
}

impl PastCase {
    /// Reads what the terminal kept of a case; `None` when that was another version of it, which did not keep all that is
    /// needed.
    pub fn read(detail: Value) -> Option<Self> {
        let Kept { decision, input } = serde_json::from_value(detail).ok()?;
        Some(Self { input, decision })
    }

    /// The scenario it is about.
    pub fn scenario(&self) -> &str {
        &self.decision.scenario
    }
}

impl Packs {
    /// Decides a past case by these packs: on what it was decided on then, accumulators included, as if nothing that these
    /// packs had decided otherwise came before it.
    ///
    /// What they do not ask for they are not told, as a terminal that works by them would not tell it.
    pub fn decide_again(&self, past: &PastCase) -> Again {
        let scenario = past.scenario();
        let again = self.chosen(scenario, &past.input).and_then(|pack| {
            let decision = self.decide(scenario, &asked(pack, &past.input))?;
            Ok(Otherwise::of(pack, &past.decision, &decision).without_texts(pack))
        });
        match again {
            Ok(otherwise) => Again::Decided(Box::new(otherwise)),
            Err(error) => Again::Not(error),
        }
    }
}

/// Of an input what a pack asks for.
pub(super) fn asked(pack: &Pack, input: &Input) -> Input {
    let only = |values: &Map<String, Value>, facts: &mut dyn Iterator<Item = &Fact>| -> Map<String, Value> {
        facts.filter_map(|fact| Some((fact.name.clone(), values.get(&fact.name)?.clone()))).collect()
    };
    let of_line = || pack.lines.iter().flat_map(|lines| &lines.facts);
    let lines = input.lines.iter().filter(|_| pack.lines.is_some());
    Input {
        facts: only(&input.facts, &mut pack.facts.iter()),
        lines: lines.map(|line| only(line, &mut of_line())).collect(),
        accumulators: only(&input.accumulators, &mut pack.accumulators.iter().map(|accumulator| &accumulator.fact)),
    }
}

/// The fields that steps fill, and the kind of each.
fn kinds(steps: &[Step]) -> BTreeMap<String, &'static str> {
    steps.iter().filter_map(|step| Some((step.out.clone()?, step.typ.kind()))).collect()
}

impl Otherwise {
    /// What `now`, by `pack`, is otherwise than `then`.
    pub(super) fn between(pack: &Pack, then: &Decision, now: &Decision) -> Self {
        let change = |change: &Change| PastChange { name: change.name.clone(), value: change.value.clone() };
        let then = PastDecision {
            scenario: then.scenario.clone(),
            outcome: then.outcome,
            reasons: then.reasons.iter().map(|reason| PastReason { code: reason.code.clone() }).collect(),
            outputs: then.outputs.clone(),
            lines: then.lines.clone(),
            accumulators: then.accumulators.iter().map(change).collect(),
            pack: then.pack.clone(),
        };
        Self::of(pack, &then, now)
    }

    fn of(pack: &Pack, then: &PastDecision, now: &Decision) -> Self {
        let mut fields = changes("", &then.outputs, &now.outputs);
        for at in 0..then.lines.len().max(now.lines.len()) {
            let none = Map::new();
            let [then, now] = [&then.lines, &now.lines].map(|lines| lines.get(at).unwrap_or(&none));
            fields.extend(changes(&format!("lines[{}].", at + 1), then, now));
        }
        let posted = |changes: &mut dyn Iterator<Item = (String, Value)>| changes.collect::<Map<_, _>>();
        let before = posted(&mut then.accumulators.iter().map(|change| (change.name.clone(), change.value.clone())));
        let after = posted(&mut now.accumulators.iter().map(|change| (change.name.clone(), change.value.clone())));
        fields.extend(changes("acc.", &before, &after));
        let reasons = (
            then.reasons.iter().map(|reason| reason.code.clone()).collect::<Vec<_>>(),
            now.reasons.iter().map(|reason| reason.code.clone()).collect::<Vec<_>>(),
        );
        Self {
            pack: now.pack.clone(),
            own_pack: then.pack.sha256 == now.pack.sha256,
            outcome: (then.outcome != now.outcome).then_some((then.outcome, now.outcome)),
            reasons: (reasons.0 != reasons.1).then_some(reasons),
            fields,
            amounts: amounts(then, now, &kinds(&pack.whole.steps)),
        }
    }

    /// Whether all is as it was.
    pub fn is_nothing(&self) -> bool {
        self.outcome.is_none() && self.reasons.is_none() && self.fields.is_empty()
    }

    /// The same without what may be personal: texts, and of fields that `pack` does not know all but figures.
    fn without_texts(mut self, pack: &Pack) -> Self {
        let [whole, line] = [&pack.whole.steps, &pack.line.steps].map(|steps| kinds(steps));
        let accumulator = |name: &str| {
            let fact = pack.accumulators.iter().map(|accumulator| &accumulator.fact).find(|fact| fact.name == name)?;
            Some(fact.typ.kind())
        };
        for FieldChange { field, old, new } in &mut self.fields {
            let kind = match (field.split_once("]."), field.strip_prefix("acc.")) {
                (Some((_, name)), _) => line.get(name).copied(),
                (None, Some(name)) => accumulator(name),
                (None, None) => whole.get(field).copied(),
            };
            for value in [old, new].into_iter().filter(|value| !may_show(kind, value)) {
                *value = Value::Null;
            }
        }
        self
    }
}

/// The fields of which one or the other is otherwise.
fn changes(place: &str, then: &Map<String, Value>, now: &Map<String, Value>) -> Vec<FieldChange> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let different = names.into_iter().filter_map(|name| {
        let [old, new] = [then, now].map(|fields| fields.get(name).unwrap_or(&Value::Null));
        let change = || FieldChange { field: format!("{place}{name}"), old: old.clone(), new: new.clone() };
        (!same(old, new)).then(change)
    });
    different.collect()
}

/// Whether a value says nothing of a person by itself. Of a field whose type is not known, a figure may be shown.
fn may_show(kind: Option<&str>, value: &Value) -> bool {
    match (kind, value) {
        (Some("text"), _) => value.is_null(),
        (Some(_), _) => true,
        (None, Value::String(text)) => {
            text.bytes().all(|b| b.is_ascii_digit() || b"-.%".contains(&b)) && text.len() < 18
        }
        (None, _) => true,
    }
}

/// The outputs that are amounts. What may not be carried out is worth nothing to anybody.
fn amounts(then: &PastDecision, now: &Decision, kinds: &BTreeMap<String, &str>) -> BTreeMap<String, (i64, i64)> {
    let amount = |outcome: Outcome, value: Option<&Value>| match value.and_then(Value::as_str) {
        Some(text) if outcome <= Outcome::Warn => text.parse().map_or(0, |Fen(fen)| fen),
        _ => 0,
    };
    let names: BTreeSet<&String> = then.outputs.keys().chain(now.outputs.keys()).collect();
    let money = |name: &&String| match kinds.get(*name) {
        Some(kind) => *kind == "money",
        // One that these packs no longer give: amounts alone have two places.
        None => then.outputs.get(*name).and_then(Value::as_str).is_some_and(is_amount),
    };
    let pair =
        |name: &String| (amount(then.outcome, then.outputs.get(name)), amount(now.outcome, now.outputs.get(name)));
    names.into_iter().filter(money).map(|name| (name.clone(), pair(name))).collect()
}

fn is_amount(text: &str) -> bool {
    text.parse::<Fen>().is_ok_and(|fen| fen.to_string() == text)
}
