//! Taking back: a settlement that the centre carried out is cancelled and refunded, what was filed is withdrawn. What does
//! it is a transaction of its own; nothing of the first one is asked for again but its card.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::deciding::{Deciding, Ended, outcome};
use super::errors;
use super::json::JsonText;
use super::known::{BALANCE, Detail};
use super::plan::{Cancels, Plan, Shown, Verdict};
use super::same::is_confidential;
use super::view::CaseState;
use crate::failure::{Entry, Explain as _, Failure};
use crate::queue::{QueueError, Row, State};
use crate::rules::{Change, Choice, Counted, Decision, Input, Reason, obstacle};
use crate::scenario::{Form, Message, text_of};
use crate::sync::sent_under;
use crate::value::{Fen, Kind, Protocol};
use crate::wire::LONGEST_REASON;
use crate::wire::filing::{WITHDRAWAL, Withdrawal};
use crate::wire::settle::Cancellation;

/// A transaction that may be taken back, and what is kept of it.
struct Done {
    row: Row,
    /// What it went up under.
    infno: String,
    /// What went up.
    request: Value,
    /// What the terminal had decided.
    decision: Decision,
    /// 就诊ID, where it has one.
    admission: Option<String>,
    /// What the centre answered.
    output: Value,
}

/// In place of a form: why something is taken back, where somebody says so.
const REASON: &str = "reason";

/// What a case that takes something back has in place of a form; a blank reason is none.
pub(super) fn form(reason: Option<&str>) -> Result<Form, Failure> {
    let mut form = Form::default();
    if let Some(reason) = reason.filter(|reason| !reason.trim().is_empty()) {
        let text = text_of(reason, LONGEST_REASON).ok_or_else(|| Failure::of(&errors::UNDO_REASON))?;
        form.values.insert(REASON.to_owned(), text.into());
    }
    Ok(form)
}

impl Deciding<'_> {
    /// What takes this transaction back, or why it may not be.
    pub(super) fn undo(&self, id: Uuid, shown: &mut Shown) -> Result<Verdict, Ended> {
        let row = self.undone(id, shown)?;
        let repeated = Failure::of(&errors::REPEATED);
        let key = self.first_of(&format!("undo/{id}"), repeated, shown)?;
        // Whatever the terminal settled alone, the centre has settled since.
        let online = row.kind.protocol() == Protocol::Online;
        if online {
            self.none_open(shown, |_| true)?;
            self.centre_is_there()?;
        }
        let done = self.what_is_kept(row)?;
        if let Some(reason) = self.in_the_way(&done)? {
            let said = format!("{} {}", reason.code, reason.text.zh);
            return Err((CaseState::Referred, Failure::with(&errors::REFERRED, said)));
        }
        let cancelled = done.decision.cancelled(self.packs);
        let mut decision = cancelled.map_err(|error| (CaseState::Referred, error.failure()))?;
        // How the account stood then says nothing of how it stands after.
        decision.outputs.remove(BALANCE.0);
        shown.decision = JsonText::of(&decision);
        outcome(&decision)?;
        let message = self.takes_back(&done)?;
        let negated = |amount| Fen::ZERO.checked_sub(amount);
        let amounts = decision.amounts.iter().flatten();
        let text = |name: &str| done.request.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Verdict::Confirm(Box::new(Plan {
            business_date: self.business_date,
            amount: done.row.amount.and_then(negated),
            message,
            infno: self.definition.message.cancel_of(&done.infno).unwrap_or(WITHDRAWAL).to_owned(),
            input: Input::default(),
            online,
            provisional: false,
            as_of: None,
            decided_at: self.inner.parts.clock.now(),
            admission: done.admission,
            catalogue: None,
            outputs: amounts.map(|one| Choice { value: one.field.clone(), label: one.label.clone() }).collect(),
            confidential: shown.confidential,
            form: Form::default(),
            page: None,
            prints: Vec::new(),
            key,
            caller: self.caller.cloned(),
            insutype: text("insutype"),
            cancels: Some(Cancels { id }),
            decision,
        })))
    }

    /// The transaction that is meant, if it is one of this card that can be taken back.
    fn undone(&self, id: Uuid, shown: &mut Shown) -> Result<Row, Ended> {
        let refused = |entry: &'static Entry| (CaseState::Refused, Failure::of(entry));
        let journal = |error: QueueError| (CaseState::Refused, error.failure());
        let row = self.inner.queue.get(id).map_err(journal)?;
        let row = row.filter(|row| row.scenario == self.definition.id && row.kind == self.definition.kind);
        let row = row.ok_or_else(|| refused(&errors::UNDO_UNKNOWN))?;
        if self.inner.queue.holder_of(id).map_err(journal)? != Some(self.who.tag) {
            return Err(refused(&errors::UNDO_HOLDER));
        }
        // Whether it may be taken back or not. What cannot be read says as little as what was erased.
        let payload = self.inner.queue.payload(id).ok().flatten();
        shown.confidential = is_confidential(payload.as_ref(), self.definition);
        if row.cancels.is_some() || !is_taken_back(row.kind) {
            return Err(refused(&errors::UNDO_KIND));
        }
        if row.state != State::Acked {
            shown.transaction = serde_json::to_value(&row).ok();
            return Err((CaseState::Refused, Failure::with(&errors::UNDO_STATE, row.state.name())));
        }
        if row.erased {
            return Err(refused(&errors::UNDO_ERASED));
        }
        // What the terminal reckoned is not what the centre counts: what is to be paid back a person says.
        if row.is_settled_otherwise() {
            return Err((CaseState::Referred, Failure::of(&errors::UNDO_OTHERWISE)));
        }
        // Nothing was collected yet.
        let notices = self.inner.notices(self.who.tag).map_err(|failure| (CaseState::Refused, failure))?;
        match notices.iter().any(|notice| notice.transaction == id) {
            true => Err(refused(&errors::UNDO_UNTOLD)),
            false => Ok(row),
        }
    }

    /// A settlement is cancelled at the centre while the counter waits, or not at all.
    fn centre_is_there(&self) -> Result<(), Ended> {
        match &self.inner.upstream {
            Some(upstream) if self.reachable(upstream)? => Ok(()),
            _ => Err((CaseState::Refused, Failure::of(&errors::UPLINK_AWAY))),
        }
    }

    fn what_is_kept(&self, row: Row) -> Result<Done, Ended> {
        let queue = &self.inner.queue;
        let failed = |error: QueueError| (CaseState::Failed, error.failure());
        let erased = || (CaseState::Refused, Failure::of(&errors::UNDO_ERASED));
        let mut payload = queue.payload(row.id).map_err(failed)?.ok_or_else(erased)?;
        let output = queue.answer(row.id).map_err(failed)?.ok_or_else(erased)?.output;
        let unreadable =
            || failed(QueueError::Damaged { record: row.sequence, what: "its decision cannot be read".to_owned() });
        let infno = sent_under(&payload).to_owned();
        let admission = payload.pointer("/detail/admission").and_then(Value::as_str).map(str::to_owned);
        let decision = payload.pointer_mut("/detail/decision").map(Value::take).unwrap_or_default();
        let decision = serde_json::from_value(decision).map_err(|_| unreadable())?;
        let request = match payload.pointer_mut("/request/input") {
            Some(input) => input.take(),
            None => payload["request"].take(),
        };
        Ok(Done { row, infno, request, decision, admission, output })
    }

    /// What this person did here since that counted on the same.
    fn in_the_way(&self, done: &Done) -> Result<Option<Reason>, Ended> {
        let failed = |error: QueueError| (CaseState::Failed, error.failure());
        let since = self.inner.queue.uncounted(self.who.tag, done.row.sequence).map_err(failed)?;
        let mut later: Vec<(Vec<Change>, Option<String>)> = Vec::new();
        for (row, payload) in since {
            if row.cancels.is_some() || row.state == State::Cancelled {
                // Taken together they did nothing.
                continue;
            }
            let Some(mut payload) = payload else {
                return Err((CaseState::Refused, Failure::of(&errors::UNDO_ERASED)));
            };
            let detail = serde_json::from_value::<Detail>(payload["detail"].take()).map_err(|_| {
                failed(QueueError::Damaged { record: row.sequence, what: "its decision cannot be read".to_owned() })
            })?;
            later.push((detail.decision.accumulators, detail.admission));
        }
        let later: Vec<_> =
            later.iter().flat_map(|(changes, admission)| counted(changes, admission.as_deref())).collect();
        let own: Vec<_> = counted(&done.decision.accumulators, done.admission.as_deref()).collect();
        Ok(obstacle(&own, &later))
    }

    /// What goes upstream.
    fn takes_back(&self, done: &Done) -> Result<Message, Ended> {
        let lacks = |item| (CaseState::Failed, Failure::with(&crate::scenario::errors::FORM, item));
        let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        let reason = self.form.values.get(REASON).and_then(Value::as_str).map(str::to_owned);
        if done.row.kind == Kind::Settle {
            let setlinfo = done.output.get("setlinfo").unwrap_or(&Value::Null);
            let psn_no = text(setlinfo, "psn_no").or_else(|| text(&done.request, "psn_no"));
            return Ok(Message::Cancellation(Box::new(Cancellation {
                setl_id: text(setlinfo, "setl_id").ok_or_else(|| lacks("setl_id"))?,
                mdtrt_id: text(&done.request, "mdtrt_id"),
                psn_no: psn_no.ok_or_else(|| lacks("psn_no"))?,
                reason,
            })));
        }
        let mut person = self.who.person.clone();
        person.psn_no = text(&done.request, "psn_no");
        Ok(Message::Withdrawal(Box::new(Withdrawal {
            person,
            scenario: self.definition.id.clone(),
            part: self.definition.kind,
            message: WITHDRAWAL.to_owned(),
            business_date: self.business_date,
            id: done.row.id,
            number: text(&done.output, "number"),
            reason,
        })))
    }
}

/// Whether what is of a kind is taken back here. A payment is the bank's; what was collected or changed the centre has acted
/// on, whenever it is asked.
fn is_taken_back(kind: Kind) -> bool {
    !matches!(kind, Kind::Pay | Kind::Collect | Kind::Change | Kind::Query | Kind::SignIn)
}

fn counted<'c>(changes: &'c [Change], admission: Option<&'c str>) -> impl Iterator<Item = Counted<'c>> {
    changes.iter().map(move |change| Counted { change, admission })
}

/// Beside what a settlement keeps, of one that takes another back: which, by which insurance it is accounted for, and
/// whether its holder is kept secret, which no form of its own says.
pub(super) fn detail(plan: &Plan, cancels: &Cancels) -> Map<String, Value> {
    let fields = [
        ("decision", serde_json::to_value(&plan.decision).unwrap_or_default()),
        ("admission", plan.admission.clone().into()),
        ("cancels", cancels.id.to_string().into()),
        ("insutype", plan.insutype.clone().into()),
        ("confidential", plan.confidential.into()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
