#![no_main]
//! A card whose files are any bytes.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::record(data);
});
