//! The one room that knows the whole walk of a card: a state machine for a case, one set of conditions for the
//! terminal, and the events that tell of both.

mod conditions;
pub mod errors;
mod event;
mod health;
#[allow(dead_code, reason = "the walk that tells of events follows")]
mod log;
#[allow(dead_code, reason = "the walk that moves cases follows")]
mod moves;
mod table;
mod view;

pub use conditions::{Condition, Conditions};
pub use event::{Event, EventStream, What};
pub use health::{Health, QueueHealth, Status, UplinkHealth};
pub use table::{Conduct, Table};
pub use view::{CaseState, CaseView, HolderView, NewCase};

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use crate::config::Config;
use crate::failure::Failure;
use crate::queue::{Filter, Row};
use crate::reader::{ReaderState, Readers};
use crate::scenario::Catalogue;
use crate::world::{Clock, Random};

/// What a terminal is made of; every part can be replaced by a test.
pub struct Parts {
    /// The configuration.
    pub config: Arc<Config>,
    /// All readers.
    pub readers: Arc<dyn Readers>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
    /// Where what waits on the network runs.
    pub runtime: tokio::runtime::Handle,
}

/// A running terminal. None of its calls blocks, except where it says so.
pub struct Terminal {
    _parts: Parts,
}

#[allow(clippy::todo, missing_docs, clippy::missing_errors_doc, unused_variables)]
impl Terminal {
    /// Starts the terminal on its parts.
    pub fn start(parts: Parts) -> Arc<Self> {
        Arc::new(Self { _parts: parts })
    }

    /// The readers as last seen.
    pub fn readers(&self) -> Vec<ReaderState> {
        todo!()
    }

    /// All scenarios, in the order of the table of 2015.
    pub fn catalogue(&self) -> &Catalogue {
        todo!()
    }

    /// Opens a case. With an idempotency key that is known, the case that has it is returned.
    pub fn open_case(&self, case: NewCase) -> Result<CaseView, Failure> {
        todo!()
    }

    /// A case as it stands.
    pub fn case(&self, id: Uuid) -> Option<CaseView> {
        todo!()
    }

    /// Each state of a case from now on; the way to wait for one.
    pub fn follow(&self, id: Uuid) -> Option<watch::Receiver<CaseView>> {
        todo!()
    }

    /// Gives the form's values.
    pub fn input(&self, id: Uuid, values: Value) -> Result<CaseView, Failure> {
        todo!()
    }

    /// The clerk, or the holder, agrees to what is shown. Returns at once with the case in `committing`; what came of it
    /// is told by [`follow`](Self::follow) and the events.
    pub fn confirm(&self, id: Uuid) -> Result<CaseView, Failure> {
        todo!()
    }

    /// Gives the case up; refused once it is being committed.
    pub fn cancel(&self, id: Uuid) -> Result<CaseView, Failure> {
        todo!()
    }

    /// The events after `last_id` that are still kept, and all that follow.
    pub fn events(&self, last_id: Option<u64>) -> EventStream {
        todo!()
    }

    /// Transactions of the queue, newest first. Blocks on the disk.
    pub fn transactions(&self, filter: &Filter) -> Result<Vec<Row>, Failure> {
        todo!()
    }

    /// One transaction. Blocks on the disk.
    pub fn transaction(&self, id: Uuid) -> Result<Option<Row>, Failure> {
        todo!()
    }

    /// Proves and reads the card in `reader`, or in the one holder's reader that has a card, outside any case; gives
    /// `card::Reading` as JSON, masked unless told otherwise. Blocks on the card.
    pub fn read_card(&self, reader: Option<&str>, unmask: bool) -> Result<Value, Failure> {
        todo!()
    }

    /// How the terminal is.
    pub fn health(&self) -> Health {
        todo!()
    }

    /// Stops: no new case, what is being committed is finished. Blocks until then, at most 30 seconds.
    pub fn drain(&self) {
        todo!()
    }
}
