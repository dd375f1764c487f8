//! A transaction whose end was not seen: kept before it is sent, asked for when its card comes again.

use super::AccountError;
use super::intent::{Intent, Kind};
use crate::apdu::StatusWord;
use crate::card::CardError;
use crate::card::journal::Journal;
use crate::card::open::Card;
use crate::card::session::output;
use crate::script::Vars;
use crate::store::Undertaking;

/// What became of a transaction whose end was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The card carried it out: MAC and TAC as it would have answered.
    Done {
        /// MAC2 of a purchase.
        mac: [u8; 4],
        /// Its certificate for the issuer.
        tac: [u8; 4],
    },
    /// The card did not.
    NotDone,
}

/// A transaction that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What it was.
    pub intent: Intent,
    /// What became of it.
    pub outcome: Outcome,
}

impl Card<'_> {
    /// Asks the card for each transaction on its account whose end was not seen, and lets go of it. The balance must say
    /// the same: where another terminal used the card since, the proof may be of that one's transaction, or be gone.
    ///
    /// # Errors
    /// Where the card does not say: it is kept then, and asked for once more when the card comes again;
    /// [`AccountError::Disputed`] where the balance says otherwise, until somebody looked at it and
    /// [`discard_account`](Self::discard_account) lets go of it.
    pub fn settle_account(&mut self, journal: &Journal<'_>) -> Result<Vec<Settled>, AccountError> {
        let mut settled = Vec::new();
        for (id, intent) in journal.open_intents(&self.identifier)? {
            self.enter_account()?;
            let outcome = self.proof(intent.kind, intent.sequence)?;
            let held = u32::from_be_bytes(self.balance_of(0x01)?);
            if intent.balance_after(outcome) != Some(held) {
                return Err(AccountError::Disputed { kind: intent.kind, sequence: intent.sequence });
            }
            journal.end(id)?;
            settled.push(Settled { intent, outcome });
        }
        Ok(settled)
    }

    /// Lets go of transactions that the card cannot be asked for any more; how many there were. What became of them is for
    /// somebody to find out.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn discard_account(&mut self, journal: &Journal<'_>) -> Result<usize, AccountError> {
        Ok(journal.discard(Undertaking::Account, &self.identifier)?)
    }

    /// GET TRANSACTION PROOF of the transaction of this number.
    fn proof(&mut self, kind: Kind, sequence: u16) -> Result<Outcome, AccountError> {
        let formulas = self.session.parts.profile.account();
        let code = match kind {
            Kind::Load => formulas.load.code,
            Kind::Purchase => formulas.purchase.code,
        };
        let mut vars = Vars::new().with("kind", &[code]).with("sequence", &sequence.to_be_bytes());
        match self.run_account("proof", &mut vars)? {
            StatusWord::NO_MAC => Ok(Outcome::NotDone),
            _ => {
                let four = |name| output(&vars, name)?.try_into().map_err(|_| AccountError::Answer("a proof"));
                Ok(Outcome::Done { mac: four("mac")?, tac: four("tac")? })
            }
        }
    }

    /// Nothing is begun while it is not known how the last one ended: its number would be another's, and it could not be
    /// asked for any more.
    pub(super) fn nothing_open(&self, journal: &Journal<'_>) -> Result<(), AccountError> {
        match journal.open_intents(&self.identifier)?.is_empty() {
            true => Ok(()),
            false => Err(AccountError::Unsettled),
        }
    }

    /// Sends the command that moves money, once it is kept what is to be moved. A refusal says that nothing was moved;
    /// whatever else comes, 6581 and 6F00 among it, says nothing.
    pub(super) fn move_money(
        &mut self,
        flow: &'static str,
        vars: &mut Vars,
        intent: &Intent,
        journal: &Journal<'_>,
    ) -> Result<(), AccountError> {
        let id = journal.begin_intent(&self.identifier, intent)?;
        match self.run_account(flow, vars) {
            Ok(_) => {
                journal.end_done(id);
                Ok(())
            }
            Err(error) if refuses(&error) => {
                journal.end(id)?;
                Err(error)
            }
            Err(error) => {
                tracing::warn!(%error, kind = intent.kind.name(), "a transaction may have been carried out by the card");
                Err(AccountError::Torn { kind: intent.kind, sequence: intent.sequence })
            }
        }
    }
}

/// Whether the card said that it does not carry the command out (STD-5 table 5).
fn refuses(error: &AccountError) -> bool {
    match error {
        AccountError::None
        | AccountError::PinNeeded
        | AccountError::Funds
        | AccountError::Counter
        | AccountError::Keys(_) => true,
        AccountError::Card(CardError::Status { status, .. }) => matches!(
            *status,
            StatusWord::LENGTH
                | StatusWord::REFERENCE_DATA
                | StatusWord::CONDITIONS
                | StatusWord::SECURE_MESSAGING
                | StatusWord::DATA
                | StatusWord::P1P2
        ),
        _ => false,
    }
}
