//! One block through one cipher, and back.

use des::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

/// What makes SM4 the stand-in: its key is the other one's XOR this.
const STAND_IN: &[u8; 16] = b"ssf33-stand-in\0\0";

/// Single DES.
pub(super) fn des(key: &[u8; 8], block: [u8; 8]) -> [u8; 8] {
    let mut out = Array::from(block);
    des::Des::new(&Array::from(*key)).encrypt_block(&mut out);
    out.into()
}

/// Single DES, backwards.
pub(super) fn des_back(key: &[u8; 8], block: [u8; 8]) -> [u8; 8] {
    let mut out = Array::from(block);
    des::Des::new(&Array::from(*key)).decrypt_block(&mut out);
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

/// SM4, backwards.
pub(super) fn sm4_back(key: &[u8; 16], block: [u8; 16]) -> [u8; 16] {
    let mut out = Array::from(block);
    sm4::Sm4::new(&Array::from(*key)).decrypt_block(&mut out);
    out.into()
}

/// The key under which SM4 is the stand-in for SSF33: so that the two never give the same answer for the same key.
pub(super) fn stand_in_key(key: &[u8; 16]) -> zeroize::Zeroizing<[u8; 16]> {
    zeroize::Zeroizing::new(std::array::from_fn(|at| key[at] ^ STAND_IN[at]))
}
