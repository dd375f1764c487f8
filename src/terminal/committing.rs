//! A case is committed: durable first, then told. Online kinds are settled at the centre.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::case::Untold;
use super::conditions::Condition;
use super::deciding::detail;
use super::errors;
use super::inner::{Inner, Upstream, lock};
use super::json::JsonText;
use super::limits::LimitsLeft;
use super::plan::{Plan, centre_view};
use super::same::came_to_nothing;
use super::showing::{as_shown, tells_of_it};
use super::view::CaseState;
use super::who::Who;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Draft, QueueError, Row, State};
use crate::rules::{Basis, Choice, Decision, differences};
use crate::scenario::{Definition, Message, Once, month};
use crate::slip::Slip;
use crate::sync::{self, Patience, SettleError, Settled, UplinkError};
use crate::wire::settle::SettlementAnswer;
use crate::wire::{Payload, infno};

/// One committing: what goes into it.
struct Committing<'a> {
    inner: &'a Inner,
    id: Uuid,
    definition: &'a Definition,
    operator: &'a str,
    /// The number of the operator's shift.
    shift: &'a str,
    who: &'a Who,
    plan: &'a Plan,
}

/// How it ended, and what is shown of it.
#[derive(Default)]
struct Outcome {
    failure: Option<Failure>,
    row: Option<Row>,
    duplicate: bool,
    /// The centre's settlement.
    centre: Option<Map<String, Value>>,
    /// The decision, once the centre stands behind it.
    decision: Option<Decision>,
    differences: Vec<Value>,
    /// What the terminal may still settle alone, now that this one is counted.
    limits: Option<LimitsLeft>,
    slip: Option<Vec<String>>,
}

impl Inner {
    /// Starts the work of a case that has gone to `Committing`.
    pub(super) fn begin_committing(self: &Arc<Self>, id: Uuid) {
        let Some(at) = self.cases().get(id).map(|case| case.step) else { return };
        self.work(id, at, "case commit", move |inner| inner.commit(id, at));
    }

    fn commit(self: &Arc<Self>, id: Uuid, at: u64) {
        let taken = self.cases().get(id).and_then(|case| {
            let (who, plan) = (case.who.clone()?, case.plan.clone()?);
            let shift = case.view.shift.clone()?;
            Some((Arc::clone(&case.definition), case.view.operator.clone(), shift, who, plan))
        });
        // A case that is being committed has all of them, and cannot have ended by itself.
        let Some((definition, operator, shift, who, plan)) = taken else { return self.defect(id, at) };
        let committing = Committing {
            inner: self,
            id,
            definition: &definition,
            operator: &operator,
            shift: &shift,
            who: &who,
            plan: &plan,
        };
        let (to, mut outcome) = match committing.carry_out() {
            Ok(outcome) => (if plan.provisional { CaseState::ProvisionalDone } else { CaseState::Done }, outcome),
            Err((to, outcome)) => (to, *outcome),
        };
        let written = outcome.row.as_ref().map(|row| row.id);
        // Held until the case has it: nobody is told by a notice in between.
        let changing = lock(&self.shifts.changing);
        let untold = outcome.row.as_ref().filter(|row| tells_of_it(to) && row.is_untold());
        let is_its_to_tell = untold.is_none_or(|row| self.is_to_tell(row, &who, &shift));
        let untold = untold.filter(|_| is_its_to_tell);
        let untold = untold.map(|row| Untold { transaction: row.id, ended_at: self.parts.clock.now() });
        if !is_its_to_tell {
            (outcome.failure, outcome.slip) = (Some(Failure::of(&errors::LEFT_TO_NOTICE)), None);
        }
        let moved = self.advance(id, Some(at), to, |case| {
            case.untold = untold;
            let view = &mut case.view;
            let shown = outcome.row.map(|row| as_shown(&row, to, outcome.failure.as_ref()));
            view.failure = outcome.failure;
            view.transaction = shown.and_then(|row| serde_json::to_value(row).ok()).or(view.transaction.take());
            view.duplicate |= outcome.duplicate;
            view.slip = outcome.slip;
            view.limits = outcome.limits.or(view.limits.take());
            if let Some(centre) = outcome.centre {
                view.centre = Some(Value::Object(centre));
                view.differences = outcome.differences;
            }
            if let Some(decision) = outcome.decision {
                view.decision = JsonText::of(&decision);
            }
        });
        drop(changing);
        if let Err(failure) = moved {
            tracing::error!(case = %id, code = failure.entry.code, "a committed case did not end");
        }
        if let Some(transaction) = written {
            self.catch_up(transaction);
        }
    }
}

impl Inner {
    /// Whether a case may tell that a transaction was settled: it is of its shift, and no notice has told it. What else
    /// was found under the case's key is handed over somewhere else.
    fn is_to_tell(&self, row: &Row, who: &Who, shift: &str) -> bool {
        let told = self.store.acknowledged(who.tag);
        row.shift.as_deref() == Some(shift) && told.is_ok_and(|told| !told.keys().any(|(id, _)| *id == row.id))
    }
}

type Ended = (CaseState, Box<Outcome>);

fn ended(to: CaseState, failure: Failure) -> Ended {
    (to, Box::new(Outcome { failure: Some(failure), ..Outcome::default() }))
}

impl Committing<'_> {
    fn carry_out(&self) -> Result<Outcome, Ended> {
        self.inner.probe_storage();
        if let Some(failure) = self.inner.refusal(self.definition) {
            return Err(ended(CaseState::Refused, failure));
        }
        if self.plan.provisional && self.centre_came_back() {
            return Err(ended(CaseState::Refused, Failure::of(&errors::CENTRE_BACK)));
        }
        if self.plan.online && self.something_is_open()? {
            return Err(ended(CaseState::Refused, Failure::of(&errors::EARLIER_OPEN)));
        }
        let _counted = self.plan.provisional.then(|| lock(&self.inner.settling_alone));
        if let (true, Some(amount)) = (self.plan.provisional, self.plan.amount) {
            let within = self.inner.within_limits(self.definition, self.who, amount);
            within.map_err(|failure| ended(CaseState::Refused, failure))?;
        }
        let mut outcome = match (&self.plan.message, &self.inner.upstream) {
            (Message::Settlement(settlement), Some(upstream)) if self.plan.online => {
                let input = serde_json::to_value(settlement);
                self.settle(upstream, input.map_err(|_| ended(CaseState::Failed, Failure::of(&errors::DEFECT)))?)?
            }
            _ => self.store_and_forward()?,
        };
        if self.plan.provisional {
            // It is committed: that nobody can say now what is left changes nothing of it.
            outcome.limits = self.inner.limits_left(self.definition, self.who).ok();
        }
        outcome.slip = self.slip(&outcome);
        Ok(outcome)
    }

    /// Whether the centre can be reached since what was decided without it: then it settles, before anyone is charged.
    fn centre_came_back(&self) -> bool {
        self.inner.upstream.as_ref().is_some_and(|upstream| {
            let status = *upstream.status.borrow();
            status.reachable && status.since > self.plan.decided_at
        })
    }

    /// Whether another case of this person has begun to settle since this one was decided.
    fn something_is_open(&self) -> Result<bool, Ended> {
        let open = self.inner.queue.unsettled(self.who.tag).map_err(|error| self.not_committed(&error))?;
        Ok(!open.is_empty())
    }

    /// Durable before this returns; delivered later.
    fn store_and_forward(&self) -> Result<Outcome, Ended> {
        let payload = match &self.plan.message {
            Message::SignIn(message) => serde_json::to_value(Payload { request: message, detail: detail(self.plan) }),
            Message::Settlement(message) => {
                serde_json::to_value(Payload { request: message, detail: detail(self.plan) })
            }
        };
        let payload = payload.map_err(|_| ended(CaseState::Failed, Failure::of(&errors::DEFECT)))?;
        let committed =
            self.inner.queue.commit(self.draft(payload, State::Pending)).map_err(|error| self.not_committed(&error))?;
        // Another case has committed it meanwhile, and the centre has refused that.
        if committed.duplicate && came_to_nothing(committed.row.state) {
            return Err(self.not_settled(Failure::of(&errors::REPEATED), committed.row));
        }
        if let Some(upstream) = &self.inner.upstream {
            upstream.committed();
        }
        Ok(Outcome { row: Some(committed.row), duplicate: committed.duplicate, ..Outcome::default() })
    }

    /// Written ahead, settled at the centre, or nothing settled.
    fn settle(&self, upstream: &Upstream, input: Value) -> Result<Outcome, Ended> {
        let request = upstream.asker.request(infno::SETTLE, self.operator, input);
        let draft = self.draft(detail(self.plan), State::Sending);
        let patience = self
            .inner
            .parts
            .config
            .uplink
            .as_ref()
            .map_or(Patience::default(), |uplink| Patience { answer: uplink.answer, resolve: uplink.resolve });
        let settling = sync::settle(&self.inner.queue, &upstream.uplink, draft, request, patience);
        match self.inner.parts.runtime.block_on(settling) {
            Ok(Settled::Accepted(row, answer)) => Ok(self.accepted(row, answer)),
            Ok(Settled::Refused(row, code, text)) => {
                let failure = UplinkError::Refused { code, text }.failure();
                Err(self.not_settled(failure, row))
            }
            Ok(Settled::NothingSettled(row)) => Err(self.not_settled(Failure::of(&errors::NOTHING_SETTLED), row)),
            // The key's own transaction, of which the row alone is left.
            Ok(Settled::Erased(row)) => Err(self.not_settled(Failure::of(&errors::REPEATED), row)),
            Err(SettleError::Queue(error)) => Err(self.not_committed(&error)),
            Err(error) => Err(self.unsure(error)),
        }
    }

    fn accepted(&self, row: Row, SettlementAnswer { setlinfo, .. }: SettlementAnswer) -> Outcome {
        let planned = &self.plan.decision;
        // It was compared before anyone agreed; what the centre changed since then stands, and is shown.
        let found = differences(&planned.outputs, &setlinfo);
        if !found.is_empty() {
            tracing::warn!(case = %self.id, fields = found.len(), "the settlement is not what was pre-settled");
        }
        Outcome {
            row: Some(row),
            centre: Some(centre_view(&setlinfo, planned)),
            decision: found.is_empty().then(|| Decision { basis: Basis::Centre, ..planned.clone() }),
            differences: found.iter().filter_map(|difference| serde_json::to_value(difference).ok()).collect(),
            ..Outcome::default()
        }
    }

    fn not_settled(&self, failure: Failure, row: Row) -> Ended {
        (CaseState::Refused, Box::new(Outcome { failure: Some(failure), row: Some(row), ..Outcome::default() }))
    }

    /// It may be settled: the case shows the transaction, whose state tells once it is known.
    fn unsure(&self, error: SettleError) -> Ended {
        let failure = Some(error.failure());
        let row = match error {
            SettleError::Unsure(row, error) => {
                if error.is_storage() {
                    self.inner.set(Condition::Storage, true);
                }
                row.map(|row| *row)
            }
            _ => None,
        };
        (CaseState::Failed, Box::new(Outcome { failure, row, ..Outcome::default() }))
    }

    fn not_committed(&self, error: &QueueError) -> Ended {
        if error.is_storage() {
            self.inner.set(Condition::Storage, true);
            return match self.inner.queue.by_key(&self.plan.key) {
                Ok(None) => ended(CaseState::Refused, error.failure()),
                // It failed after it was written, or nobody knows: what is there stands once the storage is well.
                found => {
                    let row = found.ok().flatten().map(|(row, _)| row);
                    let failure = Some(Failure::of(&errors::UNSURE));
                    (CaseState::Failed, Box::new(Outcome { failure, row, ..Outcome::default() }))
                }
            };
        }
        match (error, &self.definition.once) {
            (QueueError::Conflict, Some(once)) => {
                let failure = match once {
                    Once::Month => Failure::with(&errors::ALREADY, month(self.plan.business_date)),
                    Once::Form(_) => Failure::of(&errors::SAME_FORM),
                };
                let outcome = Outcome { failure: Some(failure), duplicate: true, ..Outcome::default() };
                (CaseState::Refused, Box::new(outcome))
            }
            (QueueError::Conflict, None) => ended(CaseState::Refused, error.failure()),
            _ => ended(CaseState::Failed, error.failure()),
        }
    }

    fn draft(&self, payload: Value, state: State) -> Draft {
        Draft {
            idempotency: self.plan.key.clone(),
            scenario: self.definition.id.clone(),
            kind: self.definition.kind,
            business_date: self.plan.business_date,
            provisional: self.plan.provisional,
            holder: self.who.number.clone(),
            operator: self.operator.to_owned(),
            shift: Some(self.shift.to_owned()),
            amount: self.plan.amount,
            payload,
            state,
        }
    }

    fn slip(&self, outcome: &Outcome) -> Option<Vec<String>> {
        let row = outcome.row.as_ref()?;
        let decision = outcome.decision.as_ref().unwrap_or(&self.plan.decision);
        let explanation = match (&outcome.centre, outcome.differences.is_empty()) {
            (Some(centre), false) => centres_figures(centre, &self.plan.outputs),
            _ => decision.explain_zh(),
        };
        let slip = Slip {
            title: &self.definition.title.zh,
            terminal: self.inner.parts.config.terminal.as_str(),
            operator: self.operator,
            name: self.who.view.name.as_deref(),
            number: self.who.view.social_security_number.as_deref(),
            business_date: self.plan.business_date,
            demo_date: self.inner.parts.config.business_date.is_some(),
            expired_card: self.who.expired,
            explanation: &explanation,
            demo_figures: decision.demo,
            centre: outcome.centre.as_ref(),
            transaction: row,
            duplicate: outcome.duplicate,
            at: self.inner.parts.clock.now(),
        };
        Some(slip.lines())
    }
}

/// The slip of a settlement that came out otherwise than the terminal computed: the centre's figures by name.
fn centres_figures(centre: &Map<String, Value>, outputs: &[Choice]) -> Vec<String> {
    let mut lines = vec!["中心结算结果与本机核算不一致，以中心结果为准：".to_owned()];
    for choice in outputs {
        if let Some(value) = centre.get(&choice.value) {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            lines.push(format!("{} {shown}", choice.label));
        }
    }
    lines
}
