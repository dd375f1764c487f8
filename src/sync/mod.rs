//! Delivery upstream.
