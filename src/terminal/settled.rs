//! The settlements of a day as they stand here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::errors;
use super::inner::Inner;
use super::notice::unless_damaged;
use crate::failure::{Explain as _, Failure};
use crate::queue::{QueueError, Row};
use crate::value::{Fen, Kind};
use crate::wire::reconcile::{Detail, Figures, Group};
use crate::wire::settle::{REFUND_FLAG, settled_at};
use crate::world::shanghai;

/// By how much the clocks of terminal and centre may differ.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// A settlement that stands here.
pub(super) struct Ours {
    pub(super) row: Row,
    pub(super) group: Group,
    pub(super) detail: Detail,
}

/// A day's settlements, by message id.
#[derive(Default)]
pub(super) struct Day {
    /// Those that stand.
    pub(super) ours: BTreeMap<String, Ours>,
    /// Those that were accepted on that day, and of which it cannot be read what they came to.
    pub(super) unclear: BTreeSet<String>,
    /// Those that were accepted before this were not looked at.
    pub(super) since: Timestamp,
}

/// What is kept of an accepted transaction says of a day.
pub(super) enum Settled {
    /// It is one of that day.
    OfDay(Box<Ours>),
    /// It is none of that day.
    OfAnother,
    /// It is damaged, and was accepted on that day.
    Unclear,
}

impl Inner {
    /// The settlements of a day. The day is that of the centre's `setl_time`.
    pub(super) fn settled_on(&self, date: Date) -> Result<Day, Failure> {
        let midnight = shanghai().to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH);
        let since = midnight.checked_sub(CLOCKS).unwrap_or(midnight);
        let (mut day, mut failed) = (Day { since, ..Day::default() }, None);
        let each = |row: Row| {
            let msgid = row.msgid.clone();
            match self.settled(row, date) {
                Ok(Settled::OfDay(one)) => drop(day.ours.insert(msgid, *one)),
                Ok(Settled::Unclear) => drop(day.unclear.insert(msgid)),
                Ok(Settled::OfAnother) => {}
                Err(failure) => failed = Some(failure),
            }
        };
        self.queue.each_accepted_since(since, each).map_err(|error| error.failure())?;
        failed.map_or(Ok(()), Err)?;
        self.while_the_clock_was_behind(date, &mut day)?;
        Ok(day)
    }

    /// Takes up what is of a day though this terminal's clock was far behind when it was accepted: what was committed since
    /// the last one that the centre settled on an earlier day.
    fn while_the_clock_was_behind(&self, date: Date, day: &mut Day) -> Result<(), Failure> {
        let (since, mut failed) = (day.since, None);
        let earliest = date.yesterday().unwrap_or(date);
        let take = |row: Row| {
            if row.updated_at >= since {
                // It was looked at.
                return ControlFlow::Continue(());
            }
            if row.erased {
                // By the centre's time it is older than whatever is reconciled.
                return ControlFlow::Break(());
            }
            let msgid = row.msgid.clone();
            match self.centres_day(&row).and_then(|told| Ok((told, self.settled(row, date)?))) {
                Ok((Some(told), _)) if told < earliest => return ControlFlow::Break(()),
                Ok((_, Settled::OfDay(one))) => drop(day.ours.insert(msgid, *one)),
                Ok(_) => {}
                Err(failure) => {
                    failed = Some(failure);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        };
        self.queue.each_accepted_backwards(take).map_err(|error| error.failure())?;
        failed.map_or(Ok(()), Err)
    }

    /// The day on which the centre settled an accepted transaction, where that can be read.
    fn centres_day(&self, row: &Row) -> Result<Option<Date>, Failure> {
        let answer = unless_damaged(self.queue.answer(row.id))?;
        let time = answer.as_ref().and_then(|answer| settled_at(&answer.output));
        Ok(time.map(|time| shanghai().to_datetime(time).date()))
    }

    /// An accepted transaction as the centre answered it. Where the answer does not tell its day any more, that on which
    /// it was accepted stands for it.
    pub(super) fn settled(&self, row: Row, date: Date) -> Result<Settled, Failure> {
        if row.kind != Kind::Settle {
            // What is paid has no 清算类别, and is in no totals of settlements.
            return Ok(Settled::OfAnother);
        }
        let accepted_then = shanghai().to_datetime(row.updated_at).date() == date;
        if row.erased {
            return match accepted_then {
                true => Err(erased(&row)),
                false => Ok(Settled::OfAnother),
            };
        }
        let unclear = if accepted_then { Settled::Unclear } else { Settled::OfAnother };
        let answer = match self.queue.answer(row.id) {
            Err(QueueError::Damaged { .. }) => return Ok(unclear),
            answer => answer.map_err(|error| error.failure())?,
        };
        let setlinfo = answer.as_ref().and_then(|answer| answer.output.get("setlinfo"));
        let Some(setlinfo) = setlinfo else { return Ok(Settled::OfAnother) };
        let text = |name: &str| setlinfo.get(name).and_then(Value::as_str).map(str::to_owned);
        if text("setl_time").is_none_or(|time| !time.starts_with(&date.to_string())) {
            return Ok(Settled::OfAnother);
        }
        let payload = match self.queue.payload(row.id) {
            Err(QueueError::Damaged { .. }) | Ok(None) => return Ok(Settled::Unclear),
            Ok(Some(payload)) => payload,
            Err(error) => return Err(error.failure()),
        };
        let request = payload.pointer("/request/input").or_else(|| payload.get("request"));
        let insutype = request.and_then(|request| request.get("insutype")).and_then(Value::as_str);
        // What cancels another one has it beside its message.
        let insutype = insutype.or_else(|| payload.pointer("/detail/insutype").and_then(Value::as_str));
        let insutype = insutype.unwrap_or_default();
        Ok(Settled::OfDay(Box::new(Ours {
            group: Group { insutype: insutype.to_owned(), clr_type: text("clr_type") },
            detail: Detail {
                setl_id: text("setl_id").unwrap_or_default(),
                medins_setl_id: row.msgid.clone(),
                refd_setl_flag: text(REFUND_FLAG).unwrap_or_else(|| "0".to_owned()),
                figures: figures(setlinfo),
            },
            row,
        })))
    }
}

/// Why a day is not reconciled any more.
pub(super) fn erased(row: &Row) -> Failure {
    Failure::with(&errors::RECON_ERASED, row.id.to_string())
}

pub(super) fn figures(setlinfo: &Value) -> Figures {
    let amount = |name: &str| setlinfo.get(name).and_then(Fen::of_json).unwrap_or_default();
    Figures {
        medfee_sumamt: amount("medfee_sumamt"),
        fund_pay_sumamt: amount("fund_pay_sumamt"),
        acct_pay: amount("acct_pay"),
        psn_cash_pay: amount("psn_cash_pay"),
    }
}
