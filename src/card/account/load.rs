//! 账户划入: the account is loaded. The card proves itself by MAC1, who holds the load key answers with MAC2.

use super::intent::{Intent, Kind};
use super::proof::four;
use super::{AccountError, Amount, Begun, Certificate, Payment, Receipt};
use crate::card::journal::Journal;
use crate::card::open::Card;
use crate::card::session::output;
use crate::cipher::Transaction;
use crate::keys;
use crate::script::Vars;

/// A load that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What lets go of it once that it was loaded was told: [`Journal::told`].
    pub receipt: Receipt,
    /// The card's number of it.
    pub sequence: u16,
    /// What the account holds now.
    pub balance: Amount,
    /// 终端机编号.
    pub terminal: [u8; 6],
    /// The moment, packed `YYYYMMDDhhmmss`.
    pub time: [u8; 7],
    /// Its certificate for the issuer.
    pub tac: [u8; 4],
}

impl Card<'_> {
    /// Loads the account. The PIN is verified by then, where the card wants it.
    ///
    /// # Errors
    /// See [`AccountError`]; after [`AccountError::Torn`] nobody knows whether it was carried out until
    /// [`settle_account`](Self::settle_account) has asked the card.
    pub fn load_account(&mut self, amount: Amount, journal: &Journal<'_>) -> Result<Loaded, AccountError> {
        if amount == Amount::ZERO {
            return Err(AccountError::Amount);
        }
        self.must_be_valid()?;
        self.nothing_open(journal, Kind::Load)?;
        self.enter_account()?;
        let (begun, mac1) = self.initialize_load(amount)?;
        let balance = Amount::of(begun.about.balance.to_be_bytes());
        let after = balance.get().checked_add(amount.get()).ok_or(AccountError::Amount)?;
        let about = Transaction { time: self.moment(), ..begun.about };
        let formula = &self.session.parts.profile.account().load;
        let load = keys::Load { formula, about: &about, random: begun.random, mac1 };
        let mac2 = self.session.parts.keys.load(&self.key, &load).map_err(crate::card::CardError::Key)?;
        let payment = Payment { account: amount, self_pay: Amount::ZERO, pool: Amount::ZERO };
        let Transaction { sequence, terminal, time, .. } = about;
        let intent = Intent { kind: Kind::Load, sequence, payment, balance, terminal, terminal_sequence: 0, time };
        let mut vars = Vars::new().with("time", &time).with("mac", &mac2);
        let answer = |vars: &Vars| Ok(Certificate { mac: mac2, tac: four(vars, "tac", "a TAC")? });
        let (receipt, Certificate { tac, .. }) =
            self.move_money("credit-for-load", &mut vars, &intent, journal, answer)?;
        Ok(Loaded { receipt, sequence, balance: Amount::of(after.to_be_bytes()), terminal, time, tac })
    }

    fn initialize_load(&mut self, amount: Amount) -> Result<(Begun, [u8; 4]), AccountError> {
        let terminal = self.terminal()?;
        let mut vars = Vars::new().with("amount", &amount.get().to_be_bytes()).with("terminal", &terminal);
        self.run_account("initialize-load", &mut vars)?;
        let answer = output(&vars, "answer")?;
        let wrong = || AccountError::Answer("INITIALIZE FOR LOAD");
        let (balance, rest) = answer.split_first_chunk::<4>().ok_or_else(wrong)?;
        let (sequence, rest) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let ([key_version, _algorithm], rest) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let (random, mac1) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let about = Transaction {
            balance: u32::from_be_bytes(*balance),
            sequence: u16::from_be_bytes(*sequence),
            account: amount.get(),
            terminal,
            ..Transaction::default()
        };
        let begun = Begun { about, key_version: *key_version, random: *random };
        Ok((begun, mac1.try_into().map_err(|_| wrong())?))
    }
}
