//! What the virtual chips promise: the standard's behaviour, each quirk, each fault.

mod card;
mod images;
mod psam;
mod readers;
mod vpcd;

use std::path::{Path, PathBuf};
use std::sync::Arc;

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

fn image(name: &str) -> Image {
    Image::load(&folder().join(name).with_extension("toml")).unwrap()
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

struct NoMore;

impl Random for NoMore {
    fn fill(&self, _: &mut [u8]) -> Result<(), NoRandom> {
        Err(NoRandom)
    }
}

fn answer(bytes: &[u8]) -> Reaction {
    Reaction::Answer(bytes.to_vec())
}
