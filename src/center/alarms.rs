//! What nobody honest sends, kept for whoever looks on.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::json;

use super::enrol;
use super::errors::CenterError;
use super::ledger::{Row, number};
use crate::wire::is_terminal;

/// Under what those count who name no terminal that is enrolled; a terminal's code is longer.
const UNKNOWN: &str = "unknown";

/// Raises one in the name that a message came with, proved or not. Of a terminal and a code there is one, with the latest
/// text and how often it came: what anybody may send adds no row with each message.
pub(super) fn raise(db: &Connection, named: &str, code: &str, text: &str, now: Timestamp) -> Result<(), CenterError> {
    if !is_terminal(named) {
        return keep(db, UNKNOWN, code, "", text, now);
    }
    match enrol::is_enrolled(db, named)? {
        true => keep(db, named, code, "", text, now),
        false => keep(db, UNKNOWN, code, "", &format!("{named}: {text}"), now),
    }
}

/// Raises one that a terminal has signed: each of another text is kept by itself; the same again counts.
pub(super) fn raise_each(
    db: &Connection,
    terminal: &str,
    code: &str,
    text: &str,
    now: Timestamp,
) -> Result<(), CenterError> {
    keep(db, terminal, code, text, text, now)
}

fn keep(
    db: &Connection,
    terminal: &str,
    code: &str,
    about: &str,
    text: &str,
    now: Timestamp,
) -> Result<(), CenterError> {
    tracing::error!(terminal, code, text, "an alarm");
    db.execute(
        "INSERT INTO alarms (terminal, code, about, text, first_at, times) VALUES (?1, ?2, ?3, ?4, ?5, 1)
         ON CONFLICT (terminal, code, about) DO UPDATE SET text = excluded.text, times = times + 1",
        params![terminal, code, about, text, now.to_string()],
    )?;
    Ok(())
}

/// Those after a number, oldest first.
pub(super) fn after(db: &Connection, key: &str, most: usize) -> Result<Vec<Row>, CenterError> {
    let mut statement = db.prepare(
        "SELECT terminal, code, text, first_at, times, number FROM alarms WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let alarms = statement.query_map(params![number(key)?, most], |row| {
        let (terminal, code, text): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (first_at, times): (String, u64) = (row.get(3)?, row.get(4)?);
        let alarm = json!({ "terminal": terminal, "code": code, "text": text, "first_at": first_at, "times": times });
        Ok((row.get::<_, i64>(5)?.to_string(), alarm))
    })?;
    Ok(alarms.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use rusqlite_migration::Migrations;
    use serde_json::Value;

    use super::*;
    use crate::center::db;
    use crate::center::errors::CenterError;
    use crate::queue::chain::Broken;
    use crate::wire::Digest;

    const NOW: Timestamp = Timestamp::constant(1_438_400_000, 0);
    const TERMINAL: &str = "T44010000001";

    fn shown(db: &Connection) -> Value {
        let each = |alarm: Value| json!([alarm["terminal"], alarm["code"], alarm["text"], alarm["times"]]);
        after(db, "", 100).unwrap().into_iter().map(|(_, alarm)| each(alarm)).collect()
    }

    #[test]
    fn neither_names_nor_numbers_multiply_rows() {
        let db = db::open(None).unwrap();
        // A demo centre enrols by any name.
        for terminal in [TERMINAL, "T1"] {
            enrol::enrol(&db, terminal, &Digest([7; 32]), None, false).unwrap();
        }
        let enrol = CenterError::Enrol("its signature does not hold");
        for n in 1..=9 {
            for named in [format!("T4401000100{n}"), format!("T{n}"), "名".repeat(n), TERMINAL.to_owned()] {
                raise(&db, &named, enrol.code(), &enrol.to_string(), NOW).unwrap();
            }
            let gap = CenterError::from(Broken::Gap { after: n as u64, found: 20 });
            raise(&db, TERMINAL, gap.code(), &gap.to_string(), NOW).unwrap();
        }
        raise(&db, "T44010001000", enrol.code(), &enrol.to_string(), NOW).unwrap();
        let gap = CenterError::from(Broken::Gap { after: 9, found: 20 }).to_string();
        assert_eq!(
            shown(&db),
            json!([
                ["unknown", "C-ENROL", "T44010001000: its signature does not hold", 28],
                [TERMINAL, "C-ENROL", "its signature does not hold", 9],
                [TERMINAL, "C-CHAIN-GAP", gap, 9],
            ])
        );
        // What a terminal has signed is not lost among it.
        for text in ["records 1 to 2", "records 4 to 5", "records 1 to 2"] {
            raise_each(&db, TERMINAL, "C-CHAIN-HOLE", text, NOW).unwrap();
        }
        let (first, second) = (&shown(&db)[3], &shown(&db)[4]);
        assert_eq!((&first[2], &first[3]), (&json!("records 1 to 2"), &json!(2)));
        assert_eq!((&second[2], &second[3]), (&json!("records 4 to 5"), &json!(1)));
    }

    #[test]
    fn alarms_of_before_are_counted_together() {
        let mut db = Connection::open_in_memory().unwrap();
        Migrations::from_slice(db::STEPS).to_version(&mut db, 8).unwrap();
        enrol::enrol(&db, TERMINAL, &Digest([7; 32]), None, false).unwrap();
        for (terminal, code, text, times) in [
            (TERMINAL, "C-CHAIN-GAP", "after 1", 1),
            ("one", "C-ENROL", "not signed", 2),
            (TERMINAL, "C-CHAIN-HOLE", "records 1 to 2", 1),
            (TERMINAL, "C-CHAIN-GAP", "after 2", 3),
            ("two", "C-ENROL", "does not hold", 4),
            (TERMINAL, "C-CHAIN-HOLE", "records 4 to 5", 1),
        ] {
            let sql = "INSERT INTO alarms (terminal, code, text, first_at, times) VALUES (?1, ?2, ?3, ?4, ?5)";
            db.execute(sql, params![terminal, code, text, NOW.to_string(), times]).unwrap();
        }
        Migrations::from_slice(db::STEPS).to_latest(&mut db).unwrap();
        raise(&db, TERMINAL, "C-CHAIN-GAP", "after 3", NOW).unwrap();
        assert_eq!(
            shown(&db),
            json!([
                [TERMINAL, "C-CHAIN-GAP", "after 3", 5],
                ["unknown", "C-ENROL", "does not hold", 6],
                [TERMINAL, "C-CHAIN-HOLE", "records 1 to 2", 1],
                [TERMINAL, "C-CHAIN-HOLE", "records 4 to 5", 1],
            ])
        );
    }
}
