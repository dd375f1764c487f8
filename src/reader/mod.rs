//! Readers: the seam [`Transport`] to a card, the [`Lease`] through which alone it is reached, and the monitor that
//! watches every reader at once.

mod atr;
mod errors;
mod held;
mod lease;
mod pad;
mod pcsc;
mod role;
mod transport;

pub use atr::{Atr, AtrError, CardMarks, Rates};
pub use errors::ENTRIES;
pub use held::Recall;
pub use lease::{Counts, Lease, grants};
pub use pad::{PadAbilities, PadOutcome, PinEntry, PinLength, PinPad};
pub use pcsc::{
    PcscReaders, choose, list_direct, open_direct, open_direct_by, pad_direct, transport_direct, transport_direct_by,
};
pub use role::{Manner, PinPadUse, RoleRule, manner_by_rule, role_by_rule};
pub(crate) use role::{SELECT_PSAM, role_of};
pub use transport::{Interface, Protocol, Transport, TransportError};

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// What a reader is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The holder's social security card.
    Holder,
    /// A purchase secure access module (PSAM) that holds the terminal's keys.
    Psam,
    /// Not ours: never opened.
    Ignored,
}

/// One reader as the monitor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Reader)]
pub struct ReaderState {
    /// The PC/SC name.
    pub name: String,
    /// Its role; `None` until it is configured or a card in it was asked.
    #[schema(required)]
    pub role: Option<Role>,
    /// Whether a card is in it.
    pub card: bool,
    /// Whether another program holds the card exclusively.
    pub busy: bool,
}

/// What the monitor reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReaderEvent {
    /// A reader came.
    Appeared(String),
    /// A reader went.
    Gone(String),
    /// A card came, seen at this moment.
    CardIn(String, Instant),
    /// A card went.
    CardOut(String),
    /// What a reader is for became known.
    RoleFound(String, Role),
    /// The PC/SC service went away.
    ServiceAway,
    /// The PC/SC service is back.
    ServiceBack,
}

/// All readers of the terminal.
pub trait Readers: Send + Sync {
    /// The readers as last seen.
    fn list(&self) -> Vec<ReaderState>;

    /// Takes the card in `reader` for itself for at most `within`, counted from now.
    ///
    /// # Errors
    /// No such reader, no card, the service away, or another program (or another lease) has the card.
    fn lease(&self, reader: &str, within: Duration) -> Result<Lease, TransportError>;

    /// Which card is in `reader`, as last seen: a number that no other card has, nor this one once it left. `None` where
    /// there is none.
    fn visit(&self, reader: &str) -> Option<u64>;

    /// Whether the service behind the readers is known to be away.
    fn away(&self) -> bool {
        false
    }

    /// From now on, each event.
    fn watch(&self) -> tokio::sync::broadcast::Receiver<ReaderEvent>;
}
