//! What a card's user has proven: external authentication and PIN, and the tries that are left.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::apdu::StatusWord;

/// Rights by external authentication. The counter is the key's; the daemon's card has one such key, RKSSSE.
pub(super) struct Rights {
    tries: Tries,
    proven: Option<u8>,
}

impl Rights {
    pub(super) fn new(tries: u8) -> Self {
        Self { tries: Tries::new(tries), proven: None }
    }

    pub(super) fn has(&self, key: u8) -> bool {
        self.proven == Some(key)
    }

    pub(super) fn locked(&self) -> bool {
        self.tries.left == 0
    }

    /// Checks authentication data: 9000 gives the right and all tries back, else 63Cx.
    pub(super) fn prove(&mut self, key: u8, expected: &[u8], claimed: &[u8]) -> StatusWord {
        let right = bool::from(expected.ct_eq(claimed));
        if right {
            self.proven = Some(key);
        }
        self.tries.count(right)
    }

    /// Another application, or a reset: the rights go, the counter stays.
    pub(super) fn leave(&mut self) {
        self.proven = None;
    }
}

/// The holder's PIN.
pub(super) struct Pin {
    pin: Option<Zeroizing<Vec<u8>>>,
    tries: Tries,
}

impl Pin {
    pub(super) fn new(pin: Option<Zeroizing<Vec<u8>>>, tries: u8) -> Self {
        Self { pin, tries: Tries::new(tries) }
    }

    /// 9000 when there is no PIN, else the tries left; counts nothing (card-facts §6).
    pub(super) fn query(&self) -> StatusWord {
        if self.pin.is_some() { self.tries.status() } else { StatusWord::OK }
    }

    pub(super) fn verify(&mut self, claimed: &[u8]) -> StatusWord {
        let Some(pin) = &self.pin else {
            return StatusWord::OK;
        };
        if self.tries.left == 0 {
            return StatusWord::LOCKED;
        }
        let right = bool::from(pin.as_slice().ct_eq(claimed));
        self.tries.count(right)
    }
}

/// A counter of failures that a success resets and nothing else does.
struct Tries {
    left: u8,
    limit: u8,
}

impl Tries {
    fn new(limit: u8) -> Self {
        Self { left: limit, limit }
    }

    fn count(&mut self, right: bool) -> StatusWord {
        if right {
            self.left = self.limit;
            return StatusWord::OK;
        }
        self.left = self.left.saturating_sub(1);
        self.status()
    }

    /// 63Cx; limits are at most 15.
    fn status(&self) -> StatusWord {
        StatusWord(0x63C0 | u16::from(self.left))
    }
}
