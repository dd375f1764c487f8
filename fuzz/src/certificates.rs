//! Certificates and signatures, as a card or a program hands them over.

use std::time::Duration;

use sbkd::cipher::{Certificate, Issuer, Sm2Key, Sm2Signature, USER_ID};

/// Any bytes as a certificate, the file of one, a signature in either form, and a key. Whether they were taken.
pub fn certificate(data: &[u8]) -> bool {
    let signature = Sm2Signature::from_der(data).inspect(|signature| {
        assert_eq!(signature.to_der(), data, "another signature");
        assert_eq!(Sm2Signature::from_raw(&signature.to_raw()).as_ref(), Ok(signature), "another signature");
    });
    let raw = Sm2Signature::from_raw(data).inspect(|signature| assert_eq!(signature.to_raw(), data));
    let key = Sm2Key::from_point(data);
    let file = Certificate::at_start(data).inspect(|(certificate, own)| {
        assert!(data.starts_with(own), "bytes that were not read");
        if let Ok(issuer) = Issuer::from_der(own) {
            // Who vouches for itself is an authority, and what is not changed since it was made.
            let _ = certificate.vouched_for(&[issuer], Duration::from_secs(1_767_225_600));
        }
        if let Ok(signature) = &raw {
            let _ = certificate.key().verify(USER_ID, data, signature);
        }
    });
    assert!(Certificate::from_der(data).is_err() || file.is_ok_and(|(_, own)| own == data), "two readings differ");
    signature.is_ok() | raw.is_ok() | key.is_ok() | Certificate::from_der(data).is_ok()
}
