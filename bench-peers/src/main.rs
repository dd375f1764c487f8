//! Measures the policy-pack engine beside other engines: the same settlement, the same cases, and first the same
//! answers, to the fen, as plain Rust gives. `settle`, `bill` or `load` as an argument measures one part. A goal that
//! is missed is printed as missed.
#![forbid(unsafe_code)]

mod bill;
mod cases;
mod engines;
#[path = "../../bench/src/machine.rs"]
#[allow(dead_code, reason = "the daemon's bench reads memory besides")]
mod machine;
#[path = "../../bench/src/numbers.rs"]
mod numbers;
mod openfisca;
mod settle;
#[path = "../../bench/src/table.rs"]
#[allow(dead_code, reason = "the daemon's bench reads its table back besides")]
mod table;

use table::Row;

/// A part by the name that asks for it.
type Part = (&'static str, fn() -> Vec<Row>);

const PARTS: [Part; 3] = [("settle", settle::measure), ("bill", bill::measure), ("load", bill::measure_loading)];

fn main() {
    let wanted = std::env::args().nth(1);
    let mut rows: Vec<Row> = Vec::new();
    for (name, measure) in PARTS {
        if wanted.as_deref().is_none_or(|wanted| wanted == name) {
            eprintln!("measuring: {name} …");
            rows.extend(measure());
        }
    }
    println!("{}\n\n{}", machine::describe(), table::render(&rows));
}
