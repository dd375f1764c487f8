//! Every status word of the card's table (card-facts §3.1) from every command of every use: with `SBKD_FULL=1`, else a part
//! of the table with each use, another one with the next.

use super::stage::{Side, Stage};
use super::uses::{self, Family};
use super::*;

/// The table, with one of each family that has a number in it, and warnings.
const TABLE: [u16; 40] = [
    0x6108, 0x6281, 0x6282, 0x6283, 0x6300, 0x63C0, 0x63C2, 0x6581, 0x6700, 0x6901, 0x6981, 0x6982, 0x6983, 0x6984,
    0x6985, 0x6986, 0x6988, 0x6999, 0x6A80, 0x6A81, 0x6A82, 0x6A83, 0x6A84, 0x6A85, 0x6A86, 0x6A88, 0x6B00, 0x6C00,
    0x6C08, 0x6D00, 0x6E00, 0x6F00, 0x9302, 0x9303, 0x9400, 0x9401, 0x9402, 0x9403, 0x9404, 0x9406,
];

/// With these a card that carried a command out has not said that it did not.
const UNCLEAR: [u16; 4] = [0x6281, 0x6300, 0x6581, 0x6F00];

/// What such an answer says of data: there is none, or less. Then an item may be missing, and nothing else.
const LESS: [u16; 8] = [0x6281, 0x6282, 0x6283, 0x6A82, 0x6A83, 0x6B00, 0x6985, 0x9406];

/// One in so many is tried with a use.
const SAMPLE: usize = 5;

/// The status words that are tried with a use of a family.
fn tried(nth_use: usize) -> impl Iterator<Item = u16> {
    let full = std::env::var_os("SBKD_FULL").is_some_and(|value| value == "1");
    TABLE
        .into_iter()
        .enumerate()
        .filter(move |(at, _)| full || (at + nth_use).is_multiple_of(SAMPLE))
        .map(|(_, status)| status)
}

fn hold_every_status(family: Family) {
    for (nth, one) in uses::of(family).enumerate() {
        let stage = Stage::of(one);
        let answers = tried(nth).map(|status| (status, Fault::Answer(status.to_be_bytes().to_vec())));
        for (status, fault) in answers.chain(UNCLEAR.map(|status| (status, Fault::Status(status)))) {
            let fired = stage.at_each(Side::Card, &fault, |scene, done, n| {
                let what = format!("{fault:02X?} at {n}");
                scene.hold(done, &what);
                if let Ok(found) = &done.outcome {
                    let less = LESS.contains(&status) && stage.is_part(found);
                    assert!(stage.is_found(found) || less, "{}, {what}: {found}", one.name);
                }
                scene.again(done, &what);
            });
            assert!(fired > 0, "{}: no command was answered so", one.name);
        }
    }
}

#[test]
fn of_a_reading() {
    hold_every_status(Family::Read);
}

#[test]
fn of_files() {
    hold_every_status(Family::Files);
}

#[test]
fn of_the_pin() {
    hold_every_status(Family::Pin);
}

#[test]
fn of_writing() {
    hold_every_status(Family::Write);
}

#[test]
fn of_the_account() {
    hold_every_status(Family::Account);
}

#[test]
fn of_the_bank() {
    hold_every_status(Family::Bank);
}
