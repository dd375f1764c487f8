#![no_main]
//! Certificates and signatures: any bytes as one.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sbkd_fuzz::certificate(data);
});
