//! Delivery, end to end: a journal on disk, real HTTP, the reference centre. What is committed goes up once, whatever
//! fails on the way.

mod cancel;
mod chain;
mod enrolment;
mod forward;
mod hole;
mod implausible;
mod keys;
mod killed;
mod online;
mod payment;
mod privacy;
#[path = "../rig/search.rs"]
#[allow(dead_code, reason = "the search of all tests; this one uses a part")]
mod search;
mod tls;
mod world;
