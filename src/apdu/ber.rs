//! BER-TLV as bank cards have it (EMV book 3, annex B), read where it lies: the values of `iso7816-tlv` are copies that
//! nobody wipes, and here one may be a bank card's number.

use super::tlv::TlvError;

/// An element: its tag, up to three bytes of it, and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag as a number: `0x5A`, `0x9F38`.
    pub tag: u32,
    /// The value.
    pub value: &'a [u8],
}

/// Tag and length only.
impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:X}[{}]", self.tag, self.value.len())
    }
}

/// The elements that stand one after another; 00 and FF between them are filling.
///
/// # Errors
/// When a tag has more than three bytes, a length more than two or none (the indefinite form), or a value runs past the
/// end.
pub fn elements(bytes: &[u8]) -> Result<Vec<Element<'_>>, TlvError> {
    let mut found = Vec::new();
    let mut rest = bytes;
    loop {
        while let [0x00 | 0xFF, after @ ..] = rest {
            rest = after;
        }
        if rest.is_empty() {
            return Ok(found);
        }
        let (element, after) = element(rest).ok_or(TlvError::Truncated(bytes.len() - rest.len()))?;
        found.push(element);
        rest = after;
    }
}

/// The first value at a path of tags, from the outermost: `[0x70, 0x5A]`.
///
/// # Errors
/// As [`elements`], on the way there.
pub fn find<'a>(bytes: &'a [u8], path: &[u32]) -> Result<Option<&'a [u8]>, TlvError> {
    let mut value = bytes;
    for tag in path {
        match elements(value)?.into_iter().find(|element| element.tag == *tag) {
            Some(element) => value = element.value,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// The first element and what follows it.
fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = tag(bytes)?;
    let (length, rest) = match rest {
        [length @ 0..=0x7F, rest @ ..] => (usize::from(*length), rest),
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, value }, rest))
}

/// A tag goes on while its bytes say so: the low five bits of the first, then the high bit of each.
pub fn tag(bytes: &[u8]) -> Option<(u32, &[u8])> {
    match bytes {
        [first, rest @ ..] if first & 0x1F != 0x1F => Some((u32::from(*first), rest)),
        [first, second @ 0..=0x7F, rest @ ..] => Some((u32::from_be_bytes([0, 0, *first, *second]), rest)),
        [first, second, third @ 0..=0x7F, rest @ ..] => Some((u32::from_be_bytes([0, *first, *second, *third]), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use iso7816_tlv::ber;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_found_by_their_path() {
        let bytes = hex::decode("00700E9F3803010203005A0412345678FF").unwrap();
        assert_eq!(find(&bytes, &[0x70, 0x5A]).unwrap().unwrap(), [0x12, 0x34, 0x56, 0x78]);
        assert_eq!(find(&bytes, &[0x70, 0x9F38]).unwrap().unwrap(), [1, 2, 3]);
        assert_eq!(find(&bytes, &[0x70, 0x57]), Ok(None));
        let long = [&[0xDF, 0x81, 0x01, 0x81, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(elements(&long).unwrap(), [Element { tag: 0xDF_8101, value: &[7; 0x80] }]);
    }

    #[test]
    fn what_is_cut_off_or_has_no_length_is_refused_by_its_place() {
        for (text, place) in
            [("5A", 0), ("5A05", 0), ("5A01AA9F", 3), ("5A8001", 0), ("5A830000011A", 0), ("DF818181", 0)]
        {
            assert_eq!(elements(&hex::decode(text).unwrap()), Err(TlvError::Truncated(place)), "{text}");
        }
    }

    proptest! {
        /// Another reader finds the same in what it takes for one element.
        #[test]
        fn it_reads_what_a_library_reads(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let ours = element(&bytes);
            if let (Ok(theirs), _) = ber::Tlv::parse(&bytes)
                && let ber::Value::Primitive(value) = theirs.value()
                && let Some((element, _)) = ours
            {
                prop_assert_eq!(element.value, value.as_slice());
            }
            let _ = elements(&bytes);
        }

        #[test]
        fn what_is_written_is_read(value in proptest::collection::vec(any::<u8>(), 0..300), tag in 1u8..0x1F) {
            let tlv = ber::Tlv::new(ber::Tag::try_from(tag).unwrap(), ber::Value::Primitive(value.clone())).unwrap();
            let bytes = tlv.to_vec();
            prop_assert_eq!(find(&bytes, &[u32::from(tag)]).unwrap(), Some(value.as_slice()));
        }
    }
}
