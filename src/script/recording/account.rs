//! The medical account on the card: what is in it and what is paid from it is the holder's business. The made-up account
//! has 1000.00, each load is 50.00, each purchase 1.00 of the account, 2.00 of self-pay and 3.00 of the pool; what was
//! nothing stays nothing, what was too much stays too much, and balances follow from what was paid.

use zeroize::Zeroizing;

use super::exchange::Exchange;
use super::rules::Rule;

/// Fen of the made-up account.
const BALANCE: u32 = 100_000;
const LOAD: u32 = 5_000;
/// Account, self-pay, pool.
const PURCHASE: [u32; 3] = [100, 200, 300];
/// Bytes of the three amounts, as MAC 1 and the transaction's record have them one behind the other.
const AMOUNTS: usize = 12;

/// The three counters of the card: the account, self-pay and pool of the year.
#[derive(Default)]
pub(super) struct Account {
    counters: [Counter; 3],
    /// What the last INITIALIZE would add to the counters, with its sign, once it is done.
    pending: [(i64, i64); 3],
    /// The amounts of each purchase, and what they become.
    purchases: Vec<(Zeroizing<Vec<u8>>, Vec<u8>)>,
}

/// A counter as it is and as it is made up, once it was read.
#[derive(Clone, Copy, Default)]
struct Counter(Option<(i64, i64)>);

impl Counter {
    /// The made-up value where the real one was read.
    fn read(&mut self, real: u32) -> u32 {
        let real = i64::from(real);
        let made_up = match self.0 {
            Some((_, made_up)) => made_up,
            None if real == 0 => 0,
            None => BALANCE.into(),
        };
        self.0 = Some((real, made_up));
        u32::try_from(made_up).unwrap_or_default()
    }

    /// The made-up value where an amount of this counter is paid: as the real one, no more than there is, or more.
    fn paid(&self, real: u32, amount: u32) -> u32 {
        match self.0 {
            _ if real == 0 => 0,
            Some((there, made_up)) if i64::from(real) > there => u32::try_from(made_up).unwrap_or_default() + amount,
            Some((_, made_up)) => amount.min(u32::try_from(made_up).unwrap_or_default()),
            None => amount,
        }
    }

    fn add(&mut self, (real, made_up): (i64, i64)) {
        if let Some(both) = &mut self.0 {
            *both = (both.0 + real, both.1 + made_up);
        }
    }
}

impl Account {
    /// Replaces the amounts of a command and of its answer.
    pub(super) fn redact(&mut self, exchange: &Exchange, sent: &mut [u8], answer: &mut [u8]) {
        let done = exchange.done();
        match (exchange.rule, exchange.command.p1()) {
            (Rule::Initialize, 0x00) => {
                self.counter(0, answer, 0);
                self.pending = [(0, 0); 3];
                if let Some(real) = amount(sent, 1) {
                    let made_up = if real == 0 { 0 } else { LOAD };
                    put(sent, 1, made_up);
                    self.pending[0] = (real.into(), made_up.into());
                }
            }
            (Rule::Initialize, _) => {
                for (at, _) in PURCHASE.iter().enumerate() {
                    self.counter(at, answer, 4 * at);
                }
                self.purchase(sent);
            }
            (Rule::Credit | Rule::Debit, _) if done => {
                let pending = std::mem::take(&mut self.pending);
                self.counters.iter_mut().zip(pending).for_each(|(counter, pending)| counter.add(pending));
            }
            (Rule::Balance, _) => self.counter(usize::from(exchange.command.p2().saturating_sub(1)).min(2), answer, 0),
            _ => {}
        }
    }

    fn purchase(&mut self, sent: &mut [u8]) {
        let Some(real) = sent.get(1..1 + AMOUNTS).map(|amounts| Zeroizing::new(amounts.to_vec())) else { return };
        self.pending = [(0, 0); 3];
        for (at, made_up) in PURCHASE.into_iter().enumerate() {
            let paid = amount(&real, 4 * at).unwrap_or_default();
            // Of the account there is no more than it holds; of the other two the year's sum grows.
            let made_up = match at {
                0 => self.counters[0].paid(paid, made_up),
                _ if paid == 0 => 0,
                _ => made_up,
            };
            put(sent, 1 + 4 * at, made_up);
            let sign = if at == 0 { -1 } else { 1 };
            self.pending[at] = (sign * i64::from(paid), sign * i64::from(made_up));
        }
        self.purchases.push((real, sent[1..1 + AMOUNTS].to_vec()));
    }

    fn counter(&mut self, which: usize, answer: &mut [u8], at: usize) {
        if let Some(real) = amount(answer, at) {
            let made_up = self.counters[which].read(real);
            put(answer, at, made_up);
        }
    }

    /// A record of the transactions' file without its amounts; whole when it is one of a purchase of this session.
    pub(super) fn logged(&self, record: &mut [u8]) {
        let at = record.len().saturating_sub(AMOUNTS);
        let (head, amounts) = record.split_at_mut(at);
        match self.purchases.iter().find(|(real, _)| real.as_slice() == amounts) {
            Some((_, made_up)) => amounts.copy_from_slice(made_up),
            None => {
                head.fill(0);
                amounts.fill(0);
            }
        }
    }

    /// Each purchase's amounts, and what stands in their place.
    pub(super) fn swaps(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.purchases.iter().map(|(real, made_up)| (real.as_slice(), made_up.as_slice()))
    }
}

/// Four bytes of fen.
fn amount(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|amount| u32::from_be_bytes(*amount))
}

fn put(bytes: &mut [u8], at: usize, amount: u32) {
    bytes[at..at + 4].copy_from_slice(&amount.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::Command;
    use crate::script::recording::place::Place;

    /// The account's bytes in a command and its answer, redacted, in hex.
    fn redacted(account: &mut Account, rule: Rule, command: &str, answer: &str) -> (String, String) {
        let command = Command::parse(&hex::decode(command).unwrap()).unwrap();
        let (mut sent, mut data) = (command.data().to_vec(), hex::decode(answer).unwrap());
        let whole = Zeroizing::new(data.clone());
        let exchange = Exchange { events: vec![0], rule, place: Place::START, command, data: whole, status: 0x9000 };
        account.redact(&exchange, &mut sent, &mut data);
        (hex::encode_upper(sent), hex::encode_upper(data))
    }

    const TAIL: &str = "07EA00010101AABBCCDD";
    const DEBIT: &str = "B02C01000F000000012026013108000011223344";

    fn purchase(account: &mut Account, amounts: &str, counters: &str) -> (String, String) {
        let command = format!("B028010113 01{amounts}440100000001").replace(' ', "");
        let (sent, answer) = redacted(account, Rule::Initialize, &command, &format!("{counters}{TAIL}"));
        assert!(sent.starts_with("01") && sent.ends_with("440100000001") && answer.ends_with(TAIL));
        (sent[2..26].to_owned(), answer[..24].to_owned())
    }

    #[test]
    fn balances_follow_from_what_is_paid() {
        let mut account = Account::default();
        let balance = |account: &mut Account, p2: u8, answer: &str| {
            redacted(account, Rule::Balance, &format!("B02600{p2:02X}04"), answer).1
        };
        assert_eq!(balance(&mut account, 1, "00003039"), "000186A0");
        let paid = purchase(&mut account, "000004D20000000000000063", "000030390000000000000BB8");
        assert_eq!(paid, ("00000064000000000000012C".to_owned(), "000186A000000000000186A0".to_owned()));
        redacted(&mut account, Rule::Debit, DEBIT, "0102030405060708");
        assert_eq!(balance(&mut account, 1, "00002B67"), "0001863C");
        assert_eq!(balance(&mut account, 3, "00000C1B07EA"), "000187CC07EA");
        assert_eq!(balance(&mut account, 2, "0000000007EA"), "0000000007EA");
        // Its record in the card's list, and one of another day.
        let mut record = hex::decode("0001324401000000012026013108000000").unwrap()[..16].to_vec();
        record.extend(hex::decode("000004D20000000000000063").unwrap());
        let head = record[..16].to_vec();
        account.logged(&mut record);
        assert_eq!((&record[..16], &record[16..]), (&head[..], &hex::decode(&paid.0).unwrap()[..]));
        record[20] = 9;
        account.logged(&mut record);
        assert_eq!(record, [0; 28]);
    }

    #[test]
    fn what_was_too_much_stays_too_much_and_a_load_is_added() {
        let mut account = Account::default();
        let paid = purchase(&mut account, "000186A10000000000000000", "000000640000000000000000");
        assert_eq!(paid.0[..8], *hex::encode_upper(100_100_u32.to_be_bytes()));
        let load = "B02800010B01000F4240440100000001";
        let initialized = redacted(&mut account, Rule::Initialize, load, "0000006400010101AABBCCDD00000000");
        assert_eq!((&initialized.0[2..10], &initialized.1[..8]), ("00001388", "000186A0"));
        redacted(&mut account, Rule::Credit, "B02A00000B2026013108000011223344", "01020304");
        let balance = redacted(&mut account, Rule::Balance, "B026000104", "000F42A4").1;
        assert_eq!(balance, hex::encode_upper(105_000_u32.to_be_bytes()));
        // A short answer and a short command have no amounts.
        assert_eq!(redacted(&mut account, Rule::Initialize, "B0280101020100", "00").0, "0100");
    }
}
