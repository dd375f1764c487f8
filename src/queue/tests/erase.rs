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
    clock.add(1000);
    let since = clock.now();
    let young = end(&queue, &commit("young", draft("young")), State::Acked);
    let needles: Vec<Vec<u8>> = old.iter().flat_map(|row| sealed(dir.path(), row)).collect();
    assert_eq!(needles.len(), 5);
    let before = written(dir.path());
    assert!(needles.iter().all(|needle| contains(&before, needle)), "the search finds what is there");

    assert_eq!(queue.erase(since).unwrap(), Erased { transactions: 3, cleared: true });
    let after = written(dir.path());
    for needle in &needles {
        assert!(!contains(&after, needle));
    }
    for kept in [&open_one, &related, &young] {
        assert!(sealed(dir.path(), kept).iter().all(|needle| contains(&after, needle)), "{kept:?}");
    }
    let proof = queue.verify().unwrap();
    assert_eq!((proof.rows, proof.payloads), (7, 4));
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

#[test]
fn the_newest_time_of_the_centre_is_no_clock_of_the_terminals() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::at("2015-08-01T02:00:00Z");
    let queue = Queue::open(settings(dir.path()), keys(), clock.clone(), Arc::new(SystemRandom::default())).unwrap();
    assert_eq!(queue.centre_time().unwrap(), None);
    let told = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    end(&queue, &queue.commit(draft("a")).unwrap().row, State::Acked);
    assert_eq!(queue.centre_time().unwrap(), told("2015-08-01T02:00:01Z"));
    // A year and more ahead: what the terminal writes down by itself counts for nothing.
    clock.add(400 * 86_400_000);
    let online_one = queue.commit(online("b")).unwrap().row;
    let answer = Receipt { received_at: clock.now(), ..receipt(&online_one, Outcome::Accepted) };
    queue.advance(online_one.id, State::Acked, answer.into()).unwrap();
    end(&queue, &queue.commit(draft("c")).unwrap().row, State::Acked);
    assert_eq!(queue.centre_time().unwrap(), told("2015-08-01T02:00:01Z"));
    let settled = queue.commit(online("d")).unwrap().row;
    let output = json!({"setlinfo": {"setl_time": "2015-08-01 18:00:00"}});
    let answer = Receipt { received_at: clock.now(), output, ..receipt(&settled, Outcome::Accepted) };
    queue.advance(settled.id, State::Acked, answer.into()).unwrap();
    assert_eq!(queue.centre_time().unwrap(), told("2015-08-01T10:00:00Z"), "Beijing's time");
}
