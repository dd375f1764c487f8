//! Status words (card-facts §3.1, STD-5 table 5).

use std::fmt;

/// SW1 SW2 of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// Success.
    pub const OK: Self = Self(0x9000);
    /// Memory failed.
    pub const MEMORY: Self = Self(0x6581);
    /// Wrong length.
    pub const LENGTH: Self = Self(0x6700);
    /// The command does not fit what went before it.
    pub const INVALID_STATE: Self = Self(0x6901);
    /// Command incompatible with the file's structure.
    pub const FILE_STRUCTURE: Self = Self(0x6981);
    /// Security state not satisfied.
    pub const SECURITY_STATE: Self = Self(0x6982);
    /// Authentication method (PIN or key) locked.
    pub const LOCKED: Self = Self(0x6983);
    /// Reference data (the random) invalid.
    pub const REFERENCE_DATA: Self = Self(0x6984);
    /// Conditions of use not satisfied.
    pub const CONDITIONS: Self = Self(0x6985);
    /// No current EF.
    pub const NO_CURRENT_EF: Self = Self(0x6986);
    /// Secure messaging data objects wrong.
    pub const SECURE_MESSAGING: Self = Self(0x6988);
    /// Wrong data; on a PSAM also the wrong number of diversification levels.
    pub const DATA: Self = Self(0x6A80);
    /// The application that was named could not be selected (ISO 7816: cards with an operating system of applets).
    pub const NOT_SELECTED: Self = Self(0x6999);
    /// Function not supported, or the card is blocked.
    pub const NOT_SUPPORTED: Self = Self(0x6A81);
    /// File not found.
    pub const FILE_NOT_FOUND: Self = Self(0x6A82);
    /// Record not found.
    pub const RECORD_NOT_FOUND: Self = Self(0x6A83);
    /// No space left in the file.
    pub const NO_SPACE: Self = Self(0x6A84);
    /// Lc does not agree with the record's own length.
    pub const TLV_LENGTH: Self = Self(0x6A85);
    /// P1 P2 wrong.
    pub const P1P2: Self = Self(0x6A86);
    /// Key not found.
    pub const KEY_NOT_FOUND: Self = Self(0x6A88);
    /// Offset outside the file.
    pub const OFFSET: Self = Self(0x6B00);
    /// Instruction not known.
    pub const INSTRUCTION: Self = Self(0x6D00);
    /// Class not known.
    pub const CLASS: Self = Self(0x6E00);
    /// Invalid data, or nothing to get.
    pub const INVALID: Self = Self(0x6F00);
    /// The MAC is wrong.
    pub const WRONG_MAC: Self = Self(0x9302);
    /// Application permanently locked.
    pub const APPLICATION_LOCKED: Self = Self(0x9303);
    /// The account holds less than is to be paid.
    pub const INSUFFICIENT_FUNDS: Self = Self(0x9401);
    /// The transaction counter is at its maximum: the card can make no transaction of this kind any more.
    pub const COUNTER: Self = Self(0x9402);
    /// There is no such key index; on a PSAM also: no such key, or no support for purchases.
    pub const KEY_INDEX: Self = Self(0x9403);
    /// There is no MAC of this transaction.
    pub const NO_MAC: Self = Self(0x9406);

    /// SW1.
    pub fn sw1(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// SW2.
    pub fn sw2(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// Bytes waiting for GET RESPONSE (61xx; 00 stands for 256).
    pub fn more(self) -> Option<u8> {
        (self.sw1() == 0x61).then_some(self.sw2())
    }

    /// The Le that the card wants instead (6Cxx).
    pub fn right_le(self) -> Option<u8> {
        (self.sw1() == 0x6C).then_some(self.sw2())
    }

    /// Tries left after a failed authentication (63Cx).
    pub fn tries_left(self) -> Option<u8> {
        (self.0 & 0xFFF0 == 0x63C0).then_some(self.sw2() & 0x0F)
    }

    /// Whether the card looked at the command and did not carry it out: a checking error of ISO 7816-4 (67xx to 6Exx) or
    /// of the national applications (93xx, 94xx). A warning, a failure while it was carried out (62xx to 66xx) and
    /// 6F00 do not say whether anything was done.
    pub fn refuses(self) -> bool {
        matches!(self.sw1(), 0x67..=0x6B | 0x6D | 0x6E | 0x93 | 0x94)
    }

    /// Whether the command was carried out.
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_apart() {
        assert_eq!(StatusWord(0x6110).more(), Some(0x10));
        assert_eq!(StatusWord(0x6C40).right_le(), Some(0x40));
        assert_eq!(StatusWord(0x63C2).tries_left(), Some(2));
        assert_eq!(StatusWord(0x6300).tries_left(), None);
        assert_eq!(StatusWord(0x9303).to_string(), "9303");
        assert!([0x6700, 0x6985, 0x6A86, 0x6D00, 0x6E00, 0x9403].iter().all(|word| StatusWord(*word).refuses()));
        assert!(
            ![0x9000, 0x6110, 0x6281, 0x6400, 0x6581, 0x6C10, 0x6F00].iter().any(|word| StatusWord(*word).refuses())
        );
    }
}
