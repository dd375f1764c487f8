//! Who a terminal is, and whose an answer is.

use sbkd::center::{self, Settings};
use sbkd::queue::{self, Queue};
use sbkd::sync::{Delivered, HttpUplink, Link, Uplink, UplinkError};
use sbkd::wire::{ChainHead, Digest, Outcome};
use serde_json::json;

use super::tls::Authority;
use super::world::{
    Centre, Life, Process, TERMINAL, center_settings, journal, link, online, opened, registration, settings,
};

fn uplink(link: &Link, queue: &Queue) -> HttpUplink {
    HttpUplink::new(link, queue.clone()).unwrap()
}

#[tokio::test]
async fn a_terminal_is_who_came_first_and_nobody_else() {
    let [first, second, third] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let centre = Centre::start().await;
    let own = journal(first.path(), TERMINAL);
    uplink(&link(&centre.url), &own).probe().await.unwrap();
    // The same code with another key: for the head, for headers, for a transaction, for a question.
    let other = journal(second.path(), TERMINAL);
    let row = other.commit_async(registration("a")).await.unwrap().row;
    let envelope = other.envelope(row.id).unwrap().unwrap();
    let stranger = uplink(&link(&centre.url), &other);
    let (_, request) = online("a");
    let forbidden = UplinkError::Unauthorized(403);
    assert_eq!(stranger.probe().await, Err(forbidden.clone()));
    assert_eq!(stranger.deliver(std::slice::from_ref(&envelope)).await, [Err(forbidden.clone())]);
    assert_eq!(stranger.request(&request).await.err(), Some(forbidden.clone()));
    let headers = other.signed_headers(Default::default(), 9).unwrap();
    assert_eq!(stranger.headers(&headers).await, Err(forbidden.clone()));
    // Another terminal, with its own key, in the first one's name.
    let neighbour = uplink(&link(&centre.url), &journal(third.path(), "H44010000077"));
    neighbour.probe().await.unwrap();
    assert_eq!(neighbour.deliver(&[envelope]).await, [Err(forbidden.clone())]);
    assert_eq!(neighbour.request(&request).await.err(), Some(forbidden));
    let ledger = centre.ledger().await;
    assert_eq!((&ledger["transactions"], &ledger["settlements"]), (&json!([]), &json!([])));
    let alarms: Vec<_> = ledger["alarms"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert!(!alarms.is_empty() && alarms.iter().all(|code| *code == "C-ENROL"), "{ledger}");
}

#[tokio::test]
async fn a_centre_that_is_no_demonstration_takes_only_whom_it_enrolled() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (authority, elsewhere) = (Authority::new(dirs[1].path()), Authority::new(dirs[2].path()));
    let (own, other) = (authority.client("terminal"), authority.client("other"));
    let database = dirs[1].path().join("centre.db");
    let settings =
        Settings { demo: false, database: Some(database.clone()), tls: Some(authority.server()), ..center_settings() };
    let centre = Centre::with(settings).await;
    let journal = journal(dirs[0].path(), TERMINAL);
    let with = |tls| Link { tls, ..link(&centre.url) };
    let terminal = uplink(&with(own.clone()), &journal);
    assert_eq!(terminal.probe().await, Err(UplinkError::Unauthorized(403)));

    let key = Digest(journal.public_key());
    let certificate = &own.client.as_ref().unwrap().0;
    for _ in 0..2 {
        center::enrol(&database, TERMINAL, &key, Some(certificate), false).unwrap();
    }
    terminal.probe().await.unwrap();
    // The key alone, or with another certificate, is not enough; nor is it bound to another one later.
    let other_certificate = &other.client.as_ref().unwrap().0;
    assert!(center::enrol(&database, TERMINAL, &key, Some(other_certificate), false).is_err());
    assert!(center::enrol(&database, TERMINAL, &Digest([9; 32]), Some(certificate), false).is_err());
    let without = sbkd::sync::TlsFiles { client: None, ..own.clone() };
    for tls in [other, without] {
        assert_eq!(uplink(&with(tls), &journal).probe().await, Err(UplinkError::Unauthorized(403)));
    }
    // A certificate of nobody's, and a centre of nobody's.
    let foreign = sbkd::sync::TlsFiles { roots: own.roots.clone(), ..elsewhere.client("terminal") };
    assert!(uplink(&with(foreign), &journal).probe().await.is_err());
    let fooled = sbkd::sync::TlsFiles { roots: elsewhere.client("x").roots, ..own };
    let error = uplink(&with(fooled), &journal).probe().await.unwrap_err();
    assert!(error.never_sent(), "{error:?}");
}

#[tokio::test]
async fn a_certificate_that_is_replaced_is_taken_up_without_a_restart() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let authority = Authority::new(dirs[1].path());
    let (old, new) = (authority.client("old"), authority.client("new"));
    let files = authority.copy("old", "terminal");
    let (certificate, key) = files.client.clone().unwrap();
    // One centre that stays, and knows the terminal by its old certificate.
    let database = dirs[1].path().join("centre.db");
    let not_demo =
        Settings { demo: false, database: Some(database.clone()), tls: Some(authority.server()), ..center_settings() };
    let centre = Centre::with(not_demo).await;
    let journal = |n: usize| opened(dirs[n].path(), queue::Settings { demo: false, ..settings(dirs[n].path()) });
    let anew = journal(2);
    let journal = journal(0);
    let public_key = Digest(journal.public_key());
    let enrol = |tls: &sbkd::sync::TlsFiles, replace| {
        center::enrol(&database, TERMINAL, &public_key, Some(&tls.client.as_ref().unwrap().0), replace)
    };
    enrol(&old, false).unwrap();
    let with = |tls: &sbkd::sync::TlsFiles| Link { tls: tls.clone(), ..link(&centre.url) };
    let found = async || {
        let both = [&old, &new].map(|tls| uplink(&with(tls), &journal));
        (both[0].probe().await.is_ok(), both[1].probe().await.is_ok())
    };
    let terminal = uplink(&with(&files), &journal);
    terminal.probe().await.unwrap();
    assert_eq!(found().await, (true, false));
    // The centre is told first. The connection that stands shows the old one, and is not taken any more.
    assert!(enrol(&new, false).is_err());
    enrol(&new, true).unwrap();
    assert_eq!(found().await, (false, true));
    let forbidden = Err(UplinkError::Unauthorized(403));
    assert_eq!(terminal.probe().await, forbidden);
    // Until both files are there the old ones go on; then the new ones, without a restart.
    let copy = authority.copy("new", "copy").client.unwrap();
    std::fs::rename(copy.1, &key).unwrap();
    assert_eq!(terminal.probe().await, forbidden);
    std::fs::rename(copy.0, &certificate).unwrap();
    terminal.probe().await.unwrap();
    // Nor does a key stay for ever: a journal that was made anew has another, and counts from one.
    let deliver = async |uplink: &HttpUplink, journal: &Queue| {
        let row = journal.commit_async(registration("a")).await.unwrap().row;
        let envelope = journal.envelope(row.id).unwrap().unwrap();
        let taken = uplink.deliver(&[envelope]).await.remove(0);
        assert!(
            matches!(&taken, Ok(Delivered::Answered(receipt)) if receipt.outcome == Outcome::Accepted),
            "{taken:?}"
        );
        uplink.headers(&journal.signed_headers(ChainHead::default(), 10).unwrap()).await.unwrap()
    };
    let head = deliver(&terminal, &journal).await;
    center::enrol(&database, TERMINAL, &Digest(anew.public_key()), Some(&certificate), true).unwrap();
    assert_eq!(terminal.probe().await, forbidden);
    let another = uplink(&with(&files), &anew);
    assert_eq!(another.probe().await, Ok(ChainHead::default()));
    assert_ne!(deliver(&another, &anew).await, head);
    let ledger = centre.running.ledger().await.unwrap();
    assert_eq!(ledger["transactions"].as_array().unwrap().len(), 2, "what came before stays: {ledger}");
}

#[tokio::test]
async fn an_answer_that_is_not_the_centres_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let centre = Centre::start().await;
    let process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    let row = process.queue.commit_async(registration("a")).await.unwrap().row;
    let envelope = process.queue.envelope(row.id).unwrap().unwrap();
    for (key, taken) in [(centre.running.public_key, true), (Digest([7; 32]), false)] {
        let uplink = uplink(&Link { centre_key: Some(key), ..link(&centre.url) }, &process.queue);
        let delivery = uplink.deliver(std::slice::from_ref(&envelope)).await.remove(0);
        assert_eq!((uplink.probe().await.is_ok(), delivery.is_ok()), (taken, taken));
        let (_, request) = online("a");
        assert_eq!(uplink.request(&request).await.is_ok(), taken);
        if !taken {
            assert!(matches!(delivery, Err(UplinkError::Answer(_))), "{delivery:?}");
        }
    }
    process.end().await;
}
