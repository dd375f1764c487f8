//! Bills whose lines are priced by the catalogue, and lines that say otherwise.

use std::fs;
use std::sync::Arc;

use sbkd::rules::SigningKey;
use sbkd::store::{CATALOGUE, Catalogue, CatalogueInfo, Goods, Imported, Store};
use sbkd::terminal::{CaseState, CaseView, CatalogueHealth, Status, list_file};
use sbkd::wire::detached::sha256;
use sbkd::world::{Clock as _, NoRandom, Random, SystemClock};
use serde_json::{Value, json};

use crate::counter::{Counter, Setup};

const SETTLE: &str = "medical-settlement";
/// The first key of RFC 8032's test vectors.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const RULES: &str =
    "[catalogue]\nkeys = [\"D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A\"]\nmax_age_days = 30\n";
const ROWS: &str = "item,A1,床位费,201,01,0,2015-01-01,\n\
     item,B1,演示乙类药品,101,02,0,2015-01-01,2015-07-24\n\
     item,B1,演示乙类药品,101,01,0,2015-07-25,\n\
     item,C1,演示自费项目,201,03,0,2015-01-01,\n\
     item,L1,演示限制使用药品,101,01,1,2015-01-01,2015-07-31\n";
const DATED: &str = "price,A1,,2015-01-01,,50.0000\nrate,B1,310,2015-01-01,2015-07-24,0.1000\n\
     rate,B1,310,2015-07-25,,0.0000\nrate,B1,390,2015-01-01,,0.9000\n";

struct Seed;

impl Random for Seed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        hex::decode_to_slice(SEED, bytes).map_err(|_| NoRandom)
    }
}

fn key() -> SigningKey {
    SigningKey::read(&SigningKey::make(&Seed).unwrap()).unwrap()
}

/// As `sbkd catalogue import` does beside the daemon.
fn take_in(counter: &Counter, serial: u64, issued: &str) -> Imported<CatalogueInfo> {
    let (state, file) = (counter.dir.path().join("state"), counter.dir.path().join("demo.csv"));
    let text = format!(
        "sbkd-catalogue-1\nserial {serial}\nissued {issued}\nnote 虚构目录，仅供测试\n\
         items 5\nprices 1\nrates 3\n{ROWS}{DATED}"
    );
    fs::write(&file, &text).unwrap();
    fs::write(counter.dir.path().join("demo.csv.sig"), key().sign(&CATALOGUE, sha256(text.as_bytes()))).unwrap();
    let catalogue = Catalogue::new(&state, Arc::new(Store::open(&state.join("store.db")).unwrap()));
    catalogue.import(&mut list_file::<Goods>(&file).unwrap(), &[key().public()], SystemClock.now()).unwrap()
}

fn health(counter: &Counter) -> CatalogueHealth {
    counter.terminal.health().catalogue.unwrap()
}

/// A line of a bill, with what else it says.
fn line(sn: usize, code: &str, on: &str, amount: &str, more: &Value) -> Value {
    let mut line = json!({
        "feedetl_sn": sn.to_string(), "med_list_codg": code, "fee_ocur_time": on, "cnt": "1", "pric": amount,
        "det_item_fee_sumamt": amount,
    });
    for (name, value) in more.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

fn bill(lines: &[(&str, &str, &str, Value)]) -> Value {
    let lines = lines.iter().enumerate().map(|(at, (code, on, amount, more))| line(at + 1, code, on, amount, more));
    json!({
        "begntime": "2015-07-20", "endtime": "2015-08-01", "med_type": "21", "hosp_lv": "L3",
        "lines": lines.collect::<Vec<_>>(),
    })
}

/// The bill of this file; `more` is what each of its lines says besides.
fn whole(more: [Value; 5]) -> Value {
    let [bed, before, from, own, limited] = more;
    bill(&[
        ("A1", "2015-07-21", "60.00", bed),
        ("B1", "2015-07-24", "1000.05", before),
        ("B1", "2015-07-25", "20000.00", from),
        ("C1", "2015-07-25", "123.45", own),
        ("L1", "2015-07-31", "77.00", limited),
    ])
}

fn bare() -> Value {
    whole([json!({}), json!({}), json!({}), json!({}), json!({})])
}

fn stated() -> Value {
    whole([
        json!({"chrgitm_lv": "01", "pric_uplmt_amt": "50"}),
        json!({"chrgitm_lv": "02", "selfpay_prop": "10%"}),
        json!({"chrgitm_lv": "01", "selfpay_prop": "0%"}),
        json!({"chrgitm_lv": "03"}),
        json!({"chrgitm_lv": "01", "lmt_used_flag": true}),
    ])
}

fn figures(view: &CaseView) -> Value {
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    let decision: Value = serde_json::to_value(view.decision.as_ref().unwrap()).unwrap();
    json!([decision["outputs"], decision["lines"]])
}

/// The bill decided, and not carried out.
#[track_caller]
fn priced(counter: &Counter, form: Value) -> Value {
    let view = counter.decided(SETTLE, form);
    let figures = figures(&view);
    counter.terminal.cancel(view.id).unwrap();
    figures
}

/// The form goes back to the clerk: why, and for which items.
#[track_caller]
fn sent_back(counter: &Counter, form: Value) -> (&'static str, String) {
    let id = counter.open(SETTLE, Some(form));
    let view = counter.wait_for(id, |view| view.failure.is_some());
    assert_eq!(view.state, CaseState::WaitingInput, "{:?}", view.failure);
    counter.terminal.cancel(view.id).unwrap();
    let failure = view.failure.unwrap();
    (failure.entry.code, failure.detail.unwrap())
}

#[test]
fn a_bill_is_priced_by_the_catalogue_to_the_same_fen_as_by_its_form() {
    let without = Counter::new();
    assert_eq!(without.terminal.health().catalogue, None);
    let by_form = priced(&without, stated());
    let (code, items) = sent_back(&without, bare());
    assert!(code == "E-RULES-INPUT" && items.contains("lines[1].chrgitm_lv"), "{code} {items}: the form says it");

    let counter = Counter::with(Setup { config: RULES, ..Setup::default() });
    let taken = take_in(&counter, 1, "2015-08-01T08:00:00+08:00").list;
    assert_eq!(priced(&counter, bare()), by_form);
    assert_eq!(priced(&counter, stated()), by_form, "it says what the catalogue says");
    let done = counter.carried_out(SETTLE, bare());
    assert_eq!(done.state, CaseState::Done, "{:?}", done.failure);
    let row = counter.transactions().remove(0);
    let (journal, _dir) = counter.journal();
    let payload = journal.payload(row.id).unwrap().unwrap();
    assert_eq!(payload["detail"]["catalogue"], json!({"serial": 1, "sha256": taken.sha256}));
    let told = &payload["detail"]["input"]["lines"][1];
    assert_eq!((&told["chrgitm_lv"], &told["selfpay_prop"]), (&json!("02"), &json!("10%")));
    assert_eq!(
        payload["request"]["input"]["feedetail"], payload["detail"]["input"]["lines"],
        "the centre is told the same"
    );
}

#[test]
fn lines_that_the_catalogue_does_not_know_or_knows_otherwise_are_sent_back_by_their_place() {
    let counter = Counter::with(Setup { config: RULES, ..Setup::default() });
    let refused = counter.decided(SETTLE, bare());
    let code = refused.failure.unwrap().entry.code;
    assert_eq!((refused.state, code), (CaseState::Refused, "E-TERM-CATALOGUE-NONE"), "none was taken in");
    assert_eq!(health(&counter).catalogue, None);
    assert_eq!(counter.terminal.health().status, Status::Degraded);
    take_in(&counter, 1, "2015-08-01T08:00:00+08:00");
    let one = |code, on, more| bill(&[("A1", "2015-07-21", "10.00", json!({})), (code, on, "10.00", more)]);
    for (form, code, items) in [
        (one("OWN-1", "2015-07-21", json!({})), "E-TERM-CATALOGUE-CODE", "lines[2].med_list_codg"),
        (one("L1", "2015-08-01", json!({})), "E-TERM-CATALOGUE-CODE", "lines[2].med_list_codg"),
        (one("B1", "2014-12-31", json!({})), "E-TERM-CATALOGUE-CODE", "lines[2].med_list_codg"),
        (one("B1", "2015-07-24", json!({"chrgitm_lv": "01"})), "E-TERM-CATALOGUE-OTHERWISE", "lines[2].chrgitm_lv"),
        (one("B1", "2015-07-25", json!({"chrgitm_lv": "02"})), "E-TERM-CATALOGUE-OTHERWISE", "lines[2].chrgitm_lv"),
        (one("A1", "2015-07-25", json!({"selfpay_prop": "5%"})), "E-TERM-CATALOGUE-OTHERWISE", "lines[2].selfpay_prop"),
        (
            one("A1", "2015-07-25", json!({"chrgitm_lv": "02", "pric_uplmt_amt": "50.0001"})),
            "E-TERM-CATALOGUE-OTHERWISE",
            "lines[2].chrgitm_lv, lines[2].pric_uplmt_amt",
        ),
    ] {
        assert_eq!(sent_back(&counter, form), (code, items.to_owned()));
    }
    assert!(counter.transactions().is_empty());
}

#[test]
fn the_health_tells_the_catalogue_and_a_damaged_one_prices_nothing() {
    let counter = Counter::with(Setup { config: RULES, ..Setup::default() });
    take_in(&counter, 1, &SystemClock.now().to_string());
    let told = health(&counter);
    assert_eq!(told.catalogue.map(|catalogue| (catalogue.serial, catalogue.items)), Some((1, 5)));
    assert!(!told.old && told.failure.is_none() && told.age_secs.is_some());
    take_in(&counter, 2, "2015-08-01T08:00:00+08:00");
    assert!(health(&counter).old && counter.terminal.health().status == Status::Degraded);
    assert_eq!(counter.decided(SETTLE, bare()).state, CaseState::WaitingConfirmation, "it counts all the same");

    let counter = Counter::with(Setup { config: RULES, ..Setup::default() });
    take_in(&counter, 3, "2015-08-01T08:00:00+08:00");
    let mut files = fs::read_dir(counter.dir.path().join("state")).unwrap().map(|file| file.unwrap().path());
    let rows = files.find(|file| file.file_name().unwrap().to_string_lossy().starts_with("catalogue-3-")).unwrap();
    fs::write(rows, "damaged").unwrap();
    let view = counter.decided(SETTLE, stated());
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Refused, "E-STORE-CATALOGUE-DAMAGED"));
    assert_eq!(health(&counter).failure.unwrap().entry.code, "E-STORE-CATALOGUE-DAMAGED");
    assert!(counter.transactions().is_empty());
}
