//! Everything goes up once, whatever the network does: over HTTPS with certificates, and over a cluster of JetStream.
//!
//! `SBKD_FULL=1` takes the whole numbers; without it a part of them.

#[path = "network/course.rs"]
mod course;
#[path = "network/credentials.rs"]
mod credentials;
#[path = "delivery/hole.rs"]
mod hole;
#[path = "network/link.rs"]
mod link;
#[path = "rig/nats.rs"]
mod nats;
#[path = "rig/ports.rs"]
#[allow(dead_code, reason = "for all tests; this one takes blocks")]
mod ports;
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

use std::net::SocketAddr;

use link::{Ills, Link};
use terminal::{Ends, Terminal, centre};

/// How many, in full and shortened.
fn number(full: u32, short: u32) -> u32 {
    if std::env::var_os("SBKD_FULL").is_some_and(|full| full == "1") { full } else { short }
}

/// What went wrong did, and it came to what it is there for: outcomes that nobody heard of, found out about afterwards.
fn each_kind_happened(link: &Link, given_up: usize, ends: &Ends) {
    println!("the link: {}", link.struck());
    link.struck().check();
    let Ends { forward, online, reversed, void, .. } = *ends;
    assert!(forward > 0 && online > 0 && void > 0, "{ends:?}");
    // Each of these was settled by the centre, and given up by who had not heard of it.
    assert!(reversed >= given_up && given_up > 0, "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_https_each_is_settled_once_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let authority = tls::Authority::new(dir.path());
    let centre = centre(dir.path(), Some(authority.server()), None).await;
    let ills = Ills { refused: 20, cut_up: 60, cut_down: 60, late: 20, seed: 4 };
    let link = Link::start(&[centre.running.address], ills).await;
    let terminal = Terminal::https(dir.path(), link.ports()[0], &centre, authority.client("terminal"));
    let count = number(10_000, 1_000);
    let ((), given_up) = tokio::join!(terminal.work(count), course::run(count, &terminal, &link, &centre));
    each_kind_happened(&link, given_up, &terminal.check(&centre).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_cluster_that_loses_a_server_each_is_settled_once_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = nats::Cluster::start().await;
    let centre = centre(dir.path(), None, Some(cluster.urls())).await;
    let servers: Vec<SocketAddr> = (0..3).map(|n| cluster.url(n)["nats://".len()..].parse().unwrap()).collect();
    // One connection carries everything: what ends it ends all that is under way.
    let ills = Ills { refused: 3, cut_up: 100, cut_down: 100, late: 20, seed: 5 };
    let link = Link::start(&servers, ills).await;
    let terminal = Terminal::jetstream(dir.path(), link.ports(), &cluster.urls(), &centre);
    let count = number(10_000, 500);
    let one_goes = async {
        terminal.until_committed(count / 4).await;
        cluster.kill(1);
        terminal.until_committed(count / 2).await;
        cluster.revive(1);
    };
    let course = course::run(count, &terminal, &link, &centre);
    let ((), (), given_up) = tokio::join!(terminal.work(count), one_goes, course);
    each_kind_happened(&link, given_up, &terminal.check(&centre).await);
}
