//! The holder that every recording has: made up, with check characters that are right where the real ones were, and
//! as long as the real one in every field.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::personal::tag;
use crate::value::{CardNumber, NumberForm, SocialSecurityNumber, bcd, check_character, check_digit};

/// Region of the made-up holder: no district has this code.
const REGION: [u8; 3] = [0x10, 0x00, 0x00];
/// 1970-01-01.
const BIRTH: [u8; 4] = [0x19, 0x70, 0x01, 0x01];
/// The characters of the made-up name, in GBK: 测试卡.
const NAME: [u8; 6] = [0xB2, 0xE2, 0xCA, 0xD4, 0xBF, 0xA8];
/// The card's serial in its identifier and in its historical bytes.
const SERIAL: [u8; 4] = [0, 0, 0, 1];

/// The made-up values for the real ones of a session, each of the real one's length.
pub(super) fn holder(real: &BTreeMap<u8, Zeroizing<Vec<u8>>>) -> BTreeMap<u8, Zeroizing<Vec<u8>>> {
    let name = real.get(&tag::NAME).map(|value| trimmed(value).len()).unwrap_or_default();
    let more = real.get(&tag::NAME_MORE).map(|value| trimmed(value).len()).unwrap_or_default();
    let made_up = |(tag, value): (&u8, &Zeroizing<Vec<u8>>)| {
        let written = trimmed(value);
        let mut new = Zeroizing::new(match *tag {
            tag::IDENTIFIER => identifier(value),
            tag::CARD_NUMBER => card_number(written),
            tag::SOCIAL_SECURITY_NUMBER => social_security_number(written),
            tag::NAME => name_bytes(0..name, name + more),
            tag::NAME_MORE => name_bytes(name..name + more, name + more),
            // A man's, as the made-up number says.
            tag::SEX => filled(written, b"1"),
            tag::ETHNICITY => unless_unwritten(value, &[0x01]),
            tag::BIRTH_PLACE => unless_unwritten(value, &REGION),
            tag::BIRTH_DATE => unless_unwritten(value, &BIRTH),
            _ => vec![0; value.len()],
        });
        // The padding is the card's own way, and stays.
        let padding = &value[new.len()..];
        new.extend_from_slice(padding);
        (*tag, new)
    };
    real.iter().map(made_up).collect()
}

/// The made-up historical bytes: type bytes 1 to 7 stay, then four digits of the region and the serial (card-facts §8).
pub(super) fn historical(real: &[u8], city: Option<&[u8]>) -> Vec<u8> {
    let region = city.and_then(|city| city.get(..2)).unwrap_or(&[0, 0]);
    let mut made_up = real.to_vec();
    let (_, own) = made_up.split_at_mut(real.len().min(7));
    let whole: Vec<u8> = region.iter().chain(&SERIAL).copied().chain(std::iter::repeat(0)).take(own.len()).collect();
    own.copy_from_slice(&whole);
    made_up
}

/// What stands in the place of a value of which no more is known than its bytes: a date where it was one, else characters
/// and digits that name nothing. Padding stays, and so does what was never written. Another `nth` is another value.
pub(super) fn filler(value: &mut [u8], nth: usize) {
    let written = trimmed(value).len();
    let [year @ .., day] = BIRTH;
    match &mut value[..written] {
        date @ [_, _, _, _] if matches!(bcd::date(date), Ok(Some(_))) => {
            let [front @ .., last] = date else { return };
            front.copy_from_slice(&year);
            // A day below ten is the same packed.
            *last = day + (nth % 9) as u8;
        }
        // '0' as a character, 30 as two digits.
        written => written.fill(b'0' + (nth % 10) as u8),
    }
}

/// City and application stay; the serial and the authentication code are the made-up card's.
fn identifier(real: &[u8]) -> Vec<u8> {
    let mut made_up = real.to_vec();
    if let Some(own) = made_up.get_mut(8..) {
        own.fill(0xFF);
        let serial = own.len().min(4);
        own[..serial].copy_from_slice(&SERIAL[..serial]);
    }
    made_up
}

fn card_number(real: &[u8]) -> Vec<u8> {
    let mut made_up = filled(real, b"A00000000");
    if made_up.len() >= 9 {
        let right = check_character(b"A0000000").unwrap_or(b'0');
        // A number whose check was wrong keeps a wrong one.
        made_up[8] = if CardNumber::parse(real).is_ok() { right } else { wrong(right) };
    }
    made_up
}

fn wrong(check: u8) -> u8 {
    if check == b'0' { b'1' } else { b'0' }
}

/// A number of the same form.
fn social_security_number(real: &[u8]) -> Vec<u8> {
    let checked = |body: &[u8]| {
        let mut made_up = body.to_vec();
        made_up.extend(check_digit(body));
        made_up
    };
    match SocialSecurityNumber::parse(real).ok().flatten().map(|number| number.form()) {
        Some(NumberForm::Citizen) => checked(b"10000019700101001"),
        Some(NumberForm::Citizen15) => b"100000700101001".to_vec(),
        Some(NumberForm::Foreign) => checked(b"91000019700101001"),
        Some(NumberForm::Foreign15) => b"AAA100000700101".to_vec(),
        // Letters and digits stay what they are; a wrong check digit stays wrong, for eighteen zeros have another.
        Some(NumberForm::Assigned) | None => {
            let plain = |byte: &u8| if byte.is_ascii_alphabetic() { b'A' } else { b'0' };
            real.iter().map(plain).collect()
        }
    }
}

/// The bytes `at` of a made-up name that is `whole` bytes long: whole characters, and a letter where half of one is
/// left at the end.
fn name_bytes(at: std::ops::Range<usize>, whole: usize) -> Vec<u8> {
    at.map(|at| if at + 1 == whole && at % 2 == 0 { b'A' } else { NAME[at % NAME.len()] }).collect()
}

/// `new`, cut or filled with 0 to the length of `real`.
fn filled(real: &[u8], new: &[u8]) -> Vec<u8> {
    new.iter().copied().chain(std::iter::repeat(b'0')).take(real.len()).collect()
}

/// A packed field, unless the card was left at FF.
fn unless_unwritten(real: &[u8], new: &[u8]) -> Vec<u8> {
    if real.iter().all(|byte| *byte == 0xFF) {
        return real.to_vec();
    }
    new.iter().copied().chain(std::iter::repeat(0)).take(real.len()).collect()
}

/// A text field without its padding (00, 20 or FF, card-facts §8).
pub(super) fn trimmed(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|byte| !matches!(byte, 0x00 | 0x20 | 0xFF)).map_or(0, |last| last + 1);
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(tag: u8, value: &[u8]) -> Vec<u8> {
        holder(&BTreeMap::from([(tag, Zeroizing::new(value.to_vec()))]))[&tag].to_vec()
    }

    #[test]
    fn numbers_keep_their_form_length_and_padding() {
        for real in ["11010519491231002X", "610104620927690", "CAN110108750503", "A1234567"] {
            let mut field = real.as_bytes().to_vec();
            field.resize(20, 0x20);
            let made_up = one(tag::SOCIAL_SECURITY_NUMBER, &field);
            assert_eq!(made_up.len(), 20);
            let form = |bytes: &[u8]| SocialSecurityNumber::parse(bytes).unwrap().unwrap().form();
            assert_eq!(form(&made_up), form(real.as_bytes()), "{real}");
            assert_eq!(made_up[real.len()..], field[real.len()..]);
        }
        assert_eq!(one(tag::SOCIAL_SECURITY_NUMBER, &[0xFF; 18]), [0xFF; 18]);
        assert!(SocialSecurityNumber::parse(&one(tag::SOCIAL_SECURITY_NUMBER, b"110105194912310021")).is_err());
        let number = one(tag::CARD_NUMBER, b"D2143569X\0\0\0");
        assert!(CardNumber::parse(&number).is_ok() && number.ends_with(b"\0\0\0"));
        assert!(CardNumber::parse(&one(tag::CARD_NUMBER, b"D21435690")).is_err());
    }

    #[test]
    fn a_name_over_two_records_is_whole_characters() {
        for (name, more) in [(6, 0), (30, 5), (29, 6), (7, 0)] {
            let mut first = vec![b'x'; name];
            first.resize(30, 0);
            let mut second = vec![b'x'; more];
            second.resize(20, 0);
            let real = BTreeMap::from([(tag::NAME, Zeroizing::new(first)), (tag::NAME_MORE, Zeroizing::new(second))]);
            let made_up = holder(&real);
            let whole = [trimmed(&made_up[&tag::NAME]), trimmed(&made_up[&tag::NAME_MORE])].concat();
            assert_eq!(whole.len(), name + more);
            let text = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(&whole);
            assert!(text.unwrap().starts_with("测试卡"));
        }
    }

    #[test]
    fn fields_that_were_never_written_stay_so() {
        assert_eq!(one(tag::BIRTH_DATE, &[0xFF; 4]), [0xFF; 4]);
        assert_eq!(one(tag::BIRTH_DATE, &[0x20, 0x01, 0x02, 0x03]), BIRTH);
        assert_eq!(one(tag::SEX, &[0xFF]), [0xFF]);
    }

    #[test]
    fn filler_is_as_long_as_what_was_written_and_a_date_where_it_was_one() {
        let filled = |value: &[u8]| {
            let mut value = value.to_vec();
            filler(&mut value, 0);
            value
        };
        assert_eq!(filled(b"\xCC\xEC\xBA\xD3\0\0"), b"0000\0\0");
        assert_eq!(filled(&[0x20, 0x15, 0x04, 0x30]), BIRTH);
        assert_eq!(filled(&[0x20, 0x15, 0x13, 0x01]), *b"0000");
        assert_eq!(filled(&[0xFF, 0xFF]), [0xFF, 0xFF]);
        let (mut text, mut date) = (*b"ab\0", [0x20, 0x15, 0x04, 0x30]);
        filler(&mut text, 2);
        filler(&mut date, 2);
        assert_eq!((text, date), (*b"22\0", [0x19, 0x70, 0x01, 0x03]));
    }

    #[test]
    fn an_identifier_and_an_atr_keep_what_many_cards_share() {
        let real = hex::decode("440100D15600000530000003AABBCCDD").unwrap();
        let made_up = one(tag::IDENTIFIER, &real);
        assert_eq!(hex::encode_upper(&made_up), "440100D15600000500000001FFFFFFFF");
        let real = hex::decode("86035342440003440130000003").unwrap();
        assert_eq!(hex::encode_upper(historical(&real, Some(&made_up))), "86035342440003440100000001");
        assert_eq!(historical(&[1, 2], None), [1, 2]);
        assert_eq!(one(tag::IDENTIFIER, &[0x44]), [0x44]);
    }
}
