//! A card that never answers, and a card service that went: what hangs holds up itself alone.

use sbkd::terminal::{CaseState, Condition, NewCase};
use sbkd::virtual_card::{Chip, Reaction};

use crate::counter::{Counter, Gate, HOLDER, SECOND, Setup, chip, new_case, statement};

const SIGN_IN: &str = "unemployment-sign-in";

/// A chip that answers when its gate is open: as one that asks for more time without end.
struct Hung(Gate, Box<dyn Chip>);

impl Chip for Hung {
    fn answer(&mut self, tpdu: &[u8]) -> Reaction {
        self.0.pass();
        self.1.answer(tpdu)
    }

    fn reset(&mut self) {
        self.1.reset();
    }

    fn atr(&self) -> Vec<u8> {
        self.1.atr()
    }
}

#[test]
fn a_card_that_never_answers_holds_up_its_own_reader_only() {
    let counter = Counter::with(Setup { centre: None, config: "[cases]\nreading_secs = 1\n", ..Setup::default() });
    let gate = Gate::default();
    gate.set(true);
    counter.readers.insert(HOLDER, Box::new(Hung(gate.clone(), chip("v3-sm4"))));
    let opened = |reader: &str| {
        let new = NewCase { reader: Some(reader.into()), ..new_case(SIGN_IN, Some(statement())) };
        counter.terminal.open_case(new).unwrap().id
    };
    let hung = opened(HOLDER);
    counter.wait_for(hung, |view| view.state == CaseState::Reading);
    counter.readers.insert(SECOND, chip("v2-3des"));
    let other = opened(SECOND);
    let other = counter.wait_for(other, |view| view.holder.is_some() || view.state.is_final());
    assert!(other.holder.is_some(), "{:?}", other.failure);
    let view = counter.ended(hung);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Failed, "E-READER-DEADLINE"));
    assert!(view.holder.is_none());
    // Until the card is out, or answers, its reader is not to be had.
    let refused = counter.terminal.read_card(Some(HOLDER), false).unwrap_err();
    assert_eq!(refused.entry.code, "E-TERM-BUSY");
    gate.set(false);
}

#[test]
fn a_card_service_that_is_away_is_named_as_such() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    counter.readers.service(false);
    counter.wait_for_condition(Condition::CardServiceAway, true);
    for reader in [None, Some(HOLDER)] {
        let failure = counter.terminal.read_card(reader, false).unwrap_err();
        assert_eq!(failure.entry.code, "E-TERM-CARD-SERVICE-AWAY", "not a card that is missing");
    }
}
