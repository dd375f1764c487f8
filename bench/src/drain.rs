//! (h) A backlog that goes up to a local centre, over HTTPS and over a cluster of JetStream: items a second until each is
//! answered, and the most memory that the draining process held.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sbkd::center::{self, Broker, Faults, Running, Settings};
use sbkd::queue::{self, Draft, Queue, QueueKeys, State};
use sbkd::sync::{self, HttpUplink, JetStreamUplink, Link, Pace, TlsFiles, Uplink};
use sbkd::value::Kind;
use sbkd::wire::Digest;
use sbkd::world::{Clock, SystemClock, SystemRandom};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::nats::Cluster;
use crate::queue::Quick;
use crate::table::{Row, render};
use crate::tls::Authority;

/// The argument by which the bench starts itself as the terminal that drains.
pub const CHILD: &str = "drain-here";
const TOKEN: &str = "a token of the bench, no secret";
/// The centre's database.
const CENTRE: &str = "centre.db";
/// How many commit at once while the backlog is made.
const CALLERS: usize = 64;
/// How often the journal is looked at for its end, at the shortest; a look counts what is open, which takes its time
/// where that is much.
const LOOK: Duration = Duration::from_millis(20);
/// So many are never done in a second.
const NEVER: u64 = 20_000;

/// One way.
struct Way {
    name: &'static str,
    /// The goal, in items a second.
    goal: u32,
}

const HTTPS: Way = Way { name: "HTTPS", goal: 2_000 };
const JETSTREAM: Way = Way { name: "JetStream, three servers", goal: 5_000 };

/// Measures.
pub fn measure() -> Vec<Row> {
    let full = std::env::var_os("SBKD_FULL").is_some_and(|full| full == "1");
    let sizes: &[u32] = if full { &[10_000, 100_000, 1_000_000] } else { &[10_000, 100_000] };
    let mut rows = Vec::new();
    for way in [HTTPS, JETSTREAM] {
        for &size in sizes {
            rows.extend(drain(&way, size));
        }
    }
    rows
}

fn drain(way: &Way, size: u32) -> Vec<Row> {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::new().expect("a runtime");
    let authority = Authority::new(dir.path());
    let client = authority.client("terminal");
    let cluster = (way.name != HTTPS.name).then(|| runtime.block_on(Cluster::start()));
    let broker = cluster.as_ref().map(|cluster| Broker {
        urls: cluster.urls(),
        credentials: None,
        roots: None,
        client: None,
        replicas: 3,
    });
    let centre = runtime.block_on(centre(dir.path(), authority.server(), broker)).expect("the centre starts");
    let url = cluster.as_ref().map_or_else(|| format!("https://{}", centre.address), Cluster::urls);
    fill(dir.path(), size);

    let mut child = Command::new(std::env::current_exe().expect("this program"));
    let (certificate, key) = client.client.expect("a certificate");
    child.arg(CHILD).arg(dir.path()).arg(&url).arg(centre.public_key.to_string());
    child.arg(certificate).arg(key).arg(client.roots.expect("roots")).arg(size.to_string());
    child.arg(way.name).arg(way.goal.to_string());
    let output = child.output().expect("the bench starts itself");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    runtime.block_on(centre.stop());
    // A centre that refuses everything leaves nothing unsent either.
    assert_eq!(accepted(dir.path()), size, "the centre accepted each");
    crate::table::parse(&text)
}

/// How many transactions the centre has, and has accepted.
fn accepted(dir: &Path) -> u32 {
    let db = Connection::open(dir.join(CENTRE)).expect("the centre's database");
    let count = "SELECT count(*) FROM transactions WHERE accepted";
    db.query_row(count, [], |row| row.get(0)).expect("its transactions")
}

async fn centre(dir: &Path, tls: center::TlsFiles, broker: Option<Broker>) -> Result<Running, String> {
    let settings = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Some(dir.join(CENTRE)),
        seed: None,
        tls: Some(tls),
        broker,
        token: TOKEN.into(),
        ledger_token: None,
        demo: true,
        faults: Faults::default(),
    };
    center::run(settings).await
}

fn journal(dir: &Path, clock: Arc<dyn Clock>) -> Queue {
    let settings = queue::Settings {
        path: dir.join("queue.db"),
        anchor: dir.join("queue.anchor"),
        terminal: "H44010099999".into(),
        demo: true,
    };
    let keys = QueueKeys::load_or_create(&dir.join("keys"), &SystemRandom::default()).expect("keys");
    Queue::open(settings, keys, clock, Arc::new(SystemRandom::default())).expect("a journal")
}

/// A backlog, each of another holder.
fn fill(dir: &Path, size: u32) {
    let queue = journal(dir, Arc::new(Quick::start()));
    std::thread::scope(|scope| {
        for caller in 0..CALLERS as u32 {
            let queue = &queue;
            scope.spawn(move || {
                for n in (caller..size).step_by(CALLERS) {
                    queue.commit(draft(n)).expect("a commit");
                }
            });
        }
    });
    queue.close();
}

fn draft(n: u32) -> Draft {
    Draft {
        idempotency: format!("key {n}"),
        caller: None,
        scenario: "work-registration".into(),
        kind: Kind::Register,
        business_date: jiff::civil::date(2015, 8, 3),
        provisional: false,
        holder: format!("holder {n}").into_bytes().into(),
        operator: "0007".into(),
        shift: None,
        amount: None,
        cancels: None,
        payload: json!({ "request": { "person": "x".repeat(200), "key": n }, "detail": { "note": "y".repeat(200) } }),
        state: State::Pending,
    }
}

/// What the child does: it drains the backlog, and prints its rows.
pub fn here(arguments: &[String]) {
    let [dir, url, key, certificate, private, roots, size, name, goal] = arguments else { panic!("{arguments:?}") };
    let (dir, size): (&Path, u32) = (dir.as_ref(), size.parse().expect("a number"));
    let link = Link {
        url: url.clone(),
        token: if url.starts_with("https") { TOKEN.to_owned() } else { String::new() }.into(),
        tls: TlsFiles { client: Some((certificate.into(), private.into())), roots: Some(roots.into()) },
        credentials: None,
        centre_key: Some(key.parse::<Digest>().expect("a key")),
    };
    let runtime = Runtime::new().expect("a runtime");
    let _within = runtime.enter();
    let queue = journal(dir, Arc::new(SystemClock));
    let uplink: Arc<dyn Uplink> = match url.starts_with("https") {
        true => Arc::new(HttpUplink::new(&link, queue.clone()).expect("a way")),
        false => Arc::new(JetStreamUplink::new(&link, queue.clone()).expect("a way")),
    };
    let started = Instant::now();
    let random = Arc::new(SystemRandom::default());
    let worker = sync::start(queue.clone(), uplink, Pace::default(), Arc::new(SystemClock), random);
    loop {
        match queue.stats().expect("the journal").unsent {
            0 => break,
            open => std::thread::sleep(LOOK.max(Duration::from_millis(open * 1000 / NEVER))),
        }
    }
    let took = started.elapsed();
    let stats = queue.stats().expect("the journal");
    assert_eq!((stats.total, stats.refused), (u64::from(size), 0), "each was accepted: {stats:?}");
    let memory = crate::machine::most_resident_kb(std::process::id()).unwrap_or_default();
    runtime.block_on(worker.stop());
    let rate = u128::from(size) * 1_000_000 / took.as_micros().max(1);
    let goal: u32 = goal.parse().expect("a number");
    let rows = [
        Row::with_goal(
            &format!("(h) {size} drained over {name}"),
            format!("{rate} a second ({:.1} s)", took.as_secs_f64()),
            &format!("at least {goal} a second"),
            rate >= u128::from(goal),
        ),
        Row::with_goal(
            &format!("(h) the most memory meanwhile, {size} over {name}"),
            format!("{}.{} MB", memory / 1024, memory % 1024 * 10 / 1024),
            "below 64 MB",
            memory < 64 * 1024,
        ),
    ];
    println!("{}", render(&rows));
}
