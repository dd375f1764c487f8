//! Work that is done on all processors.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is made of each, in order, on all processors. Who makes it has something at hand, which each begins with.
pub(super) fn all<T: Sync, S, R: Send>(
    items: &[T],
    begin: impl Fn() -> S + Sync,
    make: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut at_hand, mut made) = (begin(), Vec::new());
        while let Some((at, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
        {
            made.push((at, make(&mut at_hand, item)));
        }
        made
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let mut made: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let theirs = others.into_iter().flat_map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        mine.into_iter().chain(theirs).collect()
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}
