//! What lookups find of a person: records, the orders that are due and the payments to the holder among them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::db::{json, parse};
use super::errors::CenterError;
use super::own;
use crate::value::Kind;
use crate::wire::lookup::{Found, Lookup};

/// An order's number, its amount and its state; a payment's number and its state.
pub(super) const ORDER_NO: &str = "order_no";
pub(super) const ORDER_AMT: &str = "order_amt";
pub(super) const ORDER_STAS: &str = "order_stas";
pub(super) const PAY_NO: &str = "pay_no";
pub(super) const PAY_STAS: &str = "pay_stas";

/// What a message says of the holder, the operator and its own day, and nothing of what is looked for.
const OF_THE_MESSAGE: [&str; 5] = ["aac002", "aac003", "aae011", "aae036", "aaz500"];

/// From when to when is asked for, and the items by which a record says of which time it is: the first that it has count.
const STRETCH: (&str, &str) = ("aae030", "aae031");
const TIMES: [(&str, &str); 9] = [
    ("aae003", "aae003"),
    ("setl_time", "setl_time"),
    STRETCH,
    ("aae041", "aae042"),
    ("begndate", "enddate"),
    ("recognised_on", "recognised_on"),
    ("concluded_on", "concluded_on"),
    ("acct_txn_date", "acct_txn_date"),
    ("pay_date", "pay_date"),
];

/// A record.
pub(super) struct Record {
    pub(super) number: i64,
    /// The item that names it, and its value.
    key: Option<(String, String)>,
    /// Each item's value.
    pub(super) values: Map<String, Value>,
    changes: Changes,
}

/// What an accepted change makes of a record, beside the items that the form has under the same name; and an accepted filing
/// of its person's facts.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Changes {
    /// These take what the form says of another item.
    pub(super) takes: BTreeMap<String, String>,
    /// These are so from then on.
    pub(super) becomes: Map<String, Value>,
}

impl Changes {
    /// Makes of values what a form says of other items, and what is so from then on.
    pub(super) fn make(&self, values: &mut Map<String, Value>, fields: &Map<String, Value>) {
        let taken = |(item, of): (&String, &String)| Some((item.clone(), field(fields, of)?.clone()));
        values.extend(self.takes.iter().filter_map(taken));
        values.extend(self.becomes.clone());
    }

    /// Whether a change makes nothing of it but what the form says by the same name.
    pub(super) fn are_none(&self) -> bool {
        self.takes.is_empty() && self.becomes.is_empty()
    }
}

/// Those of a person for a part of a scenario, in the order in which they came to be.
pub(super) fn of(db: &Connection, psn_no: &str, scenario: &str, part: Kind) -> Result<Vec<Record>, CenterError> {
    let mut statement = db.prepare_cached(
        "SELECT number, item, key, record, changes FROM records
         WHERE psn_no = ?1 AND scenario = ?2 AND ifnull(part, ?3) = ?3 ORDER BY number",
    )?;
    let mut rows = statement.query([psn_no, scenario, part.name()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// From its number, the item that names it, that one's value, the record and what a change makes of it.
fn read(row: &Row<'_>) -> Result<Record, CenterError> {
    let (item, key): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
    let values = parse(&row.get::<_, String>(3)?)?;
    let changes: Option<String> = row.get(4)?;
    let changes = changes.as_deref().map(parse).transpose()?.unwrap_or_default();
    Ok(Record { number: row.get(0)?, key: item.zip(key), values, changes })
}

/// Whether there are records of anybody for a scenario: then it can be asked for them.
pub(super) fn are_kept(db: &Connection, scenario: &str) -> Result<bool, CenterError> {
    Ok(db.prepare_cached("SELECT 1 FROM records WHERE scenario = ?1")?.exists([scenario])?)
}

/// What a person is told who asks. A query is told all that fits what is asked for; who is about to pay, to collect or to
/// change something, the record that they name, or all of them where they name none.
pub(super) fn look_up(db: &Connection, psn_no: &str, asked: &Lookup, now: Timestamp) -> Result<Found, CenterError> {
    let fits = |record: &Record| match asked.part {
        Kind::Query => record.fits(&asked.fields),
        _ => record.is_named_in(&asked.fields) != Some(false),
    };
    let mut all = of(db, psn_no, &asked.scenario, asked.part)?;
    if asked.part == Kind::Query {
        own::tell(db, psn_no, &asked.scenario, &mut all)?;
    }
    let found = all.into_iter().filter(fits);
    Ok(Found { as_of: now, records: found.map(|record| record.values).collect() })
}

/// The record that a filing is about: the one that it names, or the only one there is, where that has no name.
pub(super) fn named(
    db: &Connection,
    psn_no: &str,
    (scenario, part): (&str, Kind),
    fields: &Map<String, Value>,
) -> Result<Option<Record>, CenterError> {
    let mut all = of(db, psn_no, scenario, part)?;
    if let Some(at) = all.iter().position(|record| record.is_named_in(fields) == Some(true)) {
        return Ok(Some(all.swap_remove(at)));
    }
    let only = all.pop().filter(|record| all.is_empty() && record.key.is_none());
    Ok(only)
}

/// The record of this number.
pub(super) fn by_number(db: &Connection, number: i64) -> Result<Record, CenterError> {
    let mut record = db.prepare_cached("SELECT number, item, key, record, changes FROM records WHERE number = ?1")?;
    let mut rows = record.query([number])?;
    rows.next()?.map(read).ok_or_else(|| CenterError::Database("a record that is not there".into()))?
}

impl Record {
    /// One that is not kept: it is told, and changed by nothing.
    pub(super) fn of(values: Map<String, Value>) -> Self {
        Self { number: 0, key: None, values, changes: Changes::default() }
    }

    /// An item's text.
    pub(super) fn text(&self, item: &str) -> Option<&str> {
        self.values.get(item).and_then(Value::as_str)
    }

    /// From now on an item's value is another one, in its namesakes as well where they have it.
    pub(super) fn put(&mut self, db: &Connection, item: &str, value: &str) -> Result<(), CenterError> {
        for mut namesake in self.namesakes(db)? {
            if let Some(here) = namesake.values.get_mut(item) {
                *here = value.into();
                namesake.keep(db)?;
            }
        }
        self.values.insert(item.to_owned(), value.into());
        self.keep(db)
    }

    /// What is filed takes the place of what is here of the same items, and of those which a change is said to set; in its
    /// namesakes as well.
    pub(super) fn replace(&mut self, db: &Connection, fields: &Map<String, Value>) -> Result<(), CenterError> {
        for mut namesake in self.namesakes(db)? {
            namesake.keep_what_was(db, fields)?;
            namesake.take(fields);
            namesake.keep(db)?;
        }
        self.take(fields);
        self.keep(db)
    }

    /// What a query shows and is filed to begin on a later day is as it was until the day before, and has no name any more:
    /// nothing changes it again.
    fn keep_what_was(&self, db: &Connection, fields: &Map<String, Value>) -> Result<(), CenterError> {
        let Some((first, last)) = self.time().filter(|(first, last)| first != last) else { return Ok(()) };
        let day = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|text| text.parse::<Date>().ok());
        let (before, after) = (day(self.values.get(first)), day(field(fields, first)));
        let Some(until) = after.filter(|after| before.is_some_and(|before| before < *after)) else { return Ok(()) };
        // A date after another one has a day before it.
        let until = until.yesterday().map_err(|_| CenterError::Form("a date that has no day before it"))?;
        let mut was = self.values.clone();
        if day(was.get(last)).is_none_or(|last| last > until) {
            was.insert(last.to_owned(), until.to_string().into());
        }
        db.execute(
            "INSERT INTO records (psn_no, scenario, part, record)
             SELECT psn_no, scenario, part, ?2 FROM records WHERE number = ?1 AND part = ?3",
            params![self.number, json(&was), Kind::Query.name()],
        )?;
        Ok(())
    }

    fn take(&mut self, fields: &Map<String, Value>) {
        for (item, value) in &mut self.values {
            if let Some(filed) = field(fields, item) {
                value.clone_from(filed);
            }
        }
        self.changes.make(&mut self.values, fields);
    }

    /// The person's other records of the same name: they tell of the same payment, order or institution, to another part or
    /// another scenario.
    fn namesakes(&self, db: &Connection) -> Result<Vec<Self>, CenterError> {
        let mut statement = db.prepare_cached(
            "SELECT other.number, other.item, other.key, other.record, other.changes
             FROM records JOIN records AS other USING (psn_no, item, key)
             WHERE records.number = ?1 AND other.number <> ?1",
        )?;
        let mut rows = statement.query([self.number])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }

    fn keep(&self, db: &Connection) -> Result<(), CenterError> {
        db.execute("UPDATE records SET record = ?2 WHERE number = ?1", params![self.number, json(&self.values)])?;
        Ok(())
    }

    /// The same items of `facts` as they stand here, but for those that a form says itself.
    pub(super) fn over(&self, facts: &Map<String, Value>, form: Option<&Map<String, Value>>) -> Map<String, Value> {
        let is_said = |name: &str| form.is_some_and(|form| field(form, name).is_some());
        let better = |name: &str| self.values.get(name).filter(|_| !is_said(name));
        facts.iter().map(|(name, told)| (name.clone(), better(name).unwrap_or(told).clone())).collect()
    }

    /// Whether it is the one that is named; `None` where none is, or it has no name.
    fn is_named_in(&self, fields: &Map<String, Value>) -> Option<bool> {
        let (item, key) = self.key.as_ref()?;
        Some(text(field(fields, item)?) == *key)
    }

    /// Whether each item that is asked for and that it has is the same here, and its time within what is asked for.
    fn fits(&self, fields: &Map<String, Value>) -> bool {
        let is_the_same = |(item, value): (&String, &Value)| {
            OF_THE_MESSAGE.contains(&item.as_str()) || [STRETCH.0, STRETCH.1].contains(&item.as_str()) || {
                field(fields, item).is_none_or(|asked| text(asked) == text(value))
            }
        };
        self.values.iter().all(is_the_same) && self.is_within(field(fields, STRETCH.0), field(fields, STRETCH.1))
    }

    /// The items by which it says of which time it is.
    fn time(&self) -> Option<(&'static str, &'static str)> {
        TIMES.into_iter().find(|(first, _)| self.values.contains_key(*first))
    }

    /// A record that says nothing of a time is of any.
    fn is_within(&self, from: Option<&Value>, until: Option<&Value>) -> bool {
        let Some((first, last)) = self.time() else { return true };
        let compared = |item: &str, asked: Option<&Value>| {
            let (here, asked) = (self.text(item).filter(|here| !here.is_empty())?, asked?.as_str()?);
            Some(moments(here, asked))
        };
        compared(last, from) != Some(Ordering::Less) && compared(first, until) != Some(Ordering::Greater)
    }
}

/// Two dates, or months, or a date and a month: of the one as much as the other tells.
fn moments(here: &str, asked: &str) -> Ordering {
    const DATE: usize = 10;
    let length = here.len().min(asked.len()).min(DATE);
    here.as_bytes()[..length].cmp(&asked.as_bytes()[..length])
}

/// What a message says of an item, under its code upstream: in capitals, or as it is.
pub(super) fn field<'a>(fields: &'a Map<String, Value>, item: &str) -> Option<&'a Value> {
    let said = fields.get(item).or_else(|| fields.get(&item.to_ascii_uppercase()))?;
    Some(said).filter(|said| !said.is_null() && said.as_str() != Some(""))
}

/// A value as a text: a number and its digits are the same.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn fits(record: Value, asked: Value) -> bool {
        Record::of(object(record)).fits(&object(asked))
    }

    #[test]
    fn a_record_is_found_by_the_items_that_it_has() {
        let record = || json!({ "aae140": "110", "insurance_name": "养老保险", "aae011": "0001", "months_paid": 12 });
        for asked in [json!({}), json!({ "AAE140": "110" }), json!({ "months_paid": "12" }), json!({ "aae140": null })]
        {
            assert!(fits(record(), asked.clone()), "{asked}");
        }
        // What it has not says nothing of it, and what the message says of itself does not either.
        assert!(fits(record(), json!({ "AAC011": "21", "AAE011": "0007" })));
        for asked in [json!({ "AAE140": "310" }), json!({ "AAE140": "110", "months_paid": 13 })] {
            assert!(!fits(record(), asked.clone()), "{asked}");
        }
    }

    #[test]
    fn a_record_is_of_its_month_its_day_or_its_stretch() {
        let month = json!({ "aae003": "2015-07", "aae030": "1999-01-01" });
        let day = json!({ "setl_time": "2015-07-20 10:00:00" });
        let stretch = json!({ "aae030": "2015-06-01", "aae031": "2015-07-20" });
        let open = json!({ "aae030": "2015-06-01", "aae031": "" });
        let asked = |from: Option<&str>, until: Option<&str>| json!({ "AAE030": from, "AAE031": until });
        for (record, from, until, found) in [
            (&month, None, None, true),
            (&month, Some("2015-07-31"), Some("2015-07-01"), true),
            (&month, Some("2015-08"), None, false),
            (&month, None, Some("2015-06-30"), false),
            (&day, Some("2015-07-20"), Some("2015-07-20"), true),
            (&day, Some("2015-07-21"), None, false),
            (&day, None, Some("2015-07-19"), false),
            (&day, Some("2015-07"), Some("2015-07"), true),
            (&stretch, Some("2015-07-20"), None, true),
            (&stretch, Some("2015-07-21"), None, false),
            (&stretch, None, Some("2015-05-31"), false),
            (&stretch, Some("2015-01-01"), Some("2015-06-01"), true),
            (&open, Some("2020-01-01"), None, true),
            (&json!({ "order_no": "1" }), Some("2020-01-01"), None, true),
        ] {
            assert_eq!(fits(record.clone(), asked(from, until)), found, "{record} {from:?} {until:?}");
        }
    }
}
