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

const SHORT: Length = Length { insertions: 40, pcscd: 3, centre: 3 };
const FULL: Length = Length { insertions: 10_000, pcscd: 50, centre: 20 };

/// What may come on top of the resident memory, in kB: what an allocator keeps back differs from moment to moment.
const SWING: u64 = 2048;

/// Threads that may come on top: the runtime starts one for what happens at the same time, and ends it when it has been
/// idle for a while.
const POOL: u64 = 2;

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

#[test]
fn the_daemon_takes_no_more_after_many_cards_and_restarts() {
    let length = if std::env::var_os("SBKD_FULL").is_some_and(|value| value == "1") { FULL } else { SHORT };
    // Few ended cases are kept, so that what grows is not those.
    let lines = "[cases]\nkeep = 4\n";
    let mut walk = Walk::start(Setting { log: "warn", heartbeat: 1, lines, ..Setting::default() });
    walk.rig.keep_psam(&image("psam"));
    let daemon = walk.daemon_id();
    // A quarter to warm up, in which each kind of restart falls once.
    let quarter = length.insertions / 4;
    let is_due = |n: usize, times: usize| n % (length.insertions / times).max(1) == quarter / 2;
    let mut taken = Vec::new();
    let [mut pcscd, mut centre] = [0, 0];
    for n in 0..length.insertions {
        if is_due(n, length.pcscd) {
            restart_pcscd(&mut walk);
            pcscd += 1;
        }
        if is_due(n + 1, length.centre) {
            restart_centre(&mut walk);
            centre += 1;
        }
        insert_and_read(&mut walk);
        taken.push(Takes::of(daemon));
        assert_eq!(walk.daemon_id(), daemon, "the daemon stayed");
    }
    assert!(pcscd >= length.pcscd && centre >= length.centre, "{pcscd} and {centre} restarts");
    let (early, late) = (&taken[quarter..2 * quarter], &taken[3 * quarter..]);
    let most = |of: fn(&Takes) -> u64| early.iter().map(of).max().unwrap_or_default();
    let least = |of: fn(&Takes) -> u64| late.iter().map(of).min().unwrap_or_default();
    let grew = |of: fn(&Takes) -> u64| least(of).saturating_sub(most(of));
    let told = format!("early {early:?}\nlate {late:?}");
    assert!(grew(|takes| takes.resident_kb) <= SWING, "memory grows: {told}");
    assert_eq!(grew(|takes| takes.descriptors as u64), 0, "descriptors grow: {told}");
    assert!(grew(|takes| takes.threads as u64) <= POOL, "threads grow: {told}");
    assert_eq!(walk.stop_daemon(), Some(0));
}

/// A card goes in, a case reads it to the end, and is given up.
fn insert_and_read(walk: &mut Walk) {
    walk.rig.pull();
    until("the daemon sees that the card is gone", || (card_seen(walk) == Some(false)).then_some(()));
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

/// Whether the daemon sees a card in the holder's reader; `None` when it has no such reader.
fn card_seen(walk: &Walk) -> Option<bool> {
    let readers = walk.http.get("/v1/readers").success();
    readers.as_array()?.iter().find(|reader| reader["name"] == HOLDER)?["card"].as_bool()
}
