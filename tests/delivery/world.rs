//! A journal on a real file, a centre behind real HTTP, and a process that can die at any step.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};
use sbkd::center::{self, Faults, Running};
use sbkd::queue::{self, Point, Queue, QueueError, QueueKeys, Row};
use sbkd::sync::{
    self, BoxFuture, Delivered, Delivery, HttpUplink, Late, Link, Pace, Patience, Uplink, UplinkError, Worker,
};
use sbkd::wire::headers::SignedHeaders;
use sbkd::wire::{ChainHead, Envelope, Receipt, Reply, Request};
use sbkd::world::{FixedClock, SystemRandom};
use serde_json::{Value, json};
use tokio::sync::Notify;

#[path = "drafts.rs"]
mod drafts;

pub use drafts::*;

pub const TERMINAL: &str = "H44010099999";
pub const TOKEN: &str = "a token of the tests, no secret";
/// How long anything may take before a test fails.
const LONG: Duration = Duration::from_secs(30);

/// Impatient, so that a test is quick.
pub const PACE: Pace =
    Pace { first: Duration::from_millis(1), longest: Duration::from_millis(10), heartbeat: Duration::from_millis(20) };
pub const PATIENCE: Patience = Patience { answer: Duration::from_secs(10), resolve: Duration::from_secs(10) };

/// Counts the steps of a process, its writes and what it sends, and ends its life at one of them.
#[derive(Clone, Default)]
pub struct Life {
    steps: Arc<AtomicUsize>,
    /// The step that fails; 0 for none.
    fails: usize,
    /// Everything after it fails as well: the process is dead.
    dies: bool,
    /// It is this very process that dies.
    is_killed: bool,
    struck: Arc<Notify>,
}

impl Life {
    /// Only the n-th step fails.
    pub fn stumbles_at(n: usize) -> Self {
        Self { fails: n, ..Self::default() }
    }

    /// From the n-th step on nothing is written and nothing is sent.
    pub fn dies_at(n: usize) -> Self {
        Self { fails: n, dies: true, ..Self::default() }
    }

    /// At the n-th step this process is killed.
    pub fn is_killed_at(n: usize) -> Self {
        Self { fails: n, is_killed: true, ..Self::default() }
    }

    /// Whether the fault came to pass.
    pub fn was_hit(&self) -> bool {
        self.fails > 0 && self.steps.load(Ordering::SeqCst) >= self.fails
    }

    /// Waits until it comes to pass; never, when it does not.
    pub async fn hit(&self) {
        self.struck.notified().await;
    }

    fn step(&self) -> bool {
        let n = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fails > 0 && n == self.fails {
            if self.is_killed {
                kill_process(getpid(), Signal::KILL).unwrap();
            }
            self.struck.notify_one();
        }
        self.fails > 0 && (n == self.fails || self.dies && n > self.fails)
    }
}

/// The uplink of such a process: each request can fail before it is sent, and after.
pub struct Mortal {
    inner: HttpUplink,
    life: Life,
    /// 交易编号 whose next answers are lost on the way, one each.
    lose: Arc<Mutex<Vec<&'static str>>>,
    /// What comes in place of an answer that is lost.
    lost_as: Arc<Mutex<UplinkError>>,
    /// The transaction at this place ends like this each time.
    poison: Arc<Mutex<Option<(u64, UplinkError)>>>,
    /// What becomes of the outputs of some 交易编号, or of `transactions`, on the way.
    spoil: Spoil,
    /// 交易编号 and message id of each online request.
    sent: Arc<Mutex<Vec<(String, String)>>>,
}

/// Changes outputs on the way: of which, and how.
type Spoil = Arc<Mutex<Option<(Vec<&'static str>, fn(&mut Value))>>>;

fn spoilt(spoil: &Spoil, what: &str, output: &mut Value) {
    if let Some((which, how)) = &*spoil.lock().unwrap()
        && which.contains(&what)
    {
        how(output);
    }
}

impl Mortal {
    async fn through<T>(&self, sent: impl Future<Output = Result<T, UplinkError>>) -> Result<T, UplinkError> {
        if self.life.step() {
            return Err(UplinkError::Unreachable("the test says so".into()));
        }
        let answer = sent.await;
        if self.life.step() { Err(UplinkError::NoAnswer("the test says so".into())) } else { answer }
    }
}

impl Uplink for Mortal {
    fn deliver<'a>(&'a self, batch: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>> {
        if let Some((sequence, error)) = self.poison.lock().unwrap().clone()
            && batch.iter().any(|envelope| envelope.header.sequence == sequence)
        {
            return Box::pin(async move { batch.iter().map(|_| Err(error.clone())).collect() });
        }
        Box::pin(async {
            let sent = async { Ok(self.inner.deliver(batch).await) };
            let mut answers = match self.through(sent).await {
                Ok(answers) => answers,
                Err(error) => return batch.iter().map(|_| Err(error.clone())).collect(),
            };
            for answer in &mut answers {
                if let Ok(Delivered::Answered(receipt)) = answer {
                    spoilt(&self.spoil, "transactions", &mut receipt.output);
                }
            }
            answers
        })
    }
    fn stores(&self) -> bool {
        self.inner.stores()
    }
    fn answers(&self) -> BoxFuture<'_, Vec<Late>> {
        self.inner.answers()
    }
    fn request<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>> {
        self.sent.lock().unwrap().push((request.infno.clone(), request.msgid.clone()));
        Box::pin(async {
            let answer = self.through(self.inner.request(request)).await;
            let mut lose = self.lose.lock().unwrap();
            match lose.iter().position(|infno| *infno == request.infno) {
                Some(at) => {
                    lose.remove(at);
                    Err(self.lost_as.lock().unwrap().clone())
                }
                None => answer.map(|mut reply| {
                    spoilt(&self.spoil, &request.infno, &mut reply.output);
                    reply
                }),
            }
        })
    }
    fn headers<'a>(&'a self, headers: &'a SignedHeaders) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
        Box::pin(self.through(self.inner.headers(headers)))
    }
    fn probe(&self) -> BoxFuture<'_, Result<ChainHead, UplinkError>> {
        Box::pin(self.through(self.inner.probe()))
    }
}

/// A terminal's process: journal, uplink, delivery.
pub struct Process {
    pub queue: Queue,
    pub uplink: Arc<dyn Uplink>,
    /// The same way, without any fault.
    pub plain: Arc<dyn Uplink>,
    lose: Arc<Mutex<Vec<&'static str>>>,
    lost_as: Arc<Mutex<UplinkError>>,
    poison: Arc<Mutex<Option<(u64, UplinkError)>>>,
    spoil: Spoil,
    /// 交易编号 and message id of each online request.
    pub sent: Arc<Mutex<Vec<(String, String)>>>,
    worker: Option<Worker>,
}

impl Process {
    /// Starts it on the files in `dir`; `None` when it dies while it opens them.
    pub fn start(dir: &Path, centre: &str, life: &Life) -> Option<Self> {
        let mut process = Self::without_worker(dir, centre, life)?;
        process.deliver();
        Some(process)
    }

    /// The same, and nothing is delivered yet.
    pub fn without_worker(dir: &Path, centre: &str, life: &Life) -> Option<Self> {
        let faults = life.clone();
        let faults = queue::Faults::new(move |point: Point| match faults.step() {
            true => Err(QueueError::Storage(format!("{point:?}"))),
            false => Ok(()),
        });
        let keys = QueueKeys::load_or_create(&dir.join("keys"), &SystemRandom::default()).unwrap();
        let deadline = Instant::now() + LONG;
        let queue = loop {
            let random = Arc::new(SystemRandom::default());
            match Queue::open_with_faults(settings(dir), keys.clone(), Arc::new(clock()), random, faults.clone()) {
                // A child that another test starts has the lock of what was closed until it is a program of its own.
                Err(QueueError::InUse) if Instant::now() < deadline => std::thread::yield_now(),
                opened => break opened,
            }
        };
        let lose = Arc::<Mutex<Vec<_>>>::default();
        let lost_as = Arc::new(Mutex::new(UplinkError::NoAnswer("the test says so".into())));
        let poison = Arc::<Mutex<Option<_>>>::default();
        let queue = queue.ok()?;
        let link = link(centre);
        let inner = HttpUplink::new(&link, queue.clone()).unwrap();
        let spoil = Spoil::default();
        let sent = Arc::<Mutex<Vec<_>>>::default();
        let uplink = Arc::new(Mortal {
            inner,
            life: life.clone(),
            lose: lose.clone(),
            lost_as: lost_as.clone(),
            poison: poison.clone(),
            spoil: spoil.clone(),
            sent: sent.clone(),
        });
        let plain = Arc::new(HttpUplink::new(&link, queue.clone()).unwrap());
        Some(Self { queue, uplink, plain, lose, lost_as, poison, spoil, sent, worker: None })
    }

    /// The transaction at this place is not delivered, but ends like this, until another is named.
    pub fn poison(&self, poison: Option<(u64, UplinkError)>) {
        *self.poison.lock().unwrap() = poison;
    }

    /// The next answers to these are lost on the way.
    pub fn lose(&self, infnos: &[&'static str]) {
        self.lose.lock().unwrap().extend(infnos);
    }

    /// The same, and this is what comes in their place.
    pub fn lose_as(&self, infnos: &[&'static str], error: UplinkError) {
        *self.lost_as.lock().unwrap() = error;
        self.lose(infnos);
    }

    /// From now on the outputs of these are changed on the way; of none, when none is named.
    pub fn spoil(&self, which: &[&'static str], how: fn(&mut Value)) {
        *self.spoil.lock().unwrap() = Some((which.to_vec(), how));
    }

    pub fn deliver(&mut self) {
        self.deliver_at(PACE);
    }

    pub fn deliver_at(&mut self, pace: Pace) {
        let random = Arc::new(SystemRandom::default());
        let worker = sync::start(self.queue.clone(), self.uplink.clone(), pace, Arc::new(clock()), random);
        self.worker = Some(worker);
    }

    pub fn worker(&self) -> &Worker {
        self.worker.as_ref().unwrap()
    }

    /// Ends it: the delivery stops, the files are closed.
    pub async fn end(mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop().await;
        }
        self.queue.close();
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(mut self) {
        drop(self.worker.take());
        self.queue.close();
    }

    /// Waits until every transaction is in a state that `wanted` takes.
    pub async fn until(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
        let mut changes = self.queue.changes();
        let all = async {
            loop {
                let rows = self.queue.list(&queue::Filter::default()).unwrap();
                if rows.iter().all(&wanted) {
                    return rows;
                }
                // Missed changes are no harm: the list is read again.
                drop(changes.recv().await);
            }
        };
        tokio::time::timeout(LONG, all)
            .await
            .unwrap_or_else(|_| panic!("still waiting: {:?}", self.queue.list(&queue::Filter::default()).unwrap()))
    }

    /// Waits until the centre has all headers.
    pub async fn until_told(&self, centre: &Centre) -> Value {
        let head = self.queue.verify().unwrap();
        let told = async {
            loop {
                let ledger = centre.ledger().await;
                if ledger["terminals"][0]["sequence"] == json!(head.rows) {
                    return ledger;
                }
                self.worker().wake();
                tokio::task::yield_now().await;
            }
        };
        let ledger = tokio::time::timeout(LONG, told).await.expect("the centre has the headers");
        assert_eq!(ledger["terminals"][0]["hash"], json!(head.head));
        ledger
    }
}

/// Delivers one, and gives the answer to it.
pub async fn delivered(uplink: &Arc<dyn Uplink>, envelope: &Envelope) -> Result<Receipt, UplinkError> {
    match uplink.deliver(std::slice::from_ref(envelope)).await.remove(0)? {
        Delivered::Answered(receipt) => Ok(*receipt),
        Delivered::Stored => panic!("stored, and not answered"),
    }
}

/// The journal of a terminal, with keys of its own.
pub fn journal(dir: &Path, terminal: &str) -> Queue {
    opened(dir, queue::Settings { terminal: terminal.into(), ..settings(dir) })
}

/// A journal in a folder, with its keys there.
pub fn opened(dir: &Path, settings: queue::Settings) -> Queue {
    let keys = QueueKeys::load_or_create(&dir.join("keys"), &SystemRandom::default()).unwrap();
    Queue::open(settings, keys, Arc::new(clock()), Arc::new(SystemRandom::default())).unwrap()
}

/// The way to a centre.
pub fn link(url: &str) -> Link {
    Link { url: url.into(), token: TOKEN.to_owned().into(), ..Link::default() }
}

pub fn settings(dir: &Path) -> queue::Settings {
    queue::Settings {
        path: dir.join("queue.db"),
        anchor: dir.join("queue.anchor"),
        terminal: TERMINAL.into(),
        demo: true,
    }
}

pub fn clock() -> FixedClock {
    FixedClock("2015-08-03T02:00:00Z".parse().unwrap())
}

/// A centre, and where it is.
pub struct Centre {
    pub running: Running,
    pub url: String,
}

impl Centre {
    pub async fn start() -> Self {
        Self::with(center_settings()).await
    }

    pub async fn with(settings: center::Settings) -> Self {
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        let running = center::run(settings).await.unwrap();
        let url = format!("{scheme}://{}", running.address);
        Self { running, url }
    }

    /// What it does wrong from now on.
    pub fn play(&self, faults: Faults) {
        self.running.set_faults(faults);
    }

    pub async fn ledger(&self) -> Value {
        self.running.ledger().await.unwrap()
    }
}

pub fn center_settings() -> center::Settings {
    center::Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        database: None,
        seed: None,
        tls: None,
        broker: None,
        token: TOKEN.into(),
        ledger_token: None,
        demo: true,
        faults: Faults::default(),
    }
}
