//! The made-up people a centre starts with.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, params};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::db::json;
use super::errors::CenterError;
use crate::failure::place;

const BUILT_IN: &str = include_str!("../../config/center/seed.toml");

/// A seed file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    person: Vec<Person>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    psn_no: String,
    certno: String,
    insutype: String,
    #[serde(default)]
    scenario: BTreeMap<String, Record>,
    #[serde(default)]
    scheme: BTreeMap<String, Counts>,
}

/// What is known of a person for a scenario.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(default)]
    facts: Map<String, Value>,
}

/// What is counted for a person on a scheme.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    accumulators: Vec<Accumulator>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accumulator {
    name: String,
    period: String,
    value: Value,
    told: Option<Value>,
}

/// Fills a new database from a file, or from what is built in; one that has people is left as it is.
pub(super) fn plant(db: &mut Connection, file: Option<&Path>) -> Result<(), CenterError> {
    let planted: bool = db.query_row("SELECT EXISTS (SELECT 1 FROM persons)", [], |row| row.get(0))?;
    if planted {
        return Ok(());
    }
    let seed = match file {
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| CenterError::Start(format!("{}: {error}", file.display())))?;
            parse(&file.display().to_string(), &text)?
        }
        None => parse("config/center/seed.toml", BUILT_IN)?,
    };
    let all = db.transaction()?;
    for person in &seed.person {
        insert(&all, person)?;
    }
    Ok(all.commit()?)
}

fn parse(name: &str, text: &str) -> Result<Seed, CenterError> {
    toml::from_str(text).map_err(|error| {
        let (line, column) = place(text, error.span().unwrap_or(0..0).start);
        CenterError::Start(format!("{name}:{line}:{column}: {}", error.message()))
    })
}

fn insert(db: &Connection, person: &Person) -> Result<(), CenterError> {
    let Person { psn_no, certno, insutype, scenario, scheme } = person;
    db.execute("INSERT INTO persons VALUES (?1, ?2, ?3)", params![psn_no, certno, insutype])?;
    for (scenario, record) in scenario {
        for (name, value) in &record.facts {
            db.execute("INSERT INTO facts VALUES (?1, ?2, ?3, ?4)", params![psn_no, scenario, name, json(value)])?;
        }
    }
    for (scheme, counts) in scheme {
        for Accumulator { name, period, value, told } in &counts.accumulators {
            db.execute(
                "INSERT INTO accumulators VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
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
        let seed = parse("built in", BUILT_IN).unwrap();
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
        let (seed, other) = (parse("a", BUILT_IN).unwrap(), parse("b", other).unwrap());
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
    fn a_mistake_has_its_place() {
        let error = parse("x.toml", "[[person]]\npsn_no = \"1\"\nage = 3\n").err().unwrap().to_string();
        assert!(error.starts_with("x.toml:3:1: unknown field `age`"), "{error}");
    }
}
