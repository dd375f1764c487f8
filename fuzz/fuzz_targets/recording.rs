#![no_main]
//! Any text as a recording.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::recording(data);
});
