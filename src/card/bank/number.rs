//! The number of a bank card, which never leaves the room: a mask and a keyed token do.

use ring::hmac;
use zeroize::Zeroizing;

use super::BankError;
use crate::value::mask;

/// Digits that a mask shows: the issuer's first six and the last four.
const HEAD: usize = 6;
const TAIL: usize = 4;
/// What stands between number and expiry in track 2 (ISO/IEC 7813), as a nibble.
const SEPARATOR: u8 = 0xD;

/// The key of the tokens: with it the same card gives the same token, and no token gives a number, though there are few
/// enough numbers to try each.
pub struct TokenKey(hmac::Key);

impl TokenKey {
    /// A key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

/// 主账号: 12 to 19 digits whose check digit is right (ISO/IEC 7812-1). Wiped on drop.
pub(super) struct Number(Zeroizing<Vec<u8>>);

impl Number {
    /// Tag 5A: packed digits, filled with F.
    pub(super) fn parse(value: &[u8]) -> Result<Self, BankError> {
        let nibbles = nibbles(value);
        let end = nibbles.iter().position(|nibble| *nibble == 0xF).unwrap_or(nibbles.len());
        if nibbles[end..].iter().any(|nibble| *nibble != 0xF) {
            return Err(BankError::garbled("card number", "digits behind its end"));
        }
        Self::of(&nibbles[..end])
    }

    fn of(digits: &[u8]) -> Result<Self, BankError> {
        if !(12..=19).contains(&digits.len()) || digits.iter().any(|digit| *digit > 9) {
            return Err(BankError::garbled("card number", "it is not 12 to 19 digits"));
        }
        if luhn(digits) {
            Ok(Self(Zeroizing::new(digits.to_vec())))
        } else {
            Err(BankError::garbled("card number", "its check digit is wrong"))
        }
    }

    /// `621234******1234`.
    pub(super) fn masked(&self) -> String {
        let whole = self.text();
        mask(&whole, HEAD, TAIL)
    }

    pub(super) fn token(&self, key: &TokenKey) -> [u8; 32] {
        let mut token = [0; 32];
        token.copy_from_slice(hmac::sign(&key.0, self.text().as_bytes()).as_ref());
        token
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len()));
        text.extend(self.0.iter().map(|digit| char::from(b'0' + digit)));
        text
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Track 2 equivalent data (tag 57): the number, and the month in which the card expires.
pub(super) struct Track2 {
    pub(super) number: Number,
    pub(super) expires: Expiry,
}

/// A month of a year, `2030-12`: the last in which the card is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The last two digits of the year.
    year: u8,
    month: u8,
}

impl Expiry {
    /// Packed `YYMM` and what follows it.
    pub(super) fn parse(value: &[u8]) -> Result<Self, BankError> {
        Self::of(nibbles(value).get(..4).unwrap_or_default())
    }

    fn of(digits: &[u8]) -> Result<Self, BankError> {
        match digits {
            [a @ 0..=9, b @ 0..=9, c @ 0..=1, d @ 0..=9] if (1..=12).contains(&(c * 10 + d)) => {
                Ok(Self { year: a * 10 + b, month: c * 10 + d })
            }
            _ => Err(BankError::garbled("expiry", "it is no month of a year")),
        }
    }
}

impl std::fmt::Display for Expiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "20{:02}-{:02}", self.year, self.month)
    }
}

impl Track2 {
    pub(super) fn parse(value: &[u8]) -> Result<Self, BankError> {
        let nibbles = nibbles(value);
        let at = nibbles.iter().position(|nibble| *nibble == SEPARATOR);
        let at = at.ok_or_else(|| BankError::garbled("track 2", "it has no separator"))?;
        let rest = &nibbles[at + 1..];
        Ok(Self { number: Number::of(&nibbles[..at])?, expires: Expiry::of(rest.get(..4).unwrap_or_default())? })
    }
}

fn nibbles(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut nibbles = Zeroizing::new(Vec::with_capacity(2 * value.len()));
    nibbles.extend(value.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]));
    nibbles
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let weigh = |(at, digit): (usize, &u8)| match (at % 2, *digit) {
        (1, digit @ 5..) => 2 * digit - 9,
        (1, digit) => 2 * digit,
        (_, digit) => digit,
    };
    digits.iter().rev().enumerate().map(weigh).map(u32::from).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    #[test]
    fn a_number_is_masked_and_its_token_is_of_its_key() {
        let number = Number::parse(&bytes("4761739001010119")).ok().unwrap();
        assert_eq!(number.masked(), "476173******0119");
        let (one, other) = (TokenKey::new(&[1; 32]), TokenKey::new(&[2; 32]));
        assert_eq!(number.token(&one), number.token(&one));
        assert_ne!(number.token(&one), number.token(&other));
        let odd = Number::parse(&bytes("374245455400126F")).ok().unwrap();
        assert_eq!(odd.masked(), "374245*****0126");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "4761739001010118", "47617390010101", "476173900101011A", "4761F39001010119", "FFFFFFFFFFFFFFFF"]
        {
            assert!(Number::parse(&bytes(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn track_2_has_the_number_and_the_month() {
        let track = Track2::parse(&bytes("4761739001010119D30122011758928889F0")).ok().unwrap();
        assert_eq!((track.number.masked(), track.expires.to_string()), ("476173******0119".into(), "2030-12".into()));
        for text in ["4761739001010119", "4761739001010119D3013", "D3012", "4761739001010119D3"] {
            let padded = format!("{text}{}", if text.len() % 2 == 1 { "F" } else { "" });
            assert!(Track2::parse(&bytes(&padded)).is_err(), "{text}");
        }
        assert_eq!(Expiry::parse(&bytes("301231")).unwrap().to_string(), "2030-12");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(value in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = Track2::parse(&value);
            if let Ok(number) = Number::parse(&value) {
                prop_assert!(number.masked().contains('*'));
            }
        }

        #[test]
        fn one_wrong_digit_shows(at in 0usize..16, by in 1u8..=9) {
            let mut digits: Vec<u8> = "4761739001010119".bytes().map(|byte| byte - b'0').collect();
            prop_assert!(luhn(&digits));
            digits[at] = (digits[at] + by) % 10;
            prop_assert!(!luhn(&digits));
        }
    }
}
