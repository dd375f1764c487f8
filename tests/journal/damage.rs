//! Files that are not what was written: a log that was torn off, a bit that flipped. It shows, or no row is another.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use sbkd::queue::{Faults, Filter, Note, Queue, QueueError, QueueKeys, State, Stats};
use serde_json::{Value, json};

use crate::disk::Dice;
use crate::world::{draft, full, keys, open, receipt};

/// Bits that flip where not all do, and where all do.
const FLIPS: [usize; 2] = [200, 1000];

/// The files of a journal at rest whose log was not written back: some of it in the database, some in the log, the
/// anchor complete.
struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
    anchor: Vec<u8>,
    keys: QueueKeys,
    rows: Vec<Value>,
    stats: Stats,
}

impl Files {
    /// `before` transactions in the database, `after` in the log; the last thing that was written is a transaction.
    fn of(before: usize, after: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = keys(dir.path());
        let fill = |queue: &Queue, numbers: std::ops::Range<usize>| {
            for n in numbers {
                let row = queue.commit(draft(&name(n))).unwrap().row;
                if n % 3 == 0 {
                    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
                    queue.advance(row.id, State::Acked, receipt(&row).into()).unwrap();
                }
            }
        };
        if before > 0 {
            let queue = open(dir.path(), keys.clone(), Faults::default()).unwrap();
            fill(&queue, 0..before);
            queue.close();
        }
        let queue = open(dir.path(), keys.clone(), Faults::default()).unwrap();
        fill(&queue, before..before + after);
        let (rows, stats) = everything(&queue).unwrap();
        assert_eq!(rows.len(), before + after + 1);
        // The anchor is written then; the readers' connection, which has read, keeps the log from being written back.
        queue.close();
        let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
        let log = if after > 0 { read("queue.db-wal") } else { Vec::new() };
        let (database, anchor) = (read("queue.db"), read("queue.anchor"));
        Self { database, log, anchor, keys, rows, stats }
    }

    /// Opens the journal made of these files, and proves it.
    fn open(&self, dir: &Path, database: &[u8], log: &[u8], anchor: &[u8]) -> Result<Queue, QueueError> {
        for (name, bytes) in [("queue.db", database), ("queue.db-wal", log), ("queue.anchor", anchor)] {
            fs::write(dir.join(name), bytes).unwrap();
        }
        let queue = open(dir, self.keys.clone(), Faults::default())?;
        queue.verify()?;
        Ok(queue)
    }
}

fn name(n: usize) -> String {
    format!("{}{n}", "-".repeat(n % 6))
}

/// All that a journal tells: of each row by each way to it, and of their holder.
fn everything(queue: &Queue) -> Result<(Vec<Value>, Stats), QueueError> {
    let headers = queue.headers(0, u32::MAX)?;
    let mut rows = Vec::new();
    for state in State::ALL {
        rows.extend(queue.list(&Filter { states: vec![state], limit: Some(u32::MAX) })?);
    }
    rows.sort_by_key(|row| row.sequence);
    assert_eq!(
        rows,
        queue.list(&Filter { limit: Some(u32::MAX), ..Filter::default() })?.into_iter().rev().collect::<Vec<_>>()
    );
    let told = rows.iter().zip(&headers).enumerate().map(|(n, (row, header))| {
        let (payload, answer) = (queue.payload(row.id)?, queue.answer(row.id)?);
        let by_key = queue.by_key(&name(n))?.map(|(row, _)| row);
        Ok(json!([row, queue.get(row.id)?, by_key, header, payload, answer]))
    });
    let mut told = told.collect::<Result<Vec<_>, QueueError>>()?;
    // What is asked of a holder before each decision, by an index of its own.
    let holder = queue.holder_tag(&draft("").holder);
    let uncounted = queue.uncounted(holder, 0)?;
    told.push(json!([queue.unsettled(holder)?, uncounted, queue.provisional_sum(holder, Timestamp::UNIX_EPOCH)?]));
    Ok((told, queue.stats()?))
}

#[test]
fn a_log_that_is_torn_off_anywhere_is_found_out_by_the_anchor() {
    let files = Files::of(0, 5);
    let whole = tempfile::tempdir().unwrap();
    files.open(whole.path(), &files.database, &files.log, &files.anchor).unwrap();
    let mut lengths = 0;
    for length in (0..files.log.len()).step_by(512) {
        let dir = tempfile::tempdir().unwrap();
        let opened = files.open(dir.path(), &files.database, &files.log[..length], &files.anchor);
        let error = opened.err().unwrap_or_else(|| panic!("{length} of {} bytes: nothing shows", files.log.len()));
        assert!(matches!(error, QueueError::Damaged { .. }), "{length} of {} bytes: {error}", files.log.len());
        lengths += 1;
    }
    assert!(lengths > 100);
}

/// The anchor knows the records and not where they stand: a last move that is torn off leaves the record where it stood.
#[test]
fn a_move_that_is_torn_off_is_as_if_it_had_not_been() {
    let files = Files::of(0, 4);
    let mut states = BTreeSet::new();
    for length in (0..files.log.len()).step_by(512) {
        let dir = tempfile::tempdir().unwrap();
        match files.open(dir.path(), &files.database, &files.log[..length], &files.anchor) {
            Err(error) => assert!(matches!(error, QueueError::Damaged { .. }), "{length}: {error}"),
            Ok(queue) => {
                let (rows, _) = everything(&queue).unwrap();
                assert_eq!(rows[..3], files.rows[..3]);
                // The header and the payload.
                assert_eq!((&rows[3][3], &rows[3][4]), (&files.rows[3][3], &files.rows[3][4]));
                states.insert(rows[3][0]["state"].to_string());
            }
        }
    }
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["\"pending\"", "\"sending\""]);
}

#[test]
fn a_log_that_is_gone_is_found_out_by_the_anchor() {
    let files = Files::of(5, 5);
    let dir = tempfile::tempdir().unwrap();
    let error = files.open(dir.path(), &files.database, &[], &files.anchor).unwrap_err();
    assert_eq!(error.to_string(), "the journal is damaged at record 6: cut off: the anchor knows 10 records");
}

#[test]
fn a_bit_that_flips_shows_or_changes_no_row() {
    // What is in the log hides the database's own pages: so one journal has all of it in the database.
    for (files, seed) in [(Files::of(60, 0), 1), (Files::of(20, 10), 2)] {
        let flips = FLIPS[usize::from(full())] / 2;
        let (mut shown, mut dice) = (0, Dice(seed));
        for flip in 0..flips {
            let place = dice.below(files.database.len() + files.log.len());
            let (mut database, mut log) = (files.database.clone(), files.log.clone());
            let bit = 1 << dice.below(8);
            match place.checked_sub(database.len()) {
                None => database[place] ^= bit,
                Some(place) => log[place] ^= bit,
            }
            let dir = tempfile::tempdir().unwrap();
            let opened = files.open(dir.path(), &database, &log, &files.anchor);
            match opened.and_then(|queue| everything(&queue)) {
                Err(_) => shown += 1,
                Ok((rows, stats)) => {
                    let what =
                        format!("flip {flip}, bit {bit:#x} of byte {place} ({} in the database)", database.len());
                    assert_eq!((rows, stats), (files.rows.clone(), files.stats.clone()), "{what}: nothing showed");
                }
            }
        }
        // Most of the bytes are of rows.
        assert!(shown > flips / 2, "{shown} of {flips}");
    }
}

#[test]
fn a_bit_that_flips_in_the_anchor_shows_or_the_other_half_stands_for_it() {
    let files = Files::of(0, 4);
    for place in 0..files.anchor.len() {
        let mut anchor = files.anchor.clone();
        anchor[place] ^= 1 << (place % 8);
        let dir = tempfile::tempdir().unwrap();
        let queue = files.open(dir.path(), &files.database, &files.log, &anchor).unwrap();
        assert_eq!(everything(&queue).unwrap().0, files.rows, "byte {place}");
    }
}
