//! The bytes of the answer to reset that name one card.

use zeroize::Zeroizing;

use super::madeup;
use super::swaps::EVIDENT;
use crate::reader::Atr;
use crate::script::RecordError;

/// Historical bytes 8 to 13 as they are and as they are made up.
pub(super) struct Historical {
    real: Zeroizing<Vec<u8>>,
    made_up: Vec<u8>,
    atr: Atr,
}

impl Historical {
    /// Those of `card`, whose made-up identifier says the city where there is one.
    ///
    /// # Errors
    /// The answer to reset cannot hold others.
    pub(super) fn new(card: &Atr, identifier: Option<&[u8]>) -> Result<Self, RecordError> {
        let whole = card.historical();
        let made_up = madeup::historical(whole, identifier);
        // As many bytes as before: the answer to reset stays one.
        let atr = card.with_historical(&made_up).map_err(|_| RecordError::Left { what: "the answer to reset" })?;
        let own = whole.len().min(7);
        Ok(Self { real: Zeroizing::new(whole[own..].to_vec()), made_up: made_up[own..].to_vec(), atr })
    }

    /// Replaces them wherever they are sent: the card's own diversification factor ends in them.
    pub(super) fn replace(&self, sent: &mut [u8]) {
        if self.real.len() < EVIDENT {
            return;
        }
        for at in 0..sent.len().saturating_sub(self.real.len() - 1) {
            let here = &mut sent[at..at + self.real.len()];
            if *here == **self.real {
                here.copy_from_slice(&self.made_up);
            }
        }
    }

    /// The real ones, unless they are the made-up ones.
    pub(super) fn trace(&self) -> Option<Zeroizing<Vec<u8>>> {
        (*self.real != self.made_up).then(|| self.real.clone())
    }

    /// The answer to reset with the made-up ones.
    pub(super) fn into_atr(self) -> Atr {
        self.atr
    }
}
