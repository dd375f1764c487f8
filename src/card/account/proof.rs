//! A transaction whose end was not seen: kept before it is sent, asked for when its card comes again.

use serde::{Deserialize, Serialize};

use super::AccountError;
use super::evidence::Evidence;
use super::intent::{Intent, Kind};
use super::kept::{Kept, Receipt};
use super::log::Log;
use crate::apdu::StatusWord;
use crate::card::CardError;
use crate::card::journal::Journal;
use crate::card::open::Card;
use crate::card::session::output;
use crate::cipher::Formula;
use crate::script::Vars;

/// What became of a transaction whose end was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The card carried it out. `None`: its log says so, and it proves a later one by now.
    Done(Option<Certificate>),
    /// The card did not.
    NotDone,
}

impl Outcome {
    /// Its certificate for the issuer, where it is known.
    pub fn tac(&self) -> Option<[u8; 4]> {
        match self {
            Self::Done(certificate) => certificate.map(|certificate| certificate.tac),
            Self::NotDone => None,
        }
    }
}

/// What the card answers to a transaction that it carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// MAC2.
    pub mac: [u8; 4],
    /// TAC, for the issuer.
    pub tac: [u8; 4],
}

/// A transaction of which it is known what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What lets go of it once that was told: [`Journal::told`].
    pub receipt: Receipt,
    /// What it was.
    pub intent: Intent,
    /// What became of it.
    pub outcome: Outcome,
}

impl Card<'_> {
    /// Finds out what became of each transaction on the card's account that is kept; what is known already is not asked
    /// for again. Each stays kept until its receipt is given back. The card's proof, its balance and its log are held
    /// against what was to be done: another terminal may have used the card since, by the same number and for the same
    /// amount.
    ///
    /// # Errors
    /// Where the card does not say: it is asked once more when it comes again. [`AccountError::PinNeeded`] where only the
    /// log can tell, which the card does not show without its PIN. [`AccountError::Disputed`] where it cannot be
    /// told, until somebody looked at it and [`discard_account`](Self::discard_account) lets go of it.
    pub fn settle_account(&mut self, journal: &Journal<'_>) -> Result<Vec<Settled>, AccountError> {
        let mut settled = Vec::new();
        for Kept { receipt, intent, outcome } in journal.kept_of(&self.identifier)? {
            let outcome = match outcome {
                Some(known) => known,
                None => {
                    let found = self.became_of(&intent)?;
                    journal.note(&self.identifier, receipt, &intent, found);
                    found
                }
            };
            settled.push(Settled { receipt, intent, outcome });
        }
        Ok(settled)
    }

    /// Lets go of transactions of which it is not known what became; how many there were. That is for somebody to find
    /// out. Those of which it is known stay, and are told: each until its receipt is given back.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn discard_account(&mut self, journal: &Journal<'_>) -> Result<(usize, Vec<Settled>), AccountError> {
        let (discarded, known) = journal.discard_unknown(&self.identifier)?;
        let settled = |Kept { receipt, intent, outcome }| outcome.map(|outcome| Settled { receipt, intent, outcome });
        Ok((discarded, known.into_iter().filter_map(settled).collect()))
    }

    fn became_of(&mut self, intent: &Intent) -> Result<Outcome, AccountError> {
        self.enter_account()?;
        let formulas = self.session.parts.profile.account();
        let formula = match intent.kind {
            Kind::Load => &formulas.load,
            Kind::Purchase => &formulas.purchase,
        };
        let proof = self.proof(formula, intent.sequence)?;
        let balance = u32::from_be_bytes(self.balance_of(0x01)?);
        let log = self.account_log()?;
        let evidence = Evidence { proof, balance, log: &log };
        evidence.outcome(intent, formula).ok_or(match log {
            Log::PinNeeded => AccountError::PinNeeded,
            Log::Read(_) | Log::Garbled | Log::None => {
                AccountError::Disputed { kind: intent.kind, sequence: intent.sequence }
            }
        })
    }

    /// GET TRANSACTION PROOF of the transaction whose INITIALIZE answered this number; `None` where the card proves none
    /// by it.
    fn proof(&mut self, formula: &Formula, sequence: u16) -> Result<Option<Certificate>, AccountError> {
        let number = formula.proof_number(sequence).to_be_bytes();
        let mut vars = Vars::new().with("kind", &[formula.code]).with("sequence", &number);
        if self.run_account("proof", &mut vars)? == StatusWord::NO_MAC {
            return Ok(None);
        }
        Ok(Some(Certificate { mac: four(&vars, "mac", "a proof")?, tac: four(&vars, "tac", "a proof")? }))
    }

    /// Nothing is begun while it is not known how the last one ended: its number would be another's, and it could not be
    /// asked for any more. Nor is one of the kind of which somebody may not know yet that it was carried out.
    pub(super) fn nothing_open(&self, journal: &Journal<'_>, kind: Kind) -> Result<(), AccountError> {
        let kept = journal.kept_of(&self.identifier)?;
        let in_the_way = |kept: &Kept| kept.outcome.is_none() || kept.intent.kind == kind;
        if kept.iter().any(in_the_way) { Err(AccountError::Unsettled) } else { Ok(()) }
    }

    /// Sends the command that moves money, once it is kept what is to be moved. A refusal says that nothing was moved;
    /// whatever else comes, 6581 and 6F00 among it, says nothing. What it was carried out by is read from what the flow
    /// kept, and noted before anybody is told.
    pub(super) fn move_money(
        &mut self,
        flow: &'static str,
        vars: &mut Vars,
        intent: &Intent,
        journal: &Journal<'_>,
        read: impl FnOnce(&Vars) -> Result<Certificate, AccountError>,
    ) -> Result<(Receipt, Certificate), AccountError> {
        let receipt = journal.begin_intent(&self.identifier, intent)?;
        match self.run_account(flow, vars).and_then(|_| read(vars)) {
            Ok(certificate) => {
                journal.note(&self.identifier, receipt, intent, Outcome::Done(Some(certificate)));
                Ok((receipt, certificate))
            }
            Err(error) if refuses(&error) => {
                journal.told(receipt)?;
                Err(error)
            }
            Err(error) => {
                tracing::warn!(%error, kind = intent.kind.name(), "a transaction may have been carried out by the card");
                Err(AccountError::Torn { kind: intent.kind, sequence: intent.sequence })
            }
        }
    }
}

/// Four bytes that a flow kept; `what` they are.
pub(super) fn four(vars: &Vars, name: &str, what: &'static str) -> Result<[u8; 4], AccountError> {
    output(vars, name)?.try_into().map_err(|_| AccountError::Answer(what))
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
