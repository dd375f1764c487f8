//! What the bank application says of a person: the account number in tag 5A, track 2 in tag 57, a name, a document.

use zeroize::Zeroizing;

use crate::apdu::ber;

/// Tags that name the application, the card's abilities and its dates, and nobody (EMV book 3, annex A).
const OPEN: [u32; 30] = [
    0x4F, 0x50, 0x80, 0x82, 0x84, 0x87, 0x88, 0x8C, 0x8D, 0x8E, 0x94, 0x5F24, 0x5F25, 0x5F28, 0x5F2D, 0x5F34, 0x9F07,
    0x9F08, 0x9F0D, 0x9F0E, 0x9F0F, 0x9F11, 0x9F12, 0x9F38, 0x9F42, 0x9F44, 0x9F4A, 0x9F4D, 0x9F51, 0x9F63,
];
const ACCOUNT: u32 = 0x5A;
const TRACK_2: u32 = 0x57;
/// A character, two digits, a part of a number: whatever it was, it is one still.
const FILLER: u8 = 0x30;
/// Begins like a bank card's number, and is none: no bank has these digits.
const MADE_UP: u128 = 62_0000_0000_0000_0000;

/// The account numbers of a session, as digits, in the order they first appeared.
#[derive(Default)]
pub(super) struct Accounts(Vec<Zeroizing<Vec<u8>>>);

impl Accounts {
    /// Replaces what names a person in an answer of the bank application.
    pub(super) fn redact(&mut self, data: &mut [u8]) {
        let mut rest = data;
        loop {
            // Filling between elements stays as it is.
            let filling = rest.iter().take_while(|byte| matches!(byte, 0x00 | 0xFF)).count();
            rest = &mut std::mem::take(&mut rest)[filling..];
            let Some((tag, constructed, head, length)) = head(rest) else { break };
            let (whole, after) = std::mem::take(&mut rest).split_at_mut(head + length);
            let value = &mut whole[head..];
            match tag {
                _ if constructed => self.redact(value),
                ACCOUNT => self.number(value),
                TRACK_2 => self.track(value),
                _ if OPEN.contains(&tag) => {}
                _ => value.fill(FILLER),
            }
            rest = after;
        }
        // No tag, or one that is cut off.
        rest.fill(FILLER);
    }

    fn number(&mut self, packed: &mut [u8]) {
        let digits = Zeroizing::new(nibbles(packed));
        let length = digits.iter().take_while(|nibble| **nibble <= 9).count();
        let mut new = digits.clone();
        new[..length].copy_from_slice(&self.made_up(&digits[..length]));
        pack(packed, &new);
    }

    /// Track 2: the number, D, four digits of expiry, three of service, and what else the bank wrote.
    fn track(&mut self, packed: &mut [u8]) {
        let mut new = Zeroizing::new(nibbles(packed));
        let end = new.iter().position(|nibble| *nibble > 9).unwrap_or(new.len());
        let number = self.made_up(&new[..end]);
        new[..end].copy_from_slice(&number);
        for nibble in new.iter_mut().skip(end + 8).filter(|nibble| **nibble <= 9) {
            *nibble = 0;
        }
        pack(packed, &new);
    }

    /// The made-up number of as many digits; its check digit is right where the real one's is.
    fn made_up(&mut self, real: &[u8]) -> Vec<u8> {
        let known = self.0.iter().position(|number| number.as_slice() == real);
        let nth = known.unwrap_or_else(|| {
            self.0.push(Zeroizing::new(real.to_vec()));
            self.0.len() - 1
        });
        let Some(body) = real.len().checked_sub(1) else { return Vec::new() };
        let text = format!("{:018}", MADE_UP + nth as u128);
        // The counter stands last, the beginning is a bank card's.
        let (front, back) = text.split_at(2);
        let back: Vec<u8> = back.bytes().rev().take(body.saturating_sub(2)).collect();
        let mut digits: Vec<u8> = front.bytes().chain(back.into_iter().rev()).map(|digit| digit - b'0').collect();
        digits.resize(body, 0);
        let check = check_digit(&digits);
        digits.push(if check_digit(&real[..body]) == real[body] { check } else { (check + 1) % 10 });
        digits
    }

    /// The first sixteen digits of each real number, packed, unless it is a made-up one itself.
    pub(super) fn traces(&mut self) -> Vec<Zeroizing<Vec<u8>>> {
        let real = self.0.clone();
        let other = real.into_iter().filter(|number| self.made_up(number) != **number);
        let packed =
            |number: Zeroizing<Vec<u8>>| number.chunks_exact(2).take(8).map(|pair| pair[0] << 4 | pair[1]).collect();
        other.map(|number| Zeroizing::new(packed(number))).collect()
    }
}

/// Tag, whether it holds others, how long tag and length are, and how long the value is that is there.
fn head(bytes: &[u8]) -> Option<(u32, bool, usize, usize)> {
    let constructed = bytes.first()? & 0x20 != 0;
    let (tag, rest) = ber::tag(bytes)?;
    let (length, rest) = match rest {
        [length @ 0..=0x7F, rest @ ..] => (usize::from(*length), rest),
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    Some((tag, constructed, bytes.len() - rest.len(), length.min(rest.len())))
}

fn nibbles(packed: &[u8]) -> Vec<u8> {
    packed.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).collect()
}

fn pack(packed: &mut [u8], nibbles: &[u8]) {
    packed.iter_mut().zip(nibbles.chunks_exact(2)).for_each(|(byte, pair)| *byte = pair[0] << 4 | pair[1]);
}

/// The check digit of ISO/IEC 7812 behind these digits.
fn check_digit(digits: &[u8]) -> u8 {
    let weighed = digits.iter().rev().enumerate().map(|(at, digit)| match (at % 2, digit * 2) {
        (0, double @ 10..) => double - 9,
        (0, double) => double,
        _ => *digit,
    });
    let sum: u32 = weighed.map(u32::from).sum();
    // Below ten.
    ((10 - sum % 10) % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(accounts: &mut Accounts, data: &str) -> String {
        let mut data = hex::decode(data.replace(' ', "")).unwrap();
        accounts.redact(&mut data);
        hex::encode_upper(data)
    }

    #[test]
    fn a_number_becomes_one_whose_check_digit_is_as_right() {
        let mut accounts = Accounts::default();
        // 6222 0212 3456 7890 128 is right, with another last digit it is not.
        let right = "6222021234567890128";
        assert_eq!(check_digit(&right.bytes().take(18).map(|c| c - b'0').collect::<Vec<_>>()), 8);
        let found = redacted(&mut accounts, "70 15 57 13 6222021234567890128D3012 220 1234567890F");
        let number = &found[8..27];
        assert_eq!((&number[..2], number.len(), &found[27..]), ("62", 19, "D30122200000000000F"));
        let digits: Vec<u8> = number.bytes().map(|c| c - b'0').collect();
        assert_eq!(check_digit(&digits[..18]), digits[18]);
        // The same account in tag 5A is the same made-up one; another is another.
        let again = redacted(&mut accounts, "5A 0A 6222021234567890128F");
        assert_eq!(again, format!("5A0A{number}F"));
        let other = redacted(&mut accounts, "5A 08 6222021234567890");
        assert!(other.starts_with("5A0862") && other[4..] != again[4..20]);
        let digits: Vec<u8> = other[4..].bytes().map(|c| c - b'0').collect();
        assert_ne!(check_digit(&digits[..15]), digits[15]);
        assert_eq!(accounts.traces()[0][..4], [0x62, 0x22, 0x02, 0x12]);
    }

    #[test]
    fn what_is_not_known_to_be_open_does_not_stay() {
        let mut accounts = Accounts::default();
        // Options and files stay, a name and a document do not, nor does what is cut off or no BER.
        assert_eq!(redacted(&mut accounts, "77 0A 8202 7C00 9404 08010100"), "770A82027C00940408010100");
        assert_eq!(redacted(&mut accounts, "70 07 5F2004 57414E47"), "70075F200430303030");
        assert_eq!(redacted(&mut accounts, "9F61 81 02 3434 0000"), "9F61810230300000");
        assert_eq!(redacted(&mut accounts, "5F20 FF 57414E47"), "30303030303030");
        assert_eq!(redacted(&mut accounts, "70 7F 5F20 05 57414E"), "707F5F2005303030");
        assert_eq!(redacted(&mut accounts, "5A00 57 00"), "5A005700");
    }
}
