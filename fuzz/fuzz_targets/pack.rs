#![no_main]
//! The loader: any bytes as a pack.

libfuzzer_sys::fuzz_target!(|data: &[u8]| sbkd_fuzz::pack(data));
