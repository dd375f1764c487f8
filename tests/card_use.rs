//! Files, PIN and writing with `sbkd card … --direct`, through a real pcscd.

mod rig;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use rig::{HOLDER, PSAM, Ran, Rig, image, tree};
use serde_json::json;

fn rig() -> Rig {
    rig_with("v3-full")
}

fn rig_with(card: &str) -> Rig {
    let mut rig = Rig::start();
    rig.insert(&image(card));
    rig
}

/// The command with demonstration keys, and with what a person enters.
fn card(rig: &Rig, words: &str, entered: &str) -> Ran {
    let keys = tree("fixtures/cards/demonstration-keys.toml");
    card_with(rig, words, &["--mode", "demo", "--keys", keys.to_str().unwrap()], entered)
}

fn card_with(rig: &Rig, words: &str, keys: &[&str], entered: &str) -> Ran {
    let config = rig.configuration();
    card_by(rig, words, &[keys, &["--config", config.to_str().unwrap()]].concat(), entered)
}

fn card_by(rig: &Rig, words: &str, more: &[&str], entered: &str) -> Ran {
    let mut command = rig.command("card");
    command.args(words.split(' ')).args(["--direct", "--reader", HOLDER, "--json"]).args(more);
    let file = rig.dir().join("entered");
    std::fs::write(&file, entered).unwrap();
    command.stdin(std::fs::File::open(file).unwrap());
    Ran::of(command)
}

#[test]
fn files_are_read_by_key_or_pin() {
    let rig = rig();
    let by_key = card(&rig, "file DF04/EF05 --item 84 --unmask", "").success();
    assert_eq!(by_key["proven"], json!({ "keys": ["RK1DF04"], "pin": false }));
    assert_eq!(by_key["files"][0]["items"].as_array().unwrap().len(), 1);
    let by_pin = card(&rig, "file DF04/EF05/84 --unmask --pin", "123456\n").success();
    assert_eq!((&by_pin["files"], by_pin["proven"]["pin"].as_bool()), (&by_key["files"], Some(true)));
    // Asked for once the card said that it needs one.
    let log = card(&rig, "file DF04/EF08", "123456\n").success();
    assert!(log["files"][0]["records"].is_array());
    let masked = card(&rig, "file DF04/EF05", "");
    let value = by_key["files"][0]["items"][0]["value"].as_str().unwrap();
    assert!(!masked.stdout.contains(value) && masked.success()["files"][0]["items"].as_array().unwrap().len() > 10);
    let photo = rig.dir().join("photo.bmp");
    card(&rig, &format!("file SSSE/EF08 --unmask --out {}", photo.display()), "").success();
    let bytes = std::fs::read(photo).unwrap();
    assert_eq!((bytes.len(), &bytes[..2]), (4096, b"BM".as_slice()));
}

#[test]
fn a_pin_is_asked_for_verified_changed_set_anew_and_unblocked() {
    let rig = rig();
    assert_eq!(card(&rig, "pin tries", "").success(), json!({ "set": true, "left": 3, "locked": false }));
    let wrong = card(&rig, "pin verify", "111111\n");
    assert_eq!((wrong.code, wrong.error_code().as_str()), (Some(3), "E-CARD-PIN-WRONG"));
    assert_eq!(card(&rig, "pin verify", "123456\n").success(), json!({ "verified": true }));
    assert_eq!(card(&rig, "pin change", "123456\n22222\n33333\n").error_code(), "E-CARD-PINS-DIFFER");
    assert_eq!(card(&rig, "pin change", "123456\n22222\n22222\n").success(), json!({ "changed": true }));
    assert_eq!(card(&rig, "pin reload", "654321\n654321\n").success(), json!({ "reloaded": true }));
    for _ in 0..3 {
        card(&rig, "pin verify", "000000\n");
    }
    assert_eq!(card(&rig, "pin verify", "654321\n").error_code(), "E-CARD-PIN-LOCKED");
    assert_eq!(card(&rig, "pin unblock", "").success(), json!({ "unblocked": true }));
    assert_eq!(card(&rig, "pin verify", "654321\n").success(), json!({ "verified": true }));
    assert_eq!(card(&rig, "pin verify", "12\n").error_code(), "E-CARD-PIN-FORM");
}

#[test]
fn a_pin_is_typed_at_the_readers_pad_where_there_is_one() {
    let mut rig = Rig::start_with_pad();
    rig.reader().says("features", &["verify", "modify"]);
    rig.insert(&image("v3-full"));
    let at_pad = |does: &str, words: &str| {
        rig.reader().person(does);
        // Whoever asked for a PIN by keyboard would read another one.
        card(&rig, words, "000000\n000000\n000000\n")
    };
    for (does, code) in [
        ("111111", "E-CARD-PIN-WRONG"),
        ("cancel", "E-CARD-PIN-CANCELLED"),
        ("away", "E-CARD-PIN-TIMED-OUT"),
        ("12345", "E-CARD-PAD-LENGTH"),
    ] {
        assert_eq!(at_pad(does, "pin verify").error_code(), code, "{does}");
        assert_eq!(card(&rig, "pin tries", "").success()["left"], 2, "{does}");
    }
    assert_eq!(at_pad("123456", "pin verify").success(), json!({ "verified": true }));
    assert!(at_pad("123456", "file DF04/EF08").success()["files"][0]["records"].is_array());
    assert_eq!(at_pad("123456", "file DF04/EF05/84 --pin").success()["proven"]["pin"], true);
    assert_eq!(at_pad("123456 222222 333333", "pin change").error_code(), "E-CARD-PINS-DIFFER");
    assert_eq!(at_pad("123456 222222 222222", "pin change").success(), json!({ "changed": true }));
    assert_eq!(at_pad("222222", "pin verify").success(), json!({ "verified": true }));
    let sent = rig.reader().sent();
    assert_eq!(sent, ["sent 20 of 8", "sent 20 of 8", "sent 20 of 8", "sent 20 of 8", "sent 5E of 12", "sent 20 of 8"]);
}

#[test]
fn an_item_is_written_and_read_back() {
    let rig = rig();
    let write = |values: &str| card(&rig, "write DF04/EF05 --from -", values);
    let written = write("84=440105\n8F=2\n").success();
    assert_eq!((&written["file"], &written["mended"]), (&json!("DF04/EF05"), &json!([])));
    assert_eq!(write("{\"84\": \"440105\"}").success()["changed"], 0);
    let read = card(&rig, "file DF04/EF05/84 --unmask", "").success();
    assert_eq!(read["files"][0]["items"][0]["value"], "440105");
    let wrong = write("84=44010X\n");
    assert_eq!(wrong.error_code(), "E-CARD-NEW-VALUE");
    assert!(!wrong.stdout.contains("44010X"));
    // Others may read a command line.
    let shown = card(&rig, "write DF04/EF05 84=440106", "");
    assert_eq!((shown.code, shown.error_code().as_str()), (Some(2), "E-CLI-VALUE-ARGUMENT"));
    assert_eq!(card(&rig, "mend", "").success(), json!({ "mended": [] }));
}

#[test]
fn records_repeated_items_and_parts_of_them_are_written_and_read_back() {
    let rig = rig();
    // The PIN that these files ask for to be read comes behind the values.
    let write = |name: &str, values: &str| {
        card(&rig, &format!("write {name} --pin --from -"), &format!("{values}\n\n123456\n")).success()
    };
    let read =
        |name: &str| card(&rig, &format!("file {name} --pin --unmask"), "123456\n").success()["files"][0].clone();
    assert_eq!(write("DF02/EF15", "99:2/10=003\n99:2/11=20240101")["changed"], 1);
    let part = read("DF02/EF15/99:2/10");
    assert_eq!(
        part["items"],
        json!([{ "tag": "99", "name": null, "value": [{ "tag": "10", "name": null, "value": "003" }] }])
    );
    assert_eq!(write("DF03/EF19:2", "79/18=390")["changed"], 1);
    assert_eq!(read("DF03/EF19:2/79/18")["records"][0]["items"][0]["value"][0]["value"], "390");
    let before = read("DF02/EF07:1")["records"][0]["items"].clone();
    assert_eq!(write("DF02/EF07:+", "@1=2020299\n@4=样例商店")["changed"], 1);
    assert_eq!(
        read("DF02/EF07:1/@4")["records"],
        json!([{ "number": 1, "items": [{ "tag": null, "name": null, "value": "样例商店" }] }])
    );
    assert_eq!(read("DF02/EF07:2")["records"][0]["items"], before);
    // The card alone writes its log.
    assert_eq!(card(&rig, "write DF04/EF08:+ --from -", "@2=1\n").error_code(), "E-CARD-NEVER");
    assert_eq!(card(&rig, "file DF02/EF07:+", "").error_code(), "E-CARD-UNKNOWN-ITEM");
}

#[test]
fn the_account_is_paid_from_by_the_psam_loaded_by_who_has_the_key_and_settled() {
    let rig = rig_with("v3-money");
    let balance = |rig: &Rig| card(rig, "account", "123456\n").success()["account"].clone();
    assert_eq!(balance(&rig), "1500.00");
    let pay = "account pay --account 23.45 --pool 200";
    let paid = card_with(&rig, pay, &["--psam-reader", PSAM], "123456\n").success();
    assert_eq!(
        (&paid["balance"], &paid["proof"], &paid["terminal"]),
        (&json!("1476.55"), &json!("proven"), &json!("440100000001"))
    );
    let loaded = card(&rig, "account load 100", "123456\n").success();
    assert_eq!(loaded["balance"], "1576.55");
    assert_eq!(balance(&rig), "1576.55");
    assert_eq!(card(&rig, "account settle", "").success(), json!({ "settled": [] }));
    let log = card(&rig, "file DF04/EF08 --unmask", "123456\n").success();
    // The card's own log, the newest first: 2 结算, 1 划入; account, self-pay, pool in 分.
    let entry = |nth: usize| {
        let items = log["files"][0]["records"][nth]["items"].as_array().unwrap();
        [1, 2, 4, 6].map(|at: usize| items[at]["value"].clone())
    };
    assert_eq!(entry(0), [json!("1"), json!("000000000000"), json!(10_000), json!(0)]);
    assert_eq!(entry(1), [json!("2"), json!("440100000001"), json!(2345), json!(20_000)]);
    assert_eq!(card(&rig, "account pay --account 99999", "123456\n").error_code(), "E-CARD-ACCOUNT-FUNDS");
    assert_eq!(card(&rig, "account balance", "111111\n").error_code(), "E-CARD-PIN-WRONG");
}

#[test]
fn nothing_is_moved_or_written_that_another_user_would_not_know_of() {
    let rig = rig_with("v3-money");
    let keys = tree("fixtures/cards/demonstration-keys.toml");
    let soft = ["--mode", "demo", "--keys", keys.to_str().unwrap()];
    // Without a configuration each user has a state folder of their own.
    for words in
        ["account pay --account 1.00", "account load 1.00", "account settle", "account settle --discard", "mend"]
    {
        let refused = card_by(&rig, words, &soft, "123456\n");
        assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-CLI-NO-JOURNAL"), "{words}");
    }
    assert_eq!(card_by(&rig, "account", &soft, "123456\n").success()["account"], "1500.00", "reading stays allowed");
}

#[test]
fn what_nobody_read_is_told_again() {
    let rig = rig_with("v3-money");
    let mut command = rig.command("card");
    let keys = tree("fixtures/cards/demonstration-keys.toml");
    command.args(["account", "pay", "--account", "1.00", "--direct", "--reader", HOLDER, "--json", "--mode", "demo"]);
    command.arg("--keys").arg(keys).arg("--config").arg(rig.configuration());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // Whoever would have read what is printed has gone.
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"123456\n").unwrap();
    child.wait().unwrap();
    let pay = "account pay --account 1.00";
    assert_eq!(card(&rig, pay, "123456\n").error_code(), "E-CARD-ACCOUNT-UNSETTLED");
    let open = || {
        let config = rig.configuration();
        let mut command = rig.command("card");
        command.args(["account", "open", "--json", "--config", config.to_str().unwrap()]);
        Ran::of(command).success()
    };
    let listed = open();
    assert_eq!((&listed[0]["account"], &listed[0]["done"]), (&json!("1.00"), &json!(true)), "{listed}");
    assert!(listed[0]["tac"].is_string() && listed.as_array().unwrap().len() == 1, "{listed}");
    let settled = card(&rig, "account settle", "123456\n").success();
    assert_eq!(settled["settled"][0]["tac"], listed[0]["tac"]);
    assert_eq!((open(), card(&rig, pay, "123456\n").success()["balance"].clone()), (json!([]), json!("1498.00")));
}

#[test]
fn the_banks_card_is_told_masked() {
    let rig = rig_with("v3-money");
    let told = card(&rig, "bank", "").success();
    assert_eq!((&told["number"], &told["expires"]), (&json!("621626*********0018"), &json!("2033-12")));
    let none = rig_with("v3-full");
    assert_eq!(card(&none, "bank", "").error_code(), "E-CARD-BANK-NONE");
}

#[test]
fn a_pin_is_tried_on_no_card_but_the_one_that_asked_for_it() {
    let mut rig = rig();
    let mut command = rig.command("card");
    command.args(["file", "DF04/EF08", "--direct", "--reader", HOLDER, "--json", "--log", "debug", "--mode", "demo"]);
    command.arg("--keys").arg(tree("fixtures/cards/demonstration-keys.toml"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The first card was opened, and will ask for the PIN long before pcscd sees another one.
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("internal-authenticated")));
    rig.insert(&image("v2-full"));
    child.stdin.take().unwrap().write_all(b"111111\n").unwrap();
    let said = child.wait_with_output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(said["error"]["code"], "E-CARD-SWAPPED");
    assert_eq!(card(&rig, "pin tries", "").success()["left"], 3, "the other holder's tries are whole");
}

#[test]
fn a_card_of_the_terminals_list_is_read_and_its_pin_stays_as_it_is() {
    let rig = rig();
    let path = |name: &str| rig.dir().join(name).display().to_string();
    let (key, config, list) = (path("own.key"), path("terminal.toml"), path("list.txt"));
    let made = rig.sbkd(&["policy", "keygen", "--json", "--out", &key]).success();
    let keys = tree("fixtures/cards/demonstration-keys.toml").display().to_string();
    std::fs::create_dir(rig.dir().join("terminal")).unwrap();
    let text = format!(
        "mode = \"demo\"\nterminal = \"H44010000001\"\nstate = \"terminal\"\n[keys]\nsource = \"soft\"\nsoft_file = \"{keys}\"\n\
         [card.blacklist]\nkeys = [{}]\n",
        made["key"]
    );
    std::fs::write(&config, text).unwrap();
    let by = ["--mode", "demo", "--keys", keys.as_str(), "--config", config.as_str()];
    let take_in = |serial: u32, card: &str| {
        let head = format!("sbkd-blacklist-1\nserial {serial}\nissued 2026-01-01T00:00:00+08:00\ncards 1\nranges 0\n");
        std::fs::write(&list, format!("{head}card {card} - 挂失\n")).unwrap();
        rig.sbkd(&["blacklist", "sign", "--key", &key, &list, "--json"]).success();
        rig.sbkd(&["blacklist", "import", &list, "--json", "--config", &config]).success();
    };
    let changes = [("pin change", "123456\n654321\n654321\n"), ("pin reload", "654321\n654321\n"), ("pin unblock", "")];
    let refused = |code: &str| {
        for (words, entered) in changes {
            let ran = card_by(&rig, words, &by, entered);
            assert_eq!((ran.code, ran.error_code().as_str()), (Some(3), code), "{words}");
        }
    };
    refused("E-CARD-BLACKLIST-NONE");
    take_in(1, "440100D15600000530000003FFFFFFFF");
    refused("E-CARD-BLACKLISTED");
    card_by(&rig, "file DF04/EF05", &by, "").success();
    card_by(&rig, "pin verify", &by, "123456\n").success();
    take_in(2, "440100D15600000530000009FFFFFFFF");
    for (words, entered) in changes {
        card_by(&rig, words, &by, entered).success();
    }
}
