//! Measures the daemon beside bare calls to the libraries it stands on, and prints a table with the machine. A goal
//! that is missed is printed as missed; only a measurement that cannot be taken ends with a failure. `wire`, `read`,
//! `daemon`, `queue`, `scenarios`, `catalogue` or `drain` as an argument measures one part.
#![forbid(unsafe_code)]

mod catalogue;
mod commit;
mod daemon;
mod drain;
mod load;
mod machine;
#[path = "../../tests/rig/nats.rs"]
#[allow(dead_code, reason = "the servers of all tests; the bench uses a part")]
mod nats;
mod numbers;
mod queue;
#[path = "../../tests/rig/mod.rs"]
mod rig;
mod table;
mod tape;
#[path = "../../tests/delivery/tls.rs"]
#[allow(dead_code, reason = "the certificates of all tests; the bench uses a part")]
mod tls;
mod whole_read;
mod wire;

use rig::ports;

use table::Row;

fn main() {
    let wanted = std::env::args().nth(1);
    if wanted.as_deref() == Some(whole_read::CHILD) {
        println!("{}", table::render(&whole_read::measure_here()));
        return;
    }
    if wanted.as_deref() == Some(catalogue::CHILD) {
        return catalogue::here(std::path::Path::new(&std::env::args().nth(2).unwrap_or_default()));
    }
    if wanted.as_deref() == Some(drain::CHILD) {
        return drain::here(&std::env::args().skip(2).collect::<Vec<_>>());
    }
    let is_wanted = |name| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let mut rows: Vec<Row> = Vec::new();
    if is_wanted("wire") {
        eprintln!("reckoning what goes over the wire …");
        rows.extend(told(wire::measure()));
    }
    if is_wanted("read") {
        eprintln!("measuring the whole read …");
        rows.extend(told(whole_read::measure()));
    }
    if is_wanted("daemon") {
        eprintln!("measuring the daemon …");
        rows.extend(told(daemon::measure()));
    }
    if is_wanted("queue") {
        eprintln!("measuring the journal …");
        rows.extend(told(queue::measure()));
    }
    if is_wanted("scenarios") {
        eprintln!("carrying out every scenario …");
        rows.extend(told(commit::measure()));
        rows.extend(told(load::measure()));
    }
    if is_wanted("catalogue") {
        eprintln!("taking in a catalogue …");
        rows.extend(told(catalogue::measure()));
    }
    if is_wanted("drain") {
        eprintln!("measuring the delivery of a backlog …");
        rows.extend(told(drain::measure()));
    }
    println!("{}\n\n{}", machine::describe(), table::render(&rows));
}

/// Tells the rows at once: what comes after them may fail.
fn told(rows: Vec<Row>) -> Vec<Row> {
    for row in &rows {
        eprintln!("  {}: {}", row.what, row.figure);
    }
    rows
}
