//! Medians and ratios in whole numbers.

use std::time::Duration;

/// The median and the 95th percentile; the times are sorted on the way.
pub fn median_and_95th(times: &mut [Duration]) -> (Duration, Duration) {
    (at(times, 50), at(times, 95))
}

/// A percentile; the times are sorted on the way.
pub fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Milliseconds with three places.
pub fn ms(time: Duration) -> String {
    format!("{}.{:03} ms", time.as_millis(), time.as_micros() % 1000)
}

/// `part / whole` with three places.
pub fn ratio(part: Duration, whole: Duration) -> String {
    let thousandths = thousandths(part, whole);
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

/// `1000 · part / whole`, rounded down.
pub fn thousandths(part: Duration, whole: Duration) -> u128 {
    part.as_nanos() * 1000 / whole.as_nanos().max(1)
}
