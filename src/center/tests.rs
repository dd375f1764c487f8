//! The centre over real HTTP, without the rules.

use std::sync::LazyLock;

use serde_json::json;

pub(super) use super::PACKS;
use super::*;
use crate::center::doors::{Asked, bytes};
use crate::center::enrol::{Caller, Proof};
use crate::queue::Draft;
use crate::queue::tests::{draft, open as journal};
use crate::value::Kind;
use crate::wire::filing::Filing;
use crate::wire::person::PersonKey;
use crate::wire::signature::{Purpose, question};
use crate::wire::{ChainHead, Request, infno};

mod kinds;

const TOKEN: &str = "a token that is right";
const LEDGER: &str = "a token of whoever looks on";

fn settings() -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        database: None,
        seed: None,
        tls: None,
        broker: None,
        token: TOKEN.into(),
        ledger_token: None,
        demo: true,
        faults: Faults::default(),
    }
}

/// The person of the demonstration, as her card names her.
fn person() -> PersonKey {
    PersonKey {
        mdtrt_cert_type: "03".into(),
        mdtrt_cert_no: "A10000031".into(),
        card_sn: "440100D15600000530000003FFFFFFFF".into(),
        certno: "440103198806120021".into(),
        psn_name: "王小雅".into(),
        psn_no: None,
    }
}

/// A centre without a seed knows her as well.
pub(super) fn know(db: &rusqlite::Connection) {
    db.execute("INSERT INTO persons VALUES ('44010000000003', '440103198806120021', '310')", []).unwrap();
}

/// A registration that the centre files where it knows her: no pack is for it.
pub(super) fn registration(key: &str) -> Draft {
    let filing = Filing {
        person: person(),
        scenario: "registration".into(),
        part: Kind::Register,
        message: "registration".into(),
        business_date: jiff::civil::date(2015, 8, 1),
        once: None,
        fields: serde_json::Map::from_iter([("AAC011".to_owned(), json!("21"))]),
        documents: Vec::new(),
        lines: Vec::new(),
        facts: serde_json::Map::new(),
    };
    let (scenario, kind) = (filing.scenario.clone(), filing.part);
    Draft { scenario, kind, payload: json!({ "request": filing, "detail": {} }), ..draft(key) }
}

async fn centre() -> Running {
    run(settings()).await.unwrap()
}

/// The key of a terminal T1, and its signature on a message.
fn signed(path: &str, body: &str) -> (String, String) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let purpose = *Purpose::ALL.iter().find(|purpose| path == format!("/v1/{}", purpose.name())).unwrap();
    let signature = pair.sign(&question("T1", purpose, body.as_bytes()));
    (hex::encode_upper(pair.public_key()), hex::encode_upper(signature))
}

fn url(centre: &Running, path: &str) -> String {
    format!("http://{}{path}", centre.address)
}

#[tokio::test]
async fn without_its_token_only_the_health_is_told() {
    let centre = centre().await;
    let client = crate::world::loopback_client().build().unwrap();
    assert_eq!(client.get(url(&centre, "/health")).send().await.unwrap().status(), 200);
    for (token, status) in
        [("", 401), ("wrong", 401), ("a token that is righ", 401), ("a token that is rightly", 401), (TOKEN, 200)]
    {
        let answer = client.get(url(&centre, "/v1/faults")).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), status, "{token}");
    }
    assert_eq!(client.get(url(&centre, "/v1/faults")).send().await.unwrap().status(), 401);
    centre.stop().await;
}

#[tokio::test]
async fn what_the_centre_holds_is_told_to_a_token_of_its_own_alone() {
    let client = crate::world::loopback_client().build().unwrap();
    for (demo, own) in [(true, None), (true, Some(LEDGER)), (false, None), (false, Some(LEDGER))] {
        let centre = run(Settings { demo, ledger_token: own.map(Into::into), ..settings() }).await.unwrap();
        let told = async |path: &str, token: &str| {
            client.get(url(&centre, path)).bearer_auth(token).send().await.unwrap().status().as_u16()
        };
        let opens = if own.is_some() { 200 } else { 401 };
        for (token, status) in [("", 401), (TOKEN, 401), ("a token of whoever looks o", 401), (LEDGER, opens)] {
            assert_eq!(told("/v1/ledger", token).await, status, "{demo} {own:?} {token}");
        }
        assert_eq!(client.get(url(&centre, "/v1/ledger")).send().await.unwrap().status(), 401);
        // Nor does it open what is the terminals'.
        for path in ["/v1/chain", "/v1/transactions", "/v1/faults"] {
            let answer = client.post(url(&centre, path)).bearer_auth(LEDGER).body("[]").send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
        }
        centre.stop().await;
    }
}

#[tokio::test]
async fn what_the_centre_holds_is_told_in_pages() {
    let centre = run(Settings { ledger_token: Some(LEDGER.into()), ..settings() }).await.unwrap();
    let filled = |db: &rusqlite::Connection, _: &LazyLock<Packs>| {
        // A demonstration's terminals have any names.
        for terminal in ["T1", "T.2 &", "终端"] {
            for sequence in 1..=2 {
                let id = [terminal.as_bytes(), &[sequence]].concat();
                let row = rusqlite::params![terminal, sequence, id, [0u8; 32]];
                db.execute("INSERT INTO chain VALUES (?1, ?2, ?3, ?4, '')", row)?;
            }
        }
        for number in 1..=2 * ledger::MOST {
            let msgid = number.to_string();
            db.execute(
                "INSERT INTO settlements (terminal, msgid, state, times) VALUES ('T1', ?1, 'void', 1)",
                [&msgid],
            )?;
            alarms::raise_each(db, "T1", "C-CHAIN-HOLE", &msgid, jiff::Timestamp::UNIX_EPOCH)?;
        }
        Ok(())
    };
    centre.centre.write(filled).await.unwrap();
    let client = crate::world::loopback_client().build().unwrap();
    let told = async |after: &str| {
        let path = if after.is_empty() { "/v1/ledger".into() } else { format!("/v1/ledger?after={after}") };
        client.get(url(&centre, &path)).bearer_auth(LEDGER).send().await.unwrap()
    };
    let lists = ["terminals", "transactions", "settlements", "payments", "filings", "alarms", "holes", "shifts"];
    let (mut all, mut after, mut pages) = (lists.map(|_| Vec::new()), String::new(), 0);
    loop {
        let page: serde_json::Value = told(&after).await.json().await.unwrap();
        let mut rows = 0;
        for (list, all) in lists.iter().zip(&mut all) {
            let part = page[list].as_array().unwrap();
            rows += part.len();
            all.extend_from_slice(part);
        }
        assert!(rows <= ledger::MOST, "{rows}");
        assert_eq!(page.get("sign_ins").is_some(), pages == 0);
        pages += 1;
        let Some(next) = page.get("next") else { break };
        after = next.as_str().unwrap().to_owned();
        assert!(after.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "{after}");
    }
    assert_eq!(pages, 5, "three rows more than four pages have");
    let names: Vec<_> = all[0].iter().map(|one| (one["terminal"].as_str().unwrap(), &one["sequence"])).collect();
    assert_eq!(names, [("T.2 &", &json!(2)), ("T1", &json!(2)), ("终端", &json!(2))]);
    for (rows, name) in [(&all[2], "msgid"), (&all[5], "text")] {
        let numbers: Vec<usize> = rows.iter().map(|row| row[name].as_str().unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (1..=2 * ledger::MOST).collect::<Vec<_>>(), "{name}");
    }
    // All of it at once is the same.
    let whole = centre.ledger().await.unwrap();
    for (list, rows) in lists.iter().zip(all) {
        assert_eq!(whole[list], json!(rows), "{list}");
    }
    assert_eq!((&whole["sign_ins"], whole.get("next")), (&json!(0), None));
    for bad in ["no", "none.1", "alarms", "alarms.x", "alarms.1&most=9", "terminals.5", "terminals.FF"] {
        assert_eq!(told(bad).await.status(), 400, "{bad}");
    }
    centre.stop().await;
}

#[tokio::test]
async fn a_centre_that_is_no_demonstration_plays_no_faults_and_lends_no_keys() {
    let client = crate::world::loopback_client().build().unwrap();
    // Who does not sign is nobody, to a demonstration as well.
    for (demo, status) in [(true, [200, 403]), (false, [404, 403])] {
        let centre = run(Settings { demo, ..settings() }).await.unwrap();
        let faults = client.get(url(&centre, "/v1/faults")).bearer_auth(TOKEN).send().await.unwrap();
        let keys = client.post(url(&centre, "/v1/keys")).bearer_auth(TOKEN).body("none").send().await.unwrap();
        assert_eq!([faults.status().as_u16(), keys.status().as_u16()], status);
        centre.stop().await;
    }
}

#[tokio::test]
async fn no_word_goes_to_a_broker_elsewhere_without_tls() {
    for urls in ["nats://10.0.0.1:4222", "tls://127.0.0.1:1,nats://127.0.0.1:1", "127.0.0.1:1"] {
        let broker = Some(Broker { urls: urls.into(), credentials: None, roots: None, client: None, replicas: 1 });
        let why = run(Settings { broker, ..settings() }).await.err().unwrap();
        assert!(why.contains("tls://"), "{urls}: {why}");
    }
    let roots = Some("no such file".into());
    let broker = Some(Broker { urls: "tls://127.0.0.1:1".into(), credentials: None, roots, client: None, replicas: 1 });
    let why = run(Settings { broker, ..settings() }).await.err().unwrap();
    assert!(why.starts_with("no such file: "), "{why}");
}

#[tokio::test]
async fn a_token_that_keeps_nobody_out_starts_no_centre() {
    for token in ["", "0123456789abcde"] {
        let why = run(Settings { token: token.into(), ..settings() }).await.err().unwrap();
        assert!(why.contains("token") && (token.is_empty() || !why.contains(token)), "{why}");
        let ledger_token = Some(token.into());
        let why = run(Settings { ledger_token, ..settings() }).await.err().unwrap();
        assert!(why.contains("ledger") && (token.is_empty() || !why.contains(token)), "{why}");
    }
    // Who has the terminals' token would have the ledger's.
    let why = run(Settings { ledger_token: Some(TOKEN.into()), ..settings() }).await.err().unwrap();
    assert!(why.contains("ledger") && !why.contains(TOKEN), "{why}");
}

#[tokio::test]
async fn a_message_that_is_none_is_refused_without_quoting_it() {
    let centre = centre().await;
    let client = crate::world::loopback_client().build().unwrap();
    for path in ["/v1/transactions", "/v1/national", "/v1/headers"] {
        let body = json!({"psn_name": "王小雅", "infno": 7}).to_string();
        let post = || client.post(url(&centre, path)).bearer_auth(TOKEN).body(body.clone());
        let (key, signature) = signed(path, &body);
        for (request, status) in [
            (post(), 403),
            (post().header("sbkd-terminal", "T2").header("sbkd-key", &key).header("sbkd-signature", &signature), 403),
            (post().header("sbkd-terminal", "T1").header("sbkd-key", &key).header("sbkd-signature", &signature), 400),
        ] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status, "{path}");
            assert!(!answer.text().await.unwrap().contains("王小雅"));
        }
    }
    // Who speaks in a terminal's name without its signature is an alarm, as over NATS; one, whatever name that is.
    let alarms = centre.ledger().await.unwrap()["alarms"].clone();
    let each = |one: &serde_json::Value| json!([one["terminal"], one["code"], one["text"], one["times"]]);
    let alarms: Vec<_> = alarms.as_array().unwrap().iter().map(each).collect();
    assert_eq!(alarms, [json!(["unknown", "C-ENROL", "its signature does not hold", 6])]);
    centre.stop().await;
}

#[tokio::test]
async fn a_message_that_names_nobody_is_of_whoever_sends_it() {
    let centre = run(Settings { demo: false, ..settings() }).await.unwrap();
    let client = crate::world::loopback_client().build().unwrap();
    let digest = "00".repeat(32);
    let head = |sequence: u32| json!({ "sequence": sequence, "hash": digest });
    let hole = json!({ "hole": { "after": head(0), "until": head(1) }, "signature": "00".repeat(64) });
    let lost = json!({ "headers": [], "groups": [], "holes": [hole] }).to_string();
    for (path, body) in [("/v1/transactions", "[]"), ("/v1/headers", lost.as_str())] {
        let (key, signature) = signed(path, body);
        let post = client.post(url(&centre, path)).bearer_auth(TOKEN).body(body.to_owned());
        let named = post.header("sbkd-terminal", "T1").header("sbkd-key", key).header("sbkd-signature", signature);
        assert_eq!(named.send().await.unwrap().status(), 403, "{path}");
    }
    centre.stop().await;
}

#[tokio::test]
async fn what_carries_the_demonstrations_mark_is_taken_by_a_demonstration_alone() {
    let dir = tempfile::tempdir().unwrap();
    let queue = journal(dir.path());
    let caller = || Caller {
        terminal: queue.terminal().into(),
        key: Digest(queue.public_key()),
        proof: Proof::Certificate(None),
    };
    let row = queue.commit(registration("a")).unwrap().row;
    let envelope = queue.envelope(row.id).unwrap().unwrap();
    let headers = queue.signed_headers(ChainHead::default(), 10).unwrap();
    let shift = Request {
        infno: infno::SIGN_ON.into(),
        msgid: "T4401000000120150801100000Q001".into(),
        fixmedins_code: queue.terminal().into(),
        opter: "0007".into(),
        inf_time: "2015-08-01 10:00:00".into(),
        recer_sys_code: None,
        sign_no: None,
        demo: true,
        input: json!({ "shift": "2015080108000000" }),
    };
    for demo in [false, true] {
        let centre = Arc::new(open(&Settings { demo, ..settings() }).unwrap());
        let known = caller();
        centre.write(move |db, _| enrol::enrol(db, &known.terminal, &known.key, None, false)).await.unwrap();
        let told = async |purpose, body: Vec<u8>| {
            let told = centre.answer(Asked { purpose, caller: caller(), body: body.into() }).await;
            (told.status, serde_json::from_slice::<serde_json::Value>(&told.body).unwrap())
        };
        let (status, head) = told(Purpose::Headers, bytes(&headers)).await;
        let (_, probed) = told(Purpose::Chain, b"\"any\"".into()).await;
        let (_, items) = told(Purpose::Transactions, bytes(&[&envelope])).await;
        let (_, reply) = told(Purpose::National, bytes(&shift)).await;
        let ledger = centre.write(|db, _| ledger::read(db)).await.unwrap();
        let held = ["transactions", "shifts", "alarms"].map(|list| ledger[list].as_array().unwrap().len());
        if demo {
            assert_eq!((status, &head["sequence"], &probed), (200, &json!(1), &head));
            assert!(items[0]["receipt"].is_object() && reply["infcode"] == 0, "{items} {reply}");
            assert_eq!(held, [1, 1, 0]);
        } else {
            assert_eq!((status, &head["error"]["code"], &probed["sequence"]), (422, &json!("C-DEMO"), &json!(0)));
            assert_eq!(items[0]["refused"]["code"], "C-DEMO");
            assert!(reply["infcode"] == -1 && reply["err_msg"].as_str().unwrap().starts_with("C-DEMO "), "{reply}");
            assert_eq!(held, [0, 0, 0]);
        }
    }
}

#[test]
fn settlements_of_the_first_version_are_those_of_the_terminal_that_their_message_id_names() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("centre.db");
    let old = rusqlite::Connection::open(&file).unwrap();
    old.execute_batch(include_str!("schema/v1.sql")).unwrap();
    old.execute_batch(
        "PRAGMA user_version = 1;
         INSERT INTO settlements (msgid, state, times) VALUES ('H44010099999201508031000000001', 'void', 3)",
    )
    .unwrap();
    drop(old);
    let db = db::open(Some(&file)).unwrap();
    let kept: (String, String, u64) = db
        .query_row("SELECT terminal, msgid, times FROM settlements", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(kept, ("H44010099999".into(), "H44010099999201508031000000001".into(), 3));
}
