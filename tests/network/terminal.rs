//! A terminal that works while its network does what it wants, and what must hold afterwards.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sbkd::center::{Broker, TlsFiles};
use sbkd::queue::{self, Draft, Queue, QueueKeys, Row, State};
use sbkd::sync::{self, Asker, HttpUplink, JetStreamUplink, Link, Pace, Patience, Settled, Uplink, Worker, settle};
use sbkd::value::{Fen, Protocol};
use sbkd::wire::person::{PersonKey, Question};
use sbkd::world::{SystemClock, SystemRandom};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::world::{
    Centre, TERMINAL, TOKEN, center_settings, online, person, provisional, registration, settings, settlement,
};

/// How many people the settlements are of, and how many cases are under way at once.
const PEOPLE: u32 = 40;
const COUNTERS: u32 = 8;
/// The scenario of what is settled.
const SETTLED: &str = "medical-settlement";
/// What the centre counts of a person, what of a settlement goes into it, and where it stood before.
const BOOKS: [(&str, &str, i64); 3] =
    [("ded_paid", "act_pay_dedc", 0), ("pool", "hifp_pay", 1_200_000), ("supplement", "hifob_pay", 0)];
/// How long anything may take before the test fails.
const LONG: Duration = Duration::from_secs(1200);
/// Short, so that an outage that outlasts it is short as well.
const PATIENCE: Patience = Patience { answer: Duration::from_secs(1), resolve: Duration::from_millis(500) };
const PACE: Pace = Pace {
    first: Duration::from_millis(5),
    longest: Duration::from_millis(500),
    heartbeat: Duration::from_millis(500),
};

fn certno(n: u32) -> String {
    format!("44010319880612{n:04}")
}

/// The stay in hospital of a person.
fn visit(certno: &str) -> String {
    format!("D{certno}")
}

/// A centre that knows as many people as are needed: all of them like the first one of the demonstration.
pub async fn centre(dir: &Path, tls: Option<TlsFiles>, nats: Option<String>) -> Centre {
    let text = include_str!("../../config/center/seed.toml");
    let first = text.split("[[person]]").nth(1).unwrap();
    let seed: String = (0..PEOPLE)
        .map(|n| {
            let one = first.replace("44010000000003", &format!("4401000000{n:04}"));
            let visit =
                format!("psn_no = \"4401000000{n:04}\"\nmdtrt_id = \"{}\"\ninsurance = \"310\"", visit(&certno(n)));
            format!("[[person]]{}\n[[visit]]\n{visit}\n", one.replace("440103198806120021", &certno(n)))
        })
        .collect();
    let file = dir.join("seed.toml");
    std::fs::write(&file, seed).unwrap();
    let broker = nats.map(|urls| Broker { urls, credentials: None, roots: None, client: None, replicas: 3 });
    Centre::with(sbkd::center::Settings { seed: Some(file), tls, broker, ..center_settings() }).await
}

/// How so many ended.
#[derive(Debug, Default)]
pub struct Ends {
    /// Stored and forwarded, and accepted.
    pub forward: usize,
    /// Settled online.
    pub online: usize,
    pub reversed: usize,
    pub void: usize,
    /// All settlements that stand, whichever way they came.
    pub stand: usize,
}

/// A terminal.
pub struct Terminal {
    pub queue: Queue,
    uplink: Arc<dyn Uplink>,
    /// A way without ills, to look on.
    plain: Arc<dyn Uplink>,
    worker: Worker,
    /// How many cases may begin, and how many were carried out.
    allowed: watch::Sender<u32>,
    committed: watch::Sender<u32>,
}

impl Terminal {
    /// Over HTTPS, by way of a link at a port.
    pub fn https(dir: &Path, port: u16, centre: &Centre, tls: sync::TlsFiles) -> Self {
        let link = Link {
            url: centre.url.clone(),
            token: TOKEN.to_owned().into(),
            tls,
            centre_key: Some(centre.running.public_key),
            credentials: None,
        };
        let queue = journal(dir);
        let plain = Arc::new(HttpUplink::new(&link, queue.clone()).unwrap());
        let through = Link { url: format!("https://localhost:{port}"), ..link };
        let uplink = Arc::new(HttpUplink::new(&through, queue.clone()).unwrap());
        Self::start(queue, uplink, plain)
    }

    /// Over JetStream, by way of a link with a port for each of the servers.
    pub fn jetstream(dir: &Path, ports: &[u16], urls: &str, centre: &Centre) -> Self {
        let link = Link { url: urls.into(), centre_key: Some(centre.running.public_key), ..Link::default() };
        let queue = journal(dir);
        let plain = Arc::new(JetStreamUplink::new(&link, queue.clone()).unwrap());
        let ports: Vec<_> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let through = Link { url: ports.join(","), ..link };
        let uplink = Arc::new(JetStreamUplink::new(&through, queue.clone()).unwrap());
        Self::start(queue, uplink, plain)
    }

    fn start(queue: Queue, uplink: Arc<dyn Uplink>, plain: Arc<dyn Uplink>) -> Self {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::default()));
        let worker = sync::start(queue.clone(), uplink.clone(), PACE, clock, random);
        Self { queue, uplink, plain, worker, allowed: watch::Sender::new(0), committed: watch::Sender::new(0) }
    }

    /// Carries out so many cases, of several kinds, at several counters, each when it is allowed.
    pub async fn work(&self, count: u32) {
        let counter = |first: u32| async move {
            let mut allowed = self.allowed.subscribe();
            for n in (first..count).step_by(COUNTERS as usize) {
                allowed.wait_for(|allowed| n < *allowed).await.unwrap();
                self.case(n).await;
                self.committed.send_modify(|committed| *committed += 1);
            }
        };
        futures_util::future::join_all((0..COUNTERS).map(counter)).await;
    }

    /// So many may begin.
    pub fn allow(&self, count: u32) {
        self.allowed.send_replace(count);
    }

    /// Waits until so many are carried out.
    pub async fn until_committed(&self, count: u32) {
        let mut committed = self.committed.subscribe();
        tokio::time::timeout(LONG, committed.wait_for(|committed| *committed >= count)).await.unwrap().unwrap();
    }

    async fn case(&self, n: u32) {
        let (key, certno) = (format!("case {n}"), certno(n / 10 % PEOPLE));
        match n % 10 {
            0 | 5 => {
                let (draft, mut request) = online(&key);
                request.input = json!(bill(&key, &certno));
                let draft = Draft { holder: certno.into_bytes().into(), amount: Some(Fen(30_000)), ..draft };
                let told = settle(&self.queue, &self.uplink, draft, request, PATIENCE).await.unwrap();
                assert!(!matches!(told, Settled::Refused(..)), "{told:?}");
            }
            1 | 6 => {
                let draft = provisional(&key);
                let payload = json!({ "request": bill(&key, &certno), "detail": {} });
                self.commit(Draft { holder: certno.into_bytes().into(), payload, ..draft }).await;
            }
            _ => self.commit(Draft { holder: key.clone().into_bytes().into(), ..registration(&key) }).await,
        }
    }

    async fn commit(&self, draft: Draft) {
        self.queue.commit_async(draft).await.unwrap();
    }

    /// Waits until everything is at its end, and holds the centre against the journal.
    pub async fn check(&self, centre: &Centre) -> Ends {
        let rows = self.until_ended().await;
        let ledger = self.until_told(centre).await;
        assert_eq!((&ledger["alarms"], &ledger["holes"]), (&json!([]), &json!([])));

        let taken: HashMap<&str, &Value> =
            list(&ledger["transactions"]).iter().map(|one| (one["id"].as_str().unwrap(), one)).collect();
        let settled: HashMap<&str, &Value> =
            list(&ledger["settlements"]).iter().map(|one| (one["msgid"].as_str().unwrap(), one)).collect();
        assert_eq!(taken.len(), list(&ledger["transactions"]).len(), "each is taken once");
        assert_eq!(settled.len(), list(&ledger["settlements"]).len(), "a message id settles once");
        let (mut paid, mut ends) = (BTreeMap::<String, [i64; 3]>::new(), Ends::default());
        for row in &rows {
            let there = settled.get(row.msgid.as_str()).copied();
            let state = there.map(|one| one["state"].as_str().unwrap());
            match (row.protocol(), row.state) {
                (Protocol::StoreAndForward, State::Acked) => {
                    ends.forward += 1;
                    let outcome = &taken[row.id.to_string().as_str()]["outcome"];
                    assert_eq!(*outcome, json!({ "result": "accepted" }), "{row:?}");
                    assert_eq!(state, (row.scenario == SETTLED).then_some("settled"), "{row:?}");
                }
                (Protocol::Online, State::Acked) => {
                    ends.online += 1;
                    assert_eq!(state, Some("settled"), "{row:?}");
                }
                (Protocol::Online, State::Reversed) => {
                    ends.reversed += 1;
                    assert_eq!(state, Some("reversed"), "{row:?}");
                    let there = there.unwrap();
                    let moved = fen(&there["act_pay_dedc"]) + fen(&there["fund_pay_sumamt"]);
                    assert!(moved > 0, "it had gone into the books: {there:?}");
                }
                (Protocol::Online, State::Void) => {
                    ends.void += 1;
                    assert!(matches!(state, None | Some("void")), "{row:?} {state:?}");
                }
                _ => panic!("{row:?}"),
            }
            if row.state == State::Acked && row.scenario == SETTLED {
                ends.stand += 1;
                let setlinfo = self.queue.answer(row.id).unwrap().unwrap().output["setlinfo"].clone();
                let books = paid.entry(setlinfo["psn_no"].as_str().unwrap().to_owned()).or_default();
                for (sum, (_, field, _)) in books.iter_mut().zip(BOOKS) {
                    *sum += fen(&setlinfo[field]);
                }
            }
        }
        println!("{ends:?}");
        assert_eq!(taken.len(), ends.forward, "none that is not here");
        let of_state = |state| settled.values().filter(|one| one["state"] == state).count();
        assert_eq!((of_state("settled"), of_state("reversed")), (ends.stand, ends.reversed), "none that is not here");
        // That something came twice is not taken from whoever sent it.
        let twice = |all: &HashMap<&str, &Value>| all.values().any(|one| one["times"].as_u64().unwrap() > 1);
        assert!(twice(&taken) && twice(&settled), "nothing came twice");
        self.holds_books(&paid).await;
        self.queue.verify().unwrap();
        ends
    }

    /// The centre's books have of each person what stands, and nothing else: each that was reversed comes to nothing.
    async fn holds_books(&self, paid: &BTreeMap<String, [i64; 3]>) {
        let asker = Asker::new(self.plain.clone(), Arc::new(SystemClock), TERMINAL, true);
        for n in 0..PEOPLE {
            let told = asker.accumulations("0007", &question(&certno(n)), Duration::from_secs(30)).await.unwrap();
            let sums = paid.get(&format!("4401000000{n:04}")).copied().unwrap_or_default();
            for (sum, (name, _, before)) in sums.into_iter().zip(BOOKS) {
                assert_eq!(fen(&told.accumulators[name]), before + sum, "{name} of person {n}");
            }
        }
    }

    async fn until_ended(&self) -> Vec<Row> {
        let mut changes = self.queue.changes();
        let ended = async {
            while self.queue.stats().unwrap().unsent > 0 {
                // Missed changes are no harm: the journal is asked again.
                drop(changes.recv().await);
            }
        };
        let in_time = tokio::time::timeout(LONG, ended).await.is_ok();
        let rows = self.queue.list(&queue::Filter { states: Vec::new(), limit: Some(100_000) }).unwrap();
        let open: Vec<_> = rows.iter().filter(|row| row.state.is_open()).take(3).collect();
        assert!(in_time, "still open: {open:?}");
        rows
    }

    /// Waits until the centre has all headers.
    async fn until_told(&self, centre: &Centre) -> Value {
        let head = self.queue.verify().unwrap();
        let told = async {
            loop {
                let ledger = centre.ledger().await;
                if ledger["terminals"][0]["sequence"] == json!(head.rows) {
                    return ledger;
                }
                self.worker.wake();
                tokio::task::yield_now().await;
            }
        };
        let ledger = tokio::time::timeout(LONG, told).await.expect("the centre has the headers");
        assert_eq!(ledger["terminals"][0]["hash"], json!(head.head));
        ledger
    }
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn fen(amount: &Value) -> i64 {
    serde_json::from_value::<Fen>(amount.clone()).unwrap().0
}

/// A journal whose clock runs: message ids of one second are ten thousand at most.
fn journal(dir: &Path) -> Queue {
    let keys = QueueKeys::load_or_create(&dir.join("keys"), &SystemRandom::default()).unwrap();
    Queue::open(settings(dir), keys, Arc::new(SystemClock), Arc::new(SystemRandom::default())).unwrap()
}

fn of(certno: &str) -> PersonKey {
    let mut person = person();
    person.certno = certno.into();
    person
}

/// A bill of 300 yuan, its line of this number.
fn bill(feedetl_sn: &str, certno: &str) -> sbkd::wire::settle::Settlement {
    let mut bill = settlement();
    bill.feedetail[0].insert("feedetl_sn".into(), json!(feedetl_sn));
    bill.person = of(certno);
    bill.mdtrt_id = Some(visit(certno));
    bill.medfee_sumamt = Fen(30_000);
    bill.facts.insert("medfee_sumamt".into(), json!("300.00"));
    bill.feedetail[0].insert("pric".into(), json!("300.00"));
    bill.feedetail[0].insert("det_item_fee_sumamt".into(), json!("300.00"));
    bill
}

fn question(certno: &str) -> Question {
    Question {
        person: of(certno),
        scenario: "medical-settlement".into(),
        business_date: settlement().business_date,
        mdtrt_id: Some(visit(certno)),
        facts: settlement().facts,
    }
}
