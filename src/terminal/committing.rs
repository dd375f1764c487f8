//! A case is committed: durable first, then told. Online kinds are settled, or paid, at the centre.

mod storing;

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::case::Untold;
use super::conditions::{Condition, Conditions};
use super::deciding::detail;
use super::errors;
use super::inner::{Inner, Upstream, lock};
use super::json::JsonText;
use super::limits::LimitsLeft;
use super::paper::filed;
use super::plan::{Plan, centre_view};
use super::showing::{as_shown, tells_of_it};
use super::view::CaseState;
use super::who::Who;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Draft, QueueError, Row, State};
use crate::rules::{Basis, Choice, Decision, differences};
use crate::scenario::{Conduct, Definition, Message, Once, month};
use crate::slip::{COLUMNS, Copies, Document, Slip};
use crate::sync::{self, Patience, SettleError, Settled, UplinkError};
use crate::wire::payment::Paid;
use crate::wire::settle::SettlementAnswer;

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
    /// Whoever agreed wants the page.
    print: bool,
}

/// How it ended, and what is shown of it.
#[derive(Default)]
struct Outcome {
    failure: Option<Failure>,
    row: Option<Row>,
    duplicate: bool,
    /// The centre's settlement, or what it says was paid.
    centre: Option<Map<String, Value>>,
    /// The decision, once the centre stands behind it.
    decision: Option<Decision>,
    differences: Vec<Value>,
    /// What the terminal may still settle alone, now that this one is counted.
    limits: Option<LimitsLeft>,
    slip: Option<Document>,
    /// What is printed in its place: what a query found.
    page: Option<Copies>,
    /// What is told beside what was found before.
    findings: Vec<Failure>,
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
            Some((Arc::clone(&case.definition), case.view.operator.clone(), shift, who, plan, case.print))
        });
        // A case that is being committed has all of them, and cannot have ended by itself.
        let Some((definition, operator, shift, who, plan, print)) = taken else { return self.defect(id, at) };
        let committing = Committing {
            inner: self,
            id,
            definition: &definition,
            operator: &operator,
            shift: &shift,
            who: &who,
            plan: &plan,
            print,
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
            (outcome.slip, outcome.page) = (None, None);
            outcome.failure = Some(Failure::of(&errors::LEFT_TO_NOTICE));
        }
        let moved = self.advance(id, Some(at), to, |case| {
            case.untold = untold;
            let view = &mut case.view;
            let shown = outcome.row.map(|row| as_shown(&row, to, outcome.failure.as_ref()));
            view.failure = outcome.failure;
            view.transaction = shown.and_then(|row| serde_json::to_value(row).ok()).or(view.transaction.take());
            view.duplicate |= outcome.duplicate;
            view.findings.extend(outcome.findings);
            view.slip = outcome.slip.as_ref().map(|slip| slip.lines(COLUMNS));
            if to == CaseState::Done {
                let held = case.held_back.take().and_then(|held| held.found);
                view.found = held.or(view.found.take());
            }
            case.is_page = outcome.page.is_some();
            case.paper = outcome.page.or(outcome.slip.map(Copies::from));
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
        self.may_be_stored()?;
        let _counted = self.plan.provisional.then(|| lock(&self.inner.settling_alone));
        if self.plan.provisional {
            self.not_billed_meanwhile()?;
        }
        if let (true, Some(amount)) = (self.plan.provisional, self.plan.amount) {
            let within = self.inner.within_limits(self.definition, self.who, amount);
            within.map_err(|failure| ended(CaseState::Refused, failure))?;
        }
        let mut outcome = match (&self.plan.message, &self.inner.upstream) {
            (message, Some(upstream)) if self.plan.online => {
                let input = message.json();
                self.online(upstream, input.map_err(|_| ended(CaseState::Failed, Failure::of(&errors::DEFECT)))?)?
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

    /// What is refused while the centre is away is not stored for it either: it may have gone since this was decided.
    fn may_be_stored(&self) -> Result<(), Ended> {
        let away = Conditions::from([Condition::UplinkAway]);
        let needs_centre = self.inner.table.of(self.definition, &away).0 == Conduct::Refuse;
        // What is done online asks the centre itself, and what takes something back was let pass without it.
        let is_stored = !self.plan.online && self.plan.cancels.is_none();
        match needs_centre && is_stored && !self.centre_answers() {
            true => Err(ended(CaseState::Refused, Failure::of(Condition::UplinkAway.entry()))),
            false => Ok(()),
        }
    }

    /// Whether the centre answers now. What it did when it was asked last is no news of this moment.
    fn centre_answers(&self) -> bool {
        let Some(upstream) = &self.inner.upstream else { return false };
        let asked = async { tokio::time::timeout(upstream.patience, upstream.uplink.probe()).await };
        match self.inner.parts.runtime.block_on(asked) {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the centre does not answer before something is stored for it");
                false
            }
            Err(_) => false,
        }
    }

    /// Whether another case of this person has begun to settle since this one was decided.
    fn something_is_open(&self) -> Result<bool, Ended> {
        let open = self.inner.queue.unsettled(self.who.tag).map_err(|error| self.not_committed(&error))?;
        Ok(!open.is_empty())
    }

    /// Another case may have settled a line of this bill alone since this one was decided; online the centre says so.
    fn not_billed_meanwhile(&self) -> Result<(), Ended> {
        let billed = self.inner.billed(self.definition, self.who.tag, &self.plan.form);
        let own = self.inner.queue.by_key(&self.plan.key).map_err(|error| self.not_committed(&error))?;
        match billed.map_err(|error| self.not_committed(&error))? {
            // It is this bill, committed under this key: the journal has it, and says so.
            Some(billed) if own.is_some_and(|(row, _)| row.id == billed.row.id) => Ok(()),
            Some(billed) => {
                let outcome = Outcome { failure: Some(billed.failure), duplicate: true, ..Outcome::default() };
                Err((CaseState::Refused, Box::new(outcome)))
            }
            None => Ok(()),
        }
    }

    /// Written ahead, settled, paid or cancelled at the centre, or nothing of it.
    fn online(&self, upstream: &Upstream, input: Value) -> Result<Outcome, Ended> {
        let asker = upstream.asker.to(self.definition.receiver_of(self.plan.insutype.as_deref()));
        let request = asker.request(&self.plan.infno, self.operator, input);
        let draft = self.draft(detail(self.plan), State::Sending);
        let patience = self
            .inner
            .parts
            .config
            .uplink
            .as_ref()
            .map_or(Patience::default(), |uplink| Patience { answer: uplink.answer, resolve: uplink.resolve });
        let (queue, uplink, runtime) = (&self.inner.queue, &upstream.uplink, &self.inner.parts.runtime);
        match self.plan.message {
            Message::Payment(_) => {
                let paid = runtime.block_on(sync::pay(queue, uplink, draft, request, patience));
                self.came(paid, Self::paid)
            }
            _ => {
                let settled = runtime.block_on(sync::settle(queue, uplink, draft, request, patience));
                self.came(settled, Self::settled)
            }
        }
    }

    /// What came of what was sent online; `accepted` shows what the centre carried out.
    fn came<A>(
        &self,
        came: Result<Settled<A>, SettleError>,
        accepted: impl FnOnce(&Self, Row, A) -> Outcome,
    ) -> Result<Outcome, Ended> {
        match came {
            Ok(Settled::Accepted(row, answer)) => Ok(accepted(self, row, answer)),
            Ok(Settled::Refused(row, code, text)) => {
                let failure = UplinkError::Refused { code, text }.failure();
                Err(self.not_settled(failure, row))
            }
            Ok(Settled::NothingSettled(row)) => {
                let nothing = match self.plan.cancels {
                    Some(_) => &errors::NOTHING_CANCELLED,
                    None => &errors::NOTHING_SETTLED,
                };
                Err(self.not_settled(Failure::of(nothing), row))
            }
            // The key's own transaction, of which the row alone is left.
            Ok(Settled::Erased(row)) => Err(self.not_settled(Failure::of(&errors::REPEATED), row)),
            Err(SettleError::Queue(error)) => Err(self.not_committed(&error)),
            Err(error) => Err(self.unsure(error)),
        }
    }

    /// The centre's word on a payment is of the order and the amount that were sent: nothing of it can differ.
    fn paid(&self, row: Row, Paid { payinfo }: Paid) -> Outcome {
        let paid = serde_json::to_value(payinfo).ok();
        Outcome {
            row: Some(row),
            centre: paid.and_then(|paid| paid.as_object().cloned()),
            decision: Some(Decision { basis: Basis::Centre, ..self.plan.decision.clone() }),
            ..Outcome::default()
        }
    }

    fn settled(&self, row: Row, SettlementAnswer { setlinfo, .. }: SettlementAnswer) -> Outcome {
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
        self.not_committed_as(&self.plan.key, error)
    }

    /// `key` is what it would be known by.
    fn not_committed_as(&self, key: &str, error: &QueueError) -> Ended {
        if error.is_storage() {
            self.inner.set(Condition::Storage, true);
            return match self.inner.queue.by_key(key) {
                Ok(None) => ended(CaseState::Refused, error.failure()),
                // It failed after it was written, or nobody knows: what is there stands once the storage is well.
                found => {
                    let row = found.ok().flatten().map(|(row, _)| row);
                    let failure = Some(Failure::of(&errors::UNSURE));
                    (CaseState::Failed, Box::new(Outcome { failure, row, ..Outcome::default() }))
                }
            };
        }
        if let QueueError::Move { from, .. } = error {
            // Another case takes it back.
            return ended(CaseState::Refused, Failure::with(&errors::UNDO_STATE, from.name()));
        }
        match (error, &self.definition.once) {
            // Another case takes it back, which was decided on another day.
            (QueueError::Conflict, _) if self.plan.cancels.is_some() => {
                let row = self.inner.queue.by_key(&self.plan.key).ok().flatten().map(|(row, _)| row);
                let failure = Some(Failure::of(&errors::REPEATED));
                (CaseState::Refused, Box::new(Outcome { failure, row, duplicate: true, ..Outcome::default() }))
            }
            (QueueError::Conflict, Some(once)) => {
                let date = self.plan.business_date;
                let failure = match once {
                    Once::Day => Failure::with(&errors::ALREADY, date.to_string()),
                    Once::Month => Failure::with(&errors::ALREADY, month(date)),
                    Once::Year => Failure::with(&errors::ALREADY, date.year().to_string()),
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
            caller: self.plan.caller.clone(),
            scenario: self.definition.id.clone(),
            kind: self.definition.kind,
            business_date: self.plan.business_date,
            provisional: self.plan.provisional,
            holder: self.who.number.clone(),
            operator: self.operator.to_owned(),
            shift: Some(self.shift.to_owned()),
            amount: self.plan.amount,
            cancels: self.plan.cancels.as_ref().map(|cancels| cancels.id),
            payload,
            state,
        }
    }

    fn slip(&self, outcome: &Outcome) -> Option<Document> {
        let row = outcome.row.as_ref()?;
        let decision = outcome.decision.as_ref().unwrap_or(&self.plan.decision);
        let explanation = match (&outcome.centre, outcome.differences.is_empty()) {
            (Some(centre), false) => centres_figures(centre, &self.plan.outputs),
            _ => decision.explain_zh(self.definition.kind),
        };
        let slip = Slip {
            title: &self.definition.title.zh,
            terminal: self.inner.parts.config.terminal.as_str(),
            operator: self.operator,
            name: self.who.view.name.as_deref().filter(|_| !self.plan.confidential),
            number: self.who.view.social_security_number.as_deref().filter(|_| !self.plan.confidential),
            business_date: self.plan.business_date,
            demo_date: self.inner.parts.config.business_date.is_some(),
            expired_card: self.who.expired,
            explanation: &explanation,
            demo_figures: decision.demo,
            filed: filed(self.definition, &self.plan.form).filter(|_| self.plan.cancels.is_none()),
            centre: outcome.centre.as_ref(),
            transaction: row,
            duplicate: outcome.duplicate,
            at: self.inner.parts.clock.now(),
        };
        Some(slip.document())
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
