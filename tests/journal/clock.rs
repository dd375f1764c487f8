//! The clock jumps, the month ends, the host stands in another time zone: nothing is lost, the order stays, and the month
//! is that of Asia/Shanghai.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use sbkd::queue::{Draft, Faults, Filter, Note, State};
use sbkd::scenario::month;
use sbkd::world::Clock;

use crate::world::{child, child_dir, draft, keys, open_at, receipt};

const YEAR: i64 = 365 * 24 * 3_600_000;

/// A clock that a test sets.
struct Hands(AtomicI64);

impl Hands {
    fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(text.parse::<Timestamp>().unwrap().as_millisecond())))
    }

    fn jump(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

#[test]
fn jumps_of_a_year_lose_nothing_and_keep_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::at("2015-08-03T02:00:00Z");
    let open = || open_at(dir.path(), keys(dir.path()), Faults::default(), clock.clone()).unwrap();
    let mut queue = open();
    let mut committed = Vec::new();
    for (n, jump) in [YEAR, -YEAR, -YEAR, YEAR, YEAR, -YEAR].into_iter().cycle().take(30).enumerate() {
        clock.jump(jump);
        if n % 7 == 6 {
            queue.close();
            drop(queue);
            queue = open();
        }
        let row = queue.commit(draft(&n.to_string())).unwrap().row;
        assert_eq!(row.created_at, clock.now());
        clock.jump(-jump);
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        committed.push(queue.advance(row.id, State::Acked, receipt(&row).into()).unwrap());
        clock.jump(jump);
        // An age is never negative, whatever the clock says of the past.
        queue.commit(draft(&format!("open {n}"))).unwrap();
        assert!(queue.stats().unwrap().oldest_unsent_secs.unwrap() >= 0);
    }
    assert_eq!(queue.verify().unwrap().rows, 60);
    let mut rows = queue.list(&Filter { limit: Some(100), ..Filter::default() }).unwrap();
    rows.reverse();
    assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), (1..=60).collect::<Vec<_>>());
    assert_eq!(rows.iter().map(|row| &row.msgid).collect::<BTreeSet<_>>().len(), 60);
    assert_eq!(rows.iter().map(|row| row.id).collect::<BTreeSet<_>>().len(), 60);
    assert_eq!(rows.into_iter().step_by(2).collect::<Vec<_>>(), committed);
    for n in 0..30 {
        assert!(queue.commit(draft(&n.to_string())).unwrap().duplicate, "{n}");
    }
}

/// Commits around the end of a month, on a host whose zone is what `TZ` says.
#[test]
#[ignore = "a process of the other test here"]
fn the_host() {
    let Some(dir) = child_dir() else { return };
    let clock = Hands::at("2015-07-31T15:59:59.999Z");
    let queue = open_at(&dir, keys(&dir), Faults::default(), clock.clone()).unwrap();
    // The month's last millisecond in Shanghai, the next one's first; then the last of February of a leap year.
    for (moment, day, shown, number) in [
        ("2015-07-31T15:59:59.999Z", "2015-07-31", "20150731235959", "0001"),
        ("2015-07-31T16:00:00Z", "2015-08-01", "20150801000000", "0002"),
        ("2016-02-29T15:59:59.999Z", "2016-02-29", "20160229235959", "0003"),
        ("2016-02-29T16:00:00Z", "2016-03-01", "20160301000000", "0004"),
        ("2015-12-31T16:00:00Z", "2016-01-01", "20160101000000", "0005"),
    ] {
        let moment: Timestamp = moment.parse().unwrap();
        clock.jump(moment.as_millisecond() - clock.now().as_millisecond());
        let today = clock.today();
        assert_eq!((today.to_string(), month(today)), (day.to_owned(), day[..7].to_owned()));
        let row = queue.commit(Draft { business_date: today, ..draft(day) }).unwrap().row;
        assert_eq!(row.msgid, format!("H44010099999{shown}{number}"));
        assert_eq!((row.business_date, row.created_at), (today, moment));
        let header = queue.envelope(row.id).unwrap().unwrap().header;
        assert_eq!((header.business_date, header.created_at), (today, moment));
    }
    queue.verify().unwrap();
    queue.close();
}

#[test]
fn the_month_is_shanghais_wherever_the_host_stands() {
    for zone in ["America/New_York", "Pacific/Kiritimati", "Asia/Shanghai", "UTC", "EST5EDT", "nonsense"] {
        let dir = tempfile::tempdir().unwrap();
        let ran = child("clock::the_host", dir.path()).env("TZ", zone).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && told.contains("1 passed"), "{zone}: {ran:?}");
        // The journal that one host wrote is another's.
        let clock = Hands::at("2017-01-01T00:00:00Z");
        let queue = open_at(dir.path(), keys(dir.path()), Faults::default(), clock).unwrap();
        assert_eq!(queue.verify().unwrap().rows, 5);
        assert!(
            queue
                .commit(Draft { business_date: jiff::civil::date(2015, 8, 1), ..draft("2015-08-01") })
                .unwrap()
                .duplicate
        );
    }
}
