#![no_main]
//! Any text as an APDU script.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::script(data);
});
