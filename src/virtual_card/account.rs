//! The medical account of DF04 (card-facts §3, §4.4; STD-5, STD-7): load, purchase, balance, proof, starting day.
//!
//! What the facts leave open is decided so (grade C unless named): a transaction, and the balance, ask for the PIN where
//! the card has one (B: one public description of a load); the sequence number is that of the transaction under way and
//! rises when it is done; by which number a transaction is proven and logged, the profile says; what was summed up for a year begins anew with the
//! first purchase after the starting day; any other command gives up the transaction that was begun.

use subtle::ConstantTimeEq;

use super::chip::Outcome;
use super::memory::{Bytes, Content};
use super::powered::Powered;
use crate::apdu::{Command, StatusWord, ins};
use crate::cipher::{self, Formula, Formulas, Key16, SessionKey, Suite, Transaction};
use crate::world::Random;

/// What an image says of the account: its keys, which are the card's own, and how it is at first.
#[derive(Clone)]
pub(super) struct AccountImage {
    /// DF04 among the image's directories, and its log among the files, where it has one.
    pub(super) directory: usize,
    pub(super) log: Option<usize>,
    pub(super) suite: Suite,
    /// The algorithm's identifier, as INITIALIZE answers it.
    pub(super) algorithm: u8,
    pub(super) load_key: Key16,
    pub(super) purchase_key: Key16,
    pub(super) tac_key: Key16,
    pub(super) key_index: u8,
    pub(super) key_version: u8,
    pub(super) formulas: Formulas,
    pub(super) book: Book,
}

/// The card's amount file, which no command reads as such (card-facts §1.6), and the last proofs. It outlives power.
#[derive(Clone, Default)]
pub(super) struct Book {
    pub(super) load_sequence: u16,
    pub(super) purchase_sequence: u16,
    /// CIA, in 分.
    pub(super) balance: u32,
    /// SPIP: what the holder paid himself in the year, in 分.
    pub(super) self_paid: u32,
    /// SPFP: what the pooling fund paid in the year, in 分.
    pub(super) pooled: u32,
    /// The year these are of, packed BCD.
    pub(super) year: [u8; 2],
    /// Month and day on which a year begins, packed BCD.
    pub(super) starting_day: [u8; 2],
    pub(super) last_load: Option<Proof>,
    pub(super) last_purchase: Option<Proof>,
}

/// What GET TRANSACTION PROOF gives of the last transaction of a kind.
#[derive(Clone, Copy)]
pub(super) struct Proof {
    number: u16,
    mac: [u8; 4],
    tac: [u8; 4],
}

/// A record of the transaction log, EF08 of DF04: sequence number 2, type 1, terminal 6, time 7, and three amounts.
type Entry = [u8; RECORD];
/// Bytes of it.
pub(super) const RECORD: usize = 0x1C;

/// A transaction that was begun.
#[derive(Default)]
pub(super) enum Pending {
    #[default]
    None,
    Load(Transaction, SessionKey),
    /// The process key is made at DEBIT, which brings the terminal's sequence number.
    Purchase(Transaction, [u8; 4]),
}

impl Powered<'_> {
    /// A command of CLA B0: in DF04, where the card has an account.
    pub(super) fn account(&mut self, command: &Command) -> Outcome {
        let here = self.session.directory;
        let Some(image) = self.card.account.as_ref().filter(|account| account.directory == here) else {
            return StatusWord::CLASS.into();
        };
        let pin = self.identified();
        let (book, pending) = (&mut self.memory.book, &mut self.session.account);
        let (outcome, entry) = Account { image, book, pending, pin, random: self.random }.run(command);
        // The card itself writes the log, and nothing else does. An image's log has records of this length.
        let log = image.log.map(|log| &mut self.memory.files[log]);
        if let (Some(entry), Some(Content::Cyclic { records, most, .. })) = (entry, log) {
            records.insert(0, Bytes::new(entry.to_vec()));
            records.truncate(*most);
        }
        outcome
    }
}

/// The account while the card has power.
struct Account<'a> {
    image: &'a AccountImage,
    book: &'a mut Book,
    pending: &'a mut Pending,
    /// The PIN was verified, or there is none.
    pin: bool,
    random: &'a dyn Random,
}

type Answer = Result<Outcome, StatusWord>;

impl Account<'_> {
    /// Carries the command out. A transaction that is done gives the record for the log; the whole of it is done, or
    /// nothing.
    fn run(&mut self, command: &Command) -> (Outcome, Option<Entry>) {
        let pending = std::mem::take(self.pending);
        let done = match (command.ins(), command.p1(), command.p2()) {
            (ins::INITIALIZE, 0x00, 0x01) => self.initialize_load(command.data()).map(|answer| (answer, None)),
            (ins::INITIALIZE, 0x01, 0x01) => self.initialize_purchase(command.data()).map(|answer| (answer, None)),
            (ins::CREDIT_FOR_LOAD, 0x00, 0x00) => self.credit(pending, command.data()),
            (ins::DEBIT_FOR_PURCHASE, 0x01, 0x00) => self.debit(pending, command.data()),
            (ins::GET_BALANCE, 0x00, which) => self.balance(which).map(|answer| (answer, None)),
            (ins::GET_TRANSACTION_PROOF, 0x00, kind) => self.proof(kind, command.data()).map(|answer| (answer, None)),
            (ins::STARTING_DAY, 0x00, 0x00) => self.set_starting_day(command.data()).map(|answer| (answer, None)),
            (ins::STARTING_DAY, 0x01, 0x00) => Ok((read(&self.book.starting_day), None)),
            (
                ins::INITIALIZE
                | ins::CREDIT_FOR_LOAD
                | ins::DEBIT_FOR_PURCHASE
                | ins::GET_BALANCE
                | ins::GET_TRANSACTION_PROOF
                | ins::STARTING_DAY,
                ..,
            ) => Err(StatusWord::P1P2),
            _ => Err(StatusWord::INSTRUCTION),
        };
        done.unwrap_or_else(|status| (status.into(), None))
    }

    /// Key index 1, amount 4, terminal 6 → balance 4, sequence 2, key version 1, algorithm 1, random 4, MAC1 4.
    fn initialize_load(&mut self, data: &[u8]) -> Answer {
        let [index, amount @ ..] = data else { return Err(StatusWord::LENGTH) };
        let (amount, terminal) = amount.split_first_chunk::<4>().ok_or(StatusWord::LENGTH)?;
        let terminal = terminal.try_into().map_err(|_| StatusWord::LENGTH)?;
        self.may_begin(*index, self.book.load_sequence)?;
        let (balance, sequence, account) = (self.book.balance, self.book.load_sequence, u32::from_be_bytes(*amount));
        balance.checked_add(account).ok_or(StatusWord::CONDITIONS)?;
        let random = self.random()?;
        let about = Transaction { balance, sequence, account, terminal, ..Transaction::default() };
        let key = self.image.suite.session(&self.image.load_key, cipher::load_factor(random, sequence));
        let mac1 = self.image.formulas.load.mac1(&key, &about);
        *self.pending = Pending::Load(about, key);
        let answer = [&balance.to_be_bytes()[..], &self.tail(sequence, random), &mac1].concat();
        Ok(Outcome::Waiting(answer))
    }

    /// Time 7, MAC2 4 → TAC 4.
    fn credit(&mut self, pending: Pending, data: &[u8]) -> Result<(Outcome, Option<Entry>), StatusWord> {
        let Pending::Load(begun, key) = pending else { return Err(StatusWord::INVALID_STATE) };
        let (time, mac2) = data.split_first_chunk::<7>().ok_or(StatusWord::LENGTH)?;
        let mac2 = <[u8; 4]>::try_from(mac2).map_err(|_| StatusWord::LENGTH)?;
        let formula = &self.image.formulas.load;
        let mut about = Transaction { time: *time, ..begun };
        same(&formula.mac2(&key, &about), &mac2)?;
        // INITIALIZE found that this fits.
        about.balance = about.balance.saturating_add(about.account);
        let tac = formula.tac(&self.tac_key(), &about);
        let entry = entry(formula, &about);
        self.book.balance = about.balance;
        self.book.load_sequence += 1;
        self.book.last_load = Some(Proof { number: formula.proof_number(about.sequence), mac: mac2, tac });
        Ok((Outcome::Waiting(tac.to_vec()), Some(entry)))
    }

    /// Key index 1, account 4, self-pay 4, pool 4, terminal 6 → balance 4, SPIP 4, SPFP 4, year 2, sequence 2, key
    /// version 1, algorithm 1, random 4.
    fn initialize_purchase(&mut self, data: &[u8]) -> Answer {
        let data = <[u8; 0x13]>::try_from(data).map_err(|_| StatusWord::LENGTH)?;
        let amount = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
        let (account, self_pay, pool) = (amount(1), amount(5), amount(9));
        let terminal = std::array::from_fn(|at| data[13 + at]);
        let sequence = self.book.purchase_sequence;
        self.may_begin(data[0], sequence)?;
        if account > self.book.balance {
            return Err(StatusWord::INSUFFICIENT_FUNDS);
        }
        self.book.self_paid.checked_add(self_pay).ok_or(StatusWord::CONDITIONS)?;
        self.book.pooled.checked_add(pool).ok_or(StatusWord::CONDITIONS)?;
        let random = self.random()?;
        let balance = self.book.balance;
        let about = Transaction { balance, sequence, account, self_pay, pool, terminal, ..Transaction::default() };
        *self.pending = Pending::Purchase(about, random);
        let sums = [balance, self.book.self_paid, self.book.pooled].map(u32::to_be_bytes).concat();
        Ok(Outcome::Waiting([&sums[..], &self.book.year, &self.tail(sequence, random)].concat()))
    }

    /// Terminal sequence 4, time 7, MAC1 4 → TAC 4, MAC2 4.
    fn debit(&mut self, pending: Pending, data: &[u8]) -> Result<(Outcome, Option<Entry>), StatusWord> {
        let Pending::Purchase(begun, random) = pending else { return Err(StatusWord::INVALID_STATE) };
        let (terminal_sequence, rest) = data.split_first_chunk::<4>().ok_or(StatusWord::LENGTH)?;
        let (time, mac1) = rest.split_first_chunk::<7>().ok_or(StatusWord::LENGTH)?;
        let mac1 = <[u8; 4]>::try_from(mac1).map_err(|_| StatusWord::LENGTH)?;
        let terminal_sequence = u32::from_be_bytes(*terminal_sequence);
        let about = Transaction { terminal_sequence, time: *time, ..begun };
        let factor = cipher::purchase_factor(random, about.sequence, terminal_sequence);
        let key = self.image.suite.session(&self.image.purchase_key, factor);
        let formula = &self.image.formulas.purchase;
        same(&formula.mac1(&key, &about), &mac1)?;
        let year = year_of(time, self.book.starting_day).ok_or(StatusWord::DATA)?;
        let (mac, tac) = (formula.mac2(&key, &about), formula.tac(&self.tac_key(), &about));
        let entry = entry(formula, &about);
        let book = &mut *self.book;
        if book.year != year {
            (book.year, book.self_paid, book.pooled) = (year, 0, 0);
        }
        // INITIALIZE found that these fit.
        book.balance = book.balance.saturating_sub(about.account);
        book.self_paid = book.self_paid.saturating_add(about.self_pay);
        book.pooled = book.pooled.saturating_add(about.pool);
        book.purchase_sequence += 1;
        book.last_purchase = Some(Proof { number: formula.proof_number(about.sequence), mac, tac });
        Ok((Outcome::Waiting([tac, mac].concat()), Some(entry)))
    }

    /// P2: 01 the balance; 02 SPIP and 03 SPFP, with their year.
    fn balance(&self, which: u8) -> Answer {
        self.identified()?;
        let Book { balance, self_paid, pooled, year, .. } = &*self.book;
        match which {
            0x01 => Ok(read(&balance.to_be_bytes())),
            0x02 => Ok(read(&[&self_paid.to_be_bytes()[..], year].concat())),
            0x03 => Ok(read(&[&pooled.to_be_bytes()[..], year].concat())),
            _ => Err(StatusWord::P1P2),
        }
    }

    /// MAC ‖ TAC of the last transaction of a type, if it is known by this number: of a transaction whose answer was
    /// lost it tells whether it took place. MAC is MAC2 of either kind.
    fn proof(&self, kind: u8, data: &[u8]) -> Answer {
        let number = <[u8; 2]>::try_from(data).map(u16::from_be_bytes).map_err(|_| StatusWord::LENGTH)?;
        let Formulas { load, purchase } = &self.image.formulas;
        let last = match kind {
            kind if kind == load.code => self.book.last_load,
            kind if kind == purchase.code => self.book.last_purchase,
            _ => return Err(StatusWord::P1P2),
        };
        let found = last.filter(|proof| proof.number == number).ok_or(StatusWord::NO_MAC)?;
        Ok(Outcome::Waiting([found.mac, found.tac].concat()))
    }

    fn set_starting_day(&mut self, data: &[u8]) -> Answer {
        let day = <[u8; 2]>::try_from(data).map_err(|_| StatusWord::LENGTH)?;
        self.identified()?;
        if !matches!(decimal(day[0]), Some(1..=12)) || !matches!(decimal(day[1]), Some(1..=31)) {
            return Err(StatusWord::DATA);
        }
        self.book.starting_day = day;
        Ok(StatusWord::OK.into())
    }

    /// The PIN, then the key's index, then the counter.
    fn may_begin(&self, index: u8, sequence: u16) -> Result<(), StatusWord> {
        self.identified()?;
        if index != self.image.key_index {
            return Err(StatusWord::KEY_INDEX);
        }
        if sequence == u16::MAX { Err(StatusWord::COUNTER) } else { Ok(()) }
    }

    fn identified(&self) -> Result<(), StatusWord> {
        if self.pin { Ok(()) } else { Err(StatusWord::SECURITY_STATE) }
    }

    fn random(&self) -> Result<[u8; 4], StatusWord> {
        let mut random = [0; 4];
        self.random.fill(&mut random).map_err(|_| StatusWord::INVALID)?;
        Ok(random)
    }

    fn tac_key(&self) -> SessionKey {
        self.image.suite.tac_key(&self.image.tac_key)
    }

    /// Sequence 2, key version 1, algorithm 1, random 4.
    fn tail(&self, sequence: u16, random: [u8; 4]) -> [u8; 8] {
        let ([a, b], [r0, r1, r2, r3]) = (sequence.to_be_bytes(), random);
        [a, b, self.image.key_version, self.image.algorithm, r0, r1, r2, r3]
    }
}

fn read(bytes: &[u8]) -> Outcome {
    Outcome::Read { data: bytes.to_vec(), exact: false }
}

fn same(expected: &[u8; 4], claimed: &[u8; 4]) -> Result<(), StatusWord> {
    if bool::from(expected.ct_eq(claimed)) { Ok(()) } else { Err(StatusWord::WRONG_MAC) }
}

/// The log's record of a transaction.
fn entry(formula: &Formula, about: &Transaction) -> Entry {
    let Transaction { sequence, account, self_pay, pool, terminal, time, .. } = about;
    let amounts = [*account, *self_pay, *pool].map(u32::to_be_bytes).concat();
    let bytes = [&formula.log_number(*sequence).to_be_bytes()[..], &[formula.code], terminal, time, &amounts].concat();
    let mut entry = [0; RECORD];
    entry.copy_from_slice(&bytes);
    entry
}

/// The year of the account that a time is in: it begins on the starting day. `None` where the digits are none.
fn year_of(time: &[u8; 7], starting_day: [u8; 2]) -> Option<[u8; 2]> {
    let [century, year, month, day, ..] = *time;
    let whole = 100 * u16::from(decimal(century)?) + u16::from(decimal(year)?);
    decimal(month).zip(decimal(day))?;
    let begun = [month, day] >= starting_day;
    let year = if begun { whole } else { whole.checked_sub(1)? };
    Some([bcd(year / 100), bcd(year % 100)])
}

/// Two digits of packed BCD.
fn decimal(byte: u8) -> Option<u8> {
    let (tens, ones) = (byte >> 4, byte & 0x0F);
    (tens <= 9 && ones <= 9).then_some(10 * tens + ones)
}

/// A number below 100 as packed BCD.
fn bcd(number: u16) -> u8 {
    let number = (number % 100) as u8;
    ((number / 10) << 4) | (number % 10)
}
