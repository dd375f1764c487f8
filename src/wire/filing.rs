//! What is filed at the centre, store and forward: a registration, an application, a change, a visit, a certification, a
//! report, and that a payment to a holder was collected.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Digest;
use super::person::PersonKey;
use crate::value::Kind;

/// What a filing carries upstream. Ours; what it says, it says under the national codes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Filing {
    /// Whose.
    #[serde(flatten)]
    pub person: PersonKey,
    /// The scenario's id.
    pub scenario: String,
    /// Which part of the scenario: its kind.
    pub part: Kind,
    /// 交易编号 of the national platform, or the scenario's id where it has none for this.
    pub message: String,
    /// The date that it is decided by.
    pub business_date: Date,
    /// What makes it the same as another one, at whatever terminal that was filed: of one person, scenario and part one
    /// of a key stands at a time. Left out where each is one by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// The form, each item under its code upstream: `AAC011`, `begntime`.
    pub fields: Map<String, Value>,
    /// The documents that the form asks for, as far as they were there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// The form's repeated group, under the codes too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Map<String, Value>>,
    /// The facts of the case as given to the rules (`rules::Input.facts`). What the centre knows better it lays over them.
    pub facts: Map<String, Value>,
}

/// A document that was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Document {
    /// Somebody scanned it.
    Scanned {
        /// The document's name in the catalogue.
        id: String,
        /// SHA-256 of the scan.
        sha256: Digest,
    },
    /// Somebody at the counter looked at it.
    Shown {
        /// The document's name in the catalogue.
        id: String,
        /// `true`: what was not shown is left out.
        shown: bool,
    },
}

impl Document {
    /// Its name in the catalogue.
    pub fn id(&self) -> &str {
        match self {
            Self::Scanned { id, .. } | Self::Shown { id, .. } => id,
        }
    }

    /// Whether it was: one that was not shown is no document of a message.
    pub fn was_there(&self) -> bool {
        !matches!(self, Self::Shown { shown: false, .. })
    }
}

/// What the centre answers, as the receipt's `output`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FiledAtCentre)]
pub struct Filed {
    /// 受理号, the centre's own, by which the holder asks about it.
    pub number: String,
    /// Whether it was filed by this.
    pub state: Standing,
    /// The day it was filed on, by the centre's clock.
    #[schema(value_type = String, format = Date)]
    pub filed_on: Date,
    /// 就诊ID of the visit or the admission that it registered: what comes of that names it by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mdtrt_id: Option<String>,
}

/// Whether a transaction filed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FiledStanding)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It did.
    Accepted,
    /// It was taken back by this.
    Withdrawn,
}

/// Takes back what was filed: a transaction of its own, store and forward, of the same scenario and part. Its header names
/// the transaction that it takes back ([`super::Header::cancels`]). The centre answers with [`Filed`], withdrawn. Ours.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Whose.
    #[serde(flatten)]
    pub person: PersonKey,
    /// The scenario's id.
    pub scenario: String,
    /// Which part of the scenario.
    pub part: Kind,
    /// [`WITHDRAWAL`].
    pub message: String,
    /// The day it is taken back on.
    pub business_date: Date,
    /// The transaction that filed it.
    pub id: Uuid,
    /// 受理号, where the centre gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Why it is taken back, where somebody says so: up to [`super::LONGEST_REASON`] characters, as they were typed. Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a withdrawal goes up under, whatever its scenario.
pub const WITHDRAWAL: &str = "withdrawal";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_was_shown_or_scanned() {
        let shown = json!({ "id": "id-card", "shown": true });
        let scanned = json!({ "id": "termination-proof", "sha256": "AB".repeat(32) });
        for (document, id) in [(&shown, "id-card"), (&scanned, "termination-proof")] {
            let read: Document = serde_json::from_value(document.clone()).unwrap();
            assert_eq!((read.id(), &json!(read)), (id, document));
        }
        for none in [json!({ "id": "id-card" }), json!({ "id": "x", "sha256": "AB" }), json!({ "shown": true })] {
            assert!(serde_json::from_value::<Document>(none.clone()).is_err(), "{none}");
        }
    }

    #[test]
    fn a_filing_is_flat_and_leaves_out_what_there_is_none_of() {
        let filing = json!({
            "mdtrt_cert_type": "03", "mdtrt_cert_no": "A10000031", "card_sn": "440100D15600000530000003FFFFFFFF",
            "certno": "440103198806120021", "psn_name": "王小雅", "scenario": "job-seeker-registration",
            "part": "register", "message": "job-seeker-registration", "business_date": "2015-08-03",
            "fields": { "AAC011": "21" }, "facts": { "aac011": "21" },
        });
        let read: Filing = serde_json::from_value(filing.clone()).unwrap();
        assert_eq!((read.part, read.once.as_ref(), read.lines.len()), (Kind::Register, None, 0));
        assert_eq!(json!(read), filing);
    }
}
