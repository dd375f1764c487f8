//! The holder's PIN at a reader's pad: one entry, one attempt, and how it ended.

use super::open::inserted;
use super::*;
use crate::card::{Card, Contents, HolderPin, Pin, PinTries};
use crate::reader::{PadAbilities, PinEntry, PinLength};
use crate::virtual_card::{Prompt, Typed, VirtualPad};

const TWENTY: Duration = Duration::from_secs(20);

fn six() -> PinEntry {
    PinEntry::of(PinLength::SIX, TWENTY)
}

/// Someone who types the first at the first prompt, and so on, and then nothing; how often they were asked.
fn person(types: &[Typed]) -> (crate::virtual_card::Person, Arc<Mutex<usize>>) {
    let (types, asked) = (types.to_vec(), Arc::new(Mutex::new(0)));
    let count = Arc::clone(&asked);
    let stands = move |_: Prompt| {
        let mut count = count.lock().unwrap();
        *count += 1;
        types.get(*count - 1).cloned().unwrap_or(Typed::Nothing)
    };
    (Arc::new(stands), asked)
}

/// A desk whose reader has a pad; the card keeps what was done to it.
struct AtPad {
    desk: Desk,
    memory: crate::virtual_card::Memory,
}

impl AtPad {
    fn new(desk: Desk) -> Self {
        let memory = desk.card.memory().unwrap();
        Self { desk, memory }
    }

    /// What came of it, and how often the person was asked.
    fn on<T>(
        &self,
        types: &[Typed],
        work: impl FnOnce(&mut Card<'_>) -> Result<T, CardError>,
    ) -> (Result<T, CardError>, usize) {
        let chip = self.desk.card.chip_with(&self.memory, Arc::new(SystemRandom::default()));
        let (person, asked) = person(types);
        let pad = VirtualPad::before(Box::new(InProcess::new(chip).unwrap()), person);
        let lease = Lease::new("reader", Box::new(pad), Instant::now() + Duration::from_secs(60));
        let done = self.desk.on(lease, work);
        let asked = *asked.lock().unwrap();
        (done, asked)
    }

    fn tries(&self) -> PinTries {
        self.on(&[], |card| card.pin_tries()).0.unwrap()
    }
}

#[test]
fn each_entry_is_one_attempt_and_ends_as_by_keyboard() {
    let at = AtPad::new(Desk::new("v3-full"));
    for (typed, outcome, left) in [
        (Typed::digits("111111"), Err(CardError::PinWrong { left: 2 }), 2),
        (Typed::Cancel, Err(CardError::PinCancelled), 2),
        (Typed::Nothing, Err(CardError::PinTimedOut), 2),
        (Typed::digits("12345"), Err(CardError::PadLength), 2),
        (Typed::digits("123456"), Ok(()), 3),
        (Typed::digits("111111"), Err(CardError::PinWrong { left: 2 }), 2),
        (Typed::digits("111111"), Err(CardError::PinWrong { left: 1 }), 1),
        (Typed::digits("111111"), Err(CardError::PinWrong { left: 0 }), 0),
        (Typed::digits("123456"), Err(CardError::PinLocked), 0),
    ] {
        assert_eq!(at.on(&[typed], |card| card.verify(HolderPin::AtPad(six()))), (outcome, 1));
        assert_eq!(at.tries(), PinTries::Left(left));
    }
}

#[test]
fn a_pin_is_changed_at_the_pad() {
    let at = AtPad::new(Desk::new("v3-full"));
    let change = |old: &str, new: &str, again: &str| {
        at.on(&[old, new, again].map(Typed::digits), |card| card.change_at_pad(PinLength::SIX, TWENTY)).0
    };
    assert_eq!(change("123456", "222222", "333333"), Err(CardError::PinsDiffer));
    assert_eq!(at.tries(), PinTries::Left(3));
    assert_eq!(change("111111", "222222", "222222"), Err(CardError::PinWrong { left: 2 }));
    assert_eq!(change("123456", "222222", "222222"), Ok(()));
    assert_eq!(at.on(&[Typed::digits("222222")], |card| card.verify_at_pad(six())).0, Ok(()));
}

#[test]
fn a_file_behind_the_pin_has_the_holder_asked_once_and_a_free_one_nobody() {
    let at = AtPad::new(Desk::new("v3-full"));
    let read = |name: &str, typed: Typed| {
        let items = [name.parse().unwrap()];
        at.on(&[typed], |card| card.read(&items, Some(HolderPin::AtPad(six()))))
    };
    let (files, asked) = read("DF04/EF08", Typed::digits("123456"));
    let files = files.unwrap();
    assert!(files.pin && matches!(files.files[0].contents, Contents::Records(_)));
    assert_eq!(asked, 1);
    let (cancelled, asked) = read("DF04/EF08", Typed::Cancel);
    assert_eq!((cancelled.err(), asked), (Some(CardError::PinCancelled), 1));
    let (files, asked) = read("SSSE/EF05", Typed::Nothing);
    assert!(files.is_ok_and(|files| !files.pin));
    assert_eq!(asked, 0);
}

#[test]
fn an_initial_pin_cannot_be_seen_at_a_pad() {
    let initial_pins = InitialPins::parse(["123456"]).unwrap();
    let at = AtPad::new(Desk { initial_pins, ..Desk::new("v3-full") });
    let entered = |card: &mut Card<'_>| card.verify(Pin::parse("123456").unwrap().into());
    assert_eq!(at.on(&[], entered), (Err(CardError::PinInitial), 0));
    assert_eq!(at.on(&[Typed::digits("123456")], |card| card.verify_at_pad(six())).0, Ok(()));
}

#[test]
fn a_reader_without_a_pad_asks_nobody() {
    let desk = Desk::new("v3-full");
    let insert = inserted(&desk.card);
    assert_eq!(desk.on(insert(), |card| card.pad()), Ok(PadAbilities::default()));
    let done = desk.on(insert(), |card| card.verify_at_pad(six()));
    assert_eq!(done, Err(TransportError::NoPinPad.into()));
    assert_eq!(desk.on(insert(), |card| card.pin_tries()), Ok(PinTries::Left(3)));
}
