//! `libSSCardDriver.so`: the national driver interface of social security cards for programs in C.
//!
//! The library reads no card. It hands each call to the daemon at its Unix socket, so that several programs share one reader,
//! and gives back what the daemon says. It starts no thread and keeps no connection between calls: calls from several threads
//! are fine, and so is a fork. What it keeps is the number of the steps that the process is at.
//!
//! What is unsafe is in [`exports`], `memory` and `rights` alone, and no panic leaves the library.

#![allow(non_snake_case)] // its name, and those of the functions, are the standard's

mod call;
mod charset;
mod code;
mod daemon;
pub mod exports;
/// The functions and their parameters: the same file that the daemon is built with.
#[path = "../../src/national/function.rs"]
pub mod function;
mod memory;
mod pin;
mod rights;
mod settings;
mod steps;
