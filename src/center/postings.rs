//! What was done to people's accumulators, in the order in which it was done, whatever did it. Each was computed on what
//! those before had counted: one is taken back when nothing stands that came after it and counts on the same.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::db::{json, parse};
use super::errors::CenterError;
use super::people::Shelf;
use crate::rules::{Change, Counted, obstacle};

/// What did it, by its number or id.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Settlement(i64),
    Payment(i64),
    Filing(i64),
    SignIn(Uuid),
}

impl Source {
    fn name(self) -> String {
        match self {
            Self::Settlement(number) => format!("settlement {number}"),
            Self::Payment(number) => format!("payment {number}"),
            Self::Filing(number) => format!("filing {number}"),
            Self::SignIn(id) => format!("sign-in {id}"),
        }
    }
}

/// Keeps what was done as the latest; what changed no accumulator is in nobody's way.
pub(super) fn enter(db: &Connection, source: Source, shelf: &Shelf<'_>, changes: &[Change]) -> Result<(), CenterError> {
    if changes.is_empty() {
        return Ok(());
    }
    db.prepare_cached("INSERT INTO postings (about, psn_no, admission, changes, stands) VALUES (?1, ?2, ?3, ?4, 1)")?
        .execute(params![source.name(), shelf.psn_no, shelf.mdtrt_id, json(&changes)])?;
    Ok(())
}

/// It was taken back, or stands again where what took it back does not.
pub(super) fn set_standing(db: &Connection, source: Source, stands: bool) -> Result<(), CenterError> {
    db.prepare_cached("UPDATE postings SET stands = ?2 WHERE about = ?1")?.execute(params![source.name(), stands])?;
    Ok(())
}

/// What of the same person came later, stands, and was computed on what this one had counted; in words.
pub(super) fn later(
    db: &Connection,
    source: Source,
    shelf: &Shelf<'_>,
    changes: &[Change],
) -> Result<Option<String>, CenterError> {
    let mut statement = db.prepare_cached(
        "SELECT changes, admission FROM postings
         WHERE psn_no = ?1 AND stands = 1 AND number > (SELECT number FROM postings WHERE about = ?2)",
    )?;
    let later = statement.query_map(params![shelf.psn_no, source.name()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let later = later.map(|row: rusqlite::Result<(String, Option<String>)>| {
        let (changes, admission) = row?;
        Ok((parse::<Vec<Change>>(&changes)?, admission))
    });
    let later = later.collect::<Result<Vec<_>, CenterError>>()?;
    let later: Vec<_> = later.iter().flat_map(|(changes, admission)| counted(changes, admission.as_deref())).collect();
    let own: Vec<_> = counted(changes, shelf.mdtrt_id).collect();
    Ok(obstacle(&own, &later).map(|reason| reason.text.zh))
}

fn counted<'a>(changes: &'a [Change], admission: Option<&'a str>) -> impl Iterator<Item = Counted<'a>> {
    changes.iter().map(move |change| Counted { change, admission })
}
