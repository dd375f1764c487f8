//! What is taken back is the last that counted on the same, whatever came after it: each was computed on those before.

use rusqlite_migration::Migrations;

use super::undo::withdrawal;
use super::*;
use crate::wire::settle::{Cancellation, Settlement, SettlementAnswer};

impl World {
    /// What a message settles: its number, or the code of its refusal.
    fn settle(&self, msgid: &str) -> Result<String, String> {
        let settlement = Settlement {
            person: person(),
            insutype: "310".into(),
            med_type: "11".into(),
            medfee_sumamt: Fen(100),
            psn_setlway: "01".into(),
            acct_used_flag: "0".into(),
            mdtrt_id: None,
            scenario: "care".into(),
            business_date: DAY,
            facts: object(json!({ "aae036": DAY })),
            feedetail: Vec::new(),
            documents: Vec::new(),
        };
        self.numbered(infno::SETTLE, msgid, &settlement)
    }

    fn cancel(&self, msgid: &str, setl_id: &str) -> Result<String, String> {
        let (setl_id, psn_no) = (setl_id.to_owned(), "44010000000003".to_owned());
        self.numbered(infno::CANCEL, msgid, &Cancellation { setl_id, mdtrt_id: None, psn_no, reason: None })
    }

    fn numbered(&self, infno: &str, msgid: &str, input: &impl Serialize) -> Result<String, String> {
        told(self.ask(infno, msgid, input)).map(|output| {
            let answer: SettlementAnswer = serde_json::from_value(output).unwrap();
            answer.setlinfo["setl_id"].as_str().unwrap().to_owned()
        })
    }
}

fn later<T>() -> Result<T, String> {
    Err("C-LATER".into())
}

#[test]
fn a_settlement_is_cancelled_when_nothing_of_any_kind_was_computed_on_it() {
    let world = World::new();
    let settled = world.settle("M1").unwrap();
    let filing = filing("ruled", Kind::Apply);
    let filed = world.filed(&filing);
    assert_eq!(world.cancel("N1", &settled), later());
    world.pay("M2", &payment("P1", 26_000)).unwrap();
    let again = world.settle("M3").unwrap();
    assert_eq!((world.cancel("N2", &settled), world.counted()), (later(), "\"4.00\"".into()), "nothing was taken back");
    // From the last one to the first.
    let cancelled = world.cancel("N3", &again);
    assert!(cancelled.is_ok(), "{cancelled:?}");
    assert_eq!(world.withdraw(&withdrawal(&filing, &filed)).map(|_| ()), later());
    assert_eq!((world.reverse("M2", "dues"), world.cancel("N4", &settled)), (Reply::OK, later()));
    assert!(world.withdraw(&withdrawal(&filing, &filed)).is_ok());
    let cancelled = world.cancel("N5", &settled);
    assert!(cancelled.is_ok(), "{cancelled:?}");
    assert_eq!(world.counted(), "\"0.00\"");
    // What was said no to is said no to for ever, though nothing is in its way any more.
    assert_eq!(world.cancel("N1", &settled), later());
}

#[test]
fn a_settlement_whose_cancellation_was_reversed_is_in_the_way_again() {
    let world = World::new();
    let filing = filing("ruled", Kind::Apply);
    let filed = world.filed(&filing);
    let settled = world.settle("M1").unwrap();
    world.cancel("N1", &settled).unwrap();
    assert_eq!(world.reverse("N1", infno::CANCEL), Reply::OK);
    assert_eq!(world.withdraw(&withdrawal(&filing, &filed)).map(|_| ()), later());
    assert_eq!(world.reverse("M1", infno::SETTLE), Reply::OK);
    assert!(world.withdraw(&withdrawal(&filing, &filed)).is_ok());
    assert_eq!(world.counted(), "\"0.00\"");
}

#[test]
fn what_counts_on_something_else_is_in_nobodys_way() {
    let world = World::new();
    let settled = world.settle("M1").unwrap();
    let next_month = date(2015, 9, 1);
    let facts = object(json!({ "aae036": next_month }));
    world.filed(&Filing { business_date: next_month, facts, ..filing("ruled", Kind::Apply) });
    world.filed(&filing("free", Kind::Apply));
    assert!(world.cancel("N1", &settled).is_ok());
}

/// What is there of all three lists is put in the order in which it came.
#[test]
fn what_was_done_before_this_was_kept_has_its_order_by_its_time() {
    let mut db = Connection::open_in_memory().unwrap();
    Migrations::from_slice(db::STEPS).to_version(&mut db, 11).unwrap();
    db.execute("INSERT INTO persons VALUES ('1', 'A', '310')", []).unwrap();
    let changes = json!([{ "name": "used" }]);
    let posted = json!({ "psn_no": "1", "mdtrt_id": "Z1", "settlement": { "mdtrt_id": "Z2" }, "changes": changes });
    let nothing = json!({ "psn_no": "1", "changes": [] });
    let settled = "INSERT INTO settlements (number, terminal, msgid, state, psn_no, posted, reply, times, cancels)
         VALUES (?1, 'T', ?1, 'settled', '1', ?2, ?3, 1, ?4)";
    let at = |time: &str| json!({ "setlinfo": { "setl_time": time } }).to_string();
    for (number, posted, time, cancels) in [
        (1, &posted, "2015-08-03 10:00:00", None),
        (2, &posted, "2015-08-03 10:00:03", None),
        (3, &posted, "2015-08-03 10:00:09", Some(2)),
        (4, &nothing, "2015-08-03 10:00:09", None),
    ] {
        db.execute(settled, rusqlite::params![number, posted.to_string(), at(time), cancels]).unwrap();
    }
    let paid = json!({ "payinfo": { "paid_at": "2015-08-03T02:00:02.5Z" } }).to_string();
    db.execute(
        "INSERT INTO payments (number, terminal, msgid, state, posted, reply, times) VALUES (7, 'T', 'P', 'paid', ?1, ?2, 1)",
        [posted.to_string(), paid],
    )
    .unwrap();
    let receipt = json!({ "received_at": "2015-08-03T02:00:01Z" }).to_string();
    let id = [7_u8; 16];
    db.execute(
        "INSERT INTO transactions (number, id, terminal, sequence, header_hash, content, scenario, accepted, receipt, detail, times)
         VALUES (1, ?1, 'T', 1, zeroblob(32), x'', 's', 1, ?2, '{}', 1)",
        rusqlite::params![id, receipt],
    )
    .unwrap();
    db.execute(
        "INSERT INTO filings (number, id, psn_no, scenario, part, state, filed_on, fields, documents, lines, posted)
         VALUES (5, ?1, '1', 's', 'apply', 'accepted', '2015-08-03', '{}', '[]', '[]', ?2)",
        rusqlite::params![id, posted.to_string()],
    )
    .unwrap();
    Migrations::from_slice(db::STEPS).to_latest(&mut db).unwrap();
    let mut kept =
        db.prepare("SELECT about, psn_no, admission, changes, stands FROM postings ORDER BY number").unwrap();
    let kept = kept.query_map([], |row| {
        assert_eq!((row.get::<_, String>(1)?, row.get::<_, String>(3)?), ("1".into(), changes.to_string()));
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?, row.get::<_, bool>(4)?))
    });
    let kept: Vec<_> = kept.unwrap().map(Result::unwrap).collect();
    let wanted = [
        ("settlement 1", "Z2", true),
        ("filing 5", "Z1", true),
        ("payment 7", "Z1", true),
        ("settlement 2", "Z2", false),
    ];
    assert_eq!(kept, wanted.map(|(about, admission, stands)| (about.to_owned(), admission.to_owned(), stands)));
}
