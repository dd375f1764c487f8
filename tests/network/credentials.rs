//! Who the servers of NATS let in: by a file of credentials, by a token, by a name and a password.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_nats::ConnectOptions;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use nkeys::KeyPair;
use sbkd::center::{Broker, Settings};
use sbkd::queue::State;
use sbkd::sync::{self, JetStreamUplink, Link, Uplink as _, UplinkError};
use sbkd::world::SystemRandom;
use serde_json::{Value, json};

use crate::nats::Cluster;
use crate::rights::rights;
use crate::stored::{PACE, until, until_answered};
use crate::world::{Centre, TERMINAL, center_settings, clock, journal, registration};

/// A JWT of NATS.
fn jwt(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: Value) -> String {
    jwt_until(issuer, subject, name, nats, 0)
}

/// The same, which ends at a second since 1970; 0 for never.
fn jwt_until(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: Value, ends: i64) -> String {
    let claims = json!({
        "jti": name, "iat": 1_700_000_000, "exp": ends, "iss": issuer.public_key(), "name": name,
        "sub": subject.public_key(), "nats": nats,
    });
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let text = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), part(&claims));
    let signature = issuer.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// An account's JWT, without limits.
fn account(operator: &KeyPair, account: &KeyPair, name: &str, storage: i64) -> String {
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage,
    });
    jwt(operator, account, name, json!({ "limits": limits, "type": "account", "version": 2 }))
}

/// The text of a user's file of credentials; with these rights, or with all.
fn credentials(account: &KeyPair, name: &str, rights: Option<[Vec<String>; 2]>) -> String {
    credentials_until(account, name, rights, 0)
}

/// The same, which end at a second since 1970; 0 for never.
fn credentials_until(account: &KeyPair, name: &str, rights: Option<[Vec<String>; 2]>, ends: i64) -> String {
    let mut nats = json!({ "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2 });
    if let Some([publish, subscribe]) = rights {
        (nats["pub"], nats["sub"]) = (json!({ "allow": publish }), json!({ "allow": subscribe }));
    }
    let user = KeyPair::new_user();
    let token = jwt_until(account, &user, name, nats, ends);
    let seed = user.seed().unwrap();
    format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

/// Servers with an operator and an account of the project's.
async fn cluster(project: &KeyPair) -> Cluster {
    let (operator, system) = (KeyPair::new_operator(), KeyPair::new_account());
    let settings = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload {{\n{}: {}\n{}: {}\n}}\n",
        jwt(&operator, &operator, "operator", json!({ "type": "operator", "version": 2 })),
        system.public_key(),
        system.public_key(),
        account(&operator, &system, "system", 0),
        project.public_key(),
        account(&operator, project, "project", -1),
    );
    let options = ConnectOptions::with_credentials(&credentials(project, "all", None)).unwrap();
    Cluster::start_as("nats", |_| settings.clone(), options).await
}

fn settings(cluster: &Cluster, file: &Path) -> Settings {
    let broker =
        Broker { urls: cluster.urls(), credentials: Some(file.to_owned()), roots: None, client: None, replicas: 3 };
    Settings { broker: Some(broker), ..center_settings() }
}

/// The way of a terminal with the credentials of a file.
fn link(cluster: &Cluster, file: &Path, centre: &Centre) -> Link {
    let (credentials, centre_key) = (Some(file.to_owned()), Some(centre.running.public_key));
    Link { url: cluster.urls(), credentials, centre_key, ..Link::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_wrong_are_told_as_such_and_taken_up_when_they_are_right() {
    let dir = tempfile::tempdir().unwrap();
    let (project, stranger) = (KeyPair::new_account(), KeyPair::new_account());
    let cluster = cluster(&project).await;
    let (own, wrong) = (dir.path().join("centre.creds"), dir.path().join("wrong.creds"));
    fs::write(&own, credentials(&project, "centre", None)).unwrap();
    fs::write(&wrong, credentials(&stranger, "centre", None)).unwrap();
    let refused = sbkd::center::run(settings(&cluster, &wrong)).await.err().unwrap();
    assert!(refused.contains("authorization violation"), "{refused}");
    let missing = sbkd::center::run(settings(&cluster, &dir.path().join("none.creds"))).await.err().unwrap();
    assert!(missing.contains("none.creds"), "{missing}");
    let centre = Centre::with(settings(&cluster, &own)).await;

    let file = dir.path().join("terminal.creds");
    let link = link(&cluster, &file, &centre);
    let queue = journal(&dir.path().join("state"), TERMINAL);
    let uplink = Arc::new(JetStreamUplink::new(&link, queue.clone()).unwrap());
    let error = uplink.probe().await.unwrap_err();
    assert!(matches!(&error, UplinkError::Setting(why) if why.contains("terminal.creds")), "{error:?}");
    fs::write(&file, credentials(&stranger, TERMINAL, Some(rights(TERMINAL)))).unwrap();
    assert_eq!(uplink.probe().await, Err(UplinkError::Unauthorized(401)));
    let worker = sync::start(queue.clone(), uplink, PACE, Arc::new(clock()), Arc::new(SystemRandom::default()));
    let mut status = worker.status();
    status.wait_for(|status| !status.reachable && status.unauthorized).await.unwrap();
    let row = queue.commit_async(registration("a")).await.unwrap().row;
    assert!(row.state.is_open());
    // The right ones, with the rights of the document; nothing is started anew.
    fs::write(&file, credentials(&project, TERMINAL, Some(rights(TERMINAL)))).unwrap();
    until(&queue, row.id, State::Acked).await;
    status.wait_for(|status| status.reachable && !status.unauthorized).await.unwrap();
    worker.stop().await;
    centre.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_end_while_the_connection_stands_are_replaced_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let project = KeyPair::new_account();
    let cluster = cluster(&project).await;
    let (own, file) = (dir.path().join("centre.creds"), dir.path().join("terminal.creds"));
    fs::write(&own, credentials(&project, "centre", None)).unwrap();
    let centre = Centre::with(settings(&cluster, &own)).await;
    let link = link(&cluster, &file, &centre);
    let queue = journal(&dir.path().join("state"), TERMINAL);
    let ends = Timestamp::now().as_second() + 6;
    fs::write(&file, credentials_until(&project, TERMINAL, Some(rights(TERMINAL)), ends)).unwrap();
    let uplink = Arc::new(JetStreamUplink::new(&link, queue.clone()).unwrap());
    let worker = sync::start(queue.clone(), uplink, PACE, Arc::new(clock()), Arc::new(SystemRandom::default()));
    let mut status = worker.status();
    status.wait_for(|status| status.reachable).await.unwrap();
    let row = queue.commit_async(registration("a")).await.unwrap().row;
    until(&queue, row.id, State::Acked).await;
    // The servers end the connection then, and let nobody in who shows the same once more.
    status.wait_for(|status| !status.reachable).await.unwrap();
    assert!(Timestamp::now().as_second() >= ends);
    let row = queue.commit_async(registration("b")).await.unwrap().row;
    assert!(row.state.is_open());
    fs::write(&file, credentials(&project, TERMINAL, Some(rights(TERMINAL)))).unwrap();
    until(&queue, row.id, State::Acked).await;
    status.wait_for(|status| status.reachable).await.unwrap();
    worker.stop().await;
    centre.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lets_in_who_has_it_and_a_password_is_not_left_in_an_address() {
    let cluster = Cluster::start_with(|n| match n {
        0 => String::new(),
        _ => "authorization { token: right }\n".into(),
    });
    let cluster = cluster.await;
    let broker = Broker { urls: cluster.url(0), credentials: None, roots: None, client: None, replicas: 3 };
    let centre = Centre::with(Settings { broker: Some(broker), ..center_settings() }).await;
    let dir = tempfile::tempdir().unwrap();
    let queue = journal(dir.path(), TERMINAL);
    let uplink = |url: String, token: &str| {
        let (token, centre_key) = (token.to_owned().into(), Some(centre.running.public_key));
        JetStreamUplink::new(&Link { url, token, centre_key, ..Link::default() }, queue.clone())
    };
    until_answered(&uplink(cluster.url(1), "right").unwrap()).await.unwrap();
    for token in ["wrong", ""] {
        let probed = uplink(cluster.url(1), token).unwrap().probe().await;
        assert_eq!(probed, Err(UplinkError::Unauthorized(401)), "{token}");
    }
    // It would be shown to nobody.
    for who in ["name:password", "right"] {
        let url = cluster.url(1).replace("//", &format!("//{who}@"));
        assert!(matches!(uplink(url, "").err(), Some(UplinkError::Setting(_))), "{who}");
    }
    centre.running.stop().await;
}
