//! A card is taken, proven and read, in a case and outside one.

use std::sync::Arc;

use uuid::Uuid;

use super::conditions::Condition;
use super::driver::By;
use super::errors;
use super::event::What;
use super::inner::Inner;
use super::keys_in_turn::KeysInTurn;
use super::notice::Notice;
use super::turn::Turn;
use super::view::CaseState;
use super::who::Who;
use crate::card::account::AccountError;
use crate::card::{self, Card, CardError, Lenience, Pairs, Reading, Step, Warning};
use crate::failure::{Explain as _, Failure};
use crate::keys::{KeyError, KeyProvider, KeyService, LinkError};
use crate::reader::{Lease, Role, TransportError};
use crate::scenario::ExpiredCard;
use crate::value::Kind;

/// A reader whose card is being read. Dropped, it is free for whoever waits.
pub(super) struct InUse {
    inner: Arc<Inner>,
    reader: String,
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.inner.cases().give_back(&self.reader);
        self.inner.match_readers();
    }
}

/// Why nothing was done with a card.
pub(super) enum Unread {
    /// Others had the keys all that time.
    KeysBusy,
    /// What went wrong with the card, the keys or the way to them.
    Card(CardError),
}

/// What went wrong with the card beside what its account refused: the former says something of reader and keys.
pub(super) fn apart<T>(done: Result<T, AccountError>) -> Result<Result<T, AccountError>, CardError> {
    match done {
        Err(AccountError::Card(error)) => Err(error),
        other => Ok(other),
    }
}

impl Unread {
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::KeysBusy => Failure::of(&errors::KEYS_BUSY),
            Self::Card(error) => error.failure(),
        }
    }
}

impl Inner {
    /// Gives each free holder's card to the case that waits for it.
    pub(super) fn match_readers(self: &Arc<Self>) {
        if self.conditions().contains(&Condition::CardServiceAway) {
            return;
        }
        let readers = self.parts.readers.list();
        let mut begun = Vec::new();
        {
            let mut cases = self.cases();
            for (id, reader) in cases.matches(&readers) {
                let removals = cases.removals(&reader);
                let taken = self.advance_in(&mut cases, id, None, CaseState::Reading, |case| {
                    case.view.reader = Some(reader.clone());
                    case.removals = removals;
                });
                if let (Ok(_), Some(step)) = (taken, cases.get(id).map(|case| case.step)) {
                    cases.take(&reader);
                    begun.push((id, step, InUse { inner: Arc::clone(self), reader }));
                }
            }
        }
        for (id, step, reader) in begun {
            self.work(id, step, "case read", move |inner| inner.read_in_case(id, step, reader));
        }
    }

    /// Takes a reader for a reading outside a case.
    pub(super) fn take_reader(self: &Arc<Self>, reader: &str) -> Result<InUse, Failure> {
        let mut cases = self.cases();
        if cases.claimed(reader) || !cases.take(reader) {
            return Err(Failure::of(&errors::BUSY));
        }
        Ok(InUse { inner: Arc::clone(self), reader: reader.to_owned() })
    }

    /// Takes a reader for the case that has its card.
    pub(super) fn take_claimed(self: &Arc<Self>, reader: &str) -> Result<InUse, Failure> {
        match self.cases().take(reader) {
            true => Ok(InUse { inner: Arc::clone(self), reader: reader.to_owned() }),
            false => Err(Failure::of(&errors::BUSY)),
        }
    }

    fn read_in_case(self: &Arc<Self>, id: Uuid, at: u64, reader: InUse) {
        let told = |step: Step| self.log.tell(What::Step { case: id, step: step.name().to_owned() });
        let Some(definition) = self.cases().get(id).map(|case| Arc::clone(&case.definition)) else { return };
        let expired = definition.expired_card == ExpiredCard::Warn;
        let who = self.read(&reader.reader, told).and_then(|reading| {
            let verdict = self.verdict(&reading);
            let lenience = Lenience { expired, ..self.validation().lenience };
            let mut who = Who::of(&reading, &self.queue, &verdict, lenience)?;
            if definition.kind.moves_money() {
                who.takes_account(self.bank_card_at(&reader.reader)?);
            }
            who.findings.extend(self.open_on(&reading.card().identifier));
            who.findings.extend(reading.warnings().into_iter().filter_map(Warning::failure));
            // What cannot be told now is told at a later case: it keeps nobody from this one.
            let notices = self.notices(who.tag).inspect_err(|failure| {
                tracing::warn!(code = failure.entry.code, detail = failure.detail, "what the holder is to be told");
            });
            // Whoever works a counter for something else is told of no complaint that its holder wants kept.
            let shows = |notice: &Notice| !notice.confidential || definition.kind == Kind::Report;
            let notices = notices.ok().map(|all| all.into_iter().filter(shows).collect());
            Ok((who, notices))
        });
        drop(reader);
        match who {
            Ok((who, notices)) => self.was_read(id, at, who, notices),
            Err(failure) => self.end(id, Some(at), CaseState::Failed, failure),
        }
    }

    /// On to the form, or to deciding where it is there already.
    fn was_read(self: &Arc<Self>, id: Uuid, at: u64, who: Who, notices: Option<Vec<Notice>>) {
        self.heed();
        let (moved, pulled) = {
            let mut cases = self.cases();
            let Some(case) = cases.get(id) else { return };
            let next = if case.form.is_some() { CaseState::Deciding } else { CaseState::WaitingInput };
            if !cases.card_stayed(case) {
                (None, true)
            } else {
                let moved = self.advance_in(&mut cases, id, Some(at), next, |case| {
                    case.view.holder = Some(who.view.clone());
                    case.view.notices = notices;
                    case.view.findings = who.findings.clone();
                    case.conceal(case.is_secret());
                    case.who = Some(Arc::new(who));
                });
                (moved.ok(), false)
            }
        };
        if pulled {
            self.end(id, Some(at), CaseState::Failed, Failure::of(&errors::CARD_REMOVED));
        }
        if moved.is_some_and(|view| view.state == CaseState::Deciding) {
            self.begin_deciding(id);
        }
    }

    /// Proves and reads the card in a reader. Blocks.
    pub(super) fn read(&self, reader: &str, mut progress: impl FnMut(Step)) -> Result<Reading, Failure> {
        let read = self.at_card(reader, |lease, keys| {
            let mut card = self.open_card(lease, keys, &mut progress)?;
            card.reading(&mut progress)
        });
        read.map_err(|unread| unread.failure())
    }

    /// Opens a card that proves itself to the terminal's own keys, and keeps that it did for as long as it stays in its
    /// reader.
    pub(super) fn open_card<'a>(
        &'a self,
        lease: &'a mut Lease,
        keys: &'a mut dyn KeyService,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Card<'a>, CardError> {
        self.open_card_by(By::Own, lease, keys, progress)
    }

    /// The same by keys that may be somebody else's.
    pub(super) fn open_card_by<'a>(
        &'a self,
        by: By,
        lease: &'a mut Lease,
        keys: &'a mut dyn KeyService,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Card<'a>, CardError> {
        let reader = lease.reader().to_owned();
        // Before it proves itself: whatever card comes later has another number.
        let visit = self.parts.readers.visit(&reader);
        let card = Card::open(self.card_parts(lease, keys), progress)?;
        if let (Some(visit), Ok(genuine)) = (visit, card.genuine()) {
            self.proven.keep(&reader, by, visit, genuine);
        }
        Ok(card)
    }

    /// Does something with the card in a reader and with the keys, in their turn. Blocks.
    pub(super) fn at_card<T>(
        &self,
        reader: &str,
        work: impl FnOnce(&mut Lease, &mut dyn KeyService) -> Result<T, CardError>,
    ) -> Result<T, Unread> {
        self.at_card_of(reader, &|| {}, work)
    }

    /// The same; `resting` is told when a person is asked meanwhile, for whose time the turn is given up.
    pub(super) fn at_card_of<T>(
        &self,
        reader: &str,
        resting: &(dyn Fn() + Sync),
        work: impl FnOnce(&mut Lease, &mut dyn KeyService) -> Result<T, CardError>,
    ) -> Result<T, Unread> {
        // First, so that no card's time runs while another one is read.
        let turn = self.turns.take(self.parts.config.cases.reading).ok_or(Unread::KeysBusy)?;
        let done = self.in_turn(turn, reader, resting, work);
        match &done {
            Ok(_) => self.set(Condition::KeysAway, false),
            Err(error) => self.heed_card(error),
        }
        done.map_err(Unread::Card)
    }

    /// What went wrong with a card may say something of the card service and the keys.
    pub(super) fn heed_card(&self, error: &CardError) {
        match error {
            CardError::Key(error) => self.keys_failed(error),
            CardError::Transport(error) => self.no_card(error),
            _ => {}
        }
    }

    fn in_turn<T>(
        &self,
        turn: Turn,
        reader: &str,
        resting: &(dyn Fn() + Sync),
        work: impl FnOnce(&mut Lease, &mut dyn KeyService) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let within = self.parts.config.cases.reading;
        let mut lease = self.parts.readers.lease(reader, within)?;
        let mut keys = KeysInTurn::open(&self.keys, &self.turns, turn, within, resting)?;
        work(&mut lease, &mut keys)
    }

    /// Does something with the keys alone, in their turn, for whoever has a card already. Blocks.
    pub(super) fn at_keys<T>(
        &self,
        work: impl FnOnce(&mut dyn KeyService) -> Result<T, CardError>,
    ) -> Result<T, Unread> {
        let turn = self.turns.take(self.parts.config.cases.reading).ok_or(Unread::KeysBusy)?;
        let keys = KeysInTurn::open(&self.keys, &self.turns, turn, self.parts.config.cases.reading, &|| {});
        keys.map_err(CardError::from).and_then(|mut keys| work(&mut keys)).map_err(Unread::Card)
    }

    /// What work with a card needs, of this terminal.
    pub(super) fn card_parts<'a>(&'a self, lease: &'a mut Lease, keys: &'a mut dyn KeyService) -> card::Parts<'a> {
        card::Parts {
            lease,
            keys,
            scripts: &self.scripts,
            profile: &self.profile,
            store: Some(&self.store),
            pairs: Pairs::Terminal(&self.store),
            clock: &*self.parts.clock,
            random: &*self.parts.random,
            default_algorithm: self.parts.config.card.default_algorithm,
            initial_pins: &self.parts.config.card.initial_pins,
            validation: self.validation(),
        }
    }

    fn no_card(&self, error: &TransportError) {
        if *error == TransportError::ServiceAway {
            self.set(Condition::CardServiceAway, true);
        }
    }

    /// Whether the keys are away, or only not fit for this card. A slow card leaves the PSAM no time, and says nothing of it.
    fn keys_failed(&self, error: &KeyError) {
        let away = matches!(
            error,
            KeyError::NoPsam | KeyError::SeveralPsams(_) | KeyError::SoftRefused | KeyError::SoftFile(_)
        ) || matches!(error, KeyError::Transport(why) if *why != TransportError::Deadline)
            || matches!(error, KeyError::Link(LinkError::Away(_)));
        if away {
            self.set(Condition::KeysAway, true);
        }
    }

    /// Whether the keys look as if they could be used again. Leases nothing: a case may need them now. Blocks.
    pub(super) fn keys_look_there(&self) -> bool {
        if let KeyProvider::Soft { .. } = &self.keys {
            return self.keys.open(self.parts.config.cases.reading).is_ok();
        }
        self.keys.psam().is_some_and(|psam| psam.looks_there()) || (self.keys.has_hsm() && self.centre_answers())
    }

    /// Whether the centre answers now. That it did last is no news of a moment ago; where it did not, the worker asks it,
    /// in its time, and nobody else does.
    fn centre_answers(&self) -> bool {
        let Some(upstream) = self.upstream.as_ref().filter(|upstream| upstream.status.borrow().reachable) else {
            return false;
        };
        let asked = async { tokio::time::timeout(upstream.patience, upstream.uplink.probe()).await };
        matches!(self.parts.runtime.block_on(asked), Ok(Ok(_)))
    }

    /// The reader that is meant: the one named, or the one holder's reader that has a card.
    pub(super) fn reader_meant(&self, wanted: Option<&str>) -> Result<String, Failure> {
        if self.conditions().contains(&Condition::CardServiceAway) {
            return Err(Failure::of(&errors::CARD_SERVICE_AWAY));
        }
        let readers = self.parts.readers.list();
        if let Some(wanted) = wanted {
            let usable =
                readers.iter().any(|r| r.name == wanted && !matches!(r.role, Some(Role::Psam | Role::Ignored)));
            return if usable { Ok(wanted.to_owned()) } else { Err(errors::no_reader(wanted)) };
        }
        let mut with_card = readers.iter().filter(|reader| reader.role == Some(Role::Holder) && reader.card);
        match (with_card.next(), with_card.next()) {
            (None, _) => Err(Failure::of(&errors::NO_CARD)),
            (Some(reader), None) => Ok(reader.name.clone()),
            (Some(_), Some(_)) => Err(Failure::of(&errors::WHICH_READER)),
        }
    }
}
