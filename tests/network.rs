//! Everything goes up once, whatever the network does: over HTTPS with certificates, and over a cluster of JetStream.
//!
//! `SBKD_FULL=1` takes the whole numbers; without it a part of them.

#[path = "network/credentials.rs"]
mod credentials;
#[path = "delivery/hole.rs"]
mod hole;
#[path = "network/link.rs"]
mod link;
#[path = "rig/nats.rs"]
mod nats;
#[path = "network/rights.rs"]
mod rights;
#[path = "network/secured.rs"]
mod secured;
#[path = "network/stored.rs"]
mod stored;
#[path = "network/terminal.rs"]
mod terminal;
#[path = "delivery/tls.rs"]
#[allow(dead_code, reason = "the certificates of all tests; this one uses a part")]
mod tls;
#[path = "delivery/world.rs"]
#[allow(dead_code, reason = "the world of the delivery's tests; this one uses a part")]
mod world;

use std::sync::Arc;

use sbkd::center::Faults;

use link::{Ills, Link};
use terminal::{Terminal, centre};

/// How many, in full and shortened.
fn number(full: u32, short: u32) -> u32 {
    if std::env::var_os("SBKD_FULL").is_some_and(|full| full == "1") { full } else { short }
}

/// What the centre does wrong besides: requests that come twice, out of order, whose answers are lost, that fail.
fn faults() -> Faults {
    Faults {
        duplicate: number(200, 40),
        reorder: number(50, 5),
        drop_answer: number(40, 8),
        fail: 10,
        ..Faults::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_https_each_is_settled_once_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let authority = tls::Authority::new(dir.path());
    let centre = centre(dir.path(), Some(authority.server()), None).await;
    centre.play(faults());
    let ills = Ills { cut: 60, cut_after: 20, delay: 20, seed: 4 };
    let link = Link::start(centre.running.address, ills).await;
    let terminal = Terminal::https(dir.path(), link.port(), &centre, authority.client("terminal"));
    terminal.work(number(10_000, 1_000)).await;
    let cuts = link.cuts();
    assert!(cuts > 10, "the link cut {cuts} connections only");
    terminal.check(&centre).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_cluster_that_loses_a_server_each_is_settled_once_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = nats::Cluster::start().await;
    let centre = centre(dir.path(), None, Some(cluster.urls())).await;
    centre.play(faults());
    let terminal = Arc::new(Terminal::jetstream(dir.path(), &cluster.urls(), &centre));
    let count = number(10_000, 500);
    let working = tokio::spawn({
        let terminal = terminal.clone();
        async move { terminal.work(count).await }
    });
    terminal.until_committed(count / 4).await;
    cluster.kill(1);
    terminal.until_committed(count / 2).await;
    cluster.revive(1);
    working.await.unwrap();
    terminal.check(&centre).await;
}
