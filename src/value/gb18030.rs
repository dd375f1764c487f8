//! Chinese text as the card holds it: GBK or GB18030 (card-facts §1.2).

use zeroize::Zeroizing;

/// The text of bytes without padding; `None` when they are not valid GB18030, or hold a control character.
pub fn decode(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let text = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
    let text = Zeroizing::new(text.into_owned());
    (is_gb18030(bytes) && !text.chars().any(char::is_control)).then_some(text)
}

/// The bytes of a text; `None` when it holds a control character.
pub fn encode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (bytes, _, lost) = encoding_rs::GB18030.encode(text);
    let bytes = Zeroizing::new(bytes.into_owned());
    (!lost && !text.chars().any(char::is_control)).then_some(bytes)
}

/// Whether bytes have the form of GB18030: one byte below 80, two of 81–FE and 40–7E or 80–FE, four of 81–FE and 30–39
/// in turn. The decoder is the web's, which takes a lone 80 for a euro sign, as a code page of old systems had it.
pub(super) fn is_gb18030(mut bytes: &[u8]) -> bool {
    loop {
        bytes = match bytes {
            [] => return true,
            [0x00..=0x7F, rest @ ..]
            | [0x81..=0xFE, 0x40..=0x7E | 0x80..=0xFE, rest @ ..]
            | [0x81..=0xFE, 0x30..=0x39, 0x81..=0xFE, 0x30..=0x39, rest @ ..] => rest,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "[a-zA-Z0-9 \u{4E00}-\u{9FA5}\u{20000}-\u{20010}]{0,30}") {
            let decoded = decode(&encode(&text).unwrap()).unwrap();
            prop_assert_eq!(decoded.as_str(), text.as_str());
        }

        #[test]
        fn any_bytes_are_text_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(text) = decode(&bytes) {
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn control_characters_are_no_text() {
        assert_eq!((decode(b"a\nb"), encode("a\u{7}b")), (None, None));
    }
}
