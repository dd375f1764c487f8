//! The PC/SC back end.

mod connection;
mod direct;
mod translate;

pub use direct::{list_direct, open_direct, transport_direct};
