//! The sequence of a plain driver: it selects each file, reads each record by its number, and asks each for its length
//! first (card-facts §3, §5.3, §8).

use sbkd::apdu::{Command, Response};
use sbkd::keys::{CardKeyId, KeyService as _};
use sbkd::profile::{File, KeyRole, Profile};
use sbkd::reader::Lease;
use sbkd::value::CardIdentifier;
use sbkd::virtual_card::Image;

use super::{demonstration_keys, lease};
use crate::tape::{Exchange, Tape};

const SELECT: u8 = 0xA4;
const READ_RECORD: u8 = 0xB2;
/// `sx1.sh.社会保障` in GBK.
const ENVIRONMENT: &[u8] = b"sx1.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF";
/// Any two numbers will do for what is counted.
const PROCESS: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const ORIGINAL: [u8; 8] = [8, 7, 6, 5, 4, 3, 2, 1];

/// Card and holder, with both authentications where the card asks for them.
pub fn read(image: &Image) -> Vec<Exchange> {
    taped(image, |card, key, version| {
        if version >= b'3' {
            prove(card, key, &KeyRole::RKSSSE);
        }
        select_file(card, 0x06);
        records(card, 7);
    })
}

/// Files of one directory, once the key is proven that reads them.
pub fn read_files(image: &Image, names: &[&str]) -> Vec<Exchange> {
    let profile = Profile::builtin();
    let files: Vec<&File> = names.iter().filter_map(|name| profile.file(&name.parse().ok()?)).collect();
    let directory = files.first().and_then(|file| profile.directory(file.name.directory())).expect("a directory");
    taped(image, |card, key, _| {
        let aid = directory.aid.as_deref().expect("its name");
        send(card, with_data(SELECT, 0x04, 0x00, aid).with_le(0x00));
        let role = files[0].read.at(3).key().expect("a key that reads it");
        prove(card, key, role);
        for file in &files {
            select_file(card, file.name.ef());
            records(card, file.items.len());
        }
    })
}

/// The environment, the card's own file and internal authentication, and what is done then; what went over.
fn taped(image: &Image, then: impl FnOnce(&mut Lease, &CardKeyId, u8)) -> Vec<Exchange> {
    let tape = Tape::default();
    let mut card = lease(image, &tape);
    let fci = send(&mut card, with_data(SELECT, 0x04, 0x00, ENVIRONMENT).with_le(0x00));
    select_file(&mut card, 0x05);
    let issuer: Vec<Vec<u8>> = records(&mut card, 7);
    let identifier = CardIdentifier::parse(&issuer[0][2..]).expect("卡识别码");
    let key = CardKeyId::new(algorithm(fci.data()), identifier, card.atr().clone()).expect("13 historical bytes");
    send(&mut card, with_data(0x88, 0x00, 0x00, &[PROCESS, ORIGINAL].concat()).with_le(0x08));
    then(&mut card, &key, issuer[2][2]);
    drop(card);
    std::mem::take(&mut *tape.lock().expect("nobody panics with the tape"))
}

/// External authentication by a key of the directory that is selected.
fn prove(card: &mut Lease, key: &CardKeyId, role: &KeyRole) {
    let reference = Profile::builtin().key(role).and_then(|key| key.reference).expect("its P2");
    let process = send(card, Command::new(0x00, 0x84, 0x00, 0x00).with_le(0x08));
    let process = process.data().try_into().expect("eight bytes");
    let proof = demonstration_keys().prove(key.process_key(role, process), ORIGINAL).expect("a proof");
    let answer = send(card, with_data(0x82, 0x00, reference, &[proof, ORIGINAL].concat()));
    assert!(answer.status().is_ok(), "{role}: {}", answer.status());
}

fn algorithm(fci: &[u8]) -> sbkd::cipher::Algorithm {
    let id = sbkd::apdu::tlv::ber_find(fci, &[0x6F, 0xA5, 0x9F0C]).ok().flatten().and_then(|data| data.last().copied());
    id.and_then(sbkd::cipher::Algorithm::from_id).unwrap_or(sbkd::cipher::Algorithm::TripleDes)
}

fn select_file(card: &mut Lease, ef: u8) {
    let answer = send(card, with_data(SELECT, 0x02, 0x00, &[0xEF, ef]));
    assert!(answer.status().is_ok(), "EF{ef:02X}: {}", answer.status());
}

/// Every record by its number, until there is none; 00 asks for the length, and the lease asks again with it.
fn records(card: &mut Lease, count: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    // A driver knows how many records there are and asks for no more.
    for number in (1..=u8::MAX).take(count) {
        let answer = send(card, Command::new(0x00, READ_RECORD, number, 0x04).with_le(0x00));
        if answer.status().is_ok() {
            found.push(answer.data().to_vec());
        }
    }
    found
}

fn with_data(ins: u8, p1: u8, p2: u8, data: &[u8]) -> Command {
    Command::new(0x00, ins, p1, p2).with_data(data).expect("short data")
}

fn send(card: &mut Lease, command: Command) -> Response {
    card.send(&command).expect("the card is there")
}
