//! Signatures on what travels: the terminal signs what it sends, the centre what it answers (Ed25519). What is signed
//! names whose message it is, what it is for and what it says, and of an answer the question as well: no signature can
//! be carried over to another.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::Digest;

/// The header of a message that has its signature: 128 hexadecimal digits.
pub const SIGNATURE: &str = "sbkd-signature";
/// The header of a terminal's message that has the terminal's code.
pub const TERMINAL: &str = "sbkd-terminal";
/// The header of a terminal's message that has its public key: 64 hexadecimal digits.
pub const KEY: &str = "sbkd-key";

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Signature {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl serde::Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Digest {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Store-and-forward transactions, together.
    Transactions,
    /// The same, stored on the way; their receipts come by themselves.
    Stored,
    /// A request in the national envelope.
    National,
    /// Headers of the chain.
    Headers,
    /// The question for the head of the chain.
    Chain,
    /// A string of the HSM flow.
    Keys,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Transactions, Self::Stored, Self::National, Self::Headers, Self::Chain, Self::Keys];

    /// Its name, in what is signed and in subjects.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Stored => "stored",
            Self::National => "national",
            Self::Headers => "headers",
            Self::Chain => "chain",
            Self::Keys => "keys",
        }
    }
}

/// What a terminal signs of a message.
pub fn question(terminal: &str, purpose: Purpose, body: &[u8]) -> Vec<u8> {
    format!("sbkd-question-1\n{terminal}\n{}\n{}\n", purpose.name(), sha256(body)).into_bytes()
}

/// What the centre signs of its answer to a message of that body: the status as in HTTP, and what it says.
pub fn answer(terminal: &str, purpose: Purpose, question: &[u8], status: u16, body: &[u8]) -> Vec<u8> {
    let (asked, told) = (sha256(question), sha256(body));
    format!("sbkd-answer-1\n{terminal}\n{}\n{asked}\n{status}\n{told}\n", purpose.name()).into_bytes()
}

/// Whether `signature` is that of `key` over `text`.
pub fn holds(key: &Digest, text: &[u8], signature: &Signature) -> bool {
    UnparsedPublicKey::new(&ED25519, key.0).verify(text, &signature.0).is_ok()
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    Digest(out)
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_only() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = Digest(pair.public_key().as_ref().try_into().unwrap());
        let sign = |text: &[u8]| Signature(pair.sign(text).as_ref().try_into().unwrap());
        let asked = question("T1", Purpose::National, b"{}");
        let signature = sign(&asked);
        assert!(holds(&key, &asked, &signature));
        for other in [
            question("T2", Purpose::National, b"{}"),
            question("T1", Purpose::Headers, b"{}"),
            question("T1", Purpose::National, b"{ }"),
            answer("T1", Purpose::National, b"", 200, b"{}"),
        ] {
            assert!(!holds(&key, &other, &signature));
        }
        let told = answer("T1", Purpose::National, b"q", 200, b"{}");
        for other in [
            answer("T1", Purpose::National, b"r", 200, b"{}"),
            answer("T1", Purpose::National, b"q", 409, b"{}"),
            answer("T1", Purpose::National, b"q", 200, b"[]"),
        ] {
            assert!(holds(&key, &told, &sign(&told)) && !holds(&key, &other, &sign(&told)));
        }
        assert!(!holds(&Digest([0; 32]), &asked, &signature));
        assert_eq!(signature.to_string().parse::<Signature>(), Ok(signature));
    }
}
