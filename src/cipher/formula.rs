//! Diversification and authentication data (card-facts §4.1, §4.2; STD-4, STD-9).

use zeroize::Zeroizing;

use super::{Algorithm, Key16, SessionKey, Unsupported, block};

/// The child of `key` for `factor`. 8-byte blocks: E(f) ‖ E(~f); 16-byte blocks: E(f ‖ ~f). For SM4 the construction
/// of SSF33 is assumed (card-facts §4.1, grade C).
///
/// # Errors
/// For SSF33.
pub fn diversify(algorithm: Algorithm, key: &Key16, factor: [u8; 8]) -> Result<Key16, Unsupported> {
    let inverted = factor.map(|byte| !byte);
    match algorithm {
        Algorithm::TripleDes => {
            let left = Zeroizing::new(block::triple_des(key.bytes(), factor));
            let right = Zeroizing::new(block::triple_des(key.bytes(), inverted));
            Ok(Key16::new(join(&left, &right)))
        }
        Algorithm::Sm4 => Ok(Key16::new(block::sm4(key.bytes(), join(&factor, &inverted)))),
        Algorithm::Ssf33 => Err(Unsupported(algorithm)),
    }
}

/// Diversifies by one factor after the other, the highest level first.
///
/// # Errors
/// For SSF33.
pub fn diversify_by(algorithm: Algorithm, key: &Key16, factors: &[[u8; 8]]) -> Result<Key16, Unsupported> {
    factors.iter().try_fold(key.clone(), |parent, factor| diversify(algorithm, &parent, *factor))
}

/// What proves `key` for two randoms, in both authentications: `process` makes the process key, which enciphers
/// `original`; of a 16-byte block the halves are folded.
///
/// # Errors
/// For SSF33.
pub fn authentication_data(
    algorithm: Algorithm,
    key: &Key16,
    process: [u8; 8],
    original: [u8; 8],
) -> Result<[u8; 8], Unsupported> {
    let session = SessionKey::derive(algorithm, key, process)?;
    let block = session.encrypt(&original);
    let mut data = [0; 8];
    // One block of 8 bytes, or of 16 whose halves are folded.
    for (at, byte) in block.iter().enumerate() {
        data[at % 8] ^= byte;
    }
    Ok(data)
}

/// The left half of a 16-byte block XOR its right half: the authentication data of an SM4 PSAM's answer.
pub fn fold(block: &[u8; 16]) -> [u8; 8] {
    std::array::from_fn(|at| block[at] ^ block[at + 8])
}

pub(super) fn right_zeros(half: [u8; 8]) -> [u8; 16] {
    join(&half, &[0; 8])
}

fn join(left: &[u8; 8], right: &[u8; 8]) -> [u8; 16] {
    std::array::from_fn(|at| if at < 8 { left[at] } else { right[at - 8] })
}
