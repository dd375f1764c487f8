//! Cards read with `sbkd card read --direct`, through a real pcscd: what tools are written against.

mod rig;

use std::fs;
use std::path::PathBuf;

use rig::http::Client;
use rig::{HOLDER, PSAM, Ran, Rig, image, until};
use serde_json::{Value, json};

/// Images, and the code of the error that each gives with a PSAM that has all.
const BAD: [(&str, &str); 6] = [
    ("not-social-security", "E-CARD-WRONG-TYPE"),
    ("v3-forged", "E-CARD-NOT-GENUINE"),
    ("v3-card-blocked", "E-CARD-BLOCKED"),
    ("v3-app-locked", "E-CARD-APPLICATION-LOCKED"),
    ("v3-garbled-record", "E-CARD-GARBLED"),
    ("v3-bad-name", "E-CARD-NAME"),
];

/// Far more than a 3.0 card is sent when it is read whole: 6 commands, and GET RESPONSE after some.
const MOST_TPDUS: u32 = 40;

#[test]
fn a_card_of_every_version_gives_the_object_that_tools_expect() {
    let mut rig = rig_with_psam();
    for (name, expected) in [("v1-3des", version_1()), ("v2-3des", version_2()), ("v3-sm4", version_3())] {
        rig.insert(&image(name));
        let mut reading = read(&rig).success();
        let object = reading.as_object_mut().expect("an object");
        assert!(object.remove("elapsed_ms").is_some_and(|time| time.is_u64()), "{name}");
        assert_eq!(object.remove("warnings"), Some(json!([])), "{name}");
        let apdus = object.remove("apdus").expect("what went over the wire");
        assert!(apdus["card"].is_u64() && apdus["psam"].is_u64(), "{apdus}");
        assert_eq!(reading, expected, "{name}");
    }
}

#[test]
fn a_3_0_card_takes_six_commands_or_eighteen_and_two_more_the_first_time() {
    let mut rig = rig_with_psam();
    for (name, wanted) in [("v3-sm4", 6), ("v3-no-whole-file", 18)] {
        rig.insert(&image(name));
        let count = || read(&rig).success()["apdus"]["card"].as_u64().expect("a number");
        let first = count();
        assert!((wanted..=wanted + 2).contains(&first), "{name}: {first}");
        assert_eq!(count(), wanted, "{name}");
    }
}

#[test]
fn without_being_asked_for_personal_data_is_masked() {
    let mut rig = rig_with_psam();
    rig.insert(&image("v3-sm4"));
    let args = ["card", "read", "--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--json"];
    let ran = rig.sbkd(&args);
    let (masked, whole) = (ran.success(), read(&rig).success());
    for part in ["social_security_number", "name", "sex", "ethnicity", "birth_place", "birth_date"] {
        let shown = whole["holder"][part].as_str().expect("it is on the card");
        assert_ne!(masked["holder"][part], whole["holder"][part], "{part}");
        // A code of one digit is found in any text.
        assert!(shown.len() < 3 || !format!("{}{}", ran.stdout, ran.stderr).contains(shown), "{part}");
    }
    for part in ["identifier", "number"] {
        assert_ne!(masked["card"][part], whole["card"][part], "{part}");
    }
    assert_ne!(masked["atr"], whole["atr"]);
    assert_eq!(masked["card"]["region"], whole["card"]["region"]);
}

#[test]
fn a_card_that_is_expired_or_odd_is_still_read() {
    let mut rig = rig_with_psam();
    rig.insert(&image("v3-expired"));
    assert_eq!(read(&rig).success()["card"]["expires"], "2020-05-31", "what follows is for the scenario to say");
    rig.insert(&image("v2-unpersonalised"));
    assert!(read(&rig).success()["holder"]["birth_date"].is_null(), "what is left at FF");
    rig.insert(&image("v3-long-name"));
    assert_eq!(read(&rig).success()["holder"]["name"], "阿依古丽帕夏.买买提艾力吐尔逊江", "over two records");
    rig.insert(&image("v3-wrong-le"));
    assert_eq!(read(&rig).success()["holder"], version_3()["holder"], "6Cxx, once");
}

#[test]
fn every_bad_card_is_an_error_of_its_own_and_shows_nothing() {
    let mut rig = rig_with_psam();
    assert_eq!(read(&rig).error_code(), "E-READER-NO-CARD");
    for (name, code) in BAD {
        rig.insert(&image(name));
        let ran = read(&rig);
        assert_eq!(ran.error_code(), code, "{name}");
        assert_eq!(ran.code, Some(3), "{name}");
        assert!(!ran.stdout.contains("王小雅") && !ran.stdout.contains("440103198806120021"), "{name}");
    }
    let mut other = rig.command("card");
    other.args(["read", "--direct", "--reader", "No such reader", "--json"]);
    assert_eq!(Ran::of(other).error_code(), "E-READER-NONE");
}

#[test]
fn a_psam_that_lacks_something_is_an_error_of_its_own() {
    for (psam, code) in
        [("psam-none", "E-KEYS-NO-PSAM"), ("psam-no-sm4", "E-KEYS-NO-ALGORITHM"), ("psam-no-rk", "E-KEYS-NO-KEY")]
    {
        let mut rig = Rig::start();
        rig.keep_psam(&changed(&rig, "v3-sm4", &format!("psam_image = {:?}", image(psam))));
        rig.insert(&image("v3-sm4"));
        assert_eq!(read(&rig).error_code(), code, "{psam}");
    }
}

#[test]
fn a_psam_pulled_in_the_middle_is_told_from_a_card_that_is() {
    // While it is selected, while the card is proven, while the terminal is.
    for n in [1, 6, 8] {
        let mut rig = Rig::start();
        let psam = rig.dir().join("pulled.toml");
        fs::write(&psam, format!("extends = {:?}\n[faults]\nremove_at = {n}\n", image("psam"))).expect("an image");
        rig.keep_psam(&changed(&rig, "v3-sm4", &format!("psam_image = {psam:?}")));
        rig.insert(&image("v3-sm4"));
        let ran = read(&rig);
        assert_eq!(ran.error_code(), "E-KEYS-PSAM-LOST", "TPDU {n}");
        assert!(!ran.stdout.contains("440103198806120021"), "TPDU {n}");
        assert_eq!(read(&rig).error_code(), "E-KEYS-NO-PSAM", "TPDU {n}");
    }
}

/// The daemon's leases are short here: the card is told to be slow, and nothing is said of the PSAM.
#[test]
fn a_slow_card_ends_with_its_time_and_the_keys_are_not_away() {
    let mut rig = rig_with_psam();
    let config = rig.dir().join("sbkd.toml");
    let text = "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
                [api]\nsocket = \"sbkd.sock\"\n[cases]\nreading_secs = 1\n";
    fs::write(&config, text).expect("a configuration");
    let mut command = rig.command("run");
    command.args(["--json", "--config"]).arg(&config);
    let mut daemon = rig.spawn("daemon", command);
    daemon.line("the daemon is ready", |line| line.contains("\"ready\":true").then_some(()));
    let config = config.display().to_string();
    let asked = |rig: &Rig| rig.sbkd(&["card", "read", "--reader", HOLDER, "--json", "--config", &config]);
    let health = Client::unix(rig.dir().join("sbkd.sock"));
    rig.insert(&image("v3-sm4"));
    until("the daemon reads a card", || (asked(&rig).code == Some(0)).then_some(()));
    rig.insert(&changed(&rig, "v3-sm4", "[faults]\nlate_ms = 400"));
    // Until the daemon has seen it, and asked it what it is, the reader is empty or busy.
    let late = until("the daemon tries the slow card", || {
        let ran = asked(&rig);
        let code = ran.error_code();
        (!matches!(code.as_str(), "E-TERM-NO-CARD" | "E-TERM-BUSY" | "E-READER-NO-CARD" | "E-READER-BUSY"))
            .then_some(code)
    });
    assert_eq!(late, "E-READER-DEADLINE");
    let conditions = health.get("/v1/health").success()["conditions"].clone();
    assert!(!conditions.as_array().expect("conditions").contains(&"keys-away".into()), "{conditions}");
}

#[test]
fn without_a_psam_the_error_says_so() {
    let mut rig = Rig::start();
    let alone = rig.dir().join("alone.toml");
    let keys = image("demonstration-keys").display().to_string();
    let text = fs::read_to_string(image("v3-sm4")).expect("an image").replace("demonstration-keys.toml", &keys);
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("psam_image")).collect();
    fs::write(&alone, without.join("\n")).expect("an image");
    rig.insert(&alone);
    assert_eq!(read(&rig).error_code(), "E-KEYS-NO-PSAM");
}

#[test]
fn readers_that_were_mixed_up_are_told_as_such() {
    let mut rig = rig_with_psam();
    rig.insert(&image("v3-sm4"));
    let code = |reader: &str, psam: &str| {
        rig.sbkd(&["card", "read", "--direct", "--reader", reader, "--psam-reader", psam, "--json"]).error_code()
    };
    assert_eq!(code(PSAM, HOLDER), "E-CARD-WRONG-TYPE", "a PSAM has an environment of the same name");
    assert_eq!(code(HOLDER, HOLDER), "E-KEYS-NO-PSAM");
    assert_eq!(code(HOLDER, "Virtual PCD"), "E-READER-AMBIGUOUS");
    assert_eq!(code(HOLDER, "No such reader"), "E-KEYS-NO-PSAM");
}

/// A few more tries would lock the card's key, so a second reading does not even begin; a technician releases the pair.
#[test]
fn a_card_that_refused_a_psams_keys_is_left_alone_until_the_pair_is_released() {
    let mut rig = Rig::start();
    let keys = "[keys.SM4]\nrkssse = \"00112233445566778899AABBCCDDEEFF\"";
    let psam = rig.dir().join("foreign.toml");
    fs::write(&psam, format!("extends = {:?}\n{keys}\n", image("psam"))).expect("an image");
    rig.keep_psam(&changed(&rig, "v3-sm4", &format!("psam_image = {psam:?}")));
    rig.insert(&image("v3-sm4"));
    let tries_left = |ran: &Ran| ran.json()["error"]["detail"].as_str().map(str::to_owned);
    let refused = read(&rig);
    assert_eq!(refused.error_code(), "E-CARD-TERMINAL-REFUSED");
    assert!(tries_left(&refused).is_some_and(|detail| detail.ends_with("tries left: 2")), "{refused:?}");
    for _ in 0..3 {
        assert_eq!(read(&rig).error_code(), "E-CARD-PAIR-HELD");
    }
    let file = rig.dir().join("refused.apdu").display().to_string();
    let record = ["record", "--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--json", "--out", &file];
    assert_eq!(rig.sbkd(&record).error_code(), "E-CARD-PAIR-HELD", "nor is it tried for a recording");
    // A terminal whose store this user may not use: what the user's own remembers counts.
    let config = rig.dir().join("sbkd.toml").display().to_string();
    let text = fs::read_to_string(rig::tree("config/demo.toml")).expect("a configuration");
    fs::write(&config, text.replace("../target/demo/state", "/dev/null/sbkd")).expect("a configuration");
    let release = ["card", "release", "--json", "--config", &config];
    assert_eq!(rig.sbkd(&release).error_code(), "E-STORE-FAILED", "nothing may be said of pairs that were not seen");
    let card = ["card", "read", "--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--json", "--config", &config];
    assert_eq!(rig.sbkd(&card).error_code(), "E-CARD-PAIR-HELD");
    assert_eq!(rig.sbkd(&["card", "release", "--json"]).success(), json!({ "released": 1 }));
    let again = read(&rig);
    assert!(tries_left(&again).is_some_and(|detail| detail.ends_with("tries left: 1")), "one try was spent: {again:?}");
}

/// Where nothing of a refusal could be kept, each run would burn a try, and a few runs would lock the card.
#[test]
fn without_a_place_to_keep_refusals_no_try_is_burnt() {
    let mut rig = Rig::start();
    let keys = "[keys.SM4]\nrkssse = \"00112233445566778899AABBCCDDEEFF\"";
    let psam = rig.dir().join("foreign.toml");
    fs::write(&psam, format!("extends = {:?}\n{keys}\n", image("psam"))).expect("an image");
    rig.keep_psam(&changed(&rig, "v3-sm4", &format!("psam_image = {psam:?}")));
    let corrupt = rig.dir().join("corrupt");
    fs::create_dir_all(corrupt.join("sbkd")).expect("a directory");
    fs::write(corrupt.join("sbkd/store.db"), vec![b'x'; 4096]).expect("a file that is no store");
    let homeless = |rig: &Rig, first: &str, rest: &[&str]| {
        let mut command = rig.command(first);
        command.args(rest).args(["--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--json"]);
        command.env_remove("HOME").env_remove("XDG_STATE_HOME");
        command
    };
    let told = |command| {
        let ran = Ran::of(command);
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(3), "E-CARD-PAIRS-UNKNOWN"), "{ran:?}");
        ran.json()["error"]["detail"].as_str().map(str::to_owned).unwrap_or_default()
    };
    rig.insert(&image("v3-sm4"));
    for _ in 0..4 {
        assert!(told(homeless(&rig, "card", &["read"])).contains("HOME"));
        let mut command = homeless(&rig, "card", &["read"]);
        command.env("XDG_STATE_HOME", &corrupt);
        assert!(told(command).contains("corrupt/sbkd/store.db: "));
    }
    let file = rig.dir().join("refused.apdu").display().to_string();
    told(homeless(&rig, "record", &["--out", &file]));
    let refused = read(&rig);
    assert!(
        refused.json()["error"]["detail"].as_str().is_some_and(|told| told.ends_with("tries left: 2")),
        "{refused:?}"
    );
    rig.insert(&image("v2-3des"));
    assert_eq!(Ran::of(homeless(&rig, "card", &["read"])).success()["version"], "2.00", "it asks for no proof");
}

/// The card is pulled at the n-th TPDU for n = 1, 2, … until it is read before that; each time the error is the same,
/// nothing is shown, and the next card is read.
#[test]
fn a_card_pulled_at_any_apdu_is_told_as_such() {
    let mut rig = rig_with_psam();
    for n in 1..MOST_TPDUS {
        rig.insert(&changed(&rig, "v3-sm4", &format!("[faults]\nremove_at = {n}")));
        let ran = read(&rig);
        if ran.code == Some(0) {
            assert!(n > 6, "six commands went before: {n}");
            assert_eq!(ran.json()["holder"], version_3()["holder"]);
            return;
        }
        assert_eq!(ran.error_code(), "E-READER-CARD-REMOVED", "TPDU {n}: {ran:?}");
        assert!(!ran.stdout.contains("440103198806120021"), "TPDU {n}");
    }
    panic!("the card is never read");
}

/// A rig with a PSAM that has all, for good.
fn rig_with_psam() -> Rig {
    let mut rig = Rig::start();
    rig.keep_psam(&image("v3-sm4"));
    rig
}

/// Reads the card in the holder's reader, unmasked.
fn read(rig: &Rig) -> Ran {
    rig.sbkd(&["card", "read", "--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--json", "--unmask"])
}

/// An image that differs from `base` by `settings`.
fn changed(rig: &Rig, base: &str, settings: &str) -> PathBuf {
    let file = rig.dir().join("changed.toml");
    fs::write(&file, format!("extends = {:?}\n{settings}\n", image(base))).expect("an image");
    file
}

fn version_1() -> Value {
    json!({
        "reader": HOLDER, "atr": "3B6D000086015342440001440110000001", "version": "1.00", "algorithm": "3DES",
        "card": {
            "identifier": "440100D15600000510000001FFFFFFFF", "number": "A10000015", "region": "440100",
            "category": "3", "issuer": "915600000244010044010001", "issued": "2010-03-15", "expires": "2040-03-14",
        },
        "authenticated": { "internal": true, "external": false, "by": "psam" },
        "holder": {
            "social_security_number": "440104196509180033", "name": "李国强", "sex": "1", "ethnicity": "01",
            "birth_place": "440104", "birth_date": "1965-09-18",
        },
    })
}

fn version_2() -> Value {
    json!({
        "reader": HOLDER, "atr": "3B6D000086025342440002440120000002", "version": "2.00", "algorithm": "3DES",
        "card": {
            "identifier": "440100D15600000520000002FFFFFFFF", "number": "A10000023", "region": "440100",
            "category": "3", "issuer": "915600000244010044010001", "issued": "2014-07-01", "expires": "2044-06-30",
        },
        "authenticated": { "internal": true, "external": false, "by": "psam" },
        "holder": {
            "social_security_number": "440105197904230011", "name": "陈志明", "sex": "1", "ethnicity": "01",
            "birth_place": "440105", "birth_date": "1979-04-23",
        },
    })
}

fn version_3() -> Value {
    json!({
        "reader": HOLDER, "atr": "3B6D000086035342440003440130000003", "version": "3.00", "algorithm": "SM4",
        "card": {
            "identifier": "440100D15600000530000003FFFFFFFF", "number": "A10000031", "region": "440100",
            "category": "3", "issuer": "915600000244010044010001", "issued": "2020-06-01", "expires": "2040-05-31",
        },
        "authenticated": { "internal": true, "external": true, "by": "psam" },
        "holder": {
            "social_security_number": "440103198806120021", "name": "王小雅", "sex": "2", "ethnicity": "01",
            "birth_place": "440103", "birth_date": "1988-06-12",
        },
    })
}
