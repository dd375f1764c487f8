//! What the centre holds, for whoever looks on: numbers, amounts and states; nothing that names a person. In pages: it
//! grows for ever.

use rusqlite::{Connection, params};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::db::parse;
use super::errors::CenterError;
use super::{alarms, chain, filings, holes, payments, shift};
use crate::wire::settle::SettlementAnswer;
use crate::wire::{ChainHead, Receipt};

/// The fields of a settlement that are amounts or the centre's own numbers.
const SHOWN: [&str; 10] = [
    "setl_id",
    "setl_time",
    "medfee_sumamt",
    "inscp_scp_amt",
    "act_pay_dedc",
    "fund_pay_sumamt",
    "psn_part_amt",
    "acct_pay",
    "psn_cash_pay",
    "refd_setl_flag",
];

/// The most rows of a page, of all lists together: while it is read nothing else is.
pub(super) const MOST: usize = 500;

/// A row of a list, and the key that the next ones come after.
pub(super) type Row = (String, Value);

/// A list: what comes after a key, from the beginning where that is empty, so many rows at most.
type List = fn(&Connection, &str, usize) -> Result<Vec<Row>, CenterError>;

/// The lists, in the order in which pages go through them; all but the first oldest first.
const LISTS: [(&str, List); 8] = [
    ("terminals", terminals),
    ("transactions", transactions),
    ("settlements", settlements),
    ("payments", payments::after),
    ("filings", filings::after),
    ("alarms", alarms::after),
    ("holes", holes::after),
    ("shifts", shift::after),
];

/// A page: from the beginning, or from where the one before ends (its `next`). The last one has no `next`.
///
/// # Errors
/// When there is no such place, or what the database does.
pub(super) fn page(db: &Connection, after: Option<&str>) -> Result<Map<String, Value>, CenterError> {
    let mut page = Map::new();
    let (first, mut key) = match after {
        Some(place) => named(place)?,
        None => {
            let sign_ins: u64 = db.query_row("SELECT count(*) FROM sign_ins", [], |row| row.get(0))?;
            page.insert("sign_ins".into(), sign_ins.into());
            let enquiries: u64 = db.query_row("SELECT count(*) FROM enquiries", [], |row| row.get(0))?;
            page.insert("enquiries".into(), enquiries.into());
            (0, "")
        }
    };
    let (mut left, mut next) = (MOST, None);
    for (at, (name, list)) in LISTS.into_iter().enumerate() {
        let mut shown = Vec::new();
        if at >= first && next.is_none() {
            // One more than there is room for tells whether there are more.
            let mut rows = list(db, key, left + 1)?;
            if rows.len() > left {
                rows.truncate(left);
                let last = rows.last().map_or(key, |(last, _)| last);
                next = Some(format!("{name}.{last}"));
            }
            left -= rows.len();
            shown.extend(rows.into_iter().map(|(_, row)| row));
            key = "";
        }
        page.insert(name.into(), shown.into());
    }
    page.extend(next.map(|next| ("next".to_owned(), next.into())));
    Ok(page)
}

/// The list and the key of a place between two pages.
fn named(place: &str) -> Result<(usize, &str), CenterError> {
    let (list, key) = place.split_once('.').ok_or(PLACE)?;
    let at = LISTS.iter().position(|(name, _)| *name == list).ok_or(PLACE)?;
    Ok((at, key))
}

const PLACE: CenterError = CenterError::Form("no page of the ledger begins there");

/// The number that is the key of most lists; all numbers are greater than that of the beginning.
pub(super) fn number(key: &str) -> Result<i64, CenterError> {
    if key.is_empty() { Ok(0) } else { key.parse().map_err(|_| PLACE) }
}

/// All pages in one.
pub(super) fn read(db: &Connection) -> Result<Value, CenterError> {
    let mut all = page(db, None)?;
    while let Some(next) = all.remove("next") {
        for (name, part) in page(db, next.as_str())? {
            match (all.get_mut(&name), part) {
                (Some(Value::Array(rows)), Value::Array(part)) => rows.extend(part),
                (_, part) => drop(all.insert(name, part)),
            }
        }
    }
    Ok(all.into())
}

/// By their names. A chain may have very many rows, so each next name is looked for and none is read over.
fn terminals(db: &Connection, key: &str, most: usize) -> Result<Vec<Row>, CenterError> {
    let after = hex::decode(key).ok().and_then(|name| String::from_utf8(name).ok());
    let mut after = after.ok_or(PLACE)?;
    // Of some there may be holes alone.
    let mut next = db.prepare(
        "SELECT min(terminal) FROM (SELECT min(terminal) AS terminal FROM chain WHERE terminal > ?1
         UNION ALL SELECT min(terminal) FROM holes WHERE terminal > ?1)",
    )?;
    let mut all = Vec::new();
    while all.len() < most
        && let Some(terminal) = next.query_row([&after], |row| row.get::<_, Option<String>>(0))?
    {
        let ChainHead { sequence, hash } = chain::head(db, &terminal)?;
        let row = json!({ "terminal": terminal, "sequence": sequence, "hash": hash });
        all.push((hex::encode_upper(&terminal), row));
        after = terminal;
    }
    Ok(all)
}

fn transactions(db: &Connection, key: &str, most: usize) -> Result<Vec<Row>, CenterError> {
    let mut statement = db.prepare(
        "SELECT id, terminal, sequence, scenario, receipt, times, number FROM transactions
         WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query(params![number(key)?, most])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, terminal, sequence): ([u8; 16], String, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (scenario, receipt, times): (String, String, u64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let receipt: Receipt = parse(&receipt)?;
        let shown = json!({
            "id": Uuid::from_bytes(id),
            "terminal": terminal,
            "sequence": sequence,
            "scenario": scenario,
            "outcome": receipt.outcome,
            "centre_no": receipt.centre_no,
            "received_at": receipt.received_at,
            "times": times,
        });
        all.push((row.get::<_, i64>(6)?.to_string(), shown));
    }
    Ok(all)
}

fn settlements(db: &Connection, key: &str, most: usize) -> Result<Vec<Row>, CenterError> {
    let mut statement = db.prepare(
        "SELECT msgid, state, reply, times, review, number, EXISTS (SELECT 1 FROM settlements AS other
             WHERE other.cancels = settlements.number AND other.state = 'settled'),
             (SELECT json_group_array(value ->> 'id') FROM json_each(posted, '$.settlement.documents'))
         FROM settlements WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query(params![number(key)?, most])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (msgid, state): (String, String) = (row.get(0)?, row.get(1)?);
        let (reply, times, review): (Option<String>, u64, bool) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let mut shown = Map::new();
        if let Some(answer) = reply.filter(|_| state == "settled" || state == "reversed") {
            let answer: SettlementAnswer = parse(&answer)?;
            shown.extend(answer.setlinfo.into_iter().filter(|(name, _)| SHOWN.contains(&name.as_str())));
        }
        shown.extend([
            ("msgid".to_owned(), msgid.into()),
            ("state".to_owned(), state.into()),
            ("times".to_owned(), times.into()),
            ("review".to_owned(), review.into()),
            ("cancelled".to_owned(), row.get::<_, bool>(6)?.into()),
            // By their names: what a scan shows is a person's.
            ("documents".to_owned(), parse(&row.get::<_, String>(7)?)?),
        ]);
        all.push((row.get::<_, i64>(5)?.to_string(), shown.into()));
    }
    Ok(all)
}
