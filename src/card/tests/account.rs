//! The medical account: what is moved is moved once, and what was torn is known when the card comes again.

use super::open::{at_every_tpdu, inserted, inserted_with};
use super::*;
use crate::card::account::{AccountError, Amount, Kind, Outcome, Paid, Payment, Settled};
use crate::card::{Card, Journal, Pin};
use crate::failure::Explain as _;
use crate::keys::Checked;
use crate::value::Fen;

pub(super) const KEY: [u8; 32] = [7; 32];
/// What `v3-money` holds at first.
pub(super) const BALANCE: u32 = 150_000;
/// What is paid from it.
pub(super) const ACCOUNT: u32 = 7_345;

pub(super) fn desk(card: &str) -> Desk {
    Desk::new(card).with_store()
}

pub(super) fn amount(fen: i64) -> Amount {
    Amount::try_from(Fen(fen)).unwrap()
}

pub(super) fn payment() -> Payment {
    Payment { account: amount(ACCOUNT.into()), self_pay: amount(100), pool: amount(20_000) }
}

/// Opens the card that is in, verifies the PIN, and works on its account.
pub(super) fn at<T>(
    desk: &Desk,
    lease: Lease,
    work: impl FnOnce(&mut Card<'_>, &Journal<'_>) -> Result<T, AccountError>,
) -> Result<T, AccountError> {
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    desk.on(lease, |card| {
        card.verify_pin(Pin::parse("123456").unwrap())?;
        work(card, &journal)
    })
}

/// Pays, and whoever wanted it is told.
pub(super) fn pay(desk: &Desk, lease: Lease) -> Result<Paid, AccountError> {
    pay_this(desk, lease, payment())
}

pub(super) fn pay_this(desk: &Desk, lease: Lease, payment: Payment) -> Result<Paid, AccountError> {
    at(desk, lease, |card, journal| {
        let paid = card.pay(payment, journal)?;
        journal.told(paid.receipt)?;
        Ok(paid)
    })
}

/// Asks what became of what is kept, and whoever wanted it is told.
pub(super) fn settle(desk: &Desk, lease: Lease) -> Result<Vec<Settled>, AccountError> {
    at(desk, lease, |card, journal| {
        let settled = card.settle_account(journal)?;
        settled.iter().try_for_each(|one| journal.told(one.receipt))?;
        Ok(settled)
    })
}

pub(super) fn held(desk: &Desk, lease: Lease) -> u32 {
    at(desk, lease, |card, _| card.balance()).unwrap().account.get()
}

#[test]
fn a_purchase_is_proven_by_card_and_psam_and_summed_up() {
    for (card, before) in [("v3-money", BALANCE), ("v2-money", 20_000)] {
        let desk = desk(card);
        let insert = inserted(&desk.card);
        let old = at(&desk, insert(), |card, _| card.balance()).unwrap();
        assert_eq!(old.account.get(), before);
        let paid = pay(&desk, insert()).unwrap();
        assert_eq!((paid.balance.get(), paid.checked), (before - ACCOUNT, Some(Checked::Proven)), "{card}");
        assert_eq!(hex::encode(paid.terminal), "440100000001", "the PSAM's");
        let now = at(&desk, insert(), |card, _| card.balance()).unwrap();
        assert_eq!(now.account, paid.balance);
        assert!(now.self_paid.year.is_some() && now.self_paid.amount >= amount(100));
        let again = pay(&desk, insert()).unwrap();
        assert_eq!(again.sequence, paid.sequence + 1);
        assert_eq!(settle(&desk, insert()), Ok(vec![]), "nothing is left open");
    }
}

#[test]
fn a_load_is_allowed_by_who_has_its_key() {
    let mut desk = Desk { soft: true, ..desk("v3-money") };
    let card = desk.card.clone();
    let insert = inserted(&card);
    let loaded = at(&desk, insert(), |card, journal| {
        let loaded = card.load_account(amount(500), journal)?;
        journal.told(loaded.receipt)?;
        Ok(loaded)
    })
    .unwrap();
    assert_eq!(loaded.balance.get(), BALANCE + 500);
    assert_eq!(held(&desk, insert()), BALANCE + 500);
    // The PSAM's profile names no place for the load key: nothing is sent to the card that could move anything.
    desk.soft = false;
    let error = at(&desk, insert(), |card, journal| card.load_account(amount(500), journal)).unwrap_err();
    assert_eq!(error.entry().code, "E-KEYS-UNPLACED");
    assert_eq!(held(&desk, insert()), BALANCE + 500);
    assert_eq!(settle(&desk, insert()), Ok(vec![]));
}

#[test]
fn a_torn_purchase_took_place_once_or_not_and_is_known_afterwards() {
    let (mut done, mut not_done) = (0, 0);
    for fault in [Fault::Removed, Fault::Lost, Fault::Reset, Fault::Status(0x6F00), Fault::Answer(vec![0x65, 0x81])] {
        let fired = at_every_tpdu(|n| {
            let desk = desk("v3-money");
            let insert = inserted_with(&desk.card);
            let (lease, wire) = insert(Some((n, fault.clone())));
            let outcome = pay(&desk, lease);
            let sent = wire.lock().unwrap().sent.len();
            let moved = match &outcome {
                Ok(_) => ACCOUNT,
                Err(AccountError::Torn { kind: Kind::Purchase, .. }) => {
                    let blocked = pay(&desk, insert(None).0);
                    assert_eq!(blocked, Err(AccountError::Unsettled), "{fault:?} at {n}: nothing is begun over it");
                    let settled = settle(&desk, insert(None).0).unwrap();
                    match settled.as_slice() {
                        [Settled { outcome: Outcome::Done(Some(certificate)), intent, .. }] => {
                            assert_eq!((intent.payment, intent.balance.get()), (payment(), BALANCE));
                            assert_ne!(certificate.tac, [0; 4]);
                            done += 1;
                            ACCOUNT
                        }
                        [Settled { outcome: Outcome::NotDone, .. }] => {
                            not_done += 1;
                            0
                        }
                        other => panic!("{other:?}"),
                    }
                }
                Err(_) => 0,
            };
            assert_eq!(held(&desk, insert(None).0), BALANCE - moved, "{fault:?} at {n}: {outcome:?}");
            assert_eq!(settle(&desk, insert(None).0), Ok(vec![]), "{fault:?} at {n}");
            // It can be paid with as before.
            assert_eq!(pay(&desk, insert(None).0).unwrap().balance.get(), BALANCE - moved - ACCOUNT);
            sent
        });
        assert!(fired > 8, "{fault:?} fired {fired} times");
    }
    assert!(done >= 2 && not_done >= 2, "{done} done, {not_done} not");
}

#[test]
fn a_torn_load_is_known_afterwards() {
    for fault in [Fault::Removed, Fault::Lost] {
        at_every_tpdu(|n| {
            let desk = Desk { soft: true, ..desk("v2-money") };
            let insert = inserted_with(&desk.card);
            let (lease, wire) = insert(Some((n, fault.clone())));
            let outcome = at(&desk, lease, |card, journal| {
                let loaded = card.load_account(amount(700), journal)?;
                journal.told(loaded.receipt).map(|()| loaded).map_err(AccountError::from)
            });
            let sent = wire.lock().unwrap().sent.len();
            let settled = settle(&desk, insert(None).0).unwrap();
            let torn = matches!(outcome, Err(AccountError::Torn { kind: Kind::Load, .. }));
            assert_eq!(settled.len(), usize::from(torn), "{fault:?} at {n}: {outcome:?}");
            let done = settled.iter().any(|one| matches!(one.outcome, Outcome::Done(Some(_)))) || outcome.is_ok();
            assert_eq!(held(&desk, insert(None).0), 20_000 + if done { 700 } else { 0 }, "{fault:?} at {n}");
            sent
        });
    }
}

#[test]
fn what_cannot_be_paid_says_why_and_nothing_is_sent_that_moves_money() {
    let desk = desk("v3-money");
    let insert = inserted_with(&desk.card);
    let try_to_pay = |payment: Payment| {
        let (lease, wire) = insert(None);
        let outcome = at(&desk, lease, |card, journal| card.pay(payment, journal)).unwrap_err();
        assert_eq!(wire.lock().unwrap().count(0x2C), 0);
        outcome
    };
    assert_eq!(try_to_pay(Payment { account: amount(i64::from(BALANCE) + 1), ..payment() }), AccountError::Funds);
    let nothing = Payment { account: Amount::ZERO, self_pay: Amount::ZERO, pool: Amount::ZERO };
    assert_eq!(try_to_pay(nothing), AccountError::Amount);
    let no_pin: Result<_, AccountError> = desk.on(insert(None).0, |card| card.balance());
    assert_eq!(no_pin, Err(AccountError::PinNeeded));
    let plain = self::desk("v3-full");
    let none: Result<_, AccountError> = plain.on(inserted(&plain.card)(), |card| card.balance());
    assert_eq!(none, Err(AccountError::None));
}

#[test]
fn every_refusal_of_a_debit_ends_in_an_error_with_a_remedy() {
    for status in [
        0x6581, 0x6700, 0x6901, 0x6982, 0x6985, 0x6988, 0x6A80, 0x6A86, 0x6D00, 0x6E00, 0x6F00, 0x9302, 0x9303, 0x9401,
        0x9402, 0x9403, 0x9406_u16,
    ] {
        let desk = desk("v3-money");
        let insert = inserted_with(&desk.card);
        // DEBIT is the last command but its GET RESPONSE.
        let (lease, wire) = insert(None);
        pay(&desk, lease).unwrap();
        let debit = wire.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0x2C).unwrap() + 1;
        // Said by the GET RESPONSE behind it, it is no refusal: the card has paid.
        let (lease, _) = insert(Some((debit + 1, Fault::Answer(status.to_be_bytes().to_vec()))));
        let paid = pay(&desk, lease).unwrap_err();
        assert!(matches!(paid, AccountError::Torn { .. }), "{status:04X}: {paid:?}");
        let settled = settle(&desk, insert(None).0).unwrap();
        assert!(matches!(settled.as_slice(), [Settled { outcome: Outcome::Done(Some(_)), .. }]), "{status:04X}");
        let (lease, _) = insert(Some((debit, Fault::Answer(status.to_be_bytes().to_vec()))));
        let error = pay(&desk, lease).unwrap_err();
        assert!(error.entry().code.starts_with("E-CARD-"), "{status:04X}: {error:?}");
        let settled = settle(&desk, insert(None).0).unwrap();
        assert_eq!(settled.len(), usize::from(matches!(error, AccountError::Torn { .. })), "{status:04X}: {error:?}");
        assert!(settled.iter().all(|one| one.outcome == Outcome::NotDone), "{status:04X}");
    }
}
