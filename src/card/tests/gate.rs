//! Nothing on a card is changed that may not be used, whichever operation it is.

use zeroize::Zeroizing;

use super::*;
use crate::card::account::{AccountError, Amount, Payment};
use crate::card::{Card, Finding, Journal, Pin, Update};
use crate::failure::{Explain as _, Failure};
use crate::profile::ItemAddress;
use crate::reader::PinLength;
use crate::value::Fen;

const KEY: [u8; 32] = [7; 32];

type Change = fn(&mut Card<'_>, &Journal<'_>) -> Result<(), AccountError>;

/// All that changes something on a card.
const CHANGES: [(&str, Change); 7] = [
    ("write", |card, journal| {
        let items = [(ItemAddress::of(0x84), Zeroizing::new("440105".to_owned()))];
        let file = "DF04/EF05".parse().unwrap();
        Ok(card.write(journal, &file, &Update::Items(None, &items), &mut None).map(drop)?)
    }),
    ("pay", |card, journal| {
        let payment = Payment { account: amount(), self_pay: Amount::ZERO, pool: Amount::ZERO };
        card.pay(payment, journal).map(drop)
    }),
    ("load", |card, journal| card.load_account(amount(), journal).map(drop)),
    ("change", |card, _| Ok(card.change_pin(pin("123456"), pin("654321"))?)),
    ("change at a pad", |card, _| Ok(card.change_at_pad(PinLength::SIX, Duration::from_secs(1))?)),
    ("reload", |card, _| Ok(card.reload_pin(pin("654321"))?)),
    ("unblock", |card, _| Ok(card.unblock_pin()?)),
];

fn amount() -> Amount {
    Amount::try_from(Fen(100)).unwrap()
}

fn pin(digits: &str) -> Pin {
    Pin::parse(digits).unwrap()
}

/// A card with an account, and a terminal that would change all of it.
fn desk() -> Desk {
    Desk { soft: true, ..Desk::new("v3-money").with_store() }
}

/// What comes of a change, and how many commands were sent for it.
fn changed(desk: &Desk, change: Change) -> (Result<(), AccountError>, usize) {
    let (lease, wire) = lease(&desk.card, desk.interface, None);
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    let mut opened = 0;
    let outcome = desk.on(lease, |card| {
        opened = wire.lock().unwrap().sent.len();
        change(card, &journal)
    });
    let sent = wire.lock().unwrap().sent.len() - opened;
    (outcome, sent)
}

fn refusals() -> [(Desk, Finding); 3] {
    let other = Accepted { versions: vec!["2".to_owned()], ..Accepted::default() };
    let away = Failure::of(&crate::store::errors::RIGHTS);
    let expired = Desk { card: image("v3-expired"), ..desk() };
    let last = expired.read().outcome.unwrap().card().expires.unwrap();
    [
        (Desk { accepted: other, ..desk() }, Finding::Version("3.00".to_owned())),
        (Desk { refused: Some(RefusedCards::away(away.clone())), ..desk() }, Finding::NoList(Some(away))),
        (expired, Finding::Expired(last)),
    ]
}

#[test]
fn a_card_that_may_not_be_used_is_sent_no_command_that_changes_it() {
    for (desk, finding) in refusals() {
        for (name, change) in CHANGES {
            let (outcome, sent) = changed(&desk, change);
            let error = AccountError::Card(CardError::NotValid(finding.clone()));
            assert_eq!((outcome, sent), (Err(error.clone()), 0), "{name}");
            assert_eq!((error.entry(), error.detail()), (finding.entry(), finding.detail()), "{name}");
        }
    }
    for (name, change) in CHANGES {
        assert!(changed(&desk(), change).1 > 0 || name == "change at a pad", "{name} of a card that may be used");
    }
}

#[test]
fn what_the_owner_lets_pass_is_no_obstacle() {
    let away = RefusedCards::away(Failure::of(&crate::store::errors::RIGHTS));
    let lenient = Lenience { list: true, expired: false };
    let desk = Desk { refused: Some(away), lenience: lenient, ..desk() };
    assert_eq!(changed(&desk, CHANGES[5].1).0, Ok(()));
}

#[test]
fn who_only_reads_or_brings_to_its_end_what_was_begun_is_exempt() {
    for (desk, _) in refusals() {
        let exempt: [Change; 4] = [
            |card, _| Ok(card.verify_pin(pin("123456"))?),
            |card, _| Ok(card.read(&["SSSE/EF08".parse().unwrap()], None).map(drop)?),
            |card, journal| Ok(card.mend(journal, &mut None).map(drop)?),
            |card, journal| card.settle_account(journal).map(drop),
        ];
        for exempt in exempt {
            let (outcome, _) = changed(&desk, exempt);
            assert!(!matches!(outcome, Err(AccountError::Card(CardError::NotValid(_)))), "{outcome:?}");
        }
    }
}
