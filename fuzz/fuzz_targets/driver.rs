#![no_main]
//! The parameters of the national driver interface: any lines as such.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::driver(data);
});
