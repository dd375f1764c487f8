//! The validity step before anything on a card is changed, or signed by it: who writes, pays, loads, signs, or touches the
//! PIN comes by here, since the operations of [`Card`] themselves ask it.
//!
//! Whoever only reads is exempt (card-facts §9), and so is who asks a card how a write or a transaction before ended, and
//! brings a torn one to its end: that changes nothing that was not begun while the card could be used, and without it the
//! card would stay half written, or nobody would know whether it paid.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::CardError;
use super::data::CardFile;
use super::open::Card;
use super::validity::{Accepted, Lenience, Listing, Verdict};
use crate::failure::{Explain as _, Failure};
use crate::store::{Blacklist, ListInfo as _};
use crate::world::Clock;

/// What the validity step goes by.
#[derive(Debug, Clone, Copy)]
pub struct Validation<'a> {
    /// Which cards are accepted.
    pub accepted: &'a Accepted,
    /// Where a card is looked up; `None` where no card is.
    pub refused: Option<&'a RefusedCards>,
    /// What is let pass before something on a card is changed.
    pub lenience: Lenience,
}

/// The list of refused cards as the validity step looks into it.
pub struct RefusedCards {
    /// Or why it cannot be looked into.
    list: Result<Arc<Blacklist>, Failure>,
    max_age: Option<Duration>,
}

impl Validation<'_> {
    /// Any card is accepted and none is looked up; its dates count all the same.
    pub const WITHOUT_LIST: Validation<'static> = Validation {
        accepted: &Accepted { issuers: Vec::new(), categories: Vec::new(), versions: Vec::new() },
        refused: None,
        lenience: Lenience { expired: false, list: false },
    };

    /// Whether a card may be used now: all that speaks against it.
    pub fn verdict(&self, card: &CardFile, clock: &dyn Clock) -> Verdict {
        let listing = self.refused.map_or(Listing::Exempt, |refused| refused.listing(card, clock.now()));
        card.verdict(clock, self.accepted, listing)
    }
}

impl RefusedCards {
    /// The cards of a list, which is too old to go by once it was made longer than `max_age` ago.
    pub fn new(list: Arc<Blacklist>, max_age: Option<Duration>) -> Self {
        Self { list: Ok(list), max_age }
    }

    /// Of a list that this program cannot come at.
    pub fn away(why: Failure) -> Self {
        Self { list: Err(why), max_age: None }
    }

    fn listing(&self, card: &CardFile, now: Timestamp) -> Listing {
        let list = match &self.list {
            Ok(list) => list,
            Err(why) => return Listing::NoList(Some(why.clone())),
        };
        match list.look(&card.identifier, card.number.as_ref()) {
            Ok(Some(looked)) => {
                let old = looked.list.is_older(self.max_age, now).then_some(looked.list.issued);
                if looked.hit.is_some() {
                    tracing::warn!(serial = looked.list.serial, "a card of the blacklist was presented");
                }
                Listing::Looked { hit: looked.hit, old }
            }
            Ok(None) => Listing::NoList(None),
            Err(error) => {
                tracing::error!(%error, "the blacklist cannot be looked into");
                Listing::NoList(Some(error.failure()))
            }
        }
    }
}

impl Card<'_> {
    /// Whether something on this card may be changed now. What changes it asks this by itself; whoever asks a person for a
    /// PIN, or somebody for a key, asks it before.
    ///
    /// # Errors
    /// [`CardError::NotValid`] with the gravest finding that is not let pass; as [`card_file`](Self::card_file).
    pub fn must_be_valid(&self) -> Result<(), CardError> {
        let parts = &self.session.parts;
        let verdict = parts.validation.verdict(&self.card_file()?, parts.clock);
        if let Some(finding) = verdict.obstacle(parts.validation.lenience) {
            return Err(CardError::NotValid(finding.clone()));
        }
        for finding in verdict.findings() {
            tracing::warn!(%finding, "let pass before a card is changed");
        }
        Ok(())
    }
}

/// Whether there is a list to look into.
impl std::fmt::Debug for RefusedCards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefusedCards({})", if self.list.is_ok() { "there" } else { "away" })
    }
}
