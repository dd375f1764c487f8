//! What the monitor needs of PC/SC. A test puts a service of its own in this place, whose readers come and go.

use std::time::Duration;

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, State};

use super::connection::{Connection, c_name, establish};
use super::table::Sight;
use crate::reader::{Manner, Protocol, Role, SELECT_PSAM, Transport, TransportError, role_of};

/// The list of readers is looked at this often even when nothing is reported, so that a lost report heals.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The same while there is a card: pcscd reports neither that a program takes it for itself nor that it gives it back,
/// it only says so when asked.
const LONGEST_WAIT_WITH_CARD: Duration = Duration::from_secs(1);

/// A PC/SC service.
pub(super) trait Service: Send + Sync {
    /// A way to watch it, with a context of its own.
    ///
    /// # Errors
    /// When it is away.
    fn watch(&self) -> Result<Box<dyn Watch>, TransportError>;

    /// Asks the card in `reader` what it is. Whatever it selected is undone.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn ask(&self, reader: &str) -> Result<Role, TransportError>;
}

/// One way to watch the service. An error ends it; another is then made.
pub(super) trait Watch {
    /// The readers there are.
    ///
    /// # Errors
    /// When the service is away.
    fn readers(&mut self) -> Result<Vec<String>, TransportError>;

    /// Waits until one of these readers is not as last seen, or the list of readers has changed, or the waker was
    /// used, or a while is over; then gives them as they are. `None` when one of them is no more.
    ///
    /// # Errors
    /// When the service is away.
    fn wait(&mut self, known: &[Sight]) -> Result<Option<Vec<Sight>>, TransportError>;

    /// Ends a [`wait`](Self::wait) that has begun, from another thread.
    fn waker(&self) -> Waker;
}

/// Ends a wait. It does nothing when no wait has begun.
pub(super) type Waker = Box<dyn Fn() + Send + Sync>;

/// The service of this machine.
pub(super) struct Pcscd;

impl Service for Pcscd {
    fn watch(&self) -> Result<Box<dyn Watch>, TransportError> {
        Ok(Box::new(PcscWatch(establish()?)))
    }

    fn ask(&self, reader: &str) -> Result<Role, TransportError> {
        // Exclusive and without patience: the reset afterwards must not hit another program's work.
        let mut connection = Connection::open(reader, Manner::default(), Duration::ZERO)?;
        let mut select = SELECT_PSAM.to_vec();
        if connection.protocol() == Protocol::T1 {
            select.push(0);
        }
        let answer = connection.exchange(&select);
        connection.end_with_reset();
        Ok(role_of(&answer?))
    }
}

struct PcscWatch(Context);

impl Watch for PcscWatch {
    fn readers(&mut self) -> Result<Vec<String>, TransportError> {
        let names = self.0.list_readers_owned().map_err(away)?;
        Ok(names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn wait(&mut self, known: &[Sight]) -> Result<Option<Vec<Sight>>, TransportError> {
        let mut states = vec![ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
        for sight in known {
            let with_count = sight.state | State::from_bits_retain((sight.visits << 16).into());
            states.push(ReaderState::new(c_name(&sight.name)?, with_count));
        }
        let wait = if known.iter().any(Sight::card) { LONGEST_WAIT_WITH_CARD } else { LONGEST_WAIT };
        let waited = match self.0.get_status_change(wait, &mut states) {
            // That a program took a card is no change that pcscd tells of: asked without waiting, it tells how all stand.
            Err(Error::Timeout) => self.0.get_status_change(Duration::ZERO, &mut states),
            changed => changed,
        };
        match waited {
            Ok(()) | Err(Error::Timeout) => {}
            Err(Error::Cancelled) => return Ok(Some(known.to_vec())),
            Err(Error::UnknownReader) => return Ok(None),
            Err(error) => return Err(away(error)),
        }
        let seen = &states[1..];
        if seen.iter().any(|state| state.event_state().contains(State::UNKNOWN)) {
            return Ok(None);
        }
        Ok(Some(seen.iter().zip(known).map(|(state, known)| sight(&known.name, state)).collect()))
    }

    fn waker(&self) -> Waker {
        let context = self.0.clone();
        Box::new(move || {
            // The service may be away; then the wait ends by that.
            let _ = context.cancel();
        })
    }
}

fn sight(name: &str, seen: &ReaderState) -> Sight {
    let state = seen.event_state().difference(State::CHANGED);
    Sight { name: name.to_owned(), state, visits: seen.event_count() }
}

fn away(error: Error) -> TransportError {
    tracing::debug!(%error, "watching the readers ended");
    TransportError::ServiceAway
}
