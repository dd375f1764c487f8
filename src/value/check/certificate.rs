//! What names a person: numbers of certificates, and names.

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Check, CheckMistake};
use crate::value::{NumberError, NumberForm, SocialSecurityNumber};

/// The greatest age of a person who has a number, in years (settlement-facts §5).
const OLDEST: i32 = 130;

/// A number that [`SocialSecurityNumber`] knows, of the forms that `check` takes; one of 15 digits as the 18 of today.
pub(super) fn numbered(check: Check, text: &str, today: Date) -> Result<String, CheckMistake> {
    let form = || CheckMistake::Form(check);
    // Only padding of a card may stand behind a number, and this is none.
    let typed = text.bytes().all(|b| b.is_ascii_alphanumeric());
    let number = match SocialSecurityNumber::parse(text.as_bytes()) {
        Ok(Some(number)) if typed => number,
        Err(NumberError::Check) => return Err(CheckMistake::Digit),
        Err(NumberError::Birth) => return Err(CheckMistake::Birth),
        _ => return Err(form()),
    };
    if !taken(check, number.form()) {
        return Err(form());
    }
    let oldest = today.saturating_sub(OLDEST.years());
    match number.birth_date() {
        Some(birth) if birth > today || birth < oldest => Err(CheckMistake::Birth),
        _ => Ok(number.upgraded().reveal().to_owned()),
    }
}

fn taken(check: Check, form: NumberForm) -> bool {
    use NumberForm::{Citizen, Citizen15, Foreign, Foreign15};
    match check {
        Check::CitizenNumber => matches!(form, Citizen | Citizen15),
        Check::ForeignResidenceCard => matches!(form, Foreign | Foreign15),
        _ => true,
    }
}

/// The number of any certificate. What looks like a citizen number is held to its rule; of a passport, a permit or a
/// household register only the format is known, which differs by issuer.
pub(super) fn any(text: &str, today: Date) -> Result<String, CheckMistake> {
    let check = Check::CertificateNumber;
    if is_mistyped(text) {
        return Err(CheckMistake::Form(Check::CitizenNumber));
    }
    if text.bytes().all(|b| b.is_ascii_alphanumeric()) && text.bytes().any(|b| b.is_ascii_digit()) {
        return match text.len() {
            // Longer than what a card holds.
            19 | 20 => Ok(text.to_ascii_uppercase()),
            _ => numbered(check, text, today),
        };
    }
    if military(text) { Ok(text.to_owned()) } else { Err(CheckMistake::Form(check)) }
}

/// Whether it is a citizen number with a digit too few or too many, or with a letter that was taken for a digit. No other
/// certificate has 15 to 20 digits alone (settlement-facts §5): a permit has up to eleven characters, and an old foreign
/// residence card begins with a country of three letters, of which none is of `O`, `I` and `L` only.
fn is_mistyped(text: &str) -> bool {
    let as_digit = |b: u8| match b.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let read: Vec<u8> = text.bytes().map(as_digit).collect();
    let (body, last) = read.split_at(read.len().saturating_sub(1));
    let is_citizens = body.iter().all(u8::is_ascii_digit) && last.iter().all(|b| b.is_ascii_digit() || *b == b'X');
    let has_letter = read.iter().zip(text.bytes()).any(|(read, typed)| *read != typed.to_ascii_uppercase());
    let is_whole = !has_letter && (read.len() == 18 || read.len() == 15 && last.iter().all(u8::is_ascii_digit));
    (15..=20).contains(&read.len()) && is_citizens && !is_whole
}

/// 军官证 and its like: `军字第2001988号`, whatever corps and digits it names.
fn military(text: &str) -> bool {
    let Some((corps, number)) = text.split_once("字第") else { return false };
    let number = number.strip_suffix('号').unwrap_or(number);
    !corps.is_empty()
        && corps.chars().all(|c| c.is_alphabetic() && !c.is_ascii())
        && (4..=8).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// A name with one space where there were more. A rare character may be any, those of private use included: cards were
/// written with them before they had a code. How long a name may be is for whoever asks for it.
pub(super) fn person_name(text: &str) -> Option<String> {
    let stands_in_names = |c: char| match c {
        c if c.is_ascii() => c.is_ascii_alphabetic() || " .,'-()".contains(c),
        // Digits of full width, and what cannot be seen.
        '０'..='９' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' => {
            false
        }
        c => !c.is_control(),
    };
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let letters = name.chars().any(|c| c.is_ascii_alphabetic() || !c.is_ascii());
    (letters && name.chars().all(stands_in_names)).then_some(name)
}
