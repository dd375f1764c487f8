//! Reconciliation: a day's settlements held against the centre's (对总账 3201, 对明细账 3202).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::details::compared;
use super::errors;
use super::event::What;
use super::groups::{explains, side_by_side};
use super::inner::{Inner, Upstream, lock};
use super::open::operator;
use super::settled::{Day, Settled, erased};
use crate::failure::{Explain as _, Failure};
use crate::queue::{QueueError, Row};
use crate::store::{AccountDifference, DifferenceKind, GroupTotals, Reconciliation};
use crate::wire::infno;
use crate::wire::reconcile::{Detail, DetailDifference, DetailsAnswer, Group, Total, Totals, TotalsAnswer, totals};

/// How a settlement in which the two do not agree stands here now, after both were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    /// The journal does not know its message.
    Unknown,
    /// Its record is damaged.
    Damaged,
    /// Its outcome is asked for, or it changed since the day was added up.
    UnderWay,
    /// It is one of those that were added up.
    Stands,
    /// It is accepted, and none of those.
    Elsewhere,
    /// It was taken back, or refused.
    Ended,
}

/// The centre that a day is held against, and in whose name.
struct Held<'a> {
    upstream: &'a Upstream,
    /// Nobody's request is the terminal's own.
    operator: &'a str,
    date: Date,
}

/// What the centre says of a day.
struct Compared {
    /// The centre's time when it told its totals: what it settled since is not in them. Some tell none.
    centre_at: Option<Timestamp>,
    totals: Vec<GroupTotals>,
    /// Groups whose books moved meanwhile.
    under_way: u64,
    /// Totals that the details do not explain.
    differences: Vec<AccountDifference>,
    /// The settlements in which the two do not agree, with what stands at the centre.
    found: BTreeMap<String, Option<Detail>>,
}

/// What is wrong with a settlement; `None` while that is not known.
fn kind(now: Now, at_the_centre: bool) -> Option<DifferenceKind> {
    match (now, at_the_centre) {
        (Now::UnderWay, _) | (Now::Ended, false) => None,
        (Now::Damaged | Now::Elsewhere, _) => Some(DifferenceKind::Unclear),
        (Now::Stands, true) => Some(DifferenceKind::Figures),
        (Now::Stands, false) => Some(DifferenceKind::HereOnly),
        (Now::Ended, true) => Some(DifferenceKind::CentreOnly),
        (Now::Unknown, _) => Some(DifferenceKind::UnknownHere),
    }
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
        // Taken first: what is settled from here on may be missing.
        let run_at = self.parts.clock.now();
        let mut day = self.settled_on(date)?;
        loop {
            let held = Held { upstream, operator: by.as_deref().unwrap_or_else(|| self.queue.terminal()), date };
            let compared = self.compare(&held, &day)?;
            if !self.misdated(date, &mut day, &compared.found)? {
                let Compared { centre_at, totals, mut under_way, mut differences, found } = compared;
                for (msgid, centre) in found {
                    match self.difference(date, msgid, &day, centre)? {
                        Some(difference) => differences.push(difference),
                        None => under_way += 1,
                    }
                }
                let run = Reconciliation { date, run_at, centre_at, operator: by, totals, open: 0, under_way };
                let run = self.store.keep_reconciliation(run, differences).map_err(|error| error.failure())?;
                self.log.tell(What::Reconciliation { date, open: run.open });
                return Ok(run);
            }
        }
    }

    /// Asks the centre for its totals, and of each group that differs for its settlements.
    fn compare(&self, held: &Held<'_>, day: &Day) -> Result<Compared, Failure> {
        let here = totals(day.ours.values().map(|one| (one.group.clone(), one.detail.figures)));
        let (centre, centre_at) = self.centre_totals(held, &here)?;
        let totals = side_by_side(&here, &centre);
        let (mut under_way, mut differences) = (0, Vec::new());
        let mut found: BTreeMap<String, Option<Detail>> =
            day.unclear.iter().map(|msgid| (msgid.clone(), None)).collect();
        for group in totals.iter().filter(|both| (both.here, both.here_count) != (both.centre, both.centre_count)) {
            let told = self.details(held, &group.group, day)?;
            if !explains(group, day, &told) {
                // Its books may have moved between the two questions.
                let of_group = |totals: &[Total]| totals.iter().find(|total| total.group == group.group).cloned();
                match of_group(&self.centre_totals(held, &here)?.0) == of_group(&centre) {
                    true => differences.push(self.unexplained(held.date, group)),
                    false => under_way += 1,
                }
            }
            for difference in told {
                // What is in another group at the centre comes up twice: once it is there.
                let known = found.entry(difference.medins_setl_id).or_insert(None);
                *known = difference.centre.or(known.take());
            }
        }
        Ok(Compared { centre_at, totals, under_way, differences, found })
    }

    /// Takes up what is of that day and was accepted while the clock was far behind: it was not looked for. Whether there
    /// was any.
    fn misdated(&self, date: Date, day: &mut Day, found: &BTreeMap<String, Option<Detail>>) -> Result<bool, Failure> {
        let before = day.ours.len();
        for msgid in found.keys() {
            let row = match self.queue.by_msgid(msgid) {
                Err(QueueError::Damaged { .. }) => continue,
                row => row.map_err(|error| error.failure())?,
            };
            let row = row.filter(|row| row.state.was_accepted() && !row.erased && row.updated_at < day.since);
            if let Some(row) = row
                && let Settled::OfDay(one) = self.settled(row, date)?
            {
                day.ours.insert(msgid.clone(), *one);
            }
        }
        Ok(day.ours.len() > before)
    }

    /// The centre's totals of a day.
    fn centre_totals(&self, held: &Held<'_>, here: &[Total]) -> Result<(Vec<Total>, Option<Timestamp>), Failure> {
        let told = Totals { date: held.date, totals: here.to_vec() };
        let Held { upstream, operator, .. } = held;
        let asked = upstream.asker.ask_dated::<TotalsAnswer>(infno::TOTALS, operator, &told, upstream.patience);
        let (answer, centre_at) = self.parts.runtime.block_on(asked).map_err(|error| error.failure())?;
        Ok((answer.totals, centre_at))
    }

    fn details(&self, held: &Held<'_>, group: &Group, day: &Day) -> Result<Vec<DetailDifference>, Failure> {
        let Held { upstream, operator, date } = *held;
        compared(day, date, group, |told| {
            let asked = upstream.asker.ask::<DetailsAnswer>(infno::DETAILS, operator, told, upstream.patience);
            self.parts.runtime.block_on(asked).map_err(|error| error.failure())
        })
    }

    /// What is wrong with a settlement; `None` while its outcome is still asked for here.
    fn difference(
        &self,
        date: Date,
        msgid: String,
        day: &Day,
        centre: Option<Detail>,
    ) -> Result<Option<AccountDifference>, Failure> {
        let ours = day.ours.get(&msgid);
        let (now, row) = match self.queue.by_msgid(&msgid) {
            Err(QueueError::Damaged { .. }) => (Now::Damaged, None),
            row => self.stands_now(date, &msgid, day, row.map_err(|error| error.failure())?)?,
        };
        let here = ours.map(|one| one.detail.figures);
        let theirs = centre.as_ref().map(|detail| detail.figures);
        let fields = here.zip(theirs).map(|(here, theirs)| here.differs(&theirs)).unwrap_or_default();
        let kind = match kind(now, centre.is_some()) {
            None => return Ok(None),
            // Nothing could be taken over: it stands in another group at the centre.
            Some(DifferenceKind::Figures) if fields.is_empty() => DifferenceKind::Unclear,
            Some(kind) => kind,
        };
        let new = self.new_difference(date, kind, msgid);
        Ok(Some(AccountDifference {
            setl_id: centre.map(|detail| detail.setl_id).or_else(|| ours.map(|one| one.detail.setl_id.clone())),
            transaction: row.as_ref().map(|row| row.id).or_else(|| ours.map(|one| one.row.id)),
            state: row.map(|row| row.state.name().to_owned()),
            fields: fields.into_iter().map(str::to_owned).collect(),
            here,
            centre: theirs,
            ..new
        }))
    }

    /// How a transaction stands, read again after the centre was asked.
    fn stands_now(&self, date: Date, msgid: &str, day: &Day, row: Option<Row>) -> Result<(Now, Option<Row>), Failure> {
        let Some(row) = row else { return Ok((Now::Unknown, None)) };
        let before = day.ours.get(msgid);
        let now = match row.state {
            // What is being cancelled stands in the accounts, whatever comes of that.
            state if state.is_open() && !state.was_accepted() => Now::UnderWay,
            state if state.was_accepted() && row.erased => return Err(erased(&row)),
            state if state.was_accepted() && before.is_some() => Now::Stands,
            state if state.was_accepted() && day.unclear.contains(msgid) => Now::Damaged,
            state if state.was_accepted() => match self.settled(row.clone(), date)? {
                // It was answered between the two questions.
                Settled::OfDay(_) => Now::UnderWay,
                Settled::OfAnother | Settled::Unclear => Now::Elsewhere,
            },
            _ if before.is_some() => Now::UnderWay,
            _ => Now::Ended,
        };
        Ok((now, Some(row)))
    }

    /// Totals that are not the same though the details do not say why.
    fn unexplained(&self, date: Date, both: &GroupTotals) -> AccountDifference {
        let Group { insutype, clr_type } = &both.group;
        let name = clr_type.as_ref().map_or_else(|| insutype.clone(), |clr_type| format!("{insutype}/{clr_type}"));
        AccountDifference {
            fields: both.here.differs(&both.centre).into_iter().map(str::to_owned).collect(),
            here: Some(both.here),
            centre: Some(both.centre),
            ..self.new_difference(date, DifferenceKind::Totals, name)
        }
    }

    fn new_difference(&self, date: Date, kind: DifferenceKind, msgid: String) -> AccountDifference {
        AccountDifference {
            id: 0,
            date,
            kind,
            actions: kind.actions().to_vec(),
            msgid,
            setl_id: None,
            transaction: None,
            state: None,
            fields: Vec::new(),
            here: None,
            centre: None,
            found_at: self.parts.clock.now(),
            repair: None,
            repairs: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_accepted_here_is_never_the_centres_only() {
        use DifferenceKind as Kind;
        for (now, there, here) in [
            (Now::Unknown, Some(Kind::UnknownHere), Some(Kind::UnknownHere)),
            (Now::Damaged, Some(Kind::Unclear), Some(Kind::Unclear)),
            (Now::UnderWay, None, None),
            (Now::Stands, Some(Kind::Figures), Some(Kind::HereOnly)),
            (Now::Elsewhere, Some(Kind::Unclear), Some(Kind::Unclear)),
            (Now::Ended, Some(Kind::CentreOnly), None),
        ] {
            assert_eq!((kind(now, true), kind(now, false)), (there, here), "{now:?}");
        }
    }
}
