//! Reconciliation: a day's settlements held against the centre's (对总账 3201, 对明细账 3202).

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::details::compared;
use super::errors;
use super::event::What;
use super::inner::{Inner, Upstream, lock};
use super::open::operator;
use super::settled::{Day, Ours, Settled, erased};
use crate::failure::{Explain as _, Failure};
use crate::queue::{QueueError, Row, State};
use crate::store::{AccountDifference, DifferenceKind, GroupTotals, Reconciliation};
use crate::wire::infno;
use crate::wire::reconcile::{
    Detail, DetailDifference, DetailsAnswer, Figures, Group, Total, Totals, TotalsAnswer, totals,
};

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
        let day = self.settled_on(date)?;
        let here = totals(day.ours.values().map(|one| (one.group.clone(), one.detail.figures)));
        let told = Totals { date, totals: here.clone() };
        // Nobody's request is the terminal's own.
        let operator = by.as_deref().unwrap_or_else(|| self.queue.terminal());
        let asked = upstream.asker.ask::<TotalsAnswer>(infno::TOTALS, operator, &told, upstream.patience);
        let centre = self.parts.runtime.block_on(asked).map_err(|error| error.failure())?.totals;
        let totals = side_by_side(&here, &centre);
        let (mut under_way, mut differences) = (0, Vec::new());
        let mut found: BTreeMap<String, Option<Detail>> =
            day.unclear.iter().map(|msgid| (msgid.clone(), None)).collect();
        for group in totals.iter().filter(|both| (both.here, both.here_count) != (both.centre, both.centre_count)) {
            let told = self.details(upstream, operator, date, &group.group, &day)?;
            if !explains(group, &day, &told) {
                differences.push(self.unexplained(date, group));
            }
            for difference in told {
                // What is in another group at the centre comes up twice: once it is there.
                let known = found.entry(difference.medins_setl_id).or_insert(None);
                *known = difference.centre.or(known.take());
            }
        }
        for (msgid, centre) in found {
            match self.difference(date, msgid, &day, centre)? {
                Some(difference) => differences.push(difference),
                None => under_way += 1,
            }
        }
        let run = Reconciliation { date, run_at, operator: by, totals, open: 0, under_way };
        let run = self.store.keep_reconciliation(run, differences).map_err(|error| error.failure())?;
        self.log.tell(What::Reconciliation { date, open: run.open });
        Ok(run)
    }

    fn details(
        &self,
        upstream: &Upstream,
        operator: &str,
        date: Date,
        group: &Group,
        day: &Day,
    ) -> Result<Vec<DetailDifference>, Failure> {
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
            state if state.is_open() => Now::UnderWay,
            State::Acked if row.erased => return Err(erased(&row)),
            State::Acked if before.is_some() => Now::Stands,
            State::Acked if day.unclear.contains(msgid) => Now::Damaged,
            State::Acked => match self.settled(row.clone(), date)? {
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

/// Whether the two totals of a group are the same but for the settlements in which the two do not agree.
fn explains(both: &GroupTotals, day: &Day, told: &[DetailDifference]) -> bool {
    let of_group = |one: &&Ours| one.group == both.group;
    let ours = told.iter().filter_map(|told| day.ours.get(&told.medins_setl_id).filter(of_group));
    let theirs = told.iter().filter_map(|told| told.centre.as_ref());
    let with = |figures: Figures, count: u64, more: &mut dyn Iterator<Item = Figures>| {
        more.fold((figures, count), |(sum, count), figures| (sum.and(figures), count + 1))
    };
    with(both.here, both.here_count, &mut theirs.map(|detail| detail.figures))
        == with(both.centre, both.centre_count, &mut ours.map(|one| one.detail.figures))
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
    use super::*;
    use crate::value::Fen;

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

    #[test]
    fn totals_are_explained_by_the_details_that_lead_from_one_to_the_other() {
        let figures = |total| Figures { medfee_sumamt: Fen(total), ..Figures::default() };
        let both = |here, here_count, centre, centre_count| GroupTotals {
            group: Group { insutype: "310".into(), clr_type: None },
            here: figures(here),
            here_count,
            centre: figures(centre),
            centre_count,
        };
        let told = |total| DetailDifference {
            medins_setl_id: "M1".into(),
            centre: Some(Detail {
                setl_id: "S1".into(),
                medins_setl_id: "M1".into(),
                refd_setl_flag: "0".into(),
                figures: figures(total),
            }),
        };
        let day = Day::default();
        assert!(!explains(&both(5, 1, 7, 2), &day, &[]), "no difference, and other totals");
        assert!(explains(&both(5, 1, 7, 2), &day, &[told(2)]));
        assert!(!explains(&both(5, 1, 7, 2), &day, &[told(1)]) && !explains(&both(5, 1, 7, 3), &day, &[told(2)]));
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
