//! Programs of the driver interface at several readers at once, each with a holder who is asked for a PIN.

use std::sync::{Arc, Mutex, Weak};

use sbkd::national::Code;
use sbkd::terminal::{DriverAnswer, DriverCall, Terminal};
use sbkd::virtual_card::{Prompt, Typed};
use zeroize::Zeroizing;

use crate::counter::{Counter, HOLDER, SECOND, Setup, chip};

/// By contact, at the holder's reader.
const CONTACT: &str = "1";
/// By radio, at the second one.
const RADIO: &str = "2";

/// A card in each of two readers.
fn counter() -> Counter {
    let counter = Counter::with(Setup { card: "v3-full", centre: None, ..Setup::default() });
    counter.readers.insert(SECOND, chip("v3-contactless"));
    counter
}

fn call(
    terminal: &Terminal,
    function: &str,
    kind: &str,
    pins: Option<(&str, &str)>,
    card: Option<&str>,
) -> DriverAnswer {
    let secret = |text: &str| Zeroizing::new(text.to_owned());
    terminal.drive(DriverCall {
        function: function.to_owned(),
        parameters: [("iType".to_owned(), secret(kind))].into(),
        pin: pins.map(|(pin, _)| secret(pin)),
        new_pin: pins.map(|(_, new)| secret(new)),
        card: card.map(str::to_owned),
        ..DriverCall::default()
    })
}

/// The name of the card that is to be asked for.
fn asked(terminal: &Terminal, kind: &str) -> String {
    let answer = call(terminal, "iVerifyPIN", kind, None, None);
    answer.card.unwrap_or_else(|| panic!("nobody is asked: {} {}", answer.code, *answer.output))
}

fn verified(terminal: &Terminal, kind: &str, pin: &str, card: &str) -> Code {
    call(terminal, "iVerifyPIN", kind, Some((pin, "")), Some(card)).code
}

#[test]
fn nobodys_pin_reaches_the_card_in_another_reader() {
    let counter = counter();
    let terminal = &counter.terminal;
    let (ours, theirs) = (asked(terminal, CONTACT), asked(terminal, RADIO));
    assert_ne!(ours, theirs);
    assert_eq!(verified(terminal, RADIO, "111111", &ours), Code::OTHER_CARD);
    assert_eq!(verified(terminal, CONTACT, "111111", &theirs), Code::OTHER_CARD);
    // From now on the two PINs differ: one at the other card would be a wrong one.
    let changed = call(terminal, "iChangePIN", RADIO, Some(("123456", "654321")), Some(&theirs));
    assert_eq!(changed.code, Code::SUCCESS);
    std::thread::scope(|programs| {
        for (kind, pin) in [(CONTACT, "123456"), (RADIO, "654321"), (CONTACT, "123456"), (RADIO, "654321")] {
            programs.spawn(move || {
                for _ in 0..5 {
                    let card = asked(terminal, kind);
                    assert_eq!(verified(terminal, kind, pin, &card), Code::SUCCESS, "{kind}");
                }
            });
        }
    });
}

#[test]
fn while_somebody_types_at_a_pad_the_keys_and_the_other_readers_are_free() {
    let counter = counter();
    let meanwhile: Arc<Mutex<Vec<Code>>> = Arc::default();
    let person = {
        let (terminal, meanwhile): (Weak<Terminal>, _) = (Arc::downgrade(&counter.terminal), Arc::clone(&meanwhile));
        move |_: Prompt| {
            let terminal = terminal.upgrade().unwrap();
            // Another program at the other reader, a clerk there, and another program here.
            let read = call(&terminal, "iReadCardBas", RADIO, None, None).code;
            assert!(terminal.read_card(Some(SECOND), false).is_ok());
            let here = call(&terminal, "iReadCardBas", CONTACT, None, None).code;
            meanwhile.lock().unwrap().extend([read, here]);
            Typed::digits("123456")
        }
    };
    counter.readers.pin_pad(HOLDER, Some(Arc::new(person)));
    let read = DriverCall {
        function: "iReadCard".to_owned(),
        // What is behind the PIN and a key: the keys are used again after the person.
        parameters: [
            ("iType", CONTACT),
            ("iAuthType", "1"),
            ("pCardInfo", "440100D15600000530000003FFFFFFFF|A10000031|"),
            ("pFileAddr", "DF04EF06|92|$"),
        ]
        .map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned())))
        .into(),
        ..DriverCall::default()
    };
    let answer = counter.terminal.drive(read);
    assert_eq!(answer.code, Code::SUCCESS, "{}", *answer.output);
    assert_eq!(*meanwhile.lock().unwrap(), [Code::SUCCESS, Code::CONNECTION]);
    assert_eq!(call(&counter.terminal, "iVerifyPIN", CONTACT, None, None).code, Code::SUCCESS);
}

#[test]
fn whoever_types_at_a_pad_for_steps_has_their_own_time_and_keeps_nobody_waiting() {
    let counter = Counter::with(Setup {
        card: "v3-money",
        centre: None,
        config: "[driver]\npay_fields = [\"account\"]\ndebit_fields = [\"tac\"]\n\
                 [driver.dialect.debit]\nstep2 = \"{terminal-sequence}{mac1}\"\n\
                 step1 = \"{random}{sequence}{account}{self-pay}{pool}{type}{terminal}{time}\"\n",
        ..Setup::default()
    });
    counter.readers.insert(SECOND, chip("v3-contactless"));
    let meanwhile: Arc<Mutex<Vec<Code>>> = Arc::default();
    let person = {
        let (terminal, meanwhile): (Weak<Terminal>, _) = (Arc::downgrade(&counter.terminal), Arc::clone(&meanwhile));
        move |_: Prompt| {
            let terminal = terminal.upgrade().unwrap();
            let codes = [RADIO, CONTACT].map(|kind| call(&terminal, "iReadCardBas", kind, None, None).code);
            meanwhile.lock().unwrap().extend(codes);
            Typed::digits("123456")
        }
    };
    counter.readers.pin_pad(HOLDER, Some(Arc::new(person)));
    let parameters =
        [("iType", CONTACT), ("pCardInfo", "440100D15600000530000003FFFFFFFF|A10000031|"), ("pPayInfo", "1000|")]
            .map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned())));
    let begun = counter.terminal.drive(DriverCall {
        function: "iDoDebit_HSM_Step1".to_owned(),
        parameters: parameters.into(),
        ..DriverCall::default()
    });
    assert_eq!(begun.code, Code::SUCCESS, "{}", *begun.output);
    let ended = DriverCall {
        function: "iReadCardBas".to_owned(),
        parameters: [("iType".to_owned(), Zeroizing::new(CONTACT.to_owned()))].into(),
        session: begun.session,
        ..DriverCall::default()
    };
    assert_eq!(counter.terminal.drive(ended).code, Code::SUCCESS, "the card is free again");
    // The other reader's card was read while somebody typed, not after all that time.
    assert_eq!(*meanwhile.lock().unwrap(), [Code::SUCCESS, Code::CONNECTION]);
}
