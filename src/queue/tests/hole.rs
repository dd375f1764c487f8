//! What is told upstream of records that were lost.

use super::*;
use crate::wire::headers::{Hole, SignedHeaders, SignedHole};
use crate::wire::signature::{Purpose, holds, question};
use crate::wire::{ChainHead, Digest};

/// Nine transactions, each a commit group, as their headers went up; and the same without some of them.
fn without(records: &str) -> (TempDir, SignedHeaders, Queue) {
    let (dir, queue) = fresh();
    for n in 1..=9 {
        queue.commit(draft(&n.to_string())).unwrap();
    }
    let all = queue.signed_headers(ChainHead::default(), 100).unwrap();
    queue.close();
    drop(queue);
    let queue = lose(dir.path(), records);
    (dir, all, queue)
}

/// The head at a place.
fn at(all: &SignedHeaders, sequence: usize) -> ChainHead {
    sequence.checked_sub(1).map_or(ChainHead::default(), |before| {
        let group = &all.groups[before];
        ChainHead { sequence: group.sequence, hash: group.head }
    })
}

fn sequences(signed: &SignedHeaders) -> Vec<u64> {
    signed.headers.iter().map(|header| header.sequence).collect()
}

#[test]
fn a_hole_goes_up_with_what_follows_it_where_the_centre_does_not_have_its_end() {
    let (_dir, all, queue) = without("1, 4, 5, 6, 8");
    let hole = |after, until| Hole { after: at(&all, after), until: at(&all, until) };
    let key = Digest(queue.public_key());
    for (head, headers, holes) in [
        (0, vec![2, 3, 7, 9], vec![hole(0, 1), hole(3, 6), hole(7, 8)]),
        (1, vec![2, 3, 7, 9], vec![hole(3, 6), hole(7, 8)]),
        (3, vec![7, 9], vec![hole(3, 6), hole(7, 8)]),
        // In the middle of one, and where it ends.
        (5, vec![7, 9], vec![hole(3, 6), hole(7, 8)]),
        (6, vec![7, 9], vec![hole(7, 8)]),
        (8, vec![9], vec![]),
        (9, vec![], vec![]),
    ] {
        let signed = queue.signed_headers(at(&all, head), 100).unwrap();
        assert_eq!(sequences(&signed), headers, "after {head}");
        assert_eq!(signed.holes.iter().map(|signed| signed.hole).collect::<Vec<_>>(), holes, "after {head}");
        for signed in signed.holes {
            assert!(holds(&key, &signed.hole.text(queue.terminal()), &signed.signature));
            // For nothing else, and nobody else.
            assert!(!holds(&key, &signed.hole.text("T44010000002"), &signed.signature));
            let asked = question(queue.terminal(), Purpose::Headers, &signed.hole.text(queue.terminal()));
            assert!(!holds(&key, &asked, &signed.signature));
            let until = &signed.hole.until;
            let head = (until.sequence, &until.hash);
            assert!(!head_is_signed(&key.0, queue.terminal(), head.0, head.1, &signed.signature.0));
        }
    }
    // A part at a time: each with what it follows.
    let part = queue.signed_headers(at(&all, 3), 1).unwrap();
    assert_eq!((sequences(&part), part.holes.len()), (vec![7], 1));
}

#[test]
fn a_hole_behind_the_head_goes_up_by_itself() {
    let (_dir, all, queue) = without("1, 4, 5, 6, 8");
    let key = Digest(queue.public_key());
    for (head, wanted) in [
        (0, vec![]),
        (1, vec![(0, 1)]),
        // In the middle of one: that goes up with what follows it.
        (5, vec![(0, 1)]),
        (6, vec![(0, 1), (3, 6)]),
        (9, vec![(0, 1), (3, 6), (7, 8)]),
    ] {
        let (mut told, mut holes) = (0, Vec::new());
        while let Some(SignedHole { hole, signature }) = queue.signed_hole(told, at(&all, head)).unwrap() {
            assert!(holds(&key, &hole.text(queue.terminal()), &signature));
            told = hole.until.sequence;
            holes.push(hole);
        }
        let wanted: Vec<_> =
            wanted.into_iter().map(|(after, until)| Hole { after: at(&all, after), until: at(&all, until) }).collect();
        assert_eq!(holes, wanted, "{head}");
    }
}

#[test]
fn a_hole_at_the_end_goes_up_after_all_headers() {
    let (_dir, all, queue) = without("3, 8, 9");
    let hole = |after, until| Hole { after: at(&all, after), until: at(&all, until) };
    for (head, most, headers, holes) in [
        (4, 100, vec![5, 6, 7], vec![hole(7, 9)]),
        // Not before them.
        (4, 2, vec![5, 6], vec![]),
        (7, 100, vec![], vec![hole(7, 9)]),
        (8, 100, vec![], vec![hole(7, 9)]),
        (9, 100, vec![], vec![]),
    ] {
        let signed = queue.signed_headers(at(&all, head), most).unwrap();
        assert_eq!(sequences(&signed), headers, "after {head}");
        assert_eq!(signed.holes.iter().map(|signed| signed.hole).collect::<Vec<_>>(), holes, "after {head}");
    }
}

#[test]
fn a_head_that_was_lost_is_told_from_one_that_was_never_here() {
    let (_dir, all, queue) = without("4, 5, 6, 9");
    let other = |sequence| ChainHead { sequence, hash: Digest([9; 32]) };
    for n in [0, 1, 3, 6, 7, 9] {
        assert_eq!(queue.known(at(&all, n)).unwrap(), Known::Same, "{n}");
    }
    for n in [1, 3, 6, 7, 9] {
        assert_eq!(queue.known(other(n)).unwrap(), Known::Other, "{n}");
    }
    assert_eq!(queue.known(at(&all, 4)).unwrap(), Known::Lost);
    assert_eq!(queue.known(at(&all, 5)).unwrap(), Known::Lost);
    assert_eq!(queue.known(other(10)).unwrap(), Known::Missing);
}

#[test]
fn a_list_that_is_not_what_was_signed_tells_of_no_hole() {
    let (dir, all, queue) = without("4, 5");
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    let other = "UPDATE meta SET value = CAST(replace(CAST(value AS TEXT), '\"sequence\":3', '\"sequence\":2') AS BLOB)
                 WHERE name = 'lost'";
    assert_eq!(db.execute(other, []).unwrap(), 1);
    let signed = queue.signed_headers(at(&all, 3), 100).unwrap();
    assert_eq!((sequences(&signed), signed.holes), (vec![6, 7, 8, 9], vec![]));
    assert_eq!(queue.known(at(&all, 4)).unwrap(), Known::Missing);
    assert_eq!(queue.stats().unwrap().damaged, [0]);
}

#[test]
fn what_is_missing_and_on_no_list_goes_up_as_the_gap_that_it_is() {
    let (dir, all, queue) = without("8");
    tamper(dir.path(), "DELETE FROM entries WHERE sequence = 5");
    let signed = queue.signed_headers(at(&all, 3), 100).unwrap();
    assert_eq!((sequences(&signed), signed.holes.len()), (vec![4, 6, 7, 9], 1));
}
