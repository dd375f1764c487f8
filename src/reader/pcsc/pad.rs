//! The PIN pad of a PC/SC reader (part 10).

use std::time::Duration;

use pcsc::{Disposition, Error, Protocols, ShareMode};
use zeroize::Zeroizing;

use super::connection::{Connection, c_name, establish, give_back};
use super::part10::{self, Features};
use super::translate::{while_open, while_opening};
use crate::apdu::Response;
use crate::reader::{PadAbilities, PadOutcome, PinEntry, PinLength, PinPad, PinPadUse, TransportError};

/// CM_IOCTL_GET_FEATURE_REQUEST.
const GET_FEATURES: pcsc::ffi::DWORD = pcsc::ctl_code(3400);
/// Far more than a list of all features there are takes.
const LONGEST_ANSWER: usize = 512;

impl Connection {
    /// What the reader says it has, as far as its rule lets it be used; asked once a connection.
    pub(super) fn features(&mut self) -> Result<Features, TransportError> {
        if let Some(known) = self.features {
            return Ok(known);
        }
        let found = match self.manner.pin_pad {
            PinPadUse::None => Features::default(),
            PinPadUse::Auto => self.ask_features()?,
            PinPadUse::Verify => Features { change: None, ..self.ask_features()? },
        };
        self.features = Some(found);
        Ok(found)
    }

    fn ask_features(&mut self) -> Result<Features, TransportError> {
        let answer = self.control(GET_FEATURES, &[])?;
        answered(answer.as_ref().map(|bytes| bytes.as_slice()).map_err(|error| *error), self.reader())
    }

    /// Has the pad ask, and what came of it.
    fn at_pad(&mut self, code: Option<u32>, structure: &[u8]) -> Result<PadOutcome, TransportError> {
        let code = code.ok_or(TransportError::NoPinPad)?;
        let answer = self.control(code.into(), structure)?.map_err(|error| {
            // Only what befell card or service is that; a driver that fails in any other way is a pad that refuses.
            match self.explain(error) {
                TransportError::Mute | TransportError::Other(_) => TransportError::PadRefused(error.to_string()),
                lost => lost,
            }
        })?;
        let answer = Response::parse(&answer)
            .map_err(|_| TransportError::PadRefused("it answers without a status word".to_owned()))?;
        PadOutcome::of(answer.status())
    }

    fn control(
        &mut self,
        code: pcsc::ffi::DWORD,
        sent: &[u8],
    ) -> Result<Result<Zeroizing<Vec<u8>>, Error>, TransportError> {
        let mut buffer = Zeroizing::new([0; LONGEST_ANSWER]);
        let answer = self.card()?.control(code, sent, &mut *buffer);
        Ok(answer.map(|bytes| Zeroizing::new(bytes.to_vec())))
    }
}

/// Most drivers do not know the question, and say so in different ways: all of them mean no features.
fn answered(answer: Result<&[u8], Error>, reader: &str) -> Result<Features, TransportError> {
    match answer {
        Ok(answer) => Ok(Features::parse(answer)),
        Err(error) => match while_open(error, reader) {
            TransportError::Mute | TransportError::Busy(_) | TransportError::Other(_) => Ok(Features::default()),
            lost => Err(lost),
        },
    }
}

/// What a reader says of its pad, whatever the configuration lets be used of it. It needs no card, and leaves one that is
/// there as it is.
///
/// # Errors
/// No service or reader, or another program has the reader for itself.
pub fn pad_direct(reader: &str) -> Result<PadAbilities, TransportError> {
    let context = establish()?;
    let card = context.connect(&c_name(reader)?, ShareMode::Direct, Protocols::UNDEFINED);
    let card = card.map_err(|error| while_opening(error, reader))?;
    let mut buffer = [0; LONGEST_ANSWER];
    let features = answered(card.control(GET_FEATURES, &[], &mut buffer), reader);
    give_back(card, Disposition::LeaveCard);
    features.map(abilities)
}

fn abilities(features: Features) -> PadAbilities {
    PadAbilities { verify: features.verify.is_some(), change: features.change.is_some() }
}

impl PinPad for Connection {
    fn abilities(&self) -> PadAbilities {
        abilities(self.features.unwrap_or_default())
    }

    fn verify(&mut self, entry: PinEntry) -> Result<PadOutcome, TransportError> {
        let code = self.features()?.verify;
        self.at_pad(code, &part10::verify(entry))
    }

    fn change(&mut self, length: PinLength, patience: Duration) -> Result<PadOutcome, TransportError> {
        let code = self.features()?.change;
        self.at_pad(code, &part10::change(length, patience))
    }
}
