//! A card that is pulled at any TPDU of a use, through a real pcscd: what is read is told whole or not at all, what became of
//! a write or a purchase is known when it is put in again, and nothing was moved or written twice.

mod rig;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rig::{HOLDER, Ran, Rig, image, tree, until};
use sbkd::virtual_card::{Image, Memory, Torn, serve};
use sbkd::world::SystemRandom;

/// One card, put into the rig's reader again and again.
struct Hand {
    rig: Rig,
    image: Image,
    memory: Memory,
}

/// The card in the reader; pulled when dropped.
struct Inside<'h> {
    hand: &'h Hand,
    stop: Arc<AtomicBool>,
    served: Option<JoinHandle<()>>,
}

impl Hand {
    fn with(card: &str) -> Self {
        let image = Image::load(&image(card)).unwrap();
        let memory = image.memory().unwrap();
        Self { rig: Rig::start(), image, memory }
    }

    /// Puts the card in; it is pulled at a TPDU, if one is named, before or after that took effect.
    fn put(&self, pulled: Option<(u32, Torn)>) -> Inside<'_> {
        let image = match pulled {
            Some((at, torn)) => self.image.clone().removed_at(at).torn(torn),
            None => self.image.clone(),
        };
        let mut chip = image.chip_with(&self.memory, Arc::new(SystemRandom::default()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.rig.ports()[0]));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let served = std::thread::spawn(move || {
            serve(&mut *chip, address, &stopped);
        });
        self.seen(true);
        Inside { hand: self, stop, served: Some(served) }
    }

    fn seen(&self, there: bool) {
        until("pcscd sees the card", || (self.rig.card_seen(HOLDER) == Some(there)).then_some(()));
    }
}

impl Inside<'_> {
    /// `sbkd card …` with demonstration keys and the holder's PIN.
    fn card(&self, words: &str) -> Ran {
        self.card_with(words, "123456\n")
    }

    /// `sbkd card write` of these values.
    fn write(&self, name: &str, values: &str) -> Ran {
        self.card_with(&format!("write {name} --from -"), &format!("{values}\n\n123456\n"))
    }

    /// The same with what is entered.
    fn card_with(&self, words: &str, entered: &str) -> Ran {
        let rig = &self.hand.rig;
        let mut command = rig.command("card");
        command.args(words.split(' ')).args(["--direct", "--reader", HOLDER, "--json", "--mode", "demo", "--keys"]);
        command.arg(tree("fixtures/cards/demonstration-keys.toml")).arg("--config").arg(rig.configuration());
        let file = rig.dir().join("entered");
        std::fs::write(&file, entered).unwrap();
        command.stdin(std::fs::File::open(file).unwrap());
        Ran::of(command)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(served) = self.served.take() {
            served.join().unwrap();
        }
        self.hand.seen(false);
    }
}

/// Pulls the card at each TPDU, before and then after it took effect, until the command succeeds; what it says then is held
/// against what the card says when it is in again. How often that was torn.
fn at_every_tpdu(hand: &Hand, run: impl Fn(&Inside<'_>) -> Ran, mut hold: impl FnMut(&Ran, &Inside<'_>, u32)) {
    // Only the last ones change anything on the card: whether they took effect makes a difference there alone.
    let mut first = 1;
    for torn in [Torn::Before, Torn::After] {
        for n in first.. {
            let inside = hand.put(Some((n, torn)));
            let ran = run(&inside);
            drop(inside);
            hold(&ran, &hand.put(None), n);
            if ran.code == Some(0) {
                assert!(n > 8, "it was not pulled at all");
                first = n - 6;
                break;
            }
        }
    }
}

#[test]
fn a_purchase_that_is_torn_moved_its_money_once_or_not_at_all() {
    let hand = Hand::with("v3-money");
    let (mut held, mut torn) = (150_000, 0);
    at_every_tpdu(
        &hand,
        |inside| inside.card("account pay --account 1.00"),
        |ran, inside, n| {
            let mut moved = u32::from(ran.code == Some(0)) * 100;
            if ran.code != Some(0) && ran.error_code() == "E-CARD-ACCOUNT-TORN" {
                torn += 1;
                assert_eq!(inside.card("account pay --account 1.00").error_code(), "E-CARD-ACCOUNT-UNSETTLED");
                let settled = inside.card("account settle").success();
                moved = u32::from(settled["settled"][0]["done"] == true) * 100;
            }
            held -= moved;
            let now = format!("{}.{:02}", held / 100, held % 100);
            assert_eq!(inside.card("account").success()["account"], now, "TPDU {n}");
        },
    );
    assert!(torn >= 2, "torn {torn} times");
}

#[test]
fn a_write_that_is_torn_is_completed_or_undone() {
    let hand = Hand::with("v3-full");
    let (mut value, mut torn) = (0, 0);
    let read = |inside: &Inside<'_>| {
        let read = inside.card("file DF04/EF05/8F --unmask").success();
        read["files"][0]["items"][0]["value"].as_str().unwrap_or_default().to_owned()
    };
    let first = read(&hand.put(None));
    let words = if first == "1" { "8F=2" } else { "8F=1" };
    let (old, new) = if first == "1" { ("1", "2") } else { (first.as_str(), "1") };
    let back = format!("8F={old}");
    at_every_tpdu(
        &hand,
        |inside| inside.write("DF04/EF05", words),
        |ran, inside, n| {
            if ran.code != Some(0) && ran.error_code() == "E-CARD-WRITE-TORN" {
                torn += 1;
                let mended = inside.card("mend").success();
                let completed = mended["mended"][0]["outcome"] == "completed";
                assert_eq!(read(inside), if completed { new } else { old }, "TPDU {n}: {mended}");
                value += u32::from(completed);
            } else {
                assert_eq!(read(inside), if ran.code == Some(0) { new } else { old }, "TPDU {n}");
            }
            inside.write("DF04/EF05", &back).success();
        },
    );
    assert!(torn >= 2 && value >= 1, "torn {torn} times, completed {value}");
}

/// Of the reading of the holder `card_pcscd` tells; a card is opened in the same way, which is left out here.
#[test]
fn what_only_reads_or_verifies_is_told_whole_or_not_at_all_and_costs_no_try() {
    const OPENS: u32 = 6;
    let hand = Hand::with("v3-money");
    for (words, first) in
        [("file DF04/EF05/84 --unmask", OPENS), ("pin verify", OPENS), ("account", OPENS), ("bank", 1)]
    {
        // How a card of this type is read is known from now on, as it is at a terminal.
        let whole = told(&hand.put(None).card(words));
        let mut pulled = 0;
        for n in first.. {
            let inside = hand.put(Some((n, Torn::After)));
            let ran = inside.card(words);
            drop(inside);
            if ran.code == Some(0) {
                assert_eq!(told(&ran), whole, "{words}");
                break;
            }
            assert_eq!(ran.error_code(), "E-READER-CARD-REMOVED", "{words}, TPDU {n}: {ran:?}");
            pulled += 1;
        }
        assert!(pulled > 0, "{words}: it was not pulled at all");
        assert_eq!(hand.put(None).card("pin tries").success()["left"], 3, "{words}");
    }
}

/// What a command that went well told, but the time it took and how often it had to ask.
fn told(ran: &Ran) -> serde_json::Value {
    let mut told = ran.success();
    let members = told.as_object_mut().unwrap();
    members.retain(|name, _| !["apdus", "elapsed_ms"].contains(&name.as_str()));
    told
}

#[test]
fn a_record_that_is_torn_inside_is_completed() {
    let hand = Hand::with("v3-full");
    let read = |inside: &Inside<'_>| {
        let read = inside.card("file DF04/EF05/8B --unmask").success();
        read["files"][0]["items"][0]["value"].as_str().unwrap_or_default().to_owned()
    };
    // Eight bytes: tag, length, and three characters of the new value before one of the old one.
    let torn = (9..60).find(|n| {
        let ran = hand.put(Some((*n, Torn::Within(8)))).write("DF04/EF05", "8B=样例医院二科室三");
        if ran.code == Some(0) || ran.error_code() != "E-CARD-WRITE-TORN" {
            return false;
        }
        let inside = hand.put(None);
        let half = read(&inside) == "样例医注";
        if !half {
            inside.card("mend").success();
        }
        half
    });
    assert!(torn.is_some(), "it was never torn inside");
    let inside = hand.put(None);
    assert_eq!(inside.write("DF04/EF05", "8F=2").success()["mended"][0]["outcome"], "completed");
    assert_eq!(read(&inside), "样例医院二科室三");
}
