//! `docs/own-scenario.md`: the scenario that it adds is made of its blocks, and carried out at a daemon that has it, with
//! a centre; each output that the page shows is what is printed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sbkd::config::Config;

use super::house::House;
use super::rig::http::Client;
use super::rig::page::{Blocks, Piece, held, pieces};
use super::rig::ports::free_ports;
use super::rig::{Child, HOLDER, bare, program, tree, until};

const PAGE: &str = "docs/own-scenario.md";
/// Of longer outputs the last line is shown.
const MOST_LINES: usize = 60;
/// Where the page has the terminal's door and the centre. The ports are others here, where they may be taken.
const DOOR: &str = "127.0.0.1:8420";
const CENTRE: &str = "127.0.0.1:8430";

/// Where the page is followed: a folder of files, and what was started there.
struct Place {
    daemon: Option<House>,
    /// The terminal's configuration, once the page has started it.
    configuration: Option<String>,
    centre: Option<(Child, String)>,
    files: BTreeMap<String, Blocks>,
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { daemon: None, configuration: None, centre: None, files: BTreeMap::new(), dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A block of a file.
    fn write(&mut self, name: &str, block: &str) {
        let text = self.files.entry(name.to_owned()).or_default().write(block);
        fs::write(self.file(name), text).unwrap();
    }

    /// A copy of a built-in file with a difference: lines that stay, lines with `-` that go, and with `+` that come.
    /// The terminal is started anew on it.
    fn change(&mut self, name: &str, difference: &str) {
        let lines = |mark: char| {
            let lines = difference.lines().filter(|line| line.starts_with([' ', mark]));
            lines.map(|line| format!("{}\n", &line[1..])).collect::<String>()
        };
        let text = fs::read_to_string(tree("config").join(name)).unwrap();
        let (from, to) = (lines('-'), lines('+'));
        assert_eq!(text.matches(&from).count(), 1, "{name}: {from}");
        fs::write(self.file(name), text.replace(&from, &to)).unwrap();
        self.daemon = None;
    }

    /// A shell with what the page has a person set beforehand.
    fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]).current_dir(self.dir.path()).stdin(Stdio::null());
        shell.env("SRC", tree("")).env("SBKD", program());
        shell
    }

    /// A program that stays. There is no pcscd here: the terminal and its cards are this process's own.
    fn start(&mut self, line: &str) {
        let arguments = line.strip_prefix("sbkd ").expect("a command of ours");
        let understood = self.shell(&format!("\"$SBKD\" {arguments} --help")).stdout(Stdio::null()).status();
        assert!(understood.unwrap().success(), "{line}");
        match arguments.split_once(' ') {
            Some(("center", _)) => {
                let address = format!("127.0.0.1:{}", free_ports());
                assert!(arguments.contains(CENTRE), "{line}");
                let script = format!("exec \"$SBKD\" {}", arguments.replace(CENTRE, &address));
                let child = Child::spawn("centre", self.shell(&script), self.dir.path());
                let client = Client::tcp(&address);
                until("the centre answers", || client.try_request("GET", "/", None).ok().map(drop));
                self.centre = Some((child, address));
            }
            Some(("run", "--config sbkd.toml")) => {
                let text = fs::read_to_string(self.file("sbkd.toml")).unwrap();
                let (_, centre) = self.centre.as_ref().expect("the centre stands before");
                assert!(text.contains(DOOR) && text.contains(CENTRE), "{text}");
                self.configuration = Some(text.replace(DOOR, "127.0.0.1:0").replace(CENTRE, centre));
            }
            // The house has these two.
            Some(("vcard", image)) => assert!(
                ["psam.toml", "v3-sm4.toml --no-psam"].iter().any(|own| image.ends_with(&format!("cards/{own}"))),
                "{line}"
            ),
            _ => panic!("nobody knows how to start {line}"),
        }
    }

    /// The terminal, on this place's files as they are by now.
    fn daemon(&mut self) -> &House {
        let text = self.configuration.as_ref().expect("the page starts the terminal before it asks it");
        let dir = self.dir.path();
        self.daemon.get_or_insert_with(|| House::on(Config::parse("sbkd.toml", text, dir).unwrap()))
    }

    /// What a command shows; one that asks the daemon once the centre is reached and all is delivered.
    fn run(&mut self, line: &str) -> String {
        let mut command = bare();
        let arguments = line.strip_prefix("sbkd ").expect("a command of ours");
        if ["case ", "queue "].iter().any(|daemons| arguments.starts_with(daemons)) {
            let house = self.daemon();
            let client = Client::unix(house.socket());
            house.readers.remove(HOLDER);
            until("all is delivered, and no card is there", || {
                let health = client.get("/v1/health").success();
                let card = health["readers"]
                    .as_array()?
                    .iter()
                    .any(|reader| reader["name"] == HOLDER && reader["card"] == true);
                (health["uplink"]["reachable"] == true && health["queue"]["unsent"] == 0 && !card).then_some(())
            });
            command.env("SBKD_CONFIG", self.file("sbkd.toml"));
        }
        command.args(arguments.split(' ')).current_dir(self.dir.path());
        // The holder puts the card in once they are asked for it: so each step is seen in its place.
        let text = seen(command, |line| match &self.daemon {
            Some(house) if line.starts_with("· 请插卡") => house.insert(),
            _ => {}
        });
        match text.trim_end().rsplit_once('\n') {
            Some((before, last)) if before.lines().count() >= MOST_LINES => {
                format!("…（以上省略 {} 行 / lines left out）\n{last}\n", before.lines().count())
            }
            _ => text,
        }
    }
}

/// What a person sees of a command, in the order in which it comes; each line is `told` of.
fn seen(mut command: Command, mut told: impl FnMut(&str)) -> String {
    let (screen, out) = std::io::pipe().expect("a pipe");
    let again = out.try_clone().expect("a second end");
    let mut child = command.stdin(Stdio::null()).stdout(out).stderr(again).spawn().expect("the program starts");
    // The command holds the other ends, and would keep the pipe open.
    drop(command);
    let lines = BufReader::new(screen).lines().map(|line| line.expect("text"));
    let text = lines.inspect(|line| told(line)).map(|line| line + "\n").collect();
    child.wait().expect("the command ends");
    text
}

/// Without what is another each time: ids, the code of a slip, the time of printing.
fn steady(page: &str) -> String {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let word = |word: &str| {
        let groups: Vec<usize> = word.split('-').map(str::len).collect();
        let changes = word.split('-').all(is_hex) && [&[8, 4, 4, 4, 12][..], &[4, 4, 4]].contains(&&groups[..]);
        if changes { "…".to_owned() } else { word.to_owned() }
    };
    let line = |line: &str| match line.trim_start().starts_with("打印时间") {
        true => "打印时间".to_owned(),
        false => line.split(' ').map(word).collect::<Vec<_>>().join(" "),
    };
    page.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn console(place: &mut Place, body: &str) -> String {
    let commands: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(!commands.is_empty(), "{body}");
    commands.iter().map(|line| format!("$ {line}\n{}", place.run(line))).collect()
}

/// With `SBKD_WRITE=1` the page gets the outputs of this day.
#[test]
fn the_page_shows_what_its_scenario_and_commands_come_to() {
    let page = fs::read_to_string(tree(PAGE)).unwrap();
    let mut place = Place::new();
    let (mut written, mut outputs) = (String::new(), Vec::new());
    for piece in pieces(&page) {
        let (kind, body) = match piece {
            Piece::Words(words) => {
                written += words;
                continue;
            }
            Piece::Block { kind, body } => (kind, body),
        };
        let mut shown = body.to_owned();
        match kind.split_once(' ') {
            Some(("toml", file)) => place.write(file, body),
            Some(("json", file)) => fs::write(place.file(file), body).unwrap(),
            Some(("diff", file)) => place.change(file, body),
            None if kind == "sh" => assert!(place.shell(body).status().unwrap().success(), "{body}"),
            None if kind == "shell" => body.lines().for_each(|line| place.start(line)),
            None if kind == "console" => {
                shown = console(&mut place, body);
                outputs.push(shown.clone());
            }
            _ => panic!("nobody knows what to do with a block of {kind}"),
        }
        written += &format!("```{kind}\n{shown}```\n");
    }
    // What the page is there for, whatever else it shows.
    for told in [
        "E-SCN-DEFINITION",
        "E-TERM-SETUP",
        "E-SCN-INPUT",
        "E-TRAIN-HEALTH",
        "E-TERM-SAME-FORM",
        " acked ",
        "E-SCN-ELSEWHERE",
        "E-RULES-NO-VERSION",
    ] {
        assert!(outputs.iter().any(|output| output.contains(told)), "{told}");
    }
    held(PAGE, &written, steady, "api own_scenario");
}

#[test]
fn what_is_another_each_time_is_taken_out_of_a_page_and_nothing_else() {
    for (text, taken) in [
        ("1 01a219dd-2747-73f2-94a4-8a216619a263 acked", "1 … acked"),
        ("验真码    A85E-DB2A-EAB9", "验真码    …"),
        ("  打印时间   2026-11-27 05:57:33", "打印时间"),
        ("业务日期  2015-08-03（演示日期）\n2015-01-01", "业务日期  2015-08-03（演示日期）\n2015-01-01"),
    ] {
        assert_eq!(steady(text), taken);
    }
}
