//! Servers of NATS with TLS that want a certificate of whoever comes: who has one is served, nothing is said to others.

use std::path::PathBuf;
use std::sync::Arc;

use async_nats::ConnectOptions;
use sbkd::center::{Broker, Settings};
use sbkd::queue::State;
use sbkd::sync::{self, JetStreamUplink, Link, TlsFiles, Uplink as _, UplinkError};
use sbkd::wire::hsm::Question;
use sbkd::world::SystemRandom;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::nats::Cluster;
use crate::stored::{PACE, until, until_answered};
use crate::tls::Authority;
use crate::world::{Centre, TERMINAL, center_settings, clock, journal, registration};

/// The block of the servers' settings, as docs/upstream.md has it.
fn tls_block(certificate: &str, key: &str, roots: &str) -> String {
    let block = include_str!("../../docs/upstream.md").split("nats-server.conf:\n\n```\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let files = [("server.pem", certificate), ("server.key", key), ("roots.pem", roots)];
    files.iter().fold(block.to_owned(), |block, (name, file)| {
        let name = format!("/etc/nats/{name}");
        assert!(block.contains(&name), "{block}");
        block.replace(&name, file)
    })
}

async fn cluster(authority: &Authority) -> (Cluster, TlsFiles) {
    let (server, own) = (authority.server(), authority.client("own"));
    let [certificate, key, roots] =
        [&server.certificate, &server.key, &server.client_roots].map(|file| file.to_str().unwrap().to_owned());
    let (own_certificate, own_key) = own.client.clone().unwrap();
    let options = ConnectOptions::new().require_tls(true).add_root_certificates(server.client_roots);
    let options = options.add_client_certificate(own_certificate, own_key);
    (Cluster::start_as("tls", |_| tls_block(&certificate, &key, &roots), options).await, own)
}

fn settings(cluster: &Cluster, roots: Option<PathBuf>, client: Option<(PathBuf, PathBuf)>) -> Settings {
    let broker = Some(Broker { urls: cluster.urls(), credentials: None, roots, client, replicas: 3 });
    Settings { broker, ..center_settings() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_certificates_it_is_delivered_and_answered_and_nothing_is_said_to_anybody_without() {
    let dirs = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let (authority, elsewhere) = (Authority::new(dirs[0].path()), Authority::new(dirs[1].path()));
    let (cluster, own) = cluster(&authority).await;
    // A centre without a certificate is not served, nor does one speak to servers that it cannot know.
    for (roots, client) in
        [(own.roots.clone(), None), (elsewhere.client("centre").roots, authority.client("centre-own").client)]
    {
        assert!(sbkd::center::run(settings(&cluster, roots, client)).await.is_err());
    }
    let centre = Centre::with(settings(&cluster, own.roots.clone(), own.client.clone())).await;
    let link = |tls: &TlsFiles| Link {
        url: cluster.urls(),
        tls: tls.clone(),
        centre_key: Some(centre.running.public_key),
        ..Link::default()
    };
    let terminal = authority.client("terminal");
    let queue = journal(dirs[2].path(), TERMINAL);
    let uplink = Arc::new(JetStreamUplink::new(&link(&terminal), queue.clone()).unwrap());
    until_answered(&*uplink).await.unwrap();
    // A string of the HSM flow goes the same way as any request.
    let question: Question = serde_json::from_value(json!({
        "kind": "bas",
        "card": {
            "algorithm": "SM4",
            "identifier": "440100D15600000530000003FFFFFFFF",
            "historical": "86035342440003440130000003",
        },
        "string": "440100|86035342440003440130000003|03|440100D15600000530000003FFFFFFFF|\
                   0102030405060708|1112131415161718|2122232425262728|3132333435363738|000000000000|",
    }))
    .unwrap();
    assert_eq!(uplink.keys(&question).await.unwrap().string.reveal().len(), 2 * 33);
    let worker = sync::start(queue.clone(), uplink, PACE, Arc::new(clock()), Arc::new(SystemRandom::default()));
    let row = queue.commit_async(registration("a")).await.unwrap().row;
    until(&queue, row.id, State::Acked).await;
    worker.stop().await;

    // Servers of other roots; no certificate; one of other roots.
    let other = elsewhere.client("terminal");
    let fooled = TlsFiles { roots: other.roots.clone(), ..terminal.clone() };
    let without = TlsFiles { client: None, ..terminal.clone() };
    let foreign = TlsFiles { client: other.client, ..terminal };
    let row = queue.commit_async(registration("b")).await.unwrap().row;
    let envelope = queue.envelope(row.id).unwrap().unwrap();
    for (tls, why) in [(fooled, "invalid peer certificate"), (without, ""), (foreign, "")] {
        let uplink = JetStreamUplink::new(&link(&tls), queue.clone()).unwrap();
        for error in [
            uplink.probe().await.unwrap_err(),
            uplink.deliver(std::slice::from_ref(&envelope)).await.remove(0).unwrap_err(),
        ] {
            assert!(error.never_sent(), "{error:?}");
            assert!(matches!(&error, UplinkError::Unreachable(said) if said.contains(why)), "{error:?}");
        }
    }
    assert!(queue.get(row.id).unwrap().unwrap().state.is_open());
    let ledger = centre.running.ledger().await.unwrap();
    assert_eq!(ledger["transactions"].as_array().unwrap().len(), 1, "{ledger}");
    centre.running.stop().await;
}

#[tokio::test]
async fn to_a_server_without_tls_nothing_is_said() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tls://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let info = "INFO {\"server_id\":\"a\",\"server_name\":\"a\",\"version\":\"2.9.10\",\"go\":\"\",\"host\":\"a\",\
                    \"port\":1,\"headers\":true,\"max_payload\":1048576,\"proto\":1,\"client_id\":1}\r\n";
        stream.write_all(info.as_bytes()).await.unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).await.unwrap();
        // What a server without TLS says to this.
        stream.write_all(b"-ERR 'Unknown Protocol Operation'\r\n").await.unwrap();
        let mut said = first.to_vec();
        drop(stream.read_to_end(&mut said).await);
        said
    });
    let tls = Authority::new(dirs[0].path()).client("terminal");
    let link = Link {
        url,
        tls,
        token: "a secret token".to_owned().into(),
        centre_key: Some(Default::default()),
        ..Link::default()
    };
    let uplink = JetStreamUplink::new(&link, journal(dirs[1].path(), TERMINAL)).unwrap();
    let error = uplink.probe().await.unwrap_err();
    assert!(matches!(error, UplinkError::Unreachable(_)), "{error:?}");
    let said = server.await.unwrap();
    // A record of TLS's handshake, and neither a greeting nor the token.
    assert_eq!(said[0], 0x16);
    let said = String::from_utf8_lossy(&said);
    assert!(!said.contains("CONNECT") && !said.contains("a secret token"), "{said}");
}
