#![no_main]
//! The answer to reset: any bytes as one.

libfuzzer_sys::fuzz_target!(|data: &[u8]| sbkd_fuzz::atr(data));
