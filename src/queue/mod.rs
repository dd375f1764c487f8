//! The transaction journal.
