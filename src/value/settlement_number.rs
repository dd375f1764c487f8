//! 结算ID as this project's centre gives it.

use std::fmt;

/// The number of a settlement at the centre: written `S` and eleven digits. Other centres number theirs otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementNumber(pub i64);

/// The digits that its one form has.
const DIGITS: usize = 11;

impl SettlementNumber {
    /// Reads what somebody typed from a paper: in whatever case and width the letter and the digits are, with space in
    /// between, and with the zeros before the number or without. `None` for what is no number of this form.
    pub fn read(text: &str) -> Option<Self> {
        let typed: String = text.chars().filter(|c| !c.is_whitespace()).map(half_width).collect();
        let digits = typed.strip_prefix(['S', 's'])?;
        let fits = (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if fits { digits.parse().ok().map(Self) } else { None }
    }

    /// The one form of a text that is such a number; any other text as it is.
    pub fn canonical(text: &str) -> String {
        Self::read(text).map_or_else(|| text.to_owned(), |number| number.to_string())
    }
}

impl fmt::Display for SettlementNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{:0DIGITS$}", self.0)
    }
}

/// A character of the full width, as a Chinese keyboard may write it, in the width of ASCII.
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_it_is_written_it_is_one_number() {
        for text in ["S1", "s1", "S00000000001", "s00000000001", "S0000 0000 001", "Ｓ００００００００００１", "ｓ1"]
        {
            assert_eq!(SettlementNumber::read(text), Some(SettlementNumber(1)), "{text}");
            assert_eq!(SettlementNumber::canonical(text), "S00000000001", "{text}");
        }
        assert_eq!(SettlementNumber::canonical("S20150803001"), "S20150803001");
        assert_eq!(SettlementNumber::canonical("s99999999999"), "S99999999999");
    }

    #[test]
    fn another_centres_number_stays_as_it_is() {
        for text in
            ["", "S", "1", "W20150715001", "w1", "S+1", "S-1", "S1A", "SS1", "S2015042500031", "S一", "S٣", "Ｗ１"]
        {
            assert_eq!(SettlementNumber::read(text), None, "{text}");
            assert_eq!(SettlementNumber::canonical(text), text);
        }
    }
}
