//! Demonstration keys in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{CardKeyId, Checked, KeyError, KeyService, KeySource, ProcessKey, Purchase, Purchased};
use crate::cipher::{self, Algorithm, Key16, SessionKey, Suite};
use crate::failure::place;
use crate::profile::{KeyRole, Profile};

/// National root keys from a file, diversified for each card as a PSAM would. For demonstration and tests only:
/// refused unless the terminal runs in demo mode.
#[derive(Debug)]
pub struct Soft {
    roots: Roots,
    /// 终端交易序号, from 1 each time the keys are opened: a demonstration's.
    terminal_sequence: u32,
    /// The MAC2 that the card of the purchase that was begun must give.
    mac2: Option<[u8; 4]>,
}

/// The keys of a file: `[keys.3DES]` and `[keys.SM4]`, each a key by its role's name in small letters, `uk1df04`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roots {
    keys: Environments,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Environments {
    #[serde(rename = "3DES", default)]
    des: Option<BTreeMap<String, Key16>>,
    #[serde(rename = "SM4", default)]
    sm4: Option<BTreeMap<String, Key16>>,
}

impl Roots {
    fn key(&self, algorithm: Algorithm, role: &KeyRole) -> Result<&Key16, KeyError> {
        let roots = match algorithm {
            Algorithm::TripleDes => self.keys.des.as_ref(),
            Algorithm::Sm4 => self.keys.sm4.as_ref(),
            Algorithm::Ssf33 => None,
        };
        let roots = roots.ok_or(KeyError::NoAlgorithm(algorithm))?;
        roots.get(&role.name().to_lowercase()).ok_or_else(|| KeyError::NoKey(role.clone()))
    }

    /// A name that no key of the card has: the key would never be looked for.
    fn unknown(&self) -> Option<&str> {
        let profile = Profile::builtin();
        let known: BTreeSet<String> = profile.keys().iter().map(|key| key.role.name().to_lowercase()).collect();
        let named = [&self.keys.des, &self.keys.sm4].into_iter().flatten().flat_map(BTreeMap::keys);
        named.map(String::as_str).find(|name| !known.contains(*name))
    }
}

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
        let roots: Roots = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let (line, column) = place(&text, error.span().map_or(0, |span| span.start));
            // The parser's words may quote a key.
            KeyError::SoftFile(format!("{}:{line}:{column}: not a file of keys", path.display()))
        })?;
        if let Some(name) = roots.unknown() {
            return Err(KeyError::SoftFile(format!("{}: no key of the card has the name {name}", path.display())));
        }
        Ok(Self { roots, terminal_sequence: 0, mac2: None })
    }

    /// The process key of a card's key.
    fn session(&self, ProcessKey { card, role, process }: ProcessKey<'_>) -> Result<SessionKey, KeyError> {
        let root = self.roots.key(card.algorithm(), role)?;
        let suite = Suite::of(card.algorithm()).map_err(|unsupported| KeyError::NoAlgorithm(unsupported.0))?;
        Ok(suite.session(&suite.diversify_by(root, &card.factors().descending()), process))
    }
}

impl KeyService for Soft {
    fn source(&self) -> KeySource {
        KeySource::Soft
    }

    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], KeyError> {
        let ProcessKey { card, role, process } = key;
        let root = self.roots.key(card.algorithm(), role)?;
        cipher::diversify_by(card.algorithm(), root, &card.factors().descending())
            .and_then(|key| cipher::authentication_data(card.algorithm(), &key, process, original))
            .map_err(|unsupported| KeyError::NoAlgorithm(unsupported.0))
    }

    fn mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        Ok(cipher::mac(&self.session(key)?, [0; 8], message))
    }

    fn encipher(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let session = self.session(key)?;
        if blocks.is_empty() || !blocks.len().is_multiple_of(session.block()) {
            return Err(KeyError::Blocks(blocks.len()));
        }
        let mut out = Zeroizing::new(Vec::with_capacity(blocks.len()));
        for block in blocks.chunks(session.block()) {
            out.extend_from_slice(&session.encrypt(block));
        }
        Ok(out)
    }

    fn purchase(&mut self, card: &CardKeyId, purchase: &Purchase<'_>) -> Result<Purchased, KeyError> {
        let terminal_sequence = self.terminal_sequence + 1;
        let session = self.session(card.process_key(&KeyRole::DPK, purchase.process(terminal_sequence)))?;
        self.terminal_sequence = terminal_sequence;
        self.mac2 = Some(purchase.formula.mac2(&session, purchase.about));
        Ok(Purchased { terminal_sequence, mac1: purchase.formula.mac1(&session, purchase.about) })
    }

    fn confirm_purchase(&mut self, mac2: [u8; 4]) -> Result<Checked, KeyError> {
        match self.mac2.take() {
            Some(expected) if bool::from(expected.ct_eq(&mac2)) => Ok(Checked::Proven),
            _ => Err(KeyError::Mac),
        }
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
