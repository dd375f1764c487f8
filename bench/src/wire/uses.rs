//! What is done with a card besides reading files: the PIN, writing, the account, the bank. There is no goal for these;
//! the figures stand beside a plain driver's.

use sbkd::card::{CardError, InitialPins, Pin, PinTries};
use sbkd::profile::Profile;
use sbkd::script::Library;
use sbkd::store::Store;
use sbkd::virtual_card::{Image, Memory, Torn};
use sbkd::world::SystemRandom;

use super::ours::Ours;
use super::plain::Plain;
use super::{demonstration_keys, lease_on};
use crate::rig::{image, tree};
use crate::tape::{Exchange, Tape};

/// A use of a card.
pub struct Use {
    /// As the table calls it.
    pub what: &'static str,
    card: &'static str,
    /// How items are written, where not as the profile that ships says.
    writing: Option<&'static str>,
    /// What befell the card before.
    before: fn(&Scene<'_>, &Memory),
    ours: Run,
    plain: fn(&mut Plain<'_>),
}

type Run = fn(&mut Ours<'_>) -> Result<(), CardError>;

/// The item numbers and values that are written into DF04/EF05: neither has another meaning on a card of 1.0.
pub const WRITTEN: [(u8, &str); 2] = [(0x80, "20110701"), (0x8F, "2")];
/// The directory of what is written, and of the account.
pub const DIRECTORY: &str = "DF04";
/// What is paid from the account, by the holder himself, and by the pooling fund, in 分.
pub const PAID: [i64; 3] = [7_345, 100, 20_000];
/// What the account is loaded with, in 分.
pub const LOADED: i64 = 50_000;
/// The holder's PIN on every card.
pub const PIN: &str = "123456";
/// What it is changed to.
pub const NEW_PIN: &str = "222222";

/// Nobody's.
const WRONG_PIN: &str = "000000";

const NONE: Use =
    Use { what: "", card: "", writing: None, before: |_, _| (), ours: |ours| ours.card().map(drop), plain: |_| () };
const VERIFY: Use = Use { ours: |ours| ours.verify(), plain: |plain| plain.verify(), ..NONE };
const CHANGE: Use = Use { ours: |ours| ours.change(), plain: |plain| plain.change(), ..NONE };
const RELOAD: Use = Use { ours: |ours| ours.reload(), plain: |plain| plain.reload(), ..NONE };
const UNBLOCK: Use = Use {
    before: |scene, card| scene.lock_pin(card),
    ours: |ours| ours.unblock(),
    plain: |plain| plain.unblock(),
    ..NONE
};
const WRITE: Use = Use { ours: |ours| ours.write(), ..NONE };
const PLAIN: Use = Use { writing: Some("plain"), plain: |plain| plain.write(), ..WRITE };
const WITH_MAC: Use = Use { writing: Some("mac"), plain: |plain| plain.write_secured(false), ..WRITE };
const ENCIPHERED: Use = Use { writing: Some("enciphered"), plain: |plain| plain.write_secured(true), ..WRITE };
/// Whoever sees that its write was torn and keeps no journal writes both items again.
const MEND: Use = Use {
    before: |scene, card| scene.tear_write(card),
    ours: |ours| ours.mend(),
    plain: |plain| plain.write_secured(false),
    ..NONE
};
const BALANCE: Use = Use { ours: |ours| ours.balance(), plain: |plain| plain.balance(), ..NONE };
const PURCHASE: Use = Use { ours: |ours| ours.pay(), plain: |plain| plain.pay(), ..NONE };
const LOAD: Use = Use { ours: |ours| ours.load(), plain: |plain| plain.load(), ..NONE };
const SETTLE: Use = Use {
    before: |scene, card| scene.tear_purchase(card),
    ours: |ours| ours.settle(),
    plain: |plain| plain.settle(),
    ..NONE
};
const BANK: Use = Use { ours: |ours| ours.bank(), plain: |plain| plain.bank(), ..NONE };

/// Every use with a card of each generation that has what it takes.
pub const USES: &[Use] = &[
    Use { what: "PIN verified, 3.0", card: "v3-full", ..VERIFY },
    Use { what: "PIN verified, 2.0", card: "v2-full", ..VERIFY },
    Use { what: "PIN verified, 1.0", card: "v1-full", ..VERIFY },
    Use { what: "PIN changed, 3.0", card: "v3-full", ..CHANGE },
    Use { what: "PIN changed, 2.0", card: "v2-full", ..CHANGE },
    Use { what: "PIN changed, 1.0", card: "v1-full", ..CHANGE },
    Use { what: "PIN set anew by key, 3.0", card: "v3-full", ..RELOAD },
    Use { what: "PIN set anew by key, 2.0", card: "v2-full", ..RELOAD },
    Use { what: "PIN set anew by key, 1.0", card: "v1-full", ..RELOAD },
    Use { what: "locked PIN unblocked, 3.0", card: "v3-full", ..UNBLOCK },
    Use { what: "locked PIN unblocked, 2.0", card: "v2-full", ..UNBLOCK },
    Use { what: "locked PIN unblocked, 1.0", card: "v1-full", ..UNBLOCK },
    Use { what: "two items written plain, 3.0", card: "v3-full", ..PLAIN },
    Use { what: "two items written plain, 2.0", card: "v2-full", ..PLAIN },
    Use { what: "two items written plain, 1.0", card: "v1-full", ..PLAIN },
    Use { what: "two items written with a MAC, 3.0", card: "v3-full", ..WITH_MAC },
    Use { what: "two items written with a MAC, 2.0", card: "v2-full", ..WITH_MAC },
    Use { what: "two items written with a MAC, 1.0", card: "v1-full", ..WITH_MAC },
    Use { what: "two items written enciphered, 3.0", card: "v3-enciphered", ..ENCIPHERED },
    Use { what: "torn write of two items mended, 3.0", card: "v3-full", ..MEND },
    Use { what: "torn write of two items mended, 2.0", card: "v2-full", ..MEND },
    Use { what: "torn write of two items mended, 1.0", card: "v1-full", ..MEND },
    Use { what: "balance, 3.0", card: "v3-money", ..BALANCE },
    Use { what: "balance, 2.0", card: "v2-money", ..BALANCE },
    Use { what: "purchase, 3.0", card: "v3-money", ..PURCHASE },
    Use { what: "purchase, 2.0", card: "v2-money", ..PURCHASE },
    Use { what: "load, 3.0", card: "v3-money", ..LOAD },
    Use { what: "load, 2.0", card: "v2-money", ..LOAD },
    Use { what: "torn purchase settled, 3.0", card: "v3-money", ..SETTLE },
    Use { what: "torn purchase settled, 2.0", card: "v2-money", ..SETTLE },
    Use { what: "bank's number, 3.0", card: "v3-money", ..BANK },
    Use { what: "bank's number, 2.0", card: "v2-money", ..BANK },
];

impl Use {
    /// What went over the wire: ours with a card whose type was seen before, and a plain driver's.
    pub fn tapes(&self) -> (Vec<Exchange>, Vec<Exchange>) {
        let image = Image::load(&image(self.card)).expect("an image");
        let seen = Store::in_memory().expect("a store in memory");
        let profile = self.writing.map_or_else(Profile::builtin, written);
        let scene = Scene { image: &image, store: &seen, profile: &profile };
        let [_, ours] = [(); 2].map(|()| scene.used(&image, &self.found(&scene), |ours| self.run(ours)));
        let mut plain = Plain::before(&image, &self.found(&scene), &ours);
        (self.plain)(&mut plain);
        let plain = plain.end();
        (ours, plain)
    }

    /// The card as the use finds it.
    fn found(&self, scene: &Scene<'_>) -> Memory {
        let memory = scene.new_card();
        (self.before)(scene, &memory);
        memory
    }

    fn run(&self, ours: &mut Ours<'_>) {
        (self.ours)(ours).expect(self.what);
    }
}

/// A card, and what this program keeps of it.
struct Scene<'a> {
    image: &'a Image,
    store: &'a Store,
    profile: &'a Profile,
}

impl Scene<'_> {
    fn new_card(&self) -> Memory {
        self.image.memory().expect("a card")
    }

    /// What goes over while this program uses the card once.
    fn used(&self, image: &Image, memory: &Memory, then: impl FnOnce(&mut Ours<'_>)) -> Vec<Exchange> {
        let (tape, random) = (Tape::default(), SystemRandom::default());
        let mut ours = Ours {
            lease: lease_on(image, memory, &tape),
            keys: demonstration_keys(),
            scripts: Library::builtin(),
            profile: self.profile,
            store: self.store,
            random: &random,
            initial_pins: InitialPins::default(),
        };
        then(&mut ours);
        drop(ours);
        std::mem::take(&mut *tape.lock().expect("nobody panics with the tape"))
    }

    /// The card is gone when it had paid.
    fn tear_purchase(&self, memory: &Memory) {
        self.tear(memory, |ours| ours.pay(), (0x2C, 0), Torn::After);
    }

    /// The card is gone before the second item.
    fn tear_write(&self, memory: &Memory) {
        self.tear(memory, |ours| ours.write(), (0xDC, 1), Torn::Before);
    }

    /// Pulls the card at the n-th command of an instruction, as a use on another card of its kind tells which that is.
    fn tear(&self, memory: &Memory, run: Run, (ins, nth): (u8, usize), torn: Torn) {
        // The first one of a card's type takes other commands than those after it.
        let whole = [(); 2].map(|()| self.used(self.image, &self.new_card(), |ours| run(ours).expect("it is whole")));
        let mut of_kind = whole[1].iter().enumerate().filter(|(_, exchange)| exchange.sent[1] == ins);
        let (before, _) = of_kind.nth(nth).expect("the command");
        let image = self.image.clone().removed_at(u32::try_from(before + 1).expect("few")).torn(torn);
        self.used(&image, memory, |ours| assert!(run(ours).is_err(), "the card is gone"));
    }

    fn lock_pin(&self, memory: &Memory) {
        self.used(self.image, memory, |ours| {
            let mut card = ours.card().expect("a card");
            while card.pin_tries().expect("the tries") != PinTries::Left(0) {
                assert!(card.verify_pin(Pin::parse(WRONG_PIN).expect("digits")).is_err(), "another PIN");
            }
        });
    }
}

/// The profile that ships, with DF04/EF05 written in this way.
fn written(writing: &str) -> Profile {
    let text = std::fs::read_to_string(tree("config/card/files.toml")).expect("the files that ship");
    let line = "name = \"DF04/EF05\"";
    let text = text.replace(line, &format!("{line}\nwriting = \"{writing}\""));
    Profile::load([None, Some(("files.toml", &text)), None]).expect("a profile")
}
