//! Diversification, authentication data and process keys (card-facts §4.1, §4.2; STD-4, STD-9).

use zeroize::Zeroizing;

use super::suite::Cipher;
use super::{Algorithm, Key16, SessionKey, Suite, Unsupported, block};

/// The child of `key` for `factor`: [`Suite::diversify`].
///
/// # Errors
/// For SSF33.
pub fn diversify(algorithm: Algorithm, key: &Key16, factor: [u8; 8]) -> Result<Key16, Unsupported> {
    Ok(Suite::of(algorithm)?.diversify(key, factor))
}

/// Diversifies by one factor after the other, the highest level first.
///
/// # Errors
/// For SSF33.
pub fn diversify_by(algorithm: Algorithm, key: &Key16, factors: &[[u8; 8]]) -> Result<Key16, Unsupported> {
    Ok(Suite::of(algorithm)?.diversify_by(key, factors))
}

/// What proves `key` for two randoms: [`Suite::authentication_data`].
///
/// # Errors
/// For SSF33.
pub fn authentication_data(
    algorithm: Algorithm,
    key: &Key16,
    process: [u8; 8],
    original: [u8; 8],
) -> Result<[u8; 8], Unsupported> {
    Ok(Suite::of(algorithm)?.authentication_data(key, process, original))
}

impl Suite {
    /// The child of `key` for `factor`. 8-byte blocks: E(f) ‖ E(~f); 16-byte blocks: E(f ‖ ~f). For SM4 the
    /// construction of SSF33 is assumed (card-facts §4.1, grade C).
    pub fn diversify(self, key: &Key16, factor: [u8; 8]) -> Key16 {
        let inverted = factor.map(|byte| !byte);
        match self.cipher() {
            Cipher::TripleDes => {
                let left = Zeroizing::new(block::triple_des(key.bytes(), factor));
                let right = Zeroizing::new(block::triple_des(key.bytes(), inverted));
                Key16::new(join(&left, &right))
            }
            Cipher::Long(cipher) => Key16::new(cipher.encrypt(key.bytes(), join(&factor, &inverted))),
        }
    }

    /// Diversifies by one factor after the other, the highest level first.
    pub fn diversify_by(self, key: &Key16, factors: &[[u8; 8]]) -> Key16 {
        factors.iter().fold(key.clone(), |parent, factor| self.diversify(&parent, *factor))
    }

    /// What proves `key` for two randoms, in both authentications: `process` makes the process key, which enciphers
    /// `original`; of a 16-byte block the halves are folded.
    pub fn authentication_data(self, key: &Key16, process: [u8; 8], original: [u8; 8]) -> [u8; 8] {
        let mut data = [0; 8];
        // One block of 8 bytes, or of 16 whose halves are folded.
        for (at, byte) in self.session(key, process).encrypt(&original).iter().enumerate() {
            data[at % 8] ^= byte;
        }
        data
    }

    /// The process key: E(key, process), a single-length key, for 8-byte blocks; E(key, process ‖ 00×8) for 16-byte
    /// blocks (STD-4).
    pub fn session(self, key: &Key16, process: [u8; 8]) -> SessionKey {
        match self.cipher() {
            Cipher::TripleDes => SessionKey::short(block::triple_des(key.bytes(), process)),
            Cipher::Long(cipher) => SessionKey::long(cipher, cipher.encrypt(key.bytes(), join(&process, &[0; 8]))),
        }
    }

    /// What a TAC is made with: of DTK itself, without a process factor. 8-byte blocks: its left half XOR its right
    /// half (card-facts §4.4); 16-byte blocks: the key as it is (grade C).
    pub fn tac_key(self, dtk: &Key16) -> SessionKey {
        match self.cipher() {
            Cipher::TripleDes => SessionKey::short(fold(dtk.bytes())),
            Cipher::Long(cipher) => SessionKey::long(cipher, *dtk.bytes()),
        }
    }
}

/// The left half of a 16-byte block XOR its right half: the authentication data of an SM4 PSAM's answer.
pub fn fold(block: &[u8; 16]) -> [u8; 8] {
    std::array::from_fn(|at| block[at] ^ block[at + 8])
}

fn join(left: &[u8; 8], right: &[u8; 8]) -> [u8; 16] {
    std::array::from_fn(|at| if at < 8 { left[at] } else { right[at - 8] })
}
