//! Each write of the commit path fails once, for n = 1, 2, … until no write is left to fail.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

/// Fails at the n-th point it passes; tells whether it did.
fn fail_at(n: usize) -> (Faults, Arc<AtomicUsize>) {
    let passed = Arc::new(AtomicUsize::new(0));
    let count = passed.clone();
    let faults = Faults::new(move |point| match count.fetch_add(1, Ordering::SeqCst) + 1 == n {
        true => Err(QueueError::Storage(format!("{point:?}"))),
        false => Ok(()),
    });
    (faults, passed)
}

#[test]
fn a_commit_is_whole_or_absent_wherever_it_fails() {
    let mut failed = 0;
    for n in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let (faults, passed) = fail_at(n);
        let queue = try_open(dir.path(), faults).unwrap();
        let result = queue.commit(draft("a"));
        if result.is_err() {
            failed += 1;
            // The journal heals by itself: the same key gives one transaction, whatever became of the first try.
            let again = queue.commit(draft("a")).unwrap();
            assert_eq!(again.row.sequence, 1, "n = {n}");
        }
        queue.verify().unwrap();
        queue.close();
        drop(queue);
        let queue = open(dir.path());
        assert_eq!(queue.commit(draft("a")).unwrap().row.sequence, 1, "n = {n}");
        assert_eq!(queue.stats().unwrap().total, 1, "n = {n}");
        assert_eq!(queue.verify().unwrap().rows, 1, "n = {n}");
        if passed.load(Ordering::SeqCst) < n {
            // Begin, insert, sign, commit, committed; the anchor's failure fails nobody.
            assert_eq!(failed, 5);
            return;
        }
    }
}

#[test]
fn a_move_is_whole_or_absent_wherever_it_fails() {
    for n in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let row = queue.commit(draft("a")).unwrap().row;
        queue.close();
        drop(queue);
        let (faults, passed) = fail_at(n);
        let queue = try_open(dir.path(), faults).unwrap();
        let moved = queue.advance(row.id, State::Sending, Note::Nothing);
        queue.close();
        drop(queue);
        let queue = open(dir.path());
        let state = queue.get(row.id).unwrap().unwrap().state;
        assert!(state == State::Sending || moved.is_err() && state == State::Pending, "n = {n}: {state}");
        queue.verify().unwrap();
        if passed.load(Ordering::SeqCst) < n {
            assert!(moved.is_ok());
            return;
        }
    }
}

#[test]
fn a_process_that_dies_before_the_anchor_is_one_group_behind_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new(|point| match point {
        Point::Anchor => Err(QueueError::StorageFull),
        _ => Ok(()),
    });
    let queue = try_open(dir.path(), faults).unwrap();
    queue.commit(draft("a")).unwrap();
    assert_eq!(queue.verify().unwrap().anchor_behind, 1);
    queue.close();
    drop(queue);
    let queue = open(dir.path());
    assert_eq!(queue.verify().unwrap().anchor_behind, 0);
}

/// A queue whose anchor cannot be written while the switch is on.
fn with_anchor_switch(dir: &Path) -> (Queue, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(false));
    let is_full = full.clone();
    let faults = Faults::new(move |point| match point == Point::Anchor && is_full.load(Ordering::SeqCst) {
        true => Err(QueueError::StorageFull),
        false => Ok(()),
    });
    (try_open(dir, faults).unwrap(), full)
}

#[test]
fn an_anchor_that_is_not_written_is_told_and_takes_nothing_from_what_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let (queue, full) = with_anchor_switch(dir.path());
    full.store(true, Ordering::SeqCst);
    queue.probe().unwrap();
    let told = QueueError::Anchor(format!("{}: the disk is full", dir.path().join("queue.anchor").display()));
    for (key, sequence) in [("a", 1), ("b", 2)] {
        assert_eq!(queue.commit(draft(key)).unwrap().row.sequence, sequence);
        assert_eq!(queue.probe(), Err(told.clone()));
    }
    assert_eq!(queue.verify().unwrap().anchor_behind, 2);
    full.store(false, Ordering::SeqCst);
    queue.probe().unwrap();
    assert_eq!(queue.verify().unwrap().anchor_behind, 0);
}

#[test]
fn nothing_is_committed_further_ahead_of_the_anchor_than_two_groups() {
    let dir = tempfile::tempdir().unwrap();
    let (queue, full) = with_anchor_switch(dir.path());
    for turn in 0..3 {
        full.store(true, Ordering::SeqCst);
        let before = queue.stats().unwrap().total;
        let told: Vec<_> = (0..50).map(|n| queue.commit(draft(&format!("{turn}/{n}")))).collect();
        assert!(told[..2].iter().all(Result::is_ok), "{told:?}");
        let refused =
            |told: &Result<_, _>| matches!(told, Err(QueueError::Anchor(what)) if what.contains("queue.anchor"));
        assert!(told[2..].iter().all(refused), "{told:?}");
        assert!(told[2].as_ref().unwrap_err().is_storage());
        assert_eq!(queue.stats().unwrap().total, before + 2);
        assert_eq!(queue.verify().unwrap().anchor_behind, 2);
        // What is there is answered and ended.
        let row = queue.commit(draft(&format!("{turn}/0"))).unwrap();
        assert!(row.duplicate);
        queue.advance(row.row.id, State::Sending, Note::Nothing).unwrap();
        // Nobody has to ask: it goes on once it can be written.
        full.store(false, Ordering::SeqCst);
        for n in 2..6 {
            queue.commit(draft(&format!("{turn}/{n}"))).unwrap();
        }
        queue.probe().unwrap();
        assert_eq!(queue.verify().unwrap().anchor_behind, 0);
    }
}

#[test]
fn what_an_anchor_keeps_from_being_committed_takes_nothing_else_of_its_group_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let holds = Arc::new(AtomicBool::new(false));
    let (started, gate) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
    let (is_full, held, in_started, in_gate) = (full.clone(), holds.clone(), started.clone(), gate.clone());
    let faults = Faults::new(move |point| {
        if point == Point::Begin && held.swap(false, Ordering::SeqCst) {
            in_started.wait();
            in_gate.wait();
        }
        if point == Point::Anchor && is_full.load(Ordering::SeqCst) { Err(QueueError::StorageFull) } else { Ok(()) }
    });
    let queue = try_open(dir.path(), faults).unwrap();
    full.store(true, Ordering::SeqCst);
    let row = queue.commit(draft("a")).unwrap().row;
    queue.commit(draft("b")).unwrap();
    queue.probe().unwrap_err();
    // Those that come while the writer is held are one group.
    holds.store(true, Ordering::SeqCst);
    let (send, answers) = mpsc::channel();
    let answer = |name: &'static str| {
        let send = send.clone();
        move |told: Result<(), QueueError>| send.send((name, told)).unwrap()
    };
    let commit = |key: &'static str| {
        let answer = answer(key);
        let prepared = Box::new(queue.inner.context.prepare(draft(key)));
        let reply: Reply<Committed> = Box::new(move |told| answer(told.map(drop)));
        queue.inner.jobs.send(Job::Commit(prepared, reply)).unwrap();
    };
    commit("b");
    started.wait();
    commit("c");
    let answer = answer("move");
    let reply: Reply<Row> = Box::new(move |told| answer(told.map(drop)));
    queue.inner.jobs.send(Job::Advance(row.id, State::Sending, Note::Nothing, reply)).unwrap();
    commit("d");
    commit("a");
    gate.wait();
    let told: std::collections::BTreeMap<_, _> = (0..5).map(|_| answers.recv().unwrap()).collect();
    let refused = |key| matches!(&told[key], Err(QueueError::Anchor(_)));
    assert!(refused("c") && refused("d"), "{told:?}");
    assert!(["a", "b", "move"].iter().all(|name| told[name].is_ok()), "{told:?}");
    assert_eq!(queue.get(row.id).unwrap().unwrap().state, State::Sending);
    assert_eq!(queue.verify().unwrap().rows, 2);
}

#[test]
fn one_refused_draft_does_not_disturb_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let (started, gate) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
    let (in_started, in_gate) = (started.clone(), gate.clone());
    let once = AtomicUsize::new(0);
    let faults = Faults::new(move |point| {
        if point == Point::Begin && once.fetch_add(1, Ordering::SeqCst) == 0 {
            in_started.wait();
            in_gate.wait();
        }
        Ok(())
    });
    let queue = try_open(dir.path(), faults).unwrap();
    // The first holds the writer; the others wait and become one group.
    let (send, answers) = mpsc::channel();
    let submit = |name: &'static str, draft: Draft| {
        let send = send.clone();
        let reply = Box::new(move |result: Result<Committed, QueueError>| send.send((name, result)).unwrap());
        queue.inner.jobs.send(Job::Commit(Box::new(queue.inner.context.prepare(draft)), reply)).unwrap();
    };
    submit("first", draft("a"));
    started.wait();
    submit("good", draft("b"));
    submit("conflict", Draft { payload: json!(1), ..draft("a") });
    submit("also good", draft("c"));
    gate.wait();
    let mut ends: Vec<_> = (0..4).map(|_| answers.recv().unwrap()).collect();
    ends.sort_by_key(|(name, _)| *name);
    let sequence = |n: usize| ends[n].1.as_ref().map(|done| done.row.sequence).map_err(Clone::clone);
    assert_eq!((ends[0].0, sequence(0)), ("also good", Ok(3)));
    assert_eq!((ends[1].0, sequence(1)), ("conflict", Err(QueueError::Conflict)));
    assert_eq!((ends[2].0, sequence(2)), ("first", Ok(1)));
    assert_eq!((ends[3].0, sequence(3)), ("good", Ok(2)));
    assert_eq!(queue.verify().unwrap().groups, 2);
}

#[test]
fn a_full_disk_is_told_and_heals() {
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_full = full.clone();
    let faults = Faults::new(move |point| match point == Point::Commit && is_full.load(Ordering::SeqCst) {
        true => Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None).into()),
        false => Ok(()),
    });
    let queue = try_open(dir.path(), faults).unwrap();
    queue.commit(draft("a")).unwrap();
    full.store(true, Ordering::SeqCst);
    assert_eq!(queue.commit(draft("b")), Err(QueueError::StorageFull));
    assert_eq!(queue.probe(), Err(QueueError::StorageFull));
    assert_eq!(queue.stats().unwrap().total, 1);
    full.store(false, Ordering::SeqCst);
    queue.probe().unwrap();
    assert_eq!(queue.commit(draft("b")).unwrap().row.sequence, 2);
    queue.verify().unwrap();
}

#[test]
fn whoever_asks_for_room_takes_nothing_from_who_commits_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let (started, gate) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
    let (in_started, in_gate) = (started.clone(), gate.clone());
    let once = AtomicUsize::new(0);
    let faults = Faults::new(move |point| {
        if point == Point::Begin && once.fetch_add(1, Ordering::SeqCst) == 0 {
            in_started.wait();
            in_gate.wait();
        }
        if point == Point::Room { Err(QueueError::StorageFull) } else { Ok(()) }
    });
    let queue = try_open(dir.path(), faults).unwrap();
    let (send, commits) = mpsc::channel();
    let submit = |key: &str| {
        let send = send.clone();
        let reply = Box::new(move |result: Result<Committed, QueueError>| send.send(result).unwrap());
        queue.inner.jobs.send(Job::Commit(Box::new(queue.inner.context.prepare(draft(key))), reply)).unwrap();
    };
    submit("holds the writer");
    started.wait();
    submit("before");
    let (asked, told) = mpsc::channel();
    queue.inner.jobs.send(Job::Barrier(Box::new(move |result| asked.send(result).unwrap()))).unwrap();
    submit("after");
    gate.wait();
    let sequences: Vec<u64> = (0..3).map(|_| commits.recv().unwrap().unwrap().row.sequence).collect();
    assert_eq!(sequences, [1, 2, 3]);
    assert_eq!(told.recv().unwrap(), Err(QueueError::StorageFull));
    assert_eq!(queue.verify().unwrap().groups, 2, "they were one group");
}
