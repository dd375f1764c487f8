//! Differences of the accounts are repaired one by one: by whom, how and when is kept.

use serde_json::Value;

use super::errors;
use super::event::What;
use super::inner::{Inner, lock};
use super::notice::{COLLECTED, RECONCILED, unless_damaged};
use super::open::operator;
use super::settled::figures;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Row, State};
use crate::store::{AccountDifference, Action, Repair};
use crate::sync::{UplinkError, sent_under};
use crate::value::Fen;
use crate::wire::settle::{Reversal, SettlementQuery};
use crate::wire::{Reply, infno};

/// Longest remark, in characters.
const LONGEST: usize = 500;

impl Inner {
    /// Repairs one difference. Blocks on the disk, and for `reverse` and `adopt` on the centre.
    pub(super) fn repair(
        &self,
        id: u64,
        action: Action,
        by: &str,
        remark: Option<&str>,
    ) -> Result<AccountDifference, Failure> {
        let by = operator(by)?;
        let remark = remark.map(str::trim).filter(|remark| !remark.is_empty());
        let _one = lock(&self.reconciling);
        let known = self.store.difference(id).map_err(|error| error.failure())?;
        let mut known = known.ok_or_else(|| Failure::with(&errors::RECON_UNKNOWN, id.to_string()))?;
        if known.repair.is_some() || !known.kind.actions().contains(&action) {
            return Err(Failure::of(&errors::RECON_ACTION));
        }
        let explained = remark.is_some_and(|remark| remark.chars().count() <= LONGEST);
        let self_evident = match action {
            Action::Reverse => self.was_taken_back(&known)?,
            Action::Adopt | Action::Gone => true,
            Action::Refer => false,
        };
        if !explained && !self_evident {
            return Err(Failure::of(&errors::RECON_REMARK));
        }
        let remark = remark.map(|remark| remark.chars().take(LONGEST).collect());
        let repair = Repair { action, operator: Some(by.clone()), remark, at: self.parts.clock.now(), done: false };
        if matches!(action, Action::Reverse | Action::Adopt) {
            // Written first: what the centre or the journal is told is never without a name.
            known.repairs.push(repair.clone());
            self.store.keep_difference(&known).map_err(|error| error.failure())?;
        }
        match action {
            Action::Reverse => self.reverse(&known, &by)?,
            Action::Adopt => self.adopt(&known, &by)?,
            Action::Refer | Action::Gone => {}
        }
        tracing::info!(target: "audit", difference = id, ?action, operator = by, "a difference of the accounts was repaired");
        known.settle(Repair { at: self.parts.clock.now(), done: true, ..repair });
        let kept = self.store.keep_difference(&known).and_then(|()| self.store.count_open(known.date));
        let open = kept.map_err(|error| error.failure())?;
        self.log.tell(What::Reconciliation { date: known.date, open });
        Ok(known)
    }

    /// Whether the journal has it as taken back or refused, so that its holder was told that nothing was settled. `false`
    /// where the journal does not know it at all: then somebody has to say why it is to be taken back.
    fn was_taken_back(&self, difference: &AccountDifference) -> Result<bool, Failure> {
        let row = self.queue.by_msgid(&difference.msgid).map_err(|error| error.failure())?;
        match row.map(|row| row.state) {
            None => Ok(false),
            Some(State::Void | State::Reversed | State::Refused) => Ok(true),
            // It moved since it was found.
            Some(_) => Err(Failure::of(&errors::RECON_ACTION)),
        }
    }

    /// What the settlement was sent under; what most are where the journal does not know it.
    fn was_sent_under(&self, difference: &AccountDifference) -> Result<String, Failure> {
        let row = self.queue.by_msgid(&difference.msgid).map_err(|error| error.failure())?;
        let payload = row.map_or(Ok(None), |row| unless_damaged(self.queue.payload(row.id)))?;
        Ok(sent_under(&payload.unwrap_or_default()).to_owned())
    }

    /// Takes back at the centre what does not stand here. Asked again, it is answered alike.
    fn reverse(&self, difference: &AccountDifference, by: &str) -> Result<(), Failure> {
        let upstream = self.upstream.as_ref().ok_or_else(|| Failure::of(&errors::UPLINK_AWAY))?;
        let oinfno = self.was_sent_under(difference)?;
        let input = Reversal { omsgid: difference.msgid.clone(), oinfno };
        // Invariant: message ids in a struct always have a JSON form.
        let request = upstream.asker.request(infno::REVERSE, by, serde_json::to_value(input).unwrap_or_default());
        let asked = async { tokio::time::timeout(upstream.patience, upstream.uplink.request(&request)).await };
        let answer = self.parts.runtime.block_on(asked);
        let reply = answer.unwrap_or_else(|_| Err(UplinkError::NoAnswer("it took too long".into())));
        let reply = reply.map_err(|error| error.failure())?;
        match reply.refusal() {
            Some((code, text)) if reply.infcode != Reply::NOT_FOUND => {
                Err(UplinkError::Refused { code, text }.failure())
            }
            _ => Ok(()),
        }
    }

    /// Takes the centre's settlement over as it stands there now, into the answer that is kept. A settlement is one whole:
    /// the figures that were compared alone would not add up with those beside them.
    fn adopt(&self, difference: &AccountDifference, by: &str) -> Result<(), Failure> {
        let moved = || Failure::of(&errors::RECON_ACTION);
        let (Some(id), Some(theirs)) = (difference.transaction, difference.centre) else { return Err(moved()) };
        let row = self.queue.get(id).map_err(|error| error.failure())?.ok_or_else(moved)?;
        let mut answer = self.queue.answer(id).map_err(|error| error.failure())?.ok_or_else(moved)?;
        let mut output = self.settlement(&difference.msgid, by)?;
        let setlinfo = output.get("setlinfo").cloned().unwrap_or_default();
        if setlinfo["medins_setl_id"] != *difference.msgid || figures(&setlinfo) != theirs {
            // It is not what the operator agreed to.
            return Err(moved());
        }
        let before = std::mem::take(&mut answer.output);
        let first = before.get(COLLECTED).or_else(|| before.pointer("/setlinfo/psn_cash_pay"));
        output[COLLECTED] = first.cloned().unwrap_or_default();
        output[RECONCILED] = difference.date.to_string().into();
        let differs = revised(&row, &before, &setlinfo, &difference.fields);
        answer.output = output;
        self.queue.adopt(id, answer, differs).map(drop).map_err(|error| error.failure())
    }

    /// What a message id settled at the centre, as it answers it.
    fn settlement(&self, msgid: &str, by: &str) -> Result<Value, Failure> {
        let upstream = self.upstream.as_ref().ok_or_else(|| Failure::of(&errors::UPLINK_AWAY))?;
        let query = SettlementQuery { medins_setl_id: msgid.to_owned() };
        let asked = upstream.asker.ask::<Value>(infno::SETTLEMENT, by, &query, upstream.patience);
        self.parts.runtime.block_on(asked).map_err(|error| error.failure())
    }
}

/// What differs once `setlinfo` is taken over: the figures that were compared and all others that changed by it, and how
/// often that was done. What is taken over again unchanged counts once.
fn revised(row: &Row, before: &Value, setlinfo: &Value, compared: &[String]) -> Vec<String> {
    // The row tells of it only since it was kept there.
    let revision = row.revision().max(u32::from(before.get(RECONCILED).is_some()));
    let known = before.get("setlinfo").unwrap_or(&Value::Null);
    let again = row.revision() > 0 && known == setlinfo;
    let changed = setlinfo.as_object().into_iter().flatten();
    let changed = changed.filter(|(name, value)| Fen::of_json(value).is_some() && known[name.as_str()] != **value);
    let mut differs = row.differs.clone();
    differs.retain(|name| !name.starts_with(Row::RECONCILED));
    for name in compared.iter().chain(changed.map(|(name, _)| name)) {
        if !differs.contains(name) {
            differs.push(name.clone());
        }
    }
    differs.push(match revision + u32::from(!again) {
        1 => Row::RECONCILED.to_owned(),
        nth => format!("{}-{nth}", Row::RECONCILED),
    });
    differs
}
