//! Reconciliation: the centre's own totals of a terminal's day, and the settlements in which the two do not agree.

use jiff::civil::Date;
use rusqlite::{Connection, params};
use serde::Deserialize;
use serde_json::Value;

use super::db::parse;
use super::errors::CenterError;
use crate::value::Fen;
use crate::wire::reconcile::{self, Detail, Details, DetailsAnswer, Figures, Group, Totals, TotalsAnswer};
use crate::wire::settle::{REFUND_FLAG, SettlementAnswer};

/// 对账结果.
const SAME: &str = "0";
const OTHER: &str = "1";

/// `3201`.
pub(super) fn totals(db: &Connection, terminal: &str, told: Totals) -> Result<TotalsAnswer, CenterError> {
    let of_day = of_day(db, terminal, told.date)?;
    let totals = reconcile::totals(of_day.into_iter().map(|(group, detail)| (group, detail.figures)));
    let mut theirs = told.totals;
    theirs.sort_by(|a, b| a.group.cmp(&b.group));
    let stmt_rslt = if theirs == totals { SAME } else { OTHER }.to_owned();
    Ok(TotalsAnswer { stmt_rslt, totals })
}

/// `3202`.
pub(super) fn details(db: &Connection, terminal: &str, told: &Details) -> Result<DetailsAnswer, CenterError> {
    let of_day = of_day(db, terminal, told.date)?.into_iter();
    let of_group = of_day.filter(|(group, _)| *group == told.group).map(|(_, detail)| detail);
    Ok(reconcile::answer(told, of_group))
}

/// What is read again of what a settlement did.
#[derive(Deserialize)]
struct Posted {
    settlement: Insured,
}

#[derive(Deserialize)]
struct Insured {
    insutype: String,
}

/// The settlements of a day that stand, each with its group; one that was cancelled, and on the day of its own what
/// cancelled it.
fn of_day(db: &Connection, terminal: &str, date: Date) -> Result<Vec<(Group, Detail)>, CenterError> {
    let mut statement = db.prepare_cached(
        "SELECT msgid, reply, posted FROM settlements WHERE state = 'settled' AND terminal = ?1
         AND substr(json_extract(reply, '$.setlinfo.setl_time'), 1, 10) = ?2",
    )?;
    let mut rows = statement.query(params![terminal, date.to_string()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (medins_setl_id, reply, posted): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let SettlementAnswer { setlinfo, .. } = parse(&reply)?;
        let Posted { settlement } = parse(&posted)?;
        let text = |name: &str| setlinfo.get(name).and_then(Value::as_str).map(str::to_owned);
        let amount = |name: &str| setlinfo.get(name).and_then(Fen::of_json).unwrap_or_default();
        let figures = Figures {
            medfee_sumamt: amount("medfee_sumamt"),
            fund_pay_sumamt: amount("fund_pay_sumamt"),
            acct_pay: amount("acct_pay"),
            psn_cash_pay: amount("psn_cash_pay"),
        };
        let setl_id = text("setl_id").unwrap_or_default();
        let refd_setl_flag = text(REFUND_FLAG).unwrap_or_else(|| "0".to_owned());
        let group = Group { insutype: settlement.insutype, clr_type: text("clr_type") };
        all.push((group, Detail { setl_id, medins_setl_id, refd_setl_flag, figures }));
    }
    Ok(all)
}
