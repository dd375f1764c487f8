//! What goes wrong in the course of a run, part by part: at the centre one thing after the other, and outages of the link
//! that last until somebody at a counter has given up. A part begins when that before has met what was in store for it.

use std::time::Duration;

use sbkd::center::Faults;
use sbkd::queue::{Filter, State};
use sbkd::wire::infno;

use crate::link::{Link, Weather};
use crate::number;
use crate::terminal::{Terminal, list};
use crate::world::Centre;

/// How long it may take until what the centre is told to do wrong was met.
const LONG: Duration = Duration::from_secs(60);

/// The parts of a run.
fn parts() -> u32 {
    number(48, 12)
}

/// What the centre does wrong, in the order in which it does: each in a part of its own, and then from the beginning.
fn wrongs() -> [Faults; 8] {
    let n = number(20, 4);
    // The same stored message meets all of them where no other comes between. After ten times the centre lets it go
    // until its terminal sends it again, ten minutes later.
    let few = 2;
    let only = |name: &str| Faults { only: Some(name.to_owned()), ..Faults::default() };
    [
        Faults { duplicate: n, ..only(infno::SETTLE) },
        Faults { duplicate: n, ..only("transactions") },
        Faults { reorder: n, ..only(infno::SETTLE) },
        Faults { reorder: n, ..only("transactions") },
        Faults { drop_answer: n, ..only(infno::SETTLE) },
        Faults { drop_answer: few, ..only("transactions") },
        Faults { fail: n, ..only(infno::SETTLE) },
        Faults { fail: few, ..only("transactions") },
    ]
}

fn weather(part: u32) -> Weather {
    match part % 4 {
        1 => Weather::NoAnswers,
        3 => Weather::Nothing,
        _ => Weather::Clear,
    }
}

/// Lets all of it happen while so many cases are carried out. How many outages there were in which the centre settled
/// what its counter gave up.
pub async fn run(count: u32, terminal: &Terminal, link: &Link, centre: &Centre) -> usize {
    let wrongs = wrongs();
    let (mut met, mut given_up) = (wrongs.each_ref().map(|_| 0), [0, 0]);
    for part in 0..parts() {
        let (at, weather, until) = (part as usize % wrongs.len(), weather(part), count * (part + 1) / parts());
        centre.play(wrongs[at].clone());
        link.set(weather);
        let before = terminal.queue.stats().unwrap().total;
        terminal.allow(until);
        if weather != Weather::Clear {
            tokio::select! {
                () = until_given_up(weather, before, terminal, centre) => {
                    given_up[usize::from(weather == Weather::Nothing)] += 1;
                }
                // All of them found that there was no connection at all.
                () = terminal.until_committed(until) => {}
            }
            link.set(Weather::Clear);
        }
        terminal.until_committed(until).await;
        met[at] += until_met(&wrongs[at], terminal, centre).await;
    }
    centre.play(Faults::default());
    println!("the centre went wrong: {met:?}; given up in outages: {given_up:?}");
    let [settled, unheard] = given_up;
    assert!(settled > 0 && unheard > 0, "no outage did what it is for: {given_up:?}");
    settled
}

/// Waits until the centre did some of what it was told to do wrong; how often it did.
async fn until_met(told: &Faults, terminal: &Terminal, centre: &Centre) -> u32 {
    let mut changes = terminal.queue.changes();
    let met = async {
        loop {
            match times(told) - times(&centre.running.faults()) {
                // What meets it comes to its end afterwards. Missed changes are no harm: the centre is asked again.
                0 => drop(changes.recv().await),
                met => return met,
            }
        }
    };
    tokio::time::timeout(LONG, met).await.unwrap_or_else(|_| panic!("the centre never did {told:?}"))
}

fn times(faults: &Faults) -> u32 {
    faults.duplicate + faults.reorder + faults.drop_answer + faults.fail
}

/// Waits until a settlement is to be taken back that began in the outage: where no answers come, one that the centre
/// has; where nothing does, one that it never heard of and may hear of yet.
async fn until_given_up(weather: Weather, before: u64, terminal: &Terminal, centre: &Centre) {
    let mut changes = terminal.queue.changes();
    while !is_given_up(weather, before, terminal, centre).await {
        // Missed changes are no harm: the journal is asked again.
        drop(changes.recv().await);
    }
}

async fn is_given_up(weather: Weather, before: u64, terminal: &Terminal, centre: &Centre) -> bool {
    let filter = Filter { states: vec![State::Reversing], limit: Some(1_000) };
    let rows = terminal.queue.list(&filter).unwrap();
    let begun: Vec<_> = rows.iter().filter(|row| row.sequence > before).collect();
    if begun.is_empty() {
        return false;
    }
    let ledger = centre.running.ledger().await.unwrap();
    let state =
        |msgid: &str| list(&ledger["settlements"]).iter().find(|one| one["msgid"] == msgid).map(|one| &one["state"]);
    begun.iter().any(|row| match (weather, state(&row.msgid)) {
        (Weather::NoAnswers, Some(state)) => state == "settled" || state == "reversed",
        (_, state) => weather == Weather::Nothing && state.is_none(),
    })
}
