//! The daemon as it runs at a counter: a real pcscd with virtual readers, the reference centre and the daemon, each a
//! process of its own, and what happens to each of them.

#[path = "daemon/kinds.rs"]
mod kinds;
mod rig;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;

use serde_json::{Value, json};

use rig::walk::{Setting, Walk, bill, sign_in};
use rig::{HOLDER, image, tree, until};

const SIGN_IN: &str = "unemployment-sign-in";
const SETTLEMENT: &str = "medical-settlement";
/// Two people whom the demonstration's centre knows.
const ONE: &str = "v3-sm4";
const OTHER: &str = "v3-long-name";

#[test]
fn a_card_goes_in_and_an_acknowledged_transaction_comes_out() {
    let mut walk = Walk::start(Setting::default());
    walk.rig.keep_psam(&image("psam"));
    let watch = walk.watch();
    walk.rig.insert(&image(ONE));
    watch.until("the card's event", |event| event["type"] == "reader" && event["change"] == "card-in");

    let case = walk.carry_out(SIGN_IN, &sign_in(), &["done"]);
    assert_masked(&case);
    let signed = id_of(&case["transaction"]);
    let case = walk.carry_out(SETTLEMENT, &bill(), &["done"]);
    assert_masked(&case);
    assert_eq!(case["provisional"], false, "{case:#}");
    assert!(case["decision"]["trace"].as_array().is_some_and(|trace| !trace.is_empty()), "a decision explains itself");
    assert!(case["centre"].is_object(), "the centre settled it");
    let settled = id_of(&case["transaction"]);
    for id in [&signed, &settled] {
        walk.until_transaction(id, "acked");
        watch.until("the acknowledgement's event", |event| event["transaction"] == **id && event["state"] == "acked");
    }
    for step in ["selected", "internal-authenticated", "external-authenticated", "card-read", "holder-read"] {
        watch.until(step, |event| event["step"] == step);
    }

    // The same by the command line, for another holder.
    walk.rig.insert(&image(OTHER));
    let mut last = String::new();
    // The stay that the bill names is not theirs.
    let mut of_other = bill();
    of_other.as_object_mut().unwrap().remove("mdtrt_id");
    for (scenario, input) in [(SIGN_IN, sign_in()), (SETTLEMENT, of_other)] {
        let file = walk.file("input.json");
        std::fs::write(&file, input.to_string()).unwrap();
        let file = file.to_str().unwrap();
        let case = walk.sbkd(&["case", "run", scenario, "--input", file, "--yes", "--operator", "clerk-7", "--json"]);
        let case = case.success();
        assert_eq!(case["state"], "done", "{case:#}");
        walk.until_transaction(&id_of(&case["transaction"]), "acked");
        last = id_of(&case["transaction"]);
    }
    assert_eq!(walk.transactions().len(), 4);
    assert_shapes(&walk);
    // The last one is taken back, by the command line too.
    let undo = ["case", "run", SETTLEMENT, "--undo", &last, "--yes", "--operator", "clerk-7", "--json"];
    let back = walk.sbkd(&undo).success();
    assert_eq!((&back["state"], &back["undo"]), (&json!("done"), &json!(last)), "{back:#}");
    assert_eq!((&back["transaction"]["cancels"], &back["centre"]["refd_setl_flag"]), (&json!(last), &json!("1")));
    walk.until_transaction(&last, "cancelled");

    let doctor = walk.sbkd(&["doctor", "--json"]).success();
    assert_eq!(doctor["ok"], true, "{doctor:#}");
    throw_garbage(&mut walk);
    assert_eq!(walk.stop_daemon(), Some(0));
    assert!(!walk.socket().exists(), "the socket is left behind");
    let doctor = walk.sbkd(&["doctor", "--json"]);
    assert_eq!(doctor.json()["daemon"], false, "{doctor:?}");
}

#[test]
fn neighbours_go_and_come_back_while_the_daemon_stays() {
    let mut walk = Walk::start(Setting::default());
    walk.rig.keep_psam(&image("psam"));
    walk.rig.insert(&image(ONE));
    let daemon = walk.daemon_id();

    // pcscd crashes: nothing can be read, and it says so; it comes back, and so does the work.
    let watch = walk.watch();
    let case = json!({"scenario": SIGN_IN, "operator": "clerk-7"});
    let waits = walk.http.post("/v1/cases", &case).success()["id"].as_str().unwrap().to_owned();
    walk.until_case(&waits, &["waiting-input"]);
    walk.rig.kill_pcscd();
    let condition =
        |present: bool| move |event: &Value| event["condition"] == "card-service-away" && event["present"] == present;
    watch.until("the daemon notices that pcscd is away", condition(true));
    assert!(walk.condition("card-service-away"));
    let ended = walk.until_case(&waits, &["failed"]);
    assert_eq!(ended["failure"]["code"], "E-TERM-CARD-SERVICE-AWAY", "nobody took the card: {ended:#}");
    for args in [&["card", "read", "--json"][..], &["card", "read", "--reader", HOLDER, "--json"]] {
        let ran = walk.sbkd(args);
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(3), "E-TERM-CARD-SERVICE-AWAY"), "{args:?}");
    }
    walk.rig.restart_pcscd();
    watch.until("the daemon notices that pcscd is back", condition(false));
    walk.rig.wait_for_cards(true);
    let first = walk.carry_out(SETTLEMENT, &bill(), &["done"]);
    walk.until_transaction(&id_of(&first["transaction"]), "acked");

    // The centre crashes: what may wait is committed and waits; what it must settle is provisional.
    walk.kill_centre();
    let signed = walk.carry_out(SIGN_IN, &sign_in(), &["done"]);
    let settled = walk.carry_out(SETTLEMENT, &another_bill(), &["provisional-done"]);
    assert_eq!(settled["provisional"], true);
    assert!(slip(&settled).contains("以中心结算为准"), "{settled:#}");
    let ids = [&signed, &settled].map(|case| id_of(&case["transaction"]));
    let before: Vec<Value> = walk.transactions().iter().map(fixed).collect();
    assert_eq!(before.len(), 3);
    assert_eq!(walk.daemon_id(), daemon, "nothing of this stopped the daemon");

    // The daemon loses its power after it committed: nothing is lost, nothing is double.
    walk.kill_daemon();
    walk.start_daemon();
    assert_eq!(walk.transactions().iter().map(fixed).collect::<Vec<_>>(), before);
    // It comes back, carries the first delivery out, and its answer is lost on the way.
    walk.start_centre_with("only = \"transactions\"\ndrop_answer = 1\n");
    for id in &ids {
        walk.until_transaction(id, "acked");
    }
    walk.kill_daemon();
    walk.start_daemon();
    assert_eq!(walk.transactions().iter().map(fixed).collect::<Vec<_>>(), before);
    for row in walk.transactions() {
        assert_eq!(row["state"], "acked", "{row:#}");
    }
    let ledger = walk.ledger();
    let taken = ledger["transactions"].as_array().unwrap();
    let taken_ids: Vec<&str> = taken.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(taken_ids, ids, "each stands once at the centre: {ledger:#}");
    let times: u64 = taken.iter().filter_map(|row| row["times"].as_u64()).sum();
    assert_eq!(times, 3, "the one whose answer was lost was sent again: {ledger:#}");
    let settled: Vec<&Value> = ledger["settlements"].as_array().unwrap().iter().collect();
    assert!(settled.len() == 2 && settled.iter().all(|row| row["state"] == "settled"), "{ledger:#}");
    assert_eq!((&ledger["sign_ins"], &ledger["terminals"][0]["sequence"]), (&json!(1), &json!(3)), "{ledger:#}");
    assert_eq!(walk.stop_daemon(), Some(0));
}

/// Each card that is not as it should be is refused with its own code, and nothing is committed.
#[test]
fn a_card_that_is_not_as_it_should_be_commits_nothing() {
    let other_figures = Some(tree("config/center/seed-other-accumulators.toml"));
    let mut walk = Walk::start(Setting { seed: other_figures, ..Setting::default() });
    walk.rig.keep_psam(&image("psam"));
    let codes = [
        ("v3-expired", "E-TERM-CARD-EXPIRED"),
        ("v3-forged", "E-CARD-NOT-GENUINE"),
        ("v3-card-blocked", "E-CARD-BLOCKED"),
        ("v3-app-locked", "E-CARD-APPLICATION-LOCKED"),
        ("not-social-security", "E-CARD-WRONG-TYPE"),
        ("v3-garbled-record", "E-CARD-GARBLED"),
        ("v3-bad-name", "E-CARD-NAME"),
    ];
    for (name, code) in codes {
        walk.rig.insert(&image(name));
        let id = walk.open(SETTLEMENT, &bill());
        let case = walk.until_case(&id, &["failed", "refused"]);
        assert_eq!(case["failure"]["code"], code, "{name}: {case:#}");
        for part in ["message", "cause", "remedy", "actor"] {
            assert!(case["failure"][part].as_str().is_some_and(|text| !text.is_empty()), "{name}, {part}: {case:#}");
        }
        assert!(case["holder"].is_null(), "{name}: nothing of it is shown: {case:#}");
    }
    // Pulled in the middle: after the eighth command it is gone.
    let pulled = walk.file("pulled.toml");
    let text = format!("extends = \"{}\"\n[faults]\nremove_at = 8\n", image(ONE).display());
    std::fs::write(&pulled, text).unwrap();
    walk.rig.pull();
    let id = walk.open(SETTLEMENT, &bill());
    walk.rig.insert_without_waiting(&pulled);
    let case = walk.until_case(&id, &["failed"]);
    assert_eq!(case["failure"]["code"], "E-READER-CARD-REMOVED", "{case:#}");
    // A card as it should be, of a holder whose accumulators are others at the centre: a person must look at it.
    walk.rig.insert(&image(ONE));
    let id = walk.open(SETTLEMENT, &bill());
    let case = walk.until_case(&id, &["referred"]);
    assert!(case["differences"].as_array().is_some_and(|all| !all.is_empty()), "{case:#}");
    assert_eq!(walk.transactions(), Vec::<Value>::new());
    assert_eq!(walk.stop_daemon(), Some(0));
}

/// A command that is stopped leaves no case behind that keeps the reader, and says so when it comes too late.
#[test]
fn a_command_that_is_stopped_gives_its_case_up_while_that_can_be() {
    let mut walk = Walk::start(Setting { heartbeat: 1, ..Setting::default() });
    walk.rig.keep_psam(&image("psam"));
    let watch = walk.watch();
    let waits = walk.rig.spawn("waits", case_run(&walk, SIGN_IN));
    let (_, opened) = watch.until("the case waits for a card", |event| event["state"] == "waiting-card");
    assert_eq!(waits.terminate(), Some(4));
    let error = told(&walk, "waits")["error"].clone();
    assert_eq!((&error["code"], &error["case"]["state"]), (&json!("E-CLI-INTERRUPTED"), &json!("cancelled")));
    assert_eq!(walk.case(opened["case"].as_str().unwrap())["state"], "cancelled");

    walk.rig.insert(&image(ONE));
    until("the centre is there", || (!walk.condition("uplink-away")).then_some(()));
    let watch = walk.watch();
    walk.kill_centre();
    watch.until("the daemon notices that the centre is away", |event| uplink_away(event, true));
    walk.start_centre_with("only = \"2304\"\ndelay_ms = 3000\n");
    watch.until("the centre is back", |event| uplink_away(event, false));
    let watch = walk.watch();
    let settles = walk.rig.spawn("settles", case_run(&walk, SETTLEMENT));
    let (_, begun) = watch.until("the case is being committed", |event| event["state"] == "committing");
    assert_eq!(settles.terminate(), Some(1));
    assert_eq!(told(&walk, "settles")["error"]["code"], "E-CLI-GOES-ON");
    walk.until_case(begun["case"].as_str().unwrap(), &["done"]);
    for (reader, code) in [("Virtual PCD", "E-READER-AMBIGUOUS"), ("Another", "E-TERM-NO-READER")] {
        let ran = walk.sbkd(&["card", "read", "--reader", reader, "--json"]);
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(3), code));
        let ran = walk.sbkd(&["case", "run", SIGN_IN, "--reader", reader, "--json"]);
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(3), code));
    }
    walk.sbkd(&["card", "read", "--reader", HOLDER, "--json"]).success();
}

/// What programs read from the daemon by the command line has the members that docs/cli.md and docs/api.md give, and no
/// others.
#[track_caller]
fn assert_shapes(walk: &Walk) {
    let page = std::fs::read_to_string(tree("docs/cli.md")).unwrap();
    let members = |command: &str| {
        let line = page.lines().find(|line| line.starts_with(command)).expect(command);
        let shape = line.split_once("[{").and_then(|(_, rest)| rest.split_once("}]")).expect(line).0;
        // The names alone: of `"card": bool` the first part, and nothing of what a value may be.
        let parts =
            shape.split(", ").map(|part| part.split(':').next().unwrap_or_default().trim_matches('"').to_owned());
        parts.collect::<BTreeSet<_>>()
    };
    let has = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let asked = |args: &[&str]| walk.sbkd(&[args, &["--json"]].concat()).success();

    let readers = asked(&["readers"]);
    assert_eq!(readers.as_array().map(Vec::len), Some(2));
    for (reader, role) in [(&readers[0], "holder"), (&readers[1], "psam")] {
        assert_eq!(has(reader), members("`sbkd readers"));
        assert_eq!((&reader["role"], &reader["card"], &reader["busy"]), (&json!(role), &json!(true), &json!(false)));
    }
    let page = std::fs::read_to_string(tree("docs/api.md")).unwrap();
    let example = page.split_once("## A transaction\n```\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let transaction = has(&serde_json::from_str(example).unwrap());
    let rows = asked(&["queue", "list"]);
    for row in rows.as_array().unwrap() {
        assert_eq!(has(row), transaction);
        let id = row["id"].as_str().unwrap();
        assert_eq!(&asked(&["queue", "show", id]), row);
        assert_eq!(asked(&["queue", "show", id, "--unmask"])["centre_refusal"], Value::Null);
        assert!(row["sequence"].is_u64() && row["attempts"].is_u64() && row["provisional"].is_boolean(), "{row:#}");
        let settles = row["scenario"] == SETTLEMENT;
        assert_eq!(
            (&row["state"], row["amount"].is_string(), &row["refusal"]),
            (&json!("acked"), settles, &Value::Null)
        );
    }
    let order: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["sequence"].as_u64().unwrap()).collect();
    assert_eq!(order, [4, 3, 2, 1], "the latest first");
    assert_eq!(asked(&["queue", "list", "--limit", "1"]), json!([rows[0]]));
    assert_eq!(asked(&["queue", "list", "--state", "pending,refused"]), json!([]));
}

/// The event of the centre going away, or of its coming back.
fn uplink_away(event: &Value, present: bool) -> bool {
    event["condition"] == "uplink-away" && event["present"] == present
}

/// What a child printed.
fn told(walk: &Walk, child: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(walk.file(child).with_extension("out")).unwrap()).unwrap()
}

/// `sbkd case run … --yes --json` with the demonstration's form.
fn case_run(walk: &Walk, scenario: &str) -> Command {
    let mut command = walk.rig.command("case");
    command.args(["run", scenario, "--yes", "--json", "--input"]);
    command.arg(tree("fixtures/demo").join(scenario).with_extension("json"));
    command.arg("--config").arg(walk.file("sbkd.toml"));
    command
}

/// The bill of another stay.
fn another_bill() -> Value {
    let mut bill = bill();
    bill["mdtrt_id"] = json!("D20150727002");
    // Its lines tell it from the first.
    bill["lines"][0]["feedetl_sn"] = json!("101");
    bill
}

/// What does not change any more once it is committed.
fn fixed(row: &Value) -> Value {
    json!([row["id"], row["sequence"], row["scenario"], row["msgid"], row["created_at"]])
}

#[track_caller]
fn id_of(transaction: &Value) -> String {
    transaction["id"].as_str().unwrap_or_else(|| panic!("no transaction: {transaction:#}")).to_owned()
}

fn slip(case: &Value) -> String {
    case["slip"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_masked(case: &Value) {
    let holder = case["holder"].to_string();
    assert!(holder.contains('*'), "{holder}");
    for whole in ["王小雅", "440103198806120021", "A10000031"] {
        assert!(!case.to_string().contains(whole), "a case shows its holder masked");
    }
}

/// What is not HTTP, not JSON, too long, or in the wrong place: each is answered or hung up on, and the daemon stays.
fn throw_garbage(walk: &mut Walk) {
    let daemon = walk.daemon_id();
    let garbage: [&[u8]; 5] = [
        b"\0\x01\x02\xFF\xFE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/cases HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n{",
        b"GET /v1/readers HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\n\r\nZZZ\r\n",
        &[b'A'; 100_000],
    ];
    for bytes in garbage {
        let mut tcp = TcpStream::connect(walk.http.address()).expect("the daemon listens");
        let mut unix = UnixStream::connect(walk.socket()).expect("the daemon listens");
        // The daemon may hang up while it is still being talked to.
        let _ = tcp.write_all(bytes);
        let _ = unix.write_all(bytes);
        let _ = tcp.shutdown(std::net::Shutdown::Write);
        let _ = unix.shutdown(std::net::Shutdown::Write);
        let _ = tcp.read_to_end(&mut Vec::new());
        let _ = unix.read_to_end(&mut Vec::new());
    }
    for body in ["", "null", "[]", "{\"scenario\":", "{\"scenario\":\"no-such\",\"operator\":\"x\"}", "\"\\ud800\""] {
        let answer = walk.http.request("POST", "/v1/cases", Some(body));
        assert!((400..500).contains(&answer.status), "{body}: {answer:?}");
        assert!(answer.json()["error"]["code"].is_string(), "{body}: {answer:?}");
    }
    let wrong_type = json!({"scenario": SETTLEMENT, "operator": "clerk-7", "input": {"lines": "many"}});
    let answer = walk.http.post("/v1/cases", &wrong_type);
    assert_eq!(answer.json()["error"]["code"], "E-SCN-INPUT", "{answer:?}");
    assert_eq!(walk.daemon_id(), daemon);
}
