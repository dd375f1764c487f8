//! The events of this run, numbered, with the last of them kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::event::{Event, EventStream, What};
use crate::world::Clock;

/// How many events are kept, and how many a slow listener may be behind.
const KEPT: usize = 1024;

pub(super) struct Log {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    live: broadcast::Sender<Event>,
}

struct Kept {
    /// The number before this run's first: the time of its start in milliseconds. So a listener that comes back with a
    /// number of an earlier run does not take this one's events for the next of that.
    before: u64,
    last: u64,
    events: VecDeque<Event>,
}

impl Log {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let before = u64::try_from(clock.now().as_millisecond()).unwrap_or(0);
        let kept = Kept { before, last: before, events: VecDeque::new() };
        Self { clock, kept: Mutex::new(kept), live: broadcast::Sender::new(KEPT) }
    }

    /// Numbers what happened, keeps it and tells it.
    pub(super) fn tell(&self, what: What) {
        let mut kept = self.lock();
        kept.last += 1;
        let event = Event { id: kept.last, at: self.clock.now(), what };
        tracing::debug!(id = event.id, what = ?event.what, "event");
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        kept.events.push_back(event.clone());
        // Under the lock, so that the order is that of the numbers. No listener is no error.
        let _ = self.live.send(event);
    }

    /// The events after `last` that are still kept, and all that follow. A number that this run has not given is of
    /// an earlier one: then everything kept comes, after a gap.
    pub(super) fn after(&self, last: Option<u64>) -> EventStream {
        let kept = self.lock();
        let live = self.live.subscribe();
        let Some(last) = last else { return EventStream { backlog: Vec::new(), live } };
        let of_this_run = (kept.before..=kept.last).contains(&last);
        let from = if of_this_run { last } else { kept.before };
        let mut backlog: Vec<Event> = kept.events.iter().filter(|event| event.id > from).cloned().collect();
        let first_kept = kept.events.front().map_or(kept.last + 1, |event| event.id);
        if !of_this_run || first_kept > from + 1 {
            backlog.insert(0, Event { id: first_kept - 1, at: self.clock.now(), what: What::Gap });
        }
        EventStream { backlog, live }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Each change is whole before anything can panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Condition;
    use crate::world::FixedClock;

    /// When the log's run began, in milliseconds.
    const START: u64 = 1_000;

    fn log(events: u64) -> Log {
        let log = Log::new(Arc::new(FixedClock("1970-01-01T00:00:01Z".parse().unwrap())));
        for n in 0..events {
            log.tell(What::Condition { condition: Condition::Storage, present: n % 2 == 0 });
        }
        log
    }

    fn ids(stream: &EventStream) -> Vec<u64> {
        stream.backlog.iter().map(|event| event.id - START).collect()
    }

    #[test]
    fn a_listener_resumes_where_it_was() {
        let log = log(5);
        assert_eq!(ids(&log.after(None)), [0; 0]);
        assert_eq!(ids(&log.after(Some(START + 3))), [4, 5]);
        assert_eq!(ids(&log.after(Some(START))), [1, 2, 3, 4, 5]);
        let mut stream = log.after(Some(START + 5));
        assert!(stream.backlog.is_empty());
        log.tell(What::Gap);
        assert_eq!(stream.live.try_recv().unwrap().id, START + 6);
    }

    #[test]
    fn what_is_no_longer_kept_is_a_gap() {
        let kept = KEPT as u64;
        let stream = log(kept + 10).after(Some(START + 3));
        assert_eq!((stream.backlog[0].what.clone(), ids(&stream)[0]), (What::Gap, 10));
        assert_eq!(ids(&stream)[1], 11);
        assert_eq!(stream.backlog.len(), KEPT + 1);
    }

    #[test]
    fn a_number_of_another_run_is_a_gap_before_all_of_this_one() {
        for other in [0, 2, START - 1, START + 900, u64::MAX] {
            let stream = log(3).after(Some(other));
            assert_eq!(stream.backlog[0].what, What::Gap, "{other}");
            assert_eq!(ids(&stream), [0, 1, 2, 3], "{other}");
        }
    }
}
