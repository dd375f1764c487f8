//! 卡识别码, the card's identifier (card-facts §1.3).

use std::fmt;

use zeroize::Zeroizing;

use super::mask::mask;
use super::{BcdError, Region};

/// The sixteen bytes of 卡识别码: 应用城市代码 3, RID 5, serial 4, authentication code 4. Names one card.
#[derive(Clone, PartialEq, Eq)]
pub struct CardIdentifier(Zeroizing<[u8; 16]>);

impl CardIdentifier {
    /// From the value of EF05's first record. The last four bytes may be FF; the city code may not.
    ///
    /// # Errors
    /// When there are not sixteen bytes, or the first three are not six digits.
    pub fn parse(bytes: &[u8]) -> Result<Self, BcdError> {
        let bytes: [u8; 16] = bytes.try_into().map_err(|_| BcdError::Length(bytes.len()))?;
        Region::from_bcd(&bytes[..3])?.ok_or(BcdError::Digit)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// 应用城市代码, packed: what the card's keys are diversified by.
    pub fn city(&self) -> [u8; 3] {
        [self.0[0], self.0[1], self.0[2]]
    }

    /// The issuing region: the first six digits.
    pub fn region(&self) -> Region {
        // `parse` let only six digits in.
        Region::from_bcd(&self.city()).ok().flatten().unwrap_or_else(|| unreachable!("checked by parse"))
    }

    /// The sixteen bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// All 32 digits, upper case.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode_upper(*self.0))
    }

    /// The region's six digits, and nothing that names the card.
    pub fn masked(&self) -> String {
        mask(&self.reveal(), 6, 0)
    }
}

impl fmt::Display for CardIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for CardIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardIdentifier({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_shows_its_region_only() {
        let bytes = hex::decode("440100D156000005000000010000ABCD").unwrap();
        let identifier = CardIdentifier::parse(&bytes).unwrap();
        assert_eq!(identifier.region().to_string(), "440100");
        assert_eq!(*identifier.reveal(), "440100D156000005000000010000ABCD");
        assert_eq!(format!("{identifier:?}"), "CardIdentifier(440100**************************)");
        assert!(CardIdentifier::parse(&[0xFF; 16]).is_err());
        assert!(CardIdentifier::parse(&bytes[1..]).is_err());
    }
}
