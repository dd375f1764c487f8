//! Demonstration keys in memory.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{CardKeyId, KeyError, KeyRole, KeyService, KeySource};
use crate::cipher::{self, Algorithm, Key16};
use crate::failure::place;

/// National root keys from a file, diversified for each card as a PSAM would. For demonstration and tests only:
/// refused unless the terminal runs in demo mode.
#[derive(Debug)]
pub struct Soft {
    keys: Environments,
}

/// The file: `[keys.3DES]` and `[keys.SM4]`, each with root keys by role in small letters: `irk`, `rkssse`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    keys: Environments,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Environments {
    #[serde(rename = "3DES")]
    des: Option<Roots>,
    #[serde(rename = "SM4")]
    sm4: Option<Roots>,
}

type Roots = BTreeMap<String, Key16>;

impl Soft {
    /// The keys of the TOML file at `path`.
    ///
    /// # Errors
    /// Always when `demo` is false; else when the file cannot be read or has a mistake, told by its place alone.
    pub fn load(path: &Path, demo: bool) -> Result<Self, KeyError> {
        if !demo {
            return Err(KeyError::SoftRefused);
        }
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| KeyError::SoftFile(format!("{}: {error}", path.display())))?;
        let file: File = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let (line, column) = place(&text, error.span().map_or(0, |span| span.start));
            // The parser's words may quote a key.
            KeyError::SoftFile(format!("{}:{line}:{column}: not a file of keys", path.display()))
        })?;
        Ok(Self { keys: file.keys })
    }
}

impl KeyService for Soft {
    fn source(&self) -> KeySource {
        KeySource::Soft
    }

    fn prove(
        &mut self,
        card: &CardKeyId,
        role: KeyRole,
        process: [u8; 8],
        original: [u8; 8],
    ) -> Result<[u8; 8], KeyError> {
        let algorithm = card.algorithm;
        let roots = match algorithm {
            Algorithm::TripleDes => self.keys.des.as_ref(),
            Algorithm::Sm4 => self.keys.sm4.as_ref(),
            Algorithm::Ssf33 => None,
        };
        let roots = roots.ok_or(KeyError::NoAlgorithm(algorithm))?;
        let root = match role {
            KeyRole::Internal => roots.get("irk"),
            KeyRole::ReadHolder => roots.get("rkssse"),
        };
        let root = root.ok_or(KeyError::NoKey(role))?;
        cipher::diversify_by(algorithm, root, &card.factors().descending())
            .and_then(|key| cipher::authentication_data(algorithm, &key, process, original))
            .map_err(|unsupported| KeyError::NoAlgorithm(unsupported.0))
    }

    fn identity(&mut self, _card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        Ok(b"soft".to_vec())
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        Ok(None)
    }

    fn commands(&self) -> u32 {
        0
    }
}
