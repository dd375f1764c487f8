//! The chain of headers: the bytes that are hashed, and how one follows another. The centre checks the same.

use ring::digest;

use crate::wire::{ChainHead, Digest, Header};

/// Why a header does not follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Numbers are missing.
    #[error("a gap: {found} follows {after}")]
    Gap {
        /// The last number before it.
        after: u64,
        /// The number that came.
        found: u64,
    },
    /// Another header has this place.
    #[error("a fork at {0}")]
    Fork(u64),
}

/// The bytes of a header that are hashed: its JSON with the fields in the order of the type, without blanks.
pub fn bytes(header: &Header) -> Vec<u8> {
    // Invariant: a header is plain data with text keys, which always has a JSON form.
    serde_json::to_vec(header).expect("a header has a JSON form")
}

/// The hash of a header.
pub fn hash(header: &Header) -> Digest {
    hash_bytes(&bytes(header))
}

pub(super) fn hash_bytes(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Digest(out)
}

/// The head after `header`, if it follows `head`.
///
/// # Errors
/// [`Broken`] when it does not.
pub fn follow(head: &ChainHead, header: &Header) -> Result<ChainHead, Broken> {
    if header.sequence <= head.sequence {
        return Err(Broken::Fork(header.sequence));
    }
    if header.sequence != head.sequence + 1 {
        return Err(Broken::Gap { after: head.sequence, found: header.sequence });
    }
    if header.previous != head.hash {
        return Err(Broken::Fork(header.sequence));
    }
    Ok(ChainHead { sequence: header.sequence, hash: hash(header) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Kind;

    fn header(sequence: u64, previous: Digest) -> Header {
        Header {
            terminal: "T1".into(),
            sequence,
            id: uuid::Uuid::nil(),
            msgid: "M".into(),
            scenario: "unemployment-sign-in".into(),
            kind: Kind::SignIn,
            business_date: jiff::civil::date(2015, 8, 1),
            created_at: "2015-08-01T00:00:00.123Z".parse().unwrap(),
            provisional: false,
            demo: true,
            payload_commitment: Digest([1; 32]),
            previous,
            algorithms: super::super::seal::ALGORITHMS.into(),
            operator: None,
            shift: None,
            cancels: None,
        }
    }

    #[test]
    fn the_bytes_are_fixed() {
        let text = String::from_utf8(bytes(&header(1, Digest::default()))).unwrap();
        assert!(
            text.starts_with(
                r#"{"terminal":"T1","sequence":1,"id":"00000000-0000-0000-0000-000000000000","msgid":"M","scenario":"unemployment-sign-in","kind":"sign-in","business_date":"2015-08-01","created_at":"2015-08-01T00:00:00.123Z","provisional":false,"demo":true,"payload_commitment":"0101"#
            ),
            "{text}"
        );
        let again: Header = serde_json::from_str(&text).unwrap();
        assert_eq!(bytes(&again), text.as_bytes());
        // A header from before operator and shift were in it is what it was; in a later one they are chained, at its end.
        assert!(text.ends_with(&format!("\"algorithms\":\"{}\"}}", super::super::seal::ALGORITHMS)), "{text}");
        let later = Header { operator: Some("0007".into()), shift: Some("2015080108000000".into()), ..again.clone() };
        let text = String::from_utf8(bytes(&later)).unwrap();
        assert!(text.ends_with(r#","operator":"0007","shift":"2015080108000000"}"#), "{text}");
        assert_ne!(hash(&later), hash(&again));
    }

    #[test]
    fn only_the_next_one_follows() {
        let first = header(1, Digest::default());
        let head = follow(&ChainHead::default(), &first).unwrap();
        assert_eq!(follow(&head, &header(2, head.hash)).unwrap().sequence, 2);
        assert_eq!(follow(&head, &header(3, head.hash)), Err(Broken::Gap { after: 1, found: 3 }));
        assert_eq!(follow(&head, &header(2, Digest([9; 32]))), Err(Broken::Fork(2)));
        assert_eq!(follow(&head, &first), Err(Broken::Fork(1)));
    }
}
