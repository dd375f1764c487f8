//! Simple-TLV records and the BER-TLV of an FCI.
//!
//! The card's records are one byte of tag, one of length, and the value (card-facts §1.2). They are read here and not by
//! `iso7816-tlv`, which reads the FCI: its values are copies that nobody wipes, and a record may be a name. Simple-TLV
//! tags 00 and FF are not tags, so what stands behind the last record of a whole file (unwritten memory) ends the list.

use iso7816_tlv::ber;
use zeroize::Zeroizing;

/// One record: its tag and its value, wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The tag.
    pub tag: u8,
    /// The value as on the card, padding included.
    pub value: Zeroizing<Vec<u8>>,
}

/// Tag and length only.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02X}[{}]", self.tag, self.value.len())
    }
}

/// Why bytes are not the TLV they should be. Says where, never what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// A record is cut off, or its length runs past the end.
    #[error("the record at byte {0} runs past the end")]
    Truncated(usize),
    /// The FCI is not BER-TLV.
    #[error("not BER-TLV")]
    Ber,
}

/// Reads records until the bytes end, or until unwritten memory (00 or FF where a tag should be) begins.
///
/// # Errors
/// When a record runs past the end.
pub fn records(bytes: &[u8]) -> Result<Vec<Record>, TlvError> {
    let mut records = Vec::new();
    let mut rest = bytes;
    loop {
        let cut = TlvError::Truncated(bytes.len() - rest.len());
        match rest {
            [] | [0x00 | 0xFF, ..] => return Ok(records),
            // FF announces two more bytes of length in ISO's simple-TLV, which the card's records do not have.
            [_] | [_, 0xFF, ..] => return Err(cut),
            [tag, length, tail @ ..] => {
                let (value, after) = tail.split_at_checked(usize::from(*length)).ok_or(cut)?;
                records.push(Record { tag: *tag, value: Zeroizing::new(value.to_vec()) });
                rest = after;
            }
        }
    }
}

/// The longest value that one byte of length can tell.
pub const LONGEST_VALUE: usize = 254;

/// The bytes of one record.
///
/// # Panics
/// When the value has more than [`LONGEST_VALUE`] bytes. Only the virtual card writes records, and what an image may put
/// into one was held to less when it was read.
pub fn record_bytes(tag: u8, value: &[u8]) -> Vec<u8> {
    assert!(value.len() <= LONGEST_VALUE, "a record of {} bytes", value.len());
    let mut bytes = Vec::with_capacity(value.len() + 2);
    // The length fits, as was just looked at.
    bytes.extend([tag, value.len() as u8]);
    bytes.extend_from_slice(value);
    bytes
}

/// Follows a path of BER tags from the outermost, e.g. `[0x6F, 0xA5, 0x9F0C]`, to a value.
///
/// # Errors
/// When the bytes are not BER-TLV.
pub fn ber_find(bytes: &[u8], path: &[u16]) -> Result<Option<Vec<u8>>, TlvError> {
    let Some((first, inner)) = path.split_first() else {
        return Ok(Some(bytes.to_vec()));
    };
    let (parsed, _) = ber::Tlv::parse(bytes);
    let root = parsed.map_err(|_| TlvError::Ber)?;
    if !has_tag(&root, *first) {
        return Ok(None);
    }
    Ok(descend(&root, inner))
}

fn descend(tlv: &ber::Tlv, path: &[u16]) -> Option<Vec<u8>> {
    let Some((next, inner)) = path.split_first() else {
        return Some(value_bytes(tlv.value()));
    };
    match tlv.value() {
        ber::Value::Constructed(children) => {
            children.iter().find(|child| has_tag(child, *next)).and_then(|child| descend(child, inner))
        }
        ber::Value::Primitive(_) => None,
    }
}

fn has_tag(tlv: &ber::Tlv, tag: u16) -> bool {
    ber::Tag::try_from(tag).is_ok_and(|tag| tlv.tag() == &tag)
}

fn value_bytes(value: &ber::Value) -> Vec<u8> {
    match value {
        ber::Value::Primitive(bytes) => bytes.clone(),
        ber::Value::Constructed(children) => children.iter().flat_map(ber::Tlv::to_vec).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_file_ends_at_unwritten_memory() {
        let found = records(&[0x01, 2, 0xAA, 0xBB, 0x02, 1, 0x33, 0xFF, 0xFF]).unwrap();
        assert_eq!(
            found.iter().map(|r| (r.tag, r.value.to_vec())).collect::<Vec<_>>(),
            [(1, vec![0xAA, 0xBB]), (2, vec![0x33])]
        );
    }

    #[test]
    fn a_cut_record_names_its_place() {
        assert_eq!(records(&[0x01, 1, 0xAA, 0x02, 5, 0x33]), Err(TlvError::Truncated(3)));
    }

    #[test]
    fn a_length_is_one_byte_below_ff() {
        let longest = record_bytes(0x09, &[7; LONGEST_VALUE]);
        assert_eq!((longest[1], records(&longest).unwrap()[0].value.len()), (0xFE, LONGEST_VALUE));
        for length in [LONGEST_VALUE + 1, 256, 300] {
            assert!(std::panic::catch_unwind(|| record_bytes(0x09, &vec![7; length])).is_err(), "{length}");
        }
        assert_eq!(records(&[0x01, 0, 0x09, 0xFF, 0x00, 0x01, 0xAA]), Err(TlvError::Truncated(2)));
        assert_eq!(records(&[0x01, 0, 0x09]), Err(TlvError::Truncated(2)));
    }

    #[test]
    fn the_fci_of_the_trace_gives_its_algorithm() {
        let fci = hex::decode("6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860103").unwrap();
        assert_eq!(ber_find(&fci, &[0x6F, 0xA5, 0x9F0C]).unwrap().unwrap(), [0x86, 1, 3]);
        assert_eq!(ber_find(&fci, &[0x6F, 0xA5, 0x9F0D]).unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = records(&bytes);
            let _ = ber_find(&bytes, &[0x6F, 0xA5, 0x9F0C]);
        }

        #[test]
        fn what_is_written_is_read(tag in 1u8..=0xFE, value in proptest::collection::vec(any::<u8>(), 1..=254)) {
            let found = records(&record_bytes(tag, &value)).unwrap();
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&*found[0].value, &value);
        }
    }
}
