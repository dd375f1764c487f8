//! The bytes of PC/SC part 10: which features a reader says it has, and what its PIN pad is told. Pure: no PC/SC.

use std::time::Duration;

use crate::apdu::ins;
use crate::reader::{PinEntry, PinLength};

/// The feature that verifies a PIN in one step.
const VERIFY_PIN_DIRECT: u8 = 0x06;
/// The feature that changes a PIN in one step.
const MODIFY_PIN_DIRECT: u8 = 0x07;
/// `bmFormatString`: places in bytes, the PIN at the data's beginning, left aligned, BCD.
const PACKED_BCD: u8 = 0b1000_0001;
/// `bEntryValidationCondition`: the person presses the validation key.
const VALIDATION_KEY: u8 = 0x02;
/// `bConfirmPIN`: the old PIN is asked as well, and the new one twice.
const OLD_AND_NEW_TWICE: u8 = 0x03;
/// `wLangId`: Chinese (PRC).
const CHINESE: u16 = 0x0804;
/// What stands where no digit does.
const FILL: u8 = 0xFF;

/// The control codes of the features that are used, where the reader has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Features {
    pub(super) verify: Option<u32>,
    pub(super) change: Option<u32>,
}

impl Features {
    /// From the answer to CM_IOCTL_GET_FEATURE_REQUEST: tag, length and, big endian, a control code of 4 bytes each. What
    /// is unknown is passed over, and so is what is cut off.
    ///
    /// The features in two steps (0x01 to 0x04) are not used: a program has to ask for the keys one by one between the steps,
    /// and no driver for Linux offers them alone.
    pub(super) fn parse(answer: &[u8]) -> Self {
        let mut features = Self::default();
        let mut rest = answer;
        while let [tag, length, more @ ..] = rest {
            let Some((value, after)) = more.split_at_checked(usize::from(*length)) else { break };
            if let Ok(code) = value.try_into().map(u32::from_be_bytes) {
                match *tag {
                    VERIFY_PIN_DIRECT => features.verify = Some(code),
                    MODIFY_PIN_DIRECT => features.change = Some(code),
                    _ => {}
                }
            }
            rest = after;
        }
        features
    }
}

/// PIN_VERIFY_STRUCTURE for this card's VERIFY. With one length the whole command is there, but for the digits. With several,
/// block size and Lc are 0, and the pad states the length that was typed.
pub(super) fn verify(entry: PinEntry) -> Vec<u8> {
    let block = entry.fixed().map_or(0, PinLength::bytes);
    let mut command = vec![0x00, ins::VERIFY, 0x00, 0x00, block];
    command.resize(command.len() + usize::from(block), FILL);
    let mut bytes = vec![entry.seconds(), entry.seconds(), PACKED_BCD, block, 0];
    bytes.extend(lengths(entry));
    bytes.extend([VALIDATION_KEY, 1]);
    bytes.extend(CHINESE.to_ne_bytes());
    bytes.push(0);
    behind_messages(bytes, &command)
}

/// PIN_MODIFY_STRUCTURE for this card's CHANGE PIN: old ‖ FF ‖ new. The new PIN stands at a fixed place, so there is one length.
pub(super) fn change(length: PinLength, patience: Duration) -> Vec<u8> {
    let entry = PinEntry::of(length, patience);
    let block = length.bytes();
    let new_at = block + 1;
    let mut command = vec![0x80, ins::CHANGE_PIN, 0x01, 0x00, new_at + block];
    command.resize(command.len() + usize::from(new_at + block), FILL);
    let mut bytes = vec![entry.seconds(), entry.seconds(), PACKED_BCD, block, 0, 0, new_at];
    bytes.extend(lengths(entry));
    bytes.extend([OLD_AND_NEW_TWICE, VALIDATION_KEY, 3]);
    bytes.extend(CHINESE.to_ne_bytes());
    // Old, new, new again.
    bytes.extend([0, 1, 2]);
    behind_messages(bytes, &command)
}

/// `wPINMaxExtraDigit`: the fewest digits in the upper byte, the most in the lower. As all numbers here in the machine's own
/// order, since what reads them is a C structure.
fn lengths(entry: PinEntry) -> [u8; 2] {
    u16::from_be_bytes([entry.least().digits(), entry.most().digits()]).to_ne_bytes()
}

/// `bTeoPrologue`, which the driver fills, `ulDataLength` and the command.
fn behind_messages(mut bytes: Vec<u8>, command: &[u8]) -> Vec<u8> {
    bytes.extend([0; 3]);
    // A short command is far shorter than what 4 bytes count.
    bytes.extend(u32::try_from(command.len()).unwrap_or(u32::MAX).to_ne_bytes());
    bytes.extend(command);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWENTY: Duration = Duration::from_secs(20);

    fn hexed(bytes: &[u8]) -> String {
        hex::encode_upper(bytes)
    }

    #[test]
    fn the_features_are_found_among_others() {
        let answer = hex::decode("0604423300060704423300070A044233000A").unwrap();
        let both = Features { verify: Some(0x4233_0006), change: Some(0x4233_0007) };
        assert_eq!(Features::parse(&answer), both);
        assert_eq!(Features::parse(&answer[..6]), Features { verify: both.verify, change: None });
        assert_eq!(Features::parse(&answer[..9]), Features { verify: both.verify, change: None }, "cut off");
        assert_eq!(Features::parse(&[]), Features::default());
        assert_eq!(Features::parse(&hex::decode("060142").unwrap()), Features::default(), "no control code");
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn six_digits_are_the_universal_form() {
        let bytes = verify(PinEntry::of(PinLength::SIX, TWENTY));
        // Times, format, block, length format | digits | when done, messages, language, index | prologue | length | command
        assert_eq!(
            hexed(&bytes),
            "1414810300".to_owned() + "0606" + "0201040800" + "000000" + "08000000" + "0020000003FFFFFF"
        );
        let bytes = change(PinLength::SIX, TWENTY);
        assert_eq!(
            hexed(&bytes),
            "14148103000004".to_owned()
                + "0606"
                + "0302030408000102"
                + "000000"
                + "0C000000"
                + "805E010007FFFFFFFFFFFFFF"
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn of_several_lengths_the_pad_states_the_one_that_was_typed() {
        let twelve = PinLength::new(12).unwrap();
        let bytes = verify(PinEntry::between(PinLength::LEAST, twelve, TWENTY));
        assert_eq!(
            hexed(&bytes),
            "1414810000".to_owned() + "0C04" + "0201040800" + "000000" + "05000000" + "0020000000"
        );
    }

    #[test]
    fn odd_digits_end_in_a_filled_half() {
        let five = PinLength::new(5).unwrap();
        assert!(verify(PinEntry::of(five, TWENTY)).ends_with(&hex::decode("0020000003FFFFFF").unwrap()));
        assert!(change(five, TWENTY).ends_with(&hex::decode("805E010007FFFFFFFFFFFFFF").unwrap()));
    }

    proptest! {
        #[test]
        fn whatever_a_reader_answers_is_taken_for_features_or_for_none(answer in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Features::parse(&answer);
        }

        #[test]
        fn what_a_reader_lists_is_found(tags in prop::collection::vec((any::<u8>(), any::<u32>()), 0..20)) {
            let answer: Vec<u8> =
                tags.iter().flat_map(|(tag, code)| [&[*tag, 4][..], &code.to_be_bytes()].concat()).collect();
            let last = |wanted| tags.iter().rev().find(|(tag, _)| *tag == wanted).map(|(_, code)| *code);
            prop_assert_eq!(Features::parse(&answer), Features { verify: last(0x06), change: last(0x07) });
        }
    }
}
