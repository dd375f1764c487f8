//! Which keys a use of the card takes, told before any of them is asked for.

use super::access::{Means, Proof, plan};
use super::directory::denied;
use super::open::Card;
use super::{CardError, HolderPin};
use crate::profile::{Access, File, FileName, ItemName, KeyRole};

impl Card<'_> {
    /// The keys that have to be proven to read these items without the holder's PIN, each once; none where nothing has
    /// to be.
    ///
    /// # Errors
    /// [`CardError::PinNeeded`] where keys alone do not do; [`CardError::Never`]; [`CardError::UnknownItem`].
    pub fn keys_to_read(&self, items: &[ItemName]) -> Result<Vec<KeyRole>, CardError> {
        self.keys_for(&self.to_read(items)?)
    }

    /// The keys that writing these files takes, each once; those that reading them back takes are not among them.
    ///
    /// # Errors
    /// As [`keys_to_read`](Self::keys_to_read).
    pub fn keys_to_write(&self, files: &[FileName]) -> Result<Vec<KeyRole>, CardError> {
        let write = |file: &File| (file.name.clone(), file.write.at(self.generation()).clone());
        self.keys_for(&self.known(files)?.into_iter().map(write).collect::<Vec<_>>())
    }

    /// Proves what writing these files takes, and reading them back, before anything is written. It lasts as long as
    /// their directory stays selected.
    ///
    /// # Errors
    /// As [`write`](Self::write), of which nothing has begun.
    pub fn prove_to_write(&mut self, files: &[FileName], pin: &mut Option<HolderPin>) -> Result<(), CardError> {
        let wanted: Vec<(FileName, Access)> =
            self.known(files)?.into_iter().flat_map(|file| self.to_write(file)).collect();
        self.visit(&wanted, pin, |_, _| Ok(()))
    }

    fn known(&self, files: &[FileName]) -> Result<Vec<&File>, CardError> {
        let profile = self.session.parts.profile;
        let known = |file: &FileName| profile.file(file).ok_or_else(|| CardError::UnknownItem(file.to_string()));
        files.iter().map(known).collect()
    }

    fn keys_for(&self, wanted: &[(FileName, Access)]) -> Result<Vec<KeyRole>, CardError> {
        let own = self.session.parts.profile.own_pins();
        let visits = plan(wanted, &self.proven, Means::default(), &own).map_err(denied)?;
        let proofs = visits.into_iter().flat_map(|visit| visit.proofs);
        let key = |proof| match proof {
            Proof::Key(role) => Some(role),
            // None is at hand, so that no plan has it.
            Proof::Pin => None,
        };
        Ok(proofs.filter_map(key).collect())
    }
}
