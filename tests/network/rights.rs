//! What a terminal may do on the servers, as docs/upstream.md has it, is enough for its work and for nothing of others'.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use sbkd::center::{Broker, Settings};
use sbkd::queue::State;
use sbkd::sync::{self, JetStreamUplink, Link, Uplink as _, UplinkError};
use sbkd::wire::subject;
use sbkd::world::SystemRandom;
use tokio::sync::mpsc;

use crate::nats::Cluster;
use crate::stored::{PACE, until, until_answered};
use crate::world::{Centre, TERMINAL, center_settings, clock, journal, registration};

const LONG: Duration = Duration::from_secs(60);
const OTHER: &str = "H44010099998";

/// Servers that hold each terminal to the rights of the document. Whoever comes to the first is the centre, to the
/// others a terminal.
async fn cluster() -> Cluster {
    let users: String = [TERMINAL, OTHER].map(user).concat();
    let start = Cluster::start_with(|n| {
        let who = ["centre", TERMINAL, OTHER][n];
        format!("no_auth_user: {who}\nauthorization {{ users: [ {{ user: centre, password: p }}\n{users} ] }}\n")
    });
    start.await
}

/// A connection of a user's, and what the server says to it.
async fn connect(url: String, user: &str) -> (Client, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let options = ConnectOptions::new().custom_inbox_prefix(subject::inbox(user)).event_callback(move |event| {
        if let Event::ServerError(error) = event {
            drop(tell.send(error.to_string()));
        }
        async {}
    });
    (options.connect(url).await.unwrap(), told)
}

/// What a terminal may publish and subscribe to, by the document.
pub fn rights(code: &str) -> [Vec<String>; 2] {
    let rights = include_str!("../../docs/upstream.md").split("and nothing else:\n\n```\n").nth(1).unwrap();
    let rights = rights.split("```").next().unwrap().replace("CODE", code);
    let (publish, subscribe) = rights.split_once("subscribe:").unwrap();
    let list = |text: &str| text.split(',').map(|subject| subject.trim().to_owned()).collect();
    [list(publish.trim_start_matches("publish:")), list(subscribe)]
}

/// A terminal's user, with the rights of the document.
fn user(code: &str) -> String {
    let [publish, subscribe] = rights(code);
    format!("{{ user: {code}, password: p, permissions: {{ publish: {publish:?}, subscribe: {subscribe:?} }} }}\n")
}

async fn centre(cluster: &Cluster) -> Centre {
    let broker = Some(Broker { urls: cluster.url(0), credentials: None, roots: None, client: None, replicas: 1 });
    Centre::with(Settings { broker, ..center_settings() }).await
}

fn link(url: String, centre: &Centre) -> Link {
    Link { url, centre_key: Some(centre.running.public_key), ..Link::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_rights_are_enough_and_give_nothing_of_others() {
    let cluster = cluster().await;
    let centre = centre(&cluster).await;
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for (n, code) in [(1, TERMINAL), (2, OTHER)] {
        let queue = journal(dirs[n - 1].path(), code);
        let uplink = Arc::new(JetStreamUplink::new(&link(cluster.url(n), &centre), queue.clone()).unwrap());
        until_answered(&*uplink).await.unwrap();
        let random = Arc::new(SystemRandom::default());
        let worker = sync::start(queue.clone(), uplink, PACE, Arc::new(clock()), random);
        let row = queue.commit_async(registration("a")).await.unwrap().row;
        until(&queue, row.id, State::Acked).await;
        worker.stop().await;
    }
    // Nor does the server let one of them hear, ask or take anything of the other's.
    let (client, mut told) = connect(cluster.url(2), OTHER).await;
    let mut heard = Vec::new();
    for subject in ["_INBOX.>".to_owned(), format!("{}.>", subject::inbox(TERMINAL)), "sbkd.>".to_owned()] {
        heard.push(client.subscribe(subject.clone()).await.unwrap());
        client.flush().await.unwrap();
        denied(&mut told, "Subscription").await;
    }
    let consumer = subject::consumer(OTHER);
    for subject in [
        format!("$JS.API.CONSUMER.DURABLE.CREATE.SBKD_ANSWER.{consumer}"),
        format!("$JS.API.CONSUMER.CREATE.SBKD_ANSWER.{consumer}"),
        format!("$JS.API.CONSUMER.CREATE.SBKD_ANSWER.{consumer}.{}", subject::answer(TERMINAL)),
        format!("$JS.API.CONSUMER.MSG.NEXT.SBKD_ANSWER.{}", subject::consumer(TERMINAL)),
        subject::transaction(TERMINAL),
    ] {
        client.publish(subject, "{}".into()).await.unwrap();
        client.flush().await.unwrap();
        denied(&mut told, "Publish").await;
    }
    centre.running.stop().await;
}

/// A server sends what it says to a publisher to wherever that wants it, whatever the publisher may do there itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_empties_a_stream_by_the_answer_that_a_server_gives() {
    let cluster = cluster().await;
    let (admin, _told) = connect(cluster.url(0), "centre").await;
    let jetstream = async_nats::jetstream::new(admin);
    // One stream is there from before.
    let subjects = vec![subject::EVERY_TRANSACTION.into()];
    let before = async_nats::jetstream::stream::Config {
        name: subject::TRANSACTIONS.into(),
        subjects,
        retention: async_nats::jetstream::stream::RetentionPolicy::WorkQueue,
        ..Default::default()
    };
    jetstream.create_stream(before).await.unwrap();
    centre(&cluster).await.running.stop().await;
    let stored = async || jetstream.get_stream(subject::TRANSACTIONS).await.unwrap().cached_info().state.messages;
    let (client, _told) = connect(cluster.url(2), OTHER).await;
    let terminals = async_nats::jetstream::new(client.clone());
    for _ in 0..3 {
        let put = terminals.publish(subject::transaction(OTHER), "no matter".into()).await.unwrap();
        put.await.unwrap();
    }
    for (n, stream) in [subject::TRANSACTIONS, subject::ANSWERS].into_iter().enumerate() {
        let purge = format!("$JS.API.STREAM.PURGE.{stream}");
        client.publish_with_reply(subject::transaction(OTHER), purge, "no matter".into()).await.unwrap();
        let there = async { while stored().await < 4 + n as u64 {} };
        tokio::time::timeout(LONG, there).await.expect("the server stores it");
        // It comes after what the server asked itself.
        let refused = jetstream.get_stream(stream).await.unwrap().purge().await;
        assert!(refused.is_err(), "{stream}");
    }
    assert_eq!(stored().await, 5);
}

/// Waits until the server says that it does not let this happen.
async fn denied(told: &mut mpsc::UnboundedReceiver<String>, what: &str) {
    let said = tokio::time::timeout(LONG, told.recv()).await.expect("the server denies it").unwrap();
    let said = said.to_lowercase();
    assert!(said.contains("permissions violation") && said.contains(&what.to_lowercase()), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_whose_answers_are_not_heard_is_told_so() {
    let cluster = cluster().await;
    let centre = centre(&cluster).await;
    // The stream of the answers is gone; everything else is there.
    let (admin, _told) = connect(cluster.url(0), "centre").await;
    async_nats::jetstream::new(admin).delete_stream(subject::ANSWERS).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let uplink = JetStreamUplink::new(&link(cluster.url(1), &centre), journal(dir.path(), TERMINAL)).unwrap();
    until_answered(&uplink).await.unwrap();
    let deaf = async {
        loop {
            if let Err(UplinkError::Unreachable(why)) = uplink.probe().await {
                return why;
            }
        }
    };
    let why = tokio::select! {
        why = tokio::time::timeout(LONG, deaf) => why.expect("the probe says so"),
        _ = uplink.answers() => panic!("an answer came"),
    };
    assert!(why.contains("answers are not heard"), "{why}");
    centre.running.stop().await;
}
