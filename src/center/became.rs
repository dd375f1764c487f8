//! What a filing makes so of its person: facts that eligibility goes by from then on, at every terminal that asks. Which
//! filing makes what so is data of the seed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::db::{json, parse};
use super::errors::CenterError;
use super::filings::filed_number;
use super::people;
use super::records::{Changes, field, text};
use crate::value::Kind;
use crate::wire::filing::Filing;

/// What an accepted filing makes so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Becomes {
    /// The scenario in which it is filed.
    after: String,
    /// Of the scenario; any where it is left out.
    part: Option<Kind>,
    /// What its form says; whatever it says where nothing is here.
    #[serde(default)]
    form: Map<String, Value>,
    /// For which scenarios the facts are told.
    scenarios: Vec<String>,
    /// These facts take what the form says of another item.
    #[serde(default)]
    takes: BTreeMap<String, String>,
    /// These are so from then on.
    #[serde(default)]
    becomes: Map<String, Value>,
}

/// A fact that a filing set.
#[derive(Serialize, Deserialize)]
struct Fact {
    scenario: String,
    name: String,
    /// `null` where nothing was known.
    before: Value,
    after: Value,
}

impl Fact {
    fn is_so(&self, db: &Connection, psn_no: &str) -> Result<bool, CenterError> {
        Ok(people::fact(db, psn_no, (&self.scenario, &self.name))? == self.after)
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.scenario, &self.name) == (&other.scenario, &other.name)
    }
}

/// Keeps it. `insert` is how, where it is there already.
pub(super) fn keep(db: &Connection, insert: &str, becomes: Becomes) -> Result<(), CenterError> {
    let Becomes { after, part, form, scenarios, takes, becomes } = becomes;
    db.execute(
        &format!("{insert} INTO becomes (scenario, part, form, told_for, changes) VALUES (?1, ?2, ?3, ?4, ?5)"),
        params![after, part.map(Kind::name), json(&form), json(&scenarios), json(&Changes { takes, becomes })],
    )?;
    Ok(())
}

/// Sets the facts that a filing makes so, and keeps with it what they were.
pub(super) fn make_so(db: &Connection, psn_no: &str, number: i64, filing: &Filing) -> Result<(), CenterError> {
    let mut statement = db.prepare_cached(
        "SELECT form, told_for, changes FROM becomes WHERE scenario = ?1 AND ifnull(part, ?2) = ?2 ORDER BY number",
    )?;
    let mut rows = statement.query([&filing.scenario, filing.part.name()])?;
    let mut made = Vec::new();
    while let Some(row) = rows.next()? {
        let form: Map<String, Value> = parse(&row.get::<_, String>(0)?)?;
        let says = |(item, value): (&String, &Value)| field(&filing.fields, item).map(text) == Some(text(value));
        if !form.iter().all(says) {
            continue;
        }
        let (scenarios, changes): (Vec<String>, Changes) =
            (parse(&row.get::<_, String>(1)?)?, parse(&row.get::<_, String>(2)?)?);
        let mut facts = Map::new();
        changes.make(&mut facts, &filing.fields);
        for scenario in &scenarios {
            for (name, after) in &facts {
                let before = people::fact(db, psn_no, (scenario, name))?;
                people::set_fact(db, psn_no, (scenario, name), after)?;
                made.push(Fact { scenario: scenario.clone(), name: name.clone(), before, after: after.clone() });
            }
        }
    }
    if !made.is_empty() {
        db.execute("UPDATE filings SET became = ?2 WHERE number = ?1", params![number, json(&made)])?;
    }
    Ok(())
}

/// Whether what a filing made so for its own scenario is so now: neither a later one nor somebody elsewhere has ended it. A
/// filing that made nothing so stands as long as nobody withdraws it.
pub(super) fn is_so(db: &Connection, psn_no: &str, number: i64) -> Result<bool, CenterError> {
    let scenario: String =
        db.query_row("SELECT scenario FROM filings WHERE number = ?1", [number], |row| row.get(0))?;
    for fact in of(db, number)?.iter().filter(|fact| fact.scenario == scenario) {
        if !fact.is_so(db, psn_no)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What of the same person was filed later, stands, and made something else of the same facts; in words.
pub(super) fn later(db: &Connection, psn_no: &str, number: i64) -> Result<Option<String>, CenterError> {
    let own = of(db, number)?;
    let mut statement = db.prepare_cached(
        "SELECT number, became FROM filings
         WHERE psn_no = ?1 AND number > ?2 AND state = 'accepted' AND became IS NOT NULL ORDER BY number",
    )?;
    let mut rows = statement.query(params![psn_no, number])?;
    while let Some(row) = rows.next()? {
        let made: Vec<Fact> = parse(&row.get::<_, String>(1)?)?;
        if made.iter().any(|fact| own.iter().any(|own| own.is_of(fact))) {
            let later = filed_number(row.get(0)?);
            return Ok(Some(format!("其后受理的业务（受理号 {later}）改变了同一情况：先撤回该业务，或者转人工")));
        }
    }
    Ok(None)
}

/// Takes back what a filing made so, where nobody has made it otherwise since.
pub(super) fn take_back(db: &Connection, psn_no: &str, number: i64) -> Result<(), CenterError> {
    for fact in of(db, number)? {
        if fact.is_so(db, psn_no)? {
            people::set_fact(db, psn_no, (&fact.scenario, &fact.name), &fact.before)?;
        }
    }
    Ok(())
}

fn of(db: &Connection, number: i64) -> Result<Vec<Fact>, CenterError> {
    let mut statement = db.prepare_cached("SELECT became FROM filings WHERE number = ?1")?;
    let became: Option<Option<String>> = statement.query_row([number], |row| row.get(0)).optional()?;
    became.flatten().as_deref().map_or(Ok(Vec::new()), parse)
}
