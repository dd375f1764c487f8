//! `sbkd` (社保卡 daemon): the terminal daemon for the Chinese social security card.
//!
//! The rooms stand on floors (see `ARCHITECTURE.md`); a room uses only rooms on the floors below it, and what its
//! row there adds. A card walks through them once, left to right: [`reader`], [`card`], [`scenario`], [`rules`],
//! [`queue`], [`sync`].
#![forbid(unsafe_code)]

pub mod failure;
pub mod world;

pub mod apdu;
pub mod cipher;
pub mod profile;
pub mod value;
pub mod wire;

pub mod queue;
pub mod reader;
pub mod rules;
pub mod script;
pub mod store;

pub mod keys;
pub mod sync;

pub mod card;
pub mod slip;

pub mod config;
pub mod national;
pub mod scenario;

pub mod terminal;

pub mod api;
pub mod cli;

pub mod center;
pub mod virtual_card;
