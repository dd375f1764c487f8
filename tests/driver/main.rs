//! The national driver interface as programs use it: C and Python load `libSSCardDriver.so`, which talks to a daemon with a
//! real pcscd below it.

mod account;
mod asked;
mod debit_steps;
mod files;
mod hsm_files;
mod hsm_pin;
mod module;
mod pki;
mod refused;
#[path = "../rig/mod.rs"]
mod rig;
mod rights;
mod steps;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sbkd::national::{FUNCTIONS, LISTED};
use serde_json::json;

use rig::walk::{Setting, Walk};
use rig::{HOLDER, image, tree};

/// The demonstration's main card, field by field (card-facts §5.3).
const FIELDS: [(&str, &str); 11] = [
    ("region", "440100"),
    ("social_security_number", "440103198806120021"),
    ("card_number", "A10000031"),
    ("identifier", "440100D15600000530000003FFFFFFFF"),
    ("name", "王小雅"),
    ("reset", "86035342440003440130000003"),
    ("version", "3.00"),
    ("issued", "20200601"),
    ("expires", "20400531"),
    ("terminal", "440100000001"),
    ("device", "窗口3"),
];

/// A daemon, and the programs beside it.
struct Hall {
    walk: Walk,
    program: PathBuf,
}

/// What a program said.
#[derive(Debug)]
struct Said {
    success: bool,
    text: String,
}

impl Hall {
    fn open() -> Self {
        Self::with("[driver]\ndevice = \"窗口3\"\n")
    }

    /// With these lines in the daemon's configuration.
    fn with(lines: &'static str) -> Self {
        Self::of(Setting { log: "trace", lines, ..Setting::default() })
    }

    fn of(setting: Setting) -> Self {
        let mut walk = Walk::without_processes(setting);
        walk.start_daemon();
        std::fs::write(walk.file("driver.toml"), format!("socket = \"{}\"\n", walk.socket().display())).unwrap();
        let program = compiled(walk.rig.dir());
        Self { walk, program }
    }

    /// The C program or the Python one that reads a card.
    fn command(&self, language: &str) -> Command {
        match language {
            "C" => self.set_up(Command::new(&self.program)),
            _ => self.python("read_card.py"),
        }
    }

    /// An example in Python.
    fn python(&self, example: &str) -> Command {
        let mut command = Command::new("python3");
        command.arg(tree("driver/examples").join(example)).arg(library());
        self.set_up(command)
    }

    fn set_up(&self, mut command: Command) -> Command {
        command.env("SBKD_DRIVER_CONFIG", self.walk.file("driver.toml")).stdin(Stdio::null());
        command
    }

    fn read(&self, language: &str, kind: &str, charset: &str) -> Said {
        said(language, charset, &self.command(language).args([kind, charset]).output().expect("the program starts"))
    }

    /// The code that both programs are given, which have to agree on its description as well.
    #[track_caller]
    fn refused(&self, kind: &str) -> i32 {
        let said = ["C", "Python"].map(|language| self.read(language, kind, "gbk"));
        assert!(!said[0].success && !said[1].success && said[0].text == said[1].text, "{said:#?}");
        let (code, text) = said[0].text.split_once(' ').expect("a code and its description");
        assert!(!text.is_ascii(), "{said:?}");
        code.parse().expect("a code")
    }
}

/// C writes the bytes as they came, Python UTF-8.
fn said(language: &str, charset: &str, output: &Output) -> Said {
    assert!(output.stderr.is_empty(), "{language}: {}", String::from_utf8_lossy(&output.stderr));
    let gbk = language == "C" && charset == "gbk";
    let encoding = if gbk { encoding_rs::GBK } else { encoding_rs::UTF_8 };
    let (text, _, wrong) = encoding.decode(&output.stdout);
    assert!(!wrong, "{language} wrote no {charset}: {output:?}");
    Said { success: output.status.success(), text: text.trim_end().to_owned() }
}

/// The library that cargo built beside this test.
fn library() -> PathBuf {
    let library = std::env::current_exe().unwrap().with_file_name("libSSCardDriver.so");
    assert!(library.exists(), "{} is not there", library.display());
    library
}

/// `driver/examples/read_card.c`, as an integrator compiles it.
fn compiled(dir: &Path) -> PathBuf {
    compiled_with(dir, &library())
}

fn compiled_with(dir: &Path, library: &Path) -> PathBuf {
    let program = dir.join("read_card");
    let beside = library.parent().unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"]).arg(tree("driver/include"));
    cc.arg(tree("driver/examples/read_card.c")).arg("-o").arg(&program);
    cc.arg("-L").arg(beside).arg("-lSSCardDriver").arg(format!("-Wl,-rpath,{}", beside.display()));
    let output = cc.output().expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

fn lines(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn c_and_python_print_the_eleven_fields_in_either_character_set() {
    let mut hall = Hall::open();
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-sm4"));
    for language in ["C", "Python"] {
        for (kind, charset) in [("1", "gbk"), ("3", "utf-8"), ("4", "gbk")] {
            let said = hall.read(language, kind, charset);
            assert_eq!((said.success, said.text), (true, lines(&FIELDS)), "{language} {kind} {charset}");
        }
    }
    // A name whose bytes lie across two records.
    hall.walk.insert(&image("v3-long-name"));
    for (language, charset) in [("C", "gbk"), ("C", "utf-8"), ("Python", "gbk")] {
        let said = hall.read(language, "1", charset);
        assert!(said.text.contains("\nname: 阿依古丽帕夏.买买提艾力吐尔逊江\n"), "{language} {charset}: {said:?}");
    }
    let log = hall.walk.rig.log("daemon");
    assert!(log.contains("audit") && log.contains("iReadCardBas"), "each call is audited");
    for personal in ["王小雅", "440103198806120021", "A10000031", "440100D15600000530000003FFFFFFFF"] {
        assert!(!log.contains(personal), "the log names the holder");
    }
}

#[test]
fn what_goes_wrong_has_its_code_and_is_described() {
    let mut hall = Hall::open();
    assert_eq!(hall.refused("1"), -2, "no card");
    hall.walk.insert_alone(&image("v3-sm4"));
    assert_eq!(hall.refused("3"), -2201, "no PSAM");
    for (psam, code) in [("psam-no-sm4", -2202), ("psam-no-rk", -2203)] {
        let mut hall = Hall::open();
        hall.walk.rig.keep_psam(&image(psam));
        hall.walk.insert(&image("v3-sm4"));
        assert_eq!(hall.refused("1"), code, "{psam}");
    }
    hall.walk.rig.keep_psam(&image("psam"));
    for (card, code) in [
        ("not-social-security", -1),
        ("v3-forged", -21),
        ("v3-card-blocked", -27265),
        ("v3-app-locked", -37635),
        ("v3-garbled-record", -15),
        ("v3-bad-name", -41),
    ] {
        hall.walk.insert(&image(card));
        assert_eq!(hall.refused("1"), code, "{card}");
    }
    hall.walk.insert(&image("v3-sm4"));
    for kind in ["0", "5", "-1"] {
        assert_eq!(hall.refused(kind), -14, "iType {kind}");
    }
    assert_eq!(hall.refused("2"), -2, "the card has contacts");
    hall.walk.kill_daemon();
    assert_eq!(hall.refused("1"), -12, "no daemon");
}

#[test]
fn several_programs_share_one_reader() {
    let mut hall = Hall::open();
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-sm4"));
    let started: Vec<_> = ["C", "Python", "C", "Python"]
        .map(|language| {
            let mut command = hall.command(language);
            command.args(["1", "utf-8"]).stdout(Stdio::piped()).stderr(Stdio::piped());
            (language, command.spawn().expect("the program starts"))
        })
        .into();
    for (language, child) in started {
        let said = said(language, "utf-8", &child.wait_with_output().unwrap());
        assert_eq!((said.success, said.text), (true, lines(&FIELDS)), "{language}");
    }
    // A case at the counter keeps its card.
    let case = json!({"scenario": "unemployment-sign-in", "operator": "clerk-7", "reader": HOLDER});
    let id = hall.walk.http.post("/v1/cases", &case).success()["id"].as_str().unwrap().to_owned();
    hall.walk.until_case(&id, &["waiting-input"]);
    assert_eq!(hall.refused("1"), -11);
    hall.walk.http.post(&format!("/v1/cases/{id}/cancel"), &json!({})).success();
    assert!(hall.read("C", "1", "utf-8").success);
}

#[test]
fn the_interface_is_at_the_socket_alone() {
    let hall = Hall::open();
    let call = json!({"parameters": {"iType": "1"}});
    let answer = hall.walk.http.post("/v1/driver/iReadCardBas", &call);
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (403, Some("E-API-PERMISSION")));
    let socket = rig::http::Client::unix(hall.walk.socket());
    for (function, parameters, code) in [
        ("iReadCardBas", json!({"iType": "1"}), -2),
        ("iReadCardBas", json!({"iType": "1", "pKey": "00"}), -14),
        ("iReadCardBas", json!({}), -14),
        ("iGetErrMsg", json!({}), -13),
    ] {
        let said = socket.post(&format!("/v1/driver/{function}"), &json!({"parameters": parameters})).success();
        assert_eq!(said["code"], code, "{function}: {said}");
    }
}

#[test]
fn the_page_has_each_function_and_each_code() {
    let page = std::fs::read_to_string(tree("docs/driver.md")).unwrap();
    let part = |name: &str| {
        let (_, rest) = page.split_once(&format!("<!-- {name} -->\n")).expect("the part's begin");
        rest.split_once("<!-- end of").expect("its end").0
    };
    let rows = |name: &str| -> Vec<Vec<String>> {
        let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        part(name).lines().skip(2).map(cells).collect()
    };
    let functions: Vec<(String, String)> =
        rows("functions").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let code = |name: &str| format!("`{name}`");
    let wanted: Vec<(String, String)> = FUNCTIONS
        .iter()
        .map(|function| {
            let parameters: Vec<String> = function.parameters.iter().map(|parameter| code(parameter.name())).collect();
            (code(function.name), parameters.join(", "))
        })
        .collect();
    assert_eq!(functions, wanted);
    let codes: Vec<i32> = rows("codes")
        .iter()
        .flat_map(|row| {
            row[0].split(", ").map(|code| code.replace('−', "-").parse().expect("a code")).collect::<Vec<_>>()
        })
        .collect();
    let listed = |code: &i32| LISTED.iter().any(|listed| listed.code.value() == *code);
    assert!(codes.iter().all(listed), "{codes:?}");
    assert_eq!(codes.len() + 1, LISTED.len(), "all but success");
}
