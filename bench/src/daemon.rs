//! (b) From the event of a card to its holder, and (c) what the idle daemon takes: start to ready, resident memory.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::machine::resident_kb;
use crate::numbers::{median_and_95th, ms};
use crate::rig::image;
use crate::rig::walk::{Setting, Walk, sign_in};
use crate::table::Row;

const CARDS: usize = 10;
const STARTS: usize = 11;
/// How long the daemon is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// Measures.
pub fn measure() -> Vec<Row> {
    let mut walk = Walk::without_processes(Setting { log: "warn", ..Setting::default() });
    walk.rig.keep_psam(&image("psam"));
    walk.start_centre();
    let mut rows = Vec::new();
    let mut starts: Vec<Duration> = (0..STARTS).map(|_| start_to_ready(&walk)).collect();
    let (start, high) = median_and_95th(&mut starts);
    walk.start_daemon();
    let id = walk.daemon_id();
    std::thread::sleep(IDLE);
    let idle = resident_kb(id).unwrap_or_default();
    rows.extend(event_to_holder(&mut walk));
    let used = resident_kb(id).unwrap_or_default();
    rows.push(Row::with_goal(
        &format!("(c) start to ready (sd_notify), {STARTS} times"),
        format!("median {}, worst {}", ms(start), ms(high)),
        "below 100 ms",
        start < Duration::from_millis(100),
    ));
    let below = idle > 0 && idle < 20 * 1024;
    rows.push(Row::with_goal("(c) resident memory of the idle daemon", mb(idle), "below 20 MB", below));
    rows.push(Row::plain(&format!("(c) the same after {CARDS} cards"), mb(used)));
    rows
}

/// From the start of the process to the `READY=1` that systemd would get.
fn start_to_ready(walk: &Walk) -> Duration {
    let place = walk.file("notify");
    let _ = std::fs::remove_file(&place);
    let notified = UnixDatagram::bind(&place).expect("a socket for sd_notify");
    notified.set_read_timeout(Some(crate::rig::PATIENCE)).expect("a time limit");
    let mut command = walk.rig.command("run");
    command.arg("--config").arg(walk.file("sbkd.toml")).env("NOTIFY_SOCKET", &place);
    let started = Instant::now();
    let daemon = walk.rig.spawn("timed", command);
    let mut message = [0; 4096];
    loop {
        let length = notified.recv(&mut message).expect("the daemon says that it is ready");
        if String::from_utf8_lossy(&message[..length]).lines().any(|line| line == "READY=1") {
            break;
        }
    }
    let took = started.elapsed();
    assert_eq!(daemon.terminate(), Some(0), "the daemon ends when asked");
    took
}

/// A case waits for a card; the card comes; its holder is known.
fn event_to_holder(walk: &mut Walk) -> Vec<Row> {
    let mut times = Vec::new();
    for _ in 0..CARDS {
        walk.rig.pull();
        let watch = walk.watch();
        let id = walk.open("unemployment-sign-in", &sign_in());
        walk.rig.insert_without_waiting(&image("v3-sm4"));
        let (seen, _) = watch.until("the card's event", |event| event["change"] == "card-in");
        let (known, _) =
            watch.until("the holder", |event| event["case"] == id.as_str() && event["step"] == "holder-read");
        times.push(known.duration_since(seen));
        walk.http.post(&format!("/v1/cases/{id}/cancel"), &json!({}));
    }
    let (median, high) = median_and_95th(&mut times);
    vec![Row::plain(
        &format!("(b) card's event to holder at the daemon's event stream, {CARDS} cards"),
        format!("median {}, worst {}", ms(median), ms(high)),
    )]
}

fn mb(kb: u64) -> String {
    format!("{}.{:02} MB", kb / 1024, kb % 1024 * 100 / 1024)
}
