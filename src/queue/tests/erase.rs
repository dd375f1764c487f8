//! What is old and at its end is erased from every file, and everything else goes on as before.

use super::*;

/// The bytes of the database and its log.
fn written(dir: &Path) -> Vec<u8> {
    ["queue.db", "queue.db-wal"].iter().flat_map(|name| std::fs::read(dir.join(name)).unwrap_or_default()).collect()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Payload and answer as they are sealed.
fn sealed(dir: &Path, row: &Row) -> Vec<Vec<u8>> {
    let db = open::reader(&settings(dir).path).unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let sql = "SELECT payload, answer FROM entries WHERE sequence = ?1";
    let (payload, answer): (Option<Vec<u8>>, Option<Vec<u8>>) = db.query_row(sql, [row.sequence], read).unwrap();
    payload.into_iter().chain(answer).collect()
}

fn end(queue: &Queue, row: &Row, to: State) -> Row {
    if row.state == State::Pending {
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    }
    let refused = Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
    let note = match to {
        State::Acked => receipt(row, Outcome::Accepted).into(),
        State::Refused => receipt(row, refused).into(),
        _ => Note::Nothing,
    };
    queue.advance(row.id, to, note).unwrap()
}

#[test]
fn what_is_erased_is_in_no_file_and_the_chain_still_holds() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::at("2015-08-01T02:00:00Z");
    let queue = Queue::open(settings(dir.path()), keys(), clock.clone(), Arc::new(SystemRandom::default())).unwrap();
    let of = |holder: &str, draft: Draft| Draft { holder: holder.as_bytes().to_vec().into(), ..draft };
    let commit = |key: &str, draft: Draft| queue.commit(of(key, draft)).unwrap().row;
    let old = [
        end(&queue, &commit("acked", draft("acked")), State::Acked),
        end(&queue, &commit("refused", draft("refused")), State::Refused),
        end(&queue, &commit("void", online("void")), State::Void),
    ];
    let open_one = commit("open", draft("open"));
    // At its end, and the same holder has another that is not.
    let related = end(&queue, &commit("related", draft("related")), State::Acked);
    commit("related", draft("its cancellation"));
    // That one was taken back is known to be long ago by this one.
    let old = [&old[..], &[end(&queue, &commit("later", draft("later")), State::Acked)]].concat();
    clock.add(2000);
    let since = clock.now();
    let young = end(&queue, &commit("young", draft("young")), State::Acked);
    let needles: Vec<Vec<u8>> = old.iter().flat_map(|row| sealed(dir.path(), row)).collect();
    assert_eq!(needles.len(), 7);
    let before = written(dir.path());
    assert!(needles.iter().all(|needle| contains(&before, needle)), "the search finds what is there");

    assert_eq!(queue.erase(since).unwrap(), Erased { transactions: 4, cleared: true });
    let after = written(dir.path());
    for needle in &needles {
        assert!(!contains(&after, needle));
    }
    for kept in [&open_one, &related, &young] {
        assert!(sealed(dir.path(), kept).iter().all(|needle| contains(&after, needle)), "{kept:?}");
    }
    let proof = queue.verify().unwrap();
    assert_eq!((proof.rows, proof.payloads), (8, 4));
    assert_eq!(queue.erase(since).unwrap(), Erased { transactions: 0, cleared: true }, "once");

    // The same key is the same transaction all the same.
    let again = queue.commit(of("acked", draft("acked"))).unwrap();
    assert!(again.duplicate && again.row.erased);
    assert_eq!(again.row, Row { erased: true, ..old[0].clone() });
    assert_eq!(queue.commit(of("other", draft("acked"))), Err(QueueError::Conflict));
    assert_eq!((queue.payload(old[0].id).unwrap(), queue.answer(old[0].id).unwrap().is_none()), (None, true));
    let refused = queue.get(old[1].id).unwrap().unwrap();
    assert_eq!((refused.state, refused.refusal), (State::Refused, None));
    // It is where it was after a restart, and a cancellation can still follow.
    queue.close();
    drop(queue);
    let queue = open(dir.path());
    queue.advance(old[0].id, State::Cancelling, Note::Nothing).unwrap();
    queue.verify().unwrap();
}

#[test]
fn a_payload_that_somebody_took_away_is_damage_and_no_erasure() {
    let (dir, queue) = fresh();
    let row = queue.commit(draft("a")).unwrap().row;
    end(&queue, &row, State::Acked);
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    db.execute("UPDATE entries SET payload = NULL", []).unwrap();
    assert!(matches!(queue.get(row.id), Err(QueueError::Damaged { record: 1, .. })));
    // And it is left as it is.
    db.execute("UPDATE entries SET answer = x'00'", []).unwrap();
    assert_eq!(queue.erase(Timestamp::MAX).unwrap().transactions, 0);
    assert_eq!(db.query_row("SELECT answer FROM entries", [], |row| row.get::<_, Vec<u8>>(0)).unwrap(), [0]);
}

#[test]
fn more_than_a_group_is_erased_and_found_by_its_index() {
    let (dir, queue) = fresh();
    for n in 0..150 {
        let row = queue.commit(Draft { holder: vec![n].into(), ..draft(&n.to_string()) }).unwrap().row;
        end(&queue, &row, State::Acked);
    }
    assert_eq!(queue.erase(Timestamp::MAX).unwrap().transactions, 150);
    assert_eq!(queue.verify().unwrap().payloads, 0);
    let db = open::reader(&settings(dir.path()).path).unwrap();
    let sql = format!(
        "EXPLAIN QUERY PLAN SELECT sequence FROM entries WHERE {} ORDER BY updated_at, sequence",
        crate::queue::erase::ERASABLE
    );
    let plan: String = db.query_row(&sql.replace("?1", "1"), [], |row| row.get(3)).unwrap();
    assert!(plan.contains("entries_personal"), "{plan}");
}

#[test]
fn a_reader_keeps_the_log_from_being_cleared_and_that_is_told() {
    let (dir, queue) = fresh();
    let row = queue.commit(draft("a")).unwrap().row;
    let mut db = open::reader(&settings(dir.path()).path).unwrap();
    let look = db.transaction().unwrap();
    look.query_row("SELECT count(*) FROM entries", [], |row| row.get::<_, u64>(0)).unwrap();
    end(&queue, &row, State::Acked);
    assert_eq!(queue.erase(Timestamp::MAX).unwrap(), Erased { transactions: 1, cleared: false });
    drop(look);
    assert_eq!(queue.erase(Timestamp::MAX).unwrap(), Erased { transactions: 0, cleared: true });
}

#[test]
fn what_an_operator_watches_is_read_from_an_index() {
    let (dir, _queue) = fresh();
    let db = open::reader(&settings(dir.path()).path).unwrap();
    for sql in [read::UNSENT, read::PROVISIONAL_UNSENT] {
        let plan: String = db.query_row(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| row.get(3)).unwrap();
        assert!(plan.contains("entries_unsent"), "{plan}");
    }
}

/// Answered by the centre at a moment of its clock, with a number of its own.
fn answered(queue: &Queue, row: &Row, outcome: Outcome, at: Timestamp) -> Row {
    let receipt = Receipt { received_at: at, ..receipt(row, outcome) };
    let to = if receipt.outcome == Outcome::Accepted { State::Acked } else { State::Refused };
    if row.state == State::Pending {
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    }
    queue.advance(row.id, to, receipt.into()).unwrap()
}

const DAY: i64 = 86_400_000;

fn days(days: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_hours(24 * days)
}

#[test]
fn a_clock_that_was_a_year_behind_erases_nothing_that_is_fresh() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::at("2015-08-01T02:00:00Z");
    let today = clock.now();
    let queue = Queue::open(settings(dir.path()), keys(), clock.clone(), Arc::new(SystemRandom::default())).unwrap();
    let commit =
        |key: &str, draft: Draft| queue.commit(Draft { holder: key.as_bytes().to_vec().into(), ..draft }).unwrap().row;
    let refused = || Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
    // The host started without a clock, and the counter worked.
    clock.add(-365 * DAY);
    answered(&queue, &commit("acked", draft("acked")), Outcome::Accepted, today);
    answered(&queue, &commit("refused", draft("refused")), refused(), today);
    let settlement = json!({"setlinfo": {"setl_time": "2015-08-01 10:00:00"}});
    let settled = commit("settled", online("settled"));
    let told = Receipt { received_at: clock.now(), output: settlement, ..receipt(&settled, Outcome::Accepted) };
    queue.advance(settled.id, State::Acked, told.into()).unwrap();
    // These have no time of the centre: taken back, and refused as this terminal wrote it down.
    end(&queue, &commit("void", online("void")), State::Void);
    let unread = commit("unread", draft("unread"));
    queue.advance(unread.id, State::Sending, Note::Nothing).unwrap();
    let own = Receipt { centre_no: String::new(), received_at: clock.now(), ..receipt(&unread, refused()) };
    queue.advance(unread.id, State::Refused, own.into()).unwrap();
    clock.add(365 * DAY);
    answered(&queue, &commit("later", draft("later")), Outcome::Accepted, today + days(1));
    let erased = |before| queue.erase(before).unwrap().transactions;
    assert_eq!(erased(today - days(91)), 0, "a year old by that clock, and of today");
    assert_eq!(erased(today), 0);
    // Its time comes all the same; of the two without one nobody knows yet.
    let second = today + jiff::SignedDuration::from_secs(1);
    clock.add(100 * DAY);
    assert_eq!(erased(second), 3);
    assert_eq!(erased(today + days(2)), 3, "a later one that is old tells that they are");
}

#[test]
fn what_has_no_time_of_the_centre_waits_for_a_later_one_that_has() {
    let (dir, queue) = fresh();
    let commit =
        |key: &str, draft: Draft| queue.commit(Draft { holder: key.as_bytes().to_vec().into(), ..draft }).unwrap().row;
    end(&queue, &commit("a", draft("a")), State::Acked);
    end(&queue, &commit("void", online("void")), State::Void);
    assert_eq!(queue.erase(Timestamp::MAX).unwrap().transactions, 1);
    // Whoever writes that it is old has not the key.
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    let forged = [&2_i64.to_be_bytes()[..], &[0; 32]].concat();
    for value in [&forged[..], &[], &[0]] {
        db.execute("INSERT OR REPLACE INTO meta VALUES ('old-until', ?1)", [value]).unwrap();
        assert_eq!(queue.erase(Timestamp::MAX).unwrap().transactions, 0);
    }
    end(&queue, &commit("b", draft("b")), State::Acked);
    assert_eq!(queue.erase(Timestamp::MAX).unwrap().transactions, 2);
}

#[test]
fn the_newest_time_of_the_centre_is_there_after_a_restart_and_a_forged_one_is_none() {
    let (dir, queue) = fresh();
    let told = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(queue.centre_time().unwrap(), None);
    // An answer in the journal alone is none: whether it was proved, its way knows.
    end(&queue, &queue.commit(draft("a")).unwrap().row, State::Acked);
    assert_eq!(queue.centre_time().unwrap(), None);
    let newest = told("2015-08-02T10:00:00Z");
    for at in [told("2015-08-02T02:00:00Z"), newest, told("2015-08-01T10:00:00Z")] {
        queue.centre_said(at);
    }
    assert_eq!(queue.centre_time().unwrap(), Some(newest));
    // A little newer is not written each time.
    queue.centre_said(newest + jiff::SignedDuration::from_mins(59));
    assert_eq!(queue.centre_time().unwrap(), Some(newest + jiff::SignedDuration::from_mins(59)));
    queue.close();
    drop(queue);
    let queue = open(dir.path());
    assert_eq!(queue.centre_time().unwrap(), Some(newest));
    queue.verify().unwrap();
    queue.close();
    drop(queue);
    // With new keys it is the same.
    rekey(
        &settings(dir.path()),
        &keys(),
        NewKeys::Into { folder: &dir.path().join("new"), like: &dir.path().join("keys") },
        &SystemRandom::default(),
        &mut || Ok(()),
    )
    .unwrap();
    let new = QueueKeys::load(&dir.path().join("new")).unwrap();
    let clock = Hands::at("2015-08-01T02:00:00Z");
    let queue = Queue::open(settings(dir.path()), new, clock, Arc::new(SystemRandom::default())).unwrap();
    assert_eq!(queue.centre_time().unwrap(), Some(newest));
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    for change in ["x'00'", "zeroblob(40)", "CAST(zeroblob(7) || substr(value, 8) AS BLOB)"] {
        db.execute(&format!("UPDATE meta SET value = {change} WHERE name = 'centre-time'"), []).unwrap();
        assert_eq!(queue.centre_time().unwrap(), None, "{change}");
        let at = told("2015-08-01T03:00:00Z");
        let context = &queue.inner.context;
        context.told(&db, at.as_millisecond()).unwrap();
        assert_eq!(queue.centre_time().unwrap(), Some(at), "what is proved takes its place");
    }
}

#[test]
fn a_moment_that_was_not_written_is_written_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let fails = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let hook = fails.clone();
    let faults = Faults::new(move |point| match point {
        Point::Advance if hook.load(Ordering::Relaxed) => Err(QueueError::StorageFull),
        _ => Ok(()),
    });
    let queue = try_open(dir.path(), faults).unwrap();
    let at: Timestamp = "2015-08-01T03:00:00Z".parse().unwrap();
    queue.centre_said(at);
    // Answered after that one was, and together with it where both were in one group.
    drop(queue.probe());
    fails.store(false, Ordering::Relaxed);
    queue.centre_said(at);
    queue.close();
    drop(queue);
    assert_eq!(open(dir.path()).centre_time().unwrap(), Some(at));
}
