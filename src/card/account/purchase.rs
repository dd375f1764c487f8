//! 医疗结算: a purchase from the account. The PSAM proves the terminal by MAC1; the card answers with TAC and MAC2.

use super::intent::{Intent, Kind};
use super::proof::four;
use super::{AccountError, Amount, Begun, Certificate, Payment, Receipt};
use crate::card::journal::Journal;
use crate::card::open::Card;
use crate::card::session::output;
use crate::cipher::Transaction;
use crate::keys::{self, Checked};
use crate::script::Vars;

/// A purchase that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// What lets go of it once that it was paid was told: [`Journal::told`].
    pub receipt: Receipt,
    /// The card's number of it (医疗消费交易序号).
    pub sequence: u16,
    /// 终端交易序号.
    pub terminal_sequence: u32,
    /// What the account holds now.
    pub balance: Amount,
    /// 终端机编号.
    pub terminal: [u8; 6],
    /// The moment, packed `YYYYMMDDhhmmss`.
    pub time: [u8; 7],
    /// Its certificate for the issuer.
    pub tac: [u8; 4],
    /// Whether the card's MAC2 was found to be its own. `None`: it was found not to be, or who checks it failed. The card
    /// has paid either way; the TAC proves it to the issuer.
    pub checked: Option<Checked>,
}

impl Card<'_> {
    /// Pays from the account. The PIN is verified by then, where the card wants it.
    ///
    /// # Errors
    /// See [`AccountError`]; after [`AccountError::Torn`] nobody knows whether it was carried out until
    /// [`settle_account`](Self::settle_account) has asked the card.
    pub fn pay(&mut self, payment: Payment, journal: &Journal<'_>) -> Result<Paid, AccountError> {
        if payment.is_nothing() {
            return Err(AccountError::Amount);
        }
        self.must_be_valid()?;
        self.nothing_open(journal, Kind::Purchase)?;
        self.enter_account()?;
        let begun = self.initialize_purchase(payment)?;
        let balance = begun.about.balance;
        // The card would refuse it as well, and the PSAM's number would be used up.
        let left = balance.checked_sub(payment.account.get()).ok_or(AccountError::Funds)?;
        let about = Transaction { time: self.moment(), ..begun.about };
        let formula = &self.session.parts.profile.account().purchase;
        let Begun { key_version, random, .. } = begun;
        let purchase = keys::Purchase { formula, about: &about, random, key_version };
        let proof = self.session.parts.keys.purchase(&self.key, &purchase).map_err(crate::card::CardError::Key)?;
        let Transaction { sequence, terminal, time, .. } = about;
        let keys::Purchased { terminal_sequence, mac1 } = proof;
        let balance = Amount::of(balance.to_be_bytes());
        let intent = Intent { kind: Kind::Purchase, sequence, payment, balance, terminal, terminal_sequence, time };
        let mut vars =
            Vars::new().with("sequence", &terminal_sequence.to_be_bytes()).with("time", &time).with("mac", &mac1);
        let answer =
            |vars: &Vars| Ok(Certificate { mac: four(vars, "mac2", "a MAC2")?, tac: four(vars, "tac", "a TAC")? });
        let (receipt, Certificate { mac: mac2, tac }) =
            self.move_money("debit-for-purchase", &mut vars, &intent, journal, answer)?;
        // Too late to refuse anything: the card has paid.
        let checked = self.session.parts.keys.confirm_purchase(mac2).inspect_err(|error| {
            tracing::warn!(%error, "the card's proof of a purchase was not found to be its own");
        });
        let balance = Amount::of(left.to_be_bytes());
        Ok(Paid { receipt, sequence, terminal_sequence, balance, terminal, time, tac, checked: checked.ok() })
    }

    fn initialize_purchase(&mut self, payment: Payment) -> Result<Begun, AccountError> {
        let terminal = self.terminal()?;
        let mut vars = Vars::new().with("amounts", &payment.bytes()).with("terminal", &terminal);
        self.run_account("initialize-purchase", &mut vars)?;
        let answer = output(&vars, "answer")?;
        let wrong = || AccountError::Answer("INITIALIZE FOR PURCHASE");
        let (balance, rest) = answer.split_first_chunk::<4>().ok_or_else(wrong)?;
        // What was paid in the year, and the year.
        let (_, rest) = rest.split_first_chunk::<10>().ok_or_else(wrong)?;
        let (sequence, rest) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let ([key_version, _algorithm], random) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let about = Transaction {
            balance: u32::from_be_bytes(*balance),
            sequence: u16::from_be_bytes(*sequence),
            account: payment.account.get(),
            self_pay: payment.self_pay.get(),
            pool: payment.pool.get(),
            terminal,
            ..Transaction::default()
        };
        let random = random.try_into().map_err(|_| wrong())?;
        Ok(Begun { about, key_version: *key_version, random })
    }
}
