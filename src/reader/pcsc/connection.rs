//! One card through PC/SC.

use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

use pcsc::{Attribute, Card, Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use zeroize::Zeroizing;

use super::others::other_programs;
use super::part10::Features;
use super::translate::{service_away, while_open, while_opening};
use crate::reader::{Atr, Interface, Manner, PinPad, Protocol, Transport, TransportError};

/// How long another program may finish what it does with the card before the sharing conflict is told.
pub(super) const SHARING_PATIENCE: Duration = Duration::from_millis(500);
/// How often a card that another program has is tried again: pcscd tells nobody that it was given back.
const SHARING_PAUSE: Duration = Duration::from_millis(10);
/// pcscd looks for a card that came or went every 400 ms; twice that, to know why an exchange failed.
const REMOVAL_SEEN: Duration = Duration::from_millis(800);
/// SCARD_ATTR_ICC_TYPE_PER_ATR (PC/SC part 3): a card of ISO/IEC 7816 that is asynchronous, or synchronous.
const ASYNCHRONOUS: u8 = 1;
const SYNCHRONOUS: u8 = 2;
/// A short response: 256 bytes and the status word.
const LONGEST_ANSWER: usize = 258;

/// A connection in a PC/SC context that no other connection uses, so that no thread waits for another one's.
pub(super) struct Connection {
    /// Before `context`, so that the card is given back first.
    card: Option<Card>,
    context: Context,
    reader: String,
    pub(super) manner: Manner,
    /// What the reader says it has; `None` until it was asked.
    pub(super) features: Option<Features>,
    atr: Atr,
    protocol: Protocol,
    interface: Interface,
}

impl Connection {
    /// Connects to the card in `reader` and keeps every other program out of it. Another program that has it may take
    /// `patience` to give it back.
    ///
    /// The mode is exclusive, not shared with a transaction, for three reasons. A conflict is an error at once, where
    /// pcsclite would wait inside `SCardBeginTransaction` without end and deaf to cancelling. No other program can
    /// send a command between two of ours, so none uses rights that we gained. And the reader's state shows others
    /// that it is taken. A reset by another program can then only come between two leases, or when the service
    /// itself takes the card away; PC/SC reports it as such, and it stays a different error from a conflict.
    ///
    /// # Errors
    /// No service, reader or card; a mute card; another program has the card and keeps it.
    pub(super) fn open(reader: &str, manner: Manner, patience: Duration) -> Result<Self, TransportError> {
        Self::open_in(establish()?, reader, manner, patience)
    }

    /// As [`open`](Self::open), in a context that is there already.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) fn open_in(
        context: Context,
        reader: &str,
        manner: Manner,
        patience: Duration,
    ) -> Result<Self, TransportError> {
        let name = c_name(reader)?;
        let end = Instant::now() + patience;
        let card = loop {
            match context.connect(&name, ShareMode::Exclusive, Protocols::ANY) {
                Ok(card) => break card,
                Err(Error::SharingViolation) if Instant::now() < end => std::thread::sleep(SHARING_PAUSE),
                Err(Error::SharingViolation) => return Err(TransportError::Busy(other_programs())),
                // Its answer to the cold reset was none.
                Err(Error::UnpoweredCard | Error::UnresponsiveCard) => break woken(&context, &name, reader)?,
                Err(error) => return Err(while_opening(error, reader)),
            }
        };
        Self::of(context, card, reader, manner)
    }

    fn of(context: Context, mut card: Card, reader: &str, manner: Manner) -> Result<Self, TransportError> {
        match answer_to_reset(&mut card, manner) {
            Ok((atr, protocol, interface)) => {
                let reader = reader.to_owned();
                Ok(Self { card: Some(card), context, reader, manner, features: None, atr, protocol, interface })
            }
            Err(Some(error)) => Err(while_opening(error, reader)),
            Err(None) => {
                give_back(card, Disposition::UnpowerCard);
                Err(TransportError::Mute)
            }
        }
    }

    /// The reader's name.
    pub(super) fn reader(&self) -> &str {
        &self.reader
    }

    /// Its context, to be used for another connection once this one has ended.
    pub(super) fn context(&self) -> Context {
        self.context.clone()
    }

    /// Gives the card back and takes back whatever it gave.
    pub(super) fn end_with_reset(mut self) {
        if let Some(card) = self.card.take() {
            give_back(card, Disposition::ResetCard);
        }
    }

    pub(super) fn card(&mut self) -> Result<&mut Card, TransportError> {
        self.card.as_mut().ok_or(TransportError::ServiceAway)
    }

    /// The typed error. An exchange that failed without a reason is a card that was pulled, when pcscd sees it go.
    pub(super) fn explain(&self, error: Error) -> TransportError {
        tracing::debug!(reader = %self.reader, %error, "the card cannot be reached any more");
        let unclear = matches!(error, Error::NotTransacted | Error::CommDataLost | Error::UnresponsiveCard);
        if unclear && self.card_goes() { TransportError::Removed } else { while_open(error, &self.reader) }
    }

    /// Begins anew with the card, without its power or with it.
    fn renew(&mut self, reset: Disposition) -> Result<(), TransportError> {
        let manner = self.manner;
        let again = self.card()?.reconnect(ShareMode::Exclusive, Protocols::ANY, reset);
        again.map_err(|error| self.explain(error))?;
        // A card may agree on another protocol, or show another ATR, after a reset.
        match answer_to_reset(self.card()?, manner) {
            Ok(anew) => (self.atr, self.protocol, self.interface) = anew,
            Err(Some(error)) => return Err(self.explain(error)),
            Err(None) => {
                let card = self.card.take().ok_or(TransportError::ServiceAway)?;
                give_back(card, Disposition::UnpowerCard);
                return Err(TransportError::Mute);
            }
        }
        Ok(())
    }

    fn card_goes(&self) -> bool {
        let Ok(name) = c_name(&self.reader) else { return false };
        let end = Instant::now() + REMOVAL_SEEN;
        let mut states = [ReaderState::new(name, State::UNAWARE)];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.context.get_status_change(left, &mut states) {
                Ok(()) if !states[0].event_state().contains(State::PRESENT) => return true,
                Ok(()) if !left.is_zero() => states[0].sync_current_state(),
                Ok(()) | Err(_) => return false,
            }
        }
    }
}

impl Transport for Connection {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let mut buffer = Zeroizing::new([0; LONGEST_ANSWER]);
        match self.card()?.transmit(tpdu, &mut *buffer) {
            // A driver may report success and no answer when the card goes in the middle (vpcd does).
            Ok([] | [_]) => Err(self.explain(Error::NotTransacted)),
            Ok(answer) => Ok(Zeroizing::new(answer.to_vec())),
            Err(error) => Err(self.explain(error)),
        }
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.renew(Disposition::ResetCard)
    }

    fn cold_reset(&mut self) -> Result<(), TransportError> {
        self.renew(Disposition::UnpowerCard)
    }

    /// One call to the service, where a reset that goes on needs three.
    fn end(&mut self) -> Result<(), TransportError> {
        let card = self.card.take().ok_or(TransportError::ServiceAway)?;
        card.disconnect(Disposition::ResetCard).map_err(|(_card, error)| while_open(error, &self.reader))
    }

    /// The service tells who holds a card that it went, or was reset, since.
    fn there(&mut self) -> Result<(), TransportError> {
        let status = self.card()?.status2_owned().map(|_| ());
        status.map_err(|error| self.explain(error))
    }

    fn atr(&self) -> &Atr {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn interface(&self) -> Interface {
        self.interface
    }

    fn pin_pad(&mut self) -> Result<Option<&mut dyn PinPad>, TransportError> {
        let there = self.features()? != Features::default();
        Ok(if there { Some(self) } else { None })
    }
}

/// A card whose answer to the cold reset the service took for none gets one warm reset (STD-2; card-facts §8). Reached without
/// a protocol, since it has none yet.
fn woken(context: &Context, name: &CStr, reader: &str) -> Result<Card, TransportError> {
    let direct = context.connect(name, ShareMode::Direct, Protocols::UNDEFINED);
    let mut card = direct.map_err(|error| while_opening(error, reader))?;
    match card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::ResetCard) {
        Ok(()) => Ok(card),
        Err(error) => {
            give_back(card, Disposition::UnpowerCard);
            Err(while_opening(error, reader))
        }
    }
}

/// The answer to reset and what follows from it. One that cannot be gets one warm reset; one that cannot be then either is
/// `Err(None)`: the card is to be given up (STD-2; card-facts §8).
fn answer_to_reset(card: &mut Card, manner: Manner) -> Result<(Atr, Protocol, Interface), Option<Error>> {
    let (mut bytes, mut protocol) = status(card)?;
    if let Err(error) = Atr::parse(&bytes) {
        tracing::debug!(%error, "the answer to reset cannot be; one warm reset");
        card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::ResetCard)?;
        (bytes, protocol) = status(card)?;
    }
    let atr = Atr::parse(&bytes).map_err(|_| None)?;
    let interface = manner.interface.unwrap_or_else(|| interface(&atr, || card_type(card)));
    Ok((atr, protocol, interface))
}

/// By radio is what has the form of an answer to reset that PC/SC part 3 makes up, unless the reader says that the card has
/// contacts.
fn interface(atr: &Atr, card_type: impl FnOnce() -> Option<u8>) -> Interface {
    let by_contacts = || matches!(card_type(), Some(ASYNCHRONOUS | SYNCHRONOUS));
    if atr.is_contactless_form() && !by_contacts() { Interface::Contactless } else { Interface::Contact }
}

/// What the reader says of the card's type, where it says anything.
fn card_type(card: &Card) -> Option<u8> {
    let mut buffer = [0; 8];
    card.get_attribute(Attribute::IccTypePerAtr, &mut buffer).ok()?.first().copied()
}

/// Gives the card back as it is: a lease that gained a right has reset it before.
impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(card) = self.card.take() {
            give_back(card, Disposition::LeaveCard);
        }
    }
}

pub(super) fn give_back(card: Card, disposition: Disposition) {
    if let Err((_card, error)) = card.disconnect(disposition) {
        tracing::debug!(%error, "the card was gone when it was given back");
    }
}

/// A context of the caller's own.
pub(super) fn establish() -> Result<Context, TransportError> {
    Context::establish(Scope::System).map_err(|error| {
        if service_away(error) { TransportError::ServiceAway } else { TransportError::Other(error.to_string()) }
    })
}

/// The name as PC/SC takes it; one with a NUL in it names no reader.
pub(super) fn c_name(reader: &str) -> Result<CString, TransportError> {
    CString::new(reader).map_err(|_| TransportError::NoReader(reader.replace('\0', "")))
}

/// The answer to reset, and the protocol agreed.
fn status(card: &Card) -> Result<(Zeroizing<Vec<u8>>, Protocol), Error> {
    let mut names = [0; 512];
    let mut atr = Zeroizing::new([0; pcsc::MAX_ATR_SIZE]);
    let status = card.status2(&mut names, &mut *atr)?;
    let protocol = match status.protocol2() {
        Some(pcsc::Protocol::T0) => Protocol::T0,
        _ => Protocol::T1,
    };
    Ok((Zeroizing::new(status.atr().to_vec()), protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contactless_card_is_known_by_what_part_3_makes_up() {
        let of = |hex: &str, says| interface(&Atr::parse(&hex::decode(hex).unwrap()).unwrap(), || says);
        assert_eq!(of("3B828001010200", None), Interface::Contactless);
        assert_eq!(of("3B828001010200", Some(5)), Interface::Contactless, "type A");
        assert_eq!(of("3B828001010200", Some(ASYNCHRONOUS)), Interface::Contact, "the reader knows better");
        assert_eq!(of("3B6D00000102030405060744010A0B0C0D", None), Interface::Contact);
        assert_eq!(of("3B00", Some(5)), Interface::Contact, "no reader makes up such an answer");
    }
}
