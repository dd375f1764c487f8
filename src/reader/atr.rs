//! The answer to reset (card-facts §8; STD-2).

use std::fmt;

use zeroize::Zeroizing;

use crate::value::mask;

/// An answer to reset. Its historical bytes 8 to 13 name one card, so it is never printed whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Atr {
    bytes: Zeroizing<Vec<u8>>,
    historical: std::ops::Range<usize>,
}

/// Why bytes are not an ATR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AtrError {
    /// Too short for its own header, or longer than 33 bytes.
    #[error("an ATR of {0} bytes cannot be")]
    Length(usize),
    /// TS is neither 3B nor 3F.
    #[error("the ATR begins with {0:02X}")]
    Convention(u8),
}

impl Atr {
    /// Parses the interface bytes to find the historical bytes, as ISO/IEC 7816-3 lays them out.
    ///
    /// # Errors
    /// When the bytes are not an ATR.
    pub fn parse(bytes: &[u8]) -> Result<Self, AtrError> {
        let length = bytes.len();
        if !(2..=33).contains(&length) {
            return Err(AtrError::Length(length));
        }
        if !matches!(bytes[0], 0x3B | 0x3F) {
            return Err(AtrError::Convention(bytes[0]));
        }
        let count = usize::from(bytes[1] & 0x0F);
        let mut at = 2;
        let mut announced = bytes[1] >> 4;
        while announced != 0 {
            at += announced.count_ones() as usize;
            if announced & 0b1000 == 0 {
                break;
            }
            let td = *bytes.get(at - 1).ok_or(AtrError::Length(length))?;
            announced = td >> 4;
        }
        if at + count > length {
            return Err(AtrError::Length(length));
        }
        Ok(Self { bytes: Zeroizing::new(bytes.to_vec()), historical: at..at + count })
    }

    /// All bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The historical bytes T1…: on a social security card T1–T7 name its type, T8–TD the one card.
    pub fn historical(&self) -> &[u8] {
        &self.bytes[self.historical.clone()]
    }

    /// In hex up to historical byte 7, which names the card's type; the rest, which names the card, starred.
    pub fn masked(&self) -> String {
        let shown = self.historical.start + self.historical.len().min(7);
        mask(&hex::encode_upper(&*self.bytes), 2 * shown, 0)
    }

    /// The same answer to reset with other historical bytes, as many as before; a check byte behind them (which cards
    /// that speak more than T=0 have) is made to fit.
    ///
    /// # Errors
    /// When there are more or fewer of them.
    pub fn with_historical(&self, historical: &[u8]) -> Result<Self, AtrError> {
        if historical.len() != self.historical.len() {
            return Err(AtrError::Length(self.bytes.len() - self.historical.len() + historical.len()));
        }
        let mut changed = self.clone();
        changed.bytes[self.historical.clone()].copy_from_slice(historical);
        if self.historical.end + 1 == self.bytes.len() {
            let end = self.historical.end;
            changed.bytes[end] = changed.bytes[1..end].iter().fold(0, |check, byte| check ^ byte);
        }
        Ok(changed)
    }
}

/// Masked: the length and the type bytes T1–T7 only.
impl fmt::Debug for Atr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let historical = self.historical();
        let kind = &historical[..historical.len().min(7)];
        write!(f, "Atr({} bytes, type {})", self.bytes.len(), hex::encode_upper(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn historical_bytes_are_found_behind_any_interface_bytes() {
        let plain = Atr::parse(&hex::decode("3B6D00000102030405060744010A0B0C0D").unwrap()).unwrap();
        assert_eq!(plain.historical(), hex::decode("0102030405060744010A0B0C0D").unwrap());
        let with_t1 = Atr::parse(&hex::decode("3B8280010102AA").unwrap()).unwrap();
        assert_eq!(with_t1.historical(), [1, 2]);
    }

    #[test]
    fn what_is_no_atr_is_refused() {
        assert_eq!(Atr::parse(&[0x3B]), Err(AtrError::Length(1)));
        assert_eq!(Atr::parse(&[0x00, 0x00]), Err(AtrError::Convention(0)));
        assert_eq!(Atr::parse(&[0x3B, 0x6D, 0, 0]), Err(AtrError::Length(4)));
        assert_eq!(Atr::parse(&[0x3B, 0x80]), Err(AtrError::Length(2)));
    }

    #[test]
    fn other_historical_bytes_bring_their_check_byte() {
        let atr = Atr::parse(&hex::decode("3B8280010102AA").unwrap()).unwrap();
        let other = atr.with_historical(&[3, 5]).unwrap();
        assert_eq!(other.as_bytes(), hex::decode("3B828001030505").unwrap());
        assert_eq!(other.historical(), [3, 5]);
        assert_eq!(atr.with_historical(&[3]), Err(AtrError::Length(6)));
    }

    #[test]
    fn debug_names_no_card() {
        let atr = Atr::parse(&hex::decode("3B6D00000102030405060744010A0B0C0D").unwrap()).unwrap();
        assert!(!format!("{atr:?}").contains("0A0B0C0D"));
        assert_eq!(atr.masked(), "3B6D000001020304050607************");
    }
}
