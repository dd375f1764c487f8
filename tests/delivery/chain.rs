//! The chain of headers: what the centre takes, and what it finds out.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sbkd::center::{self, Settings};
use sbkd::queue::{Queue, State};
use sbkd::sync::{Chain, HttpUplink, Uplink, UplinkError};
use sbkd::wire::headers::{Hole, SignedHeaders, SignedHole};
use sbkd::wire::{ChainHead, Digest};
use serde_json::json;

use super::forward::of_another;
use super::hole::loses_some;
use super::world::{Centre, Life, Process, TERMINAL, center_settings, delivered, link, registration};

fn refused_with(error: Result<impl std::fmt::Debug, UplinkError>) -> String {
    match error {
        Err(UplinkError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_what_follows_is_taken() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    for key in ["a", "b", "c", "d"] {
        process.queue.commit_async(registration(key)).await.unwrap();
    }
    let all = process.queue.signed_headers(ChainHead::default(), 10).unwrap();
    // Four commits that came one after the other: each is a group.
    assert_eq!((all.headers.len(), all.groups.len()), (4, 4));
    let part = |which: std::ops::Range<usize>| SignedHeaders {
        headers: all.headers[which.clone()].to_vec(),
        groups: all.groups[which].to_vec(),
        holes: Vec::new(),
    };
    let uplink = &process.uplink;
    assert_eq!(refused_with(uplink.headers(&part(1..4)).await), "C-CHAIN-GAP");
    assert_eq!(uplink.headers(&part(0..2)).await.unwrap().sequence, 2);
    // What is known is no fork; what stands in its place is.
    assert_eq!(uplink.headers(&part(0..3)).await.unwrap().sequence, 3);
    let mut forged = part(1..2);
    forged.headers[0].scenario = "other".into();
    assert_eq!(refused_with(uplink.headers(&forged).await), "C-CHAIN-FORK");
    let forged = forged.headers.remove(0);
    let mut unlinked = part(3..4);
    unlinked.headers[0].previous = all.headers[1].previous;
    assert_eq!(refused_with(uplink.headers(&unlinked).await), "C-CHAIN-FORK");
    // Whole groups, with the terminal's signature over each.
    let mut unsigned = part(3..4);
    unsigned.groups[0].signature = all.groups[2].signature;
    assert_eq!(refused_with(uplink.headers(&unsigned).await), "C-CHAIN-SIGNATURE");
    unsigned.groups.clear();
    assert_eq!(refused_with(uplink.headers(&unsigned).await), "C-CHAIN-SIGNATURE");
    let too_many = SignedHeaders { groups: all.groups[2..].to_vec(), ..part(2..3) };
    assert_eq!(refused_with(uplink.headers(&too_many).await), "C-CHAIN-SIGNATURE");
    let head = uplink.probe().await.unwrap();
    assert_eq!((head.sequence, head.hash), (3, all.groups[2].head));
    // Nor is what is missing lost because somebody says so.
    let hole = Hole { after: head, until: ChainHead { sequence: 5, hash: all.groups[3].head } };
    let holes = vec![SignedHole { hole, signature: all.groups[3].signature }];
    assert_eq!(refused_with(uplink.headers(&SignedHeaders { holes, ..Default::default() }).await), "C-CHAIN-SIGNATURE");
    assert_eq!(uplink.probe().await.unwrap(), head);
    // A transaction has the header that the chain has.
    let id = process.queue.list(&Default::default()).unwrap()[2].id;
    let mut envelope = process.queue.envelope(id).unwrap().unwrap();
    assert_eq!(envelope.header.sequence, 2);
    envelope.header = forged;
    assert_eq!(refused_with(delivered(uplink, &envelope).await), "C-CHAIN-FORK");
    // And the chain that of a transaction which came before it.
    let id = process.queue.list(&Default::default()).unwrap()[0].id;
    let mut ahead = process.queue.envelope(id).unwrap().unwrap();
    ahead.header.scenario = "other".into();
    delivered(uplink, &ahead).await.unwrap();
    assert_eq!(refused_with(uplink.headers(&all).await), "C-CHAIN-FORK");
    // Each kind of these is an alarm there, once with how often it came.
    let ledger = centre.ledger().await;
    let alarms: Vec<_> = ledger["alarms"].as_array().unwrap().iter().map(|one| (&one["code"], &one["times"])).collect();
    let wanted = [json!("C-CHAIN-GAP"), json!("C-CHAIN-FORK"), json!("C-CHAIN-SIGNATURE")];
    assert_eq!(alarms, wanted.iter().zip([&json!(1), &json!(4), &json!(4)]).collect::<Vec<_>>());
    process.end().await;
}

#[tokio::test]
async fn a_journal_that_was_put_back_is_found_out_by_the_centre() {
    let [dir, old, there] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let database = there.path().join("centre.db");
    let centre = Centre::with(Settings { database: Some(database.clone()), ..center_settings() }).await;
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    process.queue.commit_async(registration("a")).await.unwrap();
    process.until(|row| row.state == State::Acked).await;
    process.until_told(&centre).await;
    process.end().await;
    copy(dir.path(), old.path());

    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    process.queue.commit_async(registration("b")).await.unwrap();
    process.until(|row| row.state == State::Acked).await;
    process.until_told(&centre).await;
    assert_eq!(process.worker().status().borrow().chain, Chain::Agrees);
    process.end().await;

    // Journal and anchor of yesterday: the terminal alone cannot tell.
    copy(old.path(), dir.path());
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    process.queue.verify().unwrap();
    let mut status = process.worker().status();
    status.wait_for(|status| status.chain == Chain::Broken).await.unwrap();
    // What now takes the place of the second is not taken there and stays open here, and so does what its holder has after
    // it. Nobody else waits for them.
    process.queue.commit_async(registration("c")).await.unwrap();
    process.queue.commit_async(registration("the same holder's")).await.unwrap();
    for key in ["d", "e"] {
        process.queue.commit_async(of_another(registration(key))).await.unwrap();
        process.worker().wake();
        process.until(|row| row.state == State::Acked || matches!(row.sequence, 2 | 3)).await;
    }
    let rows = process.until(|row| row.sequence != 2 || row.reason.is_some()).await;
    let (next, fork) = (&rows[2], &rows[3]);
    assert_eq!((next.state, next.attempts), (State::Pending, 0));
    // That somebody asks for more to be sent does not send it again.
    assert_eq!((fork.state, fork.attempts, fork.reason.as_deref()), (State::Sending, 1, Some("C-CHAIN-FORK")));
    assert_eq!(process.worker().status().borrow().chain, Chain::Broken);

    // The centre gives up what it has of the journal that is gone, and nobody here does anything.
    let key = Digest(process.queue.public_key());
    let aside = center::begin_anew(&database, TERMINAL, &key).unwrap().unwrap();
    assert_eq!(aside, format!("{TERMINAL}~{key}~1"));
    let rows = process.until(|row| row.state == State::Acked).await;
    assert!(rows.len() == 5 && rows.iter().all(|row| row.reason.is_none()), "{rows:?}");
    let ledger = process.until_told(&centre).await;
    status.wait_for(|status| status.chain == Chain::Agrees).await.unwrap();
    // What both have is the terminal's again. What it lost is kept aside, with its answer.
    let names =
        |list: &str| ledger[list].as_array().unwrap().iter().map(|one| one["terminal"].clone()).collect::<Vec<_>>();
    assert_eq!(names("terminals"), [json!(TERMINAL), json!(aside)]);
    assert_eq!(names("transactions").iter().filter(|name| **name == json!(aside)).count(), 1);
    assert_eq!(names("transactions").len(), 6);
    let alarms = ledger["alarms"].as_array().unwrap();
    assert_eq!(alarms.iter().filter(|alarm| alarm["code"] == "C-CHAIN-ANEW").count(), 1, "{ledger}");
    process.queue.verify().unwrap();
    process.end().await;
}

#[tokio::test]
async fn a_journal_that_lost_records_goes_on_and_the_centre_has_an_alarm() {
    // The centre waits before the hole, where it begins, and in it; in the middle, and at the end. Or it has all the
    // headers, for these go ahead of the transactions.
    for (known, last) in [(0, 5), (2, 5), (4, 5), (1, 6), (4, 6), (6, 4), (6, 5), (5, 5), (6, 6)] {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let way = |queue: &Queue| -> Arc<dyn Uplink> {
            Arc::new(HttpUplink::new(&link(&centre.url), queue.clone()).unwrap())
        };
        let ledger = loses_some(dir.path(), &centre.running, (known, last), way).await;
        let (here, lost) = (known.min(last).saturating_sub(2), last - 2);
        // The fourth by transaction, by header as well or not.
        let unknown = if known < 4 { lost - 1 } else { lost - here };
        assert_eq!((&ledger["holes"][0]["headers"], &ledger["holes"][0]["unknown"]), (&json!(here), &json!(unknown)));
        let text = format!("known here: {here} by header, 1 by transaction; {unknown} not at all");
        assert!(ledger["alarms"][0]["text"].as_str().unwrap().ends_with(&text), "{ledger}");
    }
}

fn copy(from: &Path, to: &Path) {
    for name in ["queue.db-wal", "queue.db-shm"] {
        // The files were closed: what is left of these would be of another time.
        drop(fs::remove_file(to.join(name)));
    }
    fs::create_dir_all(to.join("keys")).unwrap();
    for entry in fs::read_dir(from).unwrap().chain(fs::read_dir(from.join("keys")).unwrap()) {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.strip_prefix(from).unwrap())).unwrap();
        }
    }
}
