#![no_main]
//! A card whose SELECT is answered with any bytes.

libfuzzer_sys::fuzz_target!(|data: &[u8]| sbkd_fuzz::fci(data));
