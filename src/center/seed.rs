//! The made-up people a centre starts with.

mod file;

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};
use toml::Spanned;

use file::{Accumulator, Facts, Filed, Kept, Person, Seed, Visit};

use super::db::json;
use super::errors::CenterError;
use super::people::{self, BALANCE};
use super::records::{self, Changes, ORDER_NO, ORDER_STAS, PAY_NO, PAY_STAS};
use super::visits::Care;
use super::{became, own};
use crate::failure::place;
use crate::value::Kind;
use crate::world::shanghai;

/// A seed of a domain that is built in: its name and its text.
macro_rules! of_domains {
    ($($name:literal),* $(,)?) => {
        &[$((concat!("config/center/seed/", $name, ".toml"), include_str!(concat!("../../config/center/seed/", $name, ".toml")))),*]
    };
}

const BUILT_IN: (&str, &str) = ("config/center/seed.toml", include_str!("../../config/center/seed.toml"));
/// What the centre knows besides, domain by domain: of the people of the one above.
const DOMAINS: &[(&str, &str)] = of_domains![
    "employment",
    "labour-inspection",
    "maternity",
    "medical",
    "pension",
    "personnel",
    "retirees",
    "social-insurance",
    "unemployment",
    "work-injury",
];

/// Fills a new database from a file, or from what is built in. One that has people is left as it is by a file, and gets of
/// what is built in the seeds that it never had, where all of its people are of those: an upgrade brings some. Nothing that
/// is there already is put otherwise.
///
/// # Errors
/// A file that cannot be read or has a mistake, and what the database does.
pub(super) fn plant(db: &mut Connection, file: Option<&Path>, now: Timestamp) -> Result<(), CenterError> {
    let all = db.transaction()?;
    let is_new = !all.query_row("SELECT EXISTS (SELECT 1 FROM persons)", [], |row| row.get::<_, bool>(0))?;
    match file {
        Some(file) if is_new => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| CenterError::Start(format!("{}: {error}", file.display())))?;
            sow(&all, &file.display().to_string(), &text, now)?;
            is_sown_first(&all, OWN)?;
        }
        None if is_new || has_built_in_people_alone(&all)? => {
            let how = if is_new { Sowing::Anew } else { Sowing::Besides };
            for (name, text) in [BUILT_IN].iter().chain(DOMAINS) {
                if is_sown_first(&all, name)? {
                    take_in(&all, (name, text), how, now)?;
                }
            }
        }
        _ => {}
    }
    Ok(all.commit()?)
}

/// Under what a file of somebody's own is known to have been sown.
const OWN: &str = "--seed";

/// Keeps that a seed is sown, and tells whether it was not before.
fn is_sown_first(db: &Connection, name: &str) -> Result<bool, CenterError> {
    Ok(db.execute("INSERT OR IGNORE INTO seeds VALUES (?1)", [name])? == 1)
}

/// Whether the people are those that are built in, all of them: somebody's own get nothing that was made up for others.
fn has_built_in_people_alone(db: &Connection) -> Result<bool, CenterError> {
    if db.query_row("SELECT EXISTS (SELECT 1 FROM seeds WHERE name = ?1)", [OWN], |row| row.get(0))? {
        return Ok(false);
    }
    let built_in = parse(BUILT_IN.0, BUILT_IN.1)?.person;
    let mut statement = db.prepare("SELECT psn_no, certno FROM persons")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (psn_no, certno): (String, String) = (row.get(0)?, row.get(1)?);
        if !built_in.iter().any(|person| person.psn_no == psn_no && person.certno == certno) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How a seed is taken in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sowing {
    /// Into a database that has nothing of it: what is there already is a mistake.
    Anew,
    /// Beside what is there, which stays as it is.
    Besides,
}

impl Sowing {
    fn insert(self) -> &'static str {
        match self {
            Self::Anew => "INSERT",
            Self::Besides => "INSERT OR IGNORE",
        }
    }
}

fn parse(name: &str, text: &str) -> Result<Seed, CenterError> {
    toml::from_str(text).map_err(|error| mistake(name, text, error.span().unwrap_or(0..0).start, error.message()))
}

fn mistake(name: &str, text: &str, at: usize, what: &str) -> CenterError {
    let (line, column) = place(text, at);
    CenterError::Start(format!("{name}:{line}:{column}: {what}"))
}

/// Takes a seed's text in, of which nothing is there.
///
/// # Errors
/// A mistake in it, with its place: also what is of nobody known, or there already.
pub(super) fn sow(db: &Connection, name: &str, text: &str, now: Timestamp) -> Result<(), CenterError> {
    take_in(db, (name, text), Sowing::Anew, now)
}

fn take_in(db: &Connection, (name, text): (&str, &str), how: Sowing, now: Timestamp) -> Result<(), CenterError> {
    let seed = parse(name, text)?;
    let insert = how.insert();
    for person in &seed.person {
        known(db, person, how)?;
    }
    // What the database does not take is of nobody known, or is there already.
    let taken = |psn_no: &Spanned<String>, taken: Result<(), CenterError>| {
        let refused = |error: CenterError| mistake(name, text, psn_no.span().start, &error.to_string());
        taken.map_err(refused)
    };
    for Facts { psn_no, scenarios, facts } in &seed.fact {
        let each = scenarios.iter().try_for_each(|scenario| know(db, psn_no.get_ref(), scenario, facts, how));
        taken(psn_no, each)?;
    }
    for kept in &seed.record {
        taken(&kept.psn_no, keep(db, kept, how))?;
    }
    let filed_on = shanghai().to_datetime(now).date().to_string();
    for Filed { psn_no, scenario, part, once } in &seed.filing {
        let filed = db.execute(
            &format!(
                "{insert} INTO filings (psn_no, scenario, part, once, state, filed_on, fields, documents, lines)
                 VALUES (?1, ?2, ?3, ?4, 'accepted', ?5, '{{}}', '[]', '[]')"
            ),
            params![psn_no.get_ref(), scenario, part.map(Kind::name), once, filed_on],
        );
        taken(psn_no, filed.map(drop).map_err(CenterError::from))?;
    }
    for Visit { psn_no, mdtrt_id, insurance, care, ended } in &seed.visit {
        let visited = db.execute(
            &format!("{insert} INTO visits (mdtrt_id, psn_no, insurance, care, ended) VALUES (?1, ?2, ?3, ?4, ?5)"),
            params![mdtrt_id, psn_no.get_ref(), insurance, care.map(Care::name), ended],
        );
        taken(psn_no, visited.map(drop).map_err(CenterError::from))?;
    }
    for becomes in seed.becomes {
        let at = becomes.span().start;
        let kept = became::keep(db, insert, becomes.into_inner());
        kept.map_err(|error| mistake(name, text, at, &error.to_string()))?;
    }
    for told in &seed.own {
        let kept = own::keep(db, insert, told.get_ref());
        kept.map_err(|error| mistake(name, text, told.span().start, &error.to_string()))?;
    }
    Ok(())
}

fn know(
    db: &Connection,
    psn_no: &str,
    scenario: &str,
    facts: &Map<String, Value>,
    how: Sowing,
) -> Result<(), CenterError> {
    // A person has one account: what was drawn from it before a scenario was there is drawn for that one as well.
    let balance = if how == Sowing::Besides { people::balance(db, psn_no)? } else { None };
    for (name, value) in facts {
        let value = balance.as_ref().filter(|_| name == BALANCE).unwrap_or(value);
        let statement = format!("{} INTO facts VALUES (?1, ?2, ?3, ?4)", how.insert());
        db.execute(&statement, params![psn_no, scenario, name, json(value)])?;
    }
    Ok(())
}

fn keep(db: &Connection, kept: &Kept, how: Sowing) -> Result<(), CenterError> {
    let Kept { psn_no, scenario, part, key, values, takes, becomes } = kept;
    let (item, key) = named(key.as_deref(), values)?.unzip();
    let changes = Changes { takes: takes.clone(), becomes: becomes.clone() };
    let changes = (!changes.are_none()).then(|| json(&changes));
    let statement = format!(
        "{} INTO records (psn_no, scenario, part, item, key, record, changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        how.insert()
    );
    let part = part.map(Kind::name);
    db.execute(&statement, params![psn_no.get_ref(), scenario, part, item, key, json(values), changes])?;
    Ok(())
}

/// The item by which a record is named, and its value: that of the key, whether it names the item or the value; an
/// order's or a payment's number where there is none.
fn named<'a>(key: Option<&'a str>, values: &'a Map<String, Value>) -> Result<Option<(&'a str, String)>, CenterError> {
    let value = |item: &str| values.get(item).map(records::text);
    let Some(key) = key else {
        let numbered = [(ORDER_STAS, ORDER_NO), (PAY_STAS, PAY_NO)];
        let of_number = |(state, number): (&str, &'static str)| Some((number, value(state).and(value(number))?));
        return Ok(numbered.into_iter().find_map(of_number));
    };
    if let Some(value) = value(key) {
        return Ok(Some((key, value)));
    }
    let item = values.iter().find(|(_, value)| records::text(value) == key);
    let (item, _) = item.ok_or(CenterError::Form("no value of the record is its key"))?;
    Ok(Some((item, key.to_owned())))
}

fn known(db: &Connection, person: &Person, how: Sowing) -> Result<(), CenterError> {
    let Person { psn_no, certno, insutype, scenario, scheme } = person;
    let insert = how.insert();
    db.execute(&format!("{insert} INTO persons VALUES (?1, ?2, ?3)"), params![psn_no, certno, insutype])?;
    for (scenario, record) in scenario {
        know(db, psn_no, scenario, &record.facts, how)?;
    }
    for (scheme, counts) in scheme {
        for Accumulator { name, period, value, told } in &counts.accumulators {
            db.execute(
                &format!("{insert} INTO accumulators VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
                params![psn_no, scheme, name, period, json(value), told.as_ref().map(json)],
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_holder_among_the_card_images_is_known() {
        let seed = parse("built in", BUILT_IN.1).unwrap();
        let known: Vec<&str> = seed.person.iter().map(|person| person.certno.as_str()).collect();
        let mut holders = 0;
        for entry in std::fs::read_dir("fixtures/cards").unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines() {
                let Some(number) = line.strip_prefix("social_security_number = ") else { continue };
                holders += 1;
                assert!(known.contains(&number.trim_matches('"')), "{}", path.display());
            }
        }
        assert!(holders >= 5, "only {holders} holders were found");
    }

    #[test]
    fn the_other_seed_has_the_same_people_and_settles_with_other_figures() {
        let other = include_str!("../../config/center/seed-other-accumulators.toml");
        let (seed, other) = (parse("a", BUILT_IN.1).unwrap(), parse("b", other).unwrap());
        let numbers = |seed: &Seed| seed.person.iter().map(|person| person.psn_no.clone()).collect::<Vec<_>>();
        assert_eq!(numbers(&seed), numbers(&other));
        let pool = |seed: &Seed| {
            let pool = &seed.person[0].scheme["310"].accumulators[0];
            (pool.value.clone(), pool.told.clone())
        };
        assert_eq!(pool(&seed), ("12000.00".into(), None));
        assert_eq!(pool(&other), ("440000.00".into(), Some("12000.00".into())));
    }

    #[test]
    fn what_a_folder_has_is_built_in_and_taken_in_whole() {
        let files = std::fs::read_dir("config/center/seed").into_iter().flatten();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path().display().to_string()).collect();
        files.sort();
        let mut built_in: Vec<_> = DOMAINS.iter().map(|(name, _)| *name).collect();
        built_in.sort_unstable();
        assert_eq!(built_in, files);
        plant(&mut crate::center::db::open(None).unwrap(), None, Timestamp::UNIX_EPOCH).unwrap();
    }

    #[test]
    fn a_mistake_has_its_place() {
        let error = parse("x.toml", "[[person]]\npsn_no = \"1\"\nage = 3\n").err().unwrap().to_string();
        assert!(error.starts_with("x.toml:3:1: unknown field `age`"), "{error}");
    }
}
