//! The flows on one card, and what its status words mean.

use super::{CardError, Parts};
use crate::apdu::StatusWord;
use crate::script::{self, RunError, Vars};
use crate::wire::hsm::Randoms;

/// The script of what every generation has in common.
pub(super) const COMMON: &str = "ssc";
/// The script of directories, files and rights.
pub(super) const FILES: &str = "files";
/// The script of the holder's PIN.
pub(super) const PIN: &str = "pin";

/// One card, and what is needed to speak to it.
pub(super) struct Session<'a> {
    pub(super) parts: Parts<'a>,
    /// Those of external authentication, where the card was asked for its challenge already.
    pub(super) ahead: Option<Randoms>,
}

impl Session<'_> {
    /// Whether a script has a flow: what a generation does not have is not in its script.
    pub(super) fn has(&self, script: &str, flow: &str) -> bool {
        self.parts.scripts.flow(script, flow).is_ok()
    }

    /// Runs a flow; the status word that ended it.
    pub(super) fn run(&mut self, script: &str, flow: &'static str, vars: &mut Vars) -> Result<StatusWord, CardError> {
        self.parts
            .scripts
            .flow(script, flow)
            .and_then(|found| script::run(found, self.parts.lease, vars))
            .map_err(|error| failed(flow, error))
    }
}

/// An error of the runner as the card's: what is gone, what a status word says, what a script did not expect.
pub(super) fn failed(step: &'static str, error: RunError) -> CardError {
    match error {
        RunError::Transport { source, .. } => CardError::Transport(source),
        RunError::Status { got: StatusWord::APPLICATION_LOCKED, .. } => CardError::ApplicationLocked,
        RunError::Status { got, .. } => CardError::Status { step, status: got },
        RunError::Answer { .. } => CardError::Answer(error.to_string()),
        other => CardError::Script(other.to_string()),
    }
}

/// A value that a flow keeps.
pub(super) fn output<'v>(vars: &'v Vars, name: &str) -> Result<&'v [u8], CardError> {
    vars.get(name).ok_or_else(|| CardError::Script(format!("the script keeps no {name}")))
}

/// Eight bytes that a flow keeps.
pub(super) fn eight(vars: &Vars, name: &str) -> Result<[u8; 8], CardError> {
    let value = output(vars, name)?;
    value.try_into().map_err(|_| CardError::Script(format!("{name} has {} bytes, not 8", value.len())))
}

impl CardError {
    /// A status word that a use of an open card ended in, by what it says (card-facts §3.1).
    pub(super) fn of_use(self) -> Self {
        let Self::Status { step, status } = self else { return self };
        match status {
            StatusWord::INVALID_STATE | StatusWord::SECURITY_STATE | StatusWord::CONDITIONS => {
                Self::NotAllowed { step, status }
            }
            StatusWord::REFERENCE_DATA | StatusWord::SECURE_MESSAGING | StatusWord::WRONG_MAC => {
                Self::Protection { step, status }
            }
            StatusWord::MEMORY | StatusWord::NO_SPACE => Self::Memory { step, status },
            StatusWord::LOCKED => Self::KeyLocked,
            _ => Self::Status { step, status },
        }
    }
}
