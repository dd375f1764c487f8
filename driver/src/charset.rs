//! The character set between the program and the library. The daemon speaks UTF-8.

use encoding_rs::{EncoderResult, GB18030};
use serde::Deserialize;
use zeroize::Zeroizing;

/// How a program writes and reads Chinese.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Charset {
    /// The card's own bytes: GBK, and GB18030 where a name needs more.
    #[default]
    Gbk,
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
}

impl Charset {
    /// From its name in the settings.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "gbk" => Some(Self::Gbk),
            "utf-8" => Some(Self::Utf8),
            _ => None,
        }
    }

    /// What the program wrote; `None` where it is no text.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<Zeroizing<String>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.to_owned())),
            Self::Gbk => {
                let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
                Some(Zeroizing::new(text.into_owned()))
            }
        }
    }

    /// What the program is to read; `None` where the character set has not all of it.
    pub(crate) fn encode(self, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Utf8 => Some(Zeroizing::new(text.as_bytes().to_vec())),
            Self::Gbk => {
                let mut encoder = GB18030.new_encoder();
                let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len())?;
                let mut bytes = Zeroizing::new(vec![0; room]);
                let (result, read, written) = encoder.encode_from_utf8_without_replacement(text, &mut bytes, true);
                bytes.truncate(written);
                (result == EncoderResult::InputEmpty && read == text.len()).then_some(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gbk_is_the_cards_own_bytes_and_longer_where_a_name_needs_it() {
        let bytes = Charset::Gbk.encode("王小明|").unwrap();
        assert_eq!(*bytes, [0xCD, 0xF5, 0xD0, 0xA1, 0xC3, 0xF7, 0x7C]);
        assert_eq!(*Charset::Gbk.decode(&bytes).unwrap(), "王小明|");
        // A character of GB18030 that GBK does not have.
        let rare = Charset::Gbk.encode("𠮷").unwrap();
        assert_eq!(*rare, [0x95, 0x34, 0xB2, 0x35]);
        assert_eq!(*Charset::Gbk.decode(&rare).unwrap(), "𠮷");
    }

    #[test]
    fn what_is_no_text_is_none() {
        assert_eq!(Charset::Gbk.decode(&[0xCD]), None);
        assert_eq!(Charset::Utf8.decode(&[0xCD, 0xF5]), None);
        assert_eq!(*Charset::Utf8.encode("王").unwrap(), "王".as_bytes());
    }
}
