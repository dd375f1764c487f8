//! The chain's headers on their way up, with the signatures over them.

use serde::{Deserialize, Serialize};

use super::signature::Signature;
use super::{Digest, Header};

/// Headers in sequence, of whole commit groups: the last one of them is the last one of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHeaders {
    /// The headers.
    pub headers: Vec<Header>,
    /// The groups that they make up, in sequence.
    pub groups: Vec<Group>,
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
