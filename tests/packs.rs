//! Policy packs change under a running daemon: those that are sound are taken up, and those that are not leave what was.

mod rig;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rig::http::Client;
use rig::walk::{Setting, Walk, bill, sign_in};
use rig::{Child, Ran, image, tree, until};
use serde_json::{Value, json};

const SIGN_IN: &str = "unemployment-sign-in";
/// How often the daemon looks at its folder, in seconds.
const POLL: u64 = 1;
const NEVER: u64 = 86_400;

/// A terminal without readers, its files in a directory of their own.
struct Terminal {
    dir: tempfile::TempDir,
    daemon: Option<Child>,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Terminal {
    /// With the packs that ship in its folder, and these lines in `[policy]`; not started.
    fn new(poll: u64, policy: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy_packs(&dir.path().join("policy"));
        let terminal = Self { dir, daemon: None, events: Arc::default() };
        terminal.configure(poll, policy);
        terminal
    }

    fn configure(&self, poll: u64, policy: &str) {
        let text = format!(
            "mode = \"demo\"\nbusiness_date = 2015-08-03\nterminal = \"H44010099999\"\nstate = \"state\"\n\
             [keys]\nsource = \"psam\"\n[api]\nsocket = \"sbkd.sock\"\n[paths]\npolicy = \"policy\"\n[policy]\npoll_secs = {poll}\n{policy}\n"
        );
        fs::write(self.path("sbkd.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The pack of the sign-in.
    fn pack(&self) -> PathBuf {
        self.path("policy").join(SIGN_IN).with_extension("toml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = rig::bare();
        command.args(args).args(["--config", "sbkd.toml", "--json"]).current_dir(self.dir.path());
        command.env("PCSCLITE_CSOCK_NAME", self.path("no.comm"));
        command
    }

    fn sbkd(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    /// Starts the daemon, and collects its events from then on.
    fn start(&mut self) {
        let mut daemon = Child::spawn("daemon", self.command(&["run"]), self.dir.path());
        until("the daemon answers", || {
            assert!(!daemon.ended(), "the daemon ended instead, saying:\n{}", self.log());
            self.client().try_request("GET", "/v1/health", None).ok()
        });
        self.daemon = Some(daemon);
        let (events, into) = (self.client().events("/v1/events").unwrap(), Arc::clone(&self.events));
        std::thread::spawn(move || events.for_each(|(_, event)| into.lock().unwrap().push(event)));
    }

    fn stop(&mut self) {
        assert_eq!(self.daemon.take().unwrap().terminate(), Some(0));
    }

    fn client(&self) -> Client {
        Client::unix(self.path("sbkd.sock"))
    }

    fn policy(&self) -> Value {
        self.client().get("/v1/policy").success()
    }

    /// The version of the sign-in's pack that is in force.
    fn version(&self) -> String {
        version(&self.policy())
    }

    /// Waits until this has happened to the packs so often since the daemon's first start; the event.
    #[track_caller]
    fn until_told(&self, change: &str, times: usize) -> Value {
        until(&format!("{change}, {times}"), || {
            let mut told = self.told(change);
            (told.len() == times).then(|| told.pop()).flatten()
        })
    }

    fn told(&self, change: &str) -> Vec<Value> {
        let events = self.events.lock().unwrap();
        let told = events.iter().filter(|event| event["type"] == "policy" && event["change"] == change);
        told.cloned().collect()
    }

    fn log(&self) -> String {
        ["out", "err"]
            .map(|ending| fs::read_to_string(self.path("daemon").with_extension(ending)).unwrap_or_default())
            .concat()
    }

    /// How often the log says this.
    fn said(&self, what: &str) -> usize {
        self.log().lines().filter(|line| line.contains(what)).count()
    }

    /// The doctor's line of the packs.
    fn doctor(&self) -> Value {
        let report = self.sbkd(&["doctor"]).json();
        report["checks"].as_array().unwrap().iter().find(|line| line["check"] == "policy").unwrap().clone()
    }
}

fn version(policy: &Value) -> String {
    let packs = policy["packs"].as_array().unwrap();
    let pack = packs.iter().find(|pack| pack["id"] == "gz.unemployment.sign-in").unwrap();
    pack["version"].as_str().unwrap().to_owned()
}

/// Puts the packs that ship into a folder.
fn copy_packs(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for entry in fs::read_dir(tree("config/policy/guangzhou-2015")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|ending| ending == "toml") {
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
}

/// The pack of the sign-in in this version.
fn pack(version: &str) -> String {
    let text = fs::read_to_string(tree("config/policy/guangzhou-2015").join(SIGN_IN).with_extension("toml")).unwrap();
    let changed = text.replace("version = \"2015.1\"", &format!("version = \"{version}\""));
    assert!(changed != text || version == "2015.1");
    changed
}

/// What is told of the pack with a mistake.
const MISTAKE: &str = "unknown key 'date_off': write 'date_of'";

/// A pack with a mistake, and the place of it.
fn broken() -> (String, String) {
    let text = pack("2015.9").replace("date_of = ", "date_off = ");
    let line = text.lines().position(|line| line.starts_with("date_off")).unwrap() + 1;
    (text, format!("{SIGN_IN}.toml:{line}:1: {MISTAKE}"))
}

/// As an editor or a copy program should do it: whole under another name, then in its place.
fn put(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, file).unwrap();
}

#[test]
fn a_sound_pack_is_taken_up_and_one_with_a_mistake_leaves_what_was() {
    let mut terminal = Terminal::new(POLL, "");
    terminal.start();
    let policy = terminal.policy();
    assert_eq!((&policy["origin"], &policy["refused"]), (&json!("folder"), &Value::Null));
    assert_eq!(terminal.version(), "2015.1");
    let daemon = terminal.daemon.as_ref().unwrap().id();

    put(&terminal.pack(), &pack("2015.2"));
    let told = terminal.until_told("taken-up", 1);
    assert_eq!(version(&told), "2015.2");
    assert_eq!((terminal.version().as_str(), &terminal.policy()["refused"]), ("2015.2", &Value::Null));
    assert_eq!(terminal.doctor()["status"], "ok");

    let (text, place) = broken();
    put(&terminal.pack(), &text);
    let told = terminal.until_told("refused", 1);
    assert!(told["why"].as_str().unwrap().contains(&place), "{told}");
    let policy = terminal.policy();
    assert_eq!(version(&policy), "2015.2");
    let mistake = policy["refused"]["mistakes"].as_array().unwrap().last().unwrap();
    assert_eq!((&mistake["message"], &mistake["column"]), (&json!(MISTAKE), &json!(1)), "{policy:#}");
    let health = terminal.client().get("/v1/health").success();
    assert_eq!((&health["status"], &health["policy"]["refused"]), (&json!("degraded"), &policy["refused"]));
    let line = terminal.doctor();
    assert_eq!(line["status"], "failed");
    assert!(line["found"]["zh"].as_str().unwrap().contains(&place), "{line}");
    assert_eq!(terminal.said(&place), 1, "{}", terminal.log());
    // The same mistake in a file that was written again is no news; who asks is answered all the same.
    put(&terminal.pack(), &text);
    let ran = terminal.sbkd(&["policy", "reload"]);
    assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), "E-TERM-POLICY"));
    assert!(ran.json()["error"]["detail"].as_str().unwrap().contains(&place), "{ran:?}");
    put(&terminal.pack(), &text);

    // As it was: nothing is taken up, and that it is mended is told.
    put(&terminal.pack(), &pack("2015.2"));
    terminal.until_told("mended", 1);
    assert_eq!(
        (terminal.told("refused").len(), terminal.said(&place)),
        (1, 2),
        "told once, and once more to who asked"
    );
    assert_eq!(terminal.client().get("/v1/health").success()["policy"]["refused"], Value::Null);
    assert_eq!(terminal.doctor()["status"], "ok");

    // A folder in which a scenario has no pack any more, and no folder at all.
    fs::rename(terminal.pack(), terminal.path("away")).unwrap();
    let told = terminal.until_told("refused", 2);
    let why = told["why"].as_str().unwrap();
    let named = format!(": there is no policy pack gz.unemployment.sign-in for {SIGN_IN}");
    assert!(why.starts_with("unemployment.toml:") && why.ends_with(&named), "{why}");
    fs::rename(terminal.path("policy"), terminal.path("elsewhere")).unwrap();
    let told = terminal.until_told("refused", 3);
    assert!(told["why"].as_str().unwrap().starts_with("policy: "), "{told}");
    fs::rename(terminal.path("away"), terminal.path("elsewhere").join(SIGN_IN).with_extension("toml")).unwrap();
    fs::rename(terminal.path("elsewhere"), terminal.path("policy")).unwrap();
    terminal.until_told("mended", 2);
    assert_eq!(terminal.version(), "2015.2");
    assert_eq!(terminal.daemon.as_ref().unwrap().id(), daemon);
    terminal.stop();
}

#[test]
fn a_file_is_taken_up_once_it_is_written() {
    let mut terminal = Terminal::new(POLL, "");
    terminal.start();
    // A slow copy: there is something new at each look, and for three looks never the whole.
    let text = pack("2015.2");
    let mut file = fs::File::create(terminal.pack()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for part in lines.chunks(lines.len() / 30 + 1) {
        file.write_all(part.concat().as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(file);
    terminal.until_told("taken-up", 1);
    assert_eq!(terminal.told("refused"), Vec::<Value>::new(), "half of it was nobody's mistake");
    assert_eq!(terminal.version(), "2015.2");
    terminal.stop();
}

#[test]
fn who_asks_is_served_at_once() {
    let mut terminal = Terminal::new(NEVER, "");
    terminal.start();
    let reload = || terminal.sbkd(&["policy", "reload"]).success();
    assert_eq!(reload()["changed"], false);
    put(&terminal.pack(), &pack("2015.2"));
    let reloaded = reload();
    assert_eq!((&reloaded["changed"], &reloaded["origin"]), (&json!(true), &json!("folder")));
    assert_eq!(version(&reloaded), "2015.2");

    put(&terminal.pack(), &pack("2015.3"));
    terminal.daemon.as_ref().unwrap().hang_up();
    assert_eq!(version(&terminal.until_told("taken-up", 2)), "2015.3");
    let (text, place) = broken();
    put(&terminal.pack(), &text);
    terminal.daemon.as_ref().unwrap().hang_up();
    terminal.until_told("refused", 1);
    assert_eq!((terminal.version().as_str(), terminal.said(&place)), ("2015.3", 1));
    // Asked while half of it is there: what is there counts, and it is told.
    let whole = pack("2015.4");
    fs::write(terminal.pack(), &whole[..whole.find("[[case]]").unwrap() - 30]).unwrap();
    assert_eq!(terminal.sbkd(&["policy", "reload"]).error_code(), "E-TERM-POLICY");
    assert_eq!(terminal.version(), "2015.3");
    terminal.stop();
}

#[test]
fn a_terminal_that_wants_signatures_takes_up_nothing_without() {
    let mut terminal = Terminal::new(POLL, "");
    let made = terminal.sbkd(&["policy", "keygen", "--out", "bureau.p8"]).success();
    let (key, id) = (made["key"].as_str().unwrap(), &made["id"]);
    terminal.configure(POLL, &format!("keys = [\"{key}\"]\nrequire_signature = true"));
    let refused = terminal.sbkd(&["run"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-TERM-SETUP"), "nothing is signed");
    let sign = |terminal: &Terminal| terminal.sbkd(&["policy", "sign", "--key", "bureau.p8", "policy"]).success();
    sign(&terminal);
    let checked = terminal.sbkd(&["config", "check"]).success();
    assert!(checked["packs"].as_array().unwrap().iter().all(|pack| pack["signed_by"] == *id), "{checked:#}");
    terminal.start();
    let policy = terminal.policy();
    assert!(policy["packs"].as_array().unwrap().iter().all(|pack| pack["signed_by"] == *id), "{policy:#}");
    assert!(terminal.doctor()["found"]["en"].as_str().unwrap().contains("all signed by"));

    // The signature is the old file's.
    put(&terminal.pack(), &pack("2015.2"));
    let told = terminal.until_told("refused", 1);
    assert!(
        told["why"].as_str().unwrap().contains(&format!("{SIGN_IN}.toml.sig:5:13: the signature is not")),
        "{told}"
    );
    assert_eq!(terminal.version(), "2015.1");
    sign(&terminal);
    let told = terminal.until_told("taken-up", 1);
    assert!(told["packs"].as_array().unwrap().iter().all(|pack| pack["signed_by"] == *id), "{told:#}");
    fs::remove_file(terminal.pack().with_extension("toml.sig")).unwrap();
    let told = terminal.until_told("refused", 2);
    assert!(told["why"].as_str().unwrap().contains(&format!("{SIGN_IN}.toml:1:1: the pack is not signed")), "{told}");
    assert_eq!(terminal.version(), "2015.2");
    terminal.stop();
}

#[test]
fn a_start_on_a_folder_with_a_mistake_goes_on_with_the_last_good_packs() {
    let mut terminal = Terminal::new(POLL, "");
    let (text, place) = broken();
    put(&terminal.pack(), &text);
    let refused = terminal.sbkd(&["run"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-TERM-SETUP"), "there never was a good one");

    put(&terminal.pack(), &pack("2015.2"));
    terminal.start();
    let since = terminal.policy()["since"].clone();
    terminal.stop();
    put(&terminal.pack(), &text);
    assert_eq!(
        terminal.sbkd(&["config", "check"]).error_code(),
        "E-TERM-SETUP",
        "the folder has a mistake all the same"
    );
    terminal.start();
    let policy = terminal.policy();
    assert_eq!((&policy["origin"], &policy["since"], version(&policy)), (&json!("last-good"), &since, "2015.2".into()));
    assert!(policy["refused"]["why"].as_str().unwrap().contains(&place), "{policy:#}");
    assert_eq!(terminal.said(&place), 1, "{}", terminal.log());
    assert_eq!(terminal.doctor()["status"], "failed");
    put(&terminal.pack(), &pack("2015.2"));
    terminal.until_told("mended", 1);
    let policy = terminal.policy();
    assert_eq!((&policy["origin"], &policy["since"], &policy["refused"]), (&json!("folder"), &since, &Value::Null));
    terminal.stop();

    // What was kept is held to what a terminal demands now, and belongs to its folder.
    put(&terminal.pack(), &text);
    let made = terminal.sbkd(&["policy", "keygen", "--out", "bureau.p8"]).success();
    terminal.configure(POLL, &format!("keys = [{}]\nrequire_signature = true", made["key"]));
    let refused = terminal.sbkd(&["run"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-TERM-SETUP"), "it was not signed");
    terminal.configure(POLL, "");
    fs::rename(terminal.path("policy"), terminal.path("other")).unwrap();
    let config = fs::read_to_string(terminal.path("sbkd.toml")).unwrap();
    fs::write(terminal.path("sbkd.toml"), config.replace("policy = \"policy\"", "policy = \"other\"")).unwrap();
    let refused = terminal.sbkd(&["run"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-TERM-SETUP"), "it is another folder's");
}

#[test]
fn what_is_no_pack_that_can_be_proved_holds_nobody_up() {
    let mut terminal = Terminal::new(POLL, "");
    terminal.start();
    // A pipe that nobody writes: to read it would wait for ever.
    let made = Command::new("mkfifo").arg(terminal.path("policy").join("z.toml")).status().unwrap();
    assert!(made.success());
    let told = terminal.until_told("refused", 1);
    assert_eq!(told["why"], "policy/z.toml:1:1: cannot be read: not a regular file");
    let policy = terminal.policy();
    assert_eq!((&policy["refused"]["mistakes"][0]["line"], version(&policy)), (&json!(1), "2015.1".into()));
    assert_eq!(terminal.sbkd(&["policy", "reload"]).error_code(), "E-TERM-POLICY", "who asks is answered");
    terminal.stop();

    // A start with another spelling of the same folder has the last good ones all the same, and is ready.
    let spelled = terminal.path("sbkd.toml");
    let text = fs::read_to_string(&spelled).unwrap();
    fs::write(&spelled, text.replace("policy = \"policy\"", "policy = \"state/../policy\"")).unwrap();
    terminal.start();
    let policy = terminal.policy();
    assert_eq!((&policy["origin"], version(&policy)), (&json!("last-good"), "2015.1".into()));
    fs::remove_file(terminal.path("policy/z.toml")).unwrap();
    terminal.until_told("mended", 1);

    // Another encoding, and a pack without a case.
    fs::write(terminal.pack(), b"title = \"\xB9\xA4\"").unwrap();
    terminal.until_told("refused", 2);
    let mistakes = terminal.policy()["refused"]["mistakes"].clone();
    assert_eq!((&mistakes[0]["message"], &mistakes[0]["column"]), (&json!("not UTF-8: save it as UTF-8"), &json!(10)));
    let (rules, _) = pack("2015.2").split_once("[case_base]").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    put(&terminal.pack(), &rules);
    let told = terminal.until_told("refused", 3);
    assert!(
        told["why"]
            .as_str()
            .unwrap()
            .ends_with("sign-in.toml:1:1: the pack has no [[case]]: nothing proves what it decides"),
        "{told}"
    );
    assert_eq!(terminal.version(), "2015.1");
    terminal.stop();
}

#[test]
fn a_case_ends_with_the_packs_it_began_with() {
    let lines = "[paths]\npolicy = \"policy\"\n[policy]\npoll_secs = 1\n";
    let mut walk = Walk::without_processes(Setting { lines, ..Setting::default() });
    copy_packs(&walk.file("policy"));
    walk.start_centre();
    walk.start_daemon();
    walk.rig.keep_psam(&image("psam"));
    walk.rig.insert(&image("v3-sm4"));
    let watch = walk.watch();
    let case = json!({ "scenario": SIGN_IN, "operator": "clerk-7" });
    let id = walk.http.post("/v1/cases", &case).success()["id"].as_str().unwrap().to_owned();
    walk.until_case(&id, &["waiting-input"]);
    put(&walk.file("policy").join(SIGN_IN).with_extension("toml"), &pack("2015.2"));
    watch.until("the packs are taken up", |event| event["change"] == "taken-up");
    walk.http.post(&format!("/v1/cases/{id}/input"), &sign_in()).success();
    walk.until_case(&id, &["waiting-confirmation"]);
    walk.http.post(&format!("/v1/cases/{id}/confirm"), &json!({})).success();
    let done = walk.until_case(&id, &["done"]);
    assert_eq!(done["decision"]["pack"]["version"], "2015.1", "{done:#}");

    walk.rig.insert(&image("v3-long-name"));
    let done = walk.carry_out(SIGN_IN, &sign_in(), &["done"]);
    assert_eq!(done["decision"]["pack"]["version"], "2015.2", "{done:#}");
    assert_eq!(walk.stop_daemon(), Some(0));
}

/// What a bureau asks before it puts a pack into force: who would have got what.
#[test]
fn past_cases_are_decided_again_by_other_packs() {
    let mut walk = Walk::start(Setting::default());
    walk.rig.keep_psam(&image("psam"));
    walk.rig.insert(&image("v3-sm4"));
    walk.carry_out(SIGN_IN, &sign_in(), &["done"]);
    let settled = walk.carry_out("medical-settlement", &bill(), &["done"]);
    walk.rig.insert(&image("v3-long-name"));
    // The stay that the bill names is not theirs.
    let mut of_other = bill();
    of_other.as_object_mut().unwrap().remove("mdtrt_id");
    let other = walk.carry_out("medical-settlement", &of_other, &["done"]);

    let shipped = tree("config/policy/guangzhou-2015");
    let replay = |walk: &Walk, args: &[&str]| walk.sbkd(&[&["policy", "replay", "--json"], args].concat());
    let same = replay(&walk, &["--packs", shipped.to_str().unwrap()]).success();
    let count =
        |report: &Value, names: &[&str]| names.iter().map(|name| report[name].as_u64().unwrap()).collect::<Vec<_>>();
    let counts = ["transactions", "same", "own", "own_different", "different", "undecided"];
    assert_eq!(count(&same, &counts), [3, 3, 3, 0, 0, 0], "by the packs in force: {same:#}");
    assert_eq!(same["cases"], json!([]));

    // A pack by which the pool pays nothing; its own cases would find that out, so it has none.
    let text = fs::read_to_string(shipped.join("medical-settlement.toml")).unwrap();
    let (rules, _) = text.split_once("[case_base]").unwrap();
    let changed = rules.replace("expr = \"min(pool_due, pool_room)\"", "expr = \"min(pool_due, ¥0)\"");
    assert!(changed != rules);
    fs::write(walk.file("other.toml"), changed).unwrap();
    let file = walk.file("other.toml").display().to_string();
    let report = replay(&walk, &["--packs", &file]).success();
    assert_eq!(count(&report, &counts), [3, 0, 0, 0, 2, 1], "{report:#}");
    assert_eq!(report["reasons"][0]["why"], format!("E-RULES-NO-PACK: no policy pack for scenario '{SIGN_IN}'"));
    let sum = report["sums"].as_array().unwrap().iter().find(|sum| sum["field"] == "hifp_pay").unwrap();
    assert_eq!((&sum["new"], &sum["cases"]), (&json!("0.00"), &json!(2)));
    assert_eq!(sum["difference"], format!("-{}", sum["old"].as_str().unwrap()));
    for (case, done) in report["cases"].as_array().unwrap().iter().skip(1).zip([&settled, &other]) {
        assert_eq!((&case["id"], &case["business_date"]), (&done["transaction"]["id"], &done["business_date"]));
        let field = json!({ "field": "hifp_pay", "old": done["decision"]["outputs"]["hifp_pay"], "new": "0.00" });
        assert!(case["fields"].as_array().unwrap().contains(&field), "{case:#}");
    }
    for personal in ["王小雅", "440103198806120021", "A10000031"] {
        assert!(!report.to_string().contains(personal), "{personal}");
    }
    assert_eq!(count(&replay(&walk, &["--packs", &file, "--scenario", SIGN_IN]).success(), &counts)[0], 1);
    assert_eq!(count(&replay(&walk, &["--packs", &file, "--from", "2015-08-04"]).success(), &counts)[0], 0);

    // The same once nobody writes the journal any more; and nothing of it keeps the daemon from its next start.
    assert_eq!(walk.stop_daemon(), Some(0));
    assert_eq!(replay(&walk, &["--packs", &file]).success(), report);
    walk.start_daemon();
    let none = Ran::of({
        let mut command = walk.rig.command("policy");
        command.args(["replay", "--packs", &file, "--json", "--config"]).arg(tree("config/sbkd.toml"));
        command
    });
    assert_eq!((none.code, none.error_code().as_str()), (Some(2), "E-CLI-FILE"), "a terminal that never ran");
    assert_eq!(walk.stop_daemon(), Some(0));
}
