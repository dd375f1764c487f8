//! Measures the daemon beside bare calls to the libraries it stands on, and prints a table with the machine. A goal
//! that is missed is printed as missed; only a measurement that cannot be taken ends with a failure. `read`, `daemon` or
//! `queue` as an argument measures one part.
#![forbid(unsafe_code)]

mod daemon;
mod machine;
mod numbers;
mod queue;
#[path = "../../tests/rig/mod.rs"]
mod rig;
mod table;
mod tape;
mod whole_read;

use table::Row;

fn main() {
    let wanted = std::env::args().nth(1);
    if wanted.as_deref() == Some(whole_read::CHILD) {
        println!("{}", table::render(&whole_read::measure_here()));
        return;
    }
    let is_wanted = |name| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let mut rows: Vec<Row> = Vec::new();
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
    println!("{}\n\n{}", machine::describe(), table::render(&rows));
}

/// Tells the rows at once: what comes after them may fail.
fn told(rows: Vec<Row>) -> Vec<Row> {
    for row in &rows {
        eprintln!("  {}: {}", row.what, row.figure);
    }
    rows
}
