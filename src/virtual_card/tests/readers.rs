//! Readers in this process.
