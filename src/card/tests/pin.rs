//! The holder's PIN: asked for, verified, changed; never tried twice, never shown.

use proptest::prelude::*;

use super::open::{at_every_tpdu, inserted};
use super::*;
use crate::card::{Pin, PinForm, PinTries};
use crate::failure::Explain as _;

fn pin(digits: &str) -> Pin {
    Pin::parse(digits).unwrap()
}

#[test]
fn a_pin_is_4_to_16_digits_and_prints_nothing() {
    for wrong in ["", "123", "12345678901234567", "12a4", "１２３４", "12 4"] {
        assert_eq!(Pin::parse(wrong).err(), Some(PinForm), "{wrong}");
    }
    for (digits, packed) in
        [("1234", "1234"), ("12345", "12345F"), ("123456", "123456"), ("1234567890123456", "1234567890123456")]
    {
        assert_eq!(hex::encode_upper(pin(digits).packed()), packed);
    }
    assert_eq!(format!("{:?}", pin("123456")), "Pin(…)");
}

#[test]
fn tries_are_asked_without_costing_one() {
    let desk = Desk::new("v3-full");
    let insert = inserted(&desk.card);
    for _ in 0..5 {
        assert_eq!(desk.on(insert(), |card| card.pin_tries()), Ok(PinTries::Left(3)));
    }
    assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("111111"))), Err(CardError::PinWrong { left: 2 }));
    assert_eq!(desk.on(insert(), |card| card.pin_tries()), Ok(PinTries::Left(2)));
    let opened = desk.used(|_| Ok(())).card.lock().unwrap().sent.len();
    let answers = |status: u16| {
        let fault = Fault::Answer(status.to_be_bytes().to_vec());
        desk.used_with(Some((opened + 1, fault)), |card| card.pin_tries()).outcome
    };
    assert_eq!((answers(0x9000), answers(0x6983)), (Ok(PinTries::Unset), Ok(PinTries::Left(0))));
    assert_eq!(answers(0x6D00).unwrap_err().entry().code, "E-CARD-STATUS");
}

#[test]
fn a_pin_is_right_or_wrong_or_locked() {
    let desk = Desk::new("v3-full");
    let insert = inserted(&desk.card);
    assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("123456"))), Ok(()));
    for left in [2, 1, 0] {
        assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("654321"))), Err(CardError::PinWrong { left }));
    }
    assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("123456"))), Err(CardError::PinLocked));
    assert_eq!(desk.on(insert(), |card| card.pin_tries()), Ok(PinTries::Left(0)));
    assert_eq!(desk.on(insert(), |card| card.change_pin(pin("123456"), pin("222222"))), Err(CardError::PinLocked));
}

#[test]
fn a_pin_is_changed_with_the_old_one() {
    let desk = Desk::new("v3-full");
    let insert = inserted(&desk.card);
    let wrong = desk.on(insert(), |card| card.change_pin(pin("111111"), pin("222222")));
    assert_eq!(wrong, Err(CardError::PinWrong { left: 2 }));
    for (old, new) in [("123456", "22222"), ("22222", "33334444")] {
        assert_eq!(desk.on(insert(), |card| card.change_pin(pin(old), pin(new))), Ok(()));
    }
    assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("33334444"))), Ok(()));
}

#[test]
fn nothing_is_transacted_with_an_initial_pin_and_none_becomes_it() {
    let initial_pins = InitialPins::parse(["123456", "888888"]).unwrap();
    let desk = Desk { initial_pins, ..Desk::new("v3-full") };
    let refused = desk.used(|card| card.verify_pin(pin("123456")));
    assert_eq!(refused.outcome, Err(CardError::PinInitial));
    assert_eq!(refused.card.lock().unwrap().count(0x20), 0, "and no try is lost");
    assert_eq!(desk.used(|card| card.change_pin(pin("123456"), pin("888888"))).outcome, Err(CardError::PinToInitial));
    assert_eq!(desk.used(|card| card.change_pin(pin("123456"), pin("654321"))).outcome, Ok(()));
    assert_eq!(InitialPins::parse(["123456", "12"]).err(), Some(1));
    assert_eq!(format!("{:?}", desk.initial_pins), "InitialPins(2)");
}

#[test]
fn a_pin_is_sent_once_whatever_comes_back() {
    let statuses = [
        0x6108, 0x6281, 0x63C2, 0x6581, 0x6700, 0x6901, 0x6982, 0x6983, 0x6984, 0x6985, 0x6A80, 0x6A81, 0x6A82, 0x6A86,
        0x6A88, 0x6B00, 0x6C03, 0x6D00, 0x6E00, 0x6F00, 0x9302, 0x9303,
    ];
    for status in statuses.map(u16::to_be_bytes) {
        for change in [false, true] {
            let desk = Desk::new("v3-full");
            at_every_tpdu(|n| {
                let used = desk.used_with(Some((n, Fault::Answer(status.to_vec()))), |card| match change {
                    true => card.change_pin(pin("123456"), pin("222222")),
                    false => card.verify_pin(pin("123456")),
                });
                let wire = used.card.lock().unwrap();
                assert!(wire.count(0x20) + wire.count(0x5E) <= 1, "{status:02X?} at {n}");
                if let Err(error) = &used.outcome {
                    assert!(!error.to_string().contains("123456") && !error.entry().code.is_empty());
                }
                wire.sent.len()
            });
        }
    }
}

proptest! {
    #[test]
    fn digits_are_packed_two_a_byte(digits in "[0-9]{4,16}") {
        let packed = hex::encode_upper(pin(&digits).packed());
        prop_assert_eq!(packed.trim_end_matches('F'), digits.as_str());
        prop_assert!(packed.len() - digits.len() <= 1);
    }
}

#[test]
fn a_forgotten_pin_is_set_anew_and_a_locked_one_unblocked() {
    for card in ["v2-full", "v3-full"] {
        let desk = Desk { soft: true, ..Desk::new(card) };
        let insert = inserted(&desk.card);
        for left in [2, 1, 0] {
            assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("654321"))), Err(CardError::PinWrong { left }));
        }
        assert_eq!(desk.on(insert(), |card| card.unblock_pin()), Ok(()), "{card}");
        assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("123456"))), Ok(()), "the PIN is as it was");
        assert_eq!(desk.on(insert(), |card| card.reload_pin(pin("222222"))), Ok(()), "{card}");
        assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("222222"))), Ok(()));
        assert_eq!(desk.on(insert(), |card| card.verify_pin(pin("123456"))), Err(CardError::PinWrong { left: 2 }));
    }
    // One block of 3DES holds seven bytes beside their number, one of SM4 all that a PIN may have.
    let long = || pin("1234567890123456");
    let desk = |card| Desk { soft: true, ..Desk::new(card) };
    assert_eq!(desk("v2-full").used(|card| card.reload_pin(long())).outcome, Err(CardError::PinForm(PinForm)));
    assert_eq!(desk("v3-full").used(|card| card.reload_pin(long())).outcome, Ok(()));
}

#[test]
fn a_pin_that_is_set_anew_is_never_half_set() {
    for fault in [Fault::Removed, Fault::Lost, Fault::Answer(vec![0x69, 0x88]), Fault::Answer(vec![0x65, 0x81])] {
        at_every_tpdu(|n| {
            let desk = Desk { soft: true, ..Desk::new("v3-full") };
            let insert = super::open::inserted_with(&desk.card);
            let (lease, wire) = insert(Some((n, fault.clone())));
            let outcome = desk.on(lease, |card| card.reload_pin(pin("222222")));
            let sent = wire.lock().unwrap().sent.len();
            assert!(wire.lock().unwrap().count(0x24) <= 1, "{fault:?} at {n}");
            let new = desk.on(insert(None).0, |card| card.verify_pin(pin("222222")));
            if new.is_err() {
                assert!(outcome.is_err(), "{fault:?} at {n}: told as done");
                assert_eq!(desk.on(insert(None).0, |card| card.verify_pin(pin("123456"))), Ok(()));
            }
            sent
        });
    }
}

#[test]
fn a_new_pin_that_may_be_in_force_is_told_so() {
    let answer = |status: u16| Fault::Answer(status.to_be_bytes().to_vec());
    for (fault, unsure) in [
        (Fault::Removed, true),
        (Fault::Lost, true),
        (Fault::Reset, true),
        (answer(0x6281), true),
        (answer(0x6581), true),
        (answer(0x6F00), true),
        (answer(0x6985), false),
        (answer(0x6D00), false),
    ] {
        for (ins, reload) in [(0x5E, false), (0x24, true)] {
            let desk = Desk { soft: true, ..Desk::new("v3-full") };
            let insert = super::open::inserted_with(&desk.card);
            let set = |card: &mut crate::card::Card<'_>| match reload {
                true => card.reload_pin(pin("222222")),
                false => card.change_pin(pin("123456"), pin("222222")),
            };
            let (lease, wire) = super::open::inserted_with(&Desk::new("v3-full").card)(None);
            desk.on(lease, set).unwrap();
            let at = wire.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == ins).unwrap() + 1;
            let error = desk.on(insert(Some((at, fault.clone()))).0, set).unwrap_err();
            assert_eq!(error.entry().code == "E-CARD-PIN-UNSURE", unsure, "{fault:?} {ins:02X}: {error:?}");
            // Before it was sent nothing can be in force.
            let before = desk.on(insert(Some((at - 1, Fault::Removed))).0, set);
            assert!(reload || before.unwrap_err().entry().code != "E-CARD-PIN-UNSURE");
        }
    }
}

/// A card whose directories each have a PIN, and a profile that says so of DF04 alone.
fn of_its_own() -> Desk {
    let text = include_str!("../../../config/card/files.toml");
    let text = text.replace("name = \"DF04\"\n", "name = \"DF04\"\npin = \"own\"\n");
    let profile = Profile::load([None, Some(("files.toml", &text)), None]).unwrap();
    Desk { profile, ..Desk::new("v2-pin-per-directory") }
}

#[test]
fn a_pin_is_tried_on_no_torn_file_that_another_one_guards() {
    let text = include_str!("../../../config/card/files.toml");
    let text = text.replace("name = \"DF04\"\n", "name = \"DF04\"\npin = \"own\"\n");
    let text = text.replace("write = \"UK1DF01\"", "write = \"PIN and UK1DF01\"");
    let profile = Profile::load([None, Some(("files.toml", &text)), None]).unwrap();
    let desk = Desk { profile, soft: true, ..Desk::new("v2-pin-per-directory").with_store() };
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = crate::card::Journal::new(&store, &[7; 32], &random);
    let value = [(crate::profile::ItemAddress::of(0x20), zeroize::Zeroizing::new("20".to_owned()))];
    let write = |lease, digits: &str| {
        let update = crate::card::Update::Items(None, &value);
        let mut entered = Some(pin(digits).into());
        desk.on(lease, |card| card.write(&journal, &"DF01/EF05".parse().unwrap(), &update, &mut entered))
    };
    let insert = super::open::inserted_with(&desk.card);
    let is_torn_at = |n| matches!(write(insert(Some((n, Fault::Removed))).0, "123456"), Err(CardError::WriteTorn(_)));
    assert!((1..100).any(is_torn_at));
    // The PIN is DF04's: DF01 has another.
    let before = |file: &str, digits: &str| {
        let (lease, wire) = insert(None);
        let mut entered = Some(pin(digits).into());
        let mended = desk.on(lease, |card| card.mend_before(&journal, &file.parse().unwrap(), &mut entered));
        let tried = wire.lock().unwrap().count(0x20);
        (mended.map(|mended| mended.len()), tried, entered.is_some())
    };
    assert_eq!(before("DF04/EF05", "654321"), (Err(CardError::WriteOpen), 0, true));
    assert_eq!(before("DF01/EF05", "123456"), (Ok(1), 1, false));
}

#[test]
fn a_pin_of_a_directory_is_verified_there_and_opens_nothing_else() {
    let desk = of_its_own();
    let insert = inserted(&desk.card);
    let read = |names: &[&str], digits: &str| {
        let names: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
        desk.on(insert(), |card| card.read(&names, Some(pin(digits).into()))).map(|files| files.pin)
    };
    let changed = desk.on(insert(), |card| {
        card.enter("DF04")?;
        card.change_pin(pin("123456"), pin("654321"))
    });
    assert_eq!(changed, Ok(()));
    assert_eq!(read(&["DF04/EF08"], "654321"), Ok(true));
    assert_eq!(read(&["DF04/EF08"], "123456"), Err(CardError::PinWrong { left: 2 }));
    assert_eq!(desk.on(insert(), |card| card.pin_tries()), Ok(PinTries::Left(3)), "the environment's is another one");
    let tries = desk.on(insert(), |card| {
        card.enter("DF04")?;
        card.pin_tries()
    });
    assert_eq!(tries, Ok(PinTries::Left(2)));
    let verified = desk.on(insert(), |card| card.verify_of("DF04", pin("654321").into()));
    assert_eq!((verified, desk.on(insert(), |card| card.verify_of("SSSE", pin("123456").into()))), (Ok(()), Ok(())));
    assert_eq!(desk.on(insert(), |card| card.enter("DF99")), Err(CardError::NoFile("DF99".to_owned())));
}
