//! A business day of the journal as a file: JSON lines that can be proved with the public key, or a CSV for reading.
//! Neither holds anything of a person: no payload, no answer, no words of a refusal, nothing of the holder.

mod csv;
mod proof;
mod write;

use std::io;

use jiff::Timestamp;
use jiff::civil::Date;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use csv::COLUMNS as CSV_COLUMNS;
pub(super) use proof::prove;

use super::seal::Crypto;
use super::{QueueError, State, chain};
use crate::value::Fen;
use crate::wire::{ChainHead, Digest};

/// The format's name, in the head and in everything that is signed.
const FORMAT: &str = "sbkd-export-1";

/// Why a day was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal could not be read, or a record in it is damaged.
    #[error(transparent)]
    Journal(#[from] QueueError),
    /// What was to be written could not be.
    #[error("the output failed: {0}")]
    Output(#[from] io::Error),
}

impl From<rusqlite::Error> for ExportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// What the records of a day that are in one state come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// The state.
    pub state: State,
    /// How many.
    pub records: u64,
    /// What they are worth together.
    pub amount: Fen,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// `sbkd-export-1`.
    pub format: String,
    /// Whose records they are.
    pub terminal: String,
    /// The public key that proves them.
    pub key: Digest,
    /// The business date.
    pub date: Date,
    /// When they stood as they are told of.
    pub made_at: Timestamp,
    /// How many records the day has.
    pub records: u64,
    /// What they come to, by state; none in a state that no record is in.
    pub sums: Vec<Sum>,
    /// The signed head that the first record of the file follows; zeros at the chain's beginning.
    pub after: ChainHead,
    /// The signature over it; empty at the chain's beginning.
    pub after_signature: String,
}

/// A line of the file. The texts are kept as they stand: they are what was signed and hashed.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    head: Option<&'a RawValue>,
    /// What the journal has lost, if anything.
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    lost: Option<&'a RawValue>,
    /// A record of the day.
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    record: Option<&'a RawValue>,
    /// A record of another day, as far as the chain needs it.
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    header: Option<&'a RawValue>,
    /// The end of a commit group.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    group: Option<ChainHead>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    end: Option<&'a RawValue>,
    /// Over the text of `head`, `record` or `end`; of a group, over its head, as in the journal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature: Option<String>,
}

/// A record of the day: its header, and what changes beside it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    #[serde(borrow)]
    header: &'a RawValue,
    header_hash: Digest,
    state: State,
    attempts: u32,
    updated_at: Timestamp,
    operator: String,
    amount: Option<Fen>,
    centre_no: Option<String>,
    differs: Vec<String>,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    /// The last record of the file.
    last: u64,
    /// Of every byte before this line.
    sha256: Digest,
}

/// Signs a part of the file. `head` is the hash of the head's text, so that no line of one export fits into another.
fn sign(crypto: &Crypto, terminal: &str, part: &str, head: Digest, text: &str) -> String {
    hex::encode_upper(crypto.sign_bytes(&signed(terminal, part, head, text)))
}

fn is_signed(key: &[u8; 32], terminal: &str, part: &str, head: Digest, text: &str, signature: Option<&str>) -> bool {
    let signature = signature.and_then(|signature| hex::decode(signature).ok());
    let holds = |signature: Vec<u8>| {
        UnparsedPublicKey::new(&ED25519, key).verify(&signed(terminal, part, head, text), &signature).is_ok()
    };
    signature.is_some_and(holds)
}

fn signed(terminal: &str, part: &str, head: Digest, text: &str) -> Vec<u8> {
    format!("{FORMAT}\n{terminal}\n{part}\n{head}\n{text}").into_bytes()
}

/// What lines are bound to their head by.
fn about(head: &str) -> Digest {
    chain::hash_bytes(head.as_bytes())
}
