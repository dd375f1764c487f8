//! The delivery over a way that stores what it is given, as a test plays it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use super::choose::{Back, Item};
use super::send::{Came, Way};
use super::*;
use crate::queue::tests::{Hands, draft, lose, open};
use crate::queue::{Draft, Note, Queue, Row, State};
use crate::value::Kind;
use crate::wire::headers::SignedHeaders;
use crate::wire::{ChainHead, Envelope, Outcome, Receipt, Reply, Request};
use crate::world::SystemRandom;

mod busy;
mod held;

/// How long anything may take before a test fails.
const LONG: Duration = Duration::from_secs(30);
const PACE: Pace =
    Pace { first: Duration::from_millis(1), longest: Duration::from_millis(10), heartbeat: Duration::from_millis(20) };

/// Panics as often as is left.
fn panics(left: &AtomicUsize) {
    let panics = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    assert!(!panics, "the test says so");
}

/// Stores everything; the rest is as the test says.
#[derive(Default)]
struct Played {
    /// So many deliveries panic first.
    panics: AtomicUsize,
    /// So many times the listening panics first.
    startled: AtomicUsize,
    /// The head; headers are taken by itself, where there is one, and refused else.
    head: Mutex<Option<ChainHead>>,
    /// From now on it takes those that come, and the last is its head.
    put_right: AtomicBool,
    /// What each online request gets; no answer where there is none.
    reply: Option<Reply>,
    /// So many messages with headers get no answer first.
    unheard: AtomicUsize,
    /// All of these that came.
    headers: Mutex<Vec<SignedHeaders>>,
    /// How often the head was asked for.
    probes: AtomicUsize,
    /// How often somebody began to listen for answers.
    listened: AtomicUsize,
    /// Answers are there at once and without end, none with a receipt; that one is kept is heard as this lets it.
    hangs: Option<Arc<Semaphore>>,
    receipts: tokio::sync::Mutex<Option<mpsc::UnboundedReceiver<Receipt>>>,
    told: Arc<Mutex<usize>>,
}

impl Uplink for Played {
    fn deliver<'a>(&'a self, batch: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>> {
        panics(&self.panics);
        Box::pin(async { batch.iter().map(|_| Ok(Delivered::Stored)).collect() })
    }

    fn stores(&self) -> bool {
        true
    }

    fn answers(&self) -> BoxFuture<'_, Vec<Late>> {
        Box::pin(async {
            self.listened.fetch_add(1, Ordering::SeqCst);
            panics(&self.startled);
            if let Some(gate) = self.hangs.clone() {
                let kept = Box::pin(async move { gate.acquire().await.into_iter().for_each(SemaphorePermit::forget) });
                return vec![Late { receipts: Vec::new(), kept }];
            }
            let mut receipts = self.receipts.lock().await;
            let Some(receipts) = receipts.as_mut() else { return std::future::pending().await };
            let Some(receipt) = receipts.recv().await else { return std::future::pending().await };
            let told = self.told.clone();
            vec![Late { receipts: vec![receipt], kept: Box::pin(async move { *told.lock().unwrap() += 1 }) }]
        })
    }

    fn request<'a>(&'a self, _: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>> {
        Box::pin(async { self.reply.clone().ok_or(UplinkError::NoAnswer("the test says so".into())) })
    }

    fn headers<'a>(&'a self, headers: &'a SignedHeaders) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
        self.headers.lock().unwrap().push(headers.clone());
        if self.put_right.load(Ordering::SeqCst) {
            let last = headers.groups.last().unwrap();
            *self.head.lock().unwrap() = Some(ChainHead { sequence: last.sequence, hash: last.head });
        }
        let head = *self.head.lock().unwrap();
        let left = |left: usize| left.checked_sub(1);
        let answer = match self.unheard.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Err(UplinkError::NoAnswer("the test says so".into())),
            Err(_) => head.ok_or(UplinkError::Refused { code: "C-CHAIN-FORK".into(), text: "another".into() }),
        };
        Box::pin(async { answer })
    }

    fn probe(&self) -> BoxFuture<'_, Result<ChainHead, UplinkError>> {
        self.probes.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(self.head.lock().unwrap().unwrap_or_default()) })
    }
}

fn started(queue: &Queue, uplink: &Arc<Played>) -> Worker {
    start(queue.clone(), uplink.clone(), PACE, Hands::at("2015-08-03T02:00:00Z"), Arc::new(SystemRandom::default()))
}

/// Asks the worker to try until something is so.
async fn tries(worker: &Worker, wanted: impl Fn() -> bool) {
    let there = async {
        while !wanted() {
            worker.wake();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, there).await.expect("still waiting");
}

/// Asks it to until it has asked the centre some times more.
async fn asks_on(worker: &Worker, uplink: &Played) {
    let asked = uplink.probes.load(Ordering::SeqCst);
    tries(worker, || uplink.probes.load(Ordering::SeqCst) >= asked + 20).await;
}

/// Waits until something is so.
async fn comes(wanted: impl Fn() -> bool) {
    let there = async {
        while !wanted() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, there).await.expect("still waiting");
}

async fn until(queue: &Queue, row: &Row, wanted: impl Fn(&Row) -> bool) -> Row {
    let mut changes = queue.changes();
    let there = async {
        loop {
            let row = queue.get(row.id).unwrap().unwrap();
            if wanted(&row) {
                return row;
            }
            // Missed changes are no harm: the journal is asked again.
            drop(changes.recv().await);
        }
    };
    let in_time = tokio::time::timeout(LONG, there).await;
    in_time.unwrap_or_else(|_| panic!("still waiting: {:?}", queue.get(row.id).unwrap()))
}

/// A centre whose answers come by themselves.
fn answering() -> (mpsc::UnboundedSender<Receipt>, Arc<Played>) {
    let (send, receipts) = mpsc::unbounded_channel();
    (send, Arc::new(Played { receipts: tokio::sync::Mutex::new(Some(receipts)), ..Played::default() }))
}

#[tokio::test]
async fn a_receipt_that_cannot_be_right_leaves_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let (send, uplink) = answering();
    let worker = started(&queue, &uplink);
    let settlement = Draft { kind: Kind::Settle, provisional: true, ..draft("a") };
    let row = queue.commit_async(settlement).await.unwrap().row;
    until(&queue, &row, |row| row.state == State::HandedOver).await;
    send.send(Receipt {
        id: row.id,
        outcome: Outcome::Accepted,
        centre_no: "S1".into(),
        received_at: row.created_at,
        output: Value::Null,
    })
    .unwrap();
    let row = until(&queue, &row, |row| row.reason.is_some()).await;
    assert!(row.reason.as_deref().unwrap().starts_with("E-UPLINK-ANSWER"), "{row:?}");
    assert_eq!((row.state, row.attempts), (State::HandedOver, 1));
    worker.stop().await;
    assert_eq!(*uplink.told.lock().unwrap(), 1);
}

#[tokio::test]
async fn what_is_refused_for_the_chain_by_itself_stays_open() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let (send, uplink) = answering();
    let worker = started(&queue, &uplink);
    let row = queue.commit_async(draft("a")).await.unwrap().row;
    until(&queue, &row, |row| row.state == State::HandedOver).await;
    let receipt = |outcome| Receipt {
        id: row.id,
        outcome,
        centre_no: String::new(),
        received_at: row.created_at,
        output: Value::Null,
    };
    let fork = Outcome::Refused { code: "C-CHAIN-FORK".into(), text: "a fork at 1".into() };
    send.send(receipt(fork)).unwrap();
    let waits = until(&queue, &row, |row| row.reason.is_some()).await;
    assert_eq!((waits.state, waits.reason.as_deref()), (State::HandedOver, Some("C-CHAIN-FORK")));
    // That the chain was mended is its moment.
    comes(|| *uplink.told.lock().unwrap() == 1).await;
    asks_on(&worker, &uplink).await;
    assert_eq!(queue.get(row.id).unwrap().unwrap().attempts, 1);
    uplink.put_right.store(true, Ordering::SeqCst);
    let status = worker.status();
    tries(&worker, || status.borrow().chain == Chain::Agrees).await;
    until(&queue, &row, |row| row.attempts == 2 && row.state == State::HandedOver).await;
    send.send(receipt(Outcome::Accepted)).unwrap();
    until(&queue, &row, |row| row.state == State::Acked && row.reason.is_none()).await;
    worker.stop().await;
    queue.verify().unwrap();
}

#[tokio::test]
async fn a_busy_delivery_goes_on_listening() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let uplink = Arc::<Played>::default();
    let worker = started(&queue, &uplink);
    for n in 0..20 {
        let one = Draft { holder: vec![n].into(), ..draft(&format!("{n}")) };
        let row = queue.commit_async(one).await.unwrap().row;
        until(&queue, &row, |row| row.state == State::HandedOver).await;
    }
    // To listen anew takes questions to the servers; begun again at each step, it would never be done.
    assert_eq!(uplink.listened.load(Ordering::SeqCst), 1);
    worker.stop().await;
}

#[tokio::test]
async fn receipts_that_came_together_are_told_of_once_all_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let way = Arc::new(Way { queue: queue.clone(), uplink: Arc::new(Played::default()) });
    let rows = ["a", "b", "c", "d"].map(|key| queue.commit(Draft { kind: Kind::Register, ..draft(key) }).unwrap().row);
    for row in &rows {
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        queue.advance(row.id, State::HandedOver, Note::Nothing).unwrap();
    }
    let receipt = |row: &Row| Receipt {
        id: row.id,
        outcome: Outcome::Accepted,
        centre_no: "S1".into(),
        received_at: row.created_at,
        output: Value::Null,
    };
    let kept = {
        let (queue, rows) = (queue.clone(), rows.clone());
        Box::pin(async move {
            for row in &rows[..3] {
                assert_eq!(queue.get(row.id).unwrap().unwrap().state, State::Acked);
            }
        })
    };
    let late = Late { receipts: rows[..3].iter().map(receipt).collect(), kept };
    let Came::Kept(Ok(done)) = way.clone().keep(vec![late]).await else { panic!("not kept") };
    assert!(done.iter().all(|(_, back)| matches!(back, Back::Done)));
    let done: Vec<_> = done.into_iter().map(|(id, _)| id).collect();
    assert_eq!(done, rows[..3].iter().map(|row| row.id).collect::<Vec<_>>());
    // Where the journal cannot keep them, the way is not told.
    queue.close();
    let told = Box::pin(async { panic!("told of what is not kept") });
    let late = Late { receipts: rows.iter().map(receipt).collect(), kept: told };
    assert!(matches!(way.keep(vec![late]).await, Came::Kept(Err(_))));
}

#[tokio::test]
async fn an_answer_that_comes_again_leaves_what_is_being_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let way = Arc::new(Way { queue: queue.clone(), uplink: Arc::new(Played::default()) });
    let stored = |draft: Draft| {
        let row = queue.commit(draft).unwrap().row;
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        queue.advance(row.id, State::HandedOver, Note::Nothing).unwrap()
    };
    let states = |rows: [&Row; 2]| rows.map(|row| queue.get(row.id).unwrap().unwrap().state);
    let answered = async |row: &Row| {
        let receipt = Receipt {
            id: row.id,
            outcome: Outcome::Accepted,
            centre_no: "C1".into(),
            received_at: row.created_at,
            output: Value::Null,
        };
        let late = Late { receipts: vec![receipt], kept: Box::pin(async {}) };
        let Came::Kept(Ok(done)) = way.clone().keep(vec![late]).await else { panic!("not kept") };
        assert!(matches!(done[..], [(id, Back::Done)] if id == row.id));
    };
    let filed = Draft { kind: Kind::Register, amount: None, ..draft("a") };
    let row = stored(filed.clone());
    answered(&row).await;
    let back = stored(Draft { idempotency: "undo".into(), cancels: Some(row.id), ..filed });
    assert_eq!(states([&row, &back]), [State::Cancelling, State::HandedOver]);
    answered(&row).await;
    assert_eq!(states([&row, &back]), [State::Cancelling, State::HandedOver]);
    answered(&back).await;
    assert_eq!(states([&row, &back]), [State::Cancelled, State::Acked]);
}

#[tokio::test]
async fn what_is_stored_and_not_answered_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let way = Arc::new(Way { queue: queue.clone(), uplink: Arc::new(Played::default()) });
    let id = queue.commit_async(draft("a")).await.unwrap().row.id;
    let send = async || {
        let item = Item { row: queue.get(id).unwrap().unwrap(), holder: [0; 32] };
        let Came::Items(came) = way.clone().deliver(vec![item]).await else { panic!("something else came") };
        assert!(matches!(came[0].1, Ok(Back::Stored)));
        queue.get(id).unwrap().unwrap()
    };
    let first = send().await;
    assert_eq!((first.state, first.attempts, first.reason), (State::HandedOver, 1, None));
    // While the centre is away it is not sent again, and says so all the same.
    let told = async || {
        assert!(matches!(way.clone().tell(vec![id]).await, Came::Told(Ok(()))));
        queue.get(id).unwrap().unwrap()
    };
    let row = told().await;
    assert_eq!(
        (row.state, row.attempts, row.reason.as_deref()),
        (State::HandedOver, 1, Some("E-UPLINK-NO-ANSWER stored, not answered"))
    );
    // Sent again it keeps its reason until there is an answer.
    let row = send().await;
    assert_eq!(
        (row.state, row.attempts, row.reason.as_deref()),
        (State::HandedOver, 2, Some("E-UPLINK-NO-ANSWER stored, not answered"))
    );
    queue.verify().unwrap();
}

#[tokio::test]
async fn a_delivery_that_breaks_off_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let uplink = Arc::new(Played { panics: AtomicUsize::new(2), ..Played::default() });
    let worker = started(&queue, &uplink);
    let mut status = worker.status();
    status.wait_for(|status| status.reachable).await.unwrap();
    let mut seen = worker.status();
    let seen = tokio::spawn(async move { seen.wait_for(|status| !status.reachable).await.map(drop) });
    let row = queue.commit_async(draft("a")).await.unwrap().row;
    let row = until(&queue, &row, |row| row.state == State::HandedOver).await;
    assert_eq!(row.attempts, 3);
    seen.await.unwrap().unwrap();
    status.wait_for(|status| status.reachable).await.unwrap();
    worker.stop().await;
    queue.verify().unwrap();
}

#[tokio::test]
async fn a_delivery_of_which_a_step_panics_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let uplink = Arc::new(Played { startled: AtomicUsize::new(3), ..Played::default() });
    let worker = started(&queue, &uplink);
    let row = queue.commit_async(draft("a")).await.unwrap().row;
    let row = until(&queue, &row, |row| row.state == State::HandedOver).await;
    assert!(row.attempts >= 1);
    comes(|| uplink.listened.load(Ordering::SeqCst) > 3).await;
    assert_eq!(uplink.startled.load(Ordering::SeqCst), 0);
    worker.stop().await;
    queue.verify().unwrap();
}

#[tokio::test]
async fn a_chain_that_was_refused_is_broken_until_it_is_taken_and_tried_each_hour_and_when_asked_for() {
    for asked in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let (uplink, clock) = (Arc::<Played>::default(), Hands::at("2015-08-03T02:00:00Z"));
        let random = Arc::new(SystemRandom::default());
        let worker = start(queue.clone(), uplink.clone(), PACE, clock.clone(), random);
        let try_again = || if asked { worker.wake() } else { clock.add(3_600_000) };
        queue.commit_async(draft("a")).await.unwrap();
        let mut status = worker.status();
        status.wait_for(|status| status.chain == Chain::Broken).await.unwrap();
        let mut seen = worker.status();
        let flaps = seen.wait_for(|status| status.chain != Chain::Broken);
        let goes_on = async {
            for tried in 1..=3 {
                // Not each time that the centre is asked for its head.
                let probes = uplink.probes.load(Ordering::SeqCst);
                comes(|| uplink.probes.load(Ordering::SeqCst) >= probes + 5).await;
                assert_eq!(uplink.headers.lock().unwrap().len(), tried);
                if tried < 3 {
                    try_again();
                    comes(|| uplink.headers.lock().unwrap().len() > tried).await;
                }
            }
        };
        tokio::select! {
            biased;
            _ = flaps => panic!("it agrees again"),
            () = goes_on => {}
        }
        uplink.put_right.store(true, Ordering::SeqCst);
        try_again();
        let agrees = status.wait_for(|status| status.chain == Chain::Agrees);
        drop(tokio::time::timeout(LONG, agrees).await.expect("it agrees").unwrap());
        assert_eq!(uplink.headers.lock().unwrap().len(), 4);
        worker.stop().await;
    }
}

#[tokio::test]
async fn each_hole_behind_the_head_is_told_of_until_it_is_heard_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    for n in 1..=5 {
        queue.commit(draft(&n.to_string())).unwrap();
    }
    let last = queue.signed_headers(ChainHead::default(), 10).unwrap().groups.remove(4);
    queue.close();
    drop(queue);
    let queue = lose(dir.path(), "2, 4");
    let head = Some(ChainHead { sequence: last.sequence, hash: last.head });
    for start in 1..=2 {
        let uplink = Arc::new(Played { head: Mutex::new(head), unheard: AtomicUsize::new(2), ..Played::default() });
        let worker = started(&queue, &uplink);
        tries(&worker, || uplink.headers.lock().unwrap().len() >= 4).await;
        asks_on(&worker, &uplink).await;
        assert_eq!(worker.status().borrow().chain, Chain::Agrees);
        worker.stop().await;
        let sent = uplink.headers.lock().unwrap();
        let ends: Vec<Vec<u64>> =
            sent.iter().map(|sent| sent.holes.iter().map(|one| one.hole.until.sequence).collect()).collect();
        assert_eq!(ends, [[2], [2], [2], [4]], "start {start}");
        assert!(sent.iter().all(|sent| sent.headers.is_empty() && sent.groups.is_empty()));
    }
}

#[tokio::test]
async fn nobody_listens_for_more_than_the_journal_can_keep() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let gate = Arc::new(Semaphore::new(0));
    let uplink = Arc::new(Played { hangs: Some(gate.clone()), ..Played::default() });
    let worker = started(&queue, &uplink);
    for brought in 4..=6 {
        tries(&worker, || uplink.listened.load(Ordering::SeqCst) >= brought).await;
        asks_on(&worker, &uplink).await;
        assert_eq!(uplink.listened.load(Ordering::SeqCst), brought);
        gate.add_permits(1);
    }
    gate.close();
    worker.stop().await;
}
