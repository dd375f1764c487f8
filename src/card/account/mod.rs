//! The medical account on the card (card-facts §3, §4.4; STD-7): balance, load, purchase, and the proof of a transaction
//! whose end was not seen.
//!
//! What moves money is kept in the journal of writes before the command that moves it is sent. A card that is pulled
//! then, or does not answer, may have paid or not: [`settle`](super::Card::settle_account) asks it when it comes again,
//! by the transaction's own number and by its log, and nothing else is begun on its account before. What became of each is
//! kept until whoever wanted it was told ([`Receipt`]).

mod amount;
mod errors;
mod evidence;
mod intent;
mod kept;
mod load;
pub mod log;
mod proof;
mod purchase;

pub use amount::{Amount, Balance, Payment, Yearly};
pub use errors::{AccountError, ENTRIES, OPEN};
pub use intent::{Intent, Kind};
pub use kept::{Kept, Receipt};
pub use load::Loaded;
pub use proof::{Certificate, Outcome, Settled};
pub use purchase::Paid;

use super::open::Card;
use super::session::output;
use crate::apdu::StatusWord;
use crate::cipher::Transaction;
use crate::script::Vars;

const SCRIPT: &str = "account";
/// The directory that the account is in.
pub const DIRECTORY: &str = "DF04";

impl Card<'_> {
    /// What the account holds, and what was summed up in the year.
    ///
    /// # Errors
    /// [`AccountError::None`] for a card without one; [`AccountError::PinNeeded`] where the card asks for the PIN first:
    /// [`verify_pin`](Self::verify_pin).
    pub fn balance(&mut self) -> Result<Balance, AccountError> {
        self.enter_account()?;
        Ok(Balance {
            account: Amount::of(self.balance_of(0x01)?),
            self_paid: self.yearly(0x02)?,
            pooled: self.yearly(0x03)?,
        })
    }

    fn yearly(&mut self, which: u8) -> Result<Yearly, AccountError> {
        let [amount @ .., high, low] = self.balance_of::<6>(which)?;
        Ok(Yearly { amount: Amount::of(amount), year: year([high, low])? })
    }

    fn balance_of<const N: usize>(&mut self, which: u8) -> Result<[u8; N], AccountError> {
        // Four bytes, or six.
        let mut vars = Vars::new().with("which", &[which]).with("length", &[N as u8]);
        self.run_account("balance", &mut vars)?;
        output(&vars, "amount")?.try_into().map_err(|_| AccountError::Answer("a balance"))
    }

    /// Selects the account's directory.
    fn enter_account(&mut self) -> Result<(), AccountError> {
        self.select(DIRECTORY).map_err(|error| match error {
            super::CardError::NoFile(_) => AccountError::None,
            other => AccountError::Card(other),
        })
    }

    fn run_account(&mut self, flow: &'static str, vars: &mut Vars) -> Result<StatusWord, AccountError> {
        self.session.run(SCRIPT, flow, vars).map_err(AccountError::of)
    }

    /// 终端机编号 of the keys; zeros where they have none (card-facts §5.3).
    fn terminal(&mut self) -> Result<[u8; 6], AccountError> {
        let number = self.session.parts.keys.terminal_number().map_err(super::CardError::Key)?;
        Ok(number.unwrap_or_default())
    }

    /// The moment as the card takes it: `YYYYMMDDhhmmss`, packed.
    fn moment(&self) -> [u8; 7] {
        amount::packed(self.session.parts.clock.now())
    }
}

/// A year, packed BCD; one that was never written is none.
fn year(packed: [u8; 2]) -> Result<Option<u16>, AccountError> {
    if matches!(packed, [0, 0] | [0xFF, 0xFF]) {
        return Ok(None);
    }
    let digits = hex::encode(packed);
    digits.parse().map(Some).map_err(|_| AccountError::Answer("a year"))
}

/// What INITIALIZE answered, whichever it was.
struct Begun {
    about: Transaction,
    key_version: u8,
    random: [u8; 4],
}
