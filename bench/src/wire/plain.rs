//! The sequence of a plain driver: it selects each file, reads each record by its number, and asks each for its length
//! first (card-facts §3, §5.3, §8). What it does besides reading it does at once: it looks at nothing before, and reads
//! nothing back.

use sbkd::apdu::{Command, Response};
use sbkd::cipher::{Algorithm, MAC_LENGTH, lengthened, pin_block};
use sbkd::keys::{CardKeyId, KeyService as _, ProcessKey};
use sbkd::profile::{File, KeyRole, Profile, Structure};
use sbkd::reader::Lease;
use sbkd::value::CardIdentifier;
use sbkd::virtual_card::{Image, Memory};

use super::uses::{DIRECTORY, NEW_PIN, PIN, WRITTEN};
use super::{demonstration_keys, lease_on};
use crate::tape::{Exchange, Tape};

mod money;

const SELECT: u8 = 0xA4;
const READ_RECORD: u8 = 0xB2;
const UPDATE_RECORD: u8 = 0xDC;
const UNBLOCK: u8 = 0x24;
const ENVIRONMENT_NAME: &str = "SSSE";
/// `sx1.sh.社会保障` in GBK.
const ENVIRONMENT: &[u8] = b"sx1.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF";
/// The environment of the bank's applications.
const BANK: &[u8] = b"1PAY.SYS.DDF01";
/// Any two numbers will do for what is counted.
const PROCESS: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const ORIGINAL: [u8; 8] = [8, 7, 6, 5, 4, 3, 2, 1];
/// Bytes of one answer.
const PIECE: usize = 256;

/// A plain driver at a card.
pub struct Plain<'t> {
    card: Lease,
    tape: Tape,
    profile: Profile,
    /// What this program sent in the same use.
    ours: &'t [Exchange],
}

/// Card and holder, with both authentications where the card asks for them.
pub fn read(image: &Image) -> Vec<Exchange> {
    let mut plain = Plain::before(image, &image.memory().expect("a card"), &[]);
    let (key, version) = plain.open();
    if version >= b'3' {
        plain.prove(&key, &KeyRole::RKSSSE);
    }
    plain.select_file(0x06);
    plain.records(7);
    plain.end()
}

/// Files of one directory, once the key is proven that reads them.
pub fn read_files(image: &Image, names: &[&str]) -> Vec<Exchange> {
    let mut plain = Plain::before(image, &image.memory().expect("a card"), &[]);
    let files: Vec<File> = names.iter().filter_map(|name| plain.profile.file(&name.parse().ok()?).cloned()).collect();
    let (key, version) = plain.open();
    // The environment is selected by then.
    if files[0].name.directory() != ENVIRONMENT_NAME {
        plain.select_directory(files[0].name.directory());
    }
    let role = files[0].read.at(version - b'0').key().expect("a key that reads it");
    plain.prove(&key, role);
    for file in &files {
        plain.select_file(file.name.ef());
        match file.structure {
            Structure::Transparent { size } => plain.bytes(size.into()),
            _ => drop(plain.records(file.items.len())),
        }
    }
    plain.end()
}

impl<'t> Plain<'t> {
    /// Before it does anything.
    pub fn before(image: &Image, memory: &Memory, ours: &'t [Exchange]) -> Self {
        let tape = Tape::default();
        Self { card: lease_on(image, memory, &tape), tape, profile: Profile::builtin(), ours }
    }

    /// What went over.
    pub fn end(self) -> Vec<Exchange> {
        drop(self.card);
        std::mem::take(&mut *self.tape.lock().expect("nobody panics with the tape"))
    }

    pub fn verify(&mut self) {
        self.open();
        self.verify_pin();
    }

    pub fn change(&mut self) {
        self.open();
        let data = [digits(PIN), vec![0xFF], digits(NEW_PIN)].concat();
        self.send(with_data(0x80, 0x5E, 0x01, 0x00, &data));
    }

    /// The new PIN is enciphered, in one block.
    pub fn reload(&mut self) {
        let (key, messaging) = self.open_puk();
        let process = key.process_key(&messaging, self.challenge());
        let block = pin_block(&digits(NEW_PIN), key.algorithm().block()).expect("a short PIN");
        let block = demonstration_keys().encipher(process, &block).expect("encipherment");
        self.send_secured(process, [0x84, UNBLOCK, 0x00, 0x01], &block);
    }

    pub fn unblock(&mut self) {
        let (key, messaging) = self.open_puk();
        let process = key.process_key(&messaging, self.challenge());
        self.send_secured(process, [0x84, UNBLOCK, 0x00, 0x00], &[]);
    }

    pub fn write(&mut self) {
        self.open_to_write();
        for (tag, value) in WRITTEN {
            self.send(with_data(0x00, UPDATE_RECORD, tag, 0x00, &self.record(tag, value)));
        }
    }

    /// The same with a MAC, and enciphered if that is wanted.
    pub fn write_secured(&mut self, enciphered: bool) {
        let key = self.open_to_write();
        let messaging = self.messaging(DIRECTORY);
        for (tag, value) in WRITTEN {
            let process = key.process_key(&messaging, self.challenge());
            let mut data = self.record(tag, value);
            if enciphered {
                let blocks = lengthened(&data, key.algorithm().block()).expect("a short record");
                data = demonstration_keys().encipher(process, &blocks).expect("encipherment").to_vec();
            }
            self.send_secured(process, [0x04, UPDATE_RECORD, tag, 0x00], &data);
        }
    }

    /// By the environment's list, as a payment terminal does.
    pub fn bank(&mut self) {
        self.send(with_data(0x00, SELECT, 0x04, 0x00, BANK).with_le(0x00));
        self.send(Command::new(0x00, READ_RECORD, 0x01, 0x0C).with_le(0x00));
        // It selects the application, asks for its options and reads its records as this program does.
        let own = self.ours.iter().filter(|exchange| exchange.sent[1] != 0xC0 && exchange.got[0] != 0x6C);
        for exchange in own {
            self.send(Command::parse(&exchange.sent).expect("a command").with_le(0x00));
        }
    }

    /// The environment, the card's own file and internal authentication; its key, and the first digit of its version.
    fn open(&mut self) -> (CardKeyId, u8) {
        let fci = self.send(with_data(0x00, SELECT, 0x04, 0x00, ENVIRONMENT).with_le(0x00));
        self.select_file(0x05);
        let issuer: Vec<Vec<u8>> = self.records(7);
        let identifier = CardIdentifier::parse(&issuer[0][2..]).expect("卡识别码");
        let key = CardKeyId::new(algorithm(fci.data()), identifier, self.card.atr().clone());
        self.send(with_data(0x00, 0x88, 0x00, 0x00, &[PROCESS, ORIGINAL].concat()).with_le(0x08));
        (key.expect("13 historical bytes"), issuer[2][2])
    }

    fn open_to_write(&mut self) -> CardKeyId {
        let (key, _) = self.open();
        self.select_directory(DIRECTORY);
        self.prove(&key, &KeyRole::named("UK1DF04"));
        self.select_file(0x05);
        key
    }

    /// The key that sets a PIN anew is proven; the card's keys, and its environment's of secure messaging.
    fn open_puk(&mut self) -> (CardKeyId, KeyRole) {
        let (key, _) = self.open();
        self.prove(&key, &KeyRole::PUK);
        (key, self.messaging(ENVIRONMENT_NAME))
    }

    /// The key of secure messaging in a directory.
    fn messaging(&self, directory: &str) -> KeyRole {
        let found = self.profile.directory(directory).and_then(|directory| directory.messaging.clone());
        found.expect("a key of secure messaging")
    }

    fn verify_pin(&mut self) {
        self.send(with_data(0x00, 0x20, 0x00, 0x00, &digits(PIN)));
    }

    fn select_directory(&mut self, name: &str) {
        let aid = self.profile.directory(name).and_then(|directory| directory.aid.clone()).expect("its name");
        self.send(with_data(0x00, SELECT, 0x04, 0x00, &aid).with_le(0x00));
    }

    fn select_file(&mut self, ef: u8) {
        self.send(with_data(0x00, SELECT, 0x02, 0x00, &[0xEF, ef]));
    }

    /// External authentication by a key of the directory that is selected.
    fn prove(&mut self, key: &CardKeyId, role: &KeyRole) {
        let reference = self.profile.key(role).and_then(|key| key.reference).expect("its P2");
        let process = self.challenge();
        let proof = demonstration_keys().prove(key.process_key(role, process), ORIGINAL).expect("a proof");
        self.send(with_data(0x00, 0x82, 0x00, reference, &[proof, ORIGINAL].concat()));
    }

    fn challenge(&mut self) -> [u8; 8] {
        let answer = self.send(Command::new(0x00, 0x84, 0x00, 0x00).with_le(0x08));
        answer.data().try_into().expect("eight bytes")
    }

    /// Every record by its number; 00 asks for the length, and the lease asks again with it.
    fn records(&mut self, count: usize) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        // A driver knows how many records there are and asks for no more.
        for number in (1..=u8::MAX).take(count) {
            let read = Command::new(0x00, READ_RECORD, number, 0x04).with_le(0x00);
            let answer = self.card.send(&read).expect("the card is there");
            if answer.status().is_ok() {
                found.push(answer.data().to_vec());
            }
        }
        found
    }

    /// So many bytes of the file that is selected, in pieces.
    fn bytes(&mut self, count: usize) {
        for offset in (0..count).step_by(PIECE) {
            let [high, low] = u16::try_from(offset).expect("a file's offset").to_be_bytes();
            self.send(Command::new(0x00, 0xB0, high, low).with_le(0x00));
        }
    }

    /// A record with the value that this program wrote.
    fn record(&self, tag: u8, value: &str) -> Vec<u8> {
        let file = self.profile.file(&"DF04/EF05".parse().expect("a name")).expect("a file");
        let item = file.item(tag).expect("an item");
        let length = item.length;
        let mut bytes = hex::decode(value).ok().filter(|bytes| bytes.len() == usize::from(length));
        let bytes = bytes.get_or_insert_with(|| value.as_bytes().to_vec());
        bytes.resize(length.into(), 0);
        [&[tag, length], bytes.as_slice()].concat()
    }

    /// With its MAC behind it.
    fn send_secured(&mut self, process: ProcessKey<'_>, header: [u8; 4], data: &[u8]) {
        let [cla, ins, p1, p2] = header;
        let length = u8::try_from(data.len() + MAC_LENGTH).expect("short data");
        let message = [&header, [length].as_slice(), data].concat();
        let mac = demonstration_keys().mac(process, &message).expect("a MAC");
        self.send(with_data(cla, ins, p1, p2, &[data, &mac].concat()));
    }

    fn send(&mut self, command: Command) -> Response {
        let answer = self.card.send(&command).expect("the card is there");
        assert!(answer.status().is_ok(), "{command:?}: {}", answer.status());
        answer
    }
}

fn algorithm(fci: &[u8]) -> Algorithm {
    let id = sbkd::apdu::tlv::ber_find(fci, &[0x6F, 0xA5, 0x9F0C]).ok().flatten().and_then(|data| data.last().copied());
    id.and_then(Algorithm::from_id).unwrap_or(Algorithm::TripleDes)
}

/// Digits as a card takes them, two a byte.
fn digits(text: &str) -> Vec<u8> {
    hex::decode(text).expect("an even number of digits")
}

fn with_data(cla: u8, ins: u8, p1: u8, p2: u8, data: &[u8]) -> Command {
    Command::new(cla, ins, p1, p2).with_data(data).expect("short data")
}
