//! The people the centre knows: their facts and accumulators.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Map, Value};

use super::db::{json, parse};
use super::errors::CenterError;
use crate::rules::{Change, Effect, Period, Schema};
use crate::value::Fen;
use crate::wire::person::PersonKey;

/// A person found.
pub(super) struct Known {
    pub(super) psn_no: String,
    pub(super) insutype: String,
}

/// The person a message names, by 社会保障号码.
pub(super) fn find(db: &Connection, person: &PersonKey) -> Result<Option<Known>, CenterError> {
    let found = db
        .prepare_cached("SELECT psn_no, insutype FROM persons WHERE certno = ?1")?
        .query_row([&person.certno], |row| Ok(Known { psn_no: row.get(0)?, insutype: row.get(1)? }))
        .optional()?;
    Ok(found)
}

/// Whether the centre has a record of this person for a scenario at all.
pub(super) fn has_record(db: &Connection, psn_no: &str, scenario: &str) -> Result<bool, CenterError> {
    let mut found = db.prepare_cached("SELECT 1 FROM facts WHERE psn_no = ?1 AND scenario = ?2")?;
    Ok(found.exists([psn_no, scenario])?)
}

/// What the centre knows of a person for a scenario.
pub(super) fn facts(db: &Connection, psn_no: &str, scenario: &str) -> Result<Map<String, Value>, CenterError> {
    let mut statement = db.prepare_cached("SELECT name, value FROM facts WHERE psn_no = ?1 AND scenario = ?2")?;
    let mut rows = statement.query([psn_no, scenario])?;
    let mut facts = Map::new();
    while let Some(row) = rows.next()? {
        facts.insert(row.get(0)?, parse(&row.get::<_, String>(1)?)?);
    }
    Ok(facts)
}

/// A fact of a person for a scenario, by both names; `null` where it is not known.
pub(super) fn fact(db: &Connection, psn_no: &str, (scenario, name): (&str, &str)) -> Result<Value, CenterError> {
    let mut known = db.prepare_cached("SELECT value FROM facts WHERE psn_no = ?1 AND scenario = ?2 AND name = ?3")?;
    let known: Option<String> = known.query_row([psn_no, scenario, name], |row| row.get(0)).optional()?;
    known.as_deref().map_or(Ok(Value::Null), parse)
}

/// From now on it is this; `null`: not known.
pub(super) fn set_fact(
    db: &Connection,
    psn_no: &str,
    (scenario, name): (&str, &str),
    value: &Value,
) -> Result<(), CenterError> {
    let key = [psn_no, scenario, name];
    if value.is_null() {
        db.execute("DELETE FROM facts WHERE psn_no = ?1 AND scenario = ?2 AND name = ?3", key)?;
    } else {
        let put = "INSERT INTO facts (psn_no, scenario, name, value) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET value = excluded.value";
        db.execute(put, [psn_no, scenario, name, &json(value)])?;
    }
    Ok(())
}

/// Which accumulators: those of a person in a scenario on a date, within an admission.
pub(super) struct Shelf<'a> {
    pub(super) psn_no: &'a str,
    pub(super) scenario: &'a str,
    pub(super) on: Date,
    pub(super) mdtrt_id: Option<&'a str>,
}

impl Shelf<'_> {
    /// The accumulators the pack wants. What was never counted is zero where it is money, and left out elsewhere.
    pub(super) fn read(
        &self,
        db: &Connection,
        schema: &Schema,
        as_told: bool,
    ) -> Result<Map<String, Value>, CenterError> {
        let mut all = Map::new();
        for wanted in &schema.accumulators {
            let name = &wanted.fact.name;
            let Some(period) = &wanted.period else { continue };
            let counter = self.counter(&wanted.scheme, name, period);
            let (value, told) = counter.map_or(Ok((None, None)), |counter| counter.get(db))?;
            let zero = (wanted.fact.kind == "money").then(|| Value::from(Fen::ZERO.to_string()));
            if let Some(value) = told.filter(|_| as_told).or(value).or(zero) {
                all.insert(name.clone(), value);
            }
        }
        Ok(all)
    }

    /// Carries out what a decision does to the accumulators.
    pub(super) fn post(&self, db: &Connection, changes: &[Change]) -> Result<(), CenterError> {
        for change in changes {
            if let Some(counter) = self.changed(change) {
                counter.put(db, &change.after)?;
            }
        }
        Ok(())
    }

    /// Takes it back. An amount is subtracted from whatever stands there now; a value that was set goes back to the
    /// one before, unless something later has set it since.
    pub(super) fn take_back(&self, db: &Connection, changes: &[Change]) -> Result<(), CenterError> {
        for change in changes {
            let Some(counter) = self.changed(change) else { continue };
            let (now, _) = counter.get(db)?;
            let now = now.unwrap_or(Value::Null);
            match change.effect {
                Effect::Add => counter.put(db, &subtract(&now, &change.value)?)?,
                Effect::Set if now == change.after => counter.put(db, &change.before)?,
                Effect::Set => {}
            }
        }
        Ok(())
    }

    fn changed<'a>(&'a self, change: &'a Change) -> Option<Counter<'a>> {
        self.counter(&change.scheme, &change.name, &change.period)
    }

    /// `None` where nothing can be counted: over a stay that is not named.
    fn counter<'a>(&'a self, scheme: &'a str, name: &'a str, period: &Period) -> Option<Counter<'a>> {
        Some(Counter { psn_no: self.psn_no, scheme, name, period: period.key(self.mdtrt_id)? })
    }
}

/// One accumulator in one stretch.
struct Counter<'a> {
    psn_no: &'a str,
    scheme: &'a str,
    name: &'a str,
    period: String,
}

impl Counter<'_> {
    /// What it stands at, and what a query shows in its place.
    fn get(&self, db: &Connection) -> Result<(Option<Value>, Option<Value>), CenterError> {
        let kept: Option<(String, Option<String>)> = db
            .prepare_cached(
                "SELECT value, told FROM accumulators WHERE psn_no = ?1 AND scheme = ?2 AND name = ?3 AND period = ?4",
            )?
            .query_row(params![self.psn_no, self.scheme, self.name, self.period], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((value, told)) = kept else { return Ok((None, None)) };
        Ok((Some(parse(&value)?), told.as_deref().map(parse).transpose()?))
    }

    fn put(&self, db: &Connection, value: &Value) -> Result<(), CenterError> {
        let key = params![self.psn_no, self.scheme, self.name, self.period, json(value)];
        if value.is_null() {
            db.prepare_cached(
                "DELETE FROM accumulators WHERE psn_no = ?1 AND scheme = ?2 AND name = ?3 AND period = ?4",
            )?
            .execute(&key[..4])?;
        } else {
            db.prepare_cached(
                "INSERT INTO accumulators (psn_no, scheme, name, period, value) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute(key)?;
        }
        Ok(())
    }
}

/// Moves money between a person's account and its use: what was paid from it, negative to give it back. A person has one
/// account: whatever scenario paid, the others know of it.
pub(super) fn draw(db: &Connection, psn_no: &str, paid: Fen) -> Result<(), CenterError> {
    let mut statement = db.prepare_cached("SELECT scenario, value FROM facts WHERE psn_no = ?1 AND name = ?2")?;
    let known = statement.query_map([psn_no, BALANCE], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let known: Vec<(String, String)> = known.collect::<Result<_, _>>()?;
    for (scenario, balance) in known {
        let Some(balance) = amount(&parse(&balance)?) else { continue };
        let left = balance.checked_sub(paid).ok_or(CenterError::Form("an amount is too large"))?;
        db.execute(
            "UPDATE facts SET value = ?4 WHERE psn_no = ?1 AND scenario = ?2 AND name = ?3",
            params![psn_no, scenario, BALANCE, json(&left.to_string())],
        )?;
    }
    Ok(())
}

/// How a person's account stands; `None` where they have none.
pub(super) fn balance(db: &Connection, psn_no: &str) -> Result<Option<Value>, CenterError> {
    let mut known =
        db.prepare_cached("SELECT value FROM facts WHERE psn_no = ?1 AND name = ?2 ORDER BY scenario LIMIT 1")?;
    let known: Option<String> = known.query_row([psn_no, BALANCE], |row| row.get(0)).optional()?;
    known.as_deref().map(parse).transpose()
}

/// 账户余额, among a person's facts and in a settlement.
pub(super) const BALANCE: &str = "balc";

/// An amount in the form of the rules.
pub(super) fn amount(value: &Value) -> Option<Fen> {
    value.as_str()?.parse().ok()
}

fn subtract(from: &Value, what: &Value) -> Result<Value, CenterError> {
    let failed = CenterError::Form("an accumulator is neither money nor a number");
    if let (Some(from), Some(what)) = (from.as_i64(), what.as_i64()) {
        return from.checked_sub(what).map(Value::from).ok_or(failed);
    }
    let difference = amount(from).zip(amount(what)).and_then(|(from, what)| from.checked_sub(what));
    difference.map(|fen| Value::from(fen.to_string())).ok_or(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::center::db;

    #[test]
    fn a_person_has_one_account() {
        let db = db::open(None).unwrap();
        for (psn_no, certno) in [("1", "A"), ("2", "B")] {
            db.execute("INSERT INTO persons VALUES (?1, ?2, '310')", [psn_no, certno]).unwrap();
            for scenario in ["s", "t"] {
                db.execute("INSERT INTO facts VALUES (?1, ?2, 'balc', '\"500.00\"')", [psn_no, scenario]).unwrap();
                db.execute("INSERT INTO facts VALUES (?1, ?2, 'psn_type', '\"1\"')", [psn_no, scenario]).unwrap();
            }
        }
        let balance = |psn_no, scenario| facts(&db, psn_no, scenario).unwrap()["balc"].clone();
        draw(&db, "1", Fen(12_345)).unwrap();
        assert_eq!([balance("1", "s"), balance("1", "t")], ["376.55", "376.55"]);
        assert_eq!([balance("2", "s"), balance("2", "t")], ["500.00", "500.00"], "another's stays");
        draw(&db, "1", Fen(-12_345)).unwrap();
        assert_eq!(balance("1", "t"), "500.00");
        assert_eq!(facts(&db, "1", "t").unwrap()["psn_type"], "1");
    }
}
