//! A response APDU.

use std::fmt;

use zeroize::Zeroizing;

use super::StatusWord;

/// What a card answered: data, wiped on drop and never printed, and a status word.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    data: Zeroizing<Vec<u8>>,
    status: StatusWord,
}

/// An answer without even a status word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an answer of {0} bytes has no status word")]
pub struct ShortResponse(pub usize);

impl Response {
    /// An answer made of its parts.
    pub fn new(data: Vec<u8>, status: StatusWord) -> Self {
        Self { data: Zeroizing::new(data), status }
    }

    /// Splits what came over the wire.
    ///
    /// # Errors
    /// When there are fewer than two bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShortResponse> {
        let [data @ .., sw1, sw2] = bytes else {
            return Err(ShortResponse(bytes.len()));
        };
        Ok(Self::new(data.to_vec(), StatusWord(u16::from_be_bytes([*sw1, *sw2]))))
    }

    /// The data field.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The status word.
    pub fn status(&self) -> StatusWord {
        self.status
    }

    /// The bytes as they go over the wire.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.data.len() + 2));
        bytes.extend_from_slice(&self.data);
        bytes.extend_from_slice(&self.status.0.to_be_bytes());
        bytes
    }
}

/// Length and status only.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {}", self.data.len(), self.status)
    }
}
