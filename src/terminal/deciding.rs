//! A case is decided: the record is asked for, the rules decide, the centre checks.

use std::sync::Arc;

use jiff::civil::Date;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::case::HeldBack;
use super::conditions::Condition;
use super::errors;
use super::inner::{Inner, Upstream};
use super::json::JsonText;
use super::learning::Learned;
use super::looked_up::LookedUp;
use super::plan::{Plan, Shown, Verdict, centre_view};
use super::same::{First, asked};
use super::undoing;
use super::view::CaseState;
use super::who::Who;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Caller, Row};
use crate::rules::{Decision, Input, InputError, Outcome, Packs, Schema, differences};
use crate::scenario::{
    Conduct, Definition, FieldError, FieldMistake, Form, Message, ScenarioError, ShownRecords, Stated, Telling,
};
use crate::sync::Asker;
use crate::value::{Fen, Protocol};
use crate::wire::infno;
use crate::wire::person::INSUTYPE;
use crate::wire::settle::{Settlement, SettlementAnswer};

/// One deciding: what goes into it.
#[derive(Clone, Copy)]
pub(super) struct Deciding<'a> {
    pub(super) inner: &'a Inner,
    pub(super) id: Uuid,
    pub(super) definition: &'a Definition,
    /// Those that were in force when the case was opened.
    pub(super) packs: &'a Packs,
    pub(super) operator: &'a str,
    /// What the caller asks for, where they gave a key.
    pub(super) caller: Option<&'a Caller>,
    pub(super) form: &'a Form,
    pub(super) who: &'a Who,
    pub(super) business_date: Date,
}

/// A case that ends here, or waits for another form: its state, and why.
pub(super) type Ended = (CaseState, Failure);

impl Inner {
    /// Starts the work of a case that has gone to `Deciding`.
    pub(super) fn begin_deciding(self: &Arc<Self>, id: Uuid) {
        let Some(at) = self.cases().get(id).map(|case| case.step) else { return };
        self.work(id, at, "case decide", move |inner| inner.decide(id, at));
    }

    fn decide(self: &Arc<Self>, id: Uuid, at: u64) {
        let taken = self.cases().get(id).and_then(|case| {
            let (form, who) = (case.form.clone()?, case.who.clone()?);
            let (definition, packs) = (Arc::clone(&case.definition), case.packs.clone()?);
            Some((definition, packs, case.view.operator.clone(), case.key.clone(), form, who, case.view.undo))
        });
        // Only a case that has ended has forgotten them, and to that nothing happens any more.
        let Some((definition, packs, operator, key, form, who, undo)) = taken else { return self.defect(id, at) };
        let date_of = packs.date_of(&definition.id);
        let caller = key.map(|key| asked(key, &definition, &form, &who, undo));
        let mut shown = Shown { confidential: definition.is_confidential(&form), ..Shown::default() };
        let verdict = self.may_do(&definition).and_then(|()| self.in_shift(id, &operator)).and_then(|()| {
            let deciding = Deciding {
                inner: self,
                id,
                definition: &definition,
                packs: &packs,
                operator: &operator,
                caller: caller.as_ref(),
                form: &form,
                who: &who,
                business_date: self.business_day(),
            };
            deciding.not_again(undo, &mut shown)?;
            if let Some(undo) = undo {
                shown.business_date = Some(deciding.business_date);
                return deciding.undo(undo, &mut shown);
            }
            let filled = definition.filled((*form).clone(), &who.on_card);
            let form = filled.map_err(|error| (CaseState::WaitingInput, error.failure()))?;
            let business_date = definition.business_date(&form, date_of, self.business_day());
            shown.business_date = Some(business_date);
            self.not_in_the_future(business_date, date_of)?;
            let held = packs.hold(&definition.id, business_date);
            held.map_err(|error| (CaseState::Failed, error.failure()))?;
            Deciding { form: &form, business_date, ..deciding }.verdict(&mut shown)
        });
        let verdict = verdict.unwrap_or_else(|(state, failure)| Verdict::End(state, failure));
        self.decided(id, at, verdict, shown);
    }

    /// Looked at first: what a condition refuses opens no shift.
    fn may_do(&self, definition: &Definition) -> Result<(), Ended> {
        self.probe_storage();
        self.refusal(definition).map_or(Ok(()), |failure| Err((CaseState::Refused, failure)))
    }

    /// What follows is done in the operator's shift.
    fn in_shift(&self, id: Uuid, operator: &str) -> Result<(), Ended> {
        // Where the disk failed since it was looked at, that is a condition from now on.
        let entered = self.enter_shift(id, operator).inspect_err(|_| self.probe_storage());
        entered.map_err(|failure| (CaseState::Refused, failure))
    }

    /// Figures are looked up by the business date, and those of a day to come are not known today. `date_of` is the item
    /// of the form that says it.
    fn not_in_the_future(&self, business_date: Date, date_of: Option<&str>) -> Result<(), Ended> {
        if business_date <= self.business_day() {
            return Ok(());
        }
        let item = date_of.unwrap_or_default().to_owned();
        let mistake = FieldError { item, what: FieldMistake::Future };
        Err((CaseState::WaitingInput, ScenarioError::Form(vec![mistake]).failure()))
    }

    fn decided(self: &Arc<Self>, id: Uuid, at: u64, verdict: Verdict, shown: Shown) {
        let (to, plan, failure, end) = match verdict {
            Verdict::Confirm(plan) => (CaseState::WaitingConfirmation, Some(plan), None, None),
            Verdict::Withhold(to, failure) => (CaseState::WaitingConfirmation, None, None, Some((to, failure))),
            Verdict::End(to, failure) => (to, None, Some(failure), None),
        };
        let moved = self.advance(id, Some(at), to, |case| {
            case.conceal(shown.confidential);
            let view = &mut case.view;
            view.business_date = shown.business_date;
            view.centre = shown.centre;
            (view.decision, view.found, case.held_back) = match case.definition.is_told_after_the_pin() {
                true => (None, None, Some(HeldBack { decision: shown.decision, found: shown.found, end })),
                false => (shown.decision, shown.found, None),
            };
            let of_card = case.who.iter().flat_map(|who| who.findings.iter().cloned());
            view.findings = of_card.chain(shown.findings).collect();
            view.differences = shown.differences;
            view.as_of = shown.as_of;
            view.provisional = shown.provisional;
            view.limits = shown.limits;
            view.transaction = shown.transaction;
            view.duplicate = shown.duplicate;
            view.failure = failure;
            case.plan = plan.map(Arc::from);
        });
        if let Err(left) = moved {
            tracing::debug!(case = %id, code = left.entry.code, "the case had gone on");
        }
    }

    /// Why nothing of this kind is done now, beside the centre being away. What was begun is finished though the terminal
    /// stops: whoever stops it ends what may not be.
    pub(super) fn refusal(&self, definition: &Definition) -> Option<Failure> {
        let mut conditions = self.conditions();
        conditions.remove(&Condition::UplinkAway);
        conditions.remove(&Condition::Draining);
        match self.table.of(definition, &conditions) {
            (Conduct::Refuse, Some(condition)) => Some(self.why(condition)),
            _ => None,
        }
    }
}

impl Deciding<'_> {
    fn verdict(&self, shown: &mut Shown) -> Result<Verdict, Ended> {
        self.none_open(shown, |row| row.protocol() == Protocol::Online)?;
        match self.look_up(shown)? {
            None => self.verdict_with(None, shown),
            Some((found, form)) => Deciding { form: &form, ..*self }.verdict_with(Some(&found), shown),
        }
    }

    /// The verdict, with what was looked up.
    fn verdict_with(&self, found: Option<&LookedUp>, shown: &mut Shown) -> Result<Verdict, Ended> {
        let First { key, once } = self.first_time(shown)?;
        self.not_billed(shown)?;
        let learned = self.learn_beside(found, shown)?;
        let schema = self.schema(&learned.known.facts, learned.reached)?;
        let (form, catalogue) = self.priced(&learned.known)?;
        let stated = Stated { form: &form, ..self.stated() };
        let input = self.definition.input(stated, &learned.known, &schema);
        let decision = self
            .packs
            .decide(&self.definition.id, &input)
            .map_err(|error| self.cannot_decide(&error, learned.reached))?;
        shown.decision = JsonText::of(&decision);
        shown.business_date = Some(decision.business_date);
        match outcome(&decision) {
            // Whether it is so for what the form says or for what the records do: who only has the card is not told.
            Err((to, failure)) if self.definition.is_told_after_the_pin() => {
                return Ok(Verdict::Withhold(to, failure));
            }
            decided => decided?,
        }

        let records = found.map(|found| found.shown);
        let message = self.message(&learned, &input, decision.business_date, once, records)?;
        let insutype = match &message {
            Message::Settlement(settlement) => settlement.insutype.clone(),
            _ => learned.known.insutype.clone(),
        };
        let mut plan = Plan {
            insutype: Some(insutype),
            business_date: decision.business_date,
            decision,
            amount: message.amount(),
            message,
            infno: self.definition.message.name_of(&self.form.values).to_owned(),
            input,
            online: false,
            provisional: false,
            as_of: learned.as_of,
            decided_at: self.inner.parts.clock.now(),
            admission: self.admission().map(str::to_owned),
            catalogue,
            outputs: schema.outputs,
            confidential: self.definition.is_confidential(self.form),
            form: self.form.clone(),
            page: found.and_then(|found| found.page.clone()),
            prints: self.prints(),
            key,
            caller: self.caller.cloned(),
            cancels: None,
        };
        if self.definition.kind.protocol() == Protocol::Online {
            self.online(&mut plan, learned.reached, shown)?;
        }
        shown.provisional = plan.provisional;
        Ok(Verdict::Confirm(Box::new(plan)))
    }

    /// What is known of the person, with what was looked up.
    fn learn_beside(&self, found: Option<&LookedUp>, shown: &mut Shown) -> Result<Learned, Ended> {
        let looked_up = found.map(|found| found.facts.clone()).unwrap_or_default();
        let mut learned = self.learn(&looked_up)?;
        self.insured(&learned.known)?;
        learned.known.facts.extend(looked_up);
        shown.as_of = learned.as_of;
        if learned.reached {
            // The centre has not counted it yet, and would settle this one as if it were the first.
            self.none_open(shown, |_| true)?;
        }
        Ok(learned)
    }

    /// What goes upstream of what was decided.
    fn message(
        &self,
        learned: &Learned,
        input: &Input,
        business_date: Date,
        once: Option<String>,
        records: Option<ShownRecords>,
    ) -> Result<Message, Ended> {
        let mut person = self.who.person.clone();
        person.psn_no.clone_from(&learned.psn_no);
        let telling = Telling {
            person: &person,
            form: self.form,
            known: &learned.known,
            input,
            business_date,
            today: self.inner.business_day(),
            operator: self.operator,
            once,
            shown: records,
            account: self.who.account.clone(),
        };
        let message = self.definition.message(telling);
        message.map_err(|item| (CaseState::Failed, Failure::with(&crate::scenario::errors::FORM, item)))
    }

    /// Who asks about this person, or one whom the centre says to be insured so; by the form where it is not told.
    pub(super) fn asker(&self, upstream: &Upstream, insutype: Option<&str>) -> Asker {
        let in_form = self.form.values.get(INSUTYPE).and_then(Value::as_str);
        upstream.asker.to(self.definition.receiver_of(insutype.or(in_form)))
    }

    /// What the pack of the business date asks for that is for such a case, with what the centre says of the person.
    pub(super) fn schema(&self, known: &Map<String, Value>, reached: bool) -> Result<Schema, Ended> {
        let facts = self.definition.facts(self.stated(), known);
        let schema = self.packs.schema(&self.definition.id, self.business_date, &facts);
        schema.map_err(|error| self.cannot_decide(&error, reached))
    }

    /// What is settled online comes after everything of this person that is open: while the outcome of one is not known,
    /// or a provisional one is on its way, neither terminal nor centre knows what it leaves of deductible, cap and account.
    pub(super) fn none_open(&self, shown: &mut Shown, counts: impl Fn(&Row) -> bool) -> Result<(), Ended> {
        if self.definition.kind.protocol() != Protocol::Online {
            return Ok(());
        }
        let open = self.inner.queue.unsettled(self.who.tag).map_err(|error| (CaseState::Refused, error.failure()))?;
        match open.into_iter().find(counts) {
            Some(row) => {
                shown.transaction = serde_json::to_value(&row).ok();
                Err((CaseState::Refused, Failure::of(&errors::EARLIER_OPEN)))
            }
            None => Ok(()),
        }
    }

    /// The centre computes it too, or the terminal goes on alone within its limits.
    fn online(&self, plan: &mut Plan, reached: bool, shown: &mut Shown) -> Result<(), Ended> {
        let Message::Settlement(settlement) = &plan.message else {
            // What else is carried out online is not computed by the centre: it is asked once somebody agreed.
            plan.online = reached;
            return if reached { Ok(()) } else { self.conduct_alone(Conduct::CarryOut) };
        };
        plan.online = reached && self.pre_settled(settlement, &plan.decision, shown)?;
        if plan.online {
            return Ok(());
        }
        self.conduct_alone(Conduct::Provisional)?;
        plan.provisional = true;
        let refused = |failure| (CaseState::Refused, failure);
        shown.limits = Some(self.inner.limits_left(self.definition, self.who).map_err(refused)?);
        let within = self.inner.within_limits(self.definition, self.who, plan.amount.unwrap_or(Fen(i64::MAX)));
        within.map_err(refused)
    }

    /// Whether the centre pre-settled it to the same figures; `false` when it could not be reached.
    fn pre_settled(&self, settlement: &Settlement, decision: &Decision, shown: &mut Shown) -> Result<bool, Ended> {
        let Some(upstream) = &self.inner.upstream else { return Ok(false) };
        let within = self.patience();
        let message = self.definition.message.ask_of(&self.form.values).unwrap_or(infno::PRE_SETTLE);
        let asker = self.asker(upstream, Some(&settlement.insutype));
        let asked = asker.ask(message, self.operator, settlement, within);
        let answer: SettlementAnswer = match self.wait(asked)? {
            Ok(answer) => answer,
            Err(error) => return self.not_answered(&error).map(|()| false),
        };
        let found = differences(&decision.outputs, &answer.setlinfo);
        shown.centre = Some(Value::Object(centre_view(&answer.setlinfo, decision)));
        shown.differences = found.iter().filter_map(|difference| serde_json::to_value(difference).ok()).collect();
        if found.is_empty() {
            return Ok(true);
        }
        let fields: Vec<&str> = found.iter().map(|difference| difference.field.as_str()).collect();
        Err((CaseState::Referred, Failure::with(&errors::DIFFERENCE, fields.join(", "))))
    }

    /// An item of the form goes back to the clerk; what the centre should have told is not the clerk's to mend.
    fn cannot_decide(&self, error: &InputError, reached: bool) -> Ended {
        let item = match error {
            InputError::Missing { item }
            | InputError::Unknown { item }
            | InputError::WrongType { item, .. }
            | InputError::OutOfRange { item, .. } => item.as_str(),
            InputError::TooManyLines { .. } => "lines",
            InputError::UnknownScenario { .. } | InputError::NoVersion { .. } => {
                return (CaseState::Failed, error.failure());
            }
            InputError::NotCovered { .. } => return (CaseState::Referred, error.failure()),
        };
        let name = item.split(['.', '[']).next().unwrap_or(item);
        let in_form = self
            .definition
            .fields
            .iter()
            .any(|field| item == field.name || item.ends_with(&format!(".{}", field.name)))
            || self.definition.lines.as_ref().is_some_and(|lines| lines.name == name);
        match (in_form, reached) {
            (true, _) => (CaseState::WaitingInput, error.failure()),
            (false, true) => (CaseState::Failed, error.failure()),
            (false, false) => (CaseState::Refused, Failure::with(&errors::NO_RECORD, error.to_string())),
        }
    }
}

pub(super) fn outcome(decision: &Decision) -> Result<(), Ended> {
    let codes = || {
        let reasons = decision.reasons.iter().filter(|reason| reason.outcome == decision.outcome);
        reasons.map(|reason| format!("{} {}", reason.code, reason.text.zh)).collect::<Vec<_>>().join("; ")
    };
    match decision.outcome {
        Outcome::Allow | Outcome::Warn => Ok(()),
        Outcome::Refer => Err((CaseState::Referred, Failure::with(&errors::REFERRED, codes()))),
        Outcome::Deny => Err((CaseState::Refused, Failure::with(&errors::DENIED, codes()))),
    }
}

/// What is kept beside the message: the decision with its trace, all that it was decided on, so that other packs can
/// decide it again, when the accumulators were told, and by which catalogue the bill was priced; of what the terminal
/// settles alone also the number that it stands under, which no envelope says.
pub(super) fn detail(plan: &Plan) -> Value {
    if let Some(cancels) = &plan.cancels {
        return undoing::detail(plan, cancels).into();
    }
    json!({
        "decision": plan.decision,
        "input": plan.input,
        "accumulators_as_of": plan.as_of,
        "admission": plan.admission,
        "catalogue": plan.catalogue,
        "infno": plan.provisional.then_some(&plan.infno),
    })
}
