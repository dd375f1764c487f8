//! The chain's headers on their way up, with the signatures over them.

use serde::{Deserialize, Serialize};

use super::signature::Signature;
use super::{ChainHead, Digest, Header};

/// Headers in sequence, with what is lost among them; of whole commit groups: the last one of them is the last one of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHeaders {
    /// The headers.
    pub headers: Vec<Header>,
    /// The groups that they make up, in sequence.
    pub groups: Vec<Group>,
    /// What is lost before some of them, in sequence: each ends where one of the headers follows, but for one that is
    /// lost after all of them, or comes by itself because the centre has its end already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<SignedHole>,
}

/// A commit group: what was made durable at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The sequence number of its last header.
    pub sequence: u64,
    /// That header's hash.
    pub head: Digest,
    /// The terminal's, over its code, the number and the hash (`queue::head_is_signed`).
    pub signature: Signature,
}

/// Records that are not there, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hole {
    /// The last record before them; zeros where there is none.
    pub after: ChainHead,
    /// The last of them: what the next record follows.
    pub until: ChainHead,
}

impl Hole {
    /// How many records.
    pub fn records(&self) -> u64 {
        self.until.sequence.saturating_sub(self.after.sequence)
    }

    /// What a terminal signs where it tells that it has lost them. The text says by itself what it is: no signature on a
    /// message, on a head or on a journal's own list of what was lost is one on this.
    pub fn text(&self, terminal: &str) -> Vec<u8> {
        let Self { after, until } = self;
        let (first, last) = (after.sequence, until.sequence);
        format!("sbkd-hole-1\n{terminal}\n{first}\n{}\n{last}\n{}\n", after.hash, until.hash).into_bytes()
    }
}

/// What a terminal says that it has lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHole {
    /// Which records.
    pub hole: Hole,
    /// The terminal's, over [`Hole::text`].
    pub signature: Signature,
}
