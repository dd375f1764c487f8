//! `sbkd blacklist`: lists signed, taken in and looked at.

mod rig;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;

use rig::Ran;
use serde_json::{Value, json};

/// A terminal's configuration that trusts one key, and that key.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        let made = desk.sbkd(&["policy", "keygen", "--out", "own.key", "--json"]);
        let config = format!(
            "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
             [card.blacklist]\nkeys = [\"{}\"]\nmax_age_hours = 24\n",
            made.json()["key"].as_str().unwrap()
        );
        desk.write("sbkd.toml", &config);
        fs::create_dir(desk.dir.path().join("state")).unwrap();
        desk
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = rig::bare();
        command.args(arguments).args(["--config", "sbkd.toml"]).current_dir(self.dir.path());
        command
    }

    fn sbkd(&self, arguments: &[&str]) -> Ran {
        let mut command = rig::bare();
        command.args(arguments).current_dir(self.dir.path());
        if self.dir.path().join("sbkd.toml").exists() {
            command = self.command(arguments);
        }
        Ran::of(command)
    }

    #[track_caller]
    fn signed(&self, name: &str, text: &str) {
        self.write(name, text);
        let ran = self.sbkd(&["blacklist", "sign", "--key", "own.key", name]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }

    #[track_caller]
    fn refused(&self, name: &str, code: &str, exit: i32) -> Value {
        let ran = self.sbkd(&["blacklist", "import", name, "--json"]);
        assert_eq!((ran.error_code().as_str(), ran.code), (code, Some(exit)), "{}", ran.stdout);
        ran.json()["error"].clone()
    }

    fn serial(&self) -> Option<u64> {
        let status = self.sbkd(&["blacklist", "status", "--json"]);
        assert_eq!(status.code, Some(0), "{}", status.stdout);
        status.json()["list"]["serial"].as_u64()
    }
}

fn list(serial: u64, cards: u32) -> String {
    let mut text =
        format!("sbkd-blacklist-1\nserial {serial}\nissued 2015-08-03T08:00:00+08:00\ncards {cards}\nranges 1\n");
    for card in 0..cards {
        writeln!(text, "card 440100D156000005{card:08X}FFFFFFFF - 挂失").unwrap();
    }
    text + "range A10000031 A10000058\n"
}

#[test]
fn a_list_is_signed_taken_in_and_looked_at() {
    let desk = Desk::new();
    let none = desk.sbkd(&["blacklist", "status", "--json"]);
    assert_eq!((none.code, none.json()), (Some(0), json!({"list": null, "age_secs": null, "old": false})));
    desk.write("list.txt", &list(7, 3));
    let signed = desk.sbkd(&["blacklist", "sign", "--key", "own.key", "list.txt", "--json"]).json();
    assert_eq!(
        (&signed["signed"], &signed["list"]["serial"], &signed["list"]["cards"]),
        (&json!("list.txt.sig"), &json!(7), &json!(3))
    );
    let taken = desk.sbkd(&["blacklist", "import", "list.txt", "--json"]);
    assert_eq!((taken.code, &taken.json()["changed"], &taken.json()["serial"]), (Some(0), &json!(true), &json!(7)));
    assert_eq!(taken.json()["signed_by"], signed["key"]);
    let again = desk.sbkd(&["blacklist", "import", "list.txt"]);
    assert!(
        again.code == Some(0) && again.stdout.contains("in force already") && again.stdout.contains("serial 7"),
        "{}",
        again.stdout
    );
    let status = desk.sbkd(&["blacklist", "status", "--json"]).json();
    assert_eq!((&status["list"]["sha256"], &status["old"]), (&signed["list"]["sha256"], &json!(true)), "it is of 2015");
    assert!(desk.sbkd(&["blacklist", "status"]).stdout.contains("名单已过时"));
}

#[test]
fn what_is_no_good_list_is_refused_and_the_one_before_stays() {
    let desk = Desk::new();
    desk.signed("good.txt", &list(7, 3));
    assert_eq!(desk.sbkd(&["blacklist", "import", "good.txt"]).code, Some(0));
    let copy = |from: &str, to: &str| fs::copy(desk.dir.path().join(from), desk.dir.path().join(to)).unwrap();

    desk.refused("nowhere.txt", "E-STORE-BLACKLIST-FILE", 2);
    desk.write("unsigned.txt", &list(8, 3));
    let told = desk.refused("unsigned.txt", "E-STORE-BLACKLIST-SIGNATURE", 7);
    assert_eq!((&told["diagnostics"][0]["file"], &told["actor"]), (&json!("unsigned.txt"), &json!("technician")));
    copy("good.txt.sig", "unsigned.txt.sig");
    let told = desk.refused("unsigned.txt", "E-STORE-BLACKLIST-SIGNATURE", 7);
    assert_eq!(told["diagnostics"][0]["file"], "unsigned.txt.sig");
    desk.signed("older.txt", &list(6, 3));
    desk.refused("older.txt", "E-STORE-BLACKLIST-OLDER", 7);
    desk.signed("other.txt", &list(7, 4));
    desk.refused("other.txt", "E-STORE-BLACKLIST-OLDER", 7);

    // Nobody signs what no terminal takes.
    for (name, text, line) in [
        ("cut.txt", list(8, 3).replace("range A10000031 A10000058\n", ""), 9),
        ("more.txt", list(8, 3) + "garbage\n", 10),
        ("order.txt", list(8, 3).replace("00000001FFFFFFFF", "00000005FFFFFFFF"), 8),
    ] {
        desk.write(name, &text);
        let ran = desk.sbkd(&["blacklist", "sign", "--key", "own.key", name, "--json"]);
        assert_eq!((ran.error_code().as_str(), ran.code), ("E-STORE-BLACKLIST-FORM", Some(7)));
        assert_eq!(ran.json()["error"]["diagnostics"][0]["line"], line, "{name}: {}", ran.stdout);
        assert!(!desk.dir.path().join(format!("{name}.sig")).exists());
    }

    // Two programs at once.
    let lock = File::options().write(true).open(desk.dir.path().join("state/blacklist.lock")).unwrap();
    lock.lock().unwrap();
    desk.signed("new.txt", &list(9, 3));
    desk.refused("new.txt", "E-STORE-BLACKLIST-BUSY", 1);
    drop(lock);
    assert_eq!(desk.serial(), Some(7));
    assert_eq!(desk.sbkd(&["blacklist", "import", "new.txt"]).code, Some(0));
    assert_eq!(desk.serial(), Some(9));

    desk.write(
        "sbkd.toml",
        "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n",
    );
    desk.refused("new.txt", "E-CLI-USAGE", 2);
}

fn entries(state: &Path) -> usize {
    let names = fs::read_dir(state).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("blacklist-")).count()
}

#[test]
fn a_program_that_is_killed_while_it_takes_a_list_in_leaves_the_old_one_or_the_new_one() {
    let desk = Desk::new();
    let state = desk.dir.path().join("state");
    desk.signed("0.txt", &list(1, 10));
    assert_eq!(desk.sbkd(&["blacklist", "import", "0.txt"]).code, Some(0));
    let mut before = 1;
    for serial in 2..8 {
        let name = format!("{serial}.txt");
        desk.signed(&name, &list(serial, 20_000));
        let mut child = desk.command(&["blacklist", "import", &name]).spawn().unwrap();
        let there = entries(&state);
        // As soon as it has begun to write; how far it gets until then is otherwise each time.
        while entries(&state) == there && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let after = desk.serial().unwrap();
        assert!(after == before || after == serial, "{after}");
        before = after;
    }
    // No file may grow beyond so many blocks: whoever writes more is killed in that very write.
    let (mut killed, program) = (0, rig::bare().get_program().to_owned());
    for blocks in (0..).map(|nth| nth * 200) {
        desk.signed("grown.txt", &list(50, 20_000));
        let mut command = std::process::Command::new("sh");
        command.args([
            "-c",
            &format!("ulimit -c 0; ulimit -f {blocks}; exec \"$0\" blacklist import grown.txt --config sbkd.toml"),
        ]);
        let ended = command.arg(&program).current_dir(desk.dir.path()).output().unwrap().status;
        let after = desk.serial().unwrap();
        if ended.success() {
            assert_eq!(after, 50);
            break;
        }
        assert_eq!(after, before, "{blocks}: {ended}");
        killed += 1;
    }
    assert!(killed > 2, "{killed}");
    desk.signed("last.txt", &list(100, 5));
    assert_eq!(desk.sbkd(&["blacklist", "import", "last.txt"]).code, Some(0));
    assert_eq!((desk.serial(), entries(&state)), (Some(100), 1), "what was begun is taken away");
}
