//! Another card in the place of the one that is used, between any two commands of any use: nothing of the first one's is
//! read from it, written to it or paid with it, and neither loses a try.

use super::stage::{Side, Stage};
use super::uses::{self, At, Family};
use super::*;
use crate::virtual_card::Memory;

/// A card that takes the place of another, and keeps what is done to it.
#[derive(Clone)]
pub(super) struct Other {
    image: Image,
    memory: Memory,
}

impl Other {
    pub(super) fn of(image: Image) -> Self {
        let memory = image.memory().unwrap();
        Self { image, memory }
    }

    pub(super) fn chip(&self) -> InProcess {
        InProcess::new(self.image.chip_with(&self.memory, Arc::new(SystemRandom::default()))).unwrap()
    }
}

/// Which, and nothing else of it.
impl std::fmt::Debug for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Other(…)")
    }
}

/// Cards of the same kind and of another one, of other people, with the same PIN.
fn others() -> [Image; 2] {
    let settings = "historical = \"86035342440003440130000009\"\n\n[card]\nnumber = \"A1000004X\"\n\
        identifier = \"440100D15600000530000009FFFFFFFF\"\n\n[holder]\nsocial_security_number = \"440111199201070062\"\n";
    let older = settings.replace("30000009", "20000009");
    [records::desk("v3-money", settings).card, records::desk("v2-money", &older).card]
}

/// As readers tell it: the card is pulled, and another one is in when the terminal goes on.
fn hold_when_told(family: Family) {
    for one in uses::of(family) {
        let stage = Stage::of(one);
        for (image, fault) in others().into_iter().zip([Fault::Removed, Fault::Lost]) {
            let other = Other::of(image);
            stage.at_each(Side::Card, &fault, |scene, done, n| {
                let what = format!("{fault:?} at {n}, and another card");
                let whole = scene.looked_at(&other);
                // What was begun with the first one is not gone on with.
                let first = scene.identifier();
                let is_first = |at: &mut At<'_>| Ok(at.open()?.must_be(&first).map(|()| String::new())?);
                let swapped = scene.carried_out_on(other.chip(), is_first, None, None).outcome;
                assert_eq!(swapped.unwrap_err().code, "E-CARD-SWAPPED", "{}, {what}", one.name);
                scene.carried_out_on(other.chip(), uses::mend, None, None).outcome.unwrap();
                scene.carried_out_on(other.chip(), uses::settle_any, None, None).outcome.unwrap();
                assert_eq!(scene.looked_at(&other), whole, "{}, {what}: of the other one", one.name);
                scene.hold(done, &what);
            });
        }
    }
}

/// Where the reader does not notice, what is opened by a key is not done with another card: the key is the first one's.
/// What a PIN alone opens, another card with the same PIN opens as well; there it is the reader that must tell.
fn hold_unnoticed(family: Family) {
    const BY_PIN: [&str; 6] = ["files by PIN", "tries", "verify", "change", "balance", "settle"];
    for one in uses::of(family).filter(|one| !BY_PIN.contains(&one.name)) {
        let stage = Stage::of(one);
        for other in others().map(Other::of) {
            let fault = Fault::Swapped(other.clone());
            let fired = stage.at_each(Side::Card, &fault, |scene, done, n| {
                let what = format!("another card at {n}");
                match &done.outcome {
                    // None was opened by then: the other one is the one that is used, and told.
                    Ok(_) if n == 1 => {}
                    Ok(found) => panic!("{}, {what}: {found}", one.name),
                    Err(_) => scene.hold(done, &what),
                }
            });
            assert!(fired > 1, "{}: {fired}", one.name);
        }
    }
}

/// The other card is as it was. A purchase is settled by the PIN alone, so that the other one may be asked for it.
fn hold_unchanged(family: Family) {
    for one in uses::of(family).filter(|one| one.name != "settle") {
        let stage = Stage::of(one);
        for image in others() {
            let other = Other::of(image);
            let fault = Fault::Swapped(other.clone());
            let whole = stage.scene().looked_at(&other);
            stage.at_each(Side::Card, &fault, |scene, _, n| {
                assert_eq!(scene.looked_at(&other), whole, "{}: the other card, there from {n} on", one.name);
            });
        }
    }
}

#[test]
fn while_it_is_read() {
    hold_when_told(Family::Read);
    hold_unnoticed(Family::Read);
}

#[test]
fn while_its_files_are_read() {
    hold_when_told(Family::Files);
    hold_unnoticed(Family::Files);
    hold_unchanged(Family::Files);
}

#[test]
fn while_its_pin_is_used() {
    hold_when_told(Family::Pin);
    hold_unnoticed(Family::Pin);
}

#[test]
fn while_it_is_written() {
    hold_when_told(Family::Write);
    hold_unnoticed(Family::Write);
    hold_unchanged(Family::Write);
}

#[test]
fn while_its_account_is_used() {
    hold_when_told(Family::Account);
    hold_unnoticed(Family::Account);
    hold_unchanged(Family::Account);
}

#[test]
fn while_the_bank_is_asked() {
    hold_when_told(Family::Bank);
    hold_unnoticed(Family::Bank);
}
