//! What the delivery does: it sends, and the journal gets what came of it.

use std::sync::Arc;

use futures_util::future::join_all;
use uuid::Uuid;

use super::choose::{Back, Item};
use super::note::{answered, explain, failed, halts, is_of_the_chain, is_unfit, reason};
use super::resolve::{Manner, Stuck, refused, resolve};
use super::uplink::{Delivered, Late, Uplink};
use super::{UplinkError, off_the_runtime};
use crate::queue::{Known, Note, Queue, QueueError, Row, State};
use crate::value::Kind;
use crate::wire::headers::SignedHeaders;
use crate::wire::{ChainHead, Envelope, Receipt};

/// How many headers go up at once.
const HEADERS: usize = 200;

/// What the tasks of a delivery share.
pub(super) struct Way {
    pub(super) queue: Queue,
    pub(super) uplink: Arc<dyn Uplink>,
}

/// The centre's head of the chain, and whether the journal has it too.
pub(super) type Compared = (ChainHead, bool);

/// What a task comes back with.
pub(super) enum Came {
    /// What was asked for.
    Head(Result<Compared, Trouble>),
    /// The same after headers went up; `None` when the journal has no more, or none that can go up.
    Headers(Result<Option<Compared>, Trouble>),
    /// The same after a hole behind the head went up by itself, and where that ends; `None` when none is left.
    Hole(Result<Option<(u64, Compared)>, Trouble>),
    /// Those whose receipts came by themselves and are kept, each with how it comes back.
    Kept(Result<Vec<(Uuid, Back)>, Trouble>),
    /// What nobody answers was told of.
    Told(Result<(), Trouble>),
    /// Transactions, each with what became of it.
    Items(Vec<(Item, Result<Back, Trouble>)>),
}

/// Why something did not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The centre did not do its part.
    Centre(UplinkError),
    /// The journal did not.
    Journal(QueueError),
}

impl From<QueueError> for Trouble {
    fn from(error: QueueError) -> Self {
        Self::Journal(error)
    }
}

impl Way {
    /// Asks for the centre's head of the chain and holds the journal against it.
    pub(super) async fn probe(self: Arc<Self>) -> Came {
        Came::Head(match self.uplink.probe().await {
            Ok(head) => self.compare(head).await,
            Err(error) => Err(Trouble::Centre(error)),
        })
    }

    /// Sends the headers that follow `head`.
    pub(super) async fn headers(self: Arc<Self>, head: ChainHead) -> Came {
        Came::Headers(self.next_headers(head).await)
    }

    /// Tells of the first hole behind `head` that ends after `told`.
    pub(super) async fn hole(self: Arc<Self>, told: u64, head: ChainHead) -> Came {
        Came::Hole(self.next_hole(told, head).await)
    }

    async fn next_hole(&self, told: u64, head: ChainHead) -> Result<Option<(u64, Compared)>, Trouble> {
        let hole = off_the_runtime(&self.queue, move |queue| queue.signed_hole(told, head)).await?;
        let Some(hole) = hole else { return Ok(None) };
        let end = hole.hole.until.sequence;
        let alone = SignedHeaders { holes: vec![hole], ..SignedHeaders::default() };
        match self.uplink.headers(&alone).await {
            // It is behind the head, and moves it nowhere.
            Ok(next) if next.sequence >= head.sequence => Ok(Some((end, self.compare(next).await?))),
            Ok(_) => Err(Trouble::Centre(UplinkError::Answer("the head went back".into()))),
            Err(error) => Err(Trouble::Centre(error)),
        }
    }

    async fn next_headers(&self, head: ChainHead) -> Result<Option<Compared>, Trouble> {
        let headers = off_the_runtime(&self.queue, move |queue| queue.signed_headers(head, HEADERS)).await?;
        // Where one is damaged the chain ends; the transactions do not wait for it.
        if headers.groups.is_empty() && headers.holes.is_empty() {
            return Ok(None);
        }
        match self.uplink.headers(&headers).await {
            Ok(next) if next.sequence > head.sequence => self.compare(next).await.map(Some),
            Ok(_) => Err(Trouble::Centre(UplinkError::Answer("the head did not move".into()))),
            Err(error) => Err(Trouble::Centre(error)),
        }
    }

    /// The centre's head is in the journal, or was lost and is known to be; or the journal was cut or changed.
    async fn compare(&self, head: ChainHead) -> Result<Compared, Trouble> {
        let wrong = match off_the_runtime(&self.queue, move |queue| queue.known(head)).await? {
            Known::Same | Known::Lost => None,
            Known::Missing => Some("the journal was cut"),
            Known::Other => Some("the journal was changed"),
        };
        if let Some(what) = wrong {
            tracing::error!(sequence = head.sequence, "the centre's head of the chain is not the journal's: {what}");
        }
        Ok((head, wrong.is_none()))
    }

    /// Sends a batch.
    pub(super) async fn deliver(self: Arc<Self>, items: Vec<Item>) -> Came {
        let mut came = Vec::with_capacity(items.len());
        let (ready, envelopes) = self.prepare(items, &mut came).await;
        if ready.is_empty() {
            return Came::Items(came);
        }
        let deliveries = self.uplink.deliver(&envelopes).await;
        let mut deliveries = deliveries.into_iter();
        // All of them at once: the journal commits them together.
        let ends = ready.iter().zip(&envelopes).map(|(item, envelope)| {
            // Fewer answers than questions are none for the rest.
            let missing = || Err(UplinkError::Answer("it has no part for this one".into()));
            self.end(&item.row, envelope, deliveries.next().unwrap_or_else(missing))
        });
        let ends = join_all(ends).await;
        came.extend(ready.into_iter().zip(ends));
        Came::Items(came)
    }

    /// Opens what is to be sent, and writes that it is: each attempt counts.
    async fn prepare(
        &self,
        items: Vec<Item>,
        came: &mut Vec<(Item, Result<Back, Trouble>)>,
    ) -> (Vec<Item>, Vec<Envelope>) {
        let ids: Vec<_> = items.iter().map(|item| item.row.id).collect();
        let opened = off_the_runtime(&self.queue, move |queue| {
            Ok(ids.into_iter().map(|id| queue.envelope(id)).collect::<Vec<_>>())
        });
        let opened = match opened.await {
            Ok(opened) => opened,
            Err(error) => items.iter().map(|_| Err(error.clone())).collect(),
        };
        let written = items.iter().zip(opened).map(|(item, envelope)| async move {
            // What is open is never erased.
            let envelope = envelope?.ok_or(QueueError::NotFound)?;
            self.queue.advance_async(item.row.id, State::Sending, Note::Nothing).await?;
            Ok(envelope)
        });
        let written = join_all(written).await;
        let (mut ready, mut envelopes) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        for (item, envelope) in items.into_iter().zip(written) {
            match envelope {
                Ok(envelope) => {
                    ready.push(item);
                    envelopes.push(envelope);
                }
                Err(error) => {
                    let back = failed(&self.queue, item.row.id, error).await;
                    came.push((item, back));
                }
            }
        }
        (ready, envelopes)
    }

    /// Keeps what became of one that was sent.
    async fn end(
        &self,
        row: &Row,
        envelope: &Envelope,
        delivery: Result<Delivered, UplinkError>,
    ) -> Result<Back, Trouble> {
        let delivery = delivery.and_then(|delivered| match delivered {
            // Stored before, and not answered since.
            Delivered::Stored if row.state == State::HandedOver => Ok((State::HandedOver, unanswered(row))),
            Delivered::Stored => Ok((State::HandedOver, Note::Nothing)),
            Delivered::Answered(receipt) => answered(row, Some(&envelope.payload), *receipt),
        });
        let (to, note) = match delivery {
            Ok(end) => end,
            Err(UplinkError::Refused { code, text }) if !is_of_the_chain(&code) => {
                (State::Refused, refused(&self.queue, row, code, text))
            }
            Err(error) => return explain(&self.queue, row.id, State::Sending, error).await,
        };
        let back = if to == State::HandedOver { Back::Stored } else { Back::Done };
        match self.queue.advance_async(row.id, to, note).await {
            Ok(row) => {
                tracing::info!(id = %row.id, state = %row.state, attempts = row.attempts, "the centre answered");
                Ok(back)
            }
            Err(error) => failed(&self.queue, row.id, error).await,
        }
    }

    /// Brings an online transaction to its end.
    pub(super) async fn resolve(self: Arc<Self>, item: Item) -> Came {
        let back = self.resolve_one(item.row.id).await;
        Came::Items(vec![(item, back)])
    }

    /// From where it stands now: the row by which it was chosen may be older than what whoever held it did last
    /// ([`Queue::due`]).
    async fn resolve_one(&self, id: Uuid) -> Result<Back, Trouble> {
        let row = off_the_runtime(&self.queue, move |queue| queue.get(id)?.ok_or(QueueError::NotFound)).await;
        let resolved = match row {
            Ok(row) => resolve(&self.queue, &*self.uplink, row, Manner { within: None, in_haste: false }).await,
            Err(error) => Err(error.into()),
        };
        match resolved {
            Ok(row) => {
                tracing::info!(%id, state = %row.state, "an online transaction came to its end");
                Ok(Back::Done)
            }
            Err(Stuck::Queue(error)) => failed(&self.queue, id, error).await,
            Err(Stuck::Centre(row, error)) => explain(&self.queue, id, row.state, error).await,
        }
    }

    /// Tells of those that were stored long ago that nobody answers.
    pub(super) async fn tell(self: Arc<Self>, waiting: Vec<Uuid>) -> Came {
        let told = off_the_runtime(&self.queue, move |queue| {
            for id in waiting {
                let row = queue.get(id)?.ok_or(QueueError::NotFound)?;
                if row.state == State::HandedOver && row.reason.is_none() {
                    match queue.advance(id, State::HandedOver, unanswered(&row)) {
                        // Somebody else moved this one meanwhile.
                        Ok(_) | Err(QueueError::Move { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok(())
        });
        Came::Told(told.await.map_err(Trouble::from))
    }

    /// Keeps receipts that came by themselves, and tells the way so.
    pub(super) async fn keep(self: Arc<Self>, late: Vec<Late>) -> Came {
        let (receipts, told): (Vec<_>, Vec<_>) = late.into_iter().map(|late| (late.receipts, late.kept)).unzip();
        // All at one go: a thread for each would take very much more memory than they do.
        let found = off_the_runtime(&self.queue, move |queue| {
            let find = |receipt: Receipt| (receipt.id, find(queue, receipt));
            Ok(receipts.into_iter().map(|some| some.into_iter().map(find).collect::<Vec<_>>()).collect::<Vec<_>>())
        });
        let found = match found.await {
            Ok(found) => found,
            Err(error) => return Came::Kept(Err(error.into())),
        };
        let way = &self;
        let kept = found.into_iter().zip(told).map(|(found, told)| async move {
            let kept = join_all(found.into_iter().map(|(id, found)| way.keep_one(id, found))).await;
            let kept = kept.into_iter().collect::<Result<Vec<_>, Trouble>>()?;
            told.await;
            Ok(kept)
        });
        let kept: Result<Vec<_>, Trouble> = join_all(kept).await.into_iter().collect();
        Came::Kept(kept.map(|kept| kept.into_iter().flatten().flatten().collect()))
    }

    /// Keeps one receipt; which transaction comes back by it, if one does.
    async fn keep_one(
        &self,
        id: Uuid,
        found: Result<Option<Answer>, Trouble>,
    ) -> Result<Option<(Uuid, Back)>, Trouble> {
        match self.take_up(found).await {
            Ok(back) => Ok(back.map(|back| (id, back))),
            Err(Trouble::Journal(error)) if halts(&error) => Err(error.into()),
            Err(trouble) => {
                tracing::warn!(%id, ?trouble, "a receipt that came by itself is not taken");
                Ok(None)
            }
        }
    }

    /// How it comes back; one that stays as it is does not. Nothing is left to do where it was answered before: that was
    /// told so, and not heard.
    async fn take_up(&self, found: Result<Option<Answer>, Trouble>) -> Result<Option<Back>, Trouble> {
        let Some((id, to, note, back)) = found? else { return Ok(Some(Back::Done)) };
        let done = !matches!(note, Note::Reason(_));
        let row = self.queue.advance_async(id, to, note).await?;
        tracing::info!(%id, state = %row.state, attempts = row.attempts, done, "the centre answered");
        Ok(back)
    }
}

/// What an answer makes of a transaction, and how that comes back.
type Answer = (Uuid, State, Note, Option<Back>);

/// Why it stays where it is; what was written before says more.
fn unanswered(row: &Row) -> Note {
    let stored = || reason(&UplinkError::NoAnswer("stored, not answered".into()));
    Note::Reason(row.reason.clone().unwrap_or_else(stored))
}

/// What a receipt makes of its transaction, where that waits for one: an answer that comes again says nothing of what is
/// being taken back since. One that cannot be right, or refuses the chain, leaves it open, and says why.
fn find(queue: &Queue, receipt: Receipt) -> Result<Option<Answer>, Trouble> {
    let row = queue.get(receipt.id)?.ok_or(QueueError::NotFound)?;
    if !row.state.is_due() {
        return Ok(None);
    }
    // What was computed here is needed for what the centre settled only.
    let payload = if row.kind == Kind::Settle { queue.payload(row.id)? } else { None };
    Ok(Some(match answered(&row, payload.as_ref(), receipt) {
        Ok((to, note)) => (row.id, to, note, Some(Back::Done)),
        Err(error) => {
            tracing::warn!(id = %row.id, %error, "what came by itself leaves a transaction open");
            (row.id, row.state, Note::Reason(reason(&error)), is_unfit(&error).then_some(Back::Unfit))
        }
    }))
}
