//! Cancelling what was carried out (settlement-facts §3.4, §6): every amount with its sign turned, line by line, and the
//! accumulators as they were before. The stored decision is what is negated; its pack, where it is at hand, only verifies
//! it. Nothing is stored here.

use serde_json::{Map, Value};

use super::decision::{Amount, Basis, Change, Decision, Effect, Outcome, Reason, Words};
use super::pack::Pack;
use super::packs::Packs;
use super::trace::TraceRecord;
use super::types::Type;
use crate::value::Fen;

/// The field of a result that says it is a refund, and what it says then.
const REFUND: (&str, &str) = ("refd_setl_flag", "1");
/// Something was counted on the same accumulator since.
const LATER: &str = "E-CANCEL-LATER";
/// An identity of the original pack does not hold on what was stored.
const NOT_HELD: &str = "E-CANCEL-IDENTITY";

/// Why a decision has no cancellation. Names fields, never their values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// It was referred or denied, so that nothing was carried out.
    #[error("the decision was not carried out: it is '{}'", .0.name())]
    NotCarriedOut(Outcome),
    /// It is a cancellation.
    #[error("the decision is a cancellation itself")]
    AlreadyCancelled,
    /// It was stored by a version that did not say yet which of its fields are amounts.
    #[error("the decision does not tell which of its fields are amounts")]
    Untold,
    /// A stored value is not what it has to be.
    #[error("the stored value of '{0}' cannot be read")]
    Unreadable(String),
}

/// A change of an accumulator, and the admission in which it was counted: the number of a stay is no part of the change.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// The change.
    pub change: &'a Change,
    /// 就诊ID, where the transaction has one.
    pub admission: Option<&'a str>,
}

/// What stands in the way of cancelling a transaction by itself: `own` is what it did to the person's accumulators,
/// `later` what all of the same person's transactions did that came after it and stand. `None` when nothing does.
///
/// Only the last on an accumulator can be taken back alone: a later one was computed with what it had used, and would be
/// wrong without it. The later ones are cancelled first, or a person decides. What changed nothing was computed into
/// nothing, and is in nobody's way.
pub fn obstacle(own: &[Counted<'_>], later: &[Counted<'_>]) -> Option<Reason> {
    let used = own.iter().filter(|counted| changes_something(counted.change));
    let mut names: Vec<_> = used
        .filter(|counted| later.iter().any(|other| share(counted, other)))
        .map(|counted| format!("{}/{}", counted.change.scheme, counted.change.name))
        .collect();
    names.sort();
    names.dedup();
    (!names.is_empty()).then(|| Reason {
        code: LATER.to_owned(),
        outcome: Outcome::Refer,
        text: Words {
            zh: format!("之后还有业务计入同一累计（{}）：先撤销以后的业务，或者转人工", names.join("、")),
            en: format!(
                "something was counted on the same accumulator since ({}): cancel what came later first, or refer it",
                names.join(", ")
            ),
        },
        basis: None,
        source: None,
        confidence: None,
        line: None,
    })
}

/// Whether two changes are counted together. Stays that are not named cannot be told apart, so they may be one.
fn share(one: &Counted<'_>, other: &Counted<'_>) -> bool {
    let (a, b) = (one.change, other.change);
    let apart = match (a.period.key(one.admission), b.period.key(other.admission)) {
        (Some(one), Some(other)) => one != other,
        _ => a.period.by != b.period.by,
    };
    (&a.name, &a.scheme, a.period.scope) == (&b.name, &b.scheme, b.period.scope) && !apart
}

fn changes_something(change: &Change) -> bool {
    match change.effect {
        Effect::Add => negated(&change.value).is_none_or(|value| value != change.value),
        Effect::Set => change.before != change.after,
    }
}

impl Decision {
    /// The cancellation of what this decision carried out: a decision of its own, to be stored beside it and linked to
    /// it. Each field that says what is paid is negated, `refd_setl_flag` is `"1"`, and whatever else was given out stays
    /// as it was told. The accumulators' changes are undone, the last first. Where the pack that decided is among `packs`
    /// (by id, version and SHA-256), its identities are tested on what is negated: one that does not hold refers the
    /// cancellation (`E-CANCEL-IDENTITY`), and then no accumulator changes. What needs a fact of the case is not tested,
    /// for facts are not kept.
    ///
    /// [`obstacle`] says whether it may be cancelled by itself.
    ///
    /// # Errors
    /// When it was not carried out, is a cancellation, or cannot be read.
    pub fn cancelled(&self, packs: &Packs) -> Result<Self, CancelError> {
        if self.outcome > Outcome::Warn {
            return Err(CancelError::NotCarriedOut(self.outcome));
        }
        if self.outputs.get(REFUND.0).is_some_and(|flag| flag == REFUND.1) {
            return Err(CancelError::AlreadyCancelled);
        }
        let mut outputs = self.negate(&self.outputs)?;
        let lines = self.lines.iter().map(|line| self.negate(line)).collect::<Result<Vec<_>, _>>()?;
        let mut accumulators = self.accumulators.iter().rev().map(undone).collect::<Result<Vec<_>, _>>()?;
        let checks = packs.made_by(&self.pack).map(|pack| pack.identities(self));
        let mut trace = self.negated_trace(&outputs);
        trace.extend(checks.iter().flatten().cloned());
        let reasons: Vec<_> = checks.iter().flatten().filter_map(not_held).collect();
        if !reasons.is_empty() {
            accumulators.clear();
        }
        outputs.insert(REFUND.0.to_owned(), REFUND.1.into());
        let (id, version) = (&self.pack.id, &self.pack.version);
        let verified =
            if checks.is_some() { "已按原政策包核对" } else { "原政策包不在本机，未核对" };
        Ok(Self {
            outcome: if reasons.is_empty() { Outcome::Allow } else { Outcome::Refer },
            reasons,
            outputs,
            lines,
            accumulators,
            basis: Basis::LocalEstimate,
            version_reason: format!("撤销按政策包 {id} {version} 办理的业务，金额逐项冲负；{verified}"),
            trace,
            ..self.clone()
        })
    }

    /// The fields of a result, those that say what is paid negated.
    fn negate(&self, fields: &Map<String, Value>) -> Result<Map<String, Value>, CancelError> {
        let amounts = self.amounts.as_ref().ok_or(CancelError::Untold)?;
        let fields = fields.iter().map(|(name, value)| {
            let value =
                if amounts.iter().any(|amount| amount.field == *name) { negated(value) } else { Some(value.clone()) };
            Ok((name.clone(), value.ok_or_else(|| CancelError::Unreadable(name.clone()))?))
        });
        fields.collect()
    }

    /// A record, with a sentence for the slip, of each amount of the whole.
    fn negated_trace(&self, outputs: &Map<String, Value>) -> Vec<TraceRecord> {
        let amounts = self.amounts.iter().flatten().cloned();
        let records = amounts.filter_map(|Amount { field, label }| {
            let value = outputs.get(&field)?;
            let written = value.as_str()?;
            let shown = match written.strip_prefix('-') {
                Some(amount) => format!("-¥{amount}"),
                None => format!("¥{written}"),
            };
            let say = (written != Fen::ZERO.to_string()).then(|| format!("{label} {shown}"));
            Some(TraceRecord::Step {
                line: None,
                name: field,
                label,
                value: value.clone(),
                shown,
                taken: None,
                worked: None,
                say,
            })
        });
        records.collect()
    }
}

impl Pack {
    /// The fields that say what is paid, those of the whole first.
    pub(super) fn amounts(&self) -> Vec<Amount> {
        let mut amounts: Vec<Amount> = Vec::new();
        for step in self.whole.steps.iter().chain(&self.line.steps) {
            if let Some(field) = &step.out
                && step.typ == Type::Money
                && !step.keep
                && amounts.iter().all(|amount| amount.field != *field)
            {
                amounts.push(Amount { field: field.clone(), label: step.label.clone() });
            }
        }
        amounts
    }
}

/// The change that takes one back, as the last on its accumulator.
fn undone(change: &Change) -> Result<Change, CancelError> {
    let unreadable = || CancelError::Unreadable(change.name.clone());
    let (value, after) = match change.effect {
        Effect::Add => {
            let value = negated(&change.value).ok_or_else(unreadable)?;
            // What was never counted before stands at nothing again.
            let nothing = || zero(&change.value);
            (value, if change.before.is_null() { nothing() } else { change.before.clone() })
        }
        Effect::Set => (change.before.clone(), change.before.clone()),
    };
    Ok(Change { value, before: change.after.clone(), after, ..change.clone() })
}

/// An amount or a whole number with its sign turned.
fn negated(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => Some(number.as_i64()?.checked_neg()?.into()),
        Value::String(text) => {
            let amount = Fen::ZERO.checked_sub(text.parse().ok()?)?;
            Some(amount.to_string().into())
        }
        _ => None,
    }
}

fn zero(like: &Value) -> Value {
    if like.is_number() { 0.into() } else { Fen::ZERO.to_string().into() }
}

fn not_held(record: &TraceRecord) -> Option<Reason> {
    let TraceRecord::Check { line, code, ok: false } = record else { return None };
    Some(Reason {
        code: NOT_HELD.to_owned(),
        outcome: Outcome::Refer,
        text: Words {
            zh: format!("原结算的核对关系 {code} 不成立，不能自动撤销"),
            en: format!(
                "the identity {code} does not hold on the original settlement: it cannot be cancelled by itself"
            ),
        },
        basis: None,
        source: None,
        confidence: None,
        line: *line,
    })
}
