//! The answer to reset (ISO/IEC 7816-3; card-facts §8, STD-2).

use std::fmt;

use zeroize::Zeroizing;

use crate::value::mask;

/// An answer to reset. Its historical bytes 8 to 13 name one card, so it is never printed whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Atr {
    bytes: Zeroizing<Vec<u8>>,
    historical: std::ops::Range<usize>,
    offers: Offers,
}

/// What the interface bytes say.
#[derive(Clone, Default, PartialEq, Eq)]
struct Offers {
    ta1: Option<u8>,
    ta2: Option<u8>,
    /// T of each TDi, in their order.
    td: Vec<u8>,
}

/// Why bytes are not an ATR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AtrError {
    /// Too short or too long for its own header, or longer than 33 bytes.
    #[error("an ATR of {0} bytes cannot be")]
    Length(usize),
    /// TS is neither 3B nor 3F.
    #[error("the ATR begins with {0:02X}")]
    Convention(u8),
    /// The check byte TCK is not that of these bytes.
    #[error("the ATR's check byte is wrong")]
    Check,
}

/// Clock rate conversion F and baud rate adjustment D: a bit takes F/D cycles of the card's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// F, in clock cycles.
    pub f: u16,
    /// D.
    pub d: u8,
}

impl Rates {
    /// What every card begins with, and a social security card stays with (card-facts §8).
    pub const DEFAULT: Self = Self { f: 372, d: 1 };

    /// As TA1 codes them; `None` for what is reserved.
    fn of(ta1: u8) -> Option<Self> {
        let f = match ta1 >> 4 {
            0x0 | 0x1 => 372,
            0x2 => 558,
            0x3 => 744,
            0x4 => 1116,
            0x5 => 1488,
            0x6 => 1860,
            0x9 => 512,
            0xA => 768,
            0xB => 1024,
            0xC => 1536,
            0xD => 2048,
            _ => return None,
        };
        let d = match ta1 & 0x0F {
            0x1 => 1,
            0x2 => 2,
            0x3 => 4,
            0x4 => 8,
            0x5 => 16,
            0x6 => 32,
            0x7 => 64,
            0x8 => 12,
            0x9 => 20,
            _ => return None,
        };
        Some(Self { f, d })
    }
}

impl Atr {
    /// Parses the interface bytes to find the historical bytes, as ISO/IEC 7816-3 lays them out, and holds the check byte,
    /// which a card has unless T=0 is all that it names. Some of those have one as well: it is let be where it is right.
    ///
    /// # Errors
    /// When the bytes are not an ATR.
    pub fn parse(bytes: &[u8]) -> Result<Self, AtrError> {
        let length = bytes.len();
        let [ts, t0, ..] = *bytes else { return Err(AtrError::Length(length)) };
        if length > 33 {
            return Err(AtrError::Length(length));
        }
        if !matches!(ts, 0x3B | 0x3F) {
            return Err(AtrError::Convention(ts));
        }
        let (offers, at) = interface_bytes(bytes, t0 >> 4).ok_or(AtrError::Length(length))?;
        let historical = at..at + usize::from(t0 & 0x0F);
        let must = offers.td.iter().any(|t| *t != 0);
        let checked = match length.checked_sub(historical.end) {
            Some(0) if !must => false,
            Some(1) => true,
            _ => return Err(AtrError::Length(length)),
        };
        if checked && exclusive_or(&bytes[1..]) != 0 {
            return Err(if must { AtrError::Check } else { AtrError::Length(length) });
        }
        Ok(Self { bytes: Zeroizing::new(bytes.to_vec()), historical, offers })
    }

    /// All bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The historical bytes T1…: on a social security card T1–T7 name its type, T8–TD the one card.
    pub fn historical(&self) -> &[u8] {
        &self.bytes[self.historical.clone()]
    }

    /// F and D of TA1; the default where there is none. `None` for values that the standard reserves.
    pub fn rates(&self) -> Option<Rates> {
        self.offers.ta1.map_or(Some(Rates::DEFAULT), Rates::of)
    }

    /// Whether TA2 binds the card to one protocol (specific mode), so that none is negotiated.
    pub fn is_specific(&self) -> bool {
        self.offers.ta2.is_some()
    }

    /// The protocols T that the card offers, the first one first; T=0 where it names none. T=15, which is none, is left out.
    pub fn protocols(&self) -> impl Iterator<Item = u8> + '_ {
        let none = self.offers.td.is_empty().then_some(0);
        none.into_iter().chain(self.offers.td.iter().copied().filter(|t| *t != 15))
    }

    /// Whether it has the form that PC/SC part 3 §3.1.3.2.3 makes up for a contactless card: 3B 8n 80 01, n historical bytes
    /// (from the ATS of type A, from the ATQB of type B, or naming a memory card), TCK. A card with contacts could answer the
    /// same, though it would state more of T=1 in practice; so where the reader knows better, it is asked as well.
    pub fn is_contactless_form(&self) -> bool {
        matches!(self.as_bytes(), [0x3B, t0, 0x80, 0x01, ..] if t0 & 0xF0 == 0x80)
    }

    /// What the historical bytes of a social security card say. `None` unless there are 13 of them, and for a contactless
    /// card, of which no such rule is known (card-facts §8).
    pub fn marks(&self) -> Option<CardMarks<'_>> {
        let historical: &[u8; 13] = self.historical().try_into().ok()?;
        (!self.is_contactless_form()).then_some(CardMarks(historical))
    }

    /// In hex up to historical byte 7, which names the card's type; the rest, which names the card, starred.
    pub fn masked(&self) -> String {
        let shown = self.historical.start + self.historical.len().min(7);
        mask(&hex::encode_upper(&*self.bytes), 2 * shown, 0)
    }

    /// The same answer to reset with other historical bytes, as many as before; a check byte behind them is made to fit.
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
            changed.bytes[end] = exclusive_or(&changed.bytes[1..end]);
        }
        Ok(changed)
    }
}

/// What the interface bytes say, and where they end. `announced` is the upper half of T0, and later of each TDi: which of
/// TA, TB, TC and TD follow.
fn interface_bytes(bytes: &[u8], mut announced: u8) -> Option<(Offers, usize)> {
    let (mut offers, mut at) = (Offers::default(), 2);
    for group in 1.. {
        let first = at;
        at += announced.count_ones() as usize;
        if at > bytes.len() {
            return None;
        }
        let ta = (announced & 0b0001 != 0).then(|| bytes[first]);
        match group {
            1 => offers.ta1 = ta,
            2 => offers.ta2 = ta,
            _ => {}
        }
        if announced & 0b1000 == 0 {
            break;
        }
        let td = bytes[at - 1];
        offers.td.push(td & 0x0F);
        announced = td >> 4;
    }
    Some((offers, at))
}

fn exclusive_or(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |check, byte| check ^ byte)
}

/// The 13 historical bytes of a social security card (STD-2; card-facts §8). Region and serial name the one card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CardMarks<'a>(&'a [u8; 13]);

impl<'a> CardMarks<'a> {
    /// T1–T2: who made the chip.
    pub fn chip_maker(self) -> &'a [u8] {
        &self.0[..2]
    }

    /// T3–T5: the card's operating system (COS).
    pub fn operating_system(self) -> &'a [u8] {
        &self.0[2..5]
    }

    /// T6–T7: who made the card.
    pub fn card_maker(self) -> &'a [u8] {
        &self.0[5..7]
    }

    /// T8–T9: the first four digits of the issuing region; `None` when they are none.
    pub fn region(self) -> Option<Zeroizing<String>> {
        let digits = Zeroizing::new(hex::encode(&self.0[7..9]));
        digits.bytes().all(|digit| digit.is_ascii_digit()).then_some(digits)
    }

    /// TA–TD: the card's serial number.
    pub fn serial(self) -> &'a [u8] {
        &self.0[9..]
    }
}

/// Masked: the makers and the operating system only.
impl fmt::Debug for CardMarks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardMarks(type {})", hex::encode_upper(&self.0[..7]))
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
    use proptest::prelude::*;

    use super::*;

    const CARD: &str = "3B6D0000860353424400034401A1B2C3D4";

    fn atr(text: &str) -> Atr {
        Atr::parse(&hex::decode(text).unwrap()).unwrap()
    }

    /// A contactless one with as many historical bytes.
    fn atr_of_13_by_radio() -> Atr {
        atr("3B8D8001860353424400034401A1B2C3D49E")
    }

    fn wrong(text: &str) -> AtrError {
        Atr::parse(&hex::decode(text).unwrap()).unwrap_err()
    }

    #[test]
    fn historical_bytes_are_found_behind_any_interface_bytes() {
        assert_eq!(atr(CARD).historical(), hex::decode("860353424400034401A1B2C3D4").unwrap());
        assert_eq!(atr("3B828001010200").historical(), [1, 2]);
        // All of group 1 and 2, as a card for T=1 has them.
        assert_eq!(atr("3BF21100FF81314564017CF0").historical(), [0x01, 0x7C]);
    }

    #[test]
    fn a_social_security_card_says_who_made_it_and_which_it_is() {
        let atr = atr(CARD);
        let marks = atr.marks().unwrap();
        assert_eq!(marks.chip_maker(), [0x86, 0x03]);
        assert_eq!(marks.operating_system(), [0x53, 0x42, 0x44]);
        assert_eq!(marks.card_maker(), [0x00, 0x03]);
        assert_eq!(marks.region().unwrap().as_str(), "4401");
        assert_eq!(marks.serial(), [0xA1, 0xB2, 0xC3, 0xD4]);
        assert!(!format!("{marks:?}").contains("4401"));
        let no_region = atr.with_historical(&[0xFF; 13]).unwrap();
        assert_eq!(no_region.marks().unwrap().region(), None);
        assert!(atr_of_13_by_radio().marks().is_none());
    }

    #[test]
    fn rates_and_protocols_are_what_the_interface_bytes_say() {
        let of = |text: &str| (atr(text).rates(), atr(text).protocols().collect::<Vec<_>>(), atr(text).is_specific());
        assert_eq!(of(CARD), (Some(Rates::DEFAULT), vec![0], false));
        assert_eq!(of("3B1095"), (Some(Rates { f: 512, d: 16 }), vec![0], false));
        assert_eq!(of("3B1070"), (None, vec![0], false), "reserved");
        assert_eq!(of("3B80800101"), (Some(Rates::DEFAULT), vec![0, 1], false));
        // Bound to T=1 by TA2, with a global byte under T=15.
        assert_eq!(of("3B901191811F038D"), (Some(Rates::DEFAULT), vec![1], true));
    }

    #[test]
    fn what_is_no_atr_is_refused() {
        assert_eq!(wrong("3B"), AtrError::Length(1));
        assert_eq!(wrong("0000"), AtrError::Convention(0));
        assert_eq!(wrong("3B6D0000"), AtrError::Length(4));
        assert_eq!(wrong("3B80"), AtrError::Length(2));
        assert_eq!(wrong("3B8280010102AA"), AtrError::Check);
        assert_eq!(wrong("3B8280010102"), AtrError::Length(6), "no check byte");
        assert_eq!(wrong("3B0001"), AtrError::Length(3), "T=0 alone has none, or the right one");
        assert_eq!(wrong(&"3B".repeat(34)), AtrError::Length(34));
    }

    #[test]
    fn a_contactless_card_is_known_by_what_part_3_makes_up() {
        assert!(atr("3B828001010200").is_contactless_form());
        assert!(atr("3B80800101").is_contactless_form());
        // A memory card by radio, of part 3's own table.
        assert!(atr("3B8F8001804F0CA000000306030001000000006A").is_contactless_form());
        assert!(!atr(CARD).is_contactless_form());
        assert!(!atr("3B00").is_contactless_form());
    }

    #[test]
    fn other_historical_bytes_bring_their_check_byte() {
        let atr = atr("3B828001010200");
        let other = atr.with_historical(&[3, 5]).unwrap();
        assert_eq!(other.as_bytes(), hex::decode("3B828001030505").unwrap());
        assert_eq!(other.historical(), [3, 5]);
        assert_eq!(atr.with_historical(&[3]), Err(AtrError::Length(6)));
    }

    #[test]
    fn debug_names_no_card() {
        assert!(!format!("{:?}", atr(CARD)).contains("A1B2C3D4"));
        assert_eq!(atr(CARD).masked(), "3B6D000086035342440003************");
    }

    proptest! {
        /// Of a card for T=0 alone, which names it or names nothing.
        #[test]
        fn a_check_byte_that_t0_need_not_have_changes_nothing_where_it_is_right(
            groups in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=3), 1..3),
            historical in prop::collection::vec(any::<u8>(), 0..=15),
            other in 1u8..,
        ) {
            // Y of each group: its TA, TB, TC, and TD where a group follows.
            let y = |group: usize| ((1u8 << groups[group].len()) - 1) << 4 | if group + 1 < groups.len() { 0x80 } else { 0 };
            let mut bytes = vec![0x3B, y(0) | u8::try_from(historical.len()).unwrap()];
            for (group, interface) in groups.iter().enumerate() {
                bytes.extend(interface);
                bytes.extend((group + 1 < groups.len()).then(|| y(group + 1)));
            }
            bytes.extend(&historical);
            let without = Atr::parse(&bytes).unwrap();
            let check = exclusive_or(&bytes[1..]);
            bytes.push(check);
            let with = Atr::parse(&bytes).unwrap();
            prop_assert_eq!(with.historical(), without.historical());
            prop_assert_eq!(with.protocols().collect::<Vec<_>>(), [0]);
            prop_assert_eq!(with.as_bytes(), &bytes[..]);
            let length = bytes.len();
            bytes[length - 1] = check ^ other;
            prop_assert_eq!(Atr::parse(&bytes), Err(AtrError::Length(length)));
            bytes[length - 1] = check;
            bytes.push(0);
            prop_assert_eq!(Atr::parse(&bytes), Err(AtrError::Length(length + 1)), "one byte, not two");
        }

        #[test]
        fn whatever_a_card_answers_it_is_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), card in any::<bool>()) {
            let bytes = if card { [&[0x3B][..], &bytes].concat() } else { bytes };
            if let Ok(atr) = Atr::parse(&bytes) {
                prop_assert_eq!(atr.as_bytes(), &bytes[..]);
                prop_assert!(atr.historical().len() <= 15 && atr.protocols().all(|t| t < 15));
                let _ = (atr.rates(), atr.marks().map(CardMarks::region), atr.masked(), format!("{atr:?}"));
                let other = atr.with_historical(&vec![0x5A; atr.historical().len()]).unwrap();
                prop_assert_eq!(Atr::parse(other.as_bytes()), Ok(other.clone()), "with its check byte");
            }
        }
    }
}
