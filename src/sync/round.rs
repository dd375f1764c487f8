//! One round of the delivery: the chain's headers in sequence, then what is open, each once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::planned::Planned;
use super::resolve::{Manner, Stuck, refused, resolve};
use super::uplink::Uplink;
use super::{Chain, UplinkError, UplinkStatus, off_the_runtime};
use crate::queue::{Note, Queue, QueueError, Row, State};
use crate::value::{Kind, Protocol};
use crate::wire::{ChainHead, Envelope, Outcome, Receipt};
use crate::world::Clock;

/// How many headers go up at once.
const HEADERS: u32 = 200;
/// How many open transactions are looked at together.
const OPEN: u32 = 100;

/// How a round went.
pub(super) enum Round {
    /// All that could be done is done.
    Done,
    /// Nothing can be done now; to be tried again, not before the centre asked for it.
    Failed { asked: Option<Duration> },
    /// Some could not be carried and wait; the others need not.
    Waiting { asked: Option<Duration> },
    /// The worker is to stop, or the journal is closed.
    Stopped,
}

/// What one transaction, or one batch of headers, came to.
enum Step {
    /// It is done, or nobody can do it now.
    Done,
    /// It has to be tried again; the others need not wait for that.
    Again(Option<Duration>),
    /// Nothing can be done now.
    Halt(Round),
}

/// How the last attempt ended.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    /// It was answered.
    There,
    /// Nobody answered.
    Away,
    /// The centre does not take this terminal's token.
    Refused,
}

/// What a centre answers that wants to be left alone: whatever comes next would fare no better.
const BUSY: [u16; 3] = [408, 429, 503];

/// Carries what is in the journal to the centre.
pub(super) struct Carrier {
    pub(super) queue: Queue,
    pub(super) stopping: watch::Receiver<bool>,
    uplink: Arc<dyn Uplink>,
    clock: Arc<dyn Clock>,
    status: watch::Sender<UplinkStatus>,
    /// The centre's head of this terminal's chain; `None` when it is to be asked for.
    head: Option<ChainHead>,
    /// What could not be carried and is left alone until its pause is over: sequence numbers, [`CHAIN`] for the headers.
    waiting: BTreeSet<u64>,
}

/// Stands for the headers among what waits.
const CHAIN: u64 = 0;

impl Carrier {
    pub(super) fn new(
        queue: Queue,
        uplink: Arc<dyn Uplink>,
        clock: Arc<dyn Clock>,
        status: watch::Sender<UplinkStatus>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { queue, stopping, uplink, clock, status, head: None, waiting: BTreeSet::new() }
    }

    /// Up to where the centre has the headers, as far as is known.
    pub(super) fn sequence_told(&self) -> u64 {
        self.head.map_or(0, |head| head.sequence)
    }

    /// The next round begins by asking whether the centre is there.
    pub(super) fn ask_again(&mut self) {
        self.head = None;
    }

    /// The pause is over: what waits is tried again.
    pub(super) fn try_all(&mut self) {
        self.waiting.clear();
    }

    /// Whether something waits for its pause to be over.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Does what there is to do, except for what waits.
    pub(super) async fn round(&mut self) -> Round {
        let mut latest = None;
        if let Step::Halt(round) = self.check_head().await {
            return round;
        }
        if !self.waiting.contains(&CHAIN) {
            match self.send_headers().await {
                Step::Done => {}
                Step::Again(asked) => self.wait(CHAIN, asked, &mut latest),
                Step::Halt(round) => return round,
            }
        }
        let mut after = 0;
        loop {
            let due = off_the_runtime(&self.queue, move |queue| queue.due(after, OPEN)).await;
            let due = match due {
                Ok(due) if due.is_empty() => break,
                Ok(due) => due,
                Err(error) => return self.journal(&error),
            };
            for (row, held) in due {
                after = row.sequence;
                if *self.stopping.borrow() {
                    return Round::Stopped;
                }
                if self.waiting.contains(&after) {
                    continue;
                }
                match self.carry(row, held).await {
                    Step::Done => {}
                    Step::Again(asked) => self.wait(after, asked, &mut latest),
                    Step::Halt(round) => return round,
                }
            }
        }
        if self.waiting.is_empty() { Round::Done } else { Round::Waiting { asked: latest } }
    }

    fn wait(&mut self, sequence: u64, asked: Option<Duration>, latest: &mut Option<Duration>) {
        self.waiting.insert(sequence);
        *latest = asked.max(*latest);
        // What cannot be carried is no proof that the centre is there.
        self.ask_again();
    }

    /// Asks for the centre's head, if it is to be asked for, and holds the journal against it.
    async fn check_head(&mut self) -> Step {
        if self.head.is_some() {
            return Step::Done;
        }
        match self.uplink.probe(self.queue.terminal()).await {
            Ok(head) => {
                self.reached(Reach::There);
                self.compare(head).await
            }
            Err(error) => self.away(&error),
        }
    }

    /// The centre's head is in the journal, or the journal was cut or changed.
    async fn compare(&mut self, head: ChainHead) -> Step {
        let ours = off_the_runtime(&self.queue, move |queue| queue.header_hash(head.sequence)).await;
        let ours = match ours {
            Ok(ours) => ours,
            Err(error) => return Step::Halt(self.journal(&error)),
        };
        let agrees = head.sequence == 0 || ours == Some(head.hash);
        self.chain(if agrees { Chain::Agrees } else { Chain::Broken });
        self.head = Some(head);
        if !agrees {
            let what = if ours.is_none() { "the journal was cut" } else { "the journal was changed" };
            tracing::error!(sequence = head.sequence, "the centre's head of the chain is not the journal's: {what}");
        }
        Step::Done
    }

    async fn send_headers(&mut self) -> Step {
        while let Some(head) = self.head.filter(|_| self.status.borrow().chain == Chain::Agrees) {
            let headers = off_the_runtime(&self.queue, move |queue| queue.headers(head.sequence, HEADERS)).await;
            let headers = match headers {
                Ok(headers) if headers.is_empty() => break,
                Ok(headers) => headers,
                // The chain ends here; the transactions do not wait for it.
                Err(QueueError::Damaged { .. }) => return Step::Done,
                Err(error) => return Step::Halt(self.journal(&error)),
            };
            match self.uplink.headers(&headers).await {
                Ok(next) if next.sequence > head.sequence => {
                    self.reached(Reach::There);
                    if let Step::Halt(round) = self.compare(next).await {
                        return Step::Halt(round);
                    }
                }
                Ok(_) => return self.not_taken(&UplinkError::Answer("the head did not move".into())).await,
                Err(UplinkError::Refused { code, text }) => {
                    self.reached(Reach::There);
                    tracing::error!(code, text, "the centre does not take the chain's headers");
                    self.chain(Chain::Broken);
                }
                Err(error) => return self.not_taken(&error).await,
            }
        }
        Step::Done
    }

    /// One open transaction.
    async fn carry(&mut self, row: Row, held: bool) -> Step {
        match row.protocol() {
            Protocol::StoreAndForward if row.state != State::Cancelling => self.deliver(row).await,
            Protocol::Online if !held && row.state != State::Cancelling => self.resolve(row).await,
            _ => Step::Done,
        }
    }

    async fn deliver(&mut self, row: Row) -> Step {
        let id = row.id;
        let envelope = off_the_runtime(&self.queue, move |queue| queue.envelope(id)).await;
        let envelope = match envelope {
            Ok(Some(envelope)) => envelope,
            // What is open is never erased.
            Ok(None) => return self.damaged(&row, &QueueError::NotFound),
            Err(error) => return self.damaged(&row, &error),
        };
        // Written before it is sent, so that each attempt counts.
        if let Err(error) = self.queue.advance_async(id, State::Sending, Note::Nothing).await {
            return self.step_failed(&row, &error);
        }
        let receipt = self.uplink.deliver(&envelope).await;
        let (to, note) = match receipt.and_then(|receipt| answered(&row, &envelope, receipt)) {
            Ok(answered) => answered,
            Err(UplinkError::Refused { code, text }) => (State::Refused, refused(&self.queue, &row, code, text)),
            Err(error) => return self.not_taken(&error).await,
        };
        self.reached(Reach::There);
        match self.queue.advance_async(id, to, note).await {
            Ok(row) => {
                tracing::info!(%id, state = %row.state, attempts = row.attempts, "the centre answered");
                Step::Done
            }
            Err(error) => self.step_failed(&row, &error),
        }
    }

    async fn resolve(&mut self, row: Row) -> Step {
        let manner = Manner { within: None, in_haste: false };
        match resolve(&self.queue, &*self.uplink, row.clone(), manner).await {
            Ok(row) => {
                self.reached(Reach::There);
                tracing::info!(id = %row.id, state = %row.state, "an online transaction came to its end");
                Step::Done
            }
            Err(Stuck::Queue(error)) => self.step_failed(&row, &error),
            Err(Stuck::Centre(_, error)) => self.not_taken(&error).await,
        }
    }

    /// The centre did not do its part with one of them.
    async fn not_taken(&mut self, error: &UplinkError) -> Step {
        tracing::warn!(%error, "not delivered");
        match error {
            UplinkError::Unreachable(_) | UplinkError::Unauthorized(_) | UplinkError::Setting(_) => self.away(error),
            // Whether it is this one, or nobody is there.
            UplinkError::NoAnswer(_) => match self.uplink.probe(self.queue.terminal()).await {
                Ok(_) => {
                    self.reached(Reach::There);
                    Step::Again(None)
                }
                Err(error) => self.away(&error),
            },
            // It has too much to do as it is.
            UplinkError::Failed { status, .. } if BUSY.contains(status) => {
                self.ask_again();
                Step::Halt(Round::Failed { asked: asked(error) })
            }
            _ => Step::Again(asked(error)),
        }
    }

    /// Nothing can be sent now.
    fn away(&mut self, error: &UplinkError) -> Step {
        tracing::info!(%error, "the centre is away");
        self.reached(match error {
            UplinkError::Unauthorized(_) => Reach::Refused,
            _ => Reach::Away,
        });
        Step::Halt(Round::Failed { asked: asked(error) })
    }

    /// The journal did not take a step of one transaction.
    fn step_failed(&mut self, row: &Row, error: &QueueError) -> Step {
        match error {
            // Somebody else moved it meanwhile.
            QueueError::Move { .. } => Step::Done,
            error if error.is_storage() || *error == QueueError::Closed => Step::Halt(self.journal(error)),
            error => self.damaged(row, error),
        }
    }

    /// What cannot be read does not keep the others waiting.
    fn damaged(&mut self, row: &Row, error: &QueueError) -> Step {
        if error.is_storage() || *error == QueueError::Closed {
            return Step::Halt(self.journal(error));
        }
        if let QueueError::Damaged { .. } = error {
            // The journal has told of it.
            return Step::Done;
        }
        tracing::error!(id = %row.id, %error, "a transaction cannot be delivered");
        Step::Again(None)
    }

    fn journal(&mut self, error: &QueueError) -> Round {
        if *error == QueueError::Closed {
            return Round::Stopped;
        }
        tracing::error!(%error, "the journal does not do its part");
        self.ask_again();
        Round::Failed { asked: None }
    }

    fn reached(&mut self, reach: Reach) {
        if reach != Reach::There {
            self.ask_again();
        }
        let now = self.clock.now();
        self.status.send_if_modified(|status| {
            let (reachable, unauthorized) = (reach == Reach::There, reach == Reach::Refused);
            let changed = (status.reachable, status.unauthorized) != (reachable, unauthorized);
            if changed {
                *status = UplinkStatus { reachable, unauthorized, since: now, chain: status.chain };
            }
            changed
        });
    }

    fn chain(&self, chain: Chain) {
        self.status.send_if_modified(|status| std::mem::replace(&mut status.chain, chain) != chain);
    }
}

/// What a receipt that can be this transaction's makes of it; of a settlement it has to tell what was settled.
fn answered(row: &Row, envelope: &Envelope, receipt: Receipt) -> Result<(State, Note), UplinkError> {
    if receipt.id != row.id {
        return Err(UplinkError::Answer("a receipt for another transaction".into()));
    }
    if receipt.outcome != Outcome::Accepted {
        return Ok((State::Refused, receipt.into()));
    }
    if row.kind != Kind::Settle {
        return Ok((State::Acked, receipt.into()));
    }
    let differs = Planned::of(&envelope.payload).compare(&row.msgid, &receipt.output)?;
    if !differs.is_empty() {
        tracing::warn!(id = %row.id, fields = differs.len(), "the centre settled it otherwise than this terminal");
    }
    Ok((State::Acked, Note::Receipt(Box::new(receipt), differs)))
}

fn asked(error: &UplinkError) -> Option<Duration> {
    match error {
        UplinkError::Failed { retry_after, .. } => *retry_after,
        _ => None,
    }
}
