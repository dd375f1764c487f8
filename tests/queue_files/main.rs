//! The commands that work on the journal's files, as an operator and an auditor use them.

#[path = "../rig/mod.rs"]
mod rig;

mod aside;
mod backup;
mod export;
mod keeping;
mod owner;
mod rekey;
mod verify;
mod world;
