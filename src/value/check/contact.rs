//! Telephone numbers, by format only: which of them are given out changes from year to year.

use super::digits;

/// A mobile number, a fixed one, or one abroad.
pub(super) fn phone(text: &str) -> Option<String> {
    mobile(text).or_else(|| (fixed(text) || abroad(text)).then(|| text.to_owned()))
}

/// Eleven digits. Those that begin with 10, 11 or 12 are the numbers of services.
pub(super) fn mobile(text: &str) -> Option<String> {
    let number = text.strip_prefix("+86").unwrap_or(text);
    let known = number.starts_with('1') && !matches!(number.as_bytes().get(1), Some(b'0'..=b'2'));
    digits(number, 11..=11).filter(|_| known)
}

/// `83330000`, `020-83330000`, `02083330000`, `4008100000`, each with an extension or without.
fn fixed(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let numbers = match parts.as_slice() {
        [area, rest @ ..] if area.starts_with('0') && digits(area, 3..=4).is_some() => rest,
        all => all,
    };
    match numbers {
        [number] => subscriber(number),
        [number, extension] => subscriber(number) && digits(extension, 1..=6).is_some(),
        _ => false,
    }
}

fn subscriber(number: &str) -> bool {
    let first = number.as_bytes().first();
    match number.len() {
        7 | 8 => digits(number, 7..=8).is_some() && matches!(first, Some(b'2'..=b'9')),
        // With its area code, or one that the called party pays for.
        10..=12 => {
            digits(number, 10..=12).is_some()
                && (first == Some(&b'0')
                    || number.len() == 10 && (number.starts_with("400") || number.starts_with("800")))
        }
        _ => false,
    }
}

/// At most 15 digits (ITU-T E.164) behind a `+`.
fn abroad(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|number| digits(number, 7..=15).is_some())
}
