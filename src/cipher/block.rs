//! One block through one cipher.

use des::cipher::{Array, BlockCipherEncrypt, KeyInit};

/// Single DES.
pub(super) fn des(key: &[u8; 8], block: [u8; 8]) -> [u8; 8] {
    let mut out = Array::from(block);
    des::Des::new(&Array::from(*key)).encrypt_block(&mut out);
    out.into()
}

/// Two-key triple DES, encrypt-decrypt-encrypt.
pub(super) fn triple_des(key: &[u8; 16], block: [u8; 8]) -> [u8; 8] {
    let mut out = Array::from(block);
    des::TdesEde2::new(&Array::from(*key)).encrypt_block(&mut out);
    out.into()
}

/// SM4.
pub(super) fn sm4(key: &[u8; 16], block: [u8; 16]) -> [u8; 16] {
    let mut out = Array::from(block);
    sm4::Sm4::new(&Array::from(*key)).encrypt_block(&mut out);
    out.into()
}
