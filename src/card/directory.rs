//! Directories and what is proven in them.

use std::collections::BTreeMap;

use super::CardError;
use super::access::{Denied, Means, Proof, Visit, pin_of, plan};
use super::open::Card;
use super::pad::HolderPin;
use super::pin::PinTries;
use super::session::FILES;
use crate::apdu::StatusWord;
use crate::keys::KeyError;
use crate::profile::{Access, FileName, KeyRole};
use crate::script::Vars;

impl Card<'_> {
    /// Does `work` in each directory once all that its files ask for is proven there. A key that is not to be had, or that
    /// may not be shown to this card, is gone without where the PIN does as well. The PIN is tried once and is used up then.
    pub(super) fn visit(
        &mut self,
        wanted: &[(FileName, Access)],
        pin: &mut Option<HolderPin>,
        mut work: impl FnMut(&mut Self, &FileName) -> Result<(), CardError>,
    ) -> Result<(), CardError> {
        let mut left = wanted.to_vec();
        let mut lacking: Vec<KeyRole> = Vec::new();
        let mut withheld: BTreeMap<KeyRole, CardError> = BTreeMap::new();
        while !left.is_empty() {
            let means = Means { pin: pin.is_some(), lacking: &lacking };
            let own = self.session.parts.profile.own_pins();
            let visits = plan(&left, &self.proven, means, &own).map_err(|why| told(why, &mut withheld))?;
            for visit in visits {
                match self.prepare(&visit, pin) {
                    Err(Unproven::Lacking(role)) if !lacking.contains(&role) => {
                        lacking.push(role);
                        break;
                    }
                    Err(Unproven::Withheld(role, why)) if !lacking.contains(&role) => {
                        lacking.push(role.clone());
                        withheld.insert(role, why);
                        break;
                    }
                    Err(error) => return Err(error.into()),
                    Ok(()) => {}
                }
                for file in &visit.files {
                    work(self, file)?;
                }
                left.retain(|(file, _)| !visit.files.contains(file));
            }
        }
        Ok(())
    }

    /// Selects a visit's directory, where it is not selected, and proves what is asked for in it.
    fn prepare(&mut self, visit: &Visit, pin: &mut Option<HolderPin>) -> Result<(), Unproven> {
        self.select(&visit.directory)?;
        for proof in &visit.proofs {
            match proof {
                Proof::Pin => {
                    // The plan asks for the PIN only where there is one.
                    let pin = pin.take().ok_or(CardError::PinNeeded)?;
                    self.verify(pin)?;
                }
                Proof::Key(role) => self.prove(role)?,
            }
        }
        Ok(())
    }

    /// Selects a directory by its name: what is asked of the PIN then, asks for the one that guards it.
    ///
    /// # Errors
    /// [`CardError::NoFile`] where the card does not have it.
    pub fn enter(&mut self, directory: &str) -> Result<(), CardError> {
        self.select(directory)
    }

    /// Verifies the PIN that guards a directory: one attempt. A directory with a PIN of its own is selected for it.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_of(&mut self, directory: &str, pin: HolderPin) -> Result<(), CardError> {
        self.select_own(directory)?;
        self.verify(pin)
    }

    /// The tries that are left of the PIN that guards a directory, without costing one. A directory with a PIN of its own
    /// is selected for it.
    ///
    /// # Errors
    /// As [`pin_tries`](Self::pin_tries), and as [`enter`](Self::enter).
    pub fn pin_tries_of(&mut self, directory: &str) -> Result<PinTries, CardError> {
        self.select_own(directory)?;
        self.pin_tries()
    }

    fn select_own(&mut self, directory: &str) -> Result<(), CardError> {
        if self.session.parts.profile.own_pins().contains(&directory) {
            self.select(directory)?;
        }
        Ok(())
    }

    /// The PIN of the selected directory was verified.
    pub(super) fn verified(&mut self) {
        let own = self.session.parts.profile.own_pins();
        let of = pin_of(&self.proven.directory, &own).to_owned();
        self.proven.pins.insert(of);
    }

    /// Selects a directory, unless it is: what was proven in another one is gone then.
    pub(super) fn select(&mut self, name: &str) -> Result<(), CardError> {
        if self.proven.directory == name {
            return Ok(());
        }
        let no_such = || CardError::NoFile(name.to_owned());
        let directory = self.session.parts.profile.directory(name).ok_or_else(no_such)?;
        let (flow, mut vars) = match &directory.aid {
            Some(aid) => ("select-by-name", Vars::new().with("name", aid)),
            None => ("select-by-id", Vars::new().with("id", &directory.fid)),
        };
        self.session.ahead = None;
        // Whatever comes of it, nothing is known any more to be proven but the PIN.
        self.proven.directory.clear();
        self.proven.keys.clear();
        self.session.run(FILES, flow, &mut vars).map_err(|error| match error {
            CardError::Status { status: StatusWord::FILE_NOT_FOUND | StatusWord::NOT_SELECTED, .. } => no_such(),
            other => other.of_use(),
        })?;
        name.clone_into(&mut self.proven.directory);
        Ok(())
    }

    /// External authentication in the directory that is selected, once, unless it is done.
    pub(super) fn prove(&mut self, role: &KeyRole) -> Result<(), Unproven> {
        if self.proven.keys.contains(role) {
            return Ok(());
        }
        // Without a reference no command can name it.
        let key = self.session.parts.profile.key(role);
        let reference = key.and_then(|key| key.reference).ok_or_else(|| Unproven::Lacking(role.clone()))?;
        // What the card was asked for ahead of the holder's reading is of no use by now.
        self.session.ahead = None;
        let vars = Vars::new().with("key", &[reference]);
        let proven = self.session.authenticate_terminal(FILES, &self.key, &self.identifier, role, vars);
        proven.map_err(|error| match error {
            CardError::Key(
                KeyError::NoKey(_) | KeyError::Level | KeyError::Unplaced { .. } | KeyError::NotOffered { .. },
            ) => Unproven::Lacking(role.clone()),
            CardError::Status { status: StatusWord::KEY_NOT_FOUND, .. } => Unproven::Lacking(role.clone()),
            why @ (CardError::PairHeld | CardError::PairsUnknown(_)) => Unproven::Withheld(role.clone(), why),
            other => Unproven::Failed(other.of_use()),
        })?;
        self.proven.keys.push(role.clone());
        Ok(())
    }
}

/// Why something was not proven.
pub(super) enum Unproven {
    /// The key is not to be had: the terminal, the card or the profile does not have it.
    Lacking(KeyRole),
    /// The key may not be shown to this card, and why: it may have no try to spare for it.
    Withheld(KeyRole, CardError),
    /// Anything else.
    Failed(CardError),
}

impl From<CardError> for Unproven {
    fn from(error: CardError) -> Self {
        Self::Failed(error)
    }
}

impl From<Unproven> for CardError {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Lacking(role) => CardError::NoKey(role),
            Unproven::Withheld(_, error) | Unproven::Failed(error) => error,
        }
    }
}

/// Why the files cannot be come at, where no other way does: of a key that may not be shown to this card, why not.
fn told(why: Denied, withheld: &mut BTreeMap<KeyRole, CardError>) -> CardError {
    let withheld = match &why {
        Denied::Key(_, role) => withheld.remove(role),
        Denied::Never(_) | Denied::Pin(_) => None,
    };
    withheld.unwrap_or_else(|| denied(why))
}

/// Why the files cannot be come at.
pub(super) fn denied(why: Denied) -> CardError {
    match why {
        Denied::Never(file) => CardError::Never(file.to_string()),
        Denied::Pin(_) => CardError::PinNeeded,
        Denied::Key(_, role) => CardError::NoKey(role),
    }
}
