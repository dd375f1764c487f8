//! What is chosen, and what of it where the journal cannot be read.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::*;
use crate::queue::tests::{draft, online, open};
use crate::queue::{Draft, Note};
use crate::world::SystemRandom;

const ROOM: Room = Room { batches: 1, online: 0, again: true };

fn commit(queue: &Queue, holder: u32, key: &str) {
    let holder = holder.to_be_bytes().to_vec().into();
    queue.commit(Draft { holder, ..draft(key) }).unwrap();
}

fn choose(chooser: &mut Chooser, queue: &Queue, now: Instant, room: Room) -> Chosen {
    let mut chosen = Chosen::default();
    chooser.choose(queue, now, room, &mut chosen).unwrap();
    chosen
}

fn sequences(chosen: &Chosen) -> Vec<Vec<u64>> {
    chosen.batches.iter().map(|batch| batch.iter().map(|item| item.row.sequence).collect()).collect()
}

#[test]
fn an_answer_that_comes_twice_does_not_let_the_holders_next_overtake() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    commit(&queue, 1, "a");
    let (mut chooser, now, pace, random) =
        (Chooser::default(), Instant::now(), Pace::default(), SystemRandom::default());
    chooser.news();
    let first = choose(&mut chooser, &queue, now, ROOM);
    let one = &first.batches[0][0];
    for _ in 0..2 {
        chooser.answered(one.row.id, &Back::Done, now, &pace, &random);
    }
    // Whoever has it in hand is not back yet.
    commit(&queue, 1, "b");
    chooser.news();
    assert!(choose(&mut chooser, &queue, now, ROOM).batches.is_empty());
    queue.advance(one.row.id, State::Sending, Note::Nothing).unwrap();
    queue.advance(one.row.id, State::Refused, Note::Nothing).unwrap();
    chooser.back(one, &Back::Done, now, &pace, &random);
    assert_eq!(sequences(&choose(&mut chooser, &queue, now, ROOM)), [[2]]);
}

#[test]
fn what_is_stored_is_sent_again_ever_more_rarely_and_only_while_the_centre_answers() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    commit(&queue, 1, "a");
    let (mut chooser, mut now, pace, random) =
        (Chooser::default(), Instant::now(), Pace::default(), SystemRandom::default());
    chooser.news();
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let chosen = choose(&mut chooser, &queue, now, ROOM);
        let item = &chosen.batches[0][0];
        queue.advance(item.row.id, State::Sending, Note::Nothing).unwrap();
        queue.advance(item.row.id, State::HandedOver, Note::Nothing).unwrap();
        chooser.back(item, &Back::Stored, now, &pace, &random);
        let next = chooser.next_moment().unwrap();
        pauses.push((next - now).as_secs());
        now = next;
        // The centre is away: it is told of, and stays where it is.
        let away = choose(&mut chooser, &queue, now, Room { again: false, ..ROOM });
        assert_eq!((away.waiting.as_slice(), away.batches.len()), (&[item.row.id][..], 0));
        now = chooser.next_moment().unwrap();
    }
    assert!(chooser.holders.values().all(|busy| busy.alone), "it goes alone once it was not answered");
    assert_eq!(pauses, [600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, 86_400, 86_400]);
}

#[test]
fn a_batch_has_one_of_each_holder_and_what_gets_no_answer_goes_alone() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    for (n, holder) in [1, 1, 2, 1, 3].into_iter().enumerate() {
        commit(&queue, holder, &format!("{n}"));
    }
    for n in 5..75 {
        commit(&queue, n, &format!("{n}"));
    }
    let (mut chooser, now, pace, random) =
        (Chooser::default(), Instant::now(), Pace::default(), SystemRandom::default());
    chooser.news();
    let first = choose(&mut chooser, &queue, now, ROOM);
    let second = choose(&mut chooser, &queue, now, ROOM);
    assert_eq!(sequences(&first), [[1, 3].into_iter().chain(5..67).collect::<Vec<_>>()]);
    assert_eq!(sequences(&second), [(67..=75).collect::<Vec<_>>()]);
    assert!(choose(&mut chooser, &queue, now, ROOM).batches.is_empty() && !chooser.is_hungry());

    // The first holder's is done, and the next of that one goes; the second holder's waits, and then goes alone.
    let [one, two, three] = [0, 1, 2].map(|n| &first.batches[0][n]);
    queue.advance(one.row.id, State::Sending, Note::Nothing).unwrap();
    queue.advance(one.row.id, State::Refused, Note::Nothing).unwrap();
    chooser.back(one, &Back::Done, now, &pace, &random);
    chooser.back(two, &Back::Again(None), now, &pace, &random);
    chooser.back(three, &Back::Unheard, now, &pace, &random);
    let next = choose(&mut chooser, &queue, now, ROOM);
    assert_eq!(sequences(&next), [[5, 2]]);
    let later = chooser.next_moment().unwrap();
    assert!(later > now);
    chooser.back(&next.batches[0][0], &Back::Unheard, later, &pace, &random);
    let mut last = sequences(&choose(&mut chooser, &queue, later, Room { batches: 2, online: 0, again: true }));
    last.sort();
    assert_eq!(last, [[3], [5]]);
}

/// A journal of which the n-th read fails.
struct Failing<'a> {
    queue: &'a Queue,
    left: Cell<u32>,
}

impl Failing<'_> {
    fn read(&self) -> Result<(), QueueError> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 1 { Err(QueueError::Storage("the test says so".into())) } else { Ok(()) }
    }
}

impl Open for Failing<'_> {
    fn due(&self, after: u64, limit: u32) -> Result<Vec<(Row, Due)>, QueueError> {
        self.read()?;
        self.queue.due(after, limit)
    }

    fn due_of(&self, holder: Digest, after: u64) -> Result<Option<(Row, Due)>, QueueError> {
        self.read()?;
        self.queue.due_of(holder, after)
    }
}

/// All that can be chosen, by its place; a read that fails is tried again, as after its pause.
fn all(chooser: &mut Chooser, journal: &Failing<'_>, now: Instant, room: Room) -> BTreeMap<u64, Item> {
    let mut out = BTreeMap::new();
    loop {
        let mut chosen = Chosen::default();
        let read = chooser.choose(journal, now, room, &mut chosen);
        let is_empty = chosen.batches.is_empty() && chosen.online.is_empty();
        for item in chosen.batches.into_iter().flatten().chain(chosen.online) {
            let place = item.row.sequence;
            assert!(out.insert(place, item).is_none(), "{place} is on its way twice");
        }
        if read.is_ok() && is_empty {
            return out;
        }
    }
}

#[test]
fn whichever_read_fails_all_is_given_out_and_nothing_twice() {
    let (pace, random, start) = (Pace::default(), SystemRandom::default(), Instant::now());
    for n in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let journal = Failing { queue: &queue, left: Cell::new(n) };
        // Two of the first holder; 6 to 8 go online, and there is room for one of these.
        for (place, holder) in [(1, 1), (2, 1), (3, 2), (4, 3), (5, 4)] {
            commit(&queue, holder, &format!("{place}"));
        }
        for place in 6..=8_u8 {
            queue.commit(Draft { holder: vec![place].into(), ..online(&format!("{place}")) }).unwrap();
        }
        let mut chooser = Chooser::default();
        chooser.news();
        let mut first = BTreeMap::new();
        while first.len() < 5 {
            let mut chosen = Chosen::default();
            drop(chooser.choose(&journal, start, Room { batches: 4, online: 1, again: true }, &mut chosen));
            let items = chosen.batches.into_iter().flatten().chain(chosen.online);
            first.extend(items.map(|item| (item.row.sequence, item)));
        }
        assert_eq!(first.keys().copied().collect::<Vec<_>>(), [1, 3, 4, 5, 6], "{n}");
        // One waits for its holder's next, some for a moment, two for room, and one is new.
        let backs = [Back::Left, Back::Again(None), Back::Stored, Back::Unheard, Back::Unheard];
        for (item, back) in first.values().zip(&backs) {
            chooser.back(item, back, start, &pace, &random);
        }
        commit(&queue, 9, "9");
        chooser.news();
        let later = start + RESEND_AT_MOST;
        let second = all(&mut chooser, &journal, later, Room { batches: 4, online: 8, again: true });
        assert_eq!(second.keys().copied().collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8, 9], "{n}");
        if journal.left.get() > 0 {
            assert!(n > 8, "each of them was read for");
            return;
        }
    }
}

/// A journal in which so many are open, each of a holder of its own.
struct Many {
    row: Row,
    open: u64,
}

impl Many {
    fn one(&self, sequence: u64) -> (Row, Due) {
        let mut holder = [0; 32];
        holder[..8].copy_from_slice(&sequence.to_be_bytes());
        let row = Row { sequence, id: Uuid::from_u128(sequence.into()), ..self.row.clone() };
        (row, Due { holder: Digest(holder), held: false, bytes: 1 })
    }
}

impl Open for Many {
    fn due(&self, after: u64, limit: u32) -> Result<Vec<(Row, Due)>, QueueError> {
        Ok((after + 1..=self.open).take(limit as usize).map(|sequence| self.one(sequence)).collect())
    }

    fn due_of(&self, holder: Digest, after: u64) -> Result<Option<(Row, Due)>, QueueError> {
        let sequence = u64::from_be_bytes(holder.0[..8].try_into().unwrap());
        Ok((sequence > after).then(|| self.one(sequence)))
    }
}

fn many(count: u64) -> Many {
    let dir = tempfile::tempdir().unwrap();
    Many { row: open(dir.path()).commit(draft("a")).unwrap().row, open: count }
}

#[test]
fn however_many_are_stored_that_the_chain_has_no_place_for_others_are_stored_too() {
    let (journal, mut chooser) = (many(10_000), Chooser::default());
    let (now, pace, random) = (Instant::now(), Pace::default(), SystemRandom::default());
    let mut last = 0;
    chooser.news();
    while chooser.is_hungry() {
        let mut chosen = Chosen::default();
        chooser.choose(&journal, now, ROOM, &mut chosen).unwrap();
        for item in chosen.batches.into_iter().flatten() {
            assert_eq!(item.row.sequence, last + 1);
            last += 1;
            // Of every other the answer is there before it is back.
            let early = last % 2 == 0;
            for answer in [early, !early] {
                if answer {
                    chooser.answered(item.row.id, &Back::Unfit, now, &pace, &random);
                } else {
                    chooser.back(&item, &Back::Stored, now, &pace, &random);
                }
            }
        }
    }
    assert_eq!(last, journal.open);
    assert!(chooser.next_moment().unwrap() >= now + UNFIT);
}

#[test]
fn however_many_the_chain_has_no_place_for_what_comes_after_them_goes_and_goes_first() {
    const UNFIT_ONES: u64 = 10_000;
    let mut journal = many(UNFIT_ONES + 1);
    let (mut chooser, start, pace, random) =
        (Chooser::default(), Instant::now(), Pace::default(), SystemRandom::default());
    let next = |chooser: &mut Chooser, journal: &Many, now| {
        let mut chosen = Chosen::default();
        chooser.choose(journal, now, ROOM, &mut chosen).unwrap();
        let items: Vec<Item> = chosen.batches.into_iter().flatten().collect();
        for item in &items {
            let back = if item.row.sequence <= UNFIT_ONES { Back::Unfit } else { Back::Done };
            chooser.back(item, &back, now, &pace, &random);
        }
        items.iter().map(|item| item.row.sequence).collect::<Vec<_>>()
    };
    chooser.news();
    let mut first = Vec::new();
    while chooser.is_hungry() {
        first.extend(next(&mut chooser, &journal, start));
    }
    assert_eq!((first.len() as u64, first.last()), (UNFIT_ONES + 1, Some(&(UNFIT_ONES + 1))));
    assert!(chooser.next_moment().unwrap() >= start + UNFIT);

    // All of them may be tried again: what is new does not stand behind them.
    let later = start + 2 * UNFIT;
    for new in UNFIT_ONES + 2..=UNFIT_ONES + 4 {
        journal.open = new;
        chooser.news();
        assert_eq!(next(&mut chooser, &journal, later), [new]);
        assert!(matches!(next(&mut chooser, &journal, later)[..], [again] if again <= UNFIT_ONES), "alone");
    }
    // Somebody's hurry is none for them, and that the chain was mended is.
    chooser.hurry(start);
    assert!(chooser.next_moment().unwrap() > start);
    chooser.fits(start);
    assert_eq!(chooser.next_moment(), Some(start));
}

/// Somebody's hurry, and what comes of it until nothing is left or all have to wait, one message after the other: the
/// places in each, and whether all have to.
fn a_period(chooser: &mut Chooser, journal: &Many, takes: impl Fn(u64) -> bool) -> (Vec<Vec<u64>>, bool) {
    let (now, pace, random) = (Instant::now(), Pace::default(), SystemRandom::default());
    let mut came = Vec::new();
    chooser.news();
    chooser.hurry(now);
    loop {
        let mut chosen = Chosen::default();
        chooser.choose(journal, now, ROOM, &mut chosen).unwrap();
        let Some(batch) = chosen.batches.pop() else { return (came, false) };
        came.push(batch.iter().map(|item| item.row.sequence).collect());
        let taken = batch.iter().all(|item| takes(item.row.sequence));
        let mut all_wait = false;
        for item in &batch {
            all_wait |= !taken && !chooser.meets_busy(item);
            let back = if taken { Back::Done } else { Back::Busy(Some(UNFIT)) };
            chooser.back(item, &back, now, &pace, &random);
        }
        if all_wait {
            return (came, true);
        }
    }
}

#[test]
fn a_centre_that_takes_some_at_a_time_is_left_alone_each_time() {
    for some in [2, 10] {
        let (journal, mut chooser, left) = (many(60), Chooser::default(), Cell::new(0_usize));
        let takes = |_| left.replace(left.get().saturating_sub(1)) > 0;
        assert_eq!(a_period(&mut chooser, &journal, takes), (vec![(1..=60).collect()], true));
        for period in 1..=40 / some {
            left.set(some);
            let (came, all_wait) = a_period(&mut chooser, &journal, takes);
            assert!(all_wait && came.len() <= some + OWN.max(some) + 1, "{} in period {period} of {some}", came.len());
        }
    }
}

#[test]
fn however_many_are_busy_by_themselves_the_others_go_first_and_wait_for_none_of_them() {
    let (mut journal, mut chooser) = (many(10), Chooser::default());
    let takes = |place| place > 10;
    assert_eq!(a_period(&mut chooser, &journal, takes), (vec![(1..=10).collect()], true));
    for _ in 1..=5 {
        let new = journal.open + 1..=journal.open + 12;
        journal.open += 12;
        let (came, all_wait) = a_period(&mut chooser, &journal, takes);
        assert_eq!((&came[0], came.len(), all_wait), (&new.collect(), 11, false));
    }
}
