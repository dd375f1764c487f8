//! What the holder proves with their PIN: nothing of it is done without the right one, and a wrong one costs a try.

use std::sync::{Arc, mpsc};

use sbkd::queue::State;
use sbkd::virtual_card::{Chip, Reaction};
use serde_json::{Value, json};

use crate::counter::{Gate, HOLDER, SECOND, chip};
use crate::house::{House, brief, case_id};
use crate::subject::{self, Subject};
use crate::told;

/// No card's PIN.
const WRONG: &str = "654321";
/// The tries of every card of the demonstration.
const TRIES: usize = 3;

#[test]
fn nothing_is_done_without_the_right_pin() {
    let house = House::open();
    let with_a_pin = subject::those(|asks| asks.pin);
    house.each(&with_a_pin, |subject| {
        let before = house.committed();
        locked(&house, subject);
        let shown = one_try_is_lost(&house, subject);
        assert_eq!(house.committed(), before, "{subject}: something was done without its PIN");
        assert_eq!(house.confirm(&shown).status, 200, "{subject}");
        let view = house.ended(case_id(&shown));
        assert_eq!(view["state"], "done", "{subject}: {}", brief(&view));
        house.transaction(&view, State::Acked);
        assert_eq!(house.committed(), before + 1, "{subject}");
    });
}

/// Each wrong PIN costs a try. Once none is left the case is over, whatever is typed.
fn locked(house: &House, subject: &Subject) {
    house.fresh_card_of(subject);
    let shown = house.to_be_confirmed(subject, None);
    for left in (0..TRIES).rev() {
        is_wrong(&typed(house, &shown, WRONG), left, subject);
    }
    assert_eq!(house.confirm(&shown).status, 200, "{subject}");
    let view = house.confirmable(case_id(&shown));
    assert_eq!(view["state"], "failed", "{subject}: {}", brief(&view));
    told::told(&view["failure"], &["E-CARD-PIN-LOCKED"], "holder", subject);
}

/// The case waits for the right PIN after a wrong one, and gives the card as many tries as it has left.
fn one_try_is_lost(house: &House, subject: &Subject) -> Value {
    house.fresh_card_of(subject);
    let shown = house.to_be_confirmed(subject, None);
    is_wrong(&typed(house, &shown, WRONG), TRIES - 1, subject);
    shown
}

fn typed(house: &House, shown: &Value, pin: &str) -> Value {
    let answer = house.confirm_with(shown, pin);
    assert_eq!(answer.status, 200, "{answer:?}");
    house.confirmable(case_id(shown))
}

fn is_wrong(view: &Value, left: usize, subject: &Subject) {
    assert_eq!(view["state"], "waiting-confirmation", "{subject}: {}", brief(view));
    told::told(&view["failure"], &["E-CARD-PIN-WRONG"], "holder", subject);
    told::names(&view["failure"], [format!("tries left: {left}").as_str()], subject);
}

/// Somebody does something with the card in the reader.
type Change = fn(&House, &Subject);

/// What somebody does with the card while its PIN is on the way to it, and the tries of the one that is there then.
const CHANGES: [(&str, Change, Option<usize>); 2] = [
    ("pulled", |house, _| house.take_out(), None),
    ("another person's card in its place", |house, subject| house.put_in(subject.another_card()), Some(TRIES)),
];

#[test]
fn a_pin_goes_to_the_card_that_was_read_and_to_no_other() {
    let house = House::open();
    let with_a_pin = subject::those(|asks| asks.pin);
    house.each(&with_a_pin, |subject| {
        for (what, change, tries) in CHANGES {
            let about = format!("{subject}, {what}");
            house.fresh_card_of(subject);
            let shown = house.to_be_confirmed(subject, None);
            let before = house.committed();
            let others = Others::at_the_keys(&house);
            assert_eq!(house.confirm_with(&shown, WRONG).status, 200, "{about}");
            assert_eq!(house.at(case_id(&shown), |_| true)["state"], "proving", "{about}");
            change(&house, subject);
            ended_by_its_card(&house, &shown, before, &about);
            others.leave(&house);
            if let Some(tries) = tries {
                assert_eq!(house.tries_left(), json!(tries), "{about}: it was tried on the wrong card");
            }
        }
    });
}

#[test]
fn a_card_pulled_at_any_command_of_its_pin_ends_the_case() {
    let house = House::open();
    let subject = &subject::those(|asks| asks.pin)[0];
    for n in 1.. {
        house.fresh_card_of(subject);
        let shown = house.to_be_confirmed(subject, None);
        let before = house.committed();
        house.readers.pull_at(HOLDER, n);
        assert_eq!(house.confirm(&shown).status, 200, "{subject}");
        let view = house.ended(case_id(&shown));
        if !house.readers.pulled(HOLDER) {
            assert_eq!(view["state"], "done", "{subject}: {}", brief(&view));
            assert!(n > 6, "only {n} commands");
            return;
        }
        ended_by_its_card(&house, &shown, before, &format!("{subject}, command {n}"));
    }
}

/// The case has ended because its card is not there any more, and nothing was done.
fn ended_by_its_card(house: &House, shown: &Value, before: usize, about: &str) {
    let view = house.ended(case_id(shown));
    assert_eq!((&view["state"], &view["transaction"]), (&json!("failed"), &Value::Null), "{about}: {}", brief(&view));
    told::told(&view["failure"], &["E-TERM-CARD-REMOVED"], "holder", &about);
    assert_eq!(house.committed(), before, "{about}");
}

/// Who has the keys at another reader, so that nobody else comes to a card meanwhile.
struct Others {
    gate: Gate,
    reading: std::thread::JoinHandle<()>,
}

impl Others {
    fn at_the_keys(house: &House) -> Self {
        let gate = Gate::default();
        gate.set(true);
        let (asked, first) = mpsc::channel();
        house.readers.insert(SECOND, Box::new(Waiting { gate: gate.clone(), asked, card: chip(subject::USUAL) }));
        let terminal = Arc::clone(&house.terminal);
        let reading = std::thread::spawn(move || drop(terminal.read_card(Some(SECOND), false).unwrap()));
        first.recv().unwrap();
        Self { gate, reading }
    }

    fn leave(self, house: &House) {
        self.gate.set(false);
        self.reading.join().unwrap();
        house.readers.remove(SECOND);
    }
}

/// A card that tells when it is asked something, and answers once its gate is open.
struct Waiting {
    gate: Gate,
    asked: mpsc::Sender<()>,
    card: Box<dyn Chip>,
}

impl Chip for Waiting {
    fn answer(&mut self, tpdu: &[u8]) -> Reaction {
        // Whoever waited for the first command is gone by the next.
        let _ = self.asked.send(());
        self.gate.pass();
        self.card.answer(tpdu)
    }

    fn reset(&mut self) {
        self.card.reset();
    }

    fn atr(&self) -> Vec<u8> {
        self.card.atr()
    }
}
