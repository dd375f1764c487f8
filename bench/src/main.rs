//! The `sbkd` command.
#![forbid(unsafe_code)]
fn main() {}
