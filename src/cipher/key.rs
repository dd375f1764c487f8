//! Keys: wiped on drop, never printed.

use std::fmt;

use zeroize::Zeroizing;

use super::suite::Long;
use super::{Algorithm, Suite, Unsupported, block};

/// A 16-byte key: two DES keys, or one SM4 key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key16(Zeroizing<[u8; 16]>);

/// Why a text is not a key. Never says the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 hexadecimal digits.
    #[error("a key is 32 hexadecimal digits")]
    Form,
}

impl Key16 {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads 32 hexadecimal digits.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let mut key = Self::new([0; 16]);
        hex::decode_to_slice(text, &mut *key.0).map_err(|_| KeyError::Form)?;
        Ok(key)
    }

    pub(super) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Key16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key16(..)")
    }
}

impl<'de> serde::Deserialize<'de> for Key16 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::from_hex(&text).map_err(serde::de::Error::custom)
    }
}

/// A process key (过程密钥), made of a key and a process factor: it lives for one use.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Des(Zeroizing<[u8; 8]>),
    Long(Long, Zeroizing<[u8; 16]>),
}

impl SessionKey {
    /// The process key of `key`: [`Suite::session`].
    ///
    /// # Errors
    /// For SSF33.
    pub fn derive(algorithm: Algorithm, key: &Key16, process: [u8; 8]) -> Result<Self, Unsupported> {
        Ok(Suite::of(algorithm)?.session(key, process))
    }

    /// Of single DES.
    pub(super) fn short(key: [u8; 8]) -> Self {
        Self(Kind::Des(Zeroizing::new(key)))
    }

    /// Of a cipher with 16-byte blocks.
    pub(super) fn long(cipher: Long, key: [u8; 16]) -> Self {
        Self(Kind::Long(cipher, Zeroizing::new(key)))
    }

    /// Bytes in a block: 8 or 16.
    pub fn block(&self) -> usize {
        match self.0 {
            Kind::Des(_) => 8,
            Kind::Long(..) => 16,
        }
    }

    /// Enciphers one block of [`block`](Self::block) bytes; a shorter one is filled with 00 on the right, and of a
    /// longer one only the first block is taken.
    pub fn encrypt(&self, data: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Kind::Des(key) => block::des(key, exact(data)).to_vec(),
            Kind::Long(cipher, key) => cipher.encrypt(key, exact(data)).to_vec(),
        })
    }

    /// Deciphers one block, taken as [`encrypt`](Self::encrypt) takes it.
    pub fn decrypt(&self, data: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Kind::Des(key) => block::des_back(key, exact(data)).to_vec(),
            Kind::Long(cipher, key) => cipher.decrypt(key, exact(data)).to_vec(),
        })
    }
}

fn exact<const N: usize>(data: &[u8]) -> [u8; N] {
    let mut block = [0; N];
    for (to, from) in block.iter_mut().zip(data) {
        *to = *from;
    }
    block
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}
