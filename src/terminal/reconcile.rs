//! Reconciliation: a day's settlements held against the centre's (对总账 3201, 对明细账 3202), and differences repaired
//! one by one.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::civil::{Date, Time};
use serde_json::Value;

use super::errors;
use super::event::What;
use super::inner::{Inner, Upstream, lock};
use super::open::operator;
use crate::failure::{Explain as _, Failure};
use crate::queue::Row;
use crate::store::{AccountDifference, Action, DifferenceKind, GroupTotals, Reconciliation, Repair};
use crate::sync::UplinkError;
use crate::value::Fen;
use crate::wire::reconcile::{
    Detail, DetailDifference, Details, DetailsAnswer, Figures, Group, Total, Totals, TotalsAnswer, totals,
};
use crate::wire::settle::Reversal;
use crate::wire::{Reply, infno};
use crate::world::shanghai;

/// How often it is looked whether the day before is to be reconciled.
const LOOK: Duration = Duration::from_secs(60);
/// After how long a run that failed is tried again.
const AGAIN: Duration = Duration::from_secs(3600);
/// By how much the clocks of terminal and centre may differ.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// Longest remark, in characters.
const LONGEST: usize = 500;

/// A settlement that stands here.
struct Ours {
    row: Row,
    group: Group,
    detail: Detail,
}

impl Inner {
    /// Holds a day against the centre. Blocks on the disk and on the centre.
    pub(super) fn reconcile(&self, date: Date, by: Option<&str>) -> Result<Reconciliation, Failure> {
        let by = by.map(operator).transpose()?;
        if date > self.parts.clock.today() {
            return Err(Failure::with(&errors::RECON_DATE, date.to_string()));
        }
        let upstream = self.upstream.as_ref().ok_or_else(|| Failure::of(&errors::UPLINK_AWAY))?;
        let _one = lock(&self.reconciling);
        let ours = self.settled_on(date)?;
        let here = totals(ours.values().map(|one| (one.group.clone(), one.detail.figures)));
        let told = Totals { date, totals: here.clone() };
        let operator = by.as_deref().unwrap_or_default();
        let asked = upstream.asker.ask::<TotalsAnswer>(infno::TOTALS, operator, &told, upstream.patience);
        let centre = self.parts.runtime.block_on(asked).map_err(|error| error.failure())?.totals;
        let totals = side_by_side(&here, &centre);
        let mut found = BTreeMap::new();
        for group in totals.iter().filter(|both| (both.here, both.here_count) != (both.centre, both.centre_count)) {
            for difference in self.details(upstream, operator, date, &group.group, &ours)? {
                // What is in another group at the centre comes up twice: once it is there.
                let known = found.entry(difference.medins_setl_id).or_insert(None);
                *known = difference.centre.or(known.take());
            }
        }
        let (mut under_way, mut differences) = (0, Vec::new());
        for (msgid, centre) in found {
            let here = ours.get(&msgid);
            match self.difference(date, msgid, here, centre)? {
                Some(difference) => differences.push(difference),
                None => under_way += 1,
            }
        }
        let run = Reconciliation { date, run_at: self.parts.clock.now(), operator: by, totals, open: 0, under_way };
        let run = self.store.keep_reconciliation(run, differences).map_err(|error| error.failure())?;
        self.log.tell(What::Reconciliation { date, open: run.open });
        Ok(run)
    }

    /// The settlements of a day that stand here, by message id. The day is that of the centre's `setl_time`.
    fn settled_on(&self, date: Date) -> Result<BTreeMap<String, Ours>, Failure> {
        let midnight = shanghai().to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let since = midnight.checked_sub(CLOCKS).unwrap_or(midnight);
        let mut rows = Vec::new();
        self.queue.each_accepted_since(since, |row| rows.push(row)).map_err(|error| error.failure())?;
        let mut ours = BTreeMap::new();
        for row in rows {
            if let Some(one) = self.ours(row, date)? {
                ours.insert(one.row.msgid.clone(), one);
            }
        }
        Ok(ours)
    }

    /// A settlement as the centre answered it, if it is of that day.
    fn ours(&self, row: Row, date: Date) -> Result<Option<Ours>, Failure> {
        let answer = self.queue.answer(row.id).map_err(|error| error.failure())?;
        let Some(answer) = answer else { return Ok(None) };
        let Some(setlinfo) = answer.output.get("setlinfo") else { return Ok(None) };
        let text = |name: &str| setlinfo.get(name).and_then(Value::as_str).map(str::to_owned);
        if text("setl_time").is_none_or(|time| !time.starts_with(&date.to_string())) {
            return Ok(None);
        }
        let payload = self.queue.payload(row.id).map_err(|error| error.failure())?;
        let payload = payload.ok_or_else(|| Failure::with(&errors::RECON_ERASED, row.id.to_string()))?;
        let request = payload.pointer("/request/input").or_else(|| payload.get("request"));
        let insutype = request.and_then(|request| request.get("insutype")).and_then(Value::as_str).unwrap_or_default();
        Ok(Some(Ours {
            group: Group { insutype: insutype.to_owned(), clr_type: text("clr_type") },
            detail: Detail {
                setl_id: text("setl_id").unwrap_or_default(),
                medins_setl_id: row.msgid.clone(),
                refd_setl_flag: "0".to_owned(),
                figures: figures(setlinfo),
            },
            row,
        }))
    }

    fn details(
        &self,
        upstream: &Upstream,
        operator: &str,
        date: Date,
        group: &Group,
        ours: &BTreeMap<String, Ours>,
    ) -> Result<Vec<DetailDifference>, Failure> {
        let of_group = ours.values().filter(|one| one.group == *group);
        let told = Details { date, group: group.clone(), details: of_group.map(|one| one.detail.clone()).collect() };
        let asked = upstream.asker.ask::<DetailsAnswer>(infno::DETAILS, operator, &told, upstream.patience);
        Ok(self.parts.runtime.block_on(asked).map_err(|error| error.failure())?.differences)
    }

    /// What is wrong with a settlement; `None` while its outcome is still asked for here.
    fn difference(
        &self,
        date: Date,
        msgid: String,
        ours: Option<&Ours>,
        centre: Option<Detail>,
    ) -> Result<Option<AccountDifference>, Failure> {
        let row = match ours {
            Some(one) => Some(one.row.clone()),
            None => self.queue.by_msgid(&msgid).map_err(|error| error.failure())?,
        };
        let here = ours.map(|one| one.detail.figures);
        if here.is_none() && row.as_ref().is_some_and(|row| row.state.is_open()) {
            return Ok(None);
        }
        let theirs = centre.as_ref().map(|detail| detail.figures);
        let kind = match (here, theirs) {
            (Some(_), Some(_)) => DifferenceKind::Figures,
            (Some(_), None) => DifferenceKind::HereOnly,
            (None, _) => DifferenceKind::CentreOnly,
        };
        let fields = here.zip(theirs).map(|(here, theirs)| here.differs(&theirs)).unwrap_or_default();
        Ok(Some(AccountDifference {
            id: 0,
            date,
            kind,
            actions: kind.actions().to_vec(),
            setl_id: centre.map(|detail| detail.setl_id).or_else(|| ours.map(|one| one.detail.setl_id.clone())),
            transaction: row.as_ref().map(|row| row.id),
            state: row.map(|row| row.state.name().to_owned()),
            fields: fields.into_iter().map(str::to_owned).collect(),
            here,
            centre: theirs,
            found_at: self.parts.clock.now(),
            repair: None,
            msgid,
        }))
    }

    /// Repairs one difference. Blocks on the disk, and for `reverse` on the centre.
    pub(super) fn repair(
        &self,
        id: u64,
        action: Action,
        by: &str,
        remark: Option<&str>,
    ) -> Result<AccountDifference, Failure> {
        let by = operator(by)?;
        let remark = remark.map(str::trim).filter(|remark| !remark.is_empty());
        if remark.is_none_or(|remark| remark.chars().count() > LONGEST) && action == Action::Refer {
            return Err(Failure::of(&errors::RECON_REMARK));
        }
        let _one = lock(&self.reconciling);
        let known = self.store.difference(id).map_err(|error| error.failure())?;
        let mut known = known.ok_or_else(|| Failure::with(&errors::RECON_UNKNOWN, id.to_string()))?;
        if known.repair.is_some() || !known.kind.actions().contains(&action) {
            return Err(Failure::of(&errors::RECON_ACTION));
        }
        match action {
            Action::Reverse => self.reverse(&known, &by)?,
            Action::Adopt => self.adopt(&known)?,
            Action::Refer | Action::Gone => {}
        }
        tracing::info!(target: "audit", difference = id, ?action, operator = by, "a difference of the accounts was repaired");
        let remark = remark.map(|remark| remark.chars().take(LONGEST).collect());
        known.repair = Some(Repair { action, operator: Some(by), remark, at: self.parts.clock.now() });
        let kept = self.store.keep_difference(&known).and_then(|()| self.store.count_open(known.date));
        let open = kept.map_err(|error| error.failure())?;
        self.log.tell(What::Reconciliation { date: known.date, open });
        Ok(known)
    }

    /// Takes back at the centre what does not stand here. Asked again, it is answered alike.
    fn reverse(&self, difference: &AccountDifference, by: &str) -> Result<(), Failure> {
        let row = self.queue.by_msgid(&difference.msgid).map_err(|error| error.failure())?;
        if row.is_some_and(|row| row.state.is_open() || row.state == crate::queue::State::Acked) {
            // It moved since it was found.
            return Err(Failure::of(&errors::RECON_ACTION));
        }
        let upstream = self.upstream.as_ref().ok_or_else(|| Failure::of(&errors::UPLINK_AWAY))?;
        let input = Reversal { omsgid: difference.msgid.clone(), oinfno: infno::SETTLE.to_owned() };
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

    /// Takes the centre's figures over into the answer that is kept.
    fn adopt(&self, difference: &AccountDifference) -> Result<(), Failure> {
        let (Some(id), Some(figures)) = (difference.transaction, difference.centre) else {
            return Err(Failure::of(&errors::RECON_ACTION));
        };
        let gone = || Failure::of(&errors::RECON_ACTION);
        let row = self.queue.get(id).map_err(|error| error.failure())?.ok_or_else(gone)?;
        let mut answer = self.queue.answer(id).map_err(|error| error.failure())?.ok_or_else(gone)?;
        let setlinfo = answer.output.get_mut("setlinfo").and_then(Value::as_object_mut).ok_or_else(gone)?;
        if let Ok(Value::Object(figures)) = serde_json::to_value(figures) {
            setlinfo.extend(figures);
        }
        if let Some(setl_id) = &difference.setl_id {
            setlinfo.insert("setl_id".to_owned(), setl_id.clone().into());
        }
        let mut differs = row.differs;
        for name in &difference.fields {
            if !differs.contains(name) {
                differs.push(name.clone());
            }
        }
        self.queue.adopt(id, answer, differs).map(drop).map_err(|error| error.failure())
    }

    /// Whether the day before is to be reconciled now.
    fn is_due(&self) -> Option<Date> {
        let now = shanghai().to_datetime(self.parts.clock.now());
        let at = self.parts.config.reconcile.at.unwrap_or(Time::midnight());
        let day = now.date().yesterday().ok().filter(|_| now.time() >= at)?;
        let reachable = self.upstream.as_ref().is_some_and(|upstream| upstream.status.borrow().reachable);
        let done = || self.store.reconciliation(day).is_ok_and(|run| run.is_some());
        (reachable && !done()).then_some(day)
    }
}

/// Reconciles the day before, once, as soon as it may.
pub(super) async fn daily(inner: Weak<Inner>) {
    let Some(mut status) = inner.upgrade().and_then(|inner| Some(inner.upstream.as_ref()?.status.clone())) else {
        return;
    };
    loop {
        let Some(now) = inner.upgrade() else { return };
        let tried = tokio::task::spawn_blocking(move || attempt(&now)).await;
        let pause = if matches!(tried, Ok(true)) { LOOK } else { AGAIN };
        tokio::select! {
            // Back after it was away: now it may be possible.
            changed = status.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Reconciles what is due; `false` when that failed.
fn attempt(inner: &Arc<Inner>) -> bool {
    let Some(day) = inner.is_due() else { return true };
    match inner.reconcile(day, None) {
        Ok(run) if run.open > 0 => {
            tracing::error!(%day, open = run.open, "the accounts of the day differ from the centre's")
        }
        Ok(_) => tracing::info!(%day, "the accounts of the day are the centre's"),
        Err(failure) => {
            tracing::warn!(%day, code = failure.entry.code, detail = failure.detail, "the day was not reconciled");
            return false;
        }
    }
    true
}

fn figures(setlinfo: &Value) -> Figures {
    let amount = |name: &str| setlinfo.get(name).and_then(Fen::of_json).unwrap_or_default();
    Figures {
        medfee_sumamt: amount("medfee_sumamt"),
        fund_pay_sumamt: amount("fund_pay_sumamt"),
        acct_pay: amount("acct_pay"),
        psn_cash_pay: amount("psn_cash_pay"),
    }
}

/// Each group that either side has.
fn side_by_side(here: &[Total], centre: &[Total]) -> Vec<GroupTotals> {
    let mut all: BTreeMap<Group, GroupTotals> = BTreeMap::new();
    let nothing = |group: &Group| GroupTotals {
        group: group.clone(),
        here: Figures::default(),
        here_count: 0,
        centre: Figures::default(),
        centre_count: 0,
    };
    for total in here {
        let both = all.entry(total.group.clone()).or_insert_with(|| nothing(&total.group));
        (both.here, both.here_count) = (total.figures, total.count);
    }
    for total in centre {
        let both = all.entry(total.group.clone()).or_insert_with(|| nothing(&total.group));
        (both.centre, both.centre_count) = (total.figures, total.count);
    }
    all.into_values().collect()
}
