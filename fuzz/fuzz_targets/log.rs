#![no_main]
//! Any text as another program's log.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::log(data);
});
