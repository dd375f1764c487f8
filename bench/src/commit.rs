//! (s) Every scenario, from the confirmation to the durable commit, beside an INSERT of SQLite alone.
//!
//! A person carries most scenarios out once, so each round is another terminal and another centre, with everything as it is
//! in the beginning. Each case waits until nothing of the one before is on its way.

mod counter;
mod way;

#[allow(dead_code, reason = "what all tests of scenarios read; the bench uses a part")]
#[path = "../../tests/scenarios/catalogue.rs"]
mod catalogue;
#[allow(dead_code, reason = "what all tests of scenarios read; the bench uses a part")]
#[path = "../../tests/scenarios/fixture.rs"]
mod fixture;
#[allow(dead_code, reason = "what all tests of scenarios carry out; the bench uses a part")]
#[path = "../../tests/scenarios/subject.rs"]
mod subject;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::numbers::{at, ms, ratio};
use crate::queue::{bare_database, insert, row_length};
use crate::rig::tree;
use crate::table::Row;
use counter::Counter;
use subject::Subject;

const ROUNDS: usize = 40;
const MEDIAN: Duration = Duration::from_millis(3);
const HIGH: Duration = Duration::from_millis(15);

/// What was measured.
#[derive(Default)]
struct Taken {
    cases: Vec<Case>,
    /// The same disk, the same minutes: one INSERT before each confirmation.
    sqlite: Vec<Duration>,
}

/// One case that was carried out.
struct Case {
    kind: String,
    /// The scenario, with its part where it has several.
    name: String,
    /// From the confirmation until the case says that it is done.
    whole: Duration,
    /// How long the centre had it meanwhile; nothing where it is asked later.
    centre: Duration,
}

impl Case {
    /// What the daemon took.
    fn own(&self) -> Duration {
        self.whole.saturating_sub(self.centre)
    }
}

/// Measures.
pub fn measure() -> Vec<Row> {
    rows(&take(&subject::all(), ROUNDS))
}

fn take(subjects: &[Subject], rounds: usize) -> Taken {
    // The disk that the build is on: the folder for temporary files may be memory.
    let beside = std::env::current_exe().expect("the path of this program");
    let beside = beside.parent().expect("the folder of this program");
    let dir = tempfile::tempdir_in(beside).expect("a folder on the disk");
    let db = bare_database(&dir.path().join("bare.db"));
    let length = row_length(dir.path());
    let mut taken = Taken::default();
    for _ in 0..rounds {
        let mut counter = Counter::open(beside);
        for subject in subjects {
            let waits = counter.decided(subject);
            let begun = Instant::now();
            insert(&db, length);
            taken.sqlite.push(begun.elapsed());
            let (whole, centre) = counter.confirmed(&waits);
            taken.cases.push(Case { kind: subject.asks.kind.clone(), name: subject.to_string(), whole, centre });
        }
        counter.close();
    }
    taken
}

fn rows(taken: &Taken) -> Vec<Row> {
    let Taken { cases, sqlite } = taken;
    let own = |which: &dyn Fn(&&Case) -> bool| cases.iter().filter(which).map(Case::own).collect::<Vec<_>>();
    let mut rows = vec![Row::plain("(s) SQLite, WAL and FULL: one INSERT a transaction", figure(sqlite))];
    for kind in groups(cases, |case| &case.kind).keys() {
        rows.push(Row::plain(&format!("(s) `{kind}`"), figure(&own(&|case| case.kind == **kind))));
    }
    for (kind, of_kind) in groups(cases, |case| &case.kind) {
        if of_kind.iter().any(|case| case.centre > Duration::ZERO) {
            let whole: Vec<Duration> = of_kind.iter().map(|case| case.whole).collect();
            rows.push(Row::plain(&format!("(s) `{kind}` with the centre's answer"), figure(&whole)));
        }
    }
    let slowest = groups(cases, |case| &case.name).into_iter().map(|(name, cases)| {
        let own: Vec<Duration> = cases.into_iter().map(Case::own).collect();
        (percentile(&own, 50), name)
    });
    if let Some((median, name)) = slowest.max() {
        rows.push(Row::plain("(s) the scenario with the longest median", format!("{}, {name}", ms(median))));
    }
    let all = own(&|_| true);
    let (median, high) = (percentile(&all, 50), percentile(&all, 99));
    rows.push(Row::with_goal("(s) all: median", ms(median), "below 3 ms", median < MEDIAN));
    rows.push(Row::with_goal("(s) all: 99th percentile", ms(high), "below 15 ms", high < HIGH));
    let times = format!(
        "median {} times, 99th percentile {} times",
        ratio(median, percentile(sqlite, 50)),
        ratio(high, percentile(sqlite, 99))
    );
    rows.push(Row::plain("(s) all, of SQLite alone", times));
    rows
}

/// The cases by what they have in common.
fn groups<'a>(cases: &'a [Case], of: impl Fn(&'a Case) -> &'a String) -> BTreeMap<&'a String, Vec<&'a Case>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for case in cases {
        groups.entry(of(case)).or_default().push(case);
    }
    groups
}

fn figure(times: &[Duration]) -> String {
    let (median, high) = (percentile(times, 50), percentile(times, 99));
    format!("median {}, 99th percentile {}, of {}", ms(median), ms(high), times.len())
}

fn percentile(times: &[Duration], percent: usize) -> Duration {
    at(&mut times.to_vec(), percent)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// One of each kind, once: the figures mean nothing, but the table has the rows that are documented.
    #[test]
    fn each_kind_is_measured_and_documented() {
        let (mut kinds, mut subjects) = (BTreeSet::new(), subject::all());
        subjects.retain(|subject| kinds.insert(subject.asks.kind.clone()));
        let taken = take(&subjects, 1);
        assert_eq!((taken.cases.len(), taken.sqlite.len()), (kinds.len(), kinds.len()));
        for case in &taken.cases {
            let online = ["settle", "pay"].contains(&case.kind.as_str());
            assert_eq!(case.centre > Duration::ZERO, online, "{}: the centre had it for {:?}", case.name, case.centre);
            assert!(case.own() > Duration::ZERO, "{}: {:?} of {:?}", case.name, case.centre, case.whole);
        }
        crate::table::tests::are_documented(&rows(&taken));
    }
}
