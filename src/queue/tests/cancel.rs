//! A cancellation and what it takes back move together, whatever happens in between.

use super::*;

fn accepted(queue: &Queue, draft: Draft) -> Row {
    let row = queue.commit(draft).unwrap().row;
    if row.state == State::Pending {
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    }
    queue.advance(row.id, State::Acked, receipt(&row, Outcome::Accepted).into()).unwrap()
}

fn undo(key: &str, of: &Row) -> Draft {
    let state = if of.protocol() == Protocol::Online { State::Sending } else { State::Pending };
    let amount = of.amount.map(|amount| Fen(-amount.0));
    Draft { kind: of.kind, cancels: Some(of.id), amount, state, ..draft(key) }
}

/// The journal that takes the place of one in which a record is damaged.
fn set_aside_without(dir: &Path, queue: Queue, lost: &Row) -> Queue {
    queue.close();
    drop(queue);
    tamper(dir, &format!("UPDATE entries SET payload = zeroblob(40) WHERE sequence = {}", lost.sequence));
    let now = "2015-08-01T03:00:00Z".parse().unwrap();
    set_aside(&settings(dir), &keys(), now, Unread::IsNotKnown, &mut || Ok(())).unwrap();
    open(dir)
}

fn state(queue: &Queue, row: &Row) -> State {
    queue.get(row.id).unwrap().unwrap().state
}

#[test]
fn what_is_cancelled_follows_its_cancellation() {
    let refused = Outcome::Refused { code: "C-LATER".into(), text: "no".into() };
    for (ends, outcome, becomes) in [
        (&[State::Acked][..], Some(Outcome::Accepted), State::Cancelled),
        (&[State::Refused], Some(refused), State::Acked),
        (&[State::Void], None, State::Acked),
        (&[State::Unknown, State::Reversing, State::Reversed], None, State::Acked),
        (&[State::Unknown, State::Reversing, State::Void], None, State::Acked),
        (&[State::Unknown, State::Acked], Some(Outcome::Accepted), State::Cancelled),
    ] {
        let (_dir, queue) = fresh();
        let row = accepted(&queue, online("a"));
        let mut changes = queue.changes();
        let cancelling = queue.commit(undo("undo", &row)).unwrap().row;
        assert_eq!((cancelling.cancels, cancelling.amount), (Some(row.id), Some(Fen(-151_600))));
        for end in ends {
            assert_eq!(state(&queue, &row), State::Cancelling);
            let last = end == ends.last().unwrap();
            let outcome = outcome.clone().filter(|_| last);
            let note = outcome.map_or(Note::Nothing, |outcome| receipt(&cancelling, outcome).into());
            queue.advance(cancelling.id, *end, note).unwrap();
        }
        assert_eq!(state(&queue, &row), becomes, "{ends:?}");
        // Whoever watches is told of both.
        let mut told = Vec::new();
        while let Ok(row) = changes.try_recv() {
            told.push((row.id, row.state));
        }
        assert_eq!((told[1], *told.last().unwrap()), ((row.id, State::Cancelling), (row.id, becomes)));
        assert!(queue.answer(row.id).unwrap().is_some(), "what it was is kept");
        queue.verify().unwrap();
        // It stands again, and may be tried again; what is cancelled is cancelled.
        let again = queue.commit(undo("again", &row));
        assert_eq!(again.is_ok(), becomes == State::Acked, "{again:?}");
    }
}

#[test]
fn what_is_filed_is_taken_back_by_what_is_delivered_later() {
    let (_dir, queue) = fresh();
    let row = accepted(&queue, Draft { kind: Kind::Register, amount: None, ..draft("a") });
    let withdrawal = queue.commit(undo("undo", &row)).unwrap().row;
    assert_eq!((withdrawal.state, state(&queue, &row)), (State::Pending, State::Cancelling));
    let due: Vec<_> = queue.due(0, 10).unwrap().into_iter().map(|(row, _)| row.id).collect();
    assert_eq!(due, [withdrawal.id], "of the one that is taken back nothing is to be delivered");
    for (to, note) in [(State::Sending, Note::Nothing), (State::HandedOver, Note::Nothing)] {
        queue.advance(withdrawal.id, to, note).unwrap();
        assert_eq!(state(&queue, &row), State::Cancelling);
    }
    queue.advance(withdrawal.id, State::Acked, receipt(&withdrawal, Outcome::Accepted).into()).unwrap();
    assert_eq!(state(&queue, &row), State::Cancelled);
}

#[test]
fn what_is_being_cancelled_moves_with_its_cancellation_alone() {
    let (_dir, queue) = fresh();
    let row = accepted(&queue, draft("a"));
    let cancelling = queue.commit(undo("undo", &row)).unwrap().row;
    for to in State::ALL {
        let moved = queue.advance(row.id, to, receipt(&row, Outcome::Accepted).into());
        assert_eq!(moved, Err(QueueError::Move { from: State::Cancelling, to }));
    }
    queue.advance(cancelling.id, State::Sending, Note::Nothing).unwrap();
    queue.advance(cancelling.id, State::Acked, receipt(&cancelling, Outcome::Accepted).into()).unwrap();
    assert_eq!(state(&queue, &row), State::Cancelled);
}

#[test]
fn a_transaction_is_taken_back_once_and_only_where_it_stands() {
    let (_dir, queue) = fresh();
    let pending = queue.commit(draft("pending")).unwrap().row;
    let refused = |draft| queue.commit(draft).unwrap_err();
    let is = |from| QueueError::Move { from, to: State::Cancelling };
    assert_eq!(refused(undo("early", &pending)), is(State::Pending));
    let none = Draft { cancels: Some(Uuid::nil()), ..draft("none") };
    assert_eq!(refused(none), QueueError::NotFound);
    let row = accepted(&queue, online("a"));
    let another = Draft { holder: b"another".to_vec().into(), ..undo("another's", &row) };
    assert!(matches!(refused(another), QueueError::Draft(_)));
    assert_eq!((state(&queue, &row), queue.last_sequence().unwrap()), (State::Acked, 2), "nothing came of them");

    let first = queue.commit(undo("first", &row)).unwrap();
    assert_eq!(refused(undo("second", &row)), is(State::Cancelling));
    // The same again is the same.
    let again = queue.commit(undo("first", &row)).unwrap();
    assert!(again.duplicate && again.row.id == first.row.id);
    let ended = queue.advance(first.row.id, State::Acked, receipt(&first.row, Outcome::Accepted).into()).unwrap();
    assert_eq!(refused(undo("third", &row)), is(State::Cancelled));
    assert!(matches!(refused(undo("back again", &ended)), QueueError::Draft(_)), "a cancellation stands");
    assert_eq!(queue.last_sequence().unwrap(), 3);
    queue.verify().unwrap();
}

#[test]
fn both_move_or_none_does_whatever_fails() {
    for fails in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let steps = Arc::new(std::sync::atomic::AtomicUsize::new(usize::MAX));
        let counted = steps.clone();
        let faults = Faults::new(move |point| match counted.load(Ordering::SeqCst) {
            usize::MAX => Ok(()),
            0 => Ok(()),
            left => {
                counted.store(left - 1, Ordering::SeqCst);
                if left == 1 { Err(QueueError::Storage(format!("{point:?}"))) } else { Ok(()) }
            }
        });
        let queue = try_open(dir.path(), faults).unwrap();
        let row = accepted(&queue, online("a"));
        steps.store(fails, Ordering::SeqCst);
        let committed = queue.commit(undo("undo", &row));
        let found = queue.by_key("undo").unwrap();
        let begun = if found.is_some() { State::Cancelling } else { State::Acked };
        assert_eq!(state(&queue, &row), begun, "{fails}");
        if let Some((cancelling, _)) = found {
            let note = receipt(&cancelling, Outcome::Accepted).into();
            let ended = queue.advance(cancelling.id, State::Acked, note);
            let now = (state(&queue, &cancelling), state(&queue, &row));
            let both = [(State::Sending, State::Cancelling), (State::Acked, State::Cancelled)];
            assert!(both.contains(&now), "{fails}: {now:?}");
            assert!(ended.is_err() || now == both[1]);
        }
        let hit = steps.load(Ordering::SeqCst) == 0;
        steps.store(usize::MAX, Ordering::SeqCst);
        queue.verify().unwrap();
        if !hit {
            assert!(committed.is_ok() && fails > 8, "{fails}");
            return;
        }
    }
}

#[test]
fn what_was_cancelled_is_added_up_with_its_cancellation() {
    let (_dir, queue) = fresh();
    let holder = queue.holder_tag(&draft("").holder);
    let row = accepted(&queue, online("a"));
    let cancelling = queue.commit(undo("undo", &row)).unwrap().row;
    queue.advance(cancelling.id, State::Acked, receipt(&cancelling, Outcome::Accepted).into()).unwrap();
    let uncounted = |place| {
        let rows = queue.uncounted(holder, place).unwrap().into_iter();
        rows.map(|(row, _)| (row.sequence, row.cancels)).collect::<Vec<_>>()
    };
    assert_eq!(uncounted(0), [(1, None), (2, Some(row.id))]);
    assert_eq!(uncounted(1), [(2, Some(row.id))], "the centre had counted the first");
    let (mut accepted, mut sum) = (0, 0);
    queue
        .each_accepted_since(Timestamp::UNIX_EPOCH, |row| {
            accepted += 1;
            sum += row.amount.unwrap().0;
        })
        .unwrap();
    assert_eq!((accepted, sum), (2, 0), "both are in the accounts");
}

#[test]
fn what_is_cancelled_by_nothing_that_is_left_stands_again() {
    let (dir, queue) = fresh();
    let rows = ["a", "b"].map(|key| accepted(&queue, online(key)));
    let refused = queue.commit(undo("refused", &rows[0])).unwrap().row;
    let outcome = Outcome::Refused { code: "C-LATER".into(), text: "no".into() };
    queue.advance(refused.id, State::Refused, receipt(&refused, outcome).into()).unwrap();
    let lost = queue.commit(undo("lost", &rows[0])).unwrap().row;
    queue.commit(undo("left", &rows[1])).unwrap();
    let queue = set_aside_without(dir.path(), queue, &lost);
    assert_eq!(rows.each_ref().map(|row| state(&queue, row)), [State::Acked, State::Cancelling]);
    queue.verify().unwrap();
    assert!(queue.commit(undo("anew", &rows[0])).is_ok());
}

#[test]
fn what_did_not_follow_its_accepted_cancellation_does_not_stand_again() {
    let (dir, queue) = fresh();
    let row = accepted(&queue, online("a"));
    let lost = queue.commit(draft("lost")).unwrap().row;
    let undone = queue.commit(undo("undo", &row)).unwrap().row;
    // It cannot be read at the moment at which it is to follow.
    let attempts = |change: &str| {
        let sql = format!("UPDATE entries SET attempts = attempts {change} WHERE sequence = {}", row.sequence);
        tamper(dir.path(), &sql);
    };
    attempts("+ 1");
    queue.advance(undone.id, State::Acked, receipt(&undone, Outcome::Accepted).into()).unwrap();
    attempts("- 1");
    assert_eq!([&undone, &row].map(|row| state(&queue, row)), [State::Acked, State::Cancelling]);
    let queue = set_aside_without(dir.path(), queue, &lost);
    assert_eq!(state(&queue, &row), State::Cancelled, "it is not taken back a second time");
    queue.verify().unwrap();
}

#[test]
fn a_cancellation_that_is_open_lowers_nothing_of_the_sum() {
    let (_dir, queue) = fresh();
    let row = accepted(&queue, online("a"));
    let cancelling = queue.commit(undo("undo", &row)).unwrap().row;
    queue.commit(Draft { amount: Some(Fen(151_600)), ..draft("b") }).unwrap();
    assert_eq!((cancelling.amount, queue.stats().unwrap().sum), (Some(Fen(-151_600)), Fen(303_200)));
}
