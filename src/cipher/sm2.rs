//! SM2 signatures over SM3 (GM/T 0003.2, GM/T 0009), verified and, for the virtual card, made.

use sm2::dsa::VerifyingKey;
use sm2::dsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use sm3::{Digest as _, Sm3};

use super::PkiError;

/// The identifier of a signer who has no other (GM/T 0009).
pub const USER_ID: &str = "1234567812345678";
/// The most bytes of a signer's identifier: its length in bits is a number of two bytes.
pub const LONGEST_USER_ID: usize = 8191;

/// The curve's a and b, and its generator (GM/T 0003.5): what Z is made of beside the signer's identifier and key.
#[rustfmt::skip]
const CURVE: [u8; 128] = [
    0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFC,
    0x28, 0xE9, 0xFA, 0x9E, 0x9D, 0x9F, 0x5E, 0x34, 0x4D, 0x5A, 0x9E, 0x4B, 0xCF, 0x65, 0x09, 0xA7,
    0xF3, 0x97, 0x89, 0xF5, 0x15, 0xAB, 0x8F, 0x92, 0xDD, 0xBC, 0xBD, 0x41, 0x4D, 0x94, 0x0E, 0x93,
    0x32, 0xC4, 0xAE, 0x2C, 0x1F, 0x19, 0x81, 0x19, 0x5F, 0x99, 0x04, 0x46, 0x6A, 0x39, 0xC9, 0x94,
    0x8F, 0xE3, 0x0B, 0xBF, 0xF2, 0x66, 0x0B, 0xE1, 0x71, 0x5A, 0x45, 0x89, 0x33, 0x4C, 0x74, 0xC7,
    0xBC, 0x37, 0x36, 0xA2, 0xF4, 0xF6, 0x77, 0x9C, 0x59, 0xBD, 0xCE, 0xE3, 0x6B, 0x69, 0x21, 0x53,
    0xD0, 0xA9, 0x87, 0x7C, 0xC6, 0x2A, 0x47, 0x40, 0x02, 0xDF, 0x32, 0xE5, 0x21, 0x39, 0xF0, 0xA0,
];

/// A public key of SM2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sm2Key(sm2::PublicKey);

/// A signature: r and s, each from 1 to below the curve's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sm2Signature(sm2::dsa::Signature);

/// A private key of SM2: for virtual cards, whose keys are made up. Wiped on drop, never printed.
#[derive(Clone)]
pub struct Sm2Secret(sm2::SecretKey);

impl Sm2Key {
    /// A key from its point: `04 ‖ x ‖ y`, or compressed.
    ///
    /// # Errors
    /// [`PkiError::Key`] for what is no point of the curve.
    pub fn from_point(point: &[u8]) -> Result<Self, PkiError> {
        sm2::PublicKey::from_sec1_bytes(point).map(Self).map_err(|_| PkiError::Key)
    }

    /// What is signed of a message: SM3 over Z and the message, Z being SM3 over who signs by which key.
    ///
    /// # Errors
    /// [`PkiError::UserId`] for an identifier of more than [`LONGEST_USER_ID`] bytes.
    pub fn digest(&self, user_id: &str, message: &[u8]) -> Result<[u8; 32], PkiError> {
        let bits = u16::try_from(user_id.len() * 8).map_err(|_| PkiError::UserId)?;
        let point = self.0.to_sec1_point(false);
        // Behind the byte that says that both coordinates follow.
        let coordinates = point.as_bytes().get(1..).unwrap_or_default();
        let z = Sm3::new().chain_update(bits.to_be_bytes()).chain_update(user_id).chain_update(CURVE);
        let z = z.chain_update(coordinates).finalize();
        Ok(Sm3::new().chain_update(z).chain_update(message).finalize().into())
    }

    /// Whether the holder of this key signed the message under this identifier.
    ///
    /// # Errors
    /// [`PkiError::Differs`] where not; [`PkiError::UserId`].
    pub fn verify(&self, user_id: &str, message: &[u8], signature: &Sm2Signature) -> Result<(), PkiError> {
        let digest = self.digest(user_id, message)?;
        let key = VerifyingKey::new(user_id, self.0).map_err(|_| PkiError::UserId)?;
        key.verify_prehash(&digest, &signature.0).map_err(|_| PkiError::Differs)
    }
}

impl Sm2Signature {
    /// From `r ‖ s`, 64 bytes.
    ///
    /// # Errors
    /// [`PkiError::Signature`] for another length, or a number that cannot be.
    pub fn from_raw(bytes: &[u8]) -> Result<Self, PkiError> {
        sm2::dsa::Signature::from_slice(bytes).map(Self).map_err(|_| PkiError::Signature)
    }

    /// From `SEQUENCE { r INTEGER, s INTEGER }` in DER (GM/T 0009).
    ///
    /// # Errors
    /// [`PkiError::Signature`] for another form, or a number that cannot be.
    pub fn from_der(bytes: &[u8]) -> Result<Self, PkiError> {
        sm2::dsa::Signature::from_der(bytes).map(Self).map_err(|_| PkiError::Signature)
    }

    /// `r ‖ s`.
    pub fn to_raw(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// The same in DER.
    pub fn to_der(&self) -> Vec<u8> {
        self.0.to_der().as_bytes().to_vec()
    }
}

impl Sm2Secret {
    /// A key from its number, 32 bytes.
    ///
    /// # Errors
    /// [`PkiError::Key`] for zero, for one that is not below the curve's order, and for the one with which nothing can be
    /// signed.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PkiError> {
        sm2::SecretKey::from_slice(bytes).map(Self).map_err(|_| PkiError::Key)
    }

    /// Its public key.
    pub fn public(&self) -> Sm2Key {
        Sm2Key(self.0.public_key())
    }

    /// Signs what [`Sm2Key::digest`] gave. The same for the same digest (RFC 6979).
    ///
    /// # Errors
    /// [`PkiError::Key`] for the one key, and the one digest in 2^256, with which it cannot be.
    pub fn sign(&self, digest: &[u8; 32]) -> Result<Sm2Signature, PkiError> {
        let key = sm2::dsa::SigningKey::new(USER_ID, &self.0).map_err(|_| PkiError::Key)?;
        key.sign_prehash(digest).map(Sm2Signature).map_err(|_| PkiError::Key)
    }
}

impl std::fmt::Debug for Sm2Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sm2Secret(..)")
    }
}
