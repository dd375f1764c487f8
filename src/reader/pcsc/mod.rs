//! The PC/SC back end.

mod connection;
mod contexts;
mod direct;
mod guard;
mod monitor;
mod others;
mod pad;
mod part10;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod translate;

pub use direct::{choose, list_direct, open_direct, open_direct_by, transport_direct, transport_direct_by};
pub use pad::pad_direct;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;
use zeroize::Zeroizing;

use super::{
    Atr, Interface, Lease, PadAbilities, PadOutcome, PinEntry, PinLength, PinPad, Protocol, ReaderEvent, ReaderState,
    Readers, Role, RoleRule, Transport, TransportError, manner_by_rule, role_by_rule,
};
use connection::{Connection, SHARING_PATIENCE};
use contexts::Contexts;
use guard::{Guard, Use};
use monitor::Monitor;
use service::Pcscd;

/// This program, where it is itself who holds a card.
const OURSELVES: &str = "sbkd";

/// All readers of this machine, watched by a thread of its own. A service that is away, goes or comes back is lived
/// through: it shows as events and typed errors, and the next lease connects anew.
pub struct PcscReaders {
    rules: Vec<RoleRule>,
    monitor: Monitor,
    contexts: Contexts,
}

impl PcscReaders {
    /// Begins to watch. The first look comes as events soon after.
    pub fn start(rules: Vec<RoleRule>) -> Arc<Self> {
        let monitor = Monitor::start(Box::new(Pcscd), rules.clone());
        Arc::new(Self { rules, monitor, contexts: Contexts::default() })
    }
}

impl Readers for PcscReaders {
    fn list(&self) -> Vec<ReaderState> {
        let shared = &self.monitor.shared;
        shared.table().list(|reader, seen| shared.guards.ours(reader, seen))
    }

    fn lease(&self, reader: &str, within: Duration) -> Result<Lease, TransportError> {
        if role_by_rule(&self.rules, reader) == Some(Role::Ignored) {
            return Err(TransportError::NoReader(reader.to_owned()));
        }
        let deadline = Instant::now() + within;
        let guard = self.monitor.shared.guards.take(reader, Use::Lease, deadline);
        let guard = guard.ok_or_else(|| TransportError::Busy(Some(OURSELVES.to_owned())))?;
        let connection =
            self.contexts.open(reader, manner_by_rule(&self.rules, reader), SHARING_PATIENCE.min(within))?;
        Ok(Lease::new(reader, Box::new(Leased { guard: Some(guard), connection }), deadline))
    }

    fn visit(&self, reader: &str) -> Option<u64> {
        self.monitor.shared.table().visit(reader)
    }

    fn away(&self) -> bool {
        self.monitor.shared.table().is_away()
    }

    fn watch(&self) -> broadcast::Receiver<ReaderEvent> {
        self.monitor.shared.events.subscribe()
    }
}

impl std::fmt::Debug for PcscReaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

/// A connection whose reader is ours. The reader is freed before the card: so the monitor, when it sees the card free,
/// may ask it, and who wants a lease just then waits for the card.
struct Leased {
    /// `None` once the card is lost: what is left of the lease must not keep a new one away.
    guard: Option<Guard>,
    connection: Connection,
}

impl Leased {
    fn learn<T>(&mut self, outcome: Result<T, TransportError>) -> Result<T, TransportError> {
        if let Err(TransportError::Removed | TransportError::ServiceAway | TransportError::NoReader(_)) = outcome {
            self.guard = None;
        }
        outcome
    }
}

impl Transport for Leased {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let outcome = self.connection.exchange(tpdu);
        self.learn(outcome)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        let outcome = self.connection.reset();
        self.learn(outcome)
    }

    fn cold_reset(&mut self) -> Result<(), TransportError> {
        let outcome = self.connection.cold_reset();
        self.learn(outcome)
    }

    fn end(&mut self) -> Result<(), TransportError> {
        self.guard = None;
        self.connection.end()
    }

    fn there(&mut self) -> Result<(), TransportError> {
        let outcome = self.connection.there();
        self.learn(outcome)
    }

    fn pin_pad(&mut self) -> Result<Option<&mut dyn PinPad>, TransportError> {
        let there = self.connection.pin_pad().map(|pad| pad.is_some());
        Ok(if self.learn(there)? { Some(self) } else { None })
    }

    fn atr(&self) -> &Atr {
        self.connection.atr()
    }

    fn protocol(&self) -> Protocol {
        self.connection.protocol()
    }

    fn interface(&self) -> Interface {
        self.connection.interface()
    }
}

impl PinPad for Leased {
    fn abilities(&self) -> PadAbilities {
        self.connection.abilities()
    }

    fn verify(&mut self, entry: PinEntry) -> Result<PadOutcome, TransportError> {
        let outcome = self.connection.verify(entry);
        self.learn(outcome)
    }

    fn change(&mut self, length: PinLength, patience: Duration) -> Result<PadOutcome, TransportError> {
        let outcome = self.connection.change(length, patience);
        self.learn(outcome)
    }
}
