//! The tasks that watch the terminal's neighbours: readers, centre, journal, and conditions that heal by asking.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use uuid::Uuid;

use super::conditions::Condition;
use super::errors;
use super::event::What;
use super::inner::{Inner, lock};
use super::showing::as_shown;
use super::view::CaseState;
use super::{alarm, blacklist, daily, forgetting, keeping, policy, shift, signing};
use crate::failure::{Entry, Failure};
use crate::queue::Row;
use crate::reader::{ReaderEvent, Role};

/// How often a condition that nobody tells the end of is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Starts them. They end with the terminal.
pub(super) fn start(inner: &Arc<Inner>) {
    let (runtime, config) = (inner.parts.runtime.clone(), &inner.parts.config);
    // Subscribed first: what was found away before is seen by asking, what happens from now on is told.
    let events = inner.parts.readers.watch();
    if inner.parts.readers.away() {
        inner.set(Condition::CardServiceAway, true);
    }
    runtime.spawn(readers(Arc::downgrade(inner), events));
    let changes = inner.queue.changes();
    runtime.spawn(transactions(Arc::downgrade(inner), changes));
    runtime.spawn(alarm::watch(Arc::downgrade(inner), inner.queue.changes()));
    if let Some(upstream) = &inner.upstream {
        runtime.spawn(centre(Arc::downgrade(inner), upstream.status.clone()));
        runtime.spawn(signing::tell_centre(Arc::downgrade(inner)));
        runtime.spawn(daily::daily(Arc::downgrade(inner)));
    }
    if config.policy.is_some() {
        runtime.spawn(policy::watch(Arc::downgrade(inner), config.packs.poll));
    }
    if let Some(rules) = config.card.blacklist.as_ref().filter(|rules| rules.file.is_some()) {
        runtime.spawn(blacklist::watch(Arc::downgrade(inner), rules.poll));
    }
    runtime.spawn(shift::end_of_days(Arc::downgrade(inner)));
    runtime.spawn(keeping::keep(Arc::downgrade(inner)));
    runtime.spawn(forgetting::forget(Arc::downgrade(inner)));
    runtime.spawn(heal(Arc::downgrade(inner), Arc::clone(&inner.ailing)));
}

async fn readers(inner: Weak<Inner>, mut events: Receiver<ReaderEvent>) {
    // The events themselves are taken by `heed`, in order, by whoever comes first.
    while !matches!(events.recv().await, Err(RecvError::Closed)) {
        match inner.upgrade() {
            Some(inner) => inner.heed(),
            None => return,
        }
    }
}

async fn transactions(inner: Weak<Inner>, mut changes: Receiver<Row>) {
    loop {
        let change = changes.recv().await;
        let Some(inner) = inner.upgrade() else { return };
        let told = match change {
            // On a thread that may wait: a case that ends just now may be reading the journal.
            Ok(row) => tokio::task::spawn_blocking(move || inner.transaction_changed(&row)).await,
            Err(RecvError::Lagged(_)) => tokio::task::spawn_blocking(move || inner.transactions_missed()).await,
            Err(RecvError::Closed) => return,
        };
        if let Err(error) = told {
            tracing::error!(%error, "a defect while a transaction was shown");
        }
    }
}

async fn centre(inner: Weak<Inner>, mut status: tokio::sync::watch::Receiver<crate::sync::UplinkStatus>) {
    loop {
        let reachable = status.borrow_and_update().reachable;
        let Some(now) = inner.upgrade() else { return };
        now.set(Condition::UplinkAway, !reachable);
        // Whether the chain broke. On a thread that may wait: somebody may be counting the backlog.
        if let Err(error) = tokio::task::spawn_blocking(move || now.alarms_known()).await {
            tracing::error!(%error, "a defect while the way to the centre was looked at");
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

async fn heal(inner: Weak<Inner>, ailing: Arc<Notify>) {
    while let Some(now) = inner.upgrade() {
        let ill = tokio::task::spawn_blocking(move || now.heal()).await.unwrap_or(true);
        if ill {
            tokio::time::sleep(LOOK).await;
        } else {
            // Also woken by the terminal's end.
            ailing.notified().await;
        }
    }
}

impl Inner {
    /// Looks at conditions that nobody tells the end of; whether one is left. Blocks on the disk.
    fn heal(&self) -> bool {
        let conditions = self.conditions();
        // What a proof found, the next proof takes back, and wakes this: it is not asked for all the time.
        let damaged = self.queue.damage().is_some();
        if conditions.contains(&Condition::Storage) && !damaged {
            self.probe_storage();
        }
        if conditions.contains(&Condition::KeysAway) && self.keys_look_there() {
            self.set(Condition::KeysAway, false);
        }
        let asks = |&condition| super::conditions::heals_by_asking(condition);
        self.conditions().iter().filter(|condition| !(damaged && **condition == Condition::Storage)).any(asks)
    }

    /// Whether journal and store can be written, and the journal was not found damaged; the condition is set by it. Blocks.
    pub(super) fn probe_storage(&self) {
        match self.queue.probe() {
            Ok(()) => {
                let failed = self.store.probe().inspect_err(|error| tracing::warn!(%error, "the store")).is_err();
                self.set(Condition::Storage, failed || self.queue.damage().is_some());
            }
            Err(error) if error.is_storage() => self.set(Condition::Storage, true),
            Err(error) => tracing::warn!(%error, "the journal"),
        }
    }

    /// Acts on all that the readers have told up to now, so that what follows is not about a card of before.
    pub(super) fn heed(self: &Arc<Self>) {
        // Held throughout: events are acted on in their order.
        let mut told = lock(&self.told);
        loop {
            match told.try_recv() {
                Ok(event) => self.reader_event(event),
                Err(TryRecvError::Lagged(_)) => self.readers_missed(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn reader_event(self: &Arc<Self>, event: ReaderEvent) {
        let tell = |change, reader: &str, role| {
            self.log.tell(What::Reader { change, reader: reader.to_owned(), role });
        };
        match &event {
            ReaderEvent::Appeared(reader) => tell("appeared", reader, None),
            ReaderEvent::Gone(reader) => tell("gone", reader, None),
            ReaderEvent::CardIn(reader, _) => tell("card-in", reader, None),
            ReaderEvent::CardOut(reader) => tell("card-out", reader, None),
            ReaderEvent::RoleFound(reader, role) => tell("role", reader, Some(*role)),
            ReaderEvent::ServiceAway => self.set(Condition::CardServiceAway, true),
            ReaderEvent::ServiceBack => self.set(Condition::CardServiceAway, false),
        }
        match event {
            ReaderEvent::CardOut(reader) | ReaderEvent::Gone(reader) => {
                let service = self.conditions().contains(&Condition::CardServiceAway);
                let why = if service { &errors::CARD_SERVICE_AWAY } else { &errors::CARD_REMOVED };
                self.card_out(&reader, why);
            }
            ReaderEvent::RoleFound(_, Role::Psam) => self.ailing.notify_one(),
            _ => {}
        }
        self.match_readers();
    }

    /// A card left: the case that was read from it ends, unless it is being committed. While it is still being read,
    /// the lease tells.
    fn card_out(self: &Arc<Self>, reader: &str, why: &'static Entry) {
        let bound: Vec<_> = {
            self.proven.forget(reader);
            let mut cases = self.cases();
            cases.removed(reader);
            let at_reader = cases.live().filter(|case| case.view.reader.as_deref() == Some(reader));
            at_reader.filter(|case| holds_card(case.view.state)).map(|case| (case.view.id, case.step)).collect()
        };
        for (id, step) in bound {
            self.end(id, Some(step), CaseState::Failed, Failure::of(why));
        }
    }

    /// Events were missed: a card that is there now may be another one, so each counts as one that left.
    fn readers_missed(self: &Arc<Self>) {
        let bound: BTreeSet<String> = self.cases().live().filter_map(|case| case.view.reader.clone()).collect();
        for reader in bound {
            self.card_out(&reader, &errors::CARD_REMOVED);
        }
        self.set(Condition::CardServiceAway, self.parts.readers.away());
        self.log.tell(What::Gap);
        self.match_readers();
    }

    /// A transaction moved: the case that committed it shows it.
    fn transaction_changed(&self, row: &Row) {
        self.log.tell(What::Transaction {
            id: row.id,
            sequence: row.sequence,
            scenario: row.scenario.clone(),
            state: row.state.name().to_owned(),
            differs: row.differs.clone(),
        });
        let _in_order = lock(&self.in_order);
        self.show_transaction(row);
    }

    /// Changes were missed: each case that has ended shows what the journal has now, and whoever listens asks anew.
    fn transactions_missed(&self) {
        self.log.tell(What::Gap);
        let shown = self.cases().transactions();
        for transaction in shown {
            self.catch_up(transaction);
        }
    }

    /// A case that has ended just now shows its transaction as it stands: until now nobody knew whose it was.
    pub(super) fn catch_up(&self, transaction: Uuid) {
        // Held from before the row is read: no later state is shown before it. The cases are not held meanwhile.
        let _in_order = lock(&self.in_order);
        match self.queue.get(transaction) {
            Ok(Some(row)) => self.show_transaction(&row),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a case does not show how its transaction goes on"),
        }
    }

    fn show_transaction(&self, row: &Row) {
        // The journal is read before the cases are held.
        let answer = self.answer_for_paper(row);
        let mut cases = self.cases();
        for case in cases.showing(row.id) {
            let renewed = self.renew_paper(case, row, answer.as_ref());
            let shown = serde_json::to_value(as_shown(row, case.view.state, case.view.failure.as_ref())).ok();
            let moved = shown.is_some() && case.view.transaction != shown;
            if moved {
                case.view.transaction = shown;
            }
            if moved || renewed {
                case.view.updated_at = self.parts.clock.now();
                case.tell.send_replace(case.view.clone());
            }
        }
    }
}

/// The holder was read and their card must stay in.
fn holds_card(state: CaseState) -> bool {
    use CaseState::{Deciding, Proving, WaitingConfirmation, WaitingInput};
    matches!(state, WaitingInput | Deciding | WaitingConfirmation | Proving)
}
