//! What came of reading a card.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::data::{CardFile, Holder, Warning};
use super::value;
use crate::cipher::Algorithm;
use crate::keys::KeySource;
use crate::reader::Atr;

/// A card that proved itself, and its holder. Prints masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Reading {
    pub(super) reader: String,
    pub(super) atr: Atr,
    pub(super) algorithm: Algorithm,
    pub(super) card: CardFile,
    pub(super) holder: Holder,
    pub(super) torn_writes: usize,
    pub(super) lost_writes: bool,
    pub(super) authenticated: Authenticated,
    pub(super) apdus: Apdus,
    pub(super) read_at: Timestamp,
    pub(super) elapsed: Duration,
}

/// Who proved what to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Authenticated {
    /// The card to the terminal; always true, since a card that fails is not read.
    pub internal: bool,
    /// The terminal to the card; only cards from 3.0 on ask for it.
    pub external: bool,
    /// Whose keys.
    pub by: KeySource,
}

/// Commands on the wire, GET RESPONSE not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Apdus {
    /// To the holder's card.
    pub card: u32,
    /// To the PSAM.
    pub psam: u32,
}

/// How a day stands to a card's validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Within it.
    Valid,
    /// After its last day, which is given.
    Expired(Date),
    /// Before its first day, which is given.
    NotYet(Date),
    /// The card states no last day.
    Unstated,
}

impl CardFile {
    /// Whether the card is valid on that day; its first and last day are.
    pub fn validity(&self, on: Date) -> Validity {
        match (self.issued, self.expires) {
            (Some(first), _) if on < first => Validity::NotYet(first),
            (_, Some(last)) if on > last => Validity::Expired(last),
            (_, Some(_)) => Validity::Valid,
            (_, None) => Validity::Unstated,
        }
    }
}

impl Reading {
    /// The reader's PC/SC name.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// The answer to reset; it names one card.
    pub fn atr(&self) -> &Atr {
        &self.atr
    }

    /// The algorithm of the card's environment.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The card.
    pub fn card(&self) -> &CardFile {
        &self.card
    }

    /// Its holder.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Who proved what to whom.
    pub fn authenticated(&self) -> Authenticated {
        self.authenticated
    }

    /// What it took.
    pub fn apdus(&self) -> Apdus {
        self.apdus
    }

    /// When the reading began, by the terminal's clock.
    pub fn read_at(&self) -> Timestamp {
        self.read_at
    }

    /// From the first command to the holder.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// What a person should look at.
    pub fn warnings(&self) -> Vec<Warning> {
        let torn = (self.torn_writes > 0).then_some(Warning::WriteTorn);
        let lost = self.lost_writes.then_some(Warning::WritesLost);
        self.holder.warnings().into_iter().chain(torn).chain(lost).collect()
    }

    /// The object that `sbkd card read` prints (docs/cli.md). Without `unmask` what names the card or its holder is
    /// starred; what is absent is `null` either way.
    pub fn to_json(&self, unmask: bool) -> Value {
        let (card, holder) = (&self.card, &self.holder);
        let see = |whole: &str, masked: String| if unmask { whole.to_owned() } else { masked };
        let star = |whole: String| see(&whole, value::star(&whole));
        json!({
            "reader": self.reader,
            "atr": see(&hex::encode_upper(self.atr.as_bytes()), self.atr.masked()),
            "version": card.version,
            "algorithm": self.algorithm.name(),
            "card": {
                "identifier": see(&card.identifier.reveal(), card.identifier.masked()),
                "number": card.number.as_ref().map(|number| see(number.reveal(), number.masked())),
                "region": card.identifier.region().to_string(),
                "category": card.category.map(String::from),
                "issuer": card.issuer,
                "issued": card.issued.map(|date| date.to_string()),
                "expires": card.expires.map(|date| date.to_string()),
            },
            "authenticated": self.authenticated,
            "holder": {
                "social_security_number": holder.number.as_ref().map(|number| see(number.reveal(), number.masked())),
                "name": holder.name.as_ref().map(|name| see(name.reveal(), name.masked())),
                "sex": holder.sex.map(|code| star(code.to_string())),
                "ethnicity": holder.ethnicity.clone().map(star),
                "birth_place": holder.birth_place.map(|region| star(region.to_string())),
                "birth_date": holder.birth_date.map(|date| star(date.to_string())),
            },
            "warnings": self.warnings().into_iter().map(Warning::name).collect::<Vec<_>>(),
            "apdus": self.apdus,
            "elapsed_ms": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Masked, as [`to_json`](Reading::to_json) without `unmask`.
impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({})", self.to_json(false))
    }
}
