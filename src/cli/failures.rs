//! The failures of all rooms.

use crate::failure::Entry;

/// The tables of all rooms, each by the room's name, in the order of the walk.
pub fn failures() -> [(&'static str, &'static [&'static Entry]); 19] {
    [
        ("cipher", crate::cipher::ENTRIES),
        ("reader", crate::reader::ENTRIES),
        ("script", crate::script::ENTRIES),
        ("keys", crate::keys::ENTRIES),
        ("card", crate::card::ENTRIES),
        ("card::account", crate::card::account::ENTRIES),
        ("card::bank", crate::card::bank::ENTRIES),
        ("card::pki", crate::card::pki::ENTRIES),
        ("scenario", crate::scenario::errors::ENTRIES),
        ("rules", crate::rules::ENTRIES),
        ("terminal", crate::terminal::errors::ENTRIES),
        ("queue", crate::queue::errors::ENTRIES),
        ("store", crate::store::errors::ENTRIES),
        ("sync", crate::sync::errors::ENTRIES),
        ("wire", crate::wire::errors::ENTRIES),
        ("config", crate::config::ENTRIES),
        ("api", crate::api::ENTRIES),
        ("cli", super::ENTRIES),
        ("virtual_card", crate::virtual_card::ENTRIES),
    ]
}
