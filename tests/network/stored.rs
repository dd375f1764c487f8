//! What is stored on the way is not accepted: the centre's own answer says so, and nobody else's.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use sbkd::center::{Broker, Settings};
use sbkd::queue::{self, Row, State};
use sbkd::sync::{self, JetStreamUplink, Link, Pace, Uplink, UplinkError};
use sbkd::wire::batch::{ItemAnswer, LateAnswer};
use sbkd::wire::signature::{Purpose, SIGNATURE};
use sbkd::wire::{Outcome, Receipt, infno, subject};
use sbkd::world::SystemRandom;
use serde_json::json;

use crate::hole::loses_some;
use crate::nats::Cluster;
use crate::world::{Centre, TERMINAL, center_settings, clock, journal, registration};

const LONG: Duration = Duration::from_secs(120);
pub const PACE: Pace = Pace {
    first: Duration::from_millis(5),
    longest: Duration::from_millis(200),
    heartbeat: Duration::from_millis(200),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_accepted_by_the_centres_own_answer_only() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let cluster = Cluster::start().await;
    let broker = Some(Broker { urls: cluster.urls(), credentials: None, roots: None, client: None, replicas: 3 });
    let settings = Settings { broker, database: Some(dirs[2].path().join("centre.db")), ..center_settings() };
    let centre = Centre::with(settings.clone()).await;
    let link = |key| Link { url: cluster.urls(), centre_key: Some(key), ..Link::default() };
    let key = centre.running.public_key;
    let (own, stranger) = (journal(dirs[0].path(), TERMINAL), journal(dirs[1].path(), TERMINAL));
    let uplink = Arc::new(JetStreamUplink::new(&link(key), own.clone()).unwrap());
    until_answered(&*uplink).await.unwrap();
    // The stranger's key is not the one that came first, and a centre with another key is none.
    let other = JetStreamUplink::new(&link(key), stranger.clone()).unwrap();
    assert_eq!(until_answered(&other).await, Err(UplinkError::Unauthorized(403)));
    let fooled = JetStreamUplink::new(&link(Default::default()), own.clone()).unwrap();
    assert!(matches!(until_answered(&fooled).await, Err(UplinkError::Answer(_))));
    // Stored it is, and never taken.
    let row = stranger.commit_async(registration("stranger's")).await.unwrap().row;
    let envelope = stranger.envelope(row.id).unwrap().unwrap();
    assert_eq!(other.deliver(&[envelope]).await, [Ok(sync::Delivered::Stored)]);
    let random = Arc::new(SystemRandom::default());
    let worker = sync::start(own.clone(), uplink.clone(), PACE, Arc::new(clock()), random);
    let first = own.commit_async(registration("first")).await.unwrap().row;
    until(&own, first.id, State::Acked).await;
    let ledger = centre.running.ledger().await.unwrap();
    assert_eq!(ledger["transactions"].as_array().unwrap().len(), 1, "{ledger}");
    assert!(ledger["alarms"].to_string().contains("C-ENROL"), "{ledger}");

    // The centre goes, and what is committed is handed over. Somebody else says that it was accepted.
    centre.running.stop().await;
    let mut status = worker.status();
    drop(tokio::time::timeout(LONG, status.wait_for(|status| !status.reachable)).await.unwrap().unwrap());
    // That nobody is there is said by servers, who are not the centre: a settlement is not taken for never sent.
    let asker = sync::Asker::new(uplink.clone(), Arc::new(clock()), TERMINAL, true);
    let asked = uplink.request(&asker.request(infno::SETTLE, "0007", json!({}))).await;
    assert!(matches!(&asked, Err(error @ UplinkError::NoAnswer(_)) if !error.never_sent()), "{asked:?}");
    assert!(matches!(uplink.probe().await, Err(UplinkError::Unreachable(_))));
    let second = own.commit_async(registration("second")).await.unwrap().row;
    until(&own, second.id, State::HandedOver).await;
    forge(&cluster, &second, &stranger).await;
    assert_eq!(own.get(second.id).unwrap().unwrap().state, State::HandedOver);
    // Back with its own key, it answers what had been stored.
    let centre = Centre::with(settings).await;
    let row = until(&own, second.id, State::Acked).await;
    assert_ne!(row.centre_no.as_deref(), Some("forged"));
    assert_eq!(centre.running.ledger().await.unwrap()["transactions"].as_array().unwrap().len(), 2);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_lost_records_goes_on_over_jetstream_as_well() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let cluster = Cluster::start().await;
    let broker = Some(Broker { urls: cluster.urls(), credentials: None, client: None, roots: None, replicas: 3 });
    let database = Some(dirs[1].path().join("centre.db"));
    let centre = Centre::with(Settings { broker, database, ..center_settings() }).await;
    let centre_key = Some(centre.running.public_key);
    // Both sides find the servers before anything is sent.
    let first = journal(&dirs[1].path().join("first"), "H44010099998");
    let link = || Link { url: cluster.urls(), centre_key, ..Link::default() };
    until_answered(&JetStreamUplink::new(&link(), first).unwrap()).await.unwrap();
    let way =
        |queue: &queue::Queue| -> Arc<dyn Uplink> { Arc::new(JetStreamUplink::new(&link(), queue.clone()).unwrap()) };
    let ledger = loses_some(dirs[0].path(), &centre.running, (4, 5), way).await;
    assert_eq!(ledger["holes"][0]["headers"], 2);
}

/// Asks until the servers and the centre answer anything.
pub async fn until_answered(uplink: &dyn Uplink) -> Result<(), UplinkError> {
    let answered = async {
        loop {
            match uplink.probe().await {
                Err(UplinkError::Unreachable(_) | UplinkError::NoAnswer(_)) => tokio::task::yield_now().await,
                answer => return answer.map(drop),
            }
        }
    };
    tokio::time::timeout(LONG, answered).await.expect("the centre answers")
}

/// Waits until a transaction is in a state.
pub async fn until(queue: &queue::Queue, id: uuid::Uuid, state: State) -> Row {
    let mut changes = queue.changes();
    let there = async {
        loop {
            let row = queue.get(id).unwrap().unwrap();
            if row.state == state {
                return row;
            }
            // Missed changes are no harm: the journal is asked again.
            drop(changes.recv().await);
        }
    };
    let in_time = tokio::time::timeout(LONG, there).await;
    in_time.unwrap_or_else(|_| panic!("still waiting: {:?}", queue.get(id).unwrap()))
}

/// An answer with a signature that is not the centre's; returns when it was read and done with.
async fn forge(cluster: &Cluster, row: &Row, stranger: &queue::Queue) {
    let receipt = Receipt {
        id: row.id,
        outcome: Outcome::Accepted,
        centre_no: "forged".into(),
        received_at: row.created_at,
        output: json!(null),
    };
    let body = serde_json::to_vec(&[LateAnswer { id: row.id, answer: ItemAnswer::Receipt(receipt) }]).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, stranger.sign(Purpose::Stored, &body).to_string().as_str());
    let urls = cluster.urls();
    let client = async_nats::connect(urls.split(',').collect::<Vec<_>>()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    jetstream.publish_with_headers(subject::answer(TERMINAL), headers, body.into()).await.unwrap().await.unwrap();
    let gone = async {
        let stream = jetstream.get_stream(subject::ANSWERS).await.unwrap();
        while stream.get_info().await.unwrap().state.messages > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, gone).await.expect("the terminal reads it");
}
