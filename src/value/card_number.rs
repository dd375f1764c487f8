//! 卡号, the social security card's number and its check character (card-facts §1.3; V2 appendix A).

use std::fmt;

use zeroize::Zeroizing;

use super::mask::mask;

/// Nine characters: eight of the body and a check character that was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct CardNumber(Zeroizing<String>);

/// Why bytes are not a card number. Says which rule, never the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardNumberError {
    /// Fewer than nine characters.
    #[error("a card number has 9 characters, this has {0}")]
    Length(usize),
    /// A character that is neither a digit nor an upper-case letter.
    #[error("character {0} is neither a digit nor an upper-case letter")]
    Character(usize),
    /// The check character is another.
    #[error("the check character is wrong")]
    Check,
}

const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

impl CardNumber {
    /// From the value of EF05's record 07, of which only the first nine characters count.
    ///
    /// # Errors
    /// When there are fewer characters, other characters, or the check character is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, CardNumberError> {
        let number = bytes.get(..9).ok_or(CardNumberError::Length(bytes.len()))?;
        if let Some(at) = number.iter().position(|b| !(b.is_ascii_digit() || b.is_ascii_uppercase())) {
            return Err(CardNumberError::Character(at + 1));
        }
        let (body, check) = number.split_at(8);
        if check_character(body) != Some(check[0]) {
            return Err(CardNumberError::Check);
        }
        // Only ASCII is left.
        Ok(Self(Zeroizing::new(String::from_utf8_lossy(number).into_owned())))
    }

    /// All nine characters.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The body's eight characters, read as a number to base 36 (0–9, then A–Z): the order of 卡号 in a range. The check
    /// character follows from them and counts for nothing.
    pub fn position(&self) -> u64 {
        // Invariant: digits and upper-case letters only, eight of them, so that it is below 36^8.
        self.0
            .bytes()
            .take(8)
            .fold(0, |sum, byte| sum * 36 + u64::from(char::from(byte).to_digit(36).unwrap_or_default()))
    }

    /// The first and the last two characters.
    pub fn masked(&self) -> String {
        mask(&self.0, 2, 2)
    }
}

/// The check character of eight characters; `None` when they are not eight digits or upper-case letters.
pub fn check_character(body: &[u8]) -> Option<u8> {
    if body.len() != 8 {
        return None;
    }
    let mut sum = 0;
    for (character, weight) in body.iter().zip(WEIGHTS) {
        let value = char::from(*character).to_digit(36).filter(|_| !character.is_ascii_lowercase())?;
        sum += value * weight;
    }
    Some(match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        // 1 to 9 here.
        digit => b'0' + digit as u8,
    })
}

impl fmt::Display for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_standards_example() {
        assert_eq!(check_character(b"D2143569"), Some(b'X'));
        let number = CardNumber::parse(b"D2143569X").unwrap();
        assert_eq!(number.reveal(), "D2143569X");
        assert_eq!(format!("{number:?}"), "CardNumber(D2*****9X)");
    }

    #[test]
    fn longer_records_count_only_nine() {
        assert_eq!(CardNumber::parse(b"D2143569X\0\0\0").unwrap().reveal(), "D2143569X");
    }

    #[test]
    fn wrong_numbers_name_the_rule() {
        assert_eq!(CardNumber::parse(b"D2143569"), Err(CardNumberError::Length(8)));
        assert_eq!(CardNumber::parse(b"d2143569X"), Err(CardNumberError::Character(1)));
        assert_eq!(CardNumber::parse(b"D21435690"), Err(CardNumberError::Check));
        assert_eq!(CardNumber::parse(&[0xFF; 9]), Err(CardNumberError::Character(1)));
    }

    #[test]
    fn numbers_are_in_the_order_of_their_bodies_to_base_36() {
        let at = |body: &str| {
            let check = char::from(check_character(body.as_bytes()).unwrap());
            CardNumber::parse(format!("{body}{check}").as_bytes()).unwrap().position()
        };
        assert_eq!((at("00000000"), at("00000009"), at("0000000A"), at("00000010")), (0, 9, 10, 36));
        assert_eq!(at("ZZZZZZZZ"), 36_u64.pow(8) - 1);
        assert!(at("A0000000") > at("99999999"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = CardNumber::parse(&bytes);
        }

        #[test]
        fn one_changed_digit_shows(body in "[A-Z][0-9]{7}", at in 1usize..8, by in 1u8..10) {
            let check = check_character(body.as_bytes()).unwrap();
            let mut number = body.into_bytes();
            number.push(check);
            prop_assert!(CardNumber::parse(&number).is_ok());
            number[at] = b'0' + (number[at] - b'0' + by) % 10;
            // Weights below 11 and coprime to it: no single digit can change unseen.
            prop_assert_eq!(CardNumber::parse(&number), Err(CardNumberError::Check));
        }
    }
}
