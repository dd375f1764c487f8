//! Who stands behind a file: a detached signature in a file of its own, `pack.toml.sig` beside `pack.toml`.
//!
//! Ed25519 over a line that names the kind of file and a line with the SHA-256 of the file's bytes, 64 upper-case hex
//! digits, each ended by a line feed. The first line keeps a signature from ever being one of something else.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use super::Digest;
use crate::failure::{Diagnostic, place};
use crate::world::{NoRandom, Random};

/// What the file of a signature is called: the signed file's name and this.
pub const ENDING: &str = ".sig";
/// The largest signature file, in bytes: four short lines, and room for a comment.
pub const LARGEST: usize = 4096;

const VERSION: i64 = 1;
const ALGORITHM: &str = "Ed25519";
/// How many bytes of a public key's SHA-256 name it.
const ID: usize = 8;
/// A PKCS#8 private key of Ed25519 (RFC 8410, version 1) up to its 32 bytes.
const PKCS8: [u8; 16] =
    [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A kind of file that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// The first line of what is signed.
    pub domain: &'static str,
    /// The file's name in a sentence: `pack`.
    pub name: &'static str,
    /// What the signature's file says of itself, in both languages.
    pub comment: &'static str,
}

impl Signed {
    fn text(&self, file: Digest) -> Vec<u8> {
        format!("{}\n{file}\n", self.domain).into_bytes()
    }

    /// The id of the one of `keys` that signed a file of this SHA-256; `named` is what the signature's file is told under.
    ///
    /// # Errors
    /// What is wrong with the signature, one by another key included.
    pub fn signer(&self, keys: &[PublicKey], file: Digest, named: &str, signature: &str) -> Result<String, Diagnostic> {
        let wrong = |at: usize, message: String| {
            let (line, column) = place(signature, at);
            Diagnostic { file: named.to_owned(), line, column, message }
        };
        let read = Signature::read(signature).map_err(|(at, message)| wrong(at.start, message))?;
        let Some(key) = keys.iter().find(|key| key.id() == read.key.get_ref().as_str()) else {
            return Err(wrong(read.key.span().start, format!("the key {} is not trusted here", read.key.get_ref())));
        };
        UnparsedPublicKey::new(&ED25519, key.0).verify(&self.text(file), read.bytes.get_ref()).map_err(|_| {
            let message = format!("the signature is not the key {}'s over this {}", key.id(), self.name);
            wrong(read.bytes.span().start, message)
        })?;
        Ok(key.id())
    }
}

/// The SHA-256 of a whole file that is in memory.
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    Digest(out)
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

    /// The signature's file for a file of this kind and SHA-256.
    pub fn sign(&self, kind: &Signed, file: Digest) -> String {
        let signature = hex::encode_upper(self.0.sign(&kind.text(file)));
        format!(
            "# {}\nversion = {VERSION}\nalgorithm = \"{ALGORITHM}\"\nkey = \"{}\"\nsignature = \"{signature}\"\n",
            kind.comment,
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
