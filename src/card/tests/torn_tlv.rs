//! Records that are cut, too long, or nested, in the answer to any command that reads them: what cannot be is told, and
//! what is shown is the card's own.

use super::stage::{Side, Stage};
use super::uses::{self, Family};
use super::*;
use crate::apdu::tlv;

/// What is done to the data of an answer.
type Mangle = fn(&mut Vec<u8>);

/// Records that cannot be: whoever reads them says so, or reads them otherwise.
const WRONG: [(&str, Mangle); 10] = [
    ("cut by one byte", |answer| data_of(answer, |data| data.truncate(data.len() - 1))),
    ("cut in the middle", |answer| data_of(answer, |data| data.truncate(data.len() / 2))),
    ("cut to its tag", |answer| data_of(answer, |data| data.truncate(1))),
    ("its length is one more", |answer| data_of(answer, |data| set_length(data, |length| length.wrapping_add(1)))),
    ("its length is FF", |answer| data_of(answer, |data| set_length(data, |_| 0xFF))),
    ("its length is of more than a byte", |answer| data_of(answer, |data| data.insert(1.min(data.len()), 0x82))),
    ("its length is 0", |answer| data_of(answer, |data| set_length(data, |_| 0))),
    ("its tag is another", |answer| data_of(answer, |data| set_tag(data, 0x7F))),
    ("inside another", |answer| data_of(answer, |data| nest(data, 1))),
    ("inside a hundred others", |answer| data_of(answer, |data| nest(data, 100))),
];

/// Changes what stands before the status word, if it is records. A challenge, an amount, and a record without a tag are not
/// to be told from others.
fn data_of(answer: &mut Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) {
    let word = answer.split_off(answer.len().saturating_sub(2));
    if tlv::records(answer).is_ok_and(|records| !records.is_empty()) {
        change(answer);
    }
    answer.extend(word);
}

fn set_length(data: &mut [u8], to: impl FnOnce(u8) -> u8) {
    if let Some(length) = data.get_mut(1) {
        *length = to(*length);
    }
}

fn set_tag(data: &mut [u8], to: u8) {
    if let Some(tag) = data.first_mut() {
        *tag = to;
    }
}

/// Puts it into so many records, as far as their lengths go.
fn nest(data: &mut Vec<u8>, times: usize) {
    for _ in 0..times {
        let Ok(length) = u8::try_from(data.len()) else { return };
        if length > 250 {
            return;
        }
        *data = [&[0x70, length], data.as_slice()].concat();
    }
}

/// Uses whose answers are records; bytes of a transparent file may be anything.
fn hold(family: Family) {
    for one in uses::of(family).filter(|one| one.name != "bytes") {
        let stage = Stage::of(one);
        for (name, mangle) in WRONG {
            let fired = stage.at_each(Side::Card, &Fault::Mangled(mangle), |scene, done, n| {
                let what = format!("{name}, at {n}");
                scene.hold(done, &what);
                if let Ok(found) = &done.outcome {
                    // Cut where a record ends, a file is one with fewer records, which cards have.
                    assert!(stage.is_found(found) || stage.is_part(found), "{}, {what}: {found}", one.name);
                }
            });
            assert!(fired > 0, "{}", one.name);
        }
    }
}

#[test]
fn of_card_and_holder() {
    hold(Family::Read);
}

#[test]
fn of_files() {
    hold(Family::Files);
}

#[test]
fn of_what_is_written_and_read_back() {
    hold(Family::Write);
}

#[test]
fn of_the_bank() {
    hold(Family::Bank);
}
