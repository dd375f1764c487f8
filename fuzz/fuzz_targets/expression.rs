#![no_main]
//! Expressions: any text in each place of a small pack that takes one, and any input to what loads.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::expression(data);
});
