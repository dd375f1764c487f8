//! A PSAM in a reader (card-facts §4.3), spoken to through the flows of `apdu-scripts/psam.apdu`.

mod session;

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{CardKeyId, Checked, KeyError, KeyService, KeySource, ProcessKey, Purchase, Purchased};
use crate::apdu::StatusWord;
use crate::cipher::{self, Algorithm};
use crate::profile::{KeyRole, Profile, Sam};
use crate::reader::{Lease, Recall};
use crate::script::{self, Library, RunError, Vars};
use crate::store::Store;

/// Its script.
const SCRIPT: &str = "psam";
/// Levels of diversification a key may need, in the order they are tried after those that the profile names.
const LEVELS: [u8; 3] = [1, 2, 3];

/// The keys of a PSAM. The lease ends with it, and with the lease the PSAM is reset.
pub struct Psam {
    lease: Lease,
    scripts: Arc<Library>,
    profile: Arc<Profile>,
    store: Option<Arc<Store>>,
    /// The environment whose application is selected.
    selected: Option<Algorithm>,
    serial: Option<Vec<u8>>,
    /// This PSAM's process key serves one command and is gone.
    serves_once: bool,
}

impl Psam {
    /// The PSAM behind `lease`. Where its keys are, `profile` says; which levels they need is remembered in `store`.
    pub fn new(lease: Lease, scripts: Arc<Library>, profile: Arc<Profile>, store: Option<Arc<Store>>) -> Self {
        Self { lease, scripts, profile, store, selected: None, serial: None, serves_once: false }
    }

    /// Where the PSAM has a key.
    fn place(&self, role: &KeyRole) -> Result<Sam, KeyError> {
        let sam = self.profile.key(role).and_then(|key| key.sam);
        sam.ok_or_else(|| KeyError::Unplaced { role: role.clone(), by: KeySource::Psam })
    }

    /// Does what depends on the number of levels: by the one that worked before, then the profile's, then the others. A
    /// PSAM says 6A80 where it does not fit; which one worked is remembered.
    fn at_its_level<T>(
        &mut self,
        card: &CardKeyId,
        role: &KeyRole,
        first: Option<u8>,
        mut attempt: impl FnMut(&mut Self, u8) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let serial = self.identity(card)?;
        let key = format!("{}/{}", role.name(), card.algorithm());
        let known = self.store.as_ref().and_then(|store| store.psam_level(&serial, &key));
        let mut tried = Vec::with_capacity(LEVELS.len());
        for level in known.into_iter().chain(first).chain(LEVELS) {
            if tried.contains(&level) {
                continue;
            }
            tried.push(level);
            match attempt(self, level) {
                Err(KeyError::Status(StatusWord::DATA)) => {}
                Ok(done) => {
                    if let Some(store) = self.store.as_ref().filter(|_| known != Some(level)) {
                        store.remember_psam_level(&serial, &key, level);
                    }
                    return Ok(done);
                }
                Err(error) => return Err(error),
            }
        }
        Err(KeyError::Level)
    }

    /// Selects the environment of an algorithm and the application under it.
    fn select(&mut self, algorithm: Algorithm) -> Result<(), KeyError> {
        if self.selected == Some(algorithm) {
            return Ok(());
        }
        let environment = match algorithm {
            Algorithm::TripleDes => "environment-3des",
            Algorithm::Ssf33 => "environment-ssf33",
            Algorithm::Sm4 => "environment-sm4",
        };
        self.selected = None;
        match self.run(environment, &mut Vars::new()) {
            Ok(()) => {}
            // A PSAM without this environment still has the application; anything else has neither.
            Err(KeyError::Status(_)) => {
                self.application()?;
                return Err(KeyError::NoAlgorithm(algorithm));
            }
            Err(error) => return Err(error),
        }
        self.application()?;
        self.selected = Some(algorithm);
        Ok(())
    }

    fn application(&mut self) -> Result<(), KeyError> {
        self.run("application", &mut Vars::new()).map_err(|error| match error {
            KeyError::Status(_) => KeyError::NoPsam,
            other => other,
        })
    }

    /// Runs a flow. When the way failed nothing is known of what is selected.
    fn run(&mut self, flow: &str, vars: &mut Vars) -> Result<(), KeyError> {
        let outcome = self.scripts.flow(SCRIPT, flow).and_then(|flow| script::run(flow, &mut self.lease, vars));
        outcome.map(|_| ()).map_err(|error| match error {
            RunError::Transport { source, .. } => {
                self.selected = None;
                KeyError::Transport(source)
            }
            RunError::Status { got, .. } => KeyError::Status(got),
            other => KeyError::Script(other.to_string()),
        })
    }
}

impl KeyService for Psam {
    fn source(&self) -> KeySource {
        KeySource::Psam
    }

    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], KeyError> {
        let mut block = Zeroizing::new(vec![0; key.card.algorithm().block()]);
        block[..original.len()].copy_from_slice(&original);
        let answer = self.encipher(key, &block)?;
        match (<[u8; 8]>::try_from(answer.as_slice()), <[u8; 16]>::try_from(answer.as_slice())) {
            (Ok(data), _) => Ok(data),
            // The 16 bytes of the longer block are folded.
            (_, Ok(block)) => Ok(cipher::fold(&block)),
            _ => Err(KeyError::Script(format!("CIPHER DATA was answered by {} bytes", answer.len()))),
        }
    }

    fn mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        self.made_mac(key, message)
    }

    fn encipher(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.enciphered(key, blocks)
    }

    fn purchase(&mut self, card: &CardKeyId, purchase: &Purchase<'_>) -> Result<Purchased, KeyError> {
        let about = purchase.about;
        let mut vars = Vars::new()
            .with("random", &purchase.random)
            .with("sequence", &about.sequence.to_be_bytes())
            .with("account", &about.account.to_be_bytes())
            .with("self-pay", &about.self_pay.to_be_bytes())
            .with("pool", &about.pool.to_be_bytes())
            .with("type", &[purchase.formula.code])
            .with("time", &about.time)
            .with("key-version", &[purchase.key_version])
            .with("algorithm", &[card.algorithm().id()]);
        // The command names no key; the profile may still know how many levels it needs.
        let first = self.profile.key(&KeyRole::DPK).and_then(|key| key.sam).map(|sam| sam.levels);
        self.at_its_level(card, &KeyRole::DPK, first, |psam, level| {
            vars.set("factors", &session::path(card, level, &[]));
            psam.run("purchase", &mut vars).map_err(|error| match error {
                KeyError::Status(StatusWord::KEY_INDEX) => KeyError::NoPurchase,
                KeyError::Status(StatusWord::KEY_NOT_FOUND) => KeyError::NoKey(KeyRole::DPK),
                other => other,
            })
        })?;
        let terminal_sequence = u32::from_be_bytes(four(&vars, "terminal-sequence")?);
        Ok(Purchased { terminal_sequence, mac1: four(&vars, "mac1")? })
    }

    fn confirm_purchase(&mut self, mac2: [u8; 4]) -> Result<Checked, KeyError> {
        match self.run("confirm-purchase", &mut Vars::new().with("mac2", &mac2)) {
            Ok(()) => Ok(Checked::Proven),
            Err(KeyError::Status(StatusWord::WRONG_MAC)) => Err(KeyError::Mac),
            Err(error) => Err(error),
        }
    }

    /// The PSAM's serial number, from 公共信息.
    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        self.select(card.algorithm())?;
        if let Some(serial) = &self.serial {
            return Ok(serial.clone());
        }
        let mut vars = Vars::new();
        self.run("public-information", &mut vars)?;
        let serial = output(&vars, "serial")?.to_vec();
        self.serial = Some(serial.clone());
        Ok(serial)
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        if self.selected.is_none() {
            self.application()?;
        }
        let mut vars = Vars::new();
        self.run("terminal-information", &mut vars)?;
        let number = output(&vars, "number")?;
        number.try_into().map(Some).map_err(|_| KeyError::Script(format!("终端机编号 has {} bytes", number.len())))
    }

    fn commands(&self) -> u32 {
        self.lease.counts().commands
    }

    fn recall(&self) -> Option<Recall> {
        Some(self.lease.recall())
    }
}

fn output<'a>(vars: &'a Vars, name: &str) -> Result<&'a [u8], KeyError> {
    vars.get(name).ok_or_else(|| KeyError::Script(format!("the script keeps no {name}")))
}

fn four(vars: &Vars, name: &str) -> Result<[u8; 4], KeyError> {
    let value = output(vars, name)?;
    value.try_into().map_err(|_| KeyError::Script(format!("{name} has {} bytes, not 4", value.len())))
}

impl std::fmt::Debug for Psam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Psam").field("lease", &self.lease).finish_non_exhaustive()
    }
}
