//! A caller with a security module of its own: a program that loads the library and calls what it is told to, step by
//! step, and what its module answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sbkd::keys::{CardKeyId, KeyService as _, Soft};
use sbkd::profile::KeyRole;
use sbkd::reader::Atr;
use sbkd::value::CardIdentifier;
use sbkd::wire::hsm::{Bas, BasAnswer, Dialect, PinCommand, Proof, ProofAsked, Randoms, Sealed, Secured};

use super::rig::tree;
use super::{Hall, library};

/// Calls functions, a line of standard input each: the name and what it is called with, tabs between.
const CALLS: &str = r#"
import ctypes, sys
driver = ctypes.CDLL(sys.argv[1])
for line in sys.stdin.buffer:
    name, *given = line.rstrip(b"\n").split(b"\t")
    function, out = getattr(driver, name.decode()), ctypes.create_string_buffer(16384)
    function.restype = ctypes.c_long
    code = function(*[int(a) if len(a) == 1 else a for a in given], out)
    sys.stdout.buffer.write(b"%d %s\n" % (code, out.value))
    sys.stdout.buffer.flush()
"#;

/// A program; ended when it is dropped.
pub struct Program {
    child: Child,
    calls: ChildStdin,
    said: BufReader<ChildStdout>,
    /// What its module was asked and what it answered, and what the daemon gave.
    pub strings: Vec<String>,
}

impl Program {
    /// One that asks the holder by this program, where there is one.
    pub fn start(hall: &Hall, pin_program: Option<&str>) -> Self {
        let mut python = Command::new("python3");
        python.args(["-c", CALLS]).arg(library()).stdin(Stdio::piped()).stdout(Stdio::piped());
        python.env("SBKD_DRIVER_CONFIG", hall.walk.file("driver.toml")).env("SBKD_DRIVER_CHARSET", "utf-8");
        python.envs(pin_program.map(|program| ("SBKD_DRIVER_PIN_PROGRAM", program)));
        let mut child = python.spawn().expect("python3");
        let (calls, said) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, calls, said, strings: Vec::new() }
    }

    /// What a call returns and writes.
    pub fn call(&mut self, arguments: &[&str]) -> (i32, String) {
        writeln!(self.calls, "{}", arguments.join("\t")).unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let (code, text) = line.trim_end_matches('\n').split_once(' ').expect("a code and a text");
        self.strings.extend(arguments.iter().skip(1).map(|argument| (*argument).to_owned()));
        self.strings.push(text.to_owned());
        (code.parse().unwrap(), text.to_owned())
    }

    /// The same of a call that has to succeed.
    #[track_caller]
    pub fn gives(&mut self, arguments: &[&str]) -> String {
        let (code, text) = self.call(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text
    }

    /// The card proves itself to the module.
    #[track_caller]
    pub fn reads_the_card(&mut self) {
        let asked = self.gives(&["iReadCardBas_HSM_Step1", "1"]);
        self.gives(&["iReadCardBas_HSM_Step2", &bas(&asked)]);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended by itself, else.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keys() -> Soft {
    Soft::load(&tree("fixtures/cards/demonstration-keys.toml"), true).unwrap()
}

/// The demonstration's cards with SM4.
fn card() -> CardKeyId {
    let atr = hex::decode("3B6D000086035342440003440130000003").unwrap();
    let identifier = hex::decode("440100D15600000530000003FFFFFFFF").unwrap();
    let identifier = CardIdentifier::parse(&identifier).unwrap();
    CardKeyId::new(sbkd::cipher::Algorithm::Sm4, identifier, Atr::parse(&atr).unwrap()).unwrap()
}

fn of(keys: &mut Soft, card: &CardKeyId, role: &KeyRole, randoms: &Randoms) -> Proof {
    let proof = keys.prove(card.process_key(role, randoms.process), randoms.original).unwrap();
    Proof { proof, original: randoms.original }
}

/// What the module answers to iReadCardBas_HSM_Step1's string.
pub fn bas(asked: &str) -> String {
    bas_by(&mut keys(), asked)
}

/// The same of a module with these keys.
pub fn bas_by(keys: &mut Soft, asked: &str) -> String {
    let dialect = Dialect::default();
    let asked = Bas::parse(asked, &dialect).expect("the string of Step1");
    let atr = [&[0x3B, 0x6D, 0x00, 0x00], asked.reset.as_slice()].concat();
    let identifier = CardIdentifier::parse(&asked.identifier).unwrap();
    let card = CardKeyId::new(asked.algorithm, identifier, Atr::parse(&atr).unwrap()).unwrap();
    let internal = of(keys, &card, &KeyRole::IRK, &asked.internal);
    let external = asked.external.as_ref().map(|randoms| of(keys, &card, &KeyRole::RKSSSE, randoms));
    BasAnswer { internal, external }.print(&dialect).reveal().to_owned()
}

/// What it answers to the string that asks for one key, which has to be at this address.
#[track_caller]
pub fn proof(asked: &str, address: &str, role: &str) -> String {
    let asked = ProofAsked::parse(asked, &Dialect::default()).expect("the string of Step1");
    assert_eq!(asked.key.as_str(), address);
    of(&mut keys(), &card(), &KeyRole::named(role.to_owned()), &asked.randoms).print().reveal().to_owned()
}

/// What it answers to the string of a command about the PIN: the whole command as well as its data.
#[track_caller]
pub fn sealed(asked: &str) -> [String; 2] {
    let dialect = Dialect::default();
    let asked = Secured::parse(asked, &dialect).expect("the string of Step2");
    assert_eq!(asked.key.as_str(), "0173");
    let (card, mut keys) = (card(), keys());
    let stk = card.process_key(&KeyRole::STK, asked.process);
    let cipher = match &asked.command {
        PinCommand::Unblock => Vec::new(),
        PinCommand::Reload(pin) => {
            let mut block = [&[(pin.len() / 2) as u8], hex::decode(pin).unwrap().as_slice(), &[0x80]].concat();
            block.resize(16, 0);
            keys.encipher(stk, &block).unwrap().to_vec()
        }
    };
    let header = asked.command.header(asked.algorithm);
    let mac = keys.mac(stk, &[&header[..], &cipher].concat()).unwrap();
    let data = Sealed { cipher, mac }.print(&asked, &dialect).reveal().to_owned();
    [format!("{}{data}", hex::encode_upper(header)), data]
}

/// One digit of it is another.
pub fn wrong(answer: &str) -> String {
    let other = if answer.starts_with('0') { "1" } else { "0" };
    format!("{other}{}", &answer[1..])
}
