//! Every scenario of the table over HTTP, from the card to the acknowledged transaction, and every way in which it must
//! not be carried out.
//!
//! The list is the table's. What a scenario asks for is read from the catalogue (`config/scenarios`), and what is put
//! in, what must come of it and what is refused from its fixture (`fixtures/scenarios`). Each test has a counter and a
//! centre of its own, and carries out all scenarios there.

// The same counter that the cases are tested at, of which this uses a part.
#[allow(dead_code)]
#[path = "../cases/counter.rs"]
mod counter;
#[allow(dead_code)]
#[path = "../rig/http.rs"]
mod http;

mod accepted;
mod apdus;
mod away;
mod bad;
mod bad_forms;
mod browser;
mod cases;
mod catalogue;
mod fixture;
mod house;
mod keys;
mod kiosk;
mod message;
mod paper;
mod payments;
mod pin;
mod prints;
mod subject;
mod told;
#[path = "../rig/tree.rs"]
mod tree;
mod unknown;
mod whole;

use counter::PATIENCE;
use tree::tree;
