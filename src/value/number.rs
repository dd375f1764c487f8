//! 社会保障号码 and the citizen number (settlement-facts §5).

use std::fmt;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::bcd::date_of_digits;
use super::mask::mask;

/// 社会保障号码: the citizen number, or the number that a person without one was given.
#[derive(Clone, PartialEq, Eq)]
pub struct SocialSecurityNumber {
    text: Zeroizing<String>,
    form: NumberForm,
}

/// What kind of number it is; tells which checks it passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberForm {
    /// Eighteen characters of a citizen, or of a resident from Hong Kong, Macao or Taiwan: birth date real, check
    /// digit right.
    Citizen,
    /// Fifteen digits, the citizen number until 1999: birth date real; it has no check digit.
    Citizen15,
    /// Eighteen characters beginning with 9, a foreign permanent resident from December 2023: check digit right.
    Foreign,
    /// Three letters and twelve digits, a foreign permanent resident before.
    Foreign15,
    /// Any other assigned number of 6 to 18 letters and digits. Nothing about it could be checked.
    Assigned,
}

/// Why bytes are not a social security number. Says which rule, never the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Neither 6 to 18 characters nor empty.
    #[error("{0} characters, where 6 to 18 can be")]
    Length(usize),
    /// A character that is neither a letter nor a digit.
    #[error("character {0} is neither a letter nor a digit")]
    Character(usize),
    /// The birth date inside is no day of the calendar.
    #[error("the birth date inside is not a day of the calendar")]
    Birth,
    /// The check digit is another.
    #[error("the check digit is wrong")]
    Check,
}

/// Sex as a citizen number or a card says it (GB/T 2261.1 and card-facts §1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// 男, code 1.
    Male,
    /// 女, code 2.
    Female,
    /// 未说明, code 9, or any other.
    Unstated,
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

impl SocialSecurityNumber {
    /// From the value of EF06's record 08, padding (00, 20, FF) behind it trimmed; `None` where nothing is there.
    /// A final lower-case `x` is read as `X`.
    ///
    /// # Errors
    /// When the number breaks a rule of the form it has.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, NumberError> {
        let end = bytes.iter().rposition(|b| !matches!(b, 0x00 | 0x20 | 0xFF)).map_or(0, |last| last + 1);
        if end == 0 {
            return Ok(None);
        }
        let number = &bytes[..end];
        if let Some(at) = number.iter().position(|b| !b.is_ascii_alphanumeric()) {
            return Err(NumberError::Character(at + 1));
        }
        // Only ASCII is left.
        let text = Zeroizing::new(String::from_utf8_lossy(number).to_uppercase());
        let form = form_of(&text)?;
        Ok(Some(Self { text, form }))
    }

    /// What kind of number it is.
    pub fn form(&self) -> NumberForm {
        self.form
    }

    /// All characters.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The first three and the last two characters; of a number so short that they were more than half of it, none.
    pub fn masked(&self) -> String {
        let (head, tail) = if self.text.len() >= 2 * (3 + 2) { (3, 2) } else { (0, 0) };
        mask(&self.text, head, tail)
    }

    /// The number of today for one of fifteen digits: the century before the birth date, the check digit behind; any
    /// other as it is.
    pub fn upgraded(self) -> Self {
        if self.form != NumberForm::Citizen15 {
            return self;
        }
        let mut text = Zeroizing::new(format!("{}19{}", &self.text[..6], &self.text[6..]));
        // Invariant: fifteen digits and two more, so that there is a check digit.
        let check = check_digit(text.as_bytes());
        text.extend(check.map(char::from));
        Self { text, form: NumberForm::Citizen }
    }

    /// The birth date inside, where the form has one.
    pub fn birth_date(&self) -> Option<Date> {
        match self.form {
            NumberForm::Citizen => date_of_digits(&self.text[6..14]).ok(),
            NumberForm::Citizen15 => date_of_digits(&format!("19{}", &self.text[6..12])).ok(),
            _ => None,
        }
    }

    /// The sex inside, where the form has one.
    pub fn sex(&self) -> Option<Sex> {
        let order = match self.form {
            NumberForm::Citizen => self.text.as_bytes()[16],
            NumberForm::Citizen15 => self.text.as_bytes()[14],
            _ => return None,
        };
        Some(if order % 2 == 1 { Sex::Male } else { Sex::Female })
    }
}

fn form_of(text: &str) -> Result<NumberForm, NumberError> {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    match text.len() {
        18 if digits(&text[..17]) && (digits(&text[17..]) || text.ends_with('X')) => {
            if check_digit(&text.as_bytes()[..17]) != Some(text.as_bytes()[17]) {
                return Err(NumberError::Check);
            }
            if text.starts_with('9') {
                return Ok(NumberForm::Foreign);
            }
            date_of_digits(&text[6..14]).map_err(|_| NumberError::Birth)?;
            Ok(NumberForm::Citizen)
        }
        15 if digits(text) => {
            // 996 to 999 marked a birth in the 1800s (settlement-facts §5).
            let centenarian = text[12..].parse::<u16>().is_ok_and(|order| order >= 996);
            let birth = date_of_digits(&format!("19{}", &text[6..12]));
            if centenarian || birth.is_err() { Err(NumberError::Birth) } else { Ok(NumberForm::Citizen15) }
        }
        15 if text[..3].bytes().all(|b| b.is_ascii_alphabetic()) && digits(&text[3..]) => Ok(NumberForm::Foreign15),
        6..=18 => Ok(NumberForm::Assigned),
        other => Err(NumberError::Length(other)),
    }
}

/// The check digit (ISO 7064 MOD 11-2) of seventeen digits.
pub fn check_digit(body: &[u8]) -> Option<u8> {
    if body.len() != 17 || !body.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sum: u32 = body.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    Some(b"10X98765432"[(sum % 11) as usize])
}

impl Sex {
    /// From the code on the card; a code that is neither 1 nor 2 states nothing.
    pub fn from_code(code: char) -> Self {
        match code {
            '1' => Self::Male,
            '2' => Self::Female,
            _ => Self::Unstated,
        }
    }
}

impl fmt::Display for SocialSecurityNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for SocialSecurityNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocialSecurityNumber({:?} {self})", self.form)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil;
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Result<SocialSecurityNumber, NumberError> {
        SocialSecurityNumber::parse(text.as_bytes()).map(Option::unwrap)
    }

    #[test]
    fn the_published_samples_pass() {
        for text in ["11010519491231002X", "440524188001010014", "810000199408230021", "830000199201300022"] {
            assert_eq!(number(text).unwrap().form(), NumberForm::Citizen, "{text}");
        }
        let lower = number("11010519491231002x").unwrap();
        assert_eq!(lower.reveal(), "11010519491231002X");
        assert_eq!(lower.birth_date(), Some(civil::date(1949, 12, 31)));
        assert_eq!(lower.sex(), Some(Sex::Female));
    }

    #[test]
    fn old_and_foreign_numbers_pass() {
        let old = number("610104620927690").unwrap();
        assert_eq!(old.form(), NumberForm::Citizen15);
        assert_eq!(old.birth_date(), Some(civil::date(1962, 9, 27)));
        assert_eq!(number("CAN110108750503").unwrap().form(), NumberForm::Foreign15);
        assert_eq!(number("A1234567").unwrap().form(), NumberForm::Assigned);
        let foreign: String = {
            let body = "91100019900101001";
            format!("{body}{}", char::from(check_digit(body.as_bytes()).unwrap()))
        };
        assert_eq!(number(&foreign).unwrap().form(), NumberForm::Foreign);
    }

    #[test]
    fn broken_rules_are_named() {
        assert_eq!(number("110105194912310021"), Err(NumberError::Check));
        assert_eq!(number("610104620931690"), Err(NumberError::Birth));
        assert_eq!(number("610104620927997"), Err(NumberError::Birth));
        assert_eq!(number("12345"), Err(NumberError::Length(5)));
        assert_eq!(number("1101051949 231002X"), Err(NumberError::Character(11)));
        let body = "11010519491331002";
        let text = format!("{body}{}", char::from(check_digit(body.as_bytes()).unwrap()));
        assert_eq!(number(&text), Err(NumberError::Birth));
    }

    #[test]
    fn at_least_half_of_a_number_is_hidden() {
        for (text, masked) in [
            ("A12345", "******"),
            ("A123456", "*******"),
            ("A1234567", "********"),
            ("A12345678", "*********"),
            ("A123456789", "A12*****89"),
            ("610104620927690", "610**********90"),
            ("11010519491231002X", "110*************2X"),
        ] {
            assert_eq!(number(text).unwrap().masked(), masked);
        }
    }

    #[test]
    fn padding_and_absence() {
        assert_eq!(SocialSecurityNumber::parse(&[0xFF; 18]), Ok(None));
        assert_eq!(SocialSecurityNumber::parse(b"610104620927690\0\0\0").unwrap().unwrap().reveal().len(), 15);
        assert_eq!(
            format!("{:?}", number("11010519491231002X").unwrap()),
            "SocialSecurityNumber(Citizen 110*************2X)"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = SocialSecurityNumber::parse(&bytes);
        }

        #[test]
        fn any_letters_and_digits_are_read_or_refused(text in "[0-9A-Za-z]{1,20}") {
            if let Ok(Some(number)) = SocialSecurityNumber::parse(text.as_bytes()) {
                let _ = (number.birth_date(), number.sex(), number.masked());
            }
        }

        #[test]
        fn one_changed_digit_shows(at in 0usize..17, by in 1u8..10) {
            let mut text = b"11010519491231002X".to_vec();
            text[at] = b'0' + (text[at] - b'0' + by) % 10;
            prop_assert!(SocialSecurityNumber::parse(&text).is_err());
        }
    }
}
