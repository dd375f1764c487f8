//! What is done with a card besides reading files: the PIN, writing, the account, the bank. There is no goal for these;
//! the figures stand beside a plain driver's.

use sbkd::card::account::{Amount, Payment};
use sbkd::card::bank;
use sbkd::card::{Card, CardError, InitialPins, Journal, Pairs, Parts, Pin, Update, Validation};
use sbkd::cipher::Algorithm;
use sbkd::profile::Profile;
use sbkd::reader::Lease;
use sbkd::script::Library;
use sbkd::store::Store;
use sbkd::value::Fen;
use sbkd::virtual_card::{Image, Memory, Torn};
use sbkd::world::{SystemClock, SystemRandom};
use zeroize::Zeroizing;

use super::plain::Plain;
use super::{demonstration_keys, lease_on};
use crate::rig::{image, tree};
use crate::tape::{Exchange, Tape};

/// A use of a card.
pub struct Use {
    /// As the table calls it.
    pub what: &'static str,
    card: &'static str,
    /// How items are written, where not as the profile that ships says.
    writing: Option<&'static str>,
    /// Whether a purchase was torn on the card before.
    torn: bool,
    ours: fn(&mut Ours<'_>) -> Result<(), CardError>,
    plain: fn(&mut Plain<'_>),
}

/// The item numbers and values that are written into DF04/EF05: neither has another meaning on a card of 1.0.
pub const WRITTEN: [(u8, &str); 2] = [(0x80, "20110701"), (0x8F, "2")];
/// The directory of what is written, and of the account.
pub const DIRECTORY: &str = "DF04";
/// What is paid from the account, by the holder himself, and by the pooling fund, in 分.
pub const PAID: [i64; 3] = [7_345, 100, 20_000];
/// The holder's PIN on every card.
pub const PIN: &str = "123456";
/// What it is changed to.
pub const NEW_PIN: &str = "222222";

const NONE: Use =
    Use { what: "", card: "", writing: None, torn: false, ours: |ours| ours.card().map(drop), plain: |_| () };
const VERIFY: Use = Use { ours: |ours| ours.verify(), plain: |plain| plain.verify(), ..NONE };
const CHANGE: Use = Use { ours: |ours| ours.change(), plain: |plain| plain.change(), ..NONE };
const WRITE: Use = Use { ours: |ours| ours.write(), ..NONE };
const PLAIN: Use = Use { writing: Some("plain"), plain: |plain| plain.write(), ..WRITE };
const WITH_MAC: Use = Use { writing: Some("mac"), plain: |plain| plain.write_secured(false), ..WRITE };
const ENCIPHERED: Use = Use { writing: Some("enciphered"), plain: |plain| plain.write_secured(true), ..WRITE };
const BALANCE: Use = Use { ours: |ours| ours.balance(), plain: |plain| plain.balance(), ..NONE };
const PURCHASE: Use = Use { ours: |ours| ours.pay(), plain: |plain| plain.pay(), ..NONE };
const SETTLE: Use = Use { torn: true, ours: |ours| ours.settle(), plain: |plain| plain.settle(), ..NONE };
const BANK: Use = Use { ours: |ours| ours.bank(), plain: |plain| plain.bank(), ..NONE };

/// Every use with a card of each generation that has what it takes.
pub const USES: &[Use] = &[
    Use { what: "PIN verified, 3.0", card: "v3-full", ..VERIFY },
    Use { what: "PIN verified, 2.0", card: "v2-full", ..VERIFY },
    Use { what: "PIN verified, 1.0", card: "v1-full", ..VERIFY },
    Use { what: "PIN changed, 3.0", card: "v3-full", ..CHANGE },
    Use { what: "PIN changed, 2.0", card: "v2-full", ..CHANGE },
    Use { what: "PIN changed, 1.0", card: "v1-full", ..CHANGE },
    Use { what: "two items written plain, 3.0", card: "v3-full", ..PLAIN },
    Use { what: "two items written plain, 2.0", card: "v2-full", ..PLAIN },
    Use { what: "two items written plain, 1.0", card: "v1-full", ..PLAIN },
    Use { what: "two items written with a MAC, 3.0", card: "v3-full", ..WITH_MAC },
    Use { what: "two items written with a MAC, 2.0", card: "v2-full", ..WITH_MAC },
    Use { what: "two items written with a MAC, 1.0", card: "v1-full", ..WITH_MAC },
    Use { what: "two items written enciphered, 3.0", card: "v3-enciphered", ..ENCIPHERED },
    Use { what: "balance, 3.0", card: "v3-money", ..BALANCE },
    Use { what: "balance, 2.0", card: "v2-money", ..BALANCE },
    Use { what: "purchase, 3.0", card: "v3-money", ..PURCHASE },
    Use { what: "purchase, 2.0", card: "v2-money", ..PURCHASE },
    Use { what: "torn purchase settled, 3.0", card: "v3-money", ..SETTLE },
    Use { what: "torn purchase settled, 2.0", card: "v2-money", ..SETTLE },
    Use { what: "bank's number, 3.0", card: "v3-money", ..BANK },
    Use { what: "bank's number, 2.0", card: "v2-money", ..BANK },
];

impl Use {
    /// What went over the wire: ours with a card whose type was seen before, and a plain driver's.
    pub fn tapes(&self) -> (Vec<Exchange>, Vec<Exchange>) {
        let chip = Image::load(&image(self.card)).expect("an image");
        let seen = Store::in_memory().expect("a store in memory");
        self.ours(&chip, &self.after(&chip, &seen), &seen);
        let memory = self.after(&chip, &seen);
        let ours = self.ours(&chip, &memory, &seen);
        let mut plain = Plain::before(&chip, &self.after(&chip, &seen), &ours);
        (self.plain)(&mut plain);
        let plain = plain.end();
        (ours, plain)
    }

    /// The card as the use finds it.
    fn after(&self, image: &Image, store: &Store) -> Memory {
        let memory = image.memory().expect("a card");
        if self.torn {
            // The first one of a card's type takes other commands than those after it.
            let [_, whole] = [(); 2].map(|()| self.paid(image, &image.memory().expect("a card"), store));
            let debit = whole.iter().position(|exchange| exchange.sent[1] == 0x2C).expect("a debit") + 1;
            let torn = image.clone().removed_at(u32::try_from(debit).expect("few")).torn(Torn::After);
            self.paid(&torn, &memory, store);
        }
        memory
    }

    /// A purchase, whatever comes of it.
    fn paid(&self, image: &Image, memory: &Memory, store: &Store) -> Vec<Exchange> {
        taped(image, memory, store, &Profile::builtin(), |ours| drop(ours.pay()))
    }

    fn ours(&self, image: &Image, memory: &Memory, store: &Store) -> Vec<Exchange> {
        let profile = self.writing.map_or_else(Profile::builtin, written);
        taped(image, memory, store, &profile, |ours| (self.ours)(ours).expect(self.what))
    }
}

fn taped(
    image: &Image,
    memory: &Memory,
    store: &Store,
    profile: &Profile,
    then: impl FnOnce(&mut Ours<'_>),
) -> Vec<Exchange> {
    let tape = Tape::default();
    let mut ours = Ours {
        lease: lease_on(image, memory, &tape),
        keys: demonstration_keys(),
        scripts: Library::builtin(),
        profile,
        store,
        random: SystemRandom::default(),
        initial_pins: InitialPins::default(),
    };
    then(&mut ours);
    drop(ours);
    std::mem::take(&mut *tape.lock().expect("nobody panics with the tape"))
}

/// The profile that ships, with DF04/EF05 written in this way.
fn written(writing: &str) -> Profile {
    let text = std::fs::read_to_string(tree("config/card/files.toml")).expect("the files that ship");
    let line = "name = \"DF04/EF05\"";
    let text = text.replace(line, &format!("{line}\nwriting = \"{writing}\""));
    Profile::load([None, Some(("files.toml", &text)), None]).expect("a profile")
}

/// This program at a card.
pub struct Ours<'a> {
    lease: Lease,
    keys: sbkd::keys::Soft,
    scripts: Library,
    profile: &'a Profile,
    store: &'a Store,
    random: SystemRandom,
    initial_pins: InitialPins,
}

impl<'a> Ours<'a> {
    fn card(&mut self) -> Result<Card<'_>, CardError> {
        let parts = Parts {
            lease: &mut self.lease,
            keys: &mut self.keys,
            scripts: &self.scripts,
            profile: self.profile,
            store: Some(self.store),
            pairs: Pairs::Terminal(self.store),
            clock: &SystemClock,
            random: &self.random,
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

    fn verify(&mut self) -> Result<(), CardError> {
        self.verified().map(drop)
    }

    fn change(&mut self) -> Result<(), CardError> {
        self.card()?.change_pin(Pin::parse(PIN)?, Pin::parse(NEW_PIN)?)
    }

    fn write(&mut self) -> Result<(), CardError> {
        let (store, random) = (self.store, SystemRandom::default());
        let journal = Journal::new(store, &[7; 32], &random);
        let items = WRITTEN.map(|(tag, value)| (tag, Zeroizing::new(value.to_owned())));
        let file = "DF04/EF05".parse().expect("a file's name");
        let written = self.card()?.write(&journal, &file, &Update::Items(&items), &mut None)?;
        assert_eq!(written.changed, WRITTEN.len(), "each of them was something else");
        Ok(())
    }

    fn balance(&mut self) -> Result<(), CardError> {
        self.verified()?.balance().map(drop).map_err(of_account)
    }

    fn pay(&mut self) -> Result<(), CardError> {
        let (store, random) = (self.store, SystemRandom::default());
        let journal = Journal::new(store, &[7; 32], &random);
        let [account, self_pay, pool] = PAID.map(|fen| Amount::try_from(Fen(fen)).expect("an amount"));
        let paid = self.verified()?.pay(Payment { account, self_pay, pool }, &journal).map_err(of_account)?;
        journal.told(paid.receipt)
    }

    fn settle(&mut self) -> Result<(), CardError> {
        let (store, random) = (self.store, SystemRandom::default());
        let journal = Journal::new(store, &[7; 32], &random);
        let settled = self.verified()?.settle_account(&journal).map_err(of_account)?;
        assert_eq!(settled.len(), 1, "one was torn");
        settled.into_iter().try_for_each(|one| journal.told(one.receipt))
    }

    fn bank(&mut self) -> Result<(), CardError> {
        let parts = bank::Parts {
            lease: &mut self.lease,
            scripts: &self.scripts,
            clock: &SystemClock,
            random: &self.random,
            token_key: None,
        };
        bank::read(parts).map(drop).map_err(|error| CardError::Script(error.to_string()))
    }
}

/// A measurement that cannot be taken says why.
fn of_account(error: sbkd::card::account::AccountError) -> CardError {
    CardError::Script(error.to_string())
}
