//! `sbkd card …` beside a running daemon, which has the readers: each command comes to the same as with `--direct`, through a
//! real pcscd.

mod rig;

use std::process::Stdio;

use rig::http::Client;
use rig::search::{Needle, forms_of_bytes, forms_of_text, found_below};
use rig::walk::{Setting, Walk};
use rig::{HOLDER, PSAM, Ran, image};
use serde_json::{Value, json};

/// A daemon without a centre, and this user at its socket.
struct Counter {
    walk: Walk,
}

impl Counter {
    fn with(card: &str, setting: Setting) -> Self {
        let mut walk = Walk::without_processes(setting);
        walk.start_daemon();
        walk.rig.keep_psam(&image("psam"));
        walk.insert(&image(card));
        Self { walk }
    }

    fn socket(&self) -> Client {
        Client::unix(self.walk.socket())
    }

    /// `sbkd card …` with what a person enters.
    fn run(&self, words: &str, more: &[&str], entered: &str) -> Ran {
        let file = self.walk.file("entered");
        std::fs::write(&file, entered).unwrap();
        let mut command = self.walk.rig.command("card");
        command.args(words.split(' ')).args(more).args(["--json", "--reader", HOLDER]);
        command.arg("--config").arg(self.walk.file("sbkd.toml"));
        command.stdin(Stdio::from(std::fs::File::open(&file).unwrap()));
        let ran = Ran::of(command);
        std::fs::remove_file(file).unwrap();
        ran
    }

    /// By the daemon.
    fn ask(&self, words: &str, entered: &str) -> Ran {
        self.run(words, &[], entered)
    }

    /// By the command itself.
    fn direct(&self, words: &str, entered: &str) -> Ran {
        self.run(words, &["--direct", "--psam-reader", PSAM], entered)
    }

    fn tries(&self) -> Value {
        self.ask("pin tries", "").success()["left"].clone()
    }
}

/// What a command shows, without what it took: the daemon knows the card's type by then.
fn shown(ran: &Ran) -> Value {
    let mut shown = ran.json();
    if let Some(members) = shown.as_object_mut() {
        for took in ["apdus", "elapsed_ms"] {
            members.remove(took);
        }
    }
    shown
}

#[test]
fn each_command_comes_to_the_same_by_the_daemon_and_by_itself() {
    let counter = Counter::with("v3-money", Setting::default());
    for (words, entered, code) in [
        ("file DF04/EF05", "", 0),
        ("file DF04/EF05 --item 84 --unmask", "", 0),
        ("file DF04/EF05/84 --unmask --pin", "123456\n", 0),
        ("file DF04/EF08 --unmask", "123456\n", 0),
        ("file SSSE/EF08 --unmask", "", 0),
        ("file DF99/EF01", "", 2),
        ("pin tries", "", 0),
        ("pin verify", "123456\n", 0),
        ("pin verify", "12\n", 2),
        ("pin change", "123456\n22222\n33333\n", 2),
        ("pin change", "123456\n123456\n123456\n", 0),
        ("pin reload", "123456\n123456\n", 0),
        ("pin unblock", "", 0),
        ("write DF04/EF05 --from -", "84=440105\n", 0),
        ("write DF04/EF05 --from -", "84=44010X\n", 2),
        ("mend", "", 0),
        ("mend --discard", "", 0),
        ("account", "123456\n", 0),
        ("account balance", "111111\n", 3),
        ("pin verify", "123456\n", 0),
        ("account pay --account 99999", "123456\n", 3),
        ("account settle", "", 0),
        ("account settle --discard", "", 0),
        ("bank", "", 0),
    ] {
        let asked = counter.ask(words, entered);
        // A write that was carried out is written no second time.
        let direct = if entered == "84=440105\n" { asked.json() } else { shown(&counter.direct(words, entered)) };
        let mut asked_shown = shown(&asked);
        if asked_shown["error"]["code"] == "E-CARD-PIN-WRONG" {
            // One try less each time.
            asked_shown["error"]["detail"] = direct["error"]["detail"].clone();
        }
        assert_eq!((asked_shown, asked.code), (direct, Some(code)), "{words}");
    }
    let read = counter.ask("file DF04/EF05/84 --unmask", "").success();
    assert_eq!(read["files"][0]["items"][0]["value"], "440105");
    let pay = "account pay --account 23.45 --pool 200";
    let paid = counter.ask(pay, "123456\n").success();
    assert_eq!((&paid["balance"], &paid["proof"]), (&json!("1476.55"), &json!("proven")));
    assert_eq!(counter.direct(pay, "123456\n").success()["balance"], "1453.10", "what was heard is let go of");
    assert_eq!(counter.ask("account settle", "").success(), json!({ "settled": [] }));
    let photo = counter.walk.file("photo.bmp");
    counter.ask(&format!("file SSSE/EF08 --unmask --out {}", photo.display()), "").success();
    assert_eq!(std::fs::read(photo).unwrap().len(), 4096);
}

#[test]
fn a_pin_is_asked_for_with_no_card_held_and_tried_on_no_other_card() {
    let mut counter = Counter::with("v3-full", Setting::default());
    assert_eq!(counter.ask("pin verify", "111111\n").error_code(), "E-CARD-PIN-WRONG");
    assert_eq!(counter.tries(), 2);
    assert_eq!(counter.ask("pin verify", "123456\n").success(), json!({ "verified": true }));
    let asked = counter.socket().post("/v1/card/pin/verify", &json!({})).success();
    let held = json!({ "entered": { "card": asked["ask"]["card"], "pin": "111111" } });
    counter.walk.insert(&image("v2-full"));
    let refused = rig::until("the daemon sees the other card", || {
        let answer = counter.socket().post("/v1/card/pin/verify", &held).json();
        (answer["error"]["code"] != "E-TERM-NO-CARD").then_some(answer)
    });
    assert_eq!(refused["error"]["code"], "E-CARD-SWAPPED");
    assert_eq!(counter.tries(), 3, "the other holder's tries are whole");
    for _ in 0..3 {
        counter.ask("pin verify", "000000\n");
    }
    assert_eq!(counter.ask("pin verify", "123456\n").error_code(), "E-CARD-PIN-LOCKED");
    assert_eq!(counter.ask("pin unblock", "").success(), json!({ "unblocked": true }));
    assert_eq!(counter.tries(), 3);
}

#[test]
fn where_the_reader_has_a_pad_the_pin_is_typed_there_and_goes_over_no_socket() {
    let mut counter = Counter::with("v3-full", Setting { pad: true, ..Setting::default() });
    counter.walk.rig.reader().says("features", &["verify", "modify"]);
    counter.walk.insert(&image("v3-full"));
    let at_pad = |does: &str, words: &str| {
        counter.walk.rig.reader().person(does);
        // Whoever asked for a PIN by keyboard would read another one.
        counter.ask(words, "000000\n000000\n000000\n")
    };
    assert_eq!(at_pad("123456", "pin verify").success(), json!({ "verified": true }));
    assert_eq!(at_pad("cancel", "pin verify").error_code(), "E-CARD-PIN-CANCELLED");
    assert!(at_pad("123456", "file DF04/EF08").success()["files"][0]["records"].is_array());
    assert_eq!(at_pad("123456 222222 222222", "pin change").success(), json!({ "changed": true }));
    let asked = counter.socket().post("/v1/card/pin/verify", &json!({})).success();
    assert_eq!(asked["ask"]["pad"], true);
    // A PIN that is sent all the same is not used.
    counter.walk.rig.reader().person("222222");
    let sent = json!({ "entered": { "card": asked["ask"]["card"], "pin": "111111" } });
    counter.socket().post("/v1/card/pin/verify", &sent).success();
    assert_eq!(counter.tries(), 3);
    assert_eq!(counter.walk.rig.reader().sent().len(), 4);
}

#[test]
fn nothing_that_was_entered_or_read_is_written_anywhere() {
    let counter = Counter::with("v3-money", Setting { log: "trace", ..Setting::default() });
    counter.ask("pin change", "123456\n859314\n859314\n").success();
    counter.ask("pin verify", "859314\n").success();
    counter.ask("file DF04/EF05 SSSE/EF06 DF04/EF08", "859314\n").success();
    counter.ask("account", "859314\n").success();
    counter.ask("bank", "").success();
    counter.ask("write DF04/EF05 --from -", "84=440105\n").success();
    let bytes = |what: &str, hex: &str| forms_of_bytes(what, &hex::decode(hex).unwrap());
    let mut needles: Vec<Needle> = forms_of_text("name", "王小雅");
    needles.extend(forms_of_text("number", "440103198806120021"));
    needles.extend(forms_of_text("bank card", "6216261000000000018"));
    needles.extend(bytes("PIN as the card takes it", "859314"));
    for quoted in ["\"859314\"", "=859314", " 859314", ":859314"] {
        needles.extend(forms_of_bytes("PIN", quoted.as_bytes()));
    }
    let log = counter.walk.rig.log("daemon");
    assert!(log.contains("/v1/card/pin/change") && log.contains("APDU"), "each use is audited: {log}");
    std::fs::write(counter.walk.file("planted"), "pin=859314").unwrap();
    assert!(!found_below(counter.walk.rig.dir(), &needles, |_| false).is_empty(), "the search finds what is there");
    std::fs::remove_file(counter.walk.file("planted")).unwrap();
    let found = found_below(counter.walk.rig.dir(), &needles, |_| false);
    assert!(found.is_empty(), "personal data was written:\n{}", found.join("\n"));
}
