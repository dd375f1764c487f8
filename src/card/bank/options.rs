//! What an application asks to be told before it gives its options (EMV book 3, §5.4 and §6.5.8).

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::BankError;
use crate::apdu::ber;
use crate::value::bcd::packed_date;

/// Where the data of GET PROCESSING OPTIONS stands.
const COMMAND_TEMPLATE: u8 = 0x83;
/// Answers: AIP and AFL one after the other, or as elements.
const FORMAT_1: u32 = 0x80;
const FORMAT_2: u32 = 0x77;
const FILE_LOCATOR: u32 = 0x94;
/// Bytes of AIP before the AFL in format 1.
const INTERCHANGE_PROFILE: usize = 2;

/// What this terminal says of itself: nothing is bought, so amounts and results are zeros, as all that it does not know.
pub(super) struct Told {
    pub(super) date: Date,
    pub(super) unpredictable: [u8; 4],
}

impl Told {
    /// The value of a tag, as many bytes as the card wants: numbers are cut or filled on the left, all else on the right
    /// (EMV book 3, §5.4).
    fn value(&self, tag: u32, length: usize) -> Vec<u8> {
        let value: &[u8] = match tag {
            // Country and currency: China, 人民币 (ISO 3166-1 and 4217).
            0x9F1A | 0x5F2A => return left(&[0x01, 0x56], length),
            0x9A => return left(&packed_date(self.date)[1..], length),
            0x9F37 => &self.unpredictable,
            // Terminal transaction qualifiers: by radio, a whole EMV reading and no quick payment (EMV contactless book A).
            0x9F66 => &[0x20, 0x00, 0x00, 0x00],
            _ => &[],
        };
        value.iter().copied().chain(std::iter::repeat(0)).take(length).collect()
    }

    /// The data of GET PROCESSING OPTIONS for this list of tags and lengths.
    pub(super) fn data(&self, wanted: &[u8]) -> Result<Vec<u8>, BankError> {
        let cut = || BankError::garbled("PDOL", "it is cut off");
        let mut values = Vec::new();
        let mut rest = wanted;
        while !rest.is_empty() {
            let (tag, after) = ber::tag(rest).ok_or_else(cut)?;
            let (length, after) = after.split_first().ok_or_else(cut)?;
            values.extend(self.value(tag, usize::from(*length)));
            rest = after;
        }
        let length = u8::try_from(values.len()).ok().filter(|length| *length <= 0x7F);
        let length = length.ok_or_else(|| BankError::garbled("PDOL", "it asks for more than a command carries"))?;
        Ok([&[COMMAND_TEMPLATE, length], values.as_slice()].concat())
    }
}

fn left(value: &[u8], length: usize) -> Vec<u8> {
    let fill = length.saturating_sub(value.len());
    let cut = value.len().saturating_sub(length);
    std::iter::repeat_n(0, fill).chain(value[cut..].iter().copied()).collect()
}

/// Records that the application wants read, of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Records {
    /// P2 of READ RECORD: SFI × 8 + 4.
    pub(super) file: u8,
    pub(super) first: u8,
    pub(super) last: u8,
}

/// What GET PROCESSING OPTIONS gave.
pub(super) struct Options {
    /// The records, in the card's order.
    pub(super) records: Vec<Records>,
    /// What the answer itself holds beside: by radio that may be track 2.
    pub(super) elements: Zeroizing<Vec<u8>>,
}

impl Options {
    pub(super) fn parse(answer: &[u8]) -> Result<Self, BankError> {
        let what = "processing options";
        let elements = ber::elements(answer).map_err(BankError::tlv(what))?;
        let (locator, beside) = match elements.as_slice() {
            [one] if one.tag == FORMAT_1 => {
                let locator = one.value.get(INTERCHANGE_PROFILE..);
                (locator.ok_or_else(|| BankError::garbled(what, "too short"))?, &[][..])
            }
            [one] if one.tag == FORMAT_2 => {
                let found = ber::find(one.value, &[FILE_LOCATOR]).map_err(BankError::tlv(what))?;
                (found.unwrap_or_default(), one.value)
            }
            _ => return Err(BankError::garbled(what, "neither of the two formats")),
        };
        Ok(Self { records: located(locator)?, elements: Zeroizing::new(beside.to_vec()) })
    }
}

/// The AFL: four bytes a file, SFI × 8, first and last record, and how many of them are signed (EMV book 3, §10.2).
fn located(locator: &[u8]) -> Result<Vec<Records>, BankError> {
    let (entries, rest) = locator.as_chunks::<4>();
    let wrong = || BankError::garbled("AFL", "an entry is not what it should be");
    if !rest.is_empty() {
        return Err(wrong());
    }
    let one = |[file, first, last, _]: &[u8; 4]| {
        let sound = file & 0b111 == 0 && (1..=30).contains(&(file >> 3)) && *first >= 1 && first <= last;
        sound.then_some(Records { file: file | 0b100, first: *first, last: *last })
    };
    entries.iter().map(|entry| one(entry).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told() -> Told {
        Told { date: jiff::civil::date(2015, 8, 3), unpredictable: [1, 2, 3, 4] }
    }

    #[test]
    fn each_tag_is_told_as_long_as_it_is_wanted() {
        let data = told().data(&hex::decode("9F66049F02069F37045F2A029A039F1A039C01").unwrap()).unwrap();
        assert_eq!(
            hex::encode_upper(data),
            format!("83{:02X}{}", 23, "20000000000000000000010203040156150803000156".to_owned() + "00")
        );
        assert_eq!(told().data(&[]).unwrap(), [0x83, 0x00]);
        for wrong in ["9F", "9F66", "9A80", "9F0240"] {
            let wrong = if wrong == "9F0240" { "9F02409F0240".to_owned() } else { wrong.to_owned() };
            assert!(told().data(&hex::decode(wrong).unwrap()).is_err());
        }
    }

    #[test]
    fn both_formats_give_the_records() {
        let records = [Records { file: 0x0C, first: 1, last: 1 }, Records { file: 0x14, first: 1, last: 2 }];
        for text in ["800A7C000801010010010201", "770E82027C00940808010100100102 01"] {
            let options = Options::parse(&hex::decode(text.replace(' ', "")).unwrap()).unwrap();
            assert_eq!(options.records, records, "{text}");
        }
        for wrong in [
            "",
            "8001FF",
            "80077C0008010100FF",
            "77029400AA",
            "80067C0009010100",
            "80067C0008000100",
            "80067C00FF010100",
        ] {
            assert!(Options::parse(&hex::decode(wrong).unwrap()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Options::parse(&bytes);
            let _ = told().data(&bytes);
        }
    }
}
