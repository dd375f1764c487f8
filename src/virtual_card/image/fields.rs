//! The forms of an image's values. Each is right once it is read, so that a mistake is reported where it stands.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::apdu::StatusWord;
use crate::cipher::{Algorithm, Sm2Secret, Suite, Unsupported};
use crate::profile::{FileName, KeyRole};

/// Reads a string through `parse`. Not by way of `String`, since only a visitor keeps the error's place.
fn string<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Text<F>(&'static str, F);
    impl<T, F: Fn(&str) -> Option<T>> Visitor<'_> for Text<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).ok_or_else(|| E::custom(format_args!("this is not {}", self.0)))
        }
    }
    deserializer.deserialize_str(Text(expected, parse))
}

/// Bytes of any number up to a short record's, in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HexBytes(pub Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "at most 253 bytes in hexadecimal", |text| {
            hex::decode(text).ok().filter(|bytes| bytes.len() <= 253).map(|bytes| Self(Zeroizing::new(bytes)))
        })
    }
}

/// Bytes of any number up to a transparent file's, in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Blob(pub Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "at most 4096 bytes in hexadecimal", |text| {
            hex::decode(text).ok().filter(|bytes| bytes.len() <= 4096).map(|bytes| Self(Zeroizing::new(bytes)))
        })
    }
}

/// One byte, `"8A"`: a key reference, or a tag of any file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Byte(pub u8);

impl Byte {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        two.then(|| u8::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl<'de> Deserialize<'de> for Byte {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "two hexadecimal digits", Self::parse)
    }
}

/// A file identifier, `"0012"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fid(pub [u8; 2]);

impl<'de> Deserialize<'de> for Fid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "a file identifier of four hexadecimal digits", |text| {
            let mut fid = [0; 2];
            hex::decode_to_slice(text, &mut fid).ok().map(|()| Self(fid))
        })
    }
}

/// The role of a key, in small letters: `"irk"`, `"uk1df04"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Role(pub KeyRole);

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "the role of a key in small letters", |text| {
            let small = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            (small && !text.is_empty()).then(|| Self(KeyRole::named(text.to_ascii_uppercase())))
        })
    }
}

/// The name of a file, `"DF04/EF05"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named(pub FileName);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "the name of a file: DF04/EF05", |text| text.parse().ok().map(Self))
    }
}

/// So many decimal digits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digits<const LEAST: usize, const MOST: usize>(pub Zeroizing<String>);

impl<'de, const LEAST: usize, const MOST: usize> Deserialize<'de> for Digits<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "decimal digits of the right number", |text| {
            let digits = (LEAST..=MOST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| Self(Zeroizing::new(text.to_owned())))
        })
    }
}

/// What a chip computes with. SSF33 itself is not public: an image that asks for it is refused, one may ask for what
/// stands in its place under the same number, by its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum CipherName {
    #[serde(rename = "3DES")]
    TripleDes,
    #[serde(rename = "SSF33")]
    Ssf33,
    #[serde(rename = "ssf33-stand-in")]
    StandIn,
    #[serde(rename = "SM4")]
    Sm4,
}

impl CipherName {
    /// The algorithm whose number and place it has.
    pub(crate) fn algorithm(self) -> Algorithm {
        match self {
            Self::TripleDes => Algorithm::TripleDes,
            Self::Ssf33 | Self::StandIn => Algorithm::Ssf33,
            Self::Sm4 => Algorithm::Sm4,
        }
    }

    /// The cipher that computes it.
    pub(crate) fn suite(self) -> Result<Suite, Unsupported> {
        match self {
            Self::StandIn => Ok(Suite::simulated(Algorithm::Ssf33)),
            name => Suite::of(name.algorithm()),
        }
    }
}

/// `N` bytes in hexadecimal; digits of packed BCD are written the same.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hex<const N: usize>(pub Zeroizing<[u8; N]>);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "bytes of the right number in hexadecimal", |text| {
            let mut bytes = Zeroizing::new([0; N]);
            hex::decode_to_slice(text, &mut *bytes).ok().map(|()| Self(bytes))
        })
    }
}

/// A private key of SM2, 32 bytes in hexadecimal.
#[derive(Clone)]
pub(crate) struct SigningKey(pub Sm2Secret);

impl<'de> Deserialize<'de> for SigningKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "a private key of SM2 in hexadecimal", |text| {
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(text, &mut *bytes).ok()?;
            Sm2Secret::from_bytes(&bytes).ok().map(Self)
        })
    }
}

/// A date `YYYY-MM-DD`, kept as four bytes of packed BCD. Any digits are taken: a card may carry nonsense.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Date(pub [u8; 4]);

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "a date written YYYY-MM-DD", |text| {
            let bytes = text.as_bytes();
            let form = bytes.len() == 10
                && bytes.iter().enumerate().all(|(at, byte)| match at {
                    4 | 7 => *byte == b'-',
                    _ => byte.is_ascii_digit(),
                });
            let mut date = [0; 4];
            (form && hex::decode_to_slice(text.replace('-', ""), &mut date).is_ok()).then_some(Self(date))
        })
    }
}

/// Text of at most `N` bytes in GB18030.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text<const N: usize>(pub Zeroizing<Vec<u8>>);

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "a text that fits its field", |text| {
            let (bytes, _, unmappable) = encoding_rs::GB18030.encode(text);
            (!unmappable && bytes.len() <= N).then(|| Self(Zeroizing::new(bytes.into_owned())))
        })
    }
}

/// One text or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bases(pub Vec<String>);

impl<'de> Deserialize<'de> for Bases {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Bases;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an image, or a list of names")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bases, E> {
                Ok(Bases(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bases, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(Bases(names))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

/// The tag of a record of EF05 or EF06, `"09"` as a key of a table or in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag(pub u8);

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "a tag of EF05 or EF06: 01 to 0D, or 4E", |text| {
            let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let tag = two.then(|| u8::from_str_radix(text, 16).ok()).flatten();
            tag.filter(|tag| matches!(tag, 0x01..=0x0D | 0x4E)).map(Self)
        })
    }
}

/// What stands behind a name: `"00"`, `"20"` or `"FF"` (card-facts §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Padding(pub u8);

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "00, 20 or FF", |text| match text {
            "00" => Some(Self(0x00)),
            "20" => Some(Self(0x20)),
            "FF" | "ff" => Some(Self(0xFF)),
            _ => None,
        })
    }
}

/// A number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Within<const LEAST: u8, const MOST: u8>(pub u8);

impl<'de, const LEAST: u8, const MOST: u8> Deserialize<'de> for Within<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number<const LEAST: u8, const MOST: u8>;
        impl<const LEAST: u8, const MOST: u8> Visitor<'_> for Number<LEAST, MOST> {
            type Value = Within<LEAST, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a number from {LEAST} to {MOST}")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                let fits = u8::try_from(number).ok().filter(|number| (LEAST..=MOST).contains(number));
                fits.map(Within).ok_or_else(|| E::custom(format_args!("this is not a number from {LEAST} to {MOST}")))
            }
        }
        deserializer.deserialize_i64(Number)
    }
}

/// A status word, `"6A81"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub StatusWord);

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "a status word of four hexadecimal digits", |text| {
            let four = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            four.then(|| u16::from_str_radix(text, 16).ok()).flatten().map(|word| Self(StatusWord(word)))
        })
    }
}

/// A PIN of 4 to 16 digits, kept as packed BCD with F behind an odd number.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pin(pub Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, "a PIN of 4 to 16 digits", |text| {
            let digits = (4..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            let odd = if text.len() % 2 == 1 { "F" } else { "" };
            let padded = Zeroizing::new([text, odd].concat());
            digits.then(|| hex::decode(&*padded).ok()).flatten().map(|bytes| Self(Zeroizing::new(bytes)))
        })
    }
}
