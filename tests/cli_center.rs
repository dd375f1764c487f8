//! `sbkd center` as it is used where real people are: terminals are enrolled, come with a certificate, and nobody else is
//! served.

mod rig;
#[path = "delivery/tls.rs"]
#[allow(dead_code, reason = "the certificates of all tests; this one uses a part")]
mod tls;
#[path = "delivery/world.rs"]
#[allow(dead_code, reason = "the world of the delivery's tests; this one uses a part")]
mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rig::{Child, Ran};
use sbkd::queue::{self, Queue, QueueKeys};
use sbkd::sync::{HttpUplink, Link, TlsFiles, Uplink, UplinkError};
use sbkd::wire::{ChainHead, Digest, Outcome};
use sbkd::world::SystemRandom;
use serde_json::{Value, json};
use tls::Authority;
use world::{TERMINAL, TOKEN, clock, delivered, registration};

/// `sbkd … --json` in `dir`.
fn sbkd(dir: &Path, args: &[&str]) -> Command {
    let mut command = rig::bare();
    command.args(args).arg("--json").current_dir(dir);
    command
}

/// `sbkd center enrol` with the centre's database and these.
fn enrol(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(sbkd(dir, &[&["center", "enrol", "--database", "centre.db"], args].concat()))
}

/// A centre's process with TLS, its address and its key.
fn serve(dir: &Path, authority: &Authority) -> (Child, String, Digest) {
    let files = authority.server();
    let [certificate, key, roots] =
        [&files.certificate, &files.key, &files.client_roots].map(|file| file.to_str().unwrap());
    let args = ["center", "--listen", "127.0.0.1:0", "--database", "centre.db", "--token-file", "token"];
    let with_tls = ["--tls-cert", certificate, "--tls-key", key, "--client-roots", roots];
    let mut centre = Child::spawn("centre", sbkd(dir, &[&args[..], &with_tls].concat()), dir);
    let ready = centre.line("the centre is ready", |line| {
        let value: Value = serde_json::from_str(line).ok()?;
        (value["ready"] == true).then_some(value)
    });
    let url = ready["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://127.0.0.1:"), "{ready}");
    (centre, url, ready["key"].as_str().unwrap().parse().unwrap())
}

/// A journal of a terminal that is no demonstration.
fn journal(dir: &Path, terminal: &str) -> Queue {
    fs::create_dir_all(dir).unwrap();
    let settings = queue::Settings { terminal: terminal.into(), demo: false, ..world::settings(dir) };
    let keys = QueueKeys::load_or_create(&dir.join("keys"), &SystemRandom::default()).unwrap();
    Queue::open(settings, keys, Arc::new(clock()), Arc::new(SystemRandom::default())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_is_enrolled_delivers_over_tls_and_nobody_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::write(dir.join("token"), TOKEN).unwrap();
    fs::set_permissions(dir.join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    let authority = Authority::new(dir);
    let [own, other] = ["terminal", "other"].map(|name| authority.client(name));
    let queue = journal(&dir.join("first"), TERMINAL);
    let key = Digest(queue.public_key()).to_string();
    let certificate = own.client.as_ref().unwrap().0.to_str().unwrap();
    let first = ["--terminal", TERMINAL, "--key", key.as_str(), "--cert", certificate];
    assert_eq!(enrol(dir, &first).success(), json!({ "enrolled": TERMINAL, "key": key }));

    let (centre, url, centre_key) = serve(dir, &authority);
    let uplink = |queue: &Queue, tls: &TlsFiles| -> Arc<dyn Uplink> {
        let token = TOKEN.to_owned().into();
        let link = Link { url: url.clone(), token, tls: tls.clone(), centre_key: Some(centre_key), ..Link::default() };
        Arc::new(HttpUplink::new(&link, queue.clone()).unwrap())
    };
    let row = queue.commit_async(registration("a")).await.unwrap().row;
    let envelope = queue.envelope(row.id).unwrap().unwrap();
    let receipt = delivered(&uplink(&queue, &own), &envelope).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Accepted, "{receipt:?}");
    // With another certificate, or none, it is nobody; nor is a terminal that the centre was not told of.
    let forbidden = Err(UplinkError::Unauthorized(403));
    let without = TlsFiles { client: None, ..own.clone() };
    for tls in [&other, &without] {
        assert_eq!(delivered(&uplink(&queue, tls), &envelope).await.map(drop), forbidden);
    }
    let unknown = journal(&dir.join("unknown"), "H44010099998");
    assert_eq!(uplink(&unknown, &other).probe().await.map(drop), forbidden);
    // One that comes by its key alone is enrolled while the centre runs.
    let unknown_key = Digest(unknown.public_key()).to_string();
    enrol(dir, &["--terminal", "H44010099998", "--key", &unknown_key]).success();
    uplink(&unknown, &without).probe().await.unwrap();

    // A journal that was made anew has another key: it takes the place of the old one where that is said.
    let anew = journal(&dir.join("anew"), TERMINAL);
    let new_key = Digest(anew.public_key()).to_string();
    let new = ["--terminal", TERMINAL, "--key", new_key.as_str(), "--cert", certificate];
    assert_eq!(uplink(&anew, &own).probe().await.map(drop), forbidden);
    let refused = enrol(dir, &new);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-CLI-ENROL"), "{refused:?}");
    assert_eq!(uplink(&anew, &own).probe().await.map(drop), forbidden);
    enrol(dir, &[&new[..], &["--replace"]].concat()).success();
    uplink(&anew, &own).probe().await.unwrap();
    assert_eq!(uplink(&queue, &own).probe().await.map(drop), forbidden);

    // A journal that is gone is given up, and the same keys have another; key and certificate stay.
    let deliver = async |queue: &Queue| {
        queue.commit_async(registration("b")).await.unwrap();
        uplink(queue, &own).headers(&queue.signed_headers(ChainHead::default(), 10).unwrap()).await
    };
    let head = deliver(&anew).await.unwrap();
    fs::create_dir_all(dir.join("again/keys")).unwrap();
    for file in fs::read_dir(dir.join("anew/keys")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), dir.join("again/keys").join(file.file_name())).unwrap();
    }
    let anew = journal(&dir.join("again"), TERMINAL);
    let fork = deliver(&anew).await;
    assert!(matches!(&fork, Err(UplinkError::Refused { code, .. }) if code == "C-CHAIN-FORK"), "{fork:?}");
    let of_key = ["--terminal", TERMINAL, "--anew", "--key"];
    let refused = enrol(dir, &[&of_key[..], &[&key]].concat());
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-CLI-ENROL"), "{refused:?}");
    let begun = enrol(dir, &[&of_key[..], &[&new_key]].concat()).success();
    let aside = format!("{TERMINAL}~{new_key}~1");
    assert_eq!(begun, json!({ "enrolled": TERMINAL, "key": new_key, "aside": aside }));
    let signed = anew.signed_headers(ChainHead::default(), 10).unwrap();
    let begun = uplink(&anew, &own).headers(&signed).await.unwrap();
    assert_eq!((begun.sequence, begun == head), (1, false));
    assert_eq!(uplink(&anew, &without).probe().await.map(drop), forbidden);
    assert_eq!(centre.terminate(), Some(0));
}

#[test]
fn flags_that_do_not_go_together_or_name_nothing_are_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::write(dir.join("token"), TOKEN).unwrap();
    fs::set_permissions(dir.join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    let key = "0A".repeat(32);
    let told = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = Ran::of(sbkd(dir, &words));
        (ran.code.unwrap(), ran.error_code(), ran.json()["error"]["detail"].as_str().unwrap_or_default().to_owned())
    };
    for line in [
        "center",
        "center --token-file token --tls-cert a",
        "center --token-file token --tls-key a",
        "center --token-file token --tls-cert a --tls-key b",
        "center --token-file token --client-roots a",
        "center --token-file token --nats-creds a",
        "center --token-file token --nats-roots a",
        "center --token-file token --nats-replicas 3",
        "center --token-file token --nats tls://a:4222 --nats-cert a",
        "center --token-file token --nats tls://a:4222 --nats-key a",
        "center --token-file token --nats tls://a:4222 --nats-replicas 6",
        "center enrol --database centre.db --terminal H44010099999",
        "center enrol --database centre.db --terminal H44010099999 --key 0A",
        &format!("center enrol --database centre.db --terminal H44010099999 --key {key} --anew --replace"),
        &format!("center enrol --database centre.db --terminal H44010099999 --key {key} --anew --cert none.pem"),
        "center --token-file token enrol --database centre.db --terminal H44010099999 --key 0A",
    ] {
        let (exit, code, detail) = told(line);
        assert_eq!((exit, code.as_str()), (2, "E-CLI-USAGE"), "{line}: {detail}");
    }
    for (flags, part) in [
        ("--ledger-token-file none", "none"),
        ("--ledger-token-file token", "one of its own"),
        ("--tls-cert a --tls-key b --client-roots none.pem", "none.pem"),
        ("--nats nats://10.0.0.1:4222", "tls://"),
        ("--nats tls://127.0.0.1:1,nats://127.0.0.1:1", "tls://"),
        ("--nats tls://127.0.0.1:1 --nats-roots none.pem", "none.pem"),
        ("--nats tls://127.0.0.1:1 --nats-cert none.pem --nats-key none.key", "none.key"),
        ("--nats nats://127.0.0.1:1 --nats-creds none.creds", "none.creds"),
    ] {
        let (exit, code, detail) = told(&format!("center --listen 127.0.0.1:0 --token-file token {flags}"));
        assert_eq!((exit, code.as_str()), (7, "E-CLI-CENTER"), "{flags}: {detail}");
        assert!(detail.contains(part), "{flags}: {detail}");
    }
    let (exit, code, detail) =
        told(&format!("center enrol --database centre.db --terminal H44010099999 --key {key} --cert none.pem"));
    assert_eq!((exit, code.as_str()), (7, "E-CLI-ENROL"), "{detail}");
    assert!(detail.contains("none.pem"), "{detail}");
    // In words, it is told in both languages.
    let plain = Ran::of({
        let mut command = rig::bare();
        command.args(["center", "enrol", "--database", "centre.db", "--terminal", "T", "--key", &key]);
        command.args(["--cert", "none.pem"]).current_dir(dir);
        command
    });
    for part in ["E-CLI-ENROL", "终端未能登记", "the terminal is not enrolled", "--replace"] {
        assert!(plain.stderr.contains(part), "{plain:?}");
    }
}
