//! No personal data leaves the walk: not in logs, databases, recordings, masked output or debug output, in no encoding.

mod rig;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use rig::search::{Needle, forms_of_bytes, forms_of_text, found_below, found_in};

use rig::walk::{CENTRE, Setting, Walk, below, bill, sign_in};
use rig::{HOLDER, PSAM, Ran, image, tree};

/// A made-up person who is nowhere else in the tree, so that whatever is found came from this card.
const NAME: &str = "司马青岚";
const NUMBER: &str = "530927197309173626";
const BIRTH: &str = "19730917";
const SERIAL: [u8; 6] = [0x44, 0x09, 0x7E, 0x5A, 0x91, 0xC3];
const IDENTIFIER: &str = "440900D1560000057E5A91C34BD20F68";
const BIRTH_PLACE: &str = "530927";
/// The person's number at the centre, which tells the terminal.
const PERSON_NUMBER: &str = "44010927309917";
/// What a bill says of a stay: the admission, and what was done there.
const ADMISSION: &str = "D20150727QXK93Z";
const TREATMENT: &str = "XKQ-7305-ZMVH";

/// The positive control: what is planted in any form is found, so that "nothing found" means something.
#[test]
fn the_search_finds_what_is_planted_in_every_form() {
    let mut needles = forms_of_text("name", "欧阳海棠");
    needles.extend(forms_of_text("number", "110105194912310021"));
    needles.extend(forms_of_bytes("serial", &[0x44, 0x01, 0xFE, 0x77, 0x10, 0x9A]));
    let noise: Vec<u8> = (0..10_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    assert_eq!(found_in(&noise, &needles), Vec::<String>::new(), "noise holds nothing");
    let dir = tempfile::tempdir().unwrap();
    for needle in &needles {
        let mut planted = noise.clone();
        planted.splice(4321..4321, needle.bytes.iter().copied());
        assert!(found_in(&planted, &needles).contains(&needle.what), "{} is not found", needle.what);
        let file = dir.path().join("deep/er/file.bin");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &planted).unwrap();
        assert!(!found_below(dir.path(), &needles, |_| false).is_empty(), "{} is not found on disk", needle.what);
    }
}

/// The forms are what other tools make of the same data, not only what this search makes of it.
#[test]
fn the_forms_are_those_of_other_tools() {
    let found = |text: &str, hay: &str| {
        let needles: Vec<Needle> = forms_of_text("it", text);
        found_in(hay.as_bytes(), &needles)
    };
    // echo -n 张三 | base64; the same behind one and two other bytes; | iconv -t GBK | base64; | sha256sum
    for hay in [
        "5byg5LiJ",
        "eOW8oOS4iQ==",
        "eHjlvKDkuIk=",
        "1cXI/Q==",
        "d5c5",
        "\\u5f20\\u4e09",
        "%e5%bc%a0%e4%b8%89",
        "d5c5c8fd",
    ] {
        let hit = !found("张三", hay).is_empty();
        assert_eq!(hit, hay != "d5c5", "{hay}");
    }
    let sha = "1d841bc0ee98309cb7916670b7f0fdef5f4c35150711a41405ef3633b56322cf";
    assert!(!found("张三", sha).is_empty(), "sha256");
    assert!(!found("19491231", "\u{19}I\u{12}1").is_empty(), "BCD");
}

/// The whole walk at the most verbose level, through every process. Left out of the search is the centre's own
/// database, by its directory: a centre must know whose transaction it is.
#[test]
fn nothing_that_the_walk_writes_names_the_holder() {
    let private = tempfile::tempdir().unwrap();
    let card = private.path().join("card.toml");
    let seed = private.path().join("seed.toml");
    fs::write(&card, card_image()).unwrap();
    fs::write(&seed, seed_file()).unwrap();

    let mut walk = Walk::start(Setting { seed: Some(seed), log: "trace", ..Setting::default() });
    walk.rig.keep_psam(&image("psam"));
    let watch = walk.watch();
    let waiting = walk.open("unemployment-sign-in", &sign_in());
    walk.rig.insert(&card);
    let mut shown = Vec::new();
    shown.push(walk.until_case(&waiting, &["waiting-confirmation"]).to_string());
    walk.http.post(&format!("/v1/cases/{waiting}/confirm"), &json!({})).success();
    let signed = walk.until_case(&waiting, &["done"]);
    // While it is on its way, what the centre says of the person is not kept, and later there is no centre to ask.
    walk.until_transaction(signed["transaction"]["id"].as_str().unwrap(), "acked");
    let input = walk.file("bill.json");
    fs::write(&input, unlike_any(bill()).to_string()).unwrap();
    let input = input.to_str().unwrap();
    keep(
        &walk,
        "case-run",
        &walk.sbkd(&["case", "run", "medical-settlement", "--input", input, "--yes", "--log", "trace"]),
    );
    // With the centre away a transaction stays in the queue: sealed, it must say as little as one that went.
    walk.kill_centre();
    let mut another = unlike_any(bill());
    for (n, line) in another["lines"].as_array_mut().unwrap().iter_mut().enumerate() {
        line["feedetl_sn"] = json!(format!("another {n}"));
    }
    let waits = walk.carry_out("medical-settlement", &another, &["provisional-done", "refused"]);
    shown.extend([signed.to_string(), waits.to_string()]);
    for path in ["/v1/transactions", "/v1/health", "/v1/readers"] {
        shown.push(walk.http.get(path).body);
    }
    // Packs by which every settlement comes out otherwise, so that each has its line.
    let rules = fs::read_to_string(tree("config/policy/guangzhou-2015/medical-settlement.toml")).unwrap();
    let (rules, _) = rules.split_once("[case_base]").unwrap();
    let none = rules.replace("expr = \"min(pool_due, pool_room)\"", "expr = \"min(pool_due, ¥0)\"");
    assert!(none != rules);
    fs::write(walk.file("none.toml"), none).unwrap();
    let none = walk.file("none.toml").display().to_string();
    let again = walk.sbkd(&["policy", "replay", "--packs", &none, "--log", "trace"]);
    assert!(again.stdout.contains("hifp_pay"), "{again:?}");
    keep(&walk, "policy-replay", &again);
    let again = walk.sbkd(&["policy", "replay", "--packs", &none, "--json", "--log", "trace"]);
    keep(&walk, "policy-replay-json", &again);
    for args in [&["card", "read"][..], &["queue", "list"], &["readers"], &["doctor"]] {
        keep(&walk, &args.join("-"), &walk.sbkd(&[args, &["--json", "--log", "trace"]].concat()));
    }

    // What must know the holder does: so the data did pass, in the forms that are searched for.
    let unmasked = walk.sbkd(&["card", "read", "--unmask", "--json"]);
    assert_eq!(unmasked.code, Some(0), "{unmasked:?}");
    for (what, plain) in [("name", NAME), ("number", NUMBER), ("identifier", IDENTIFIER), ("birth place", BIRTH_PLACE)]
    {
        assert!(unmasked.stdout.contains(plain), "the unmasked answer has no {what}");
    }
    assert!(!found_in(unmasked.stdout.as_bytes(), &birth_place()).is_empty(), "the birth place is found where it is");
    for (what, plain) in [
        ("its people", NUMBER),
        ("their numbers", PERSON_NUMBER),
        ("their stays", ADMISSION),
        ("what was done", TREATMENT),
    ] {
        let known = found_below(&walk.file(CENTRE), &forms_of_text(what, plain), |_| false);
        assert!(!known.is_empty(), "the centre knows {what}");
    }

    // The journal's log of the whole walk: each start clears it away.
    fs::copy(walk.file("state/queue.db-wal"), walk.file("walked.db-wal")).unwrap();

    // The recorder and its replay, with the readers for themselves.
    assert_eq!(walk.stop_daemon(), Some(0));
    let recording = walk.file("session.apdu");
    let direct = ["--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--log", "trace"];
    let out = ["record", "--out", recording.to_str().unwrap()];
    assert_eq!(keep(&walk, "record", &walk.rig.sbkd(&[&out[..], &direct].concat())), Some(0));
    let replayed = walk.rig.sbkd(&["replay", recording.to_str().unwrap(), "--log", "trace"]);
    assert_eq!(keep(&walk, "replay", &replayed), Some(0));
    keep(&walk, "direct", &walk.rig.sbkd(&[&["card", "read"][..], &direct].concat()));
    // A daemon that is ended in the middle of its work, as a crash would.
    walk.start_daemon();
    let _ = walk.open("medical-settlement", &unlike_any(bill()));
    walk.kill_daemon();

    shown.extend(watch.all().iter().map(ToString::to_string));
    fs::write(walk.file("shown.txt"), shown.join("\n")).unwrap();
    let searched = rig::search::files_below(walk.rig.dir());
    for part in
        ["daemon.err", "centre.err", "case-run.out", "session.apdu", "shown.txt", "queue.anchor", "walked.db-wal"]
    {
        let there = |file: &PathBuf| file.ends_with(part);
        let size = searched.iter().find(|file| there(file)).and_then(|file| Some(fs::metadata(file).ok()?.len()));
        assert!(size > Some(0), "{part} was to be searched, and is not there or empty: {searched:#?}");
    }
    let log = walk.rig.log("daemon");
    assert!(log.contains("APDU") && log.contains("status=9000"), "the most verbose level tells of each command");
    let found = found_below(walk.rig.dir(), &needles(), |file| below(file, CENTRE) || file.ends_with("bill.json"));
    assert!(found.is_empty(), "personal data was written:\n{}", found.join("\n"));
}

/// Keeps what a command said among what is searched; gives its exit status.
fn keep(walk: &Walk, name: &str, ran: &Ran) -> Option<i32> {
    fs::write(walk.file(&format!("{name}.out")), format!("{}{}", ran.stdout, ran.stderr)).unwrap();
    ran.code
}

fn needles() -> Vec<Needle> {
    let number = card_number();
    let mut needles = Vec::new();
    for (what, text) in [
        ("name", NAME),
        ("number", NUMBER),
        ("card number", &number),
        ("birth date", BIRTH),
        ("birth date", "1973-09-17"),
        ("person's number", PERSON_NUMBER),
        ("admission", ADMISSION),
        ("treatment", TREATMENT),
    ] {
        needles.extend(forms_of_text(what, text));
    }
    needles.extend(birth_place());
    let identifier = hex::decode(IDENTIFIER).unwrap();
    needles.extend(forms_of_bytes("the ATR's own bytes", &SERIAL));
    needles.extend(forms_of_bytes("identifier", &identifier));
    needles.extend(forms_of_bytes("identifier without its region", &identifier[3..]));
    needles
}

/// Six digits alone are found in any log, as a fraction of a second: they are looked for as a value and as their record.
fn birth_place() -> Vec<Needle> {
    let record = hex::decode(format!("0C03{BIRTH_PLACE}")).unwrap();
    let mut needles = forms_of_bytes("birth place's record", &record);
    needles.extend(forms_of_bytes("birth place", BIRTH_PLACE.as_bytes()).into_iter().skip(1));
    for (open, close) in
        [("\"", "\""), ("'", "'"), ("(", ")"), ("=", " "), ("=", "\n"), (": ", "\n"), ("：", "\n"), (": ", ",")]
    {
        needles.extend(forms_of_bytes("birth place as a value", format!("{open}{BIRTH_PLACE}{close}").as_bytes()));
    }
    needles
}

/// A bill with an admission and treatments that are nowhere else in the tree.
fn unlike_any(mut bill: Value) -> Value {
    bill["mdtrt_id"] = json!(ADMISSION);
    for line in bill["lines"].as_array_mut().unwrap() {
        line["med_list_codg"] = json!(TREATMENT);
    }
    bill
}

fn card_number() -> String {
    let body = "S7305926";
    let check = sbkd::value::check_character(body.as_bytes()).expect("eight characters");
    format!("{body}{}", char::from(check))
}

fn card_image() -> String {
    let file = |path: &str| -> PathBuf { tree("fixtures/cards").join(path) };
    let show = |path: &Path| path.display().to_string();
    format!(
        r#"
extends = "{keys}"
chip = "card"
psam_image = "{psam}"
historical = "86035342440003{serial}"
[card]
algorithm = "SM4"
identifier = "{IDENTIFIER}"
category = "3"
version = "3.00"
issuer = "915600000244010044010001"
issued = "2021-02-03"
expires = "2041-02-02"
number = "{number}"
[holder]
social_security_number = "{NUMBER}"
name = "{NAME}"
sex = "2"
ethnicity = "05"
birth_place = "{BIRTH_PLACE}"
birth_date = "1973-09-17"
"#,
        keys = show(&file("demonstration-keys.toml")),
        psam = show(&file("psam.toml")),
        serial = hex::encode_upper(SERIAL),
        number = card_number(),
    )
}

fn seed_file() -> String {
    format!(
        r#"
[[person]]
psn_no = "{PERSON_NUMBER}"
certno = "{NUMBER}"
insutype = "310"
[person.scenario.medical-settlement]
facts = {{ insutype = "310", psn_type = "1", psn_insu_stas = "0", balc = "500.00" }}
[person.scheme.310]
accumulators = [
    {{ name = "pool", period = "2015-07/2016-06", value = "12000.00" }},
    {{ name = "supplement", period = "2015-07/2016-06", value = "0.00" }},
]
[person.scenario.unemployment-sign-in]
facts = {{ stop_cause = "none", detained = false }}
[person.scheme.unemployment]
accumulators = [
    {{ name = "start_month", period = "-", value = "2015-02" }},
    {{ name = "signed_month", period = "-", value = "2015-07" }},
    {{ name = "months_left", period = "-", value = 6 }},
]
[[visit]]
psn_no = "{PERSON_NUMBER}"
mdtrt_id = "{ADMISSION}"
insurance = "310"
"#
    )
}
