//! A PSAM in a reader (card-facts §4.3), spoken to through the flows of `apdu-scripts/psam.apdu`.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{CardKeyId, KeyError, KeyRole, KeyService, KeySource};
use crate::apdu::StatusWord;
use crate::cipher::{self, Algorithm};
use crate::reader::{Lease, Recall};
use crate::script::{self, Library, RunError, Vars};
use crate::store::Store;

/// Its script.
const SCRIPT: &str = "psam";
/// Levels of diversification a key may need, in the order they are tried.
const LEVELS: [u8; 3] = [1, 2, 3];
/// Type of a key that enciphers, the low five bits of DELIVERY SESSION KEY's usage (STD-9); the top three are levels.
const ENCIPHER: u8 = 7;
/// 9403, key index: some PSAMs' word for 6A88.
const KEY_INDEX: StatusWord = StatusWord(0x9403);

/// The keys of a PSAM. The lease ends with it, and with the lease the PSAM is reset.
pub struct Psam {
    lease: Lease,
    scripts: Arc<Library>,
    store: Option<Arc<Store>>,
    /// The environment whose application is selected.
    selected: Option<Algorithm>,
    serial: Option<Vec<u8>>,
}

impl Psam {
    /// The PSAM behind `lease`. Which levels its keys need is remembered in `store`.
    pub fn new(lease: Lease, scripts: Arc<Library>, store: Option<Arc<Store>>) -> Self {
        Self { lease, scripts, store, selected: None, serial: None }
    }

    /// Makes the process key inside the PSAM; false when the key needs another number of levels.
    fn deliver(&mut self, card: &CardKeyId, role: KeyRole, level: u8, process: [u8; 8]) -> Result<bool, KeyError> {
        let flow = match role {
            KeyRole::Internal => "deliver-irk",
            KeyRole::ReadHolder => "deliver-rkssse",
        };
        // All of it at once: growing would leave a copy behind that nobody wipes.
        let path = card.factors().for_command(level);
        let mut factors = Zeroizing::new(Vec::with_capacity(8 * path.len() + card.algorithm.block()));
        factors.extend(path.into_iter().flatten());
        factors.extend_from_slice(&padded(process, card.algorithm));
        let mut vars = Vars::new().with("usage", &[level << 5 | ENCIPHER]).with("factors", &factors);
        match self.run(flow, &mut vars) {
            Ok(()) => Ok(true),
            Err(KeyError::Status(StatusWord::DATA)) => Ok(false),
            Err(KeyError::Status(StatusWord::KEY_NOT_FOUND | KEY_INDEX)) => Err(KeyError::NoKey(role)),
            Err(error) => Err(error),
        }
    }

    /// Enciphers one block with the process key; the 16 bytes of the longer block are folded.
    fn encipher(&mut self, algorithm: Algorithm, original: [u8; 8]) -> Result<[u8; 8], KeyError> {
        let mut vars = Vars::new().with("block", &padded(original, algorithm));
        self.run(if algorithm.block() == 8 { "encipher-8" } else { "encipher-16" }, &mut vars)?;
        let answer = output(&vars, "answer")?;
        match (<[u8; 8]>::try_from(answer), <[u8; 16]>::try_from(answer)) {
            (Ok(data), _) => Ok(data),
            (_, Ok(block)) => Ok(cipher::fold(&block)),
            _ => Err(KeyError::Script(format!("CIPHER DATA was answered by {} bytes", answer.len()))),
        }
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

    fn prove(
        &mut self,
        card: &CardKeyId,
        role: KeyRole,
        process: [u8; 8],
        original: [u8; 8],
    ) -> Result<[u8; 8], KeyError> {
        let serial = self.identity(card)?;
        let key = format!("{}/{}", role.name(), card.algorithm);
        let known = self.store.as_ref().and_then(|store| store.psam_level(&serial, &key));
        let levels = known.into_iter().chain(LEVELS.into_iter().filter(|level| Some(*level) != known));
        for level in levels {
            if self.deliver(card, role, level, process)? {
                if let Some(store) = self.store.as_ref().filter(|_| known != Some(level)) {
                    store.remember_psam_level(&serial, &key, level);
                }
                return self.encipher(card.algorithm, original);
            }
        }
        Err(KeyError::Level)
    }

    /// The PSAM's serial number, from 公共信息.
    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        self.select(card.algorithm)?;
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

/// 8 bytes as one block of the algorithm, 00 on the right.
fn padded(half: [u8; 8], algorithm: Algorithm) -> Zeroizing<Vec<u8>> {
    let mut block = Zeroizing::new(vec![0; algorithm.block()]);
    block[..half.len()].copy_from_slice(&half);
    block
}

fn output<'a>(vars: &'a Vars, name: &str) -> Result<&'a [u8], KeyError> {
    vars.get(name).ok_or_else(|| KeyError::Script(format!("the script keeps no {name}")))
}

impl std::fmt::Debug for Psam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Psam").field("lease", &self.lease).finish_non_exhaustive()
    }
}
