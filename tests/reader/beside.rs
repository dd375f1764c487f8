//! Another program at the same card while it is used: it is kept out, or holds the card and is told of; nothing is lost, and
//! nothing happens twice.

use std::fs::File;
use std::sync::atomic::{AtomicU32, Ordering};

use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};
use serde_json::Value;

use crate::rig::{HOLDER, Ran, Rig, image, tree};
use crate::{alone, taken};

/// A use of each family; what the card says of it, and what must be said afterwards.
struct Use {
    words: &'static str,
    /// What is entered.
    entered: &'static str,
    /// By how many 分 the account is less after it.
    pays: u32,
}

const PIN: &str = "123456\n";

const USES: [Use; 5] = [
    Use { words: "file DF04/EF05 --unmask", entered: PIN, pays: 0 },
    Use { words: "pin verify", entered: PIN, pays: 0 },
    Use { words: "write DF04/EF05 --from -", entered: "84=440105\n8F=2\n", pays: 0 },
    Use { words: "account pay --account 1.00", entered: PIN, pays: 100 },
    Use { words: "bank", entered: PIN, pays: 0 },
];

impl Use {
    fn by(&self, rig: &Rig) -> Ran {
        card_with(rig, self.words, self.entered)
    }
}

fn card(rig: &Rig, words: &str) -> Ran {
    card_with(rig, words, PIN)
}

fn card_with(rig: &Rig, words: &str, entered: &str) -> Ran {
    let mut command = rig.command("card");
    command.args(words.split(' ')).args(["--direct", "--reader", HOLDER, "--json", "--mode", "demo", "--keys"]);
    command.arg(tree("fixtures/cards/demonstration-keys.toml")).arg("--config").arg(rig.configuration());
    // Two uses may be at it at once.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let file = rig.dir().join(format!("entered-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&file, entered).unwrap();
    command.stdin(File::open(file).unwrap());
    Ran::of(command)
}

fn balance(rig: &Rig) -> String {
    card(rig, "account").success()["account"].as_str().unwrap().to_owned()
}

fn yuan(fen: u32) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// A use, while another program takes the card whenever it can; how often that was refused it.
fn used_beside_another(rig: &Rig, one: &Use) -> (Ran, u32) {
    std::thread::scope(|scope| {
        let using = scope.spawn(|| one.by(rig));
        let other = Context::establish(Scope::User).unwrap();
        let mut refused = 0;
        while !using.is_finished() {
            for mode in [ShareMode::Exclusive, ShareMode::Shared] {
                match other.connect(c"Virtual PCD 00 00", mode, Protocols::ANY) {
                    Ok(card) => {
                        // It lets the use begin; between two leases it takes every right with it.
                        let end = if refused == 0 { Disposition::LeaveCard } else { Disposition::UnpowerCard };
                        card.disconnect(end).map_err(|(_, error)| error).unwrap();
                    }
                    Err(pcsc::Error::SharingViolation) => refused += 1,
                    // The card is just being powered.
                    Err(pcsc::Error::ResetCard | pcsc::Error::UnpoweredCard | pcsc::Error::NoSmartcard) => {}
                    Err(error) => panic!("{}: {error}", one.words),
                }
            }
        }
        (using.join().unwrap(), refused)
    })
}

#[test]
fn who_takes_the_card_whenever_it_can_disturbs_no_use_of_it() {
    alone("beside::who_takes_the_card_whenever_it_can_disturbs_no_use_of_it", |rig| {
        // So slow that it is asked for in the middle of each use, many times.
        let slow = rig.dir().join("slow.toml");
        std::fs::write(&slow, format!("extends = {:?}\n[faults]\nlate_ms = 40\n", image("v3-money"))).unwrap();
        rig.insert(&slow);
        let mut held = 150_000;
        for one in &USES {
            let (mut ran, mut refused) = used_beside_another(rig, one);
            while refused == 0 {
                // It was kept out before it began, or done before the other had asked once.
                match ran.code {
                    Some(0) => held -= one.pays,
                    _ => assert_eq!(ran.error_code(), "E-READER-BUSY", "{}", one.words),
                }
                (ran, refused) = used_beside_another(rig, one);
            }
            match ran.code {
                Some(0) => held -= one.pays,
                _ => {
                    // What it can have met is the other program, before the first command or between two leases.
                    let code = ran.error_code();
                    assert!(
                        ["E-READER-BUSY", "E-READER-CARD-RESET"].contains(&code.as_str()),
                        "{}: {ran:?}",
                        one.words
                    );
                    one.by(rig).success();
                    held -= one.pays;
                }
            }
            assert_eq!(balance(rig), yuan(held), "{}", one.words);
            assert_eq!(card(rig, "pin tries").success()["left"], 3, "{}", one.words);
            assert_eq!(card(rig, "mend").success()["mended"], Value::Array(vec![]), "{}", one.words);
        }
    });
}

#[test]
fn while_another_program_holds_the_card_each_use_says_so_and_does_nothing() {
    alone("beside::while_another_program_holds_the_card_each_use_says_so_and_does_nothing", |rig| {
        rig.insert(&image("v3-money"));
        let other = Context::establish(Scope::User).unwrap();
        let holding = taken(&other);
        for one in &USES {
            assert_eq!(one.by(rig).error_code(), "E-READER-BUSY", "{}", one.words);
        }
        holding.disconnect(Disposition::ResetCard).map_err(|(_, error)| error).unwrap();
        assert_eq!((balance(rig), &card(rig, "pin tries").success()["left"]), (yuan(150_000), &Value::from(3)));
        for one in &USES {
            one.by(rig).success();
        }
        assert_eq!(balance(rig), yuan(149_900));
    });
}

#[test]
fn two_that_pay_at_once_pay_one_after_the_other() {
    alone("beside::two_that_pay_at_once_pay_one_after_the_other", |rig| {
        rig.insert(&image("v3-money"));
        let rig = &*rig;
        // The journal is there by now: who makes it is not what this is about.
        card(rig, "account pay --account 1.00").success();
        let paid: u32 = std::thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| card(rig, "account pay --account 1.00")));
            both.map(|one| one.join().unwrap())
                .iter()
                .map(|ran| match ran.code {
                    Some(0) => 100,
                    _ => {
                        // In the middle of the other one, or one that is not settled by its journal's row.
                        let code = ran.error_code();
                        let known = ["E-READER-BUSY", "E-CARD-ACCOUNT-UNSETTLED"].contains(&code.as_str());
                        assert!(known, "{ran:?}");
                        0
                    }
                })
                .sum()
        });
        assert!(paid > 0, "neither had the card");
        assert_eq!(balance(rig), yuan(149_900 - paid));
    });
}
