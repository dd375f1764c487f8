//! What was begun on cards' medical accounts at this terminal and is not over: it is not known what became of it, or whoever
//! wanted it was not told.

use jiff::Timestamp;

use super::inner::Inner;
use crate::card::account::{Kept, OPEN};
use crate::card::{CardError, Journal};
use crate::failure::Failure;
use crate::store::OpenCount;
use crate::value::CardIdentifier;

impl Inner {
    /// Where it is kept what is undertaken on cards.
    pub(super) fn card_journal(&self) -> Journal<'_> {
        Journal::new(&self.store, &self.card_writes, &*self.parts.random)
    }

    /// All of it. Blocks on the disk.
    pub(super) fn kept_of_accounts(&self) -> Result<Vec<Kept>, CardError> {
        self.card_journal().kept_of_all()
    }

    /// How many writes to cards were torn and are not mended, and how much is open that no card will be found to have.
    pub(super) fn open_on_cards(&self) -> Result<(u64, u64), CardError> {
        let OpenCount { open, lost } =
            self.store.count_writes().map_err(|error| CardError::WritesUnknown(error.into_what()))?;
        let accounts = self.kept_of_accounts()?.len() as u64;
        Ok((open.saturating_sub(lost + accounts), lost))
    }

    /// What a case says of the account of the card that it reads. Blocks on the disk.
    pub(super) fn open_on(&self, card: &CardIdentifier) -> Option<Failure> {
        match self.card_journal().kept_of(card) {
            Ok(kept) if kept.is_empty() => None,
            Ok(kept) => Some(Failure::with(&OPEN, kept.len().to_string())),
            // The reading says so of every card.
            Err(CardError::WritesLost(_)) => None,
            // It keeps nobody from a case.
            Err(error) => {
                tracing::warn!(%error, "what is open on a card's account");
                None
            }
        }
    }

    /// Lets go of what was begun before a moment, for good. Blocks on the disk.
    pub(super) fn forget_accounts(&self, before: Timestamp) -> Result<(), CardError> {
        let forgotten = self.card_journal().forget_accounts(before)?;
        if forgotten > 0 {
            tracing::warn!(target: "audit", forgotten, "transactions on cards' accounts were let go of: they are old");
        }
        Ok(())
    }
}
