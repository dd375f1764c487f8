//! A PSAM that answers nonsense, or is pulled, at any of its commands in any use: it is told, nothing is paid or written
//! unreported, and at most one try of the card's is lost, which no second one follows.

use super::stage::{Side, Stage};
use super::uses::{self, Family};
use super::*;

/// What it answers in place of what it should: status words of its own, no word at all, too little, too much, and
/// what has the right form and is wrong.
fn nonsense() -> Vec<Fault> {
    let answers = [vec![], vec![0x90], vec![0x90, 0x00], vec![0xA5, 0x90, 0x00], vec![0xA5; 258], vec![0xFF; 3]];
    let words = [
        0x6108_u16, 0x6281, 0x63C0, 0x6581, 0x6700, 0x6901, 0x6982, 0x6983, 0x6985, 0x6988, 0x6A80, 0x6A82, 0x6A83,
        0x6A86, 0x6A88, 0x6C08, 0x6D00, 0x6E00, 0x6F00, 0x9302, 0x9403, 0x9406,
    ];
    let wrong: [fn(&mut Vec<u8>); 4] = [
        |answer| change_data(answer, |data| data.iter_mut().for_each(|byte| *byte = !*byte)),
        |answer| change_data(answer, |data| data.truncate(data.len() - 1)),
        |answer| change_data(answer, |data| data.push(0)),
        |answer| change_data(answer, |data| *data = [data.as_slice(), data.as_slice()].concat()),
    ];
    let words = words.map(|status| status.to_be_bytes().to_vec());
    let answers = answers.into_iter().chain(words).map(Fault::Answer);
    answers.chain(wrong.map(Fault::Mangled)).collect()
}

/// Changes what stands before the status word, if anything does.
fn change_data(answer: &mut Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) {
    let word = answer.split_off(answer.len().saturating_sub(2));
    if !answer.is_empty() {
        change(answer);
    }
    answer.extend(word);
}

fn hold(family: Family, faults: &[Fault]) {
    for one in uses::of(family).filter(|one| !one.soft) {
        let stage = Stage::of(one);
        for fault in faults {
            let fired = stage.at_each(Side::Psam, fault, |scene, done, n| {
                let what = format!("{fault:02X?} at the PSAM's {n}");
                scene.hold(done, &what);
                if let Ok(found) = &done.outcome {
                    assert!(stage.is_found(found), "{}, {what}: {found}", one.name);
                }
                scene.again(done, &what);
            });
            assert!(fired > 0, "{}: the PSAM is not asked", one.name);
        }
    }
}

/// The uses of a PSAM.
const FAMILIES: [Family; 5] = [Family::Read, Family::Files, Family::Pin, Family::Write, Family::Account];

#[test]
fn a_psam_that_is_pulled_is_told_and_nothing_is_done_twice() {
    for family in FAMILIES {
        hold(family, &[Fault::Removed, Fault::Lost, Fault::Reset]);
    }
}

#[test]
fn nonsense_does_no_harm_to_a_reading() {
    hold(Family::Read, &nonsense());
}

#[test]
fn nonsense_does_no_harm_to_files_that_are_read() {
    hold(Family::Files, &nonsense());
}

#[test]
fn nonsense_does_no_harm_to_the_pin() {
    hold(Family::Pin, &nonsense());
}

#[test]
fn nonsense_does_no_harm_to_files_that_are_written() {
    hold(Family::Write, &nonsense());
}

#[test]
fn nonsense_does_no_harm_to_the_account() {
    hold(Family::Account, &nonsense());
}
