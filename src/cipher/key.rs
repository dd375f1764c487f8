//! Keys: wiped on drop, never printed.

use std::fmt;

use zeroize::Zeroizing;

use super::{Algorithm, Unsupported, block};

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
    Sm4(Zeroizing<[u8; 16]>),
}

impl SessionKey {
    /// E(key, process) for 8-byte blocks, a single-length key; E(key, process ‖ 00×8) for 16-byte blocks (STD-4).
    ///
    /// # Errors
    /// For SSF33.
    pub fn derive(algorithm: Algorithm, key: &Key16, process: [u8; 8]) -> Result<Self, Unsupported> {
        match algorithm {
            Algorithm::TripleDes => Ok(Self(Kind::Des(Zeroizing::new(block::triple_des(key.bytes(), process))))),
            Algorithm::Sm4 => {
                Ok(Self(Kind::Sm4(Zeroizing::new(block::sm4(key.bytes(), super::formula::right_zeros(process))))))
            }
            Algorithm::Ssf33 => Err(Unsupported(algorithm)),
        }
    }

    /// Bytes in a block: 8 or 16.
    pub fn block(&self) -> usize {
        match self.0 {
            Kind::Des(_) => 8,
            Kind::Sm4(_) => 16,
        }
    }

    /// Enciphers one block of [`block`](Self::block) bytes; a shorter one is filled with 00 on the right, and of a
    /// longer one only the first block is taken.
    pub fn encrypt(&self, data: &[u8]) -> Zeroizing<Vec<u8>> {
        match &self.0 {
            Kind::Des(key) => Zeroizing::new(block::des(key, exact(data)).to_vec()),
            Kind::Sm4(key) => Zeroizing::new(block::sm4(key, exact(data)).to_vec()),
        }
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
