//! The daemon when things last: many cards and restarts, and a disk that has no room.

mod full_disk;
#[path = "../rig/mod.rs"]
mod rig;
mod soak;
