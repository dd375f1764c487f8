//! A journal that loses some of its records, is set aside and goes on, by whatever way upstream.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sbkd::center::Running;
use sbkd::queue::{self, Queue, QueueError, QueueKeys, State, Witness};
use sbkd::sync::{self, Chain, Uplink};
use sbkd::wire::ChainHead;
use sbkd::wire::headers::{Hole, SignedHeaders};
use sbkd::world::{Clock as _, SystemRandom};
use serde_json::{Value, json};

use super::world::{PACE, TERMINAL, clock, registration, settings};

/// How long anything may take before a test fails.
const LONG: Duration = Duration::from_secs(60);

/// The centre has the first `known` headers of six, and the fourth transaction. The terminal loses the third to the
/// `last`, and commits a seventh once that is told.
pub async fn loses_some(
    dir: &Path,
    centre: &Running,
    (known, last): (usize, usize),
    uplink: impl Fn(&Queue) -> Arc<dyn Uplink>,
) -> Value {
    let queue = open(dir);
    let mut ids = Vec::new();
    for n in 1..=6 {
        ids.push(queue.commit_async(registration(&n.to_string())).await.unwrap().row.id);
    }
    let all = queue.signed_headers(ChainHead::default(), 10).unwrap();
    let way = uplink(&queue);
    if known > 0 {
        let (headers, groups) = (all.headers[..known].to_vec(), all.groups[..known].to_vec());
        let first = SignedHeaders { headers, groups, holes: Vec::new() };
        assert_eq!(way.headers(&first).await.unwrap().sequence, known as u64);
    }
    let fourth = queue.envelope(ids[3]).unwrap().unwrap();
    way.deliver(&[fourth]).await.remove(0).unwrap();
    until(centre, || (), |ledger| sequences(ledger) == [4]).await;
    queue.close();
    drop((queue, way));

    let db = Connection::open(settings(dir).path).unwrap();
    let damage = "DROP TRIGGER entries_fixed; UPDATE entries SET header = x'00' WHERE sequence BETWEEN 3 AND";
    db.execute_batch(&format!("{damage} {last}")).unwrap();
    drop(db);
    let done =
        free(|| queue::set_aside(&settings(dir), &keys(dir), clock().now(), queue::Unread::IsNotKnown, &mut || Ok(())));
    let head = |n: usize| ChainHead { sequence: all.groups[n - 1].sequence, hash: all.groups[n - 1].head };
    assert_eq!(done.lost, [Hole { after: head(2), until: head(last) }]);

    let queue = open(dir);
    let worker = sync::start(queue.clone(), uplink(&queue), PACE, Arc::new(clock()), Arc::new(SystemRandom::default()));
    until(centre, || worker.wake(), |ledger| ledger["holes"][0].is_object()).await;
    queue.commit_async(registration("7")).await.unwrap();
    let is_left = |n: &u64| *n < 3 || *n > last as u64 || *n == 4;
    let left: Vec<u64> = (1..=7).filter(is_left).collect();
    let ended = |ledger: &Value| ledger["terminals"][0]["sequence"] == 7 && sequences(ledger) == left;
    let ledger = until(centre, || worker.wake(), ended).await;
    let proof =
        queue::prove(&settings(dir).path, Witness::Public(&queue.public_key()), Some(&settings(dir).anchor)).unwrap();
    assert_eq!((proof.rows, proof.lost), (left.len() as u64 - 1, done.lost));
    assert_eq!(ledger["terminals"][0]["hash"], json!(proof.head));
    let mut status = worker.status();
    let agrees = status.wait_for(|status| status.reachable && status.chain == Chain::Agrees);
    drop(tokio::time::timeout(LONG, agrees).await.expect("the chain agrees").unwrap());
    let mut changes = queue.changes();
    let acked = async {
        while queue.list(&queue::Filter::default()).unwrap().iter().any(|row| row.state != State::Acked) {
            // Missed changes are no harm: the list is read again.
            drop(changes.recv().await);
        }
    };
    tokio::time::timeout(LONG, acked).await.expect("each is answered");
    worker.stop().await;
    queue.close();

    // One alarm, and no other; the list of it is kept.
    let ledger = centre.ledger().await.unwrap();
    let alarms: Vec<_> = ledger["alarms"].as_array().unwrap().iter().map(|one| (&one["code"], &one["times"])).collect();
    assert_eq!(alarms, [(&json!("C-CHAIN-HOLE"), &json!(1))], "{ledger}");
    assert_eq!(ledger["alarms"][0]["terminal"], TERMINAL);
    let hole = &ledger["holes"][0];
    assert_eq!((&hole["after"], &hole["until"]), (&json!(head(2)), &json!(head(last))));
    assert_eq!((&hole["records"], &hole["transactions"]), (&json!(last - 2), &json!(1)));
    ledger
}

/// The places of the transactions that the centre has, in their order.
fn sequences(ledger: &Value) -> Vec<u64> {
    let all = ledger["transactions"].as_array().unwrap().iter();
    let mut all: Vec<u64> = all.map(|one| one["sequence"].as_u64().unwrap()).collect();
    all.sort_unstable();
    all
}

/// What the centre holds once it is as wanted; `each` is done before it is looked at again.
async fn until(centre: &Running, each: impl Fn(), wanted: impl Fn(&Value) -> bool) -> Value {
    let there = async {
        loop {
            let ledger = centre.ledger().await.unwrap();
            if wanted(&ledger) {
                return ledger;
            }
            each();
            tokio::task::yield_now().await;
        }
    };
    match tokio::time::timeout(LONG, there).await {
        Ok(ledger) => ledger,
        Err(_) => panic!("still waiting: {}", centre.ledger().await.unwrap()),
    }
}

fn keys(dir: &Path) -> QueueKeys {
    QueueKeys::load_or_create(&dir.join("keys"), &SystemRandom::default()).unwrap()
}

fn open(dir: &Path) -> Queue {
    let random = || Arc::new(SystemRandom::default());
    free(|| Queue::open(settings(dir), keys(dir), Arc::new(clock()), random()))
}

/// A child that another test starts has the lock of what was closed until it is a program of its own.
fn free<T: std::fmt::Debug>(mut work: impl FnMut() -> Result<T, QueueError>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        match work() {
            Err(QueueError::InUse) if Instant::now() < deadline => std::thread::yield_now(),
            done => return done.unwrap(),
        }
    }
}
