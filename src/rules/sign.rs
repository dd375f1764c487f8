//! Who stands behind a pack: a detached signature in a file of its own, `pack.toml.sig` beside `pack.toml`.
//!
//! Ed25519 over the line `sbkd-policy-pack-1` and a line with the SHA-256 of the pack's bytes, 64 upper-case hex digits,
//! each ended by a line feed. The first line keeps a signature from ever being one of something else.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use toml::Spanned;
use zeroize::Zeroizing;

use crate::failure::{Diagnostic, place};
use crate::world::{NoRandom, Random};

/// What the file of a signature is called: the pack's name and this.
pub const ENDING: &str = ".sig";

/// The first line of what is signed.
const DOMAIN: &str = "sbkd-policy-pack-1";
const VERSION: i64 = 1;
const ALGORITHM: &str = "Ed25519";
/// How many bytes of a public key's SHA-256 name it.
const ID: usize = 8;
/// The largest signature file: four short lines, and room for a comment.
pub const LARGEST: usize = 4096;
/// A PKCS#8 private key of Ed25519 (RFC 8410, version 1) up to its 32 bytes.
const PKCS8: [u8; 16] =
    [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A pack as it was read, before anything in it is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What its mistakes are told under.
    pub file: String,
    /// Its text.
    pub text: String,
    /// The text of the signature beside it, where there is one.
    pub signature: Option<String>,
}

impl Source {
    /// The name of the signature's file.
    pub fn signature_file(&self) -> String {
        format!("{}{ENDING}", self.file)
    }
}

/// A key that proves signatures. Written as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// What names it in signatures and lists: the first 8 bytes of its SHA-256, upper-case hex. It finds the key; that a
    /// signature holds is proved with the key itself.
    pub fn id(&self) -> String {
        hex::encode_upper(&digest(&SHA256, &self.0).as_ref()[..ID])
    }
}

/// A text is not 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 64 hex digits")]
pub struct NoKey;

impl FromStr for PublicKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let mut key = [0; 32];
        hex::decode_to_slice(text, &mut key).map_err(|_| NoKey)?;
        Ok(Self(key))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

/// A key that signs. Prints nothing of itself.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads a PKCS#8 private key of Ed25519 in DER.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(pkcs8: &[u8]) -> Result<Self, NoSigningKey> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Self).map_err(|_| NoSigningKey)
    }

    /// A new one, as [`read`](Self::read) takes it.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn make(random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, NoRandom> {
        let mut pkcs8 = Zeroizing::new([&PKCS8[..], &[0; 32]].concat());
        random.fill(&mut pkcs8[PKCS8.len()..])?;
        Ok(pkcs8)
    }

    /// The key that proves its signatures.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }

    /// The signature's file for a pack of these bytes.
    pub fn sign(&self, pack: &[u8]) -> String {
        let signature = hex::encode_upper(self.0.sign(&signed(pack)));
        format!(
            "# 政策包签名，随包存放；改动包内任何字节即失效 / The signature of a pack: it holds for these bytes alone.\n\
             version = {VERSION}\nalgorithm = \"{ALGORITHM}\"\nkey = \"{}\"\nsignature = \"{signature}\"\n",
            self.public().id()
        )
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The bytes are no key that signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a PKCS#8 private key of Ed25519 in DER")]
pub struct NoSigningKey;

/// Whose packs are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Whose signatures hold. Without any, signatures are not looked at.
    pub keys: Vec<PublicKey>,
    /// A pack without a signature is refused.
    pub required: bool,
}

impl Trust {
    /// The id of the key that signed a pack; `None` for one without a signature, or where no key is trusted.
    ///
    /// # Errors
    /// What is wrong with its signature, one by an unknown key included: who trusts keys means those alone.
    pub fn signer(&self, source: &Source) -> Result<Option<String>, Diagnostic> {
        let Some(text) = &source.signature else {
            return if self.required { Err(unsigned(source)) } else { Ok(None) };
        };
        if self.keys.is_empty() && !self.required {
            return Ok(None);
        }
        let wrong = |at: usize, message: String| {
            let (line, column) = place(text, at);
            Diagnostic { file: source.signature_file(), line, column, message }
        };
        let signature = Signature::read(text).map_err(|(at, message)| wrong(at.start, message))?;
        let Some(key) = self.keys.iter().find(|key| key.id() == signature.key.get_ref().as_str()) else {
            let message = format!("the key {} is not trusted here", signature.key.get_ref());
            return Err(wrong(signature.key.span().start, message));
        };
        let holds =
            UnparsedPublicKey::new(&ED25519, key.0).verify(&signed(source.text.as_bytes()), signature.bytes.get_ref());
        holds.map_err(|_| {
            let message = format!("the signature is not the key {}'s over this pack", key.id());
            wrong(signature.bytes.span().start, message)
        })?;
        Ok(Some(key.id()))
    }
}

fn unsigned(source: &Source) -> Diagnostic {
    let message = format!("the pack is not signed: there is no {}", source.signature_file());
    Diagnostic { file: source.file.clone(), line: 1, column: 1, message }
}

/// What is signed of a pack.
fn signed(pack: &[u8]) -> Vec<u8> {
    format!("{DOMAIN}\n{}\n", hex::encode_upper(digest(&SHA256, pack))).into_bytes()
}

/// A signature's file.
#[derive(Debug)]
struct Signature {
    /// The id of its key.
    key: Spanned<String>,
    bytes: Spanned<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: Spanned<i64>,
    algorithm: Spanned<String>,
    key: Spanned<String>,
    signature: Spanned<String>,
}

impl Signature {
    fn read(text: &str) -> Result<Self, (Range<usize>, String)> {
        if text.len() > LARGEST {
            return Err((0..0, format!("a signature's file has at most {LARGEST} bytes")));
        }
        let written: Written =
            toml::from_str(text).map_err(|error| (error.span().unwrap_or(0..0), error.message().to_owned()))?;
        if *written.version.get_ref() != VERSION {
            return Err((written.version.span(), format!("version {VERSION} is known here")));
        }
        if written.algorithm.get_ref() != ALGORITHM {
            return Err((written.algorithm.span(), format!("the algorithm is \"{ALGORITHM}\"")));
        }
        let span = written.signature.span();
        let bytes = hex::decode(written.signature.get_ref()).ok().filter(|bytes| bytes.len() == 64);
        let bytes = bytes.ok_or_else(|| (span.clone(), "a signature is 128 hex digits".to_owned()))?;
        Ok(Self { key: written.key, bytes: Spanned::new(span, bytes) })
    }
}
