//! Writes that were torn: found when the card comes again, and completed, or undone where the card does not take them.

use super::access::pin_of;
use super::journal::{Journal, Kept, Place};
use super::open::Card;
use super::place::Whose;
use super::{CardError, HolderPin};
use crate::profile::{File, FileName};
use crate::store::Undertaking;

/// What came of a write that was torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mended {
    /// The card holds what was to be written.
    Completed,
    /// The card holds what it did before.
    Undone,
}

impl Mended {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Undone => "undone",
        }
    }
}

impl Card<'_> {
    /// How many writes on this card were torn; 0 where there is no store, or it cannot be read.
    pub fn torn_writes(&self) -> usize {
        let Some(store) = self.session.parts.store else { return 0 };
        store.open_writes(Undertaking::Write, self.identifier.as_bytes()).map_or(0, |open| open.len())
    }

    /// The files of the writes on this card that were torn, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read, or what it has of them.
    pub fn torn_files(&self, journal: &Journal<'_>) -> Result<Vec<FileName>, CardError> {
        Ok(journal.open(&self.identifier)?.into_iter().map(|(_, kept)| kept.file).collect())
    }

    /// Whether writes or transactions are open whose cards are not known any more; not where that cannot be read.
    pub(super) fn lost_writes(&self) -> bool {
        let Some(store) = self.session.parts.store else { return false };
        store.count_writes().is_ok_and(|count| count.lost > 0)
    }

    /// Completes each write that was torn, the oldest first, also one that was torn inside a record; undoes one that the
    /// card does not take. One of which nothing had reached the card counts as undone: whoever began it was told that it
    /// failed. Nothing that somebody else wrote since is written over.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`CardError::ChangedElsewhere`]; what was mended by then is.
    pub fn mend(
        &mut self,
        journal: &Journal<'_>,
        pin: &mut Option<HolderPin>,
    ) -> Result<Vec<(FileName, Mended)>, CardError> {
        self.mend_with(journal, pin, |_| true)
    }

    /// As [`mend`](Self::mend), before a file is written: the PIN is the one that guards that file, and is tried on no file
    /// that another one guards.
    ///
    /// # Errors
    /// As [`mend`](Self::mend); [`CardError::WriteOpen`] where what was torn asks for another PIN.
    pub fn mend_before(
        &mut self,
        journal: &Journal<'_>,
        written: &FileName,
        pin: &mut Option<HolderPin>,
    ) -> Result<Vec<(FileName, Mended)>, CardError> {
        let own = self.session.parts.profile.own_pins();
        let of = pin_of(written.directory(), &own);
        self.mend_with(journal, pin, |torn| pin_of(torn.directory(), &own) == of)
    }

    fn mend_with(
        &mut self,
        journal: &Journal<'_>,
        pin: &mut Option<HolderPin>,
        is_its: impl Fn(&FileName) -> bool,
    ) -> Result<Vec<(FileName, Mended)>, CardError> {
        let profile = self.session.parts.profile;
        let mut mended = Vec::new();
        for (id, kept) in journal.open(&self.identifier)? {
            let file = profile.file(&kept.file).ok_or_else(|| CardError::UnknownItem(kept.file.to_string()))?;
            let mut what = Mended::Completed;
            let (mut none, is_its) = (None, is_its(&kept.file));
            let pin = if is_its { &mut *pin } else { &mut none };
            let visited = self.visit(&self.to_write(file), pin, |card, _| {
                let all = card.whose(file, &kept).map_err(CardError::of_use)?;
                let is_all = |whose| all.iter().all(|(_, found)| *found == whose);
                let foreign = all.iter().filter(|(_, found)| *found == Whose::Foreign);
                let foreign: Vec<String> = foreign.map(|(place, _)| place.name(&file.name)).collect();
                if !foreign.is_empty() {
                    return Err(CardError::ChangedElsewhere(foreign.join(", ")));
                }
                if all.iter().any(|(_, found)| *found == Whose::Spoilt) {
                    return Err(CardError::HalfWritten(file.name.to_string()));
                }
                if is_all(Whose::New) {
                    return journal.end(id);
                }
                if is_all(Whose::Old) {
                    what = Mended::Undone;
                    return journal.end(id);
                }
                match card.carry_out(journal, id, file, &kept) {
                    // It was put back, or the card would still be half written.
                    Err(error) if card.is_ended(journal, id)? => {
                        tracing::warn!(%error, "a torn write was undone");
                        what = Mended::Undone;
                        Ok(())
                    }
                    outcome => outcome,
                }
            });
            visited.map_err(|error| match error {
                CardError::PinNeeded if !is_its => CardError::WriteOpen,
                other => other,
            })?;
            // What comes after it may fail: then this is all that tells of it.
            tracing::info!(target: "audit", file = %kept.file, outcome = what.name(), "a torn write was mended");
            mended.push((kept.file, what));
        }
        Ok(mended)
    }

    /// Forgets the writes that were torn on this card, also those that cannot be read any more; how many there were. What
    /// the card holds is for somebody to look at.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn discard_writes(&mut self, journal: &Journal<'_>) -> Result<usize, CardError> {
        journal.discard(Undertaking::Write, &self.identifier)
    }

    fn is_ended(&self, journal: &Journal<'_>, id: i64) -> Result<bool, CardError> {
        Ok(journal.open(&self.identifier)?.iter().all(|(open, _)| *open != id))
    }

    /// Whose it is that the card holds at each place.
    fn whose(&mut self, file: &File, kept: &Kept) -> Result<Vec<(Place, Whose)>, CardError> {
        let mut all = Vec::with_capacity(kept.changes.len());
        for change in &kept.changes {
            let held = self.held(file, change.place, change.new.len())?;
            all.push((change.place, change.whose(&held)));
        }
        Ok(all)
    }
}
