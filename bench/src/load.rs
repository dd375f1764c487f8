//! (s) The catalogue and all packs are loaded, as the daemon does when it starts.

use std::path::Path;
use std::time::{Duration, Instant};

use sbkd::config::Config;
use sbkd::rules::Packs;
use sbkd::scenario::Catalogue;
use sbkd::terminal::Setup;

use crate::numbers::{at, ms};
use crate::table::Row;

const TIMES: usize = 31;
const GOAL: Duration = Duration::from_millis(50);

/// Measures.
pub fn measure() -> Vec<Row> {
    rows(TIMES)
}

fn rows(times: usize) -> Vec<Row> {
    let text = "mode = \"demo\"\nterminal = \"H44010099999\"\n[keys]\nsource = \"psam\"\n";
    let config = Config::parse("bench.toml", text, Path::new("")).expect("a configuration");
    let catalogue = timed(times, || drop(Catalogue::builtin().expect("the catalogue that ships")));
    let packs = timed(times, || drop(Packs::builtin_for_use()));
    let cases = timed(times, || drop(Packs::builtin()));
    let mut whole = timed(times, || drop(Setup::load(&config).expect("what ships")));
    let met = at(&mut whole, 50) < GOAL;
    vec![
        Row::plain("(s) the catalogue is loaded", figure(catalogue)),
        Row::plain("(s) all packs are parsed, proved and compiled", figure(packs)),
        Row::plain("(s) the same, and all of their cases run", figure(cases)),
        Row::with_goal("(s) all that a terminal works by is loaded", figure(whole), "below 50 ms", met),
    ]
}

fn timed(times: usize, work: impl Fn()) -> Vec<Duration> {
    let once = |_| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    (0..times).map(once).collect()
}

fn figure(mut times: Vec<Duration>) -> String {
    format!("median {}, worst {}, of {}", ms(at(&mut times, 50)), ms(at(&mut times, 100)), times.len())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_loaded_is_measured_and_documented() {
        crate::table::tests::are_documented(&super::rows(1));
    }
}
