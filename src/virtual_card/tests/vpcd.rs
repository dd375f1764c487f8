//! The vpcd protocol.
