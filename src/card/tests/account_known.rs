//! What became of a torn transaction is known whatever else was done with the card since, and told until somebody knows.

use super::account::{ACCOUNT, BALANCE, KEY, amount, at, desk, held, pay, pay_this, payment, settle};
use super::open::{at_every_tpdu, inserted, inserted_with};
use super::*;
use crate::card::account::{AccountError, Kind, Outcome, Payment, Settled};
use crate::card::{Journal, Pin};

/// Another terminal, which has another number and knows nothing of what this one did.
fn elsewhere() -> Desk {
    let dir = tempfile::tempdir().unwrap();
    let psam = dir.path().join("other.toml");
    let text = format!("extends = {:?}\n[psam]\nterminal_number = \"440100000002\"\n", folder().join("psam.toml"));
    std::fs::write(&psam, text).unwrap();
    Desk { psam: Image::load(&psam).unwrap(), ..desk("v3-money") }
}

/// At which TPDU the card is debited.
fn debit(desk: &Desk) -> usize {
    let (lease, wire) = inserted_with(&desk.card)(None);
    pay(desk, lease).unwrap();
    let sent = &wire.lock().unwrap().sent;
    sent.iter().position(|tpdu| tpdu[1] == 0x2C).unwrap() + 1
}

/// A purchase that is torn: carried out where its answer was lost, and not where the card was pulled before.
fn torn(desk: &Desk, lease: Lease) {
    let torn = pay(desk, lease).unwrap_err();
    assert!(matches!(torn, AccountError::Torn { kind: Kind::Purchase, .. }), "{torn:?}");
}

fn outcomes(settled: Result<Vec<Settled>, AccountError>) -> Result<Vec<Outcome>, AccountError> {
    settled.map(|settled| settled.into_iter().map(|one| one.outcome).collect())
}

#[test]
fn a_purchase_of_the_same_amount_elsewhere_is_not_taken_for_the_torn_one() {
    for (fault, done) in [(Fault::Removed, false), (Fault::Lost, true)] {
        let desk = desk("v3-money");
        let debit = debit(&desk);
        let insert = inserted_with(&desk.card);
        torn(&desk, insert(Some((debit, fault.clone()))).0);
        // Where the first did not take place, this one has its number, and the card its proof and the same balance.
        let paid = pay(&elsewhere(), insert(None).0).unwrap();
        assert_eq!(paid.balance.get(), BALANCE - ACCOUNT * if done { 2 } else { 1 });
        let expected = if done { Outcome::Done(None) } else { Outcome::NotDone };
        assert_eq!(outcomes(settle(&desk, insert(None).0)), Ok(vec![expected]), "{fault:?}");
        assert!(pay(&desk, insert(None).0).is_ok(), "{fault:?}");
    }
}

#[test]
fn whatever_was_paid_elsewhere_since_is_no_doubt_while_the_log_goes_back_far_enough() {
    for (fault, others, known) in [
        (Fault::Removed, 1, true),
        (Fault::Removed, 28, true),
        (Fault::Removed, 40, false),
        (Fault::Lost, 29, true),
        (Fault::Lost, 40, false),
    ] {
        let desk = desk("v3-money");
        let debit = debit(&desk);
        let insert = inserted_with(&desk.card);
        torn(&desk, insert(Some((debit, fault.clone()))).0);
        let other = elsewhere();
        for _ in 0..others {
            pay_this(&other, insert(None).0, Payment { account: amount(100), ..payment() }).unwrap();
        }
        let outcomes = outcomes(settle(&desk, insert(None).0));
        match (known, &fault) {
            (true, Fault::Lost) => assert_eq!(outcomes, Ok(vec![Outcome::Done(None)]), "{others}"),
            (true, _) => assert_eq!(outcomes, Ok(vec![Outcome::NotDone]), "{others}"),
            (false, _) => {
                assert!(matches!(outcomes, Err(AccountError::Disputed { .. })), "{fault:?} {others}: {outcomes:?}");
                assert_eq!(pay(&desk, insert(None).0), Err(AccountError::Unsettled), "{fault:?}");
                assert_eq!(at(&desk, insert(None).0, |card, journal| card.discard_account(journal)), Ok((1, vec![])));
                assert!(pay(&desk, insert(None).0).is_ok());
            }
        }
    }
}

#[test]
fn without_a_log_what_is_not_certain_is_for_somebody_to_look_at() {
    let files = include_str!("../../../config/card/files.toml");
    let at = files.find("[[file]]\nname = \"DF04/EF08\"").unwrap();
    let end = at + 1 + files[at + 1..].find("[[file]]").unwrap();
    let text = format!("{}{}", &files[..at], &files[end..]);
    let profile = || Profile::over_builtin(&[("files.toml".to_owned(), text.clone())]).unwrap();
    for (fault, certain) in [(Fault::Removed, true), (Fault::Lost, false)] {
        let desk = Desk { profile: profile(), ..desk("v3-money") };
        let debit = debit(&desk);
        let insert = inserted_with(&desk.card);
        torn(&desk, insert(Some((debit, fault.clone()))).0);
        let outcomes = outcomes(settle(&desk, insert(None).0));
        match certain {
            true => assert_eq!(outcomes, Ok(vec![Outcome::NotDone])),
            false => assert!(matches!(outcomes, Err(AccountError::Disputed { .. })), "{fault:?}: {outcomes:?}"),
        }
    }
}

#[test]
fn a_card_that_fails_at_its_log_is_asked_again() {
    let torn_desk = || {
        let desk = desk("v3-money");
        let debit = debit(&desk);
        torn(&desk, inserted_with(&desk.card)(Some((debit, Fault::Removed))).0);
        desk
    };
    let desk = torn_desk();
    let (lease, wire) = inserted_with(&desk.card)(None);
    assert_eq!(outcomes(settle(&desk, lease)), Ok(vec![Outcome::NotDone]));
    let log = {
        let sent = &wire.lock().unwrap().sent;
        let proof = sent.iter().position(|tpdu| tpdu[1] == 0x2E).unwrap();
        proof + 1 + sent[proof..].iter().position(|tpdu| tpdu[1] == 0xB2).unwrap()
    };
    let desk = torn_desk();
    let insert = inserted_with(&desk.card);
    for status in [0x6581_u16, 0x6F00, 0x6400] {
        // No proof, and the balance as it was: a purchase that was loaded again elsewhere looks the same.
        let told = outcomes(settle(&desk, insert(Some((log, Fault::Answer(status.to_be_bytes().to_vec())))).0));
        assert!(matches!(told, Err(AccountError::Card(_))), "{status:04X}: {told:?}");
    }
    assert_eq!(outcomes(settle(&desk, insert(None).0)), Ok(vec![Outcome::NotDone]));
}

#[test]
fn by_which_number_a_card_is_asked_the_profile_says() {
    let text = include_str!("../../../config/card/account.toml").replace("proof_number = 0", "proof_number = 1");
    let profile = Profile::over_builtin(&[("account.toml".to_owned(), text)]).unwrap();
    let desk = Desk { profile, ..desk("v3-money") };
    let debit = debit(&desk);
    let insert = inserted_with(&desk.card);
    torn(&desk, insert(Some((debit, Fault::Lost))).0);
    let (lease, wire) = insert(None);
    let settled = settle(&desk, lease).unwrap();
    let asked = wire.lock().unwrap().sent.iter().find(|tpdu| tpdu[1] == 0x2E).unwrap()[5..7].to_vec();
    assert_eq!(asked, (settled[0].intent.sequence + 1).to_be_bytes());
    // This card has another convention, and proves nothing by that number: its log has the purchase all the same.
    assert_eq!(settled[0].outcome, Outcome::Done(None));
}

#[test]
fn an_outcome_is_kept_until_somebody_was_told_and_nothing_is_paid_over_it() {
    let desk = desk("v3-money");
    let insert = inserted(&desk.card);
    let paid = at(&desk, insert(), |card, journal| card.pay(payment(), journal)).unwrap();
    // Who called is gone by now.
    assert_eq!(pay(&desk, insert()), Err(AccountError::Unsettled));
    let store = desk.store.clone().unwrap();
    let random = SystemRandom::default();
    let journal = Journal::new(&store, &KEY, &random);
    for _ in 0..2 {
        let settled = at(&desk, insert(), |card, journal| card.settle_account(journal)).unwrap();
        let [Settled { receipt, intent, outcome: Outcome::Done(Some(certificate)) }] = &settled[..] else {
            panic!("{settled:?}")
        };
        assert_eq!((intent.sequence, certificate.tac), (paid.sequence, paid.tac));
        assert_eq!(*receipt, paid.receipt);
    }
    // It is listed without its card, and with no other key.
    let listed = journal.kept_of_all().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].outcome.and_then(|outcome| outcome.tac()), Some(paid.tac));
    assert_eq!(Journal::new(&store, &[8; 32], &random).kept_of_all().unwrap(), []);
    journal.told(paid.receipt).unwrap();
    assert_eq!(journal.kept_of_all().unwrap(), []);
    assert_eq!(held(&desk, insert()), BALANCE - ACCOUNT, "it was paid once");
    assert!(pay(&desk, insert()).is_ok());
}

#[test]
fn what_a_load_came_to_keeps_no_purchase_waiting_and_the_other_way_round() {
    let desk = Desk { soft: true, ..desk("v3-money") };
    let insert = inserted(&desk.card);
    at(&desk, insert(), |card, journal| card.load_account(amount(500), journal)).unwrap();
    let again = at(&desk, insert(), |card, journal| card.load_account(amount(500), journal));
    assert_eq!(again.map(drop), Err(AccountError::Unsettled));
    at(&desk, insert(), |card, journal| card.pay(payment(), journal)).unwrap();
    assert_eq!(settle(&desk, insert()).unwrap().len(), 2);
    assert_eq!(held(&desk, insert()), BALANCE + 500 - ACCOUNT);
}

#[test]
fn what_is_known_is_not_let_go_of_with_what_is_not() {
    let desk = Desk { soft: true, ..desk("v3-money") };
    let insert = inserted_with(&desk.card);
    let debit = debit(&Desk { soft: true, ..super::account::desk("v3-money") });
    let loaded = at(&desk, insert(None).0, |card, journal| card.load_account(amount(500), journal)).unwrap();
    torn(&desk, insert(Some((debit, Fault::Lost))).0);
    let discard = || at(&desk, insert(None).0, |card, journal| card.discard_account(journal)).unwrap();
    for expected in [1, 0] {
        let (discarded, known) = discard();
        assert_eq!((discarded, known.len()), (expected, 1));
        assert_eq!((known[0].receipt, known[0].outcome.tac()), (loaded.receipt, Some(loaded.tac)));
    }
}

#[test]
fn what_is_not_known_is_never_old() {
    let desk = desk("v3-money");
    let debit = debit(&desk);
    torn(&desk, inserted_with(&desk.card)(Some((debit, Fault::Lost))).0);
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    let years = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 3650);
    assert_eq!(journal.forget_accounts(years), Ok(0));
    assert_eq!(journal.kept_of_all().unwrap().len(), 1);
}

#[test]
fn what_is_old_is_let_go_of_and_nothing_else() {
    let desk = desk("v3-money");
    let insert = inserted(&desk.card);
    at(&desk, insert(), |card, journal| card.pay(payment(), journal)).unwrap();
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    let hours = |hours| jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
    assert_eq!(journal.forget_accounts(hours(-24)), Ok(0));
    assert_eq!(journal.kept_of_all().unwrap().len(), 1);
    assert_eq!(journal.forget_accounts(hours(24)), Ok(1));
    assert_eq!(journal.kept_of_all().unwrap(), []);
}

/// What is moved when something goes wrong once: the purchase's part, or nothing; and it is known.
fn moved_once_or_not(desk: &Desk, insert: &impl Fn(Option<(usize, Fault)>) -> (Lease, Arc<Mutex<Wire>>), paid: bool) {
    let settled = outcomes(settle(desk, insert(None).0)).unwrap();
    let done = settled.iter().any(|outcome| matches!(outcome, Outcome::Done(Some(_))));
    assert!(settled.len() <= 1 && !(paid && done));
    let moved = if paid || done { ACCOUNT } else { 0 };
    assert_eq!(held(desk, insert(None).0), BALANCE - moved);
    assert_eq!(pay(desk, insert(None).0).unwrap().balance.get(), BALANCE - moved - ACCOUNT);
}

/// A PSAM that is pulled, and one that talks nonsense.
fn nonsense() -> [Fault; 11] {
    [
        Fault::Removed,
        Fault::Lost,
        Fault::Reset,
        Fault::Status(0x6F00),
        Fault::Answer(vec![]),
        Fault::Answer(vec![0x90]),
        Fault::Answer(vec![0x90, 0x00]),
        Fault::Answer(vec![0x61, 0x08]),
        Fault::Answer([&[0xA5; 8][..], &[0x90, 0x00]].concat()),
        Fault::Answer([&[0xA5; 256][..], &[0x90, 0x00]].concat()),
        Fault::Answer(vec![0x93, 0x02]),
    ]
}

#[test]
fn a_psam_that_is_pulled_or_talks_nonsense_moves_nothing_twice() {
    for fault in nonsense() {
        let fired = at_every_tpdu(|n| {
            let desk = desk("v3-money");
            let insert = inserted_with(&desk.card);
            let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
            let journal = Journal::new(&store, &KEY, &random);
            let (outcome, sent) = desk.on_with(insert(None).0, Some((n, fault.clone())), |card| {
                card.verify_pin(Pin::parse("123456").unwrap()).map_err(AccountError::from)?;
                let paid = card.pay(payment(), &journal)?;
                journal.told(paid.receipt)?;
                Ok::<_, AccountError>(paid)
            });
            // A PSAM that could not be asked whether the card's proof is its own undoes no purchase.
            moved_once_or_not(&desk, &insert, outcome.is_ok());
            sent
        });
        assert!(fired >= 3, "{fault:?} fired {fired} times");
    }
}

#[test]
fn a_load_by_a_psam_whose_id_of_the_key_is_known_is_done_once_or_not() {
    // No id is publicly known: one is made up, in the card's profile and in the PSAM.
    let keys = include_str!("../../../config/card/keys.toml");
    let named = "role = \"DLK\"\nusage = \"49\"\nid = \"70\"\n";
    let keys = keys.replace("role = \"DLK\"\n", named);
    let profile = || Profile::over_builtin(&[("keys.toml".to_owned(), keys.clone())]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("loads.toml");
    let text = format!("extends = {:?}\n[psam.ids]\ndlk = \"4970\"\n", folder().join("psam.toml"));
    std::fs::write(&file, text).unwrap();
    for fault in nonsense() {
        let fired = at_every_tpdu(|n| {
            let desk = Desk { psam: Image::load(&file).unwrap(), profile: profile(), ..desk("v3-money") };
            let insert = inserted_with(&desk.card);
            let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
            let journal = Journal::new(&store, &KEY, &random);
            let (outcome, sent) = desk.on_with(insert(None).0, Some((n, fault.clone())), |card| {
                card.verify_pin(Pin::parse("123456").unwrap()).map_err(AccountError::from)?;
                let loaded = card.load_account(amount(500), &journal)?;
                journal.told(loaded.receipt)?;
                Ok::<_, AccountError>(loaded)
            });
            // The PSAM is asked before anything is moved: what it fails at is not begun, and it allows nothing wrong.
            assert_eq!(
                held(&desk, insert(None).0),
                BALANCE + if outcome.is_ok() { 500 } else { 0 },
                "{fault:?} at {n}"
            );
            assert_eq!(settle(&desk, insert(None).0), Ok(vec![]), "{fault:?} at {n}");
            sent
        });
        assert!(fired >= 3, "{fault:?} fired {fired} times");
    }
}

#[test]
fn a_card_that_is_swapped_between_two_commands_moves_nothing_twice() {
    // Of the same issuer and kind, and another one.
    let other = image("v2-money");
    at_every_tpdu(|n| {
        let desk = desk("v3-money");
        let insert = inserted_with(&desk.card);
        let (lease, wire) = insert(Some((n, Fault::Swapped(swapped::Other::of(other.clone())))));
        let outcome = pay(&desk, lease);
        moved_once_or_not(&desk, &insert, outcome.is_ok());
        wire.lock().unwrap().sent.len()
    });
}

#[test]
fn a_card_that_is_swapped_while_it_is_asked_is_asked_again() {
    for (fault, done) in [(Fault::Removed, false), (Fault::Lost, true)] {
        let debit = debit(&desk("v3-money"));
        at_every_tpdu(|n| {
            let desk = desk("v3-money");
            let insert = inserted_with(&desk.card);
            torn(&desk, insert(Some((debit, fault.clone()))).0);
            let (lease, wire) = insert(Some((n, Fault::Swapped(swapped::Other::of(image("v2-money"))))));
            let first = outcomes(settle(&desk, lease));
            let expected = |outcome: &Outcome| matches!(outcome, Outcome::Done(_)) == done;
            match first {
                Ok(outcomes) => assert!(outcomes.len() == 1 && outcomes.iter().all(expected), "{n}: {outcomes:?}"),
                Err(_) => assert!(outcomes(settle(&desk, insert(None).0)).unwrap().iter().all(expected), "{n}"),
            }
            wire.lock().unwrap().sent.len()
        });
    }
}

#[test]
fn nothing_is_paid_while_it_is_not_known_on_whose_account_a_purchase_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let desk = Desk { store: Some(Arc::new(Store::open(&path).unwrap())), ..desk("v3-money") };
    let debit = debit(&desk);
    let card = desk.card.clone();
    let insert = inserted_with(&card);
    torn(&desk, insert(Some((debit, Fault::Lost))).0);
    rusqlite::Connection::open(&path).unwrap().execute("DELETE FROM salt", []).unwrap();
    let desk = Desk { store: Some(Arc::new(Store::open(&path).unwrap())), ..desk };
    for told in [settle(&desk, insert(None).0).map(drop), pay(&desk, insert(None).0).map(drop)] {
        assert_eq!(told, Err(CardError::WritesLost(1).into()));
    }
    assert_eq!(desk.store.as_ref().unwrap().discard_lost_writes().unwrap(), 1);
    assert!(pay(&desk, insert(None).0).is_ok());
}
