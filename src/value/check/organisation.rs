//! What names an employer: 统一社会信用代码 and 组织机构代码.

use super::{Check, CheckMistake};
use crate::value::check_character;

/// The characters of a unified social credit code in the order of their values: no I, O, S, V, Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// A unified social credit code: two characters of the registering authority and kind, six digits of the region, nine of
/// the organisation, one to check. The nine are not held to their own check character: the eighteenth covers them.
pub(super) fn credit_code(text: &str) -> Result<String, CheckMistake> {
    let text = text.to_ascii_uppercase();
    let form = || CheckMistake::Form(Check::CreditCode);
    let code: &[u8; 18] = text.as_bytes().try_into().map_err(|_| form())?;
    if !code[2..8].iter().all(u8::is_ascii_digit) {
        return Err(form());
    }
    let check = credit_check(&code[..17]).ok_or_else(form)?;
    match code[17] {
        last if last == check => Ok(text),
        last if ALPHABET.contains(&last) => Err(CheckMistake::Digit),
        _ => Err(form()),
    }
}

/// The check character of seventeen: weights are the powers of 3 modulo 31.
pub(super) fn credit_check(body: &[u8]) -> Option<u8> {
    let (mut sum, mut weight) = (0, 1);
    for character in body {
        sum += ALPHABET.iter().position(|known| known == character)? * weight;
        weight = weight * 3 % 31;
    }
    // Where the rest is 0 the check is 0, not 31.
    Some(ALPHABET[(31 - sum % 31) % 31])
}

/// An organisation code: eight characters, perhaps a hyphen, and the check character, which is made as a card number's.
pub(super) fn organisation_code(text: &str) -> Result<String, CheckMistake> {
    let text = text.to_ascii_uppercase();
    let form = || CheckMistake::Form(Check::OrganisationCode);
    let body = text.get(..8).ok_or_else(form)?;
    let last = text[8..].strip_prefix('-').unwrap_or(&text[8..]);
    let check = check_character(body.as_bytes()).ok_or_else(form)?;
    match last.as_bytes() {
        [last] if *last == check => Ok(format!("{body}{}", char::from(check))),
        [last] if last.is_ascii_digit() || *last == b'X' => Err(CheckMistake::Digit),
        _ => Err(form()),
    }
}

/// Either, told apart by their lengths.
pub(super) fn any(text: &str) -> Result<String, CheckMistake> {
    let code = if text.len() > 10 { credit_code(text) } else { organisation_code(text) };
    code.map_err(|mistake| match mistake {
        CheckMistake::Form(_) => CheckMistake::Form(Check::EmployerCode),
        other => other,
    })
}
