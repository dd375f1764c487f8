//! That a query was answered, and what was printed of it: told to the centre store and forward. What was found is not in
//! it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Digest;
use super::person::PersonKey;
use crate::value::Kind;

/// An answered query. Ours. The centre answers it without output.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Enquiry {
    /// Whose records were shown.
    #[serde(flatten)]
    pub person: PersonKey,
    /// The scenario's id.
    pub scenario: String,
    /// Which part of the scenario: its kind.
    pub part: Kind,
    /// 交易编号 of the national platform, or the scenario's id where it has none for this.
    pub message: String,
    /// The date of the case.
    pub business_date: Date,
    /// When the centre had read what was shown.
    pub as_of: Timestamp,
    /// How many records were shown.
    pub records: u64,
    /// They were kept from an earlier answer: the centre could not be asked.
    pub cached: bool,
    /// They were printed.
    pub printed: bool,
    /// SHA-256 of what was printed as a record or a certificate, in its canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_sha256: Option<Digest>,
}
