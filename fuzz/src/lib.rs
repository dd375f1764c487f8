//! What the fuzz targets do with their bytes. `tests/fuzz.rs` does the same with bytes of its own.
//!
//! A target is a function of one of these modules, a file in `fuzz_targets/`, a `[[bin]]` of `Cargo.toml`, a line of
//! `targets` and a row of `README.md`.

mod certificates;
mod chips;
mod packs;
mod strings;
mod texts;

pub use certificates::certificate;
pub use chips::{atr, fci, record, session, tlv};
pub use packs::{expression, pack};
pub use strings::{driver, hsm};
pub use texts::{log, recording, script};
