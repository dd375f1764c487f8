//! What a card says of a transaction whose end was not seen, held against what was to be done.

use super::amount::Amount;
use super::intent::Intent;
use super::log::{Entry, Log};
use super::proof::{Certificate, Outcome};
use crate::cipher::Formula;

/// What the card said.
pub(super) struct Evidence<'e> {
    /// The proof of the transaction of that number, where the card has one. It may be another terminal's: it says neither
    /// where nor when.
    pub(super) proof: Option<Certificate>,
    /// The account's balance now.
    pub(super) balance: u32,
    /// The card's log.
    pub(super) log: &'e Log,
}

impl Evidence<'_> {
    /// What became of the transaction; `None` where this does not tell.
    ///
    /// The log tells by itself: it has the transaction, or another one by its number, or only earlier ones. Where the card
    /// has none, one that proves nothing by the number and holds what it held did not carry out what would have moved
    /// its balance. As long as there is a log to be had it is waited for: a load elsewhere of what was paid leaves no proof
    /// and the same balance.
    pub(super) fn outcome(&self, intent: &Intent, formula: &Formula) -> Option<Outcome> {
        let unmoved = self.proof.is_none() && self.balance == intent.balance.get();
        let entries = match self.log {
            Log::Read(entries) => entries,
            Log::None => return (unmoved && intent.payment.account != Amount::ZERO).then_some(Outcome::NotDone),
            Log::PinNeeded | Log::Garbled => return None,
        };
        let number = formula.log_number(intent.sequence);
        let is_of_its_kind = |entry: &&Entry| entry.code == formula.code;
        match entries.iter().filter(is_of_its_kind).find(|entry| entry.number == number) {
            Some(entry) if entry.is_of(intent) => return Some(Outcome::Done(self.proof)),
            // The card counts otherwise than the profile says: that number may be the one before it.
            _ if entries.iter().filter(is_of_its_kind).any(|entry| entry.number > number && entry.is_of(intent)) => {
                return None;
            }
            Some(_) => return Some(Outcome::NotDone),
            None => {}
        }
        // The newest first: behind an earlier one of its kind there is nothing that came after this one.
        let is_earlier = |entry: &Entry| entry.code == formula.code && entry.number < number;
        let is_missing = match entries.iter().position(is_earlier) {
            // It would be there as well. What moved the balance has to be.
            Some(at) => at > 0 || unmoved,
            None => unmoved && !entries.iter().any(|entry| is_of_its_kind(&entry)),
        };
        (self.proof.is_none() && is_missing).then_some(Outcome::NotDone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::account::{Kind, Payment};
    use crate::cipher::Formulas;

    const CERTIFICATE: Certificate = Certificate { mac: [1; 4], tac: [2; 4] };
    const BEFORE: u32 = 1000;

    fn payment() -> Payment {
        Payment { account: Amount::of([0, 0, 0, 100]), self_pay: Amount::ZERO, pool: Amount::ZERO }
    }

    fn intent() -> Intent {
        Intent {
            kind: Kind::Purchase,
            sequence: 7,
            payment: payment(),
            balance: Amount::of(BEFORE.to_be_bytes()),
            terminal: [0x11; 6],
            terminal_sequence: 3,
            time: [0x20, 0x26, 0x11, 0x27, 0x15, 0, 0],
        }
    }

    /// A purchase of this number, and of the same amount: by this terminal at that moment, or by another.
    fn purchase(number: u16, ours: bool) -> Entry {
        let terminal = if ours { [0x11; 6] } else { [0x22; 6] };
        Entry { number, code: 0x32, terminal, time: intent().time, payment: payment() }
    }

    fn load(number: u16) -> Entry {
        Entry { code: 0x31, ..purchase(number, false) }
    }

    #[test]
    fn what_moves_no_balance_is_not_told_by_it() {
        let intent = Intent { payment: Payment { account: Amount::ZERO, ..payment() }, ..intent() };
        let evidence = |log| Evidence { proof: None, balance: BEFORE, log };
        let formula = &Formulas::builtin().unwrap().purchase;
        assert_eq!(evidence(&Log::None).outcome(&intent, formula), None);
        assert_eq!(evidence(&Log::Read(vec![purchase(6, false)])).outcome(&intent, formula), Some(Outcome::NotDone));
    }

    #[test]
    fn the_log_tells_and_without_it_only_a_card_that_is_as_it_was_does() {
        let (done, lost) = (Some(Outcome::Done(Some(CERTIFICATE))), Some(Outcome::Done(None)));
        let not_done = Some(Outcome::NotDone);
        let (moved, before) = (BEFORE - 100, BEFORE);
        for (what, proof, balance, log, expected) in [
            ("it is there", true, moved, Some(vec![purchase(7, true), purchase(6, false)]), done),
            (
                "it is there, and a later one is proven",
                false,
                moved - 5,
                Some(vec![purchase(8, false), purchase(7, true)]),
                lost,
            ),
            ("another one has its number", true, moved, Some(vec![purchase(7, false)]), not_done),
            ("only an earlier one is there", false, before, Some(vec![purchase(6, false)]), not_done),
            ("a load came after the earlier one", false, before + 9, Some(vec![load(3), purchase(6, false)]), not_done),
            ("nothing in it moved the balance", false, moved, Some(vec![purchase(6, false), load(2)]), None),
            ("it is proven and not there", true, moved, Some(vec![purchase(6, false)]), None),
            ("there is none of its kind", false, before, Some(vec![load(2)]), not_done),
            ("there is none of its kind, and the balance moved", false, moved, Some(vec![load(2)]), None),
            ("the card counts otherwise", true, moved, Some(vec![purchase(8, true), purchase(7, false)]), None),
            ("the one before is of the same moment", false, before, Some(vec![purchase(6, true)]), not_done),
            ("all that is there is later", false, before, Some(vec![purchase(9, false), purchase(8, false)]), None),
            ("no log, and nothing moved", false, before, None, not_done),
            ("no log, and proven", true, moved, None, None),
            ("no log, and proven, though nothing moved", true, before, None, None),
            ("no log, and the balance moved", false, moved, None, None),
        ] {
            let proof = proof.then_some(CERTIFICATE);
            let log = log.map_or(Log::None, Log::Read);
            let evidence = Evidence { proof, balance, log: &log };
            assert_eq!(evidence.outcome(&intent(), &Formulas::builtin().unwrap().purchase), expected, "{what}");
        }
    }

    #[test]
    fn a_log_that_is_to_be_had_yet_is_waited_for() {
        let formula = &Formulas::builtin().unwrap().purchase;
        for log in [Log::PinNeeded, Log::Garbled] {
            for (proof, balance) in [(None, BEFORE), (None, BEFORE - 100), (Some(CERTIFICATE), BEFORE - 100)] {
                assert_eq!(Evidence { proof, balance, log: &log }.outcome(&intent(), formula), None);
            }
        }
    }
}
