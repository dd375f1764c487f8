//! A terminal's chain with holes, as the centre takes it and as it does not.

use std::ops::RangeInclusive;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::center::tests::{PACKS, know, registration};
use crate::center::{db, deliver};
use crate::queue::Queue;
use crate::queue::tests::{draft, lose, open, sign};
use crate::rules::Packs;
use crate::wire::Envelope;
use crate::wire::batch::{ItemAnswer, Reason};
use crate::wire::headers::SignedHeaders;

const NOW: Timestamp = Timestamp::constant(1_438_400_000, 0);

/// Nine transactions of a terminal, each a commit group, before any was lost; its journal; and a centre.
struct Story {
    dir: TempDir,
    queue: Queue,
    all: SignedHeaders,
    envelopes: Vec<Envelope>,
    db: Connection,
    packs: Packs,
}

impl Story {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let envelope = |n: u32| {
            let row = queue.commit(registration(&n.to_string())).unwrap().row;
            queue.envelope(row.id).unwrap().unwrap()
        };
        let envelopes = (1..=9).map(envelope).collect();
        let all = queue.signed_headers(ChainHead::default(), 100).unwrap();
        let packs = PACKS.clone();
        let db = db::open(None).unwrap();
        know(&db);
        Self { dir, queue, all, envelopes, db, packs }
    }

    /// These records are lost at the terminal.
    fn lose(&mut self, records: &str) {
        self.queue.close();
        self.queue = lose(self.dir.path(), records);
    }

    /// The head at a place.
    fn at(&self, sequence: usize) -> ChainHead {
        sequence.checked_sub(1).map_or(ChainHead::default(), |before| {
            let group = &self.all.groups[before];
            ChainHead { sequence: group.sequence, hash: group.head }
        })
    }

    /// Headers as they went up before any was lost.
    fn part(&self, which: RangeInclusive<usize>) -> SignedHeaders {
        let which = which.start() - 1..*which.end();
        let (headers, groups) = (self.all.headers[which.clone()].to_vec(), self.all.groups[which].to_vec());
        SignedHeaders { headers, groups, holes: Vec::new() }
    }

    /// Some of these, after a hole that the terminal signs.
    fn after_hole(&self, (after, until): (usize, usize), which: RangeInclusive<usize>) -> SignedHeaders {
        SignedHeaders { holes: vec![signed(Hole { after: self.at(after), until: self.at(until) })], ..self.part(which) }
    }

    /// What the terminal sends to a centre with this head.
    fn sent(&self, head: usize) -> SignedHeaders {
        self.queue.signed_headers(self.at(head), 100).unwrap()
    }

    /// The centre takes headers, or says why not; what it does not take changes nothing.
    fn take(&mut self, signed: &SignedHeaders) -> Result<u64, &'static str> {
        let key = Digest(self.queue.public_key());
        let transaction = self.db.transaction().unwrap();
        match chain::extend(&transaction, self.queue.terminal(), &key, signed, NOW) {
            Ok(head) => {
                transaction.commit().unwrap();
                Ok(head.sequence)
            }
            Err(error) => Err(error.code()),
        }
    }

    /// The centre takes a transaction by itself, or says why not.
    fn deliver(&self, envelope: &Envelope) -> Result<(), String> {
        let one = std::slice::from_ref(envelope);
        match deliver::batch(&self.db, &self.packs, one, (true, 0), NOW).remove(0) {
            ItemAnswer::Receipt(_) => Ok(()),
            ItemAnswer::Refused(Reason { code, .. }) | ItemAnswer::Failed(Reason { code, .. }) => Err(code),
        }
    }

    /// A list of the ledger.
    fn list(&self, name: &str) -> Vec<Value> {
        ledger::read(&self.db).unwrap()[name].as_array().unwrap().clone()
    }

    /// The alarms of lost records: each with how often it came.
    fn alarms(&self) -> Vec<(String, u64)> {
        let all = self.list("alarms").into_iter().filter(|alarm| alarm["code"] == "C-CHAIN-HOLE");
        all.map(|alarm| (alarm["text"].as_str().unwrap().to_owned(), alarm["times"].as_u64().unwrap())).collect()
    }

    /// First and last record of each hole, and of how many of these what is here: header, transaction, neither.
    fn holes(&self) -> Vec<[u64; 5]> {
        let number = |value: &Value| value.as_u64().unwrap();
        let holes = self.list("holes").into_iter().map(|hole| {
            let (after, until) = (number(&hole["after"]["sequence"]), number(&hole["until"]["sequence"]));
            assert_eq!(number(&hole["records"]), until - after);
            [after + 1, until, number(&hole["headers"]), number(&hole["transactions"]), number(&hole["unknown"])]
        });
        holes.collect()
    }
}

fn signed(hole: Hole) -> SignedHole {
    SignedHole { hole, signature: sign(&hole.text("T44010000001")) }
}

#[test]
fn a_hole_in_the_middle_is_followed_and_is_one_alarm_with_its_numbers() {
    let mut story = Story::new();
    story.deliver(&story.envelopes[3].clone()).unwrap();
    assert_eq!(story.take(&story.part(1..=2)), Ok(2));
    story.lose("3, 4, 5");
    let sent = story.sent(2);
    assert_eq!(story.take(&sent), Ok(9));
    let text = "records 3 to 5 are lost at the terminal: 3; known here: 0 by header, 1 by transaction; 2 not at all";
    assert_eq!(story.alarms(), [(text.to_owned(), 1)]);
    assert_eq!(story.holes(), [[3, 5, 0, 1, 2]]);
    // What the terminal signed is kept: whoever has its key proves it.
    let kept = &story.list("holes")[0];
    assert_eq!(kept["signature"], json!(sent.holes[0].signature));
    assert_eq!((&kept["after"], &kept["until"]), (&json!(story.at(2)), &json!(story.at(5))));
    // The same again, whole or in part, is no news.
    for again in [sent, story.after_hole((2, 5), 6..=7)] {
        assert_eq!(story.take(&again), Ok(9));
    }
    assert_eq!(story.alarms(), [(text.to_owned(), 1)]);
    // What was taken stays, and what comes late is taken; not what cannot have been there.
    story.deliver(&story.envelopes[3].clone()).unwrap();
    for (place, changed) in [(2, "previous"), (4, "scenario")] {
        let mut other = story.envelopes[place].clone();
        match changed {
            "previous" => other.header.previous = Digest([9; 32]),
            _ => other.header.scenario = "another".into(),
        }
        assert_eq!(story.deliver(&other), Err("C-CHAIN-FORK".into()), "{changed}");
    }
    for place in [2, 4] {
        story.deliver(&story.envelopes[place].clone()).unwrap();
    }
    assert_eq!(story.holes(), [[3, 5, 0, 3, 0]]);
    assert_eq!(story.alarms().len(), 1);
}

#[test]
fn a_centre_that_has_a_part_of_what_is_lost_says_so() {
    let mut story = Story::new();
    story.deliver(&story.envelopes[2].clone()).unwrap();
    assert_eq!(story.take(&story.part(1..=4)), Ok(4));
    story.lose("3, 4, 5, 6");
    let sent = story.sent(4);
    assert_eq!(story.take(&sent), Ok(9));
    assert_eq!(story.holes(), [[3, 6, 2, 1, 2]]);
    assert!(story.alarms()[0].0.ends_with("known here: 2 by header, 1 by transaction; 2 not at all"));
    // That it has a record does not make it found.
    assert_eq!(story.take(&story.after_hole((3, 6), 7..=9)), Err("C-CHAIN-FORK"));
    // The headers that it had are there still.
    assert_eq!(chain::hash(&story.db, story.queue.terminal(), 4).unwrap(), Some(story.at(4).hash));
}

#[test]
fn two_holes_come_together_or_one_after_the_other() {
    for most in [100, 1] {
        let mut story = Story::new();
        story.lose("1, 4, 5, 8");
        let mut head = ChainHead::default();
        while head.sequence < 9 {
            let sent = story.queue.signed_headers(head, most).unwrap();
            let next = story.take(&sent).unwrap();
            head = story.at(usize::try_from(next).unwrap());
        }
        assert_eq!(story.holes(), [[1, 1, 0, 0, 1], [4, 5, 0, 0, 2], [8, 8, 0, 0, 1]]);
        assert_eq!(story.alarms().len(), 3);
    }
}

#[test]
fn what_is_lost_at_the_end_is_told_before_anything_follows() {
    for (lost, known, after) in [("8, 9", 7, 7), ("8, 9", 3, 7), ("7, 8, 9", 8, 6), ("1, 2, 3, 4, 5, 6, 7, 8, 9", 0, 0)]
    {
        let mut story = Story::new();
        if known > 0 {
            assert_eq!(story.take(&story.part(1..=known)), Ok(known as u64));
        }
        story.lose(lost);
        let sent = story.sent(known);
        assert_eq!(sent.headers.len(), after.max(known) - known, "{lost}");
        for _ in 0..2 {
            assert_eq!(story.take(&sent), Ok(9), "{lost}");
        }
        let here = (known.max(after) - after) as u64;
        assert_eq!(story.holes(), [[after as u64 + 1, 9, here, 0, 9 - after as u64 - here]], "{lost}");
        assert_eq!(story.alarms().iter().map(|(_, times)| *times).collect::<Vec<_>>(), [1], "{lost}");
        // It is the head from then on, for whoever looks on as well.
        let head = chain::head(&story.db, story.queue.terminal()).unwrap();
        assert_eq!(head, story.at(9));
        let shown = json!([{ "terminal": "T44010000001", "sequence": 9, "hash": head.hash }]);
        assert_eq!(ledger::read(&story.db).unwrap()["terminals"], shown);
        assert_eq!(story.sent(9), SignedHeaders::default());
        story.queue.commit(draft("10")).unwrap();
        let sent = story.sent(9);
        assert_eq!((sent.headers.len(), sent.holes.len()), (1, 0));
        assert_eq!(story.take(&sent), Ok(10));
        // Followed, it stands.
        assert_eq!(story.take(&story.part(9..=9)), Err("C-CHAIN-FORK"));
    }
}

#[test]
fn a_hole_that_is_not_what_the_terminal_signed_is_none() {
    let mut story = Story::new();
    assert_eq!(story.take(&story.part(1..=2)), Ok(2));
    let whole = story.after_hole((2, 5), 6..=9);
    let hole = whole.holes[0].hole;
    let own = |signature| SignedHole { hole, signature };
    let longer = Hole { after: story.at(1), ..hole };
    let with = |holes| SignedHeaders { holes, ..whole.clone() };
    let signature = "C-CHAIN-SIGNATURE";
    for (what, sent, why) in [
        ("forged", with(vec![own(Signature([7; 64]))]), signature),
        ("another terminal's", with(vec![own(sign(&hole.text("T44010000002")))]), signature),
        ("of other records", with(vec![own(sign(&longer.text("T44010000001")))]), signature),
        ("signed as a head", with(vec![own(whole.groups[0].signature)]), signature),
        ("none at all", with(vec![]), "C-CHAIN-GAP"),
        ("without a record", with(vec![signed(Hole { after: hole.until, until: hole.until })]), "C-FORM"),
        ("the wrong way round", with(vec![signed(Hole { after: story.at(7), until: hole.until })]), "C-FORM"),
        ("more than once", with(vec![own(whole.holes[0].signature); 3]), "C-FORM"),
        ("nothing at all", SignedHeaders::default(), "C-FORM"),
        ("after what never came", story.after_hole((3, 5), 6..=9), "C-CHAIN-GAP"),
        (
            "after what never was",
            with(vec![signed(Hole { after: ChainHead { hash: story.at(3).hash, ..hole.after }, ..hole })]),
            "C-CHAIN-FORK",
        ),
        (
            "before what never was",
            with(vec![signed(Hole { until: ChainHead { hash: story.at(4).hash, ..hole.until }, ..hole })]),
            "C-CHAIN-FORK",
        ),
        ("shorter than what is missing", story.after_hole((2, 4), 6..=9), "C-CHAIN-GAP"),
    ] {
        assert_eq!(story.take(&sent), Err(why), "{what}");
        assert_eq!((story.holes(), story.alarms()), (vec![], vec![]), "{what}");
    }
    assert_eq!(story.take(&whole), Ok(9));
}

#[test]
fn nothing_that_is_here_in_another_form_is_skipped() {
    let other = |at: ChainHead| ChainHead { hash: Digest([9; 32]), ..at };
    // By header: the centre has all of it, or the hole begins after another record than the one here.
    let mut story = Story::new();
    assert_eq!(story.take(&story.part(1..=6)), Ok(6));
    let hole = Hole { after: story.at(2), until: story.at(5) };
    for hole in [Hole { after: other(hole.after), ..hole }, Hole { until: other(hole.until), ..hole }] {
        let mut sent = story.part(6..=9);
        sent.headers[0].previous = hole.until.hash;
        sent.holes = vec![signed(hole)];
        assert_eq!(story.take(&sent), Err("C-CHAIN-FORK"));
    }
    // Before the first record there is nothing.
    let from_nothing = Hole { after: other(story.at(0)), until: story.at(5) };
    let sent = SignedHeaders { holes: vec![signed(from_nothing)], ..story.part(6..=9) };
    assert_eq!(story.take(&sent), Err("C-CHAIN-FORK"));
    assert_eq!((story.holes(), story.alarms()), (vec![], vec![]));
    // By transaction.
    let mut story = Story::new();
    assert_eq!(story.take(&story.part(1..=2)), Ok(2));
    let mut envelope = story.envelopes[4].clone();
    envelope.header.scenario = "another".into();
    story.deliver(&envelope).unwrap();
    story.lose("3, 4, 5");
    let sent = story.sent(2);
    assert_eq!(story.take(&sent), Err("C-CHAIN-FORK"));
    assert_eq!((story.holes(), story.alarms()), (vec![], vec![]));
}

#[test]
fn a_hole_may_grow_and_takes_nothing_back() {
    let mut story = Story::new();
    assert_eq!(story.take(&story.part(1..=1)), Ok(1));
    story.lose("3, 4, 5");
    let part = story.queue.signed_headers(story.at(1), 2).unwrap();
    assert_eq!(story.take(&part), Ok(6));
    // What was lost is there again, all or in part: nobody knows whether it is the same.
    for smaller in [(3, 5), (2, 4), (3, 4), (4, 5)] {
        let sent = story.after_hole(smaller, smaller.1 + 1..=9);
        assert_eq!(story.take(&sent), Err("C-CHAIN-FORK"), "{smaller:?}");
    }
    // By itself as well, and otherwise than it was told.
    let other_end = ChainHead { hash: Digest([9; 32]), ..story.at(5) };
    for (after, until) in [(2, story.at(4)), (1, story.at(3)), (1, story.at(4)), (1, other_end), (2, other_end)] {
        let holes = vec![signed(Hole { after: story.at(after), until })];
        let sent = SignedHeaders { holes, ..SignedHeaders::default() };
        assert_eq!(story.take(&sent), Err("C-CHAIN-FORK"), "{after} {until:?}");
    }
    assert_eq!(story.take(&story.part(3..=5)), Err("C-CHAIN-FORK"));
    // Shifted, it takes back a part.
    assert_eq!(story.take(&story.after_hole((4, 7), 8..=9)), Err("C-CHAIN-FORK"));
    assert_eq!(story.alarms().len(), 1);
    story.lose("6, 7");
    let sent = story.sent(6);
    assert_eq!(sent.holes[0].hole.after, story.at(2));
    assert_eq!(story.take(&sent), Ok(9));
    assert_eq!(story.holes(), [[3, 5, 0, 0, 3], [3, 7, 1, 0, 4]]);
    let text = "records 3 to 7 are lost at the terminal: 5; known here: 1 by header, 0 by transaction; 4 not at all";
    assert_eq!(story.alarms()[1], (text.to_owned(), 1));
}

#[test]
fn a_hole_behind_the_head_changes_no_head_and_is_told_all_the_same() {
    let mut story = Story::new();
    assert_eq!(story.take(&story.part(1..=8)), Ok(8));
    let sent = story.after_hole((2, 4), 5..=9);
    assert_eq!(story.take(&sent), Ok(9));
    assert_eq!((story.holes(), story.alarms().len()), (vec![[3, 4, 2, 0, 0]], 1));
}

#[test]
fn a_hole_behind_the_head_comes_by_itself_where_no_header_tells_of_it() {
    // All headers were here, and one of the transactions: the others are gone.
    let mut story = Story::new();
    story.deliver(&story.envelopes[4].clone()).unwrap();
    assert_eq!(story.take(&story.part(1..=9)), Ok(9));
    story.lose("1, 4, 5, 6, 8");
    let sent = story.sent(9);
    assert_eq!((sent.headers.len(), sent.holes.len()), (0, 0));
    for _ in 0..2 {
        let mut told = 0;
        while let Some(hole) = story.queue.signed_hole(told, story.at(9)).unwrap() {
            told = hole.hole.until.sequence;
            assert_eq!(story.take(&SignedHeaders { holes: vec![hole], ..SignedHeaders::default() }), Ok(9));
        }
        assert_eq!(story.holes(), [[1, 1, 1, 0, 0], [4, 6, 3, 1, 0], [8, 8, 1, 0, 0]]);
        let text =
            "records 4 to 6 are lost at the terminal: 3; known here: 3 by header, 1 by transaction; 0 not at all";
        assert_eq!(story.alarms()[1], (text.to_owned(), 1));
        assert_eq!(story.alarms().iter().map(|(_, times)| *times).collect::<Vec<_>>(), [1, 1, 1]);
    }
}
