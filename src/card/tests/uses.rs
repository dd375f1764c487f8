//! Each use of a card in one table, and what may come of it where something goes wrong on the way: it is told, no try is
//! made twice, and the card is as it was, as it is to be, or is known to be neither.

use zeroize::Zeroizing;

use super::stage::Scene;
use super::*;
use crate::card::account::{Amount, Outcome, Payment, Settled};
use crate::card::bank::{self, TokenKey};
use crate::card::{Card, Journal, Pin, Update};
use crate::failure::Explain;
use crate::profile::ItemAddress;
use crate::value::Fen;

/// What uses have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Read,
    Files,
    Pin,
    Write,
    Account,
    Bank,
}

/// What is done with a card.
pub(super) struct Use {
    pub(super) name: &'static str,
    pub(super) family: Family,
    /// Its image.
    pub(super) card: &'static str,
    /// Demonstration keys, where no PSAM can do it.
    pub(super) soft: bool,
    /// How DF04/EF05 is written, where not as the profile that ships says.
    pub(super) writing: Option<&'static str>,
    /// What had happened to the card by then.
    pub(super) before: fn(&Scene<'_>),
    /// The use; what it found, if anything.
    pub(super) run: Run,
    /// What the card holds of what the use changes.
    pub(super) look: Look,
    /// No journal keeps it: it may be told as failed though the card did it.
    pub(super) unkept: bool,
}

pub(super) type Run = fn(&mut At<'_>) -> Result<String, Told>;
pub(super) type Look = fn(&mut Card<'_>) -> Result<String, Told>;

/// An error of whichever room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) code: &'static str,
    pub(super) what: String,
}

impl<E: Explain> From<E> for Told {
    fn from(error: E) -> Self {
        Self { code: error.entry().code, what: format!("{error:?}") }
    }
}

/// A row whose card has all there is, read and written as the profile says, with the keys of the PSAM.
const PLAIN: Use = Use {
    name: "",
    family: Family::Read,
    card: "v3-money",
    soft: false,
    writing: None,
    before: |_| (),
    run: nothing,
    look: |_| Ok(String::new()),
    unkept: false,
};

/// Every use of a card.
pub(super) const USES: &[Use] = &[
    Use { name: "read", family: Family::Read, run: holder, ..PLAIN },
    Use { name: "read 2.0", family: Family::Read, card: "v2-money", run: holder, ..PLAIN },
    Use { name: "files by key", family: Family::Files, run: files_by_key, ..PLAIN },
    Use { name: "files by PIN", family: Family::Files, run: files_by_pin, ..PLAIN },
    Use { name: "bytes", family: Family::Files, run: bytes, ..PLAIN },
    Use { name: "tries", family: Family::Pin, run: tries, ..PLAIN },
    Use { name: "verify", family: Family::Pin, run: verify, ..PLAIN },
    Use { name: "change", family: Family::Pin, run: change, look: pins_of, unkept: true, ..PLAIN },
    Use { name: "reload", family: Family::Pin, run: reload, look: pins_of, unkept: true, ..PLAIN },
    Use { name: "unblock", family: Family::Pin, before: |scene| scene.lock_pin(), run: unblock, unkept: true, ..PLAIN },
    Use { name: "write plain", family: Family::Write, writing: Some("plain"), run: write, look: items_of, ..PLAIN },
    Use { name: "write with a MAC", family: Family::Write, run: write, look: items_of, ..PLAIN },
    Use { name: "write 2.0", family: Family::Write, card: "v2-money", run: write, look: items_of, ..PLAIN },
    // The PSAM's key of DF04 makes MACs and enciphers nothing (usage 26).
    Use {
        name: "write enciphered",
        soft: true,
        family: Family::Write,
        card: "v3-enciphered",
        writing: Some("enciphered"),
        run: write,
        look: items_of,
        ..PLAIN
    },
    Use { name: "write bytes", family: Family::Write, run: write_bytes, look: bytes_of, ..PLAIN },
    Use { name: "mend", family: Family::Write, before: |scene| scene.tear_write(), run: mend, look: items_of, ..PLAIN },
    Use { name: "balance", family: Family::Account, run: balance, ..PLAIN },
    Use { name: "pay", family: Family::Account, run: pay, look: balance_of, ..PLAIN },
    Use { name: "pay 2.0", family: Family::Account, card: "v2-money", run: pay, look: balance_of, ..PLAIN },
    Use { name: "load", family: Family::Account, soft: true, run: load, look: balance_of, ..PLAIN },
    Use {
        name: "settle",
        family: Family::Account,
        before: |scene| scene.tear_payment(),
        run: settle,
        look: balance_of,
        ..PLAIN
    },
    Use { name: "bank", family: Family::Bank, run: bank, ..PLAIN },
];

pub(super) fn of(family: Family) -> impl Iterator<Item = &'static Use> {
    USES.iter().filter(move |one| one.family == family)
}

const JOURNAL_KEY: [u8; 32] = [7; 32];
const ITEMS: [&str; 2] = ["DF04/EF05/84", "DF04/EF05/8F"];
const WRITTEN: [(u8, &str); 2] = [(0x84, "440105"), (0x8F, "2")];
/// More than one command writes.
const LONG: usize = 300;

/// A card in a reader, and what it is used with.
pub(super) struct At<'a> {
    pub(super) lease: &'a mut Lease,
    pub(super) keys: &'a mut dyn KeyService,
    pub(super) pairs: Pairs<'a>,
    pub(super) scene: &'a Scene<'a>,
}

impl<'a> At<'a> {
    pub(super) fn open(&mut self) -> Result<Card<'_>, CardError> {
        let parts = Parts {
            lease: self.lease,
            keys: self.keys,
            scripts: &self.scene.stage.scripts,
            profile: &self.scene.stage.profile,
            store: Some(&self.scene.store),
            pairs: self.pairs,
            clock: &SystemClock,
            random: &self.scene.random,
            default_algorithm: None,
            initial_pins: &self.scene.initial_pins,
            validation: Validation::WITHOUT_LIST,
        };
        Card::open(parts, &mut |_| ())
    }

    fn journal(&self) -> Journal<'a> {
        Journal::new(&self.scene.store, &JOURNAL_KEY, &self.scene.random)
    }

    fn read(&mut self, names: &[&str], pin: Option<Pin>) -> Result<String, Told> {
        read_of(&mut self.open()?, names, pin)
    }
}

/// Opens the card and no more.
pub(super) fn nothing(at: &mut At<'_>) -> Result<String, Told> {
    at.open()?;
    Ok(String::new())
}

pub(super) fn holder(at: &mut At<'_>) -> Result<String, Told> {
    let reading = at.open()?.reading(&mut |_| ())?.to_json(true);
    Ok(format!("[{}, {}]", reading["card"], reading["holder"]))
}

pub(super) fn files_by_key(at: &mut At<'_>) -> Result<String, Told> {
    at.read(&["DF04/EF05", "DF03/EF05"], None)
}

pub(super) fn files_by_pin(at: &mut At<'_>) -> Result<String, Told> {
    at.read(&["DF01/EF05", "DF02/EF05", "DF04/EF08"], Some(pin("123456")))
}

pub(super) fn bytes(at: &mut At<'_>) -> Result<String, Told> {
    at.read(&["SSSE/EF07"], None)
}

/// Any answer may come of it, since the status word is the answer.
pub(super) fn tries(at: &mut At<'_>) -> Result<String, Told> {
    at.open()?.pin_tries()?;
    Ok(String::new())
}

pub(super) fn verify(at: &mut At<'_>) -> Result<String, Told> {
    at.open()?.verify_pin(pin("123456"))?;
    Ok(String::new())
}

pub(super) fn change(at: &mut At<'_>) -> Result<String, Told> {
    at.open()?.change_pin(pin("123456"), pin("222222"))?;
    Ok(String::new())
}

pub(super) fn reload(at: &mut At<'_>) -> Result<String, Told> {
    at.open()?.reload_pin(pin("222222"))?;
    Ok(String::new())
}

pub(super) fn unblock(at: &mut At<'_>) -> Result<String, Told> {
    at.open()?.unblock_pin()?;
    Ok(String::new())
}

pub(super) fn write(at: &mut At<'_>) -> Result<String, Told> {
    let values = WRITTEN.map(|(tag, value)| (ItemAddress::of(tag), Zeroizing::new(value.to_owned())));
    let journal = at.journal();
    at.open()?.write(&journal, &"DF04/EF05".parse().unwrap(), &Update::Items(None, &values), &mut None)?;
    Ok(String::new())
}

pub(super) fn write_bytes(at: &mut At<'_>) -> Result<String, Told> {
    let journal = at.journal();
    at.open()?.write(&journal, &"SSSE/EF07".parse().unwrap(), &Update::Bytes(&[0x5A; LONG]), &mut None)?;
    Ok(String::new())
}

pub(super) fn mend(at: &mut At<'_>) -> Result<String, Told> {
    let journal = at.journal();
    at.open()?.mend(&journal, &mut None)?;
    Ok(String::new())
}

pub(super) fn balance(at: &mut At<'_>) -> Result<String, Told> {
    balance_of(&mut at.open()?)
}

pub(super) fn pay(at: &mut At<'_>) -> Result<String, Told> {
    let journal = at.journal();
    let mut card = at.open()?;
    card.verify_pin(pin("123456"))?;
    let payment = Payment { account: amount(7_345), self_pay: amount(100), pool: amount(20_000) };
    let paid = card.pay(payment, &journal)?;
    journal.told(paid.receipt)?;
    Ok(paid.balance.get().to_string())
}

pub(super) fn load(at: &mut At<'_>) -> Result<String, Told> {
    let journal = at.journal();
    let mut card = at.open()?;
    card.verify_pin(pin("123456"))?;
    let loaded = card.load_account(amount(700), &journal)?;
    journal.told(loaded.receipt)?;
    Ok(loaded.balance.get().to_string())
}

/// The purchase that was torn had been carried out, and nothing else is ever said of it.
pub(super) fn settle(at: &mut At<'_>) -> Result<String, Told> {
    let journal = at.journal();
    let settled = settled(&mut at.open()?, &journal)?;
    assert!(settled.iter().all(|one| matches!(one.outcome, Outcome::Done(_))), "{settled:?}");
    Ok(settled.len().to_string())
}

pub(super) fn bank(at: &mut At<'_>) -> Result<String, Told> {
    let token_key = TokenKey::new(&[5; 32]);
    let parts = bank::Parts {
        lease: at.lease,
        scripts: &at.scene.stage.scripts,
        clock: &SystemClock,
        random: &at.scene.random,
        token_key: Some(&token_key),
    };
    Ok(bank::read(parts)?.to_json().to_string())
}

/// Whatever came of what was torn.
pub(super) fn settle_any(at: &mut At<'_>) -> Result<String, Told> {
    let journal = at.journal();
    settled(&mut at.open()?, &journal)?;
    Ok(String::new())
}

/// What became of what was torn, and whoever wanted it is told.
fn settled(card: &mut Card<'_>, journal: &Journal<'_>) -> Result<Vec<Settled>, Told> {
    card.verify_pin(pin("123456"))?;
    let settled = card.settle_account(journal)?;
    settled.iter().try_for_each(|one| journal.told(one.receipt))?;
    Ok(settled)
}

fn read_of(card: &mut Card<'_>, names: &[&str], pin: Option<Pin>) -> Result<String, Told> {
    let names: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
    Ok(card.read(&names, pin.map(Into::into))?.to_json(true)["files"].to_string())
}

pub(super) fn items_of(card: &mut Card<'_>) -> Result<String, Told> {
    read_of(card, &ITEMS, None)
}

fn bytes_of(card: &mut Card<'_>) -> Result<String, Told> {
    read_of(card, &["SSSE/EF07"], None)
}

/// Which PIN is the card's; its tries are all there afterwards.
pub(super) fn pins_of(card: &mut Card<'_>) -> Result<String, Told> {
    let known = ["222222", "123456"];
    let is = known.map(|digits| card.verify_pin(pin(digits)).is_ok());
    for (digits, _) in known.into_iter().zip(is).filter(|(_, is)| *is) {
        card.verify_pin(pin(digits))?;
    }
    Ok(format!("{is:?}"))
}

pub(super) fn balance_of(card: &mut Card<'_>) -> Result<String, Told> {
    card.verify_pin(pin("123456"))?;
    Ok(card.balance()?.account.get().to_string())
}

pub(super) fn pin(digits: &str) -> Pin {
    Pin::parse(digits).unwrap()
}

fn amount(fen: i64) -> Amount {
    Amount::try_from(Fen(fen)).unwrap()
}
