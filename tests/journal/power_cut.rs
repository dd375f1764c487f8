//! The power is cut at every point of a run: whatever was answered by then is there, whole, and the journal proves it.
//!
//! A process commits and moves transactions from several threads under strace. From what it wrote and synced, the disk
//! is made anew as it may be after each event ([`crate::disk`]), and the journal is opened on it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use sbkd::queue::{Faults, Note, QueueKeys, State};

use crate::disk::{Dice, Disk, Fate};
use crate::trace::{self, Event};
use crate::unsynced;
use crate::world::{child, child_dir, draft, full, keys, open, receipt};

/// Tells the child not to sync.
const UNSYNCED: &str = "SBKD_TEST_UNSYNCED";
const CALLERS: usize = 4;
const EACH: usize = 20;
/// Points that are looked at where not all are.
const SAMPLE: usize = 100;

/// The process under strace. It has two lives, so that the closing and the opening are looked at as well.
#[test]
#[ignore = "a process of the other tests here"]
fn the_process() {
    let Some(dir) = child_dir() else { return };
    if std::env::var_os(UNSYNCED).is_some() {
        unsynced::from_now_on();
    }
    let answers = OpenOptions::new().create(true).append(true).open(dir.join("answers")).unwrap();
    // One write each, so that nothing of one comes between another.
    let answer = |text: String| (&answers).write_all(format!("{text}\n").as_bytes()).unwrap();
    for life in 0..2 {
        let queue = open(&dir, keys(&dir), Faults::default()).unwrap();
        std::thread::scope(|threads| {
            for caller in 0..CALLERS {
                let (queue, answer) = (&queue, &answer);
                threads.spawn(move || {
                    for n in 0..EACH {
                        let key = format!("{life}{}{caller}-{n}", "-".repeat(n % 5));
                        let row = queue.commit(draft(&key)).unwrap().row;
                        answer(format!("pending {key}"));
                        if n % 2 == 0 {
                            queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
                            answer(format!("sending {key}"));
                            queue.advance(row.id, State::Acked, receipt(&row).into()).unwrap();
                            answer(format!("acked {key}"));
                        }
                    }
                });
            }
        });
        queue.close();
    }
}

/// What a run did, with the keys of its journal.
struct Run {
    events: Vec<Event>,
    keys: QueueKeys,
}

impl Run {
    fn record(synced: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = keys(dir.path());
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut process = child("power_cut::the_process", dir.path());
        if !synced {
            process.env(UNSYNCED, "1");
        }
        let output = trace::watched(&process, log.path()).output().expect("strace (tools/install brings it)");
        assert!(output.status.success(), "{output:?}");
        let events = trace::read(&fs::read_to_string(log.path()).unwrap(), dir.path());
        let answers = events.iter().filter(|event| matches!(event, Event::Answers(_))).count();
        assert_eq!(answers, 2 * CALLERS * EACH * 2);
        Self { events, keys }
    }

    /// Cuts the power at every `step`-th point, and gives what was wrong, up to the first such point.
    fn cut_at(&self, step: usize, fates: &[Fate]) -> Result<usize, String> {
        let (mut disk, mut answered, mut points) = (Disk::default(), BTreeMap::new(), 0);
        for (at, event) in self.events.iter().enumerate() {
            disk.take(event);
            if let Event::Answers(text) = event {
                let (state, key) = text.split_once(' ').unwrap();
                answered.insert(key.to_owned(), State::of_name(state).unwrap());
            }
            // The last point is the end.
            if at % step != step / 2 && at + 1 != self.events.len() {
                continue;
            }
            points += 1;
            for fate in fates {
                let dir = tempfile::tempdir().unwrap();
                disk.cut(*fate, &mut Dice(at as u64), dir.path());
                self.check(dir.path(), &answered)
                    .map_err(|wrong| format!("{fate:?} after event {at} of {}: {wrong}", self.events.len()))?;
            }
        }
        Ok(points)
    }

    fn check(&self, dir: &Path, answered: &BTreeMap<String, State>) -> Result<(), String> {
        let queue =
            open(dir, self.keys.clone(), Faults::default()).map_err(|error| format!("it does not open: {error}"))?;
        let proof = queue.verify().map_err(|error| format!("it does not verify: {error}"))?;
        let order = [State::Pending, State::Sending, State::Acked];
        let place = |state| order.iter().position(|one| *one == state);
        for (key, state) in answered {
            let found = queue.by_key(key).map_err(|error| format!("{key}: {error}"))?;
            let Some((row, _)) = found else { return Err(format!("{key} was answered and is lost")) };
            if place(row.state) < place(*state) {
                return Err(format!("{key} was answered as {state} and is {}", row.state));
            }
            let payload = queue.payload(row.id).map_err(|error| format!("{key}: {error}"))?;
            if payload.as_ref() != Some(&draft(key).payload) {
                return Err(format!("{key} has another payload"));
            }
            if (row.state == State::Acked) != (queue.answer(row.id) == Ok(Some(receipt(&row)))) {
                return Err(format!("{key} is {} and has another answer", row.state));
            }
        }
        // It goes on: what was answered is a duplicate, and what is new follows.
        if let Some(key) = answered.keys().next_back() {
            let again = queue.commit(draft(key)).map_err(|error| format!("{key} again: {error}"))?;
            if !again.duplicate {
                return Err(format!("{key} is there twice"));
            }
        }
        let new = queue.commit(draft("new")).map_err(|error| format!("a new one: {error}"))?;
        if new.row.sequence != proof.rows + 1 {
            return Err(format!("{} follows {}", new.row.sequence, proof.rows));
        }
        queue.verify().map(drop).map_err(|error| format!("it does not verify any more: {error}"))
    }
}

#[test]
fn whatever_was_answered_is_there_wherever_the_power_is_cut() {
    let run = Run::record(true);
    let step = if full() { 1 } else { run.events.len() / SAMPLE };
    let points = run.cut_at(step, &Fate::ALL).unwrap();
    assert!(points >= SAMPLE, "only {points} points");
}

/// The same test on a journal that does not sync: it can fail.
#[test]
fn a_journal_that_does_not_sync_loses_what_it_answered() {
    let run = Run::record(false);
    let wrong = run.cut_at(run.events.len() / SAMPLE, &[Fate::Lost]).unwrap_err();
    assert!(wrong.contains("was answered and is lost") || wrong.contains("it does not open: "), "{wrong}");
}

/// And on one that asks for syncs of a disk that does nothing for them.
#[test]
fn a_disk_that_does_not_sync_loses_what_was_answered() {
    let mut run = Run::record(true);
    run.events.retain(|event| !matches!(event, Event::SyncBegins(..) | Event::SyncEnds(..)));
    run.cut_at(run.events.len() / SAMPLE, &[Fate::Lost]).unwrap_err();
}
