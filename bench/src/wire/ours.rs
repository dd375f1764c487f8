//! This program at a card, as each use of one has it.

use sbkd::card::account::{AccountError, Amount, Payment};
use sbkd::card::{Card, CardError, InitialPins, Journal, Mended, Pairs, Parts, Pin, Update, Validation, bank};
use sbkd::cipher::Algorithm;
use sbkd::keys::Soft;
use sbkd::profile::{FileName, ItemAddress, Profile};
use sbkd::reader::Lease;
use sbkd::script::Library;
use sbkd::store::Store;
use sbkd::value::Fen;
use sbkd::world::{SystemClock, SystemRandom};
use zeroize::Zeroizing;

use super::uses::{LOADED, NEW_PIN, PAID, PIN, WRITTEN};

/// This program at a card.
pub struct Ours<'a> {
    pub lease: Lease,
    pub keys: Soft,
    pub scripts: Library,
    pub profile: &'a Profile,
    pub store: &'a Store,
    pub random: &'a SystemRandom,
    pub initial_pins: InitialPins,
}

impl<'a> Ours<'a> {
    pub fn card(&mut self) -> Result<Card<'_>, CardError> {
        let parts = Parts {
            lease: &mut self.lease,
            keys: &mut self.keys,
            scripts: &self.scripts,
            profile: self.profile,
            store: Some(self.store),
            pairs: Pairs::Terminal(self.store),
            clock: &SystemClock,
            random: self.random,
            default_algorithm: Some(Algorithm::TripleDes),
            initial_pins: &self.initial_pins,
            validation: Validation::WITHOUT_LIST,
        };
        Card::open(parts, &mut |_| {})
    }

    /// The card, its PIN verified.
    fn verified(&mut self) -> Result<Card<'_>, CardError> {
        let mut card = self.card()?;
        card.verify_pin(Pin::parse(PIN)?)?;
        Ok(card)
    }

    fn journal(&self) -> Journal<'a> {
        Journal::new(self.store, &[7; 32], self.random)
    }

    pub fn verify(&mut self) -> Result<(), CardError> {
        self.verified().map(drop)
    }

    pub fn change(&mut self) -> Result<(), CardError> {
        self.card()?.change_pin(Pin::parse(PIN)?, Pin::parse(NEW_PIN)?)
    }

    pub fn reload(&mut self) -> Result<(), CardError> {
        self.card()?.reload_pin(Pin::parse(NEW_PIN)?)
    }

    pub fn unblock(&mut self) -> Result<(), CardError> {
        self.card()?.unblock_pin()
    }

    pub fn write(&mut self) -> Result<(), CardError> {
        let journal = self.journal();
        let items = WRITTEN.map(|(tag, value)| (ItemAddress::of(tag), Zeroizing::new(value.to_owned())));
        let file: FileName = "DF04/EF05".parse().expect("a file's name");
        let written = self.card()?.write(&journal, &file, &Update::Items(None, &items), &mut None)?;
        assert_eq!(written.changed, WRITTEN.len(), "each of them was something else");
        Ok(())
    }

    pub fn mend(&mut self) -> Result<(), CardError> {
        let journal = self.journal();
        let mended = self.card()?.mend(&journal, &mut None)?;
        assert!(matches!(mended.as_slice(), [(_, Mended::Completed)]), "one was torn: {mended:?}");
        Ok(())
    }

    pub fn balance(&mut self) -> Result<(), CardError> {
        self.verified()?.balance().map(drop).map_err(of_account)
    }

    pub fn pay(&mut self) -> Result<(), CardError> {
        let journal = self.journal();
        let [account, self_pay, pool] = PAID.map(amount);
        let paid = self.verified()?.pay(Payment { account, self_pay, pool }, &journal).map_err(of_account)?;
        journal.told(paid.receipt)
    }

    pub fn load(&mut self) -> Result<(), CardError> {
        let journal = self.journal();
        let loaded = self.verified()?.load_account(amount(LOADED), &journal).map_err(of_account)?;
        journal.told(loaded.receipt)
    }

    pub fn settle(&mut self) -> Result<(), CardError> {
        let journal = self.journal();
        let settled = self.verified()?.settle_account(&journal).map_err(of_account)?;
        assert_eq!(settled.len(), 1, "one was torn");
        settled.into_iter().try_for_each(|one| journal.told(one.receipt))
    }

    pub fn bank(&mut self) -> Result<(), CardError> {
        let parts = bank::Parts {
            lease: &mut self.lease,
            scripts: &self.scripts,
            clock: &SystemClock,
            random: self.random,
            token_key: None,
        };
        bank::read(parts).map(drop).map_err(|error| CardError::Script(error.to_string()))
    }
}

fn amount(fen: i64) -> Amount {
    Amount::try_from(Fen(fen)).expect("an amount")
}

/// A measurement that cannot be taken says why.
fn of_account(error: AccountError) -> CardError {
    CardError::Script(error.to_string())
}
