//! Reconciliation: a day's settlements held against the centre's (对总账 3201, 对明细账 3202).

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use serde_json::Value;

use super::errors;
use super::event::What;
use super::inner::{Inner, Upstream, lock};
use super::open::operator;
use crate::failure::{Explain as _, Failure};
use crate::queue::Row;
use crate::store::{AccountDifference, DifferenceKind, GroupTotals, Reconciliation};
use crate::value::Fen;
use crate::wire::infno;
use crate::wire::reconcile::{
    Detail, DetailDifference, Details, DetailsAnswer, Figures, Group, Total, Totals, TotalsAnswer, totals,
};
use crate::world::shanghai;

/// How often it is looked whether the day before is to be reconciled.
const LOOK: Duration = Duration::from_secs(60);
/// After how long a run that failed is tried again.
const AGAIN: Duration = Duration::from_secs(3600);
/// By how much the clocks of terminal and centre may differ.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
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
        // Nobody's request is the terminal's own.
        let operator = by.as_deref().unwrap_or_else(|| self.queue.terminal());
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

    /// Whether the day before is to be reconciled now.
    fn is_due(&self) -> Option<Date> {
        let now = shanghai().to_datetime(self.parts.clock.now());
        let day = day_before(now, self.parts.config.reconcile.at)?;
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

/// The day before, from the time of the day on that is set.
fn day_before(now: DateTime, at: Option<Time>) -> Option<Date> {
    now.date().yesterday().ok().filter(|_| at.is_none_or(|at| now.time() >= at))
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

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn the_day_before_is_due_from_its_time_on() {
        let day = date(2015, 8, 2);
        let now = |hour, minute| date(2015, 8, 3).at(hour, minute, 0, 0);
        assert_eq!(day_before(now(0, 0), None), Some(day));
        let at = Some(time(3, 0, 0, 0));
        assert_eq!(day_before(now(2, 59), at), None);
        assert_eq!(day_before(now(3, 0), at), Some(day));
        assert_eq!(day_before(now(23, 59), at), Some(day));
    }

    #[test]
    fn a_group_that_only_one_side_has_stands_beside_nothing() {
        let total = |insutype: &str, count| Total {
            group: Group { insutype: insutype.into(), clr_type: None },
            figures: Figures { medfee_sumamt: Fen(7), ..Figures::default() },
            count,
        };
        let both = side_by_side(&[total("310", 1), total("390", 2)], &[total("390", 2), total("510", 3)]);
        let counts: Vec<_> =
            both.iter().map(|both| (both.group.insutype.as_str(), both.here_count, both.centre_count)).collect();
        assert_eq!(counts, [("310", 1, 0), ("390", 2, 2), ("510", 0, 3)]);
        assert_eq!((both[2].here, both[2].centre.medfee_sumamt), (Figures::default(), Fen(7)));
    }
}
