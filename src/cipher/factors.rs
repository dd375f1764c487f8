//! Diversification factors of one card (card-facts §4.1, STD-9).

use std::fmt;

use zeroize::Zeroize;

/// What the keys of one card are diversified by, at each of the three levels. The card's own factor names one card,
/// so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Factors {
    /// Level 3: bytes 6 to 13 of the card's historical bytes.
    pub card: [u8; 8],
    /// Level 2: the six digits of 应用城市代码 in ASCII, then `73 78`.
    pub city: [u8; 8],
    /// Level 1: the first two digits in ASCII, then `30 30 30 30 73 68`.
    pub province: [u8; 8],
}

impl Factors {
    /// The factors of a card: `city_code` is the first three bytes of 卡识别码 (packed BCD).
    pub fn new(city_code: [u8; 3], historical_6_13: [u8; 8]) -> Self {
        let [a, b, c] = city_code;
        let digits = [a >> 4, a & 15, b >> 4, b & 15, c >> 4, c & 15].map(ascii);
        let mut city = *b"000000sx";
        city[..6].copy_from_slice(&digits);
        let mut province = *b"000000sh";
        province[..2].copy_from_slice(&digits[..2]);
        Self { card: historical_6_13, city, province }
    }

    /// From the national key down to the card's: province, city, card.
    pub fn descending(&self) -> [[u8; 8]; 3] {
        [self.province, self.city, self.card]
    }

    /// The factors a key needs that lies `levels` above the card's, in the order of the PSAM's command: card, city,
    /// province (card-facts §4.1).
    pub fn for_command(&self, levels: u8) -> Vec<[u8; 8]> {
        [self.card, self.city, self.province].into_iter().take(usize::from(levels)).collect()
    }
}

/// A nibble as a digit; a card whose BCD is not decimal gets the letters, as printing its bytes in hex would.
fn ascii(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + nibble - 10,
    }
}

impl Drop for Factors {
    fn drop(&mut self) {
        self.card.zeroize();
    }
}

impl fmt::Debug for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Factors(..)")
    }
}
