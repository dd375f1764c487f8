//! (d) The settlement, engine beside engine.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::cases::{self, Case};
use crate::engines::{self, Engine};
use crate::numbers::{median_and_95th, ratio, thousandths};
use crate::openfisca::{OpenFisca, PYTHON};
use crate::table::Row;

/// Rounds that are measured, after those that warm up. In each, every engine settles every case once.
const ROUNDS: usize = 41;
const WARM_UP: usize = 3;
/// How many of the cases OpenFisca settles one by one in a round: it needs a millisecond for each.
const ONE_BY_ONE: usize = 50;

/// Someone who takes part: what a case took in a round.
struct Runner<'a> {
    name: String,
    ours: bool,
    round: Box<dyn FnMut() -> Duration + 'a>,
    times: Vec<Duration>,
}

/// Measures; every engine has given every answer to the fen before.
pub fn measure() -> Vec<Row> {
    let cases = cases::list();
    let openfisca = OpenFisca::find(&cases).map(RefCell::new);
    let mut runners = Vec::new();
    let mut tell = engines::teller();
    let mut tellings = Vec::new();
    for (ours, engines) in [(true, engines::ours()), (false, engines::peers())] {
        runners.extend(engines.into_iter().map(|engine| rust(engine, ours, &cases)));
    }
    if let Some(openfisca) = &openfisca {
        runners.extend(python(openfisca, &cases));
    }
    for round in 0..WARM_UP + ROUNDS {
        // Each goes first in its turn.
        let count = runners.len();
        for at in 0..count {
            let runner = &mut runners[(at + round) % count];
            let time = (runner.round)();
            if round >= WARM_UP {
                runner.times.push(time);
            }
        }
        let started = Instant::now();
        cases.iter().for_each(|case| tell(black_box(case)));
        tellings.push(each(started.elapsed(), cases.len()));
    }
    let mut rows = rows(&mut runners);
    let telling = us(median_and_95th(&mut tellings).0);
    rows.insert(1, Row::plain("(d) of which telling the ten facts", telling));
    if openfisca.is_none() {
        rows.push(Row::plain("(d) OpenFisca", format!("not installed: {PYTHON} names a Python that has it")));
    }
    rows
}

/// Someone of this process. A case is told from nothing but its plain facts, and all five answers are read.
fn rust<'a>(mut engine: Box<dyn Engine>, ours: bool, cases: &'a [Case]) -> Runner<'a> {
    let name = engine.name();
    for case in cases {
        assert_eq!(engine.settle(case), cases::reference(case), "{name} at {case:?}");
    }
    let round = move || {
        let started = Instant::now();
        for case in cases {
            black_box(engine.settle(black_box(case)));
        }
        each(started.elapsed(), cases.len())
    };
    Runner { name: name.to_owned(), ours, round: Box::new(round), times: Vec::new() }
}

fn python<'a>(openfisca: &'a RefCell<OpenFisca>, cases: &'a [Case]) -> [Runner<'a>; 2] {
    let version = openfisca.borrow().version.clone();
    for (way, settled) in ["one by one", "at once"].iter().zip(&openfisca.borrow().settled) {
        assert_eq!(settled.len(), cases.len(), "OpenFisca {way}");
        for (case, answer) in cases.iter().zip(settled) {
            assert_eq!(*answer, cases::reference(case), "OpenFisca {way} at {case:?}");
        }
    }
    let runner =
        |name: String, round: Box<dyn FnMut() -> Duration + 'a>| Runner { name, ours: false, round, times: Vec::new() };
    [
        runner(
            format!("{version}, whole fen, a simulation a case"),
            Box::new(|| each(openfisca.borrow_mut().one_by_one(ONE_BY_ONE), ONE_BY_ONE)),
        ),
        runner(
            format!("the same, {} cases in one simulation", cases.len()),
            Box::new(|| each(openfisca.borrow_mut().at_once(), cases.len())),
        ),
    ]
}

/// What one of `count` took, to the nanosecond.
fn each(time: Duration, count: usize) -> Duration {
    time / u32::try_from(count).unwrap_or(u32::MAX)
}

fn rows(runners: &mut [Runner<'_>]) -> Vec<Row> {
    let medians: Vec<Duration> = runners.iter_mut().map(|runner| median_and_95th(&mut runner.times).0).collect();
    let first = medians[0];
    let goals = [("at most 0.500 µs", 500), ("at most 3.000 µs", 3_000)];
    let mut rows = Vec::new();
    for (at, (runner, median)) in runners.iter().zip(&medians).enumerate() {
        let what = format!("(d) a settlement: {}", runner.name);
        let figure = match runner.ours {
            true => us(*median),
            false => format!("{}, {} × ours", us(*median), ratio(*median, first)),
        };
        rows.push(match goals.get(at).filter(|_| runner.ours) {
            Some((goal, most)) => Row::with_goal(&what, figure, goal, *median <= Duration::from_nanos(*most)),
            None => Row::plain(&what, figure),
        });
    }
    let peers = runners.iter().zip(&medians).filter(|(runner, _)| !runner.ours);
    if let Some((best, median)) = peers.min_by_key(|(_, median)| **median) {
        rows.push(Row::with_goal(
            "(d) ours ahead of the best of them",
            format!("{} ({})", ratio(*median, first), best.name),
            "at least 5.000",
            thousandths(*median, first) >= 5_000,
        ));
    }
    rows
}

/// Microseconds with three places.
pub fn us(time: Duration) -> String {
    format!("{}.{:03} µs", time.as_micros(), time.as_nanos() % 1000)
}
