//! The centre's own decision, with its own facts and accumulators laid over what the terminal says.

use rusqlite::Connection;
use serde_json::{Map, Value};

use super::errors::CenterError;
use super::people::{self, Shelf};
use super::records::field;
use super::refusal::Refusal;
use super::visits;
use crate::rules::{Change, Decision, Input, InputError, Outcome, Packs, Schema};

/// A decision, or a refusal.
pub(super) enum Decided {
    Taken(Box<Decision>),
    Refused(Refusal),
}

impl Decided {
    /// The decision that lets it pass.
    pub(super) fn taken(self) -> Result<Box<Decision>, Refusal> {
        match self {
            Self::Taken(decision) => Ok(decision),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

/// Decides a case. What the rules refer to a person is refused here too: nobody sits behind this centre.
pub(super) fn decide(
    db: &Connection,
    packs: &Packs,
    shelf: &Shelf<'_>,
    facts: &Map<String, Value>,
    lines: &[Map<String, Value>],
) -> Result<Decided, CenterError> {
    let own = own_facts(db, shelf)?;
    let schema = match schema(packs, shelf, facts, &own) {
        Ok(schema) => schema,
        Err(error) => return Ok(Decided::Refused(Refusal::of_input(&error))),
    };
    let mut facts = facts.clone();
    facts.extend(own.into_iter().filter(|(name, _)| schema.facts.iter().any(|fact| fact.name == *name)));
    // The rules know the items of a line by their names, and not all of them.
    let known = |line: &Map<String, Value>| {
        let items = schema.lines.iter().filter_map(|fact| Some((fact.name.clone(), field(line, &fact.name)?.clone())));
        items.collect::<Map<_, _>>()
    };
    let lines = lines.iter().map(known).filter(|line| !line.is_empty()).collect();
    let input = Input { facts, lines, accumulators: shelf.read(db, &schema, false)? };
    Ok(match packs.decide(shelf.scenario, &input) {
        Err(error) => Decided::Refused(Refusal::of_input(&error)),
        Ok(decision) if decision.outcome > Outcome::Warn => Decided::Refused(Refusal::by_rules(&decision)),
        Ok(decision) => Decided::Taken(Box::new(decision)),
    })
}

/// What the centre's own packs do to the accumulators, or their refusal. What no pack is for is not decided.
pub(super) fn decide_form(
    db: &Connection,
    packs: &Packs,
    shelf: &Shelf<'_>,
    facts: &Map<String, Value>,
    lines: &[Map<String, Value>],
) -> Result<Result<Vec<Change>, Refusal>, CenterError> {
    let own = own_facts(db, shelf)?;
    let schema = schema(packs, shelf, facts, &own);
    if matches!(schema, Err(InputError::UnknownScenario { .. })) {
        return Ok(Ok(Vec::new()));
    }
    Ok(decide(db, packs, shelf, facts, lines)?.taken().map(|decision| decision.accumulators))
}

/// What the centre knows of the person for the scenario: what it was told, and what was registered here since.
pub(super) fn own_facts(db: &Connection, shelf: &Shelf<'_>) -> Result<Map<String, Value>, CenterError> {
    let mut own = people::facts(db, shelf.psn_no, shelf.scenario)?;
    visits::lay_over(db, shelf.psn_no, shelf.on, &mut own)?;
    Ok(own)
}

/// What the pack asks for that is for the case, as the terminal tells it and the centre knows better.
pub(super) fn schema(
    packs: &Packs,
    shelf: &Shelf<'_>,
    told: &Map<String, Value>,
    own: &Map<String, Value>,
) -> Result<Schema, InputError> {
    let mut facts = told.clone();
    facts.extend(own.clone());
    packs.schema(shelf.scenario, shelf.on, &facts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::center::db;

    #[test]
    fn each_pack_is_told_what_it_counts_and_not_what_another_does() {
        let pack = |year: &str, more: &str| {
            let text = format!(
                r#"
[pack]
id = "p"
version = "{year}"
title = "两个版本"
scenarios = ["s"]
valid_from = {year}-01-01
valid_to = {year}-12-31
date_of = "on"
status = "official"
[facts]
on = {{ type = "date" }}
[accumulators]
pool = {{ type = "money", scope = "year" }}
{more}
"#
            );
            (format!("{year}.toml"), text)
        };
        let more = "supplement = { type = \"money\", scope = \"year\" }";
        let packs = Packs::load(&[pack("2015", ""), pack("2016", more)]).unwrap();
        let db = db::open(None).unwrap();
        let decided = |on: &str| {
            let shelf = Shelf { psn_no: "1", scenario: "s", on: on.parse().unwrap(), mdtrt_id: None };
            decide(&db, &packs, &shelf, json!({ "on": on }).as_object().unwrap(), &[]).unwrap()
        };
        for (on, version) in [("2015-12-31", "2015"), ("2016-01-01", "2016")] {
            match decided(on) {
                Decided::Taken(decision) => assert_eq!(decision.pack.version, version),
                Decided::Refused(refusal) => panic!("{on}: {refusal:?}"),
            }
        }
        assert!(matches!(decided("2017-01-01"), Decided::Refused(refusal) if refusal.parts().0 == "C-INPUT"));
    }

    /// A pack of a scenario for an insurance, which adds 1 yuan to what is counted on it.
    fn counting(scenario: &str, insutype: &str) -> (String, String) {
        let text = format!(
            r#"
[pack]
id = "{scenario}-{insutype}"
version = "1"
title = "计数"
scenarios = ["{scenario}"]
for = {{ insutype = ["{insutype}"] }}
scheme = "{insutype}"
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "on"
status = "official"
[enums.insutype]
"310" = "职工"
"390" = "居民"
[facts]
on = {{ type = "date" }}
insutype = {{ type = "insutype", default = "310" }}
[accumulators]
used = {{ type = "money", scope = "month", default = "0.00" }}
[[post]]
name = "used"
add = "¥1"
"#
        );
        (format!("{scenario}-{insutype}.toml"), text)
    }

    #[test]
    fn two_scenarios_of_one_insurance_count_together_and_the_centre_knows_the_insurance_better() {
        let packs = [counting("s", "310"), counting("t", "310"), counting("s", "390"), counting("t", "390")];
        let packs = Packs::load(&packs).unwrap();
        let db = db::open(None).unwrap();
        for (psn_no, certno) in [("1", "A"), ("2", "B")] {
            db.execute("INSERT INTO persons VALUES (?1, ?2, '310')", [psn_no, certno]).unwrap();
        }
        db.execute(r#"INSERT INTO facts VALUES ('2', 't', 'insutype', '"390"')"#, []).unwrap();
        let settled = |psn_no, scenario| {
            let shelf = Shelf { psn_no, scenario, on: "2015-08-03".parse().unwrap(), mdtrt_id: None };
            let facts = json!({ "on": "2015-08-03" });
            match decide(&db, &packs, &shelf, facts.as_object().unwrap(), &[]).unwrap() {
                Decided::Taken(decision) => {
                    shelf.post(&db, &decision.accumulators).unwrap();
                    (decision.pack.id.clone(), decision.accumulators[0].after.clone())
                }
                Decided::Refused(refusal) => panic!("{refusal:?}"),
            }
        };
        assert_eq!(settled("1", "s"), ("s-310".into(), "1.00".into()));
        assert_eq!(settled("1", "t"), ("t-310".into(), "2.00".into()));
        assert_eq!(settled("2", "t"), ("t-390".into(), "1.00".into()), "another insurance, and what the centre says");
        assert_eq!(settled("2", "s"), ("s-310".into(), "1.00".into()));
        assert_eq!(settled("1", "s"), ("s-310".into(), "3.00".into()));
    }
}
