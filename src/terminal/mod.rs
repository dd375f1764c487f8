//! The one room that knows the whole walk of a card: a state machine for a case, one set of conditions for the
//! terminal, and the events that tell of both.

mod accounts;
mod alarm;
mod answers;
mod billed;
mod blacklist;
mod case;
mod committing;
mod conditions;
mod daily;
mod deciding;
mod details;
mod driver;
pub mod errors;
mod event;
mod file;
mod folder;
mod forgetting;
mod goods;
mod groups;
mod health;
pub mod holder_card;
mod inner;
mod json;
mod keeping;
mod kept;
mod keys_in_turn;
mod known;
mod learning;
mod limits;
mod log;
mod looked_up;
mod moves;
mod names;
mod notice;
mod on_cards;
mod open;
mod paper;
mod plan;
mod policy;
mod prints;
mod proving;
mod reading;
mod reconcile;
mod repair;
mod same;
mod settled;
mod setup;
mod shift;
mod showing;
mod signing;
mod start;
mod table;
mod taken;
mod tasks;
mod turn;
mod undoing;
mod untold;
mod view;
mod who;

pub use alarm::{Alarm, AlarmKind};
pub use blacklist::{BlacklistHealth, BlacklistRefused, list_file};
pub use conditions::{Condition, Conditions};
pub use driver::{Asked, DriverAnswer, DriverCall};
pub use event::{Event, EventStream, What};
pub use file::{LARGEST_FILE, Rights, open_regular, read_file, read_to, replace_file};
pub use folder::{PackFiles, files_below};
pub use goods::CatalogueHealth;
pub use health::{Health, QueueHealth, ReconciliationHealth, Status, UplinkHealth};
pub use json::JsonText;
pub use limits::{LimitsLeft, TerminalLeft};
pub use looked_up::Found;
pub use notice::{CentreRefusal, Notice, Seen};
pub use policy::{Origin, Policy, PolicyHealth, Refused, Reloaded};
pub use setup::{Setup, SetupError};
pub use start::waits_for_disk;
pub use table::Table;
pub use view::{CaseState, CaseView, HolderView, NewCase};

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use crate::card::account::Receipt;
use crate::card::bank::BankCard;
use crate::config::Config;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Faults, Filter, Row};
use crate::reader::{ReaderState, Readers};
use crate::rules::PackRules;
use crate::scenario::{Catalogue, Entry, Scenario};
use crate::slip::{Copy, Document};
use crate::wire::filing::Filed;
use crate::world::{Clock, Random};
use holder_card::{CardAnswer, CardCall, CardTask};
use inner::Inner;

/// How long [`Terminal::drain`] waits for what is being committed.
const DRAIN: Duration = Duration::from_secs(30);

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
    inner: Arc<Inner>,
}

impl Terminal {
    /// Starts the terminal on its parts. Blocks on the disk.
    ///
    /// # Errors
    /// When a definition, a pack, a script or the table has a mistake, or journal, store, keys or token cannot be used.
    /// A centre, a card service or a PSAM that is away is a condition, not an error.
    pub fn start(parts: Parts) -> Result<Arc<Self>, Failure> {
        Self::start_with_faults(parts, Faults::default())
    }

    /// [`start`](Self::start) for a test that makes the journal's writes fail.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with_faults(parts: Parts, faults: Faults) -> Result<Arc<Self>, Failure> {
        Ok(Arc::new(Self { inner: start::start(parts, faults)? }))
    }

    /// The readers as last seen.
    pub fn readers(&self) -> Vec<ReaderState> {
        self.inner.parts.readers.list()
    }

    /// All scenarios with their forms, in the order of the table of 2015.
    pub fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    /// A scenario of the [`catalogue`](Self::catalogue) as it is listed today, by the packs in force.
    pub fn listed(&self, scenario: &Scenario) -> Entry {
        self.inner.listed(scenario)
    }

    /// Opens a case. With an idempotency key that is known, the case that has it is returned.
    ///
    /// # Errors
    /// An unknown scenario, one of which no pack holds on the day that the case would be of, a form with mistakes, no
    /// operator or one without a shift where that is asked for, a reader that is busy or not there, a key that was used for
    /// something else, a terminal that stops. A terminal that may not carry it out now opens a case that is refused.
    pub fn open_case(&self, case: NewCase) -> Result<CaseView, Failure> {
        self.open_or_find(case).map(|(view, _)| view)
    }

    /// [`open_case`](Self::open_case), and whether the case is new.
    ///
    /// # Errors
    /// As [`open_case`](Self::open_case).
    pub fn open_or_find(&self, case: NewCase) -> Result<(CaseView, bool), Failure> {
        self.inner.open_case(case)
    }

    /// A case as it stands. What it tells of a settlement counts as told from then on.
    pub fn case(&self, id: Uuid) -> Option<CaseView> {
        self.inner.cases_shown().get_mut(id).map(|case| self.inner.give_out(case))
    }

    /// What is printed of a case that has ended, for whom it is meant. That it was settled counts as told from then on.
    ///
    /// # Errors
    /// No such case, or one of which nothing is printed: it has not ended, or came to nothing; or its page is not kept
    /// any more.
    pub fn paper(&self, id: Uuid, copy: Copy) -> Result<Arc<Document>, Failure> {
        self.inner.paper(id, copy)
    }

    /// Each state of a case from now on; the way to wait for one. How it ended is to be asked of [`case`](Self::case).
    pub fn follow(&self, id: Uuid) -> Option<watch::Receiver<CaseView>> {
        self.inner.cases_shown().get(id).map(|case| case.tell.subscribe())
    }

    /// Gives the form's values, while the case waits for them or before. A form with mistakes changes nothing; while
    /// the case waits for it, the case shows them as its failure.
    ///
    /// # Errors
    /// No such case, a case that has gone on, a form with mistakes, or of a day on which no pack holds.
    pub fn input(&self, id: Uuid, values: Value) -> Result<CaseView, Failure> {
        self.inner.input(id, &values)
    }

    /// [`confirm_with`](Self::confirm_with) without a PIN, and with what is printed.
    ///
    /// # Errors
    /// As [`confirm_with`](Self::confirm_with).
    pub fn confirm(&self, id: Uuid) -> Result<CaseView, Failure> {
        self.confirm_with(id, None, true)
    }

    /// The clerk, or the holder, agrees to what is shown; where the scenario asks for the holder's PIN, that is verified
    /// first: the one that is brought along, or the one that is typed at the reader's pad, where it has one. Without `print`
    /// no page is made of what a query found, and none is counted; its slip is there all the same. Returns at once with the
    /// case in `committing`, or in `proving`; what came of it is told by [`follow`](Self::follow) and the events.
    ///
    /// # Errors
    /// No such case, or one that does not wait for this.
    pub fn confirm_with(&self, id: Uuid, pin: Option<holder_card::Secret>, print: bool) -> Result<CaseView, Failure> {
        self.inner.confirm(id, pin, print)
    }

    /// Gives the case up; refused once it is being committed.
    ///
    /// # Errors
    /// No such case, or one that is being committed or has ended.
    pub fn cancel(&self, id: Uuid) -> Result<CaseView, Failure> {
        self.inner.advance(id, None, CaseState::Cancelled, |_| {})
    }

    /// The events after `last_id` that are still kept, and all that follow.
    pub fn events(&self, last_id: Option<u64>) -> EventStream {
        self.inner.log.after(last_id)
    }

    /// Transactions of the queue, newest first. Blocks on the disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn transactions(&self, filter: &Filter) -> Result<Vec<Row>, Failure> {
        self.inner.queue.list(filter).map_err(|error| error.failure())
    }

    /// Of those the ones that came out otherwise than their holders were told, as long as nobody has noted that they
    /// were told since, newest first. Blocks on the disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn untold(&self, filter: &Filter) -> Result<Vec<Row>, Failure> {
        self.inner.untold_rows(filter)
    }

    /// One transaction. Blocks on the disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn transaction(&self, id: Uuid) -> Result<Option<Row>, Failure> {
        self.inner.queue.get(id).map_err(|error| error.failure())
    }

    /// What the centre said when it refused a transaction: its code and words, which may name a person. `None` where it
    /// did not refuse it, or what it said was erased. Blocks on the disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn centre_refusal(&self, id: Uuid) -> Result<Option<CentreRefusal>, Failure> {
        self.inner.centre_refusal(id)
    }

    /// What the centre answered to what was filed: its number (受理号), and that of the visit or the admission that it
    /// registered. `None` as long as it has not, where it filed nothing, and where its answer was erased. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn filed(&self, id: Uuid) -> Result<Option<Filed>, Failure> {
        let answer = self.inner.queue.answer(id).map_err(|error| error.failure())?;
        // What else is answered is of another form.
        Ok(answer.and_then(|answer| serde_json::from_value(answer.output).ok()))
    }

    /// What is printed of a transaction by its number, whether its case is kept or not: a receipt of what was filed, with the
    /// centre's numbers and without its holder. `None` where there is no such transaction. Blocks on the disk.
    ///
    /// # Errors
    /// `E-TERM-NO-RECEIPT` where the centre has accepted nothing of it, and what the storage may do.
    pub fn receipt(&self, id: Uuid) -> Result<Option<Document>, Failure> {
        self.inner.receipt(id)
    }

    /// Proves and reads the card in `reader`, or in the one holder's reader that has a card, outside any case; gives
    /// `card::Reading` as JSON, masked unless told otherwise. Blocks on the card.
    ///
    /// # Errors
    /// No such reader, no card, a case at the reader, and all that can be wrong with a card and the keys.
    pub fn read_card(&self, reader: Option<&str>, unmask: bool) -> Result<Value, Failure> {
        let reader = self.inner.reader_meant(reader)?;
        let _in_use = self.inner.take_reader(&reader)?;
        let reading = self.inner.read(&reader, |_| {})?;
        if unmask {
            tracing::info!(target: "audit", %reader, "a card's data was given unmasked");
        }
        Ok(reading.to_json(unmask))
    }

    /// Does something with the card in the reader that is meant, outside any case; where a PIN is to be entered first, it
    /// says so and does nothing. Blocks on the card.
    ///
    /// # Errors
    /// As [`read_card`](Self::read_card), what the task itself may fail with, and a terminal that stops. What was entered
    /// for another card is not tried.
    pub fn at_card<T: CardTask>(&self, call: CardCall<T>) -> Result<CardAnswer<T::Done>, Failure> {
        self.inner.carry_out(call)
    }

    /// Reads the bank's application on the card in the reader that is meant. Blocks on the card.
    ///
    /// # Errors
    /// As [`read_card`](Self::read_card), and all that can be wrong with that application.
    pub fn bank_card(&self, reader: Option<&str>) -> Result<BankCard, Failure> {
        self.inner.bank_card(reader)
    }

    /// Carries out a function of the national driver interface. What goes wrong is in the answer. Blocks on the card.
    pub fn drive(&self, call: DriverCall) -> DriverAnswer {
        driver::call(&self.inner, call)
    }

    /// What a function told of a card's account was given out: it is not told again. Blocks on the disk.
    pub fn driver_told(&self, receipt: Receipt) {
        self.inner.driver_told(receipt);
    }

    /// The packs in force.
    pub fn policy(&self) -> Policy {
        self.inner.policy()
    }

    /// The packs in force that decide a scenario, with their guards.
    pub fn rules(&self, scenario: &str) -> Vec<PackRules> {
        self.inner.packs().rules(scenario)
    }

    /// Takes up the packs that are in the folder now, if they are others than those in force. Blocks on the disk, and as
    /// long as their cases run.
    ///
    /// # Errors
    /// What is wrong with them; those of before stay in force.
    pub fn reload_policy(&self) -> Result<Reloaded, Failure> {
        match self.inner.take_up(true) {
            Ok(changed) => Ok(Reloaded { changed, policy: self.inner.policy() }),
            Err(error) => Err(Failure::with(&errors::POLICY, error.to_string())),
        }
    }

    /// How the terminal is. Blocks on the disk.
    pub fn health(&self) -> Health {
        self.inner.health()
    }

    /// Stops: no new case, what is being committed is finished, and whoever is about to ask how it ended is answered.
    /// Blocks until then, at most 30 seconds.
    pub fn drain(&self) {
        self.inner.drain(DRAIN);
    }
}
