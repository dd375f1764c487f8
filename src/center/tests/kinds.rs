//! What the centre does with each kind of transaction: filed, looked up, paid, settled.

mod before;
mod bills;
mod claims;
mod later;
mod paid;
mod registered;
mod shipped;
mod sign_ins;
mod stays;
mod undo;
mod upgrade;
mod visits;

use std::cell::Cell;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::*;
use crate::center::messages::{Message, PAYMENTS};
use crate::center::{db, deliver, national, payments, seed};
use crate::queue::Queue;
use crate::value::Fen;
use crate::wire::batch::ItemAnswer;
use crate::wire::enquiry::Enquiry;
use crate::wire::filing::{Document, Filed};
use crate::wire::lookup::{Found, Lookup};
use crate::wire::payment::{Account, Payment};
use crate::wire::{Outcome, Receipt, Reply};

const NOW: Timestamp = Timestamp::constant(1_438_570_800, 0);
const DAY: Date = date(2015, 8, 3);
const TERMINAL: &str = "T44010000001";

/// Two people; of the first, orders and payments, an institution for each of two places; of the second, what stands from
/// before.
const SEED: &str = r#"
[[person]]
psn_no = "44010000000003"
certno = "440103198806120021"
insutype = "310"
[[person]]
psn_no = "44010000000002"
certno = "440105197904230011"
insutype = "310"
[[fact]]
psn_no = "44010000000003"
scenarios = ["ruled", "dues"]
facts = { employed = false }
[[fact]]
psn_no = "44010000000002"
scenarios = ["ruled"]
facts = { employed = true }
[[filing]]
psn_no = "44010000000002"
scenario = "free"
once = "standing"
[[record]]
psn_no = "44010000000003"
scenario = "dues"
values = { order_no = "P1", order_amt = "260.00", order_stas = "due" }
[[record]]
psn_no = "44010000000003"
scenario = "dues"
values = { order_no = "P2", order_amt = "10.00", order_stas = "closed" }
[[record]]
psn_no = "44010000000002"
scenario = "dues"
values = { order_no = "P3", order_amt = "10.00", order_stas = "due" }
[[record]]
psn_no = "44010000000003"
scenario = "benefit"
values = { pay_no = "B1", pay_amt = "1516.00", pay_stas = "paid" }
[[record]]
psn_no = "44010000000003"
scenario = "benefit"
key = "B2"
values = { pay_no = "B2", pay_amt = "1516.00", pay_stas = "pending" }
[[record]]
psn_no = "44010000000003"
scenario = "benefit"
part = "query"
values = { aae003 = "2015-07", aae140 = "110" }
[[record]]
psn_no = "44010000000003"
scenario = "point"
key = "fix_srt_no"
values = { fix_srt_no = 1, fixmedins_name = "甲医院", begndate = "2015-01-01" }
[[record]]
psn_no = "44010000000003"
scenario = "point"
key = "fix_srt_no"
values = { fix_srt_no = "2", fixmedins_name = "乙医院", fix_name_now = "乙医院", begndate = "2015-01-01" }
"#;

/// Refuses whoever is employed; counts each that it allows.
const PACK: &str = r#"
[pack]
id = "p"
version = "1"
title = "规则"
scenarios = ["ruled", "dues", "care"]
scheme = "s"
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "aae036"
status = "official"
[facts]
aae036 = { type = "date" }
employed = { type = "bool", default = false }
endtime = { type = "date", optional = true }
[accumulators]
used = { type = "money", scope = "month", default = "0.00" }
[[guard]]
code = "E-EMPLOYED"
when = "employed"
outcome = "deny"
text = { zh = "已就业", en = "employed" }
basis = "试验"
[[post]]
name = "used"
add = "¥1"
"#;

/// Refuses a change to what there is.
const CHANGES: &str = r#"
[pack]
id = "c"
version = "1"
title = "变更"
scenarios = ["point"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "aae036"
status = "official"
[facts]
aae036 = { type = "date" }
fixmedins_name = { type = "text" }
fix_name_now = { type = "text" }
[[guard]]
code = "E-SAME"
when = "fixmedins_name == fix_name_now"
outcome = "deny"
text = { zh = "没有变更", en = "nothing changes" }
basis = "试验"
"#;

/// A database of before lines and visits were kept (the eleventh step), and where it is.
fn of_before(dir: &TempDir) -> (PathBuf, Connection) {
    at_version(dir, 11)
}

fn at_version(dir: &TempDir, version: usize) -> (PathBuf, Connection) {
    let file = dir.path().join("centre.db");
    let mut old = Connection::open(&file).unwrap();
    rusqlite_migration::Migrations::from_slice(&db::STEPS[..version]).to_latest(&mut old).unwrap();
    (file, old)
}

struct World {
    _dir: TempDir,
    queue: Queue,
    db: Connection,
    packs: Packs,
    sent: Cell<u32>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (queue, db) = (journal(dir.path()), db::open(None).unwrap());
        seed::sow(&db, "seed.toml", SEED, NOW).unwrap();
        let packs = Packs::load(&[("p.toml".into(), PACK.into()), ("c.toml".into(), CHANGES.into())]).unwrap();
        Self { _dir: dir, queue, db, packs, sent: Cell::new(0) }
    }

    /// With what is built in, and the rules of the others; or with those that ship.
    fn shipped(packs: Option<&Packs>) -> Self {
        let world = Self::new();
        let mut db = db::open(None).unwrap();
        seed::plant(&mut db, None, NOW).unwrap();
        let packs = packs.cloned().unwrap_or_else(|| world.packs.clone());
        Self { db, packs, ..world }
    }

    /// A transaction is committed, and comes twice.
    fn deliver(&self, scenario: &str, kind: Kind, request: &impl Serialize) -> Receipt {
        self.deliver_decided((scenario, kind, false), request)
    }

    /// The same of one that the terminal decided alone, where it did.
    fn deliver_decided(&self, (scenario, kind, provisional): (&str, Kind, bool), request: &impl Serialize) -> Receipt {
        self.sent.set(self.sent.get() + 1);
        let payload = json!({ "request": request, "detail": {} });
        let scenario = scenario.into();
        let draft = Draft { scenario, kind, provisional, payload, ..draft(&self.sent.get().to_string()) };
        let row = self.queue.commit(draft).unwrap().row;
        let envelope = self.queue.envelope(row.id).unwrap().unwrap();
        let answers = [(); 2].map(|()| {
            let one = std::slice::from_ref(&envelope);
            deliver::batch(&self.db, &self.packs, one, (true, 0), NOW).remove(0)
        });
        let [ItemAnswer::Receipt(first), ItemAnswer::Receipt(again)] = answers else { panic!("no receipt") };
        assert!(first == again, "the same transaction is answered alike");
        first
    }

    /// What comes of a filing: its number, or the code of its refusal.
    fn file(&self, filing: &Filing) -> Result<String, String> {
        let receipt = self.deliver(&filing.scenario, filing.part, filing);
        match receipt.outcome {
            Outcome::Accepted => Ok(serde_json::from_value::<Filed>(receipt.output).unwrap().number),
            Outcome::Refused { code, .. } => Err(code),
        }
    }

    fn ask(&self, infno: &str, msgid: &str, input: &impl Serialize) -> Reply {
        ask(&self.db, &self.packs, (infno, msgid, false), input)
    }

    fn look_up(&self, scenario: &str, part: Kind, fields: Value) -> Result<Vec<Map<String, Value>>, String> {
        let asked = Lookup { fields: object(fields), ..lookup(scenario, part) };
        told(self.ask(scenario, "Q1", &asked)).map(|output| {
            let found: Found = serde_json::from_value(output).unwrap();
            assert_eq!(found.as_of, NOW);
            found.records
        })
    }

    /// What comes of a payment: the bank's number, or the code of its refusal.
    fn pay(&self, msgid: &str, payment: &Payment) -> Result<Value, String> {
        told(self.ask("dues", msgid, payment)).map(|paid| paid["payinfo"]["trace_no"].clone())
    }

    fn reverse(&self, msgid: &str, oinfno: &str) -> i32 {
        self.ask(infno::REVERSE, "R1", &json!({ "omsgid": msgid, "oinfno": oinfno })).infcode
    }

    /// How an order stands, and what the pack has counted.
    fn stands(&self, order: &str) -> (Value, String) {
        let order = self.look_up("dues", Kind::Pay, json!({ "order_no": order })).unwrap().remove(0);
        (order["order_stas"].clone(), self.counted())
    }

    fn counted(&self) -> String {
        let read = "SELECT coalesce(max(value), 'nothing') FROM accumulators";
        self.db.query_row(read, [], |row| row.get(0)).unwrap()
    }
}

fn ask(db: &Connection, packs: &Packs, (infno, msgid, refuse): (&str, &str, bool), input: &impl Serialize) -> Reply {
    let request = Request {
        infno: infno.into(),
        msgid: msgid.into(),
        fixmedins_code: TERMINAL.into(),
        opter: "0007".into(),
        inf_time: String::new(),
        recer_sys_code: None,
        sign_no: None,
        demo: true,
        input: json!(input),
    };
    national::answer(db, packs, &request, refuse, NOW).unwrap()
}

fn told(reply: Reply) -> Result<Value, String> {
    match reply.refusal() {
        Some((code, _)) => Err(code),
        None => Ok(reply.output),
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn of(certno: &str) -> PersonKey {
    let mut person = person();
    certno.clone_into(&mut person.certno);
    person
}

fn another() -> PersonKey {
    of("440105197904230011")
}

fn filing(scenario: &str, part: Kind) -> Filing {
    Filing {
        person: person(),
        scenario: scenario.into(),
        part,
        message: scenario.into(),
        business_date: DAY,
        once: None,
        fields: Map::new(),
        documents: Vec::new(),
        lines: Vec::new(),
        facts: object(json!({ "aae036": DAY })),
    }
}

fn lookup(scenario: &str, part: Kind) -> Lookup {
    Lookup {
        person: person(),
        scenario: scenario.into(),
        part,
        message: scenario.into(),
        business_date: DAY,
        fields: Map::new(),
    }
}

fn payment(order_no: &str, order_amt: i64) -> Payment {
    Payment {
        person: person(),
        scenario: "dues".into(),
        part: Kind::Pay,
        message: "dues".into(),
        business_date: DAY,
        order_no: order_no.into(),
        order_amt: Fen(order_amt),
        account: Account { account: "621700******0001".into(), token: "00".repeat(32) },
        fields: Map::new(),
        facts: object(json!({ "aae036": DAY })),
    }
}

#[test]
fn one_filing_of_a_key_stands_and_each_without_one_is_one_by_itself() {
    let world = World::new();
    let free = filing("free", Kind::Apply);
    assert_eq!(world.file(&free).as_deref(), Ok("F00000000002"), "the first stands from before");
    assert_eq!(world.file(&free).as_deref(), Ok("F00000000003"));
    let once = |person: PersonKey, part| Filing { person, once: Some("standing".into()), ..filing("free", part) };
    for part in [Kind::Apply, Kind::Register, Kind::Visit, Kind::Certify, Kind::Report] {
        assert!(world.file(&once(person(), part)).is_ok(), "another part is another business: {part:?}");
        assert_eq!(world.file(&once(person(), part)).unwrap_err(), "C-ALREADY", "{part:?}");
        assert_eq!(world.file(&once(another(), part)).unwrap_err(), "C-ALREADY", "of whichever part: {part:?}");
    }
    assert_eq!(world.file(&once(of("11010519491231002X"), Kind::Apply)).unwrap_err(), "C-NO-PERSON");
}

#[test]
fn what_is_no_filing_or_is_of_another_transaction_is_not_filed() {
    let world = World::new();
    let refused = |receipt: Receipt| match receipt.outcome {
        Outcome::Refused { code, .. } => code,
        Outcome::Accepted => panic!("it was filed"),
    };
    assert_eq!(refused(world.deliver("free", Kind::Apply, &json!({}))), "C-FORM");
    assert_eq!(refused(world.deliver("other", Kind::Apply, &filing("free", Kind::Apply))), "C-FORM");
    assert_eq!(refused(world.deliver("free", Kind::Report, &filing("free", Kind::Apply))), "C-FORM");
    let with = |documents| world.file(&Filing { documents, ..filing("free", Kind::Apply) });
    let looked_at = |shown| Document::Shown { id: "id-card".into(), shown };
    assert_eq!(with(vec![looked_at(false)]).unwrap_err(), "C-FORM");
    let scanned = Document::Scanned { id: "proof".into(), sha256: Digest([7; 32]) };
    assert!(with(vec![looked_at(true), scanned]).is_ok());
}

#[test]
fn the_centres_packs_decide_a_filing_by_what_the_centre_knows() {
    let world = World::new();
    let mut ruled = filing("ruled", Kind::Register);
    // Her terminal says otherwise, and is wrong.
    ruled.facts.insert("employed".into(), true.into());
    assert!(world.file(&ruled).is_ok());
    assert_eq!(world.counted(), "\"1.00\"");
    let employed = Filing { person: another(), ..filing("ruled", Kind::Register) };
    assert_eq!(world.file(&employed).unwrap_err(), "E-EMPLOYED");
    let unruled = Filing { business_date: date(2016, 1, 1), ..filing("ruled", Kind::Register) };
    assert_eq!(world.file(&unruled).unwrap_err(), "C-INPUT", "there are packs, and none of that year");
    assert_eq!(world.counted(), "\"1.00\"");
}

#[test]
fn a_payment_is_collected_once_and_not_before_it_is_there() {
    let world = World::new();
    let collect = |person: PersonKey, pay_no: &str| {
        let fields = object(json!({ "pay_no": pay_no }));
        world.file(&Filing { person, fields, ..filing("benefit", Kind::Collect) })
    };
    assert_eq!(collect(person(), "B2").unwrap_err(), "C-PAY-STATE");
    assert_eq!(collect(person(), "B3").unwrap_err(), "C-PAY-UNKNOWN");
    assert_eq!(collect(another(), "B1").unwrap_err(), "C-PAY-UNKNOWN");
    assert!(collect(person(), "B1").is_ok());
    assert_eq!(collect(person(), "B1").unwrap_err(), "C-PAY-STATE");
    let found = world.look_up("benefit", Kind::Collect, json!({ "pay_no": "B1" })).unwrap();
    assert!(found.len() == 1 && found[0]["pay_stas"] == "collected", "{found:?}");
}

#[test]
fn a_change_takes_the_place_of_the_record_that_it_names() {
    let world = World::new();
    let change = |name: &str| {
        let fields = object(json!({ "fix_srt_no": "2", "fixmedins_name": name, "AAE013": "搬家" }));
        // The form says what it is to be, the centre what it is now, whatever the terminal was told.
        let facts = object(json!({ "aae036": DAY, "fixmedins_name": name, "fix_name_now": "戊医院" }));
        world.file(&Filing { fields, facts, ..filing("point", Kind::Change) })
    };
    assert_eq!(change("乙医院").unwrap_err(), "E-SAME");
    assert!(change("丙医院").is_ok());
    let names = |fields: Value, part| {
        let found = world.look_up("point", part, fields).unwrap();
        found.iter().map(|one| one["fixmedins_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(json!({}), Kind::Query), ["甲医院", "丙医院"]);
    // Who is about to change a record is told that one, whatever it is to be; who names none, all.
    assert_eq!(names(json!({ "fixmedins_name": "丁医院" }), Kind::Change), ["甲医院", "丙医院"]);
    assert_eq!(names(json!({ "fix_srt_no": "2", "fixmedins_name": "丁医院" }), Kind::Change), ["丙医院"]);
}

#[test]
fn a_lookup_tells_a_persons_own_records_of_its_part() {
    let world = World::new();
    let orders = |fields| world.look_up("dues", Kind::Query, fields).unwrap().len();
    let (all, due) = (orders(json!({})), orders(json!({ "order_stas": "due" })));
    assert_eq!((all, due, orders(json!({ "order_no": "P3" }))), (2, 1, 0));
    let since = |day: &str| world.look_up("benefit", Kind::Query, json!({ "AAE030": day })).unwrap();
    assert_eq!(since("2015-07-01").last().unwrap()["aae140"], "110");
    assert_eq!((since("2015-07-01").len(), since("2015-08-01").len()), (3, 2), "the payments say nothing of a time");
    assert_eq!(world.look_up("nothing", Kind::Query, json!({})).unwrap_err(), "C-INFNO");
    // A name that is a national number as well is the scenario's where the message says so.
    let asked = |message: &str, infno: &str| {
        told(world.ask(infno, "Q1", &Lookup { message: message.into(), ..lookup("dues", Kind::Query) }))
    };
    assert_eq!(asked(infno::SETTLEMENT, infno::SETTLEMENT).unwrap()["records"].as_array().unwrap().len(), 2);
    assert_eq!(asked("dues", "other").unwrap_err(), "C-INFNO");
}

#[test]
fn an_answered_query_is_kept_without_what_was_found() {
    let world = World::new();
    let enquiry = Enquiry {
        person: person(),
        scenario: "benefit".into(),
        part: Kind::Query,
        message: "benefit".into(),
        business_date: DAY,
        as_of: NOW,
        records: 3,
        cached: false,
        printed: true,
        document_sha256: Some(Digest([7; 32])),
    };
    let receipt = world.deliver("benefit", Kind::Query, &enquiry);
    assert!(receipt.outcome == Outcome::Accepted && receipt.output.is_null());
    let ledger = ledger::read(&world.db).unwrap();
    assert_eq!((&ledger["enquiries"], &ledger["filings"][0]["scenario"]), (&json!(1), &json!("free")));
    assert!(!ledger.to_string().contains("王小雅") && !ledger.to_string().contains("440103"));
}

#[test]
fn a_seed_says_where_it_is_wrong() {
    let sown = |text: &str| {
        let db = db::open(None).unwrap();
        know(&db);
        seed::sow(&db, "x.toml", text, NOW).map_err(|error| error.to_string())
    };
    let record = |more: &str| format!("[[record]]\npsn_no = \"44010000000003\"\nscenario = \"s\"\n{more}\n");
    let order = record("values = { order_no = \"P1\", order_stas = \"due\" }");
    assert_eq!(sown(&order), Ok(()));
    assert!(sown(&format!("{order}{order}")).unwrap_err().starts_with("x.toml:6:10: "), "an order is there once");
    assert!(sown(&order.replace("0003", "0009")).unwrap_err().starts_with("x.toml:2:10: "), "a person is known");
    let why = sown(&record("key = \"P2\"\nvalues = { order_no = \"P1\" }")).unwrap_err();
    assert!(why.starts_with("x.toml:2:10: ") && why.contains("key"), "{why}");
    assert!(sown("[[record]]\nage = 3\n").unwrap_err().starts_with("x.toml:2:1: unknown field `age`"));
}
