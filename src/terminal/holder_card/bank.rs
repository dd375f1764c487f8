//! The bank's application on the card: it needs no key of the terminal, and nothing is asked for it.

use std::sync::Arc;

use crate::card::CardError;
use crate::card::bank::{self, BankCard, BankError};
use crate::failure::{Explain as _, Failure};
use crate::terminal::inner::Inner;

impl Inner {
    /// Reads it, told by a masked number and this terminal's token. Blocks.
    pub(in crate::terminal) fn bank_card(self: &Arc<Self>, reader: Option<&str>) -> Result<BankCard, Failure> {
        let (reader, _in_use) = self.take_holders_reader(reader)?;
        self.bank_card_at(&reader)
    }

    /// The same in a reader that is taken already. Blocks.
    pub(in crate::terminal) fn bank_card_at(&self, reader: &str) -> Result<BankCard, Failure> {
        let read = || {
            let lease = self.parts.readers.lease(reader, self.parts.config.cases.reading);
            let mut lease = lease.map_err(CardError::from)?;
            bank::read(bank::Parts {
                lease: &mut lease,
                scripts: &self.scripts,
                clock: &*self.parts.clock,
                random: &*self.parts.random,
                token_key: Some(&self.bank_tokens),
            })
        };
        read().map_err(|error: BankError| {
            if let BankError::Card(error) = &error {
                self.heed_card(error);
            }
            error.failure()
        })
    }
}
