//! Time and randomness, handed in so that a test or a replay can hold them still; and what the disk's files are to whom.

pub mod disk;

use std::sync::OnceLock;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// The wall clock.
pub trait Clock: Send + Sync {
    /// This moment.
    fn now(&self) -> Timestamp;

    /// Today's date in Asia/Shanghai, whatever the host's own zone is.
    fn today(&self) -> civil::Date {
        shanghai().to_datetime(self.now()).date()
    }

    /// The first day that it can show where it is right, as far as that is known: a day before it shows that it is wrong.
    fn earliest(&self) -> Option<civil::Date> {
        None
    }
}

/// Where random bytes come from.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// When the system's generator, or a recording that is being replayed, has no more to give.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom>;
}

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness gave nothing")]
pub struct NoRandom;

/// The time zone of every date in this program: UTC+8 without daylight saving, as Asia/Shanghai has been since 1991.
pub fn shanghai() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(8))
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// The day that this program was built, or put here: its own file is no older.
    fn earliest(&self) -> Option<civil::Date> {
        installed().map(|installed| shanghai().to_datetime(installed).date())
    }
}

/// When this program's file was written, by its file system; asked once.
pub fn installed() -> Option<Timestamp> {
    static INSTALLED: OnceLock<Option<Timestamp>> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let written = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified()).ok()?;
        Timestamp::try_from(written).ok()
    })
}

/// A clock that stands still.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The system's generator, through `ring`.
#[derive(Debug, Clone)]
pub struct SystemRandom(ring::rand::SystemRandom);

impl Default for SystemRandom {
    fn default() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        ring::rand::SecureRandom::fill(&self.0, bytes).map_err(|_| NoRandom)
    }
}

/// An HTTP client for what is on this machine: past every proxy, and it trusts no certificate.
pub fn loopback_client() -> reqwest::ClientBuilder {
    let ring = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    // Invariant: ring has what TLS 1.2 and 1.3 need.
    let tls =
        tls.expect("ring speaks TLS").with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_changes_at_midnight_in_shanghai() {
        let before = FixedClock("2015-07-31T15:59:59Z".parse().unwrap());
        let after = FixedClock("2015-07-31T16:00:00Z".parse().unwrap());
        assert_eq!(before.today(), civil::date(2015, 7, 31));
        assert_eq!(after.today(), civil::date(2015, 8, 1));
    }

    #[test]
    fn the_systems_clock_is_behind_no_day_that_this_program_was_written_on() {
        let written = SystemClock.earliest().unwrap();
        assert!(written <= SystemClock.today() && written > civil::date(2015, 8, 1), "{written}");
        assert_eq!(FixedClock(Timestamp::UNIX_EPOCH).earliest(), None);
    }
}
