//! The daemon over a long time: cards come and go, pcscd and the centre are killed and started again, and what the daemon
//! takes of the machine stays what it was. Short here; `SBKD_FULL=1` for the whole of it, which takes hours.

use std::fs;

use serde_json::json;

use crate::rig::walk::{Setting, Walk, sign_in};
use crate::rig::{HOLDER, image, until};

/// How much is done: insertions, and on the way restarts of pcscd and of the centre.
struct Length {
    insertions: usize,
    pcscd: usize,
    centre: usize,
}

const SHORT: Length = Length { insertions: 40, pcscd: 8, centre: 6 };
const FULL: Length = Length { insertions: 10_000, pcscd: 50, centre: 20 };

/// What may come on top of the resident memory, in kB: what an allocator keeps back differs from moment to moment.
const SWING: u64 = 2048;

/// Threads that may come on top: the runtime starts one for what happens at the same time, and ends it when it has been
/// idle for a while.
const POOL: u64 = 2;

/// Descriptors that may come on top: connections to the centre, and of the programs that ask, come and go.
const CONNECTIONS: u64 = 2;

/// What the daemon takes of the machine.
#[derive(Debug, Clone, Copy)]
struct Takes {
    resident_kb: u64,
    descriptors: usize,
    threads: usize,
}

impl Takes {
    fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
        let entries = |name: &str| fs::read_dir(format!("/proc/{process}/{name}")).expect("a process").count();
        Self {
            resident_kb: resident.trim().trim_end_matches(" kB").parse().expect("a number"),
            descriptors: entries("fd"),
            threads: entries("task"),
        }
    }
}

impl Length {
    /// The insertions before which there is one of so many restarts: each in the middle of its part of the whole.
    fn restarts(&self, times: usize) -> impl Iterator<Item = usize> {
        let part = self.insertions / times;
        (0..times).map(move |nth| nth * part + part / 2)
    }
}

/// The middle of what was taken over a while: a moment's swing is not in it.
fn middle(taken: &[Takes], of: fn(&Takes) -> u64) -> u64 {
    let mut all: Vec<u64> = taken.iter().map(of).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

#[test]
fn the_restarts_are_as_many_as_are_told_and_some_tell_late_from_early() {
    for length in [SHORT, FULL] {
        for times in [length.pcscd, length.centre] {
            let at: Vec<usize> = length.restarts(times).collect();
            assert!(at.len() == times && at.iter().all(|at| *at < length.insertions), "{at:?}");
            // One at least belongs to the warming up. Between the middle of early and that of late are so many that one
            // descriptor or thread at each is more than what may come on top.
            let before = |eighth: usize| at.iter().filter(|at| **at < eighth * length.insertions / 8).count();
            let between = before(7) - before(3);
            assert!(before(2) >= 1 && between as u64 > CONNECTIONS.max(POOL), "{at:?}");
        }
    }
}

#[test]
fn the_daemon_takes_no_more_after_many_cards_and_restarts() {
    let length = if std::env::var_os("SBKD_FULL").is_some_and(|value| value == "1") { FULL } else { SHORT };
    // Few ended cases are kept, so that what grows is not those.
    let lines = "[cases]\nkeep = 4\n";
    let mut walk = Walk::start(Setting { log: "warn", heartbeat: 1, lines, ..Setting::default() });
    walk.rig.keep_psam(&image("psam"));
    let daemon = walk.daemon_id();
    let [pcscd, centre] = [length.pcscd, length.centre].map(|times| length.restarts(times).collect::<Vec<_>>());
    let mut taken = Vec::new();
    for n in 0..length.insertions {
        if pcscd.contains(&n) {
            restart_pcscd(&mut walk);
        }
        if centre.contains(&n) {
            restart_centre(&mut walk);
        }
        insert_and_read(&mut walk);
        taken.push(Takes::of(daemon));
        assert_eq!(walk.daemon_id(), daemon, "the daemon stayed");
        if n % 500 == 499 {
            println!("{}: {:?}", n + 1, taken[n]);
        }
    }
    // The first quarter is there to warm up.
    let quarter = length.insertions / 4;
    let (early, late) = (&taken[quarter..2 * quarter], &taken[3 * quarter..]);
    let grew = |of: fn(&Takes) -> u64| middle(late, of).saturating_sub(middle(early, of));
    let told = || format!("early {early:?}\nlate {late:?}");
    assert!(grew(|takes| takes.resident_kb) <= SWING, "memory grows: {}", told());
    assert!(grew(|takes| takes.descriptors as u64) <= CONNECTIONS, "descriptors grow: {}", told());
    assert!(grew(|takes| takes.threads as u64) <= POOL, "threads grow: {}", told());
    assert_eq!(walk.stop_daemon(), Some(0));
}

/// A card goes in, a case reads it to the end, and is given up.
fn insert_and_read(walk: &mut Walk) {
    walk.rig.pull();
    until("the daemon sees that the card is gone", || (walk.card_seen(HOLDER) == Some(false)).then_some(()));
    walk.rig.insert_without_waiting(&image("v3-sm4"));
    let id = walk.open("unemployment-sign-in", &sign_in());
    walk.until_case(&id, &["waiting-confirmation"]);
    walk.http.post(&format!("/v1/cases/{id}/cancel"), &json!({})).success();
    walk.until_case(&id, &["cancelled"]);
}

fn restart_pcscd(walk: &mut Walk) {
    walk.rig.kill_pcscd();
    until("the daemon notices that pcscd is away", || walk.condition("card-service-away").then_some(()));
    walk.rig.restart_pcscd();
    until("the daemon notices that pcscd is back", || (!walk.condition("card-service-away")).then_some(()));
    until("the daemon sees the PSAM", || (!walk.condition("keys-away")).then_some(()));
}

fn restart_centre(walk: &mut Walk) {
    walk.kill_centre();
    until("the daemon notices that the centre is away", || walk.condition("uplink-away").then_some(()));
    walk.start_centre();
    until("the daemon notices that the centre is back", || (!walk.condition("uplink-away")).then_some(()));
}
