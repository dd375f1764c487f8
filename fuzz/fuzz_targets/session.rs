#![no_main]
//! A recorded session of any commands and answers.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::session(data);
});
