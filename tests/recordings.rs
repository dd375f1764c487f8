//! Recordings: made without personal data and without keys, replayed with every check on.

mod rig;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rig::search::{Needle, files_below, forms_of_bytes, forms_of_text, found_below, found_in};
use rig::{HOLDER, PSAM, Ran, Rig, image};
use sbkd::card::{self, CardError, InitialPins, Pairs, Parts, Reading, Validation};
use sbkd::cipher::Algorithm;
use sbkd::keys::{KeyService, Psam};
use sbkd::profile::Profile;
use sbkd::reader::{Lease, Transport, TransportError};
use sbkd::script::{Library, RecordError, Recorder, Recording};
use sbkd::virtual_card::{Image, InProcess};
use sbkd::world::{Clock, Random, SystemClock, SystemRandom};
use serde_json::Value;

/// The recordings of a reading that the project keeps, and what they are of.
const KEPT: [(&str, &str, &str); 3] =
    [("v1-3des", "1.00", "3DES"), ("v2-3des", "2.00", "3DES"), ("v3-sm4", "3.00", "SM4")];

#[test]
fn each_kept_recording_replays_to_its_last_line() {
    for (name, version, algorithm) in KEPT {
        let reading = replayed(&kept(name)).unwrap_or_else(|error| panic!("{name}: {error:?}")).to_json(true);
        assert_eq!((&reading["version"], &reading["algorithm"]), (&version.into(), &algorithm.into()), "{name}");
        let external = version == "3.00";
        assert_eq!(
            reading["authenticated"],
            serde_json::json!({ "internal": true, "external": external, "by": "psam" })
        );
        // The holder that every recording has.
        assert_eq!(reading["holder"]["social_security_number"], "100000197001010012");
        assert_eq!(reading["holder"]["birth_date"], "1970-01-01");
        assert!(reading["holder"]["name"].as_str().unwrap().starts_with('测'), "{reading}");
        assert!(reading["atr"].as_str().unwrap().ends_with("440100000001"), "{reading}");
    }
}

#[test]
fn any_flipped_byte_of_a_cryptogram_fails() {
    for (name, version, _) in KEPT {
        let text = kept(name);
        let mut flips = 0;
        for (line, kind) in cryptograms(&text) {
            let bytes = hex_run(&text, line);
            for at in 0..bytes.len() / 2 {
                let flipped = flip(&text, line, at);
                let fails =
                    replayed(&flipped).err().unwrap_or_else(|| panic!("{name}:{line}: byte {at} is not checked"));
                match (kind, fails) {
                    (Cryptogram::Internal, Fails::Card(CardError::NotGenuine)) => {}
                    (Cryptogram::External, Fails::Replay(TransportError::Replay { .. })) => {}
                    (_, other) => panic!("{name}:{line}: byte {at} of {kind:?} ends in {other:?}"),
                }
                flips += 1;
            }
        }
        // Both sides of the internal authentication; of the external one the PSAM's answer, and what is sent.
        let wanted = match version {
            "3.00" => 8 + 16 + 16 + 8,
            _ => 8 + 8,
        };
        assert_eq!(flips, wanted, "{name}");
    }
}

#[test]
fn a_recording_holds_nothing_of_the_holder_and_no_key() {
    assert_eq!(found_below(&folder(), &keys(), |_| false), Vec::<String>::new(), "those that are kept");
    for name in ["v1-3des", "v2-3des", "v3-sm4", "v3-long-name", "v3-wrong-le", "v3-no-whole-file", "v2-pad-ff"] {
        let (real, recording) = recorded(name);
        let text = recording.to_string();
        let needles = [holder(&real), keys()].concat();
        assert_eq!(found_in(text.as_bytes(), &needles), Vec::<String>::new(), "{name}");
        let made_up = replayed(&text).unwrap_or_else(|error| panic!("{name}: {error:?}")).to_json(true);
        let real = real.to_json(true);
        for field in ["social_security_number", "name", "birth_place", "birth_date"] {
            assert_ne!(made_up["holder"][field], real["holder"][field], "{name}: {field}");
            assert_eq!(
                made_up["holder"][field].as_str().map(|t| t.chars().count()),
                real["holder"][field].as_str().map(|t| t.chars().count()),
                "{name}: {field}"
            );
        }
        assert_ne!(made_up["card"]["identifier"], real["card"]["identifier"], "{name}");
        assert_ne!(made_up["card"]["number"], real["card"]["number"], "{name}");
        for same in ["version", "algorithm", "authenticated", "apdus"] {
            assert_eq!(made_up[same], real[same], "{name}: {same}");
        }
    }
}

#[test]
fn the_search_finds_what_an_unredacted_recording_would_hold() {
    let (real, _) = recorded("v3-sm4");
    let reading = real.to_json(true);
    let name = encoding_rs::GBK.encode(reading["holder"]["name"].as_str().unwrap()).0.into_owned();
    let planted = [
        hex::encode_upper(name),
        hex::encode_upper(reading["holder"]["social_security_number"].as_str().unwrap()),
        reading["holder"]["birth_date"].as_str().unwrap().replace('-', ""),
        hex::encode_upper(reading["card"]["number"].as_str().unwrap()),
        reading["card"]["identifier"].as_str().unwrap().to_owned(),
        reading["atr"].as_str().unwrap().to_owned(),
    ];
    for plant in planted {
        let text = format!("> 00B2012D 00\n< {plant}9000\n");
        assert!(!found_in(text.as_bytes(), &holder(&real)).is_empty());
    }
    let (keys, roots) = (keys(), roots());
    assert!(roots.len() > 2 * Profile::builtin().keys().len(), "each role's, in both environments");
    for (name, key) in roots {
        assert!(!found_in(hex::encode(key).as_bytes(), &keys).is_empty(), "{name}");
    }
}

#[test]
fn a_truncated_or_edited_recording_names_its_file_and_line() {
    let text = kept("v3-sm4");
    let lines: Vec<&str> = text.lines().collect();
    let cut = lines[..lines.len() - 5].join("\n") + "\n";
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| {
        let file = dir.path().join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let told = |file: &Path, args: &[&str]| {
        let mut all = args.to_vec();
        let file = file.to_str().unwrap();
        all.extend(["--json", file]);
        let ran = sbkd(&all);
        let error = ran.json()["error"].clone();
        (
            ran.error_code(),
            error["detail"].as_str().unwrap_or_default().replace(file, "FILE"),
            error["diagnostics"].clone(),
        )
    };
    let cut = at("cut.apdu", &cut);
    for command in [&["replay"][..], &["script", "check"][..]] {
        let (code, detail, diagnostics) = told(&cut, command);
        assert_eq!(code, "E-SCRIPT-MISTAKE");
        assert_eq!(
            detail,
            format!("FILE:{}:1: the recording is cut off: its last line, end, is missing", lines.len() - 5)
        );
        assert_eq!(diagnostics[0]["line"], lines.len() - 5);
    }
    // An edited command is told with its line, before the card's failure that comes of it.
    let line = lines.iter().position(|line| line.starts_with("> 00880000")).unwrap();
    let edited = at("edited.apdu", &flip(&text, line, 4));
    let (code, detail, _) = told(&edited, &["replay"]);
    assert_eq!(code, "E-REPLAY-DIFFERS");
    assert!(detail.contains(&format!("FILE:{}: ", line + 1)), "{detail}");
    // So is a line that nothing asks for.
    let longer = at("longer.apdu", &text.replace("\nend\n", "\nreset\nend\n"));
    let (code, detail, _) = told(&longer, &["replay"]);
    assert_eq!(code, "E-REPLAY-DIFFERS");
    assert!(detail.contains(&format!("FILE:{}: ", lines.len())), "{detail}");
}

#[test]
fn a_replay_prints_what_a_reading_prints() {
    for (name, version, _) in KEPT {
        let file = folder().join(format!("{name}-read.apdu"));
        let file = file.to_str().unwrap();
        let masked = sbkd(&["replay", file, "--json"]).success();
        assert_eq!(masked["version"], version);
        assert!(masked["holder"]["name"].as_str().unwrap().contains('*'), "{masked}");
        let whole = sbkd(&["replay", file, "--json", "--unmask"]).success();
        assert_eq!(whole["holder"]["birth_date"], "1970-01-01");
        for part in ["reader", "atr", "card", "authenticated", "apdus", "elapsed_ms"] {
            assert!(!whole[part].is_null(), "{part}");
        }
    }
    let checked = sbkd(&["script", "check", "--json", folder().to_str().unwrap(), "apdu-scripts"]).success();
    assert!(checked["recordings"].as_array().unwrap().len() >= KEPT.len());
}

#[test]
fn scripts_of_ones_own_stand_beside_the_built_in_ones() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("sbkd.toml");
    let text = fs::read_to_string(rig::tree("config/demo.toml")).unwrap();
    fs::write(&config, format!("{text}\n[paths]\nscripts = \"own\"\n")).unwrap();
    fs::create_dir(dir.path().join("own")).unwrap();
    let script = |name: &str, text: &str| fs::write(dir.path().join("own").join(name), text).unwrap();
    let file = folder().join("v3-sm4-read.apdu");
    let replay = || sbkd(&["replay", "--json", "--config", config.to_str().unwrap(), file.to_str().unwrap()]);
    let whole = fs::read_to_string(rig::tree("apdu-scripts/ssc-3.0.apdu")).unwrap();
    script("ssc-4.0.apdu", &whole);
    assert_eq!(replay().success()["version"], "3.00");
    // One that could not work is not taken, though no card of its generation is there.
    let refused = |name: &str, text: &str, place: &str| {
        script(name, text);
        let ran = replay();
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), "E-SCRIPT-MISTAKE"));
        let detail = ran.json()["error"]["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&format!("own/{name}:{place}")), "{detail}");
        let checked = sbkd(&["script", "check", "--json", dir.path().join("own").to_str().unwrap()]);
        assert_eq!((checked.code, checked.json()["error"]["detail"].as_str()), (Some(7), Some(detail.as_str())));
        let config = sbkd(&["config", "check", "--json", config.to_str().unwrap()]);
        assert_eq!((config.code, config.error_code().as_str()), (Some(7), "E-TERM-SETUP"));
        assert!(config.json()["error"]["detail"].as_str().unwrap().contains(&format!("own/{name}:{place}")));
    };
    assert_eq!(sbkd(&["config", "check", "--json", config.to_str().unwrap()]).code, Some(0));
    let poor = "flow internal-authenticate -> proof\n> 00880000 08\n< {proof:8} 9000\n";
    refused("ssc-4.0.apdu", poor, "1:1: the flow external-authenticate is missing");
    refused("ssc-4.0.apdu", &whole.replace("process:8 original:8 ->", "process:16 original:8 ->"), "6:28: ");
    refused("ssc-4.0.apdu", &whole.replace("flow external-authenticate", "flow external-authentikate"), "16:6: ");
    script("ssc-4.0.apdu", &whole);
    script("ssc-3.0.apdu", "flow\n");
    let ran = replay();
    assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), "E-SCRIPT-MISTAKE"));
    assert_eq!(ran.json()["error"]["diagnostics"][0]["line"], 1);
}

#[test]
fn a_reading_over_pcscd_is_recorded_once_and_replays() {
    let mut rig = Rig::start();
    // It stays while the card is changed.
    rig.keep_psam(&image("v3-long-name"));
    rig.insert(&image("v3-long-name"));
    let out = rig.dir().join("new.apdu");
    let out_name = out.to_str().unwrap().to_owned();
    let record = |rig: &Rig| {
        rig.sbkd(&["record", "--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--out", &out_name, "--json"])
    };
    let told = record(&rig).success();
    assert_eq!((&told["file"], &told["replayed"]), (&Value::from(out_name.as_str()), &Value::from(true)));
    let text = fs::read_to_string(&out).unwrap();
    let (real, _) = recorded("v3-long-name");
    assert_eq!(found_in(text.as_bytes(), &[holder(&real), keys()].concat()), Vec::<String>::new());
    let replay = sbkd(&["replay", &out_name, "--json", "--unmask"]).success();
    assert_eq!(replay["reader"], HOLDER);
    assert_eq!(replay["holder"]["birth_date"], "1970-01-01");

    // Never overwritten, and never with keys that could end up in it.
    assert_eq!(record(&rig).error_code(), "E-CLI-EXISTS");
    assert_eq!(fs::read_to_string(&out).unwrap(), text);
    let other = rig.dir().join("other.apdu");
    let other = other.to_str().unwrap();
    let keys = ["--keys", "fixtures/cards/demonstration-keys.toml", "--mode", "demo"];
    let soft = rig.sbkd(&[&["record", "--direct", "--out", other, "--json"][..], &keys].concat());
    assert_eq!(soft.error_code(), "E-SCRIPT-RECORD-SOFT");
    assert_eq!(rig.sbkd(&["record", "--out", other, "--json"]).error_code(), "E-CLI-USAGE");

    // A card that is not genuine leaves nothing.
    rig.insert(&image("v3-forged"));
    let forged = rig.sbkd(&["record", "--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--out", other, "--json"]);
    assert_eq!(forged.error_code(), "E-CARD-NOT-GENUINE");
    assert!(!Path::new(other).exists());
}

#[test]
fn a_card_or_psam_pulled_at_any_tpdu_leaves_no_recording() {
    let whole = || Image::load(&image("v3-sm4")).unwrap();
    let keys = || Image::load(&image("psam")).unwrap();
    type Pulled = fn(Image, Image, u32) -> [Image; 2];
    let pulls: [Pulled; 2] = [|card, psam, n| [card.removed_at(n), psam], |card, psam, n| [card, psam.removed_at(n)]];
    for pulled in pulls {
        let mut n = 1;
        loop {
            let [card, psam] = pulled(whole(), keys(), n).map(in_process);
            match taken_down(card, psam) {
                (Ok(_), recording) => break drop(recording.unwrap()),
                (Err(_), recording) => {
                    let broken = RecordError::Broken(TransportError::Removed);
                    assert_eq!(recording.map(|recording| recording.to_string()), Err(broken), "TPDU {n}");
                }
            }
            n += 1;
        }
        assert!(n > 6, "only {n} TPDUs");
    }
}

#[test]
fn a_flow_runs_on_a_card_over_pcscd() {
    let rig = Rig::with_card(&image("v3-sm4"));
    let flow = |args: &[&str]| rig.sbkd(&[&["script", "run", "--json", "--reader", HOLDER][..], args].concat());
    let select = flow(&["ssc", "select"]).success();
    assert_eq!((&select["status"], &select["values"]["fci"]["hex"]), (&Value::from("9000"), &Value::Null));
    assert!(select["values"]["fci"]["length"].as_u64().unwrap() > 17);
    let shown = flow(&["ssc", "select", "--unmask"]).success();
    assert!(shown["values"]["fci"]["hex"].as_str().unwrap().starts_with("6F"));

    let own = rig.dir().join("own.apdu");
    fs::write(&own, "flow challenge le:1 -> random\n> 00840000 {le}\n< {random:*} 9000\n< 67xx|6Axx\n").unwrap();
    let own = own.to_str().unwrap();
    assert_eq!(flow(&[own, "challenge", "--set", "le=08"]).success()["values"]["random"]["length"], 8);
    assert_eq!(flow(&[own, "challenge"]).error_code(), "E-SCRIPT-VALUE");
    assert_eq!(flow(&[own, "challenge", "--set", "le=0808"]).error_code(), "E-SCRIPT-DATA");
    assert_eq!(flow(&[own, "other"]).error_code(), "E-SCRIPT-NO-FLOW");
    assert_eq!(
        flow(&["ssc-3.0", "holder-record", "--set", "tag=08", "--set", "length=14"]).error_code(),
        "E-SCRIPT-STATUS"
    );
}

#[test]
fn a_script_with_mistakes_exits_with_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.apdu");
    fs::write(&file, "flow a\n> 0084\n< 9000\nflow b x:8\n> 00840000 08\n< {r:8} 9000\n").unwrap();
    let ran = sbkd(&["script", "check", "--json", file.to_str().unwrap()]);
    assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), "E-SCRIPT-MISTAKE"));
    let found = ran.json()["error"]["diagnostics"].clone();
    let places: Vec<_> = found.as_array().unwrap().iter().map(|one| (&one["line"], &one["column"])).collect();
    assert_eq!(places, [(&2.into(), &7.into()), (&4.into(), &8.into()), (&6.into(), &4.into())]);
    let built_in = sbkd(&["script", "check", "--json"]).success();
    assert!(built_in["scripts"].as_array().unwrap().iter().any(|script| script["script"] == "ssc-3.0"));
}

fn sbkd(args: &[&str]) -> Ran {
    let mut command = rig::bare();
    command.args(args);
    Ran::of(command)
}

fn folder() -> PathBuf {
    rig::tree("fixtures/recordings")
}

fn kept(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}-read.apdu"))).unwrap()
}

fn transport(name: &str) -> Box<dyn Transport> {
    in_process(Image::load(&image(name)).unwrap())
}

fn in_process(image: Image) -> Box<dyn Transport> {
    Box::new(InProcess::new(image.chip(Arc::new(SystemRandom::default()))).unwrap())
}

fn read(mut card: Lease, mut keys: Psam, clock: &dyn Clock, random: &dyn Random) -> Result<Reading, CardError> {
    let parts = Parts {
        lease: &mut card,
        keys: &mut keys as &mut dyn KeyService,
        profile: &Profile::builtin(),
        scripts: &Library::builtin(),
        store: None,
        pairs: Pairs::Needless,
        clock,
        random,
        default_algorithm: Some(Algorithm::TripleDes),
        initial_pins: &InitialPins::default(),
        validation: Validation::WITHOUT_LIST,
    };
    card::read(parts, &mut |_| ())
}

fn lease((reader, transport): (String, Box<dyn Transport>)) -> Lease {
    Lease::new(reader, transport, Instant::now() + Duration::from_secs(60))
}

/// What was read, and the recording of it.
fn recorded(name: &str) -> (Reading, Recording) {
    let (reading, recording) = taken_down(transport(name), transport("psam"));
    let reading = reading.unwrap_or_else(|error| panic!("{name}: {error}"));
    (reading, recording.unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// What comes of a reading that is recorded, and of its recording.
fn taken_down(
    card: Box<dyn Transport>,
    psam: Box<dyn Transport>,
) -> (Result<Reading, CardError>, Result<Recording, RecordError>) {
    let recorder = Recorder::new(&SystemClock);
    let card = lease((HOLDER.to_owned(), recorder.card(HOLDER, card)));
    let psam = lease((PSAM.to_owned(), recorder.psam(PSAM, psam)));
    let random = recorder.random(Box::new(SystemRandom::default()));
    let reading = read(
        card,
        Psam::new(psam, Arc::new(Library::builtin()), Arc::new(Profile::builtin()), None),
        &recorder.clock(),
        &*random,
    );
    (reading, recorder.finish("r.apdu"))
}

/// How a replay fails.
#[derive(Debug)]
enum Fails {
    Card(CardError),
    Replay(TransportError),
}

fn replayed(text: &str) -> Result<Reading, Fails> {
    let recording = Recording::parse("r.apdu", text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let replay = recording.replay();
    let psam =
        Psam::new(lease(replay.psam().unwrap()), Arc::new(Library::builtin()), Arc::new(Profile::builtin()), None);
    // What differs from the recording comes before what the card room makes of it.
    let outcome = read(lease(replay.card()), psam, &replay.clock(), &*replay.random());
    match outcome {
        Ok(reading) => replay.finish().map(|()| reading).map_err(Fails::Replay),
        Err(CardError::NotGenuine) => Err(Fails::Card(CardError::NotGenuine)),
        Err(error) => Err(replay.mistake().map_or(Fails::Card(error), Fails::Replay)),
    }
}

/// Whose proof a cryptogram is part of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cryptogram {
    Internal,
    External,
}

/// The lines (from 0) whose first run of hex behind the header is a cryptogram.
fn cryptograms(text: &str) -> Vec<(usize, Cryptogram)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut role = Cryptogram::Internal;
    for (at, line) in lines.iter().enumerate() {
        let starts = |header: &str| line.starts_with(&format!("> {header}"));
        if starts("00840000") {
            role = Cryptogram::External;
        }
        if starts("0082000A") {
            found.push((at, Cryptogram::External));
        }
        if starts("00880000") || starts("80FA0000") {
            // T=0 may bring the answer with GET RESPONSE.
            let answer = if lines[at + 1].starts_with("< 61") { at + 3 } else { at + 1 };
            found.push((answer, role));
        }
    }
    found
}

/// The hex digits of a line's cryptogram: the answer's data, or the first eight bytes of what is sent.
fn hex_run(text: &str, line: usize) -> String {
    let line = text.lines().nth(line).unwrap();
    match line.split_once('[') {
        Some((_, data)) => data[..16].to_owned(),
        None => line.split(' ').nth(1).unwrap().to_owned(),
    }
}

/// The text with one bit of byte `at` of that line's run turned.
fn flip(text: &str, line: usize, at: usize) -> String {
    let run = hex_run(text, line);
    let mut bytes = hex::decode(&run).unwrap();
    bytes[at] ^= 0x10;
    let changed = |(n, one): (usize, &str)| match n == line {
        true => one.replacen(&run, &hex::encode_upper(&bytes), 1) + "\n",
        false => one.to_owned() + "\n",
    };
    text.lines().enumerate().map(changed).collect()
}

/// The holder and the card in every form.
fn holder(real: &Reading) -> Vec<Needle> {
    let json = real.to_json(true);
    let text = |part: &str, name: &str| json[part][name].as_str().unwrap().to_owned();
    let identifier = hex::decode(text("card", "identifier")).unwrap();
    let atr = hex::decode(json["atr"].as_str().unwrap()).unwrap();
    let mut needles = Vec::new();
    for (part, name) in
        [("holder", "social_security_number"), ("holder", "name"), ("holder", "birth_date"), ("card", "number")]
    {
        needles.extend(forms_of_text(name, &text(part, name)));
    }
    needles.extend(forms_of_bytes("the identifier's serial", &identifier[8..12]));
    needles.extend(forms_of_bytes("the identifier", &identifier));
    needles.extend(forms_of_bytes("historical bytes 8 to 13", &atr[atr.len() - 6..]));
    needles.extend(forms_of_bytes("historical bytes 10 to 13", &atr[atr.len() - 4..]));
    // Four characters of base64 (AAAA) stand in random hex by chance; the same bytes in hex are eight.
    needles.retain(|needle| needle.bytes.len() > 5);
    needles
}

/// The root keys, all there are in the images: what a PSAM holds, and never gives away.
fn keys() -> Vec<Needle> {
    roots().iter().flat_map(|(name, key)| forms_of_bytes(&format!("the root key {name}"), key)).collect()
}

/// Each by its name, of every image that has some of its own.
fn roots() -> Vec<(String, Vec<u8>)> {
    let mut roots = Vec::new();
    for file in files_below(&image("v3-sm4").with_file_name("")) {
        let Ok(Ok(table)) = fs::read_to_string(&file).map(|text| text.parse::<toml::Table>()) else { continue };
        for (algorithm, keys) in table.get("keys").and_then(toml::Value::as_table).into_iter().flatten() {
            for (name, key) in keys.as_table().expect("keys by their names") {
                roots.push((format!("{algorithm} {name}"), hex::decode(key.as_str().unwrap()).unwrap()));
            }
        }
    }
    roots
}
