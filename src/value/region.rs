//! Administrative regions by their six digits (GB/T 2260).

use std::fmt;

use super::bcd::{BcdError, digits, unwritten};

/// Six digits, e.g. `440100`. Unknown codes are kept: codes are abolished over time (settlement-facts §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region([u8; 3]);

impl Region {
    /// From three packed bytes; `None` where the card was left at FF.
    ///
    /// # Errors
    /// When there are not three bytes, or they are not six digits.
    pub fn from_bcd(bytes: &[u8]) -> Result<Option<Self>, BcdError> {
        let bytes: [u8; 3] = bytes.try_into().map_err(|_| BcdError::Length(bytes.len()))?;
        if unwritten(&bytes) {
            return Ok(None);
        }
        digits(&bytes)?;
        Ok(Some(Self(bytes)))
    }

    /// From its six digits as somebody writes them; `None` where they are not.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let bytes = hex::decode(text).ok().filter(|_| digits)?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_or_nothing() {
        assert_eq!(Region::from_bcd(&[0x44, 0x01, 0x00]).unwrap().unwrap().to_string(), "440100");
        assert_eq!(Region::from_bcd(&[0xFF; 3]), Ok(None));
        assert_eq!(Region::from_bcd(&[0x44, 0x0A, 0x00]), Err(BcdError::Digit));
        assert_eq!(Region::from_bcd(&[0x44]), Err(BcdError::Length(1)));
        assert_eq!(Region::parse("440100").unwrap().to_string(), "440100");
        for text in ["", "44010", "4401000", "44010A", "４４０１００", "440 00"] {
            assert_eq!(Region::parse(text), None, "{text}");
        }
    }
}
