//! What the virtual chips promise: the standard's behaviour, each quirk, each fault.

mod account;
mod bank;
mod card;
mod contactless;
mod files;
mod images;
mod lasting;
mod pin;
mod psam;
mod psam_keys;
mod readers;
mod rights;
mod signing;
mod stand_in;
mod vpcd;
mod writing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Chip, Image, InProcess, Reaction};
use crate::apdu::StatusWord;
use crate::cipher::{self, Algorithm, Factors, Key16};
use crate::reader::Transport;
use crate::world::{NoRandom, Random, SystemRandom};

/// SELECT of the social security environment by name.
const SELECT_SSSE: &str = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cards")
}

/// An image of `fixtures/cards/`, loaded once.
fn image(name: &str) -> Image {
    static LOADED: Mutex<BTreeMap<String, Image>> = Mutex::new(BTreeMap::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let load = || Image::load(&folder().join(name).with_extension("toml")).unwrap();
    loaded.entry(name.to_owned()).or_insert_with(load).clone()
}

fn chip(name: &str) -> Box<dyn Chip> {
    image(name).chip(Arc::new(SystemRandom::default()))
}

/// One image's chip, spoken to as a reader would.
struct Talk(InProcess);

impl Talk {
    fn with(name: &str) -> Self {
        Self::to(chip(name))
    }

    fn to(chip: Box<dyn Chip>) -> Self {
        Self(InProcess::new(chip).unwrap())
    }

    /// A raw exchange: data and status word.
    fn send(&mut self, tpdu: &str) -> (Vec<u8>, StatusWord) {
        let mut answer = self.0.exchange(&hex::decode(tpdu).unwrap()).unwrap().to_vec();
        let status = answer.split_off(answer.len() - 2);
        (answer, StatusWord(u16::from_be_bytes([status[0], status[1]])))
    }

    fn status(&mut self, tpdu: &str) -> String {
        self.send(tpdu).1.to_string()
    }

    /// The exchange and its GET RESPONSE.
    fn fetch(&mut self, tpdu: &str) -> Vec<u8> {
        let (data, status) = self.send(tpdu);
        assert!(data.is_empty(), "T=0 answers a command with data by a status word");
        let more = status.more().unwrap_or_else(|| panic!("{tpdu} was answered {status}"));
        let (data, status) = self.send(&format!("00C00000{more:02X}"));
        assert!(status.is_ok());
        data
    }

    /// A read without Le, with the Le the card wants.
    fn asked(&mut self, tpdu: &str) -> Vec<u8> {
        let length = self.send(&format!("{tpdu}00")).1.right_le().unwrap();
        self.read(&format!("{tpdu}{length:02X}"))
    }

    fn read(&mut self, tpdu: &str) -> Vec<u8> {
        let (data, status) = self.send(tpdu);
        assert!(status.is_ok(), "{tpdu} was answered {status}");
        data
    }
}

/// A root key of `demonstration-keys.toml`, read by other means than the image's.
fn root(algorithm: Algorithm, name: &str) -> Key16 {
    let text = std::fs::read_to_string(folder().join("demonstration-keys.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    Key16::from_hex(table["keys"][algorithm.name()][name].as_str().unwrap()).unwrap()
}

/// The factors of the card whose image is `name`: its city is that of every image, 440100.
fn factors(name: &str) -> Factors {
    let atr = chip(name).atr();
    Factors::new([0x44, 0x01, 0x00], atr[9..17].try_into().unwrap())
}

fn proof(algorithm: Algorithm, key: &str, card: &str, process: [u8; 8], original: [u8; 8]) -> [u8; 8] {
    let key = cipher::diversify_by(algorithm, &root(algorithm, key), &factors(card).descending()).unwrap();
    cipher::authentication_data(algorithm, &key, process, original).unwrap()
}

/// Both steps of an external authentication of a SM4 card; the data is spoiled by `spoil`.
fn prove_external(talk: &mut Talk, card: &str, spoil: u8) -> String {
    let process: [u8; 8] = talk.read("0084000008").try_into().unwrap();
    let mut data = proof(Algorithm::Sm4, "rkssse", card, process, [5; 8]);
    data[0] ^= spoil;
    talk.status(&format!("0082000A10{}{}", hex::encode(data), hex::encode([5; 8])))
}

/// The algorithm of the cards of a generation.
fn algorithm(card: &str) -> Algorithm {
    if card.starts_with("v3") { Algorithm::Sm4 } else { Algorithm::TripleDes }
}

/// A card's own key of a role, in small letters.
fn card_key(card: &str, role: &str) -> Key16 {
    let algorithm = algorithm(card);
    cipher::diversify_by(algorithm, &root(algorithm, role), &factors(card).descending()).unwrap()
}

/// External authentication with the key of a role under a reference; the data is spoiled by `spoil`.
fn prove_by(talk: &mut Talk, card: &str, role: &str, reference: u8, spoil: u8) -> String {
    let process: [u8; 8] = talk.read("0084000008").try_into().unwrap();
    let mut data = proof(algorithm(card), role, card, process, [5; 8]);
    data[0] ^= spoil;
    talk.status(&format!("008200{reference:02X}10{}{}", hex::encode(data), hex::encode([5; 8])))
}

/// A command with secure messaging by the key of a role and a challenge it gets: header in hexadecimal, data enciphered
/// or not.
fn secured(talk: &mut Talk, card: &str, role: &str, header: &str, data: &[u8], enciphered: bool) -> String {
    let process: [u8; 8] = talk.read("0084000008").try_into().unwrap();
    let session = cipher::SessionKey::derive(algorithm(card), &card_key(card, role), process).unwrap();
    let data = if enciphered { cipher::encipher(&session, data).unwrap().to_vec() } else { data.to_vec() };
    let bytes: [u8; 4] = hex::decode(header).unwrap().try_into().unwrap();
    let mac = cipher::command_mac(&session, bytes, &data).unwrap();
    format!("{header}{:02X}{}{}", data.len() + 4, hex::encode(data), hex::encode(mac))
}

struct NoMore;

impl Random for NoMore {
    fn fill(&self, _: &mut [u8]) -> Result<(), NoRandom> {
        Err(NoRandom)
    }
}

fn answer(bytes: &[u8]) -> Reaction {
    Reaction::Answer(bytes.to_vec())
}
