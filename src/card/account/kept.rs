//! Transactions on cards' accounts as the journal keeps them: from before the command that moves money until whoever
//! wanted it was told what became of it. Each is sealed for its row and opens without the card, so that what is open can
//! be listed when the card is elsewhere; whose it is stands nowhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::amount::packed;
use super::{Intent, Outcome};
use crate::card::CardError;
use crate::card::journal::{Journal, about, unknown, unreadable};
use crate::store::{OpenWrite, Undertaking};
use crate::value::CardIdentifier;

/// Stands for a transaction that is kept. Whoever was told what became of it gives it back to
/// [`Journal::told`]; until then it is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what nobody gives back is told again, and nothing of its kind is begun on the card before"]
pub struct Receipt(pub(super) i64);

/// A transaction that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it is given back by.
    pub receipt: Receipt,
    /// What it is.
    pub intent: Intent,
    /// What became of it; `None` where that is not known yet.
    pub outcome: Option<Outcome>,
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Form {
    #[serde(flatten)]
    intent: Intent,
    #[serde(default)]
    outcome: Option<Outcome>,
}

/// The most bytes of a [`Form`] as JSON.
const ROOM: usize = 768;

impl Journal<'_> {
    /// Whoever wanted the transaction knows what became of it.
    ///
    /// # Errors
    /// When the store cannot be written: it is told once more then.
    pub fn told(&self, receipt: Receipt) -> Result<(), CardError> {
        self.end(receipt.0)
    }

    /// All transactions on accounts that are kept, whatever card they are on, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept_of_all(&self) -> Result<Vec<Kept>, CardError> {
        let rows = self.store().all_open_writes().map_err(unknown)?;
        // Writes lie there as well, and are sealed as something else.
        let kept = |row: OpenWrite| self.form(&row).map(|form| form.kept(row.id));
        Ok(rows.into_iter().filter_map(kept).collect())
    }

    /// Lets go of all that was begun before this moment and of which it is known what became; how many there were. What
    /// is not known is never old: a clock that was wrong for a day would lose money. Health and doctor count it, and
    /// [`discard_account`](crate::card::Card::discard_account) lets go of it.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn forget_accounts(&self, before: Timestamp) -> Result<usize, CardError> {
        let before = packed(before);
        // Packed decimal digits, the highest first, are in the order of time.
        let is_old = |kept: &Kept| kept.outcome.is_some() && kept.intent.time < before;
        let old = self.kept_of_all()?.into_iter().filter(is_old);
        let mut forgotten = 0;
        for kept in old {
            self.told(kept.receipt)?;
            forgotten += 1;
        }
        Ok(forgotten)
    }

    /// Keeps a transaction before the command that moves money.
    pub(super) fn begin_intent(&self, card: &CardIdentifier, intent: &Intent) -> Result<Receipt, CardError> {
        let sealed = self.sealed_form(card, intent, None)?;
        let id = self.store().begin_write(Undertaking::Account, card.as_bytes(), &sealed);
        id.map(Receipt).map_err(unknown)
    }

    /// Notes what became of it. Where that fails the card is asked again.
    pub(super) fn note(&self, card: &CardIdentifier, receipt: Receipt, intent: &Intent, outcome: Outcome) {
        let noted = self
            .sealed_form(card, intent, Some(outcome))
            .and_then(|sealed| self.store().change_write(receipt.0, &sealed).map_err(unknown));
        if let Err(error) = noted {
            tracing::warn!(%error, "what became of a transaction on a card is not noted: the card is asked again");
        }
    }

    /// The transactions that are kept of a card, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read, or one of them cannot, or some are of a card that is not known any more: then nothing
    /// is begun on the card's account.
    pub fn kept_of(&self, card: &CardIdentifier) -> Result<Vec<Kept>, CardError> {
        self.none_lost()?;
        let rows = self.store().open_writes(Undertaking::Account, card.as_bytes()).map_err(unknown)?;
        let kept = |row: OpenWrite| self.form_of(card, &row).map(|form| form.kept(row.id)).ok_or_else(unreadable);
        rows.into_iter().map(kept).collect()
    }

    /// Takes out what is kept of a card and of which it is not known what became, also what cannot be read; how much it
    /// was, and what is known of the others, the oldest first.
    pub(super) fn discard_unknown(&self, card: &CardIdentifier) -> Result<(usize, Vec<Kept>), CardError> {
        let (mut discarded, mut known) = (0, Vec::new());
        for row in self.store().open_writes(Undertaking::Account, card.as_bytes()).map_err(unknown)? {
            match self.form_of(card, &row) {
                Some(form) if form.outcome.is_some() => known.push(form.kept(row.id)),
                _ => {
                    self.end(row.id)?;
                    discarded += 1;
                }
            }
        }
        Ok((discarded, known))
    }

    fn form_of(&self, card: &CardIdentifier, row: &OpenWrite) -> Option<Form> {
        self.form(row).or_else(|| self.unseal(&about(Undertaking::Account, card), &row.sealed))
    }

    fn form(&self, row: &OpenWrite) -> Option<Form> {
        self.unseal(&sealed_for(&row.card), &row.sealed)
    }

    fn sealed_form(
        &self,
        card: &CardIdentifier,
        intent: &Intent,
        outcome: Option<Outcome>,
    ) -> Result<Vec<u8>, CardError> {
        let name = self.store().card_of(Undertaking::Account, card.as_bytes()).map_err(unknown)?;
        self.seal(&sealed_for(&name), &Form { intent: intent.clone(), outcome }, ROOM)
    }
}

impl Form {
    fn kept(self, id: i64) -> Kept {
        Kept { receipt: Receipt(id), intent: self.intent, outcome: self.outcome }
    }
}

/// What a sealed transaction is told to be: it opens as nothing else, and in no other card's row.
fn sealed_for(card: &[u8; 32]) -> Vec<u8> {
    [&b"sbkd-card-account-2"[..], card].concat()
}
