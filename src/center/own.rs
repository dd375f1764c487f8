//! What queries find of the centre's own doing, beside the records that it was given: the settlements that stand, what they
//! moved on a person's account, how that stands, and what was registered here. Which query is told which of it, and by which
//! items, is data of the seed.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::db::{json, parse};
use super::errors::CenterError;
use super::records::{self, Record};
use super::settle::Posted;
use super::{became, people};
use crate::value::Fen;
use crate::wire::settle::SettlementAnswer;

/// What a query is told besides its records, or in their place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    pub(super) scenario: String,
    from: Source,
    /// Settlements, or filings, of these scenarios.
    #[serde(default)]
    of: Vec<String>,
    /// Each item of a record, and what it is: the name of what is known of a settlement, or of the account.
    items: BTreeMap<String, String>,
    /// The items that are the same in each.
    #[serde(default)]
    alike: Map<String, Value>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// How the account stands, laid over the records.
    Balance,
    /// The settlements that stand.
    Settlements,
    /// What those moved on the account.
    Movements,
    /// What was filed here and is so now.
    Filings,
}

/// Of a settlement, and of a filing, its day; of a settlement where the money of a movement went.
const DAY: &str = "day";
const MOVEMENT: &str = "movement";
/// Of the account: the month that is told of, what came in that month and what went, and what there is.
const MONTH: &str = "month";
const RECEIVED: &str = "received";
const SPENT: &str = "spent";
const BALANCE: &str = "balance";

/// Keeps it. `insert` is how, where it is there already.
pub(super) fn keep(db: &Connection, insert: &str, own: &Own) -> Result<(), CenterError> {
    let Own { scenario, from, of, items, alike } = own;
    db.execute(
        &format!("{insert} INTO own_records (scenario, source, done_in, items, alike) VALUES (?1, ?2, ?3, ?4, ?5)"),
        params![scenario, json(from), json(of), json(items), json(alike)],
    )?;
    Ok(())
}

/// Adds what a query of this scenario is told of the person besides.
pub(super) fn tell(
    db: &Connection,
    psn_no: &str,
    scenario: &str,
    records: &mut Vec<Record>,
) -> Result<(), CenterError> {
    let all = of(db, scenario)?;
    if all.is_empty() {
        return Ok(());
    }
    let settled = settled(db, psn_no)?;
    for own in all {
        match own.from {
            Source::Balance => {
                let Some(balance) = people::balance(db, psn_no)? else { continue };
                let month = own.item(MONTH).unwrap_or_default().to_owned();
                let of = |record: &Record| record.text(&month).unwrap_or_default().to_owned();
                // The latest alone tells how it stands now; those before stay as they were told.
                let Some(last) = records.iter_mut().max_by_key(|record| of(record)) else { continue };
                let mut now = last.values.clone();
                own.lay_over(&mut now, &balance, &settled)?;
                if now.get(&month) == last.values.get(&month) {
                    last.values = now;
                } else {
                    records.push(Record::of(now));
                }
            }
            Source::Settlements => {
                let own_ones = settled.iter().filter(|one| own.of.contains(&one.scenario));
                records.extend(own_ones.map(|one| own.record(one)));
            }
            Source::Movements => {
                let moved = settled.iter().filter(|one| one.acct_pay != Fen::ZERO);
                records.extend(moved.map(|one| own.record(one)));
            }
            Source::Filings => records.extend(own.filed(db, psn_no)?),
        }
    }
    Ok(())
}

fn of(db: &Connection, scenario: &str) -> Result<Vec<Own>, CenterError> {
    let mut statement = db.prepare_cached(
        "SELECT source, done_in, items, alike FROM own_records WHERE scenario = ?1 ORDER BY source, done_in",
    )?;
    let mut rows = statement.query([scenario])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |at| row.get::<_, String>(at);
        let (from, of, items, alike) = (parse(&text(0)?)?, parse(&text(1)?)?, parse(&text(2)?)?, parse(&text(3)?)?);
        all.push(Own { scenario: scenario.to_owned(), from, of, items, alike });
    }
    Ok(all)
}

/// A settlement that stands.
struct Done {
    scenario: String,
    /// What was paid from the account.
    acct_pay: Fen,
    /// By name: what the rules were told and what they computed, and the day.
    known: Map<String, Value>,
}

/// A person's, in the order in which they came.
fn settled(db: &Connection, psn_no: &str) -> Result<Vec<Done>, CenterError> {
    let mut statement = db.prepare_cached(
        "SELECT settlements.posted, reply FROM standing JOIN settlements USING (number)
         WHERE standing.psn_no = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([psn_no])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let Posted { settlement, acct_pay, .. } = parse(&row.get::<_, String>(0)?)?;
        let answer: SettlementAnswer = parse(&row.get::<_, String>(1)?)?;
        let mut known = settlement.facts;
        known.insert("med_type".to_owned(), settlement.med_type.into());
        known.extend(answer.setlinfo);
        known.insert(DAY.to_owned(), settlement.business_date.to_string().into());
        // 支出: a settlement pays nothing in.
        known.insert(MOVEMENT.to_owned(), "out".into());
        all.push(Done { scenario: settlement.scenario, acct_pay, known });
    }
    Ok(all)
}

impl Done {
    fn month(&self) -> &str {
        const MONTH: usize = "2015-08".len();
        self.known.get(DAY).and_then(Value::as_str).and_then(|day| day.get(..MONTH)).unwrap_or_default()
    }
}

impl Own {
    /// A settlement as a record. What is not known of it the record does not have.
    fn record(&self, done: &Done) -> Record {
        self.told(|name| done.known.get(name))
    }

    fn told<'a>(&self, known: impl Fn(&str) -> Option<&'a Value>) -> Record {
        let known = self.items.iter().filter_map(|(item, name)| Some((item.clone(), known(name)?.clone())));
        Record::of(known.chain(self.alike.clone()).collect())
    }

    /// A person's filings as records: by what their forms said, and the day.
    fn filed(&self, db: &Connection, psn_no: &str) -> Result<Vec<Record>, CenterError> {
        // What stood before any came is told by records, where it is.
        let mut statement = db.prepare_cached(
            "SELECT number, scenario, fields, json_extract(posted, '$.on') FROM filings
             WHERE psn_no = ?1 AND state = 'accepted' AND id IS NOT NULL ORDER BY number",
        )?;
        let mut rows = statement.query([psn_no])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let (number, scenario): (i64, String) = (row.get(0)?, row.get(1)?);
            if !self.of.contains(&scenario) || !became::is_so(db, psn_no, number)? {
                continue;
            }
            let (fields, day): (Map<String, Value>, Value) =
                (parse(&row.get::<_, String>(2)?)?, row.get::<_, Option<String>>(3)?.into());
            all.push(self.told(|name| if name == DAY { Some(&day) } else { records::field(&fields, name) }));
        }
        Ok(all)
    }

    /// Which item tells this.
    fn item(&self, name: &str) -> Option<&str> {
        self.items.iter().find(|(_, told)| *told == name).map(|(item, _)| item.as_str())
    }

    /// The account as it stands now, in the place of what a record of an earlier month says, or of the same one.
    fn lay_over(&self, values: &mut Map<String, Value>, balance: &Value, settled: &[Done]) -> Result<(), CenterError> {
        self.put(values, BALANCE, balance.clone());
        let moved = settled.iter().filter(|one| one.acct_pay != Fen::ZERO);
        let Some(month) = moved.clone().map(Done::month).max().map(str::to_owned) else { return Ok(()) };
        let here = |name: &str| self.item(name).and_then(|item| values.get(item));
        let told = here(MONTH).and_then(Value::as_str).unwrap_or_default();
        if month.as_str() < told {
            return Ok(());
        }
        let before = if month == told { here(SPENT).and_then(Fen::of_json) } else { None };
        let mut of_the_month = moved.filter(|one| one.month() == month).map(|one| one.acct_pay);
        let spent = of_the_month.try_fold(before.unwrap_or_default(), Fen::checked_add);
        let spent = spent.ok_or(CenterError::Form("an amount is too large"))?;
        let is_another = month != told;
        self.put(values, MONTH, month.into());
        self.put(values, SPENT, spent.to_string().into());
        if is_another {
            // Nothing comes in here: what is credited is not the centre's to do.
            self.put(values, RECEIVED, Fen::ZERO.to_string().into());
        }
        Ok(())
    }

    fn put(&self, values: &mut Map<String, Value>, name: &str, value: Value) {
        if let Some(item) = self.item(name) {
            values.insert(item.to_owned(), value);
        }
    }
}
