//! Who stands behind a pack: the signature beside it (`wire::detached`).

use serde::{Deserialize, Serialize};

use crate::failure::Diagnostic;
use crate::wire::detached::{ENDING, PublicKey, Signed, SigningKey, sha256};

/// What a pack's signature is of.
const PACK: Signed = Signed {
    domain: "sbkd-policy-pack-1",
    name: "pack",
    comment: "政策包签名，随包存放；改动包内任何字节即失效 / The signature of a pack: it holds for these bytes alone.",
};

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

/// The signature's file for a pack of these bytes.
pub fn sign_pack(key: &SigningKey, pack: &[u8]) -> String {
    key.sign(&PACK, sha256(pack))
}

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
        PACK.signer(&self.keys, sha256(source.text.as_bytes()), &source.signature_file(), text).map(Some)
    }
}

fn unsigned(source: &Source) -> Diagnostic {
    let message = format!("the pack is not signed: there is no {}", source.signature_file());
    Diagnostic { file: source.file.clone(), line: 1, column: 1, message }
}
