#![no_main]
//! TLV: any bytes as records and as an FCI.

libfuzzer_sys::fuzz_target!(|data: &[u8]| sbkd_fuzz::tlv(data));
