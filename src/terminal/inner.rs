//! What the terminal's threads and tasks share, and how a case moves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::{Notify, broadcast, watch};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::alarm::Alarms;
use super::blacklist::Refusing;
use super::case::{Case, Cases, Patience};
use super::conditions::{Condition, Conditions};
use super::errors;
use super::event::What;
use super::goods::Pricing;
use super::log::Log;
use super::names::CardNames;
use super::policy::InForce;
use super::setup::Setup;
use super::shift::Shifts;
use super::showing::Showing;
use super::table::Table;
use super::turn::Turns;
use super::view::{CaseState, CaseView};
use super::{Parts, conditions};
use crate::card::bank::TokenKey;
use crate::cipher::Issuer;
use crate::failure::{Explain as _, Failure};
use crate::keys::KeyProvider;
use crate::profile::Profile;
use crate::queue::Queue;
use crate::reader::{ReaderEvent, TransportError};
use crate::scenario::Catalogue;
use crate::script::Library;
use crate::store::Store;
use crate::sync::{Asker, Uplink, UplinkStatus, Worker};

/// How much later than its own deadline a reading may end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// Whoever takes more than one of these locks takes them in this order: `settling_alone`, `reconciling`, that of `shifts`,
/// that of `showing` over its writes, `told`, `in_order`, `cases`, `conditions`, those of `alarms`, of `in_force`, what was
/// given out, the log's own. The first four are held over writes to the disk, `reconciling` over questions to the centre as
/// well, which may take as long as an answer is waited for, and `in_order` and that of the backlog over a look into the
/// journal; what the doors ask, on threads that must not wait, takes none of these.
pub(super) struct Inner {
    pub(super) parts: Parts,
    pub(super) catalogue: Catalogue,
    pub(super) in_force: InForce,
    pub(super) table: Table,
    pub(super) scripts: Arc<Library>,
    pub(super) profile: Arc<Profile>,
    /// Who is trusted to issue certificates; `None` where nobody is named.
    pub(super) issuers: Option<Vec<Issuer>>,
    pub(super) keys: KeyProvider,
    pub(super) turns: Arc<Turns>,
    /// Calls of the driver interface are carried out one after the other, but while somebody types.
    pub(super) driver_turns: Arc<Turns>,
    /// Its functions that are carried out in steps, and hold a card between them.
    pub(super) driver_steps: super::driver::Begun,
    /// Which cards proved themselves since they were put in.
    pub(super) proven: super::driver::Proven,
    /// One case at a time is counted against the limits and committed, so that the next one finds it counted.
    pub(super) settling_alone: Mutex<()>,
    pub(super) queue: Queue,
    pub(super) store: Arc<Store>,
    /// Where a list of refused cards is configured.
    pub(super) refusing: Option<Refusing>,
    /// Where a catalogue of drugs and services is configured.
    pub(super) pricing: Option<Pricing>,
    /// The key that seals what is kept of writes to cards.
    pub(super) card_writes: Zeroizing<[u8; 32]>,
    /// Which card a PIN is asked for.
    pub(super) card_names: CardNames,
    /// The key of bank cards' tokens.
    pub(super) bank_tokens: TokenKey,
    pub(super) shifts: Shifts,
    /// One day is held against the centre, or one difference repaired, at a time.
    pub(super) reconciling: Mutex<()>,
    pub(super) upstream: Option<Upstream>,
    pub(super) log: Log,
    pub(super) conditions: Mutex<Conditions>,
    pub(super) alarms: Alarms,
    /// A condition came that nobody tells the end of.
    pub(super) ailing: Arc<Notify>,
    /// Held while a transaction is read from the journal and put into its case, so that none is put there as it was before.
    pub(super) in_order: Mutex<()>,
    pub(super) showing: Showing,
    /// What the readers told and nobody has acted on yet.
    pub(super) told: Mutex<broadcast::Receiver<ReaderEvent>>,
    /// When the journal was last proved, whatever came of it.
    pub(super) verified_at: Mutex<Option<Timestamp>>,
    cases: Mutex<Cases>,
    /// A case has ended.
    ended: Condvar,
}

/// The way to the centre.
pub(super) struct Upstream {
    pub(super) uplink: Arc<dyn Uplink>,
    pub(super) asker: Asker,
    /// How long an answer to a question is waited for.
    pub(super) patience: Duration,
    pub(super) worker: Mutex<Option<Worker>>,
    pub(super) status: watch::Receiver<UplinkStatus>,
}

impl Upstream {
    /// Something is to be delivered.
    pub(super) fn committed(&self) {
        if let Some(worker) = &*lock(&self.worker) {
            worker.committed();
        }
    }
}

/// What [`Inner`] is made of.
pub(super) struct Rooms {
    pub(super) parts: Parts,
    pub(super) setup: Setup,
    pub(super) keys: KeyProvider,
    pub(super) queue: Queue,
    pub(super) store: Arc<Store>,
    pub(super) refusing: Option<Refusing>,
    pub(super) pricing: Option<Pricing>,
    pub(super) card_writes: Zeroizing<[u8; 32]>,
    pub(super) card_names: CardNames,
    pub(super) bank_tokens: TokenKey,
    pub(super) shifts: Shifts,
    pub(super) upstream: Option<Upstream>,
}

impl Inner {
    pub(super) fn new(rooms: Rooms) -> Self {
        let Setup { catalogue, taken, scripts, profile, table, issuers } = rooms.setup;
        let told = Mutex::new(rooms.parts.readers.watch());
        let log = Log::new(Arc::clone(&rooms.parts.clock));
        let now = rooms.parts.clock.now();
        let away = rooms.upstream.as_ref().is_none_or(|upstream| !upstream.status.borrow().reachable);
        let conditions = if away { Conditions::from([Condition::UplinkAway]) } else { Conditions::new() };
        Self {
            parts: rooms.parts,
            catalogue,
            in_force: InForce::new(taken, now),
            table,
            scripts,
            profile,
            issuers,
            keys: rooms.keys,
            turns: Arc::default(),
            driver_turns: Arc::default(),
            driver_steps: super::driver::Begun::default(),
            proven: super::driver::Proven::default(),
            settling_alone: Mutex::new(()),
            queue: rooms.queue,
            store: rooms.store,
            refusing: rooms.refusing,
            pricing: rooms.pricing,
            card_writes: rooms.card_writes,
            card_names: rooms.card_names,
            bank_tokens: rooms.bank_tokens,
            shifts: rooms.shifts,
            reconciling: Mutex::default(),
            upstream: rooms.upstream,
            log,
            conditions: Mutex::new(conditions),
            alarms: Alarms::default(),
            ailing: Arc::default(),
            in_order: Mutex::new(()),
            showing: Showing::default(),
            told,
            verified_at: Mutex::default(),
            cases: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// The day decisions are made as on: today, or the demonstration's.
    pub(super) fn business_day(&self) -> Date {
        self.parts.config.business_date.unwrap_or_else(|| self.parts.clock.today())
    }

    pub(super) fn cases(&self) -> MutexGuard<'_, Cases> {
        lock(&self.cases)
    }

    /// The same for a door: what is no longer shown is forgotten.
    pub(super) fn cases_shown(&self) -> MutexGuard<'_, Cases> {
        let now = self.parts.clock.now();
        let mut cases = self.cases();
        cases.forget_found(now);
        cases
    }

    // --- conditions

    pub(super) fn conditions(&self) -> Conditions {
        lock(&self.conditions).clone()
    }

    /// Why nothing is done under a condition.
    pub(super) fn why(&self, condition: Condition) -> Failure {
        match self.queue.damage().filter(|_| condition == Condition::Storage) {
            Some(damage) => damage.error().failure(),
            None => Failure::of(condition.entry()),
        }
    }

    /// A condition came or went.
    pub(super) fn set(&self, condition: Condition, present: bool) {
        {
            let mut now = lock(&self.conditions);
            let changed = if present { now.insert(condition) } else { now.remove(&condition) };
            if !changed {
                return;
            }
            self.log.tell(What::Condition { condition, present });
        }
        tracing::info!(?condition, present, "condition");
        if present && conditions::heals_by_asking(condition) {
            self.ailing.notify_one();
        }
    }

    // --- how a case moves

    /// Moves a case, if the table allows it and, where `at` is given, if it is still at that step. `change` writes down
    /// what came of it.
    pub(super) fn advance(
        self: &Arc<Self>,
        id: Uuid,
        at: Option<u64>,
        to: CaseState,
        change: impl FnOnce(&mut Case),
    ) -> Result<CaseView, Failure> {
        let view = {
            let mut cases = self.cases();
            self.advance_in(&mut cases, id, at, to, change)?
        };
        if view.state.is_final() {
            // Its reader is free.
            self.match_readers();
        }
        Ok(view)
    }

    /// [`advance`](Self::advance) by who holds the cases already.
    pub(super) fn advance_in(
        self: &Arc<Self>,
        cases: &mut Cases,
        id: Uuid,
        at: Option<u64>,
        to: CaseState,
        change: impl FnOnce(&mut Case),
    ) -> Result<CaseView, Failure> {
        let case = cases.get_mut(id).ok_or_else(|| Failure::of(&errors::NO_CASE))?;
        if at.is_some_and(|at| at != case.step) || !case.view.state.may_become(to) {
            return Err(Failure::of(&errors::STATE));
        }
        change(case);
        case.step += 1;
        case.patience = self.patience(id, case.step, to);
        case.view.state = to;
        let now = self.parts.clock.now();
        case.view.updated_at = now;
        if to.is_final() {
            case.forget();
        }
        let view = case.view.clone();
        case.tell.send_replace(view.clone());
        self.log.tell(What::Case {
            case: id,
            scenario: view.scenario.clone(),
            state: to,
            code: view.failure.as_ref().map(|failure| failure.entry.code),
        });
        if to.is_final() {
            cases.end(id, self.parts.config.cases.keep, now);
            self.ended.notify_all();
        }
        Ok(view)
    }

    /// Ends a case with an error, unless it has gone on or ended by itself.
    pub(super) fn end(self: &Arc<Self>, id: Uuid, at: Option<u64>, to: CaseState, failure: Failure) {
        if let Err(left) = self.advance(id, at, to, |case| case.view.failure = Some(failure)) {
            tracing::debug!(case = %id, code = left.entry.code, "the case had gone on");
        }
    }

    /// Who waits for a person waits for a time; so does who waits for a card's answer.
    pub(super) fn patience(self: &Arc<Self>, id: Uuid, step: u64, state: CaseState) -> Option<Patience> {
        let cases = &self.parts.config.cases;
        let too_late = |patience| (patience, CaseState::Cancelled, Failure::of(&errors::TIMED_OUT));
        let (patience, to, failure) = match state {
            CaseState::WaitingCard => too_late(cases.card),
            CaseState::WaitingInput => too_late(cases.input),
            CaseState::WaitingConfirmation => too_late(cases.confirm),
            // For its turn at the keys, and for the card: who is not back by then hangs in a call.
            CaseState::Proving => {
                let within = 2 * cases.reading + self.parts.config.readers.pin + GRACE;
                (within, CaseState::Failed, TransportError::Deadline.failure())
            }
            CaseState::Reading => (2 * cases.reading + GRACE, CaseState::Failed, TransportError::Deadline.failure()),
            _ => return None,
        };
        let weak = Arc::downgrade(self);
        let task = self.parts.runtime.spawn(async move {
            tokio::time::sleep(patience).await;
            if let Some(inner) = weak.upgrade() {
                inner.end(id, Some(step), to, failure);
            }
        });
        Some(Patience(task.abort_handle()))
    }

    /// Does the work of one step on a thread of its own, named after it, since it blocks. A panic in it ends this case only.
    pub(super) fn work(
        self: &Arc<Self>,
        id: Uuid,
        at: u64,
        thread: &str,
        job: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) {
        let inner = Arc::clone(self);
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| job(&inner))).is_err() {
                tracing::error!(case = %id, "a defect ended the case");
                inner.defect(id, at);
            }
        };
        if let Err(error) = std::thread::Builder::new().name(thread.to_owned()).spawn(run) {
            tracing::error!(case = %id, %error, "no thread for the case");
            self.defect(id, at);
        }
    }

    /// Ends a case that cannot go on, unless it has ended already.
    pub(super) fn defect(self: &Arc<Self>, id: Uuid, at: u64) {
        let committing = self.cases().get(id).is_some_and(|case| case.view.state == CaseState::Committing);
        let entry = if committing { &errors::UNSURE } else { &errors::DEFECT };
        self.end(id, Some(at), CaseState::Failed, Failure::of(entry));
    }

    /// Blocks until no case is live, or until the time is over.
    pub(super) fn wait_until_idle(&self, within: Duration) {
        let busy = |cases: &mut Cases| cases.live().next().is_some();
        drop(self.ended.wait_timeout_while(self.cases(), within, busy));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The task that waits for an ailment learns that there is no one left to ail.
        self.ailing.notify_one();
    }
}

/// Each change under these locks is whole before anything can panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
