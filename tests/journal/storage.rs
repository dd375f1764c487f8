//! The disk is full, read only, or fails: what was answered stays, whoever asks is told, and it heals without a restart.
//!
//! The full and the read-only disk are real ones, small file systems in a namespace of their own. A disk that fails at
//! single calls is strace's: the call is not carried out, and the process is told the error.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Output};

use sbkd::queue::{Faults, Note, Queue, QueueError, State};

use crate::world::{child, child_dir, draft, keys, open, receipt};

/// Runs `test`, one that is ignored otherwise, as root of a namespace in which an empty file system of `size` bytes is
/// mounted at its folder.
fn on_a_disk_of(size: &str, test: &str) {
    let dir = tempfile::tempdir().unwrap();
    let process = child(test, dir.path());
    let mut unshare = Command::new("unshare");
    let script = "mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"";
    unshare.args(["-rm", "sh", "-c", script, "sh", size]).arg(dir.path());
    passed(&again(&process, &mut unshare).output().expect("unshare"));
}

/// `process` as the arguments of `by`.
fn again<'a>(process: &Command, by: &'a mut Command) -> &'a mut Command {
    by.arg(process.get_program()).args(process.get_args());
    by.envs(process.get_envs().filter_map(|(name, value)| Some((name, value?))))
}

#[track_caller]
fn passed(ran: &Output) {
    let [out, err] = [&ran.stdout, &ran.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(ran.status.success() && out.contains("1 passed"), "{}\n{out}{err}", ran.status);
}

fn remount(dir: &Path, options: &str) {
    let options = format!("remount,{options}");
    let args: [&OsStr; 3] = ["-o".as_ref(), options.as_ref(), dir.as_ref()];
    assert!(Command::new("mount").args(args).status().unwrap().success(), "{options}");
}

/// The first `count` are there, whole, and nothing else.
fn assert_kept(queue: &Queue, count: usize) {
    assert_eq!(queue.verify().unwrap().rows, count as u64);
    for n in 0..count {
        let (row, _) = queue.by_key(&n.to_string()).unwrap().unwrap();
        assert_eq!(queue.payload(row.id).unwrap(), Some(draft(&n.to_string()).payload));
    }
}

#[test]
fn a_full_disk_keeps_what_is_there_and_heals_when_there_is_room() {
    on_a_disk_of("7m", "storage::a_journal_that_fills_its_disk");
    on_a_disk_of("2m", "storage::a_journal_beside_others_that_fill_the_disk");
}

/// It grows until there is no room: its log is written back in between, and the database meets the end as well.
#[test]
#[ignore = "a process of the test before it"]
fn a_journal_that_fills_its_disk() {
    let Some(dir) = child_dir() else { return };
    let queue = open(&dir, keys(&dir), Faults::default()).unwrap();
    let committed = |n: usize| queue.commit(draft(&n.to_string()));
    let count = (0..).find(|n| committed(*n).is_err()).unwrap();
    for _ in 0..3 {
        assert_eq!(committed(count), Err(QueueError::StorageFull));
        assert_eq!(queue.probe(), Err(QueueError::StorageFull));
        assert_kept(&queue, count);
    }
    remount(&dir, "size=20m");
    queue.probe().unwrap();
    let row = committed(count).unwrap().row;
    assert_eq!(row.sequence, count as u64 + 1);
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    assert_kept(&queue, count + 1);
    queue.close();
    drop(queue);
    assert_kept(&open(&dir, keys(&dir), Faults::default()).unwrap(), count + 1);
}

/// Another program takes the room, and gives it back.
#[test]
#[ignore = "a process of the test before it"]
fn a_journal_beside_others_that_fill_the_disk() {
    let Some(dir) = child_dir() else { return };
    let mut queue = open(&dir, keys(&dir), Faults::default()).unwrap();
    let rows: Vec<_> = (0..5).map(|n| queue.commit(draft(&n.to_string())).unwrap().row).collect();
    for (turn, row) in rows.iter().enumerate().take(3) {
        let ballast = dir.join("ballast");
        // Ends when nothing more fits.
        drop(fs::write(&ballast, vec![0; 1 << 21]).unwrap_err());
        // Room that the log has already may take some more; then there is none.
        let (key, full) = (0..)
            .map(|n| format!("{turn}/{n}"))
            .find_map(|key| queue.commit(draft(&key)).err().map(|error| (key, error)))
            .unwrap();
        assert_eq!(full, QueueError::StorageFull);
        assert_eq!(queue.advance(row.id, State::Sending, Note::Nothing), Err(QueueError::StorageFull));
        assert_eq!(queue.get(row.id).unwrap().unwrap().state, State::Pending);
        queue.verify().unwrap();
        // Opened again on the full disk it opens and says so. Where SQLite has to make the index of its log, for which there
        // is no room, it is told the same, though SQLite says that the disk failed.
        queue.close();
        drop(queue);
        let opened = open(&dir, keys(&dir), Faults::default()).unwrap();
        assert_eq!(opened.probe(), Err(QueueError::StorageFull));
        opened.close();
        drop(opened);
        fs::remove_file(dir.join("queue.db-shm")).unwrap();
        let more = dir.join("more");
        drop(fs::write(&more, vec![0; 1 << 21]).unwrap_err());
        assert_eq!(open(&dir, keys(&dir), Faults::default()).err(), Some(QueueError::StorageFull));
        fs::remove_file(&ballast).unwrap();
        fs::remove_file(&more).unwrap();
        queue = open(&dir, keys(&dir), Faults::default()).unwrap();
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        assert!(!queue.commit(draft(&key)).unwrap().duplicate);
        assert!(queue.verify().unwrap().anchor_behind <= 1);
    }
    for row in rows.iter().take(3) {
        queue.advance(row.id, State::Acked, receipt(row).into()).unwrap();
    }
    queue.verify().unwrap();
}

#[test]
fn a_read_only_disk_is_told_and_heals() {
    on_a_disk_of("4m", "storage::a_journal_on_a_disk_that_becomes_read_only");
}

#[test]
#[ignore = "a process of the test before it"]
fn a_journal_on_a_disk_that_becomes_read_only() {
    let Some(dir) = child_dir() else { return };
    let reopened = || open(&dir, keys(&dir), Faults::default());
    let queue = reopened().unwrap();
    queue.commit(draft("0")).unwrap();
    queue.close();
    drop(queue);
    // Linux lets nobody make a disk read only while a file on it is open for writing; it does so itself after an error.
    remount(&dir, "ro");
    assert!(matches!(reopened(), Err(QueueError::DiskReadOnly(_))));
    remount(&dir, "rw");
    let queue = reopened().unwrap();
    assert_kept(&queue, 1);
    assert!(queue.commit(draft("0")).unwrap().duplicate);
}

/// The calls that fail, after those of the opening; several of them, so that a commit and its repetition fail. The log
/// is cut seldom: the opening cuts one file, and the writer its log with each erasure.
const FAILING: [(&str, &str, &str); 6] = [
    ("pwrite64", "EIO", "20..45"),
    ("pwrite64", "ENOSPC", "20..45"),
    ("pwrite64", "EROFS", "20..45"),
    ("fsync,fdatasync", "EIO", "20..45"),
    ("fsync,fdatasync", "ENOSPC", "20..45"),
    ("ftruncate,fallocate", "EIO", "2..4"),
];
/// What the process expects: whether some of its commits fail.
const FAILS: &str = "SBKD_TEST_FAILS";

#[test]
fn a_disk_that_fails_loses_nothing_that_was_answered_and_heals() {
    for (calls, error, when) in FAILING {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path(), keys(dir.path()), Faults::default()).unwrap();
        queue.commit(draft("0")).unwrap();
        queue.close();
        drop(queue);
        let process = child("storage::a_journal_on_a_disk_that_fails", dir.path());
        let mut strace = Command::new("strace");
        // Counted by thread: it is the writer's that comes so far.
        let log = dir.path().join("strace.log");
        strace.args(["-f", "-o"]).arg(&log).args(["-e", &format!("trace={calls}")]);
        strace.args(["-e", &format!("inject={calls}:error={error}:when={when}")]);
        strace.env(FAILS, if calls.starts_with("ftruncate") { "no" } else { error });
        passed(&again(&process, &mut strace).output().expect("strace (tools/install brings it)"));
        let log = fs::read_to_string(&log).unwrap();
        assert!(log.contains("(INJECTED)"), "{calls} did not fail with {error}: {log}");
        let queue = open(dir.path(), keys(dir.path()), Faults::default()).unwrap();
        assert_kept(&queue, 61);
    }
}

#[test]
#[ignore = "a process of the test before it"]
fn a_journal_on_a_disk_that_fails() {
    let Some(dir) = child_dir() else { return };
    let queue = open(&dir, keys(&dir), Faults::default()).unwrap();
    let mut failures = Vec::new();
    for n in 0..61 {
        // What a caller does: the same again, with the same key, until it is answered.
        while let Err(error) = queue.commit(draft(&n.to_string())) {
            assert!(error.is_storage(), "{error:?}");
            // What is there can be proved all the same.
            queue.verify().unwrap();
            failures.push(error);
        }
        assert_eq!(queue.stats().unwrap().total, n + 1);
        // Erases nothing, and cuts the log.
        if n % 10 == 9
            && let Err(error) = queue.erase(jiff::Timestamp::MIN)
        {
            assert!(error.is_storage(), "{error:?}");
        }
    }
    queue.probe().unwrap();
    assert_eq!(queue.verify().unwrap().anchor_behind, 0);
    match std::env::var(FAILS).unwrap().as_str() {
        "no" => assert_eq!(failures, []),
        // A sync that finds no room is a failed sync to SQLite; a write is not.
        "ENOSPC" => {
            assert!(matches!(failures[..], [QueueError::StorageFull | QueueError::Storage(_), ..]), "{failures:?}")
        }
        _ => assert!(matches!(failures[..], [QueueError::Storage(_), ..]), "{failures:?}"),
    }
}

/// The reads that fail, one each time: those of the proof, of the copy, and of what is made.
const READS: std::ops::Range<usize> = 1..240;

/// A place far behind the file's end: who reads there marks a step of the work among the reads.
const STEP: u64 = 1 << 60;

#[test]
fn a_read_that_fails_once_is_no_record_that_is_lost() {
    let (mut injected, mut in_the_copy) = (0, 0);
    for n in READS.step_by(17) {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path(), keys(dir.path()), Faults::default()).unwrap();
        for n in 1..=40 {
            queue.commit(draft(&format!("{n:06}"))).unwrap();
        }
        queue.close();
        drop(queue);
        let db = rusqlite::Connection::open(dir.path().join("queue.db")).unwrap();
        db.execute("UPDATE entries SET payload = zeroblob(40) WHERE sequence = 3", []).unwrap();
        drop(db);
        let log = dir.path().join("strace.log");
        let mut strace = Command::new("strace");
        // What is read to start the program is nobody's journal.
        strace.args(["-f", "-o"]).arg(&log).arg("-P").arg(dir.path().join("queue.db")).args(["-e", "trace=pread64"]);
        strace.args(["-e", &format!("inject=pread64:error=EIO:when={n}")]);
        let process = child("storage::a_journal_set_aside_on_a_disk_that_fails_once", dir.path());
        passed(&again(&process, &mut strace).output().expect("strace (tools/install brings it)"));
        let log = fs::read_to_string(&log).unwrap();
        if let Some(place) = log.lines().position(|line| line.contains("(INJECTED)")) {
            injected += 1;
            // The first step is before the copy, the second after it.
            let step = STEP.to_string();
            in_the_copy += usize::from(log.lines().take(place).filter(|line| line.contains(&step)).count() == 1);
        }
        assert_eq!(open(dir.path(), keys(dir.path()), Faults::default()).unwrap().verify().unwrap().rows, 39);
    }
    assert!(injected > 8, "{injected} reads failed");
    assert!(in_the_copy > 2, "{in_the_copy} of {injected} reads that failed were of the copy");
}

#[test]
#[ignore = "a process of the test before it"]
fn a_journal_set_aside_on_a_disk_that_fails_once() {
    let Some(dir) = child_dir() else { return };
    let mut mark_the_step = || {
        // It may be the read that fails, and there may be no such file just now.
        drop(fs::File::open(dir.join("queue.db")).and_then(|file| file.read_at(&mut [0], STEP)));
        Ok(())
    };
    let mut aside = || {
        let now = "2015-08-03T03:00:00Z".parse().unwrap();
        sbkd::queue::set_aside(
            &crate::world::settings(&dir),
            &keys(&dir),
            now,
            sbkd::queue::Unread::IsNotKnown,
            &mut mark_the_step,
        )
    };
    // It may not get through, and then nothing was lost by the try.
    let first = aside();
    let done = first.or_else(|_| aside()).unwrap();
    let lost: Vec<_> = done.lost.iter().map(|hole| (hole.after.sequence, hole.until.sequence)).collect();
    assert_eq!((lost, done.rows), (vec![(2, 3)], 39));
}
