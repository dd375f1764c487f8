//! A centre that wants to be left alone, as a whole or by one transaction.

use super::*;

/// What a centre that has too much to do asks for.
const ASKED: Duration = Duration::from_secs(3600);
/// So often the delivery looks around before nothing is taken for what it does.
const TURNS: usize = 50;
/// No pause but the one that the centre asks for.
const AT_ONCE: Pace = Pace { first: Duration::ZERO, longest: Duration::ZERO, heartbeat: Duration::from_millis(20) };

/// Takes what it is given, unless it is busy.
struct Asking {
    /// The transaction at this place is answered like this, and all that come with it; each is, where none is named.
    busy: Mutex<Option<(Option<u64>, UplinkError)>>,
    /// The places of what came, one message each.
    came: Mutex<Vec<Vec<u64>>>,
    probes: AtomicUsize,
    /// Its head is asked for, and it is busy.
    hides: Mutex<Option<UplinkError>>,
    /// What it is given is stored while it is away.
    stores: bool,
    /// Has the delivery look around, and how often it did.
    turn: Semaphore,
    turned: Arc<AtomicUsize>,
}

impl Asking {
    fn busy(which: Option<u64>, status: u16) -> Arc<Self> {
        let error = UplinkError::Failed { status, retry_after: Some(ASKED) };
        Self::new(Some((which, error)), None, false)
    }

    /// It tells no head.
    fn hiding(status: u16, retry_after: Option<Duration>, stores: bool) -> Arc<Self> {
        Self::new(None, Some(UplinkError::Failed { status, retry_after }), stores)
    }

    fn new(busy: Option<(Option<u64>, UplinkError)>, hides: Option<UplinkError>, stores: bool) -> Arc<Self> {
        Arc::new(Self {
            busy: Mutex::new(busy),
            came: Mutex::default(),
            probes: AtomicUsize::new(0),
            hides: Mutex::new(hides),
            stores,
            turn: Semaphore::new(0),
            turned: Arc::default(),
        })
    }

    fn came(&self) -> usize {
        self.came.lock().unwrap().len()
    }

    /// The delivery looks around, again and again.
    async fn turns(&self) {
        for _ in 0..TURNS {
            let before = self.turned.load(Ordering::SeqCst);
            self.turn.add_permits(1);
            comes(|| self.turned.load(Ordering::SeqCst) > before).await;
        }
    }
}

impl Uplink for Asking {
    fn deliver<'a>(&'a self, batch: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>> {
        let places: Vec<u64> = batch.iter().map(|envelope| envelope.header.sequence).collect();
        let busy = self.busy.lock().unwrap().clone();
        let busy = busy.filter(|(which, _)| which.is_none_or(|which| places.contains(&which)));
        self.came.lock().unwrap().push(places);
        let answer = |envelope: &Envelope| match &busy {
            Some((_, error)) => Err(error.clone()),
            None => Ok(Delivered::Answered(Box::new(Receipt {
                id: envelope.header.id,
                outcome: Outcome::Accepted,
                centre_no: "C1".into(),
                received_at: envelope.header.created_at,
                output: Value::Null,
            }))),
        };
        let answers = batch.iter().map(answer).collect();
        Box::pin(async { answers })
    }

    fn stores(&self) -> bool {
        self.stores
    }

    fn answers(&self) -> BoxFuture<'_, Vec<Late>> {
        Box::pin(async {
            self.turn.acquire().await.into_iter().for_each(SemaphorePermit::forget);
            let turned = self.turned.clone();
            let kept = Box::pin(async move {
                turned.fetch_add(1, Ordering::SeqCst);
            });
            vec![Late { receipts: Vec::new(), kept }]
        })
    }

    fn request<'a>(&'a self, _: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>> {
        Box::pin(async { Err(UplinkError::NoAnswer("the test says so".into())) })
    }

    fn headers<'a>(&'a self, headers: &'a SignedHeaders) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
        let last = headers.groups.last().unwrap();
        let head = ChainHead { sequence: last.sequence, hash: last.head };
        Box::pin(async move { Ok(head) })
    }

    fn probe(&self) -> BoxFuture<'_, Result<ChainHead, UplinkError>> {
        self.probes.fetch_add(1, Ordering::SeqCst);
        let hides = self.hides.lock().unwrap().clone();
        Box::pin(async { hides.map_or(Ok(ChainHead::default()), Err) })
    }
}

fn delivers(queue: &Queue, uplink: &Arc<Asking>) -> Worker {
    paced(queue, uplink, AT_ONCE)
}

fn paced(queue: &Queue, uplink: &Arc<Asking>, pace: Pace) -> Worker {
    start(queue.clone(), uplink.clone(), pace, Hands::at("2015-08-03T02:00:00Z"), Arc::new(SystemRandom::default()))
}

/// One of somebody else each.
async fn commit(queue: &Queue, n: u8) -> Row {
    queue.commit_async(Draft { holder: vec![n].into(), ..draft(&n.to_string()) }).await.unwrap().row
}

fn has_reason(row: &Row) -> bool {
    row.reason.is_some()
}

#[tokio::test]
async fn the_centre_is_left_alone_for_as_long_as_it_asks() {
    for status in [408, 429, 503] {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let uplink = Asking::busy(None, status);
        let worker = delivers(&queue, &uplink);
        let first = commit(&queue, 1).await;
        until(&queue, &first, has_reason).await;
        uplink.turns().await;
        let probes = uplink.probes.load(Ordering::SeqCst);
        let second = commit(&queue, 2).await;
        worker.committed();
        uplink.turns().await;
        assert_eq!((uplink.came(), uplink.probes.load(Ordering::SeqCst)), (1, probes), "{status}");
        *uplink.busy.lock().unwrap() = None;
        worker.wake();
        for row in [&first, &second] {
            until(&queue, row, |row| row.state == State::Acked).await;
        }
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_centre_that_is_too_busy_for_its_head_is_left_alone_whatever_is_committed() {
    let patient = Pace { first: ASKED, longest: ASKED, heartbeat: ASKED };
    let plain = [408, 429, 503].map(|status| (status, None, patient));
    let asked = [429, 500, 503].map(|status| (status, Some(ASKED), AT_ONCE));
    for ((status, retry_after, pace), stores) in
        plain.into_iter().chain(asked).flat_map(|kind| [false, true].map(|stores| (kind, stores)))
    {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let uplink = Asking::hiding(status, retry_after, stores);
        let worker = paced(&queue, &uplink, pace);
        uplink.turns().await;
        let mut rows = Vec::new();
        for n in 1..=3 {
            rows.push(commit(&queue, n).await);
            worker.committed();
            uplink.turns().await;
        }
        let probes = uplink.probes.load(Ordering::SeqCst);
        assert_eq!(probes, 1, "{status}, stores: {stores}");
        *uplink.hides.lock().unwrap() = None;
        worker.wake();
        for row in &rows {
            until(&queue, row, |row| row.state == State::Acked).await;
        }
        comes(|| uplink.probes.load(Ordering::SeqCst) > probes).await;
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_centre_that_is_away_is_tried_with_the_next_commit() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let uplink = Asking::busy(None, 503);
    *uplink.busy.lock().unwrap() = Some((None, UplinkError::Unreachable("the test says so".into())));
    let worker = paced(&queue, &uplink, Pace { first: ASKED, longest: ASKED, heartbeat: ASKED });
    let first = commit(&queue, 1).await;
    until(&queue, &first, has_reason).await;
    *uplink.busy.lock().unwrap() = None;
    let second = commit(&queue, 2).await;
    // It may not have heard yet that the centre is away, and nothing but this ends its pause.
    let acked = |row: &Row| queue.get(row.id).unwrap().unwrap().state == State::Acked;
    let tried = async {
        while ![&first, &second].into_iter().all(acked) {
            worker.committed();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, tried).await.expect("still waiting");
    worker.stop().await;
}

#[tokio::test]
async fn a_centre_that_is_busy_for_all_is_left_alone_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let uplink = Asking::busy(None, 429);
    let mut rows = Vec::new();
    for n in 1..=10 {
        rows.push(commit(&queue, n).await);
    }
    let worker = delivers(&queue, &uplink);
    for row in &rows {
        until(&queue, row, has_reason).await;
    }
    uplink.turns().await;
    assert_eq!(uplink.came(), 1, "it came together");
    // It tells its head each time: that is no reason to give it the rest.
    for round in 1..=3 {
        let mut changes = queue.changes();
        worker.wake();
        // Four are written as sent, and with their reasons again.
        for _ in 0..8 {
            tokio::time::timeout(LONG, changes.recv()).await.expect("four are tried").unwrap();
        }
        // A change is told before it is answered: whoever wrote it has its answer now.
        queue.probe().unwrap();
        uplink.turns().await;
        assert_eq!(uplink.came(), 1 + 4 * round, "no more than are on their way at once");
    }
    assert!(uplink.came.lock().unwrap()[1..].iter().all(|places| places.len() == 1));
    worker.stop().await;
}

#[tokio::test]
async fn one_that_is_busy_by_itself_keeps_no_other_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let uplink = Asking::busy(Some(1), 503);
    let mut rows = Vec::new();
    for n in 1..=6 {
        rows.push(commit(&queue, n).await);
    }
    let worker = delivers(&queue, &uplink);
    until(&queue, &rows[0], has_reason).await;
    let now = |row: &Row| queue.get(row.id).unwrap().unwrap();
    tries(&worker, || rows[1..].iter().all(|row| now(row).state == State::Acked)).await;
    let attempts = now(&rows[0]).attempts;
    tries(&worker, || now(&rows[0]).attempts > attempts + 1).await;
    uplink.turns().await;
    // It waits for as long as it was asked to, and nobody else does.
    let others_go = async |places: std::ops::RangeInclusive<u8>| {
        for n in places {
            let row = commit(&queue, n).await;
            until(&queue, &row, |row| row.state == State::Acked).await;
        }
        now(&rows[0])
    };
    // The first of them go while it may still be tried for the last time that somebody asked.
    let waits = others_go(7..=9).await;
    assert_eq!(others_go(10..=12).await, waits);
    worker.stop().await;
    queue.verify().unwrap();
}
