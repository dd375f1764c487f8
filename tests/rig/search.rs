//! Looks for personal data in whatever a program wrote, in every form it could have taken.

use std::fs;
use std::path::{Path, PathBuf};

/// A piece of personal data: what it is, and its bytes in one form.
#[derive(Clone)]
pub struct Needle {
    /// What it is, and in which form: safe to print.
    pub what: String,
    /// What is looked for.
    pub bytes: Vec<u8>,
    /// Whether the letters' case matters not.
    any_case: bool,
}

/// Every form of a text (a name, a number): UTF-8, GBK, escapes, hex, BCD, base64, and plain SHA-256 of those.
pub fn forms_of_text(what: &str, text: &str) -> Vec<Needle> {
    let gbk = encoding_rs::GBK.encode(text).0.into_owned();
    let mut needles = forms_of_bytes(&format!("{what} in UTF-8"), text.as_bytes());
    if gbk != text.as_bytes() {
        needles.extend(forms_of_bytes(&format!("{what} in GBK"), &gbk));
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        needles.push(any_case(format!("{what} in JSON escapes"), escaped.into_bytes()));
        let percent: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        needles.push(any_case(format!("{what} in percent escapes"), percent.into_bytes()));
    }
    if let Some(bcd) = bcd(text) {
        needles.extend(forms_of_bytes(&format!("{what} in BCD"), &bcd));
    }
    // A fixed field of the card is filled at its end; so may be what was hashed.
    for (filler, byte) in [("00", 0x00), ("20", 0x20), ("FF", 0xFF)] {
        let mut field = gbk.clone();
        field.resize(30, byte);
        needles.extend(digests(&format!("{what} filled with {filler}"), &field));
    }
    needles
}

/// Every form of some bytes: as they are, hex, base64 wherever it may begin, and plain SHA-256.
pub fn forms_of_bytes(what: &str, bytes: &[u8]) -> Vec<Needle> {
    let mut needles = vec![Needle { what: what.to_owned(), bytes: bytes.to_vec(), any_case: false }];
    needles.push(any_case(format!("{what}, hex"), hex::encode_upper(bytes).into_bytes()));
    let spaced: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    needles.push(any_case(format!("{what}, hex with spaces"), spaced.join(" ").into_bytes()));
    let listed: Vec<String> = bytes.iter().map(u8::to_string).collect();
    needles.push(any_case(format!("{what}, a list of bytes"), listed.join(", ").into_bytes()));
    needles.push(any_case(format!("{what}, a short list of bytes"), listed.join(",").into_bytes()));
    for (alphabet, url) in [("base64", false), ("base64url", true)] {
        for shift in 0..3 {
            needles.push(Needle {
                what: format!("{what}, {alphabet} from byte {shift}"),
                bytes: base64_core(bytes, shift, url),
                any_case: false,
            });
        }
    }
    needles.extend(digests(what, bytes));
    needles
}

fn digests(what: &str, bytes: &[u8]) -> Vec<Needle> {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let (what, digest) = (format!("plain SHA-256 of {what}"), digest.as_ref());
    vec![
        Needle { what: what.clone(), bytes: digest.to_vec(), any_case: false },
        any_case(format!("{what}, hex"), hex::encode_upper(digest).into_bytes()),
        Needle { what: format!("{what}, base64"), bytes: base64_core(digest, 0, false), any_case: false },
        Needle { what: format!("{what}, base64url"), bytes: base64_core(digest, 0, true), any_case: false },
    ]
}

fn any_case(what: String, bytes: Vec<u8>) -> Needle {
    Needle { what, bytes: bytes.to_ascii_uppercase(), any_case: true }
}

/// Digits as packed BCD, filled with F; `None` for anything else.
fn bcd(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').map(|byte| byte.wrapping_sub(b'0')).collect();
    if digits.len() < 6 || digits.iter().any(|digit| *digit > 9) {
        return None;
    }
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0xF)).collect())
}

/// The characters of base64 that depend on `bytes` alone, when `shift` other bytes stand before them in their group.
fn base64_core(bytes: &[u8], shift: usize, url: bool) -> Vec<u8> {
    let alphabet: &[u8; 64] = if url {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    } else {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    };
    let bits = |at: usize| (bytes[at / 8] >> (7 - at % 8)) & 1;
    // The first character that begins inside `bytes`, in bits from their start.
    let first = (6 - (shift * 8) % 6) % 6;
    let whole = (bytes.len() * 8 - first) / 6;
    (0..whole)
        .map(|n| alphabet[(0..6).fold(0, |value, bit| value << 1 | usize::from(bits(first + n * 6 + bit)))])
        .collect()
}

/// What of `needles` stands in `haystack`; what they are, without the data.
pub fn found_in(haystack: &[u8], needles: &[Needle]) -> Vec<String> {
    let upper = haystack.to_ascii_uppercase();
    needles
        .iter()
        .filter(|needle| contains(if needle.any_case { &upper } else { haystack }, &needle.bytes))
        .map(|needle| needle.what.clone())
        .collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return false };
    let mut at = 0;
    while let Some(next) = haystack[at..].iter().position(|byte| byte == first) {
        at += next + 1;
        if haystack[at..].starts_with(rest) {
            return true;
        }
    }
    false
}

/// Every file below `dir` except those that `skip` names, with what of `needles` stands in it.
pub fn found_below(dir: &Path, needles: &[Needle], skip: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut all = Vec::new();
    for file in files_below(dir).into_iter().filter(|file| !skip(file)) {
        let bytes = fs::read(&file).unwrap_or_default();
        all.extend(found_in(&bytes, needles).into_iter().map(|what| format!("{}: {what}", file.display())));
    }
    all
}

/// Every plain file below `dir`.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}
