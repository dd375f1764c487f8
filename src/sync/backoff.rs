//! How long to wait after a failure.

use std::time::Duration;

use super::Pace;
use crate::world::Random;

/// Doubles with each failure; half of each pause is random, so that terminals do not come back all at once.
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { failures: 0 }
    }

    /// Things went well.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure; at least `asked`, when the centre asked for that, and up to half as long again:
    /// it asks all terminals at the same time.
    pub(super) fn next(&mut self, pace: &Pace, asked: Option<Duration>, random: &dyn Random) -> Duration {
        let whole = pace.first.saturating_mul(1 << self.failures.min(20)).min(pace.longest);
        self.failures = self.failures.saturating_add(1);
        let asked = asked.unwrap_or_default();
        (whole / 2).max(asked) + part((whole / 2).max(asked / 2), random)
    }
}

/// The time that the centre asked for, and up to half of it more.
pub(super) fn at_least(asked: Duration, random: &dyn Random) -> Duration {
    asked + part(asked / 2, random)
}

/// A random part of `whole`; all of it when there is no randomness.
fn part(whole: Duration, random: &dyn Random) -> Duration {
    let mut bytes = [0; 2];
    match random.fill(&mut bytes) {
        Ok(()) => whole * u32::from(u16::from_be_bytes(bytes)) / u32::from(u16::MAX),
        Err(_) => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::NoRandom;

    /// Always the same bytes.
    struct Same(Result<u8, NoRandom>);

    impl Random for Same {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
            self.0.map(|byte| bytes.fill(byte))
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_half_is_random() {
        let pace = Pace { first: Duration::from_secs(1), longest: Duration::from_secs(6), ..Pace::default() };
        for (random, wanted) in [
            (Ok(0), [500, 1000, 2000, 3000, 3000]),
            (Ok(0xFF), [1000, 2000, 4000, 6000, 6000]),
            (Err(NoRandom), [1000, 2000, 4000, 6000, 6000]),
        ] {
            let mut backoff = Backoff::new();
            let pauses: Vec<u128> = (0..5).map(|_| backoff.next(&pace, None, &Same(random)).as_millis()).collect();
            assert_eq!(pauses, wanted);
            backoff.reset();
            assert_eq!(backoff.next(&pace, None, &Same(Ok(0xFF))).as_secs(), 1);
        }
        // What is asked for is never cut short, and not all come back when it is over; a long pause of our own stays as it is.
        for (asked, random, wanted) in [
            (8, Ok(0), 8_000),
            (8, Ok(0xFF), 12_000),
            (8, Err(NoRandom), 12_000),
            (2, Ok(0), 3_000),
            (2, Ok(0xFF), 6_000),
        ] {
            let mut tired = Backoff { failures: 9 };
            let pause = tired.next(&pace, Some(Duration::from_secs(asked)), &Same(random));
            assert_eq!(pause.as_millis(), wanted, "{asked}");
        }
        let eight = Duration::from_secs(8);
        let times = [0, 0xFF].map(|byte| at_least(eight, &Same(Ok(byte))).as_secs());
        assert_eq!(times, [8, 12]);
        let mut patient = Backoff { failures: u32::MAX };
        assert_eq!(patient.next(&pace, None, &Same(Ok(0xFF))), pace.longest);
    }
}
