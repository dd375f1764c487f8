#![no_main]
//! The strings of security modules: any lines as such, in a dialect.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::hsm(data);
});
