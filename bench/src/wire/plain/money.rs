//! The account, as a plain driver uses it.

use sbkd::apdu::Command;
use sbkd::cipher::Transaction;
use sbkd::keys::{CardKeyId, KeyService as _, Load, Purchase};

use super::{Plain, with_data};
use crate::wire::demonstration_keys;
use crate::wire::uses::{DIRECTORY, LOADED, PAID};

/// Any moment, packed, and any terminal.
const TIME: [u8; 7] = [0x20, 0x26, 0x01, 0x31, 0x08, 0x00, 0x00];
const TERMINAL: [u8; 6] = [0x44, 0x01, 0x00, 0x00, 0x00, 0x01];

impl Plain<'_> {
    pub fn balance(&mut self) {
        self.open_account();
        for (which, length) in [(0x01, 0x04), (0x02, 0x06), (0x03, 0x06)] {
            self.send(Command::new(0xB0, 0x26, 0x00, which).with_le(length));
        }
    }

    pub fn pay(&mut self) {
        let key = self.open_account();
        let [account, self_pay, pool] = PAID.map(|fen| u32::try_from(fen).expect("an amount"));
        let amounts = [account, self_pay, pool].map(u32::to_be_bytes).concat();
        let data = [&[0x01], amounts.as_slice(), &TERMINAL].concat();
        let begun = self.send(with_data(0xB0, 0x28, 0x01, 0x01, &data).with_le(0x16));
        let (balance, rest) = begun.data().split_first_chunk().expect("a balance");
        let (sequence, rest) = rest[10..].split_first_chunk().expect("a number");
        let about = Transaction {
            balance: u32::from_be_bytes(*balance),
            sequence: u16::from_be_bytes(*sequence),
            account,
            self_pay,
            pool,
            terminal: TERMINAL,
            time: TIME,
            ..Transaction::default()
        };
        let random = rest[2..].try_into().expect("four bytes");
        let formula = &self.profile.account().purchase;
        let purchase = Purchase { formula, about: &about, random, key_version: rest[0] };
        let allowed = demonstration_keys().purchase(&key, &purchase).expect("a proof");
        let data = [allowed.terminal_sequence.to_be_bytes().as_slice(), &TIME, &allowed.mac1].concat();
        self.send(with_data(0xB0, 0x2C, 0x01, 0x00, &data).with_le(0x08));
    }

    /// Asks for the purchase by the number that this program asked for.
    pub fn settle(&mut self) {
        self.open_account();
        let asked = self.ours.iter().find(|exchange| exchange.sent[1] == 0x2E).expect("it was asked for");
        let proof = Command::parse(&asked.sent).expect("a command").with_le(0x08);
        self.send(proof);
    }

    pub fn load(&mut self) {
        let key = self.open_account();
        let amount = u32::try_from(LOADED).expect("an amount");
        let data = [&[0x01], amount.to_be_bytes().as_slice(), &TERMINAL].concat();
        let begun = self.send(with_data(0xB0, 0x28, 0x00, 0x01, &data).with_le(0x10));
        let (balance, rest) = begun.data().split_first_chunk().expect("a balance");
        let (sequence, rest) = rest.split_first_chunk().expect("a number");
        let (random, mac1) = rest[2..].split_first_chunk().expect("four bytes");
        let about = Transaction {
            balance: u32::from_be_bytes(*balance),
            sequence: u16::from_be_bytes(*sequence),
            account: amount,
            terminal: TERMINAL,
            time: TIME,
            ..Transaction::default()
        };
        let formula = &self.profile.account().load;
        let load = Load { formula, about: &about, random: *random, mac1: mac1.try_into().expect("a MAC1") };
        let mac2 = demonstration_keys().load(&key, &load).expect("a proof");
        self.send(with_data(0xB0, 0x2A, 0x00, 0x00, &[TIME.as_slice(), &mac2].concat()).with_le(0x04));
    }

    fn open_account(&mut self) -> CardKeyId {
        let (key, _) = self.open();
        self.verify_pin();
        self.select_directory(DIRECTORY);
        key
    }
}
