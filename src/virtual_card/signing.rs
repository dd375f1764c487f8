//! The application of certificates signs (card-facts §1.1). How a card is told to is not public: this is the virtual card's
//! own way (grade C), PERFORM SECURITY OPERATION: COMPUTE DIGITAL SIGNATURE (ISO/IEC 7816-8), `00 2A 9E 9A` once the PIN
//! was verified, answered with r ‖ s.

use super::chip::Outcome;
use super::powered::Powered;
use crate::apdu::{Command, StatusWord};
use crate::cipher::{Sm2Secret, USER_ID};

/// What an application signs with.
pub(super) struct Signing {
    pub(super) key: Sm2Secret,
    /// The card makes the digest of what it is sent; else it is sent the digest.
    pub(super) hashes: bool,
}

impl Powered<'_> {
    pub(super) fn sign(&mut self, command: &Command) -> Outcome {
        self.signed(command).map_or_else(Into::into, Outcome::Waiting)
    }

    fn signed(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let here = &self.card.directories[self.session.directory];
        let Signing { key, hashes } = here.signing.as_ref().ok_or(StatusWord::INSTRUCTION)?;
        if (command.p1(), command.p2()) != (0x9E, 0x9A) {
            return Err(StatusWord::P1P2);
        }
        if !self.identified() {
            return Err(StatusWord::SECURITY_STATE);
        }
        let digest = match hashes {
            true => key.public().digest(USER_ID, command.data()).map_err(|_| StatusWord::DATA)?,
            false => command.data().try_into().map_err(|_| StatusWord::LENGTH)?,
        };
        Ok(key.sign(&digest).map_err(|_| StatusWord::DATA)?.to_raw())
    }
}
