//! A person's name as the card holds it.

use std::fmt;

use zeroize::Zeroizing;

use super::gb18030;
use super::mask::mask;

/// A name decoded from GB18030, with the bytes it came from, since a rare character must survive any mistake of
/// ours in decoding it.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonName {
    raw: Zeroizing<Vec<u8>>,
    text: Zeroizing<String>,
}

/// A name that is not valid GB18030. Keeps the bytes for whoever corrects the card; never prints them.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name is not valid GB18030")]
pub struct InvalidName {
    raw: Zeroizing<Vec<u8>>,
}

/// What may stand behind a name (card-facts §8).
const PADDING: [u8; 3] = [0x00, 0x20, 0xFF];

impl PersonName {
    /// Joins the record 姓名 and its extension, then trims padding at the end of the whole, then decodes: a character
    /// may straddle the two. `None` when nothing but padding is there.
    ///
    /// # Errors
    /// When the bytes are not valid GB18030, or hold a control character.
    pub fn parse(name: &[u8], extension: &[u8]) -> Result<Option<Self>, InvalidName> {
        let mut raw = Zeroizing::new(Vec::with_capacity(name.len() + extension.len()));
        if !trim(extension).is_empty() {
            // An issuer that would not cut a character leaves 00 or FF before the extension; neither byte occurs
            // inside a character. A space does occur inside names, and stays.
            raw.extend_from_slice(trim_end(name, &[0x00, 0xFF]));
            raw.extend_from_slice(trim(extension));
        } else {
            raw.extend_from_slice(trim(name));
        }
        if raw.is_empty() {
            return Ok(None);
        }
        match gb18030::decode(&raw) {
            Some(text) => Ok(Some(Self { raw, text })),
            None => Err(InvalidName { raw }),
        }
    }

    /// The name.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The bytes as on the card, joined and trimmed.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The first character only.
    pub fn masked(&self) -> String {
        mask(&self.text, 1, 0)
    }
}

impl InvalidName {
    /// The bytes as on the card, joined and trimmed.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(bytes, &PADDING)
}

fn trim_end<'a>(bytes: &'a [u8], padding: &[u8]) -> &'a [u8] {
    let end = bytes.iter().rposition(|byte| !padding.contains(byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonName({self})")
    }
}

impl fmt::Debug for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvalidName({} bytes)", self.raw.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gbk(text: &str) -> Vec<u8> {
        encoding_rs::GB18030.encode(text).0.into_owned()
    }

    fn padded(text: &str, length: usize, padding: u8) -> Vec<u8> {
        let mut bytes = gbk(text);
        bytes.resize(length, padding);
        bytes
    }

    #[test]
    fn every_padding_goes_at_the_end_only() {
        for padding in PADDING {
            let name = PersonName::parse(&padded("王 小明", 30, padding), &[0xFF; 20]).unwrap().unwrap();
            assert_eq!(name.reveal(), "王 小明");
            assert_eq!(name.raw(), gbk("王 小明"));
        }
    }

    #[test]
    fn a_character_may_straddle_the_two_records() {
        let text = "阿卜杜热合曼买买提·艾力江阿不都热依木";
        let mut bytes = gbk(&format!("A{text}"));
        bytes.resize(50, 0);
        let name = PersonName::parse(&bytes[..30], &bytes[30..]).unwrap().unwrap();
        assert_eq!(name.reveal(), format!("A{text}"));
    }

    #[test]
    fn an_issuer_may_leave_the_last_byte_rather_than_cut() {
        let text = "A阿卜杜热合曼买买提艾力江阿";
        let mut head = gbk(text);
        assert!(head.len() <= 30);
        head.resize(30, 0);
        let name = PersonName::parse(&head, &padded("不都", 20, 0)).unwrap().unwrap();
        assert_eq!(name.reveal(), format!("{text}不都"));
    }

    #[test]
    fn a_rare_character_of_four_bytes_is_read() {
        let name = PersonName::parse(&padded("王㐂𠮷", 30, 0), &[]).unwrap().unwrap();
        assert_eq!(name.reveal(), "王㐂𠮷");
        assert_eq!(name.masked(), "王**");
    }

    #[test]
    fn nothing_but_padding_is_no_name() {
        assert_eq!(PersonName::parse(&[0xFF; 30], &[0x00; 20]), Ok(None));
        assert_eq!(PersonName::parse(&[], &[]), Ok(None));
    }

    #[test]
    fn what_is_not_gb18030_is_refused_and_kept() {
        let error = PersonName::parse(&[0xCD, 0xF5, 0x81, 0x00, 0x00], &[]).unwrap_err();
        assert_eq!(error.raw(), [0xCD, 0xF5, 0x81]);
        assert_eq!(format!("{error:?}"), "InvalidName(3 bytes)");
        assert!(PersonName::parse(b"A\x1bB", &[]).is_err());
    }

    #[test]
    fn a_byte_that_begins_no_character_is_refused() {
        for bytes in [&[0x80][..], &[0xCD, 0xF5, 0x80], &[0x80, 0xCD, 0xF5], &[0xFF, 0x41], &[0xCD, 0xF5, 0xFF, 0x41]] {
            assert!(PersonName::parse(bytes, &[]).is_err(), "{bytes:02X?}");
            assert!(PersonName::parse(&[0xCD, 0xF5], bytes).is_err(), "{bytes:02X?}");
        }
        // As the second byte of a character 80 is as good as any.
        assert_eq!(PersonName::parse(&gbk("亐"), &[]).unwrap().unwrap().raw(), [0x81, 0x80]);
    }

    proptest! {
        #[test]
        fn what_is_read_has_the_form(bytes in proptest::collection::vec(any::<u8>(), 1..6)) {
            if let Ok(Some(name)) = PersonName::parse(&bytes, &[]) {
                prop_assert!(gb18030::is_gb18030(name.raw()));
            }
        }

        #[test]
        fn a_lone_80_or_ff_is_refused_wherever_it_stands(
            before in "[\u{4e00}-\u{9fa5}\u{3400}-\u{4db5}A-Z]{0,5}",
            after in "[\u{4e00}-\u{9fa5}\u{20000}-\u{2a6d6}A-Z]{1,5}",
            lone in prop_oneof![Just(0x80u8), Just(0xFFu8)],
        ) {
            let bytes = [gbk(&before), vec![lone], gbk(&after)].concat();
            prop_assert!(PersonName::parse(&bytes, &[]).is_err());
        }

        #[test]
        fn what_the_encoder_writes_has_the_form(text in "\\PC{1,12}") {
            prop_assert!(gb18030::is_gb18030(&gbk(&text)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            name in proptest::collection::vec(any::<u8>(), 0..40),
            extension in proptest::collection::vec(any::<u8>(), 0..30),
        ) {
            let _ = PersonName::parse(&name, &extension);
        }

        #[test]
        fn a_name_cut_anywhere_is_read_whole(text in "[\u{4e00}-\u{9fa5}\u{3400}-\u{4db5}\u{20000}-\u{2a6d6}]{2,12}", at in 1usize..48) {
            let bytes = gbk(&text);
            let at = at.min(bytes.len() - 1);
            let name = PersonName::parse(&bytes[..at], &bytes[at..]).unwrap().unwrap();
            prop_assert_eq!(name.reveal(), text);
        }
    }
}
