//! (e) A bill of 1,000 lines, and (f) loading every pack that ships.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sbkd::rules::{Input, Outcome, Packs};
use serde_json::{Map, Value, json};

use crate::numbers::{median_and_95th, ms};
use crate::settle::us;
use crate::table::Row;

const PACK: &str = include_str!("../../config/policy/guangzhou-2015/medical-settlement.toml");
const LINES: usize = 1_000;
const BILLS: usize = 101;
const LOADS: usize = 31;

/// Measures a bill through the pack for employees' admissions.
pub fn measure() -> Vec<Row> {
    let packs = packs();
    let bill = bill();
    let decision = packs.decide("medical-settlement", &bill).expect("a bill that fits the pack");
    assert_eq!((decision.outcome, decision.lines.len()), (Outcome::Allow, LINES));
    let mut times = timed(BILLS, || packs.decide("medical-settlement", black_box(&bill)));
    let whole = median_and_95th(&mut times).0;
    let goal = Duration::from_micros(200);
    vec![Row::with_goal(
        &format!("(e) a bill of {LINES} lines, JSON to JSON with trace, {BILLS} times"),
        us(whole),
        "below 200 µs",
        whole < goal,
    )]
}

/// Measures the loading of all packs: parsed, proved, compiled, and every case run.
pub fn measure_loading() -> Vec<Row> {
    let count = Packs::builtin().list().len();
    let mut times = timed(LOADS, Packs::builtin);
    let whole = median_and_95th(&mut times).0;
    vec![Row::with_goal(
        &format!("(f) loading all {count} packs with their cases, {LOADS} times"),
        ms(whole),
        "below 20 ms",
        whole < Duration::from_millis(20),
    )]
}

fn timed<T>(times: usize, mut run: impl FnMut() -> T) -> Vec<Duration> {
    let once = |_| {
        let started = Instant::now();
        black_box(run());
        started.elapsed()
    };
    (0..times).map(once).collect()
}

/// The pack that ships, for longer bills than it allows.
fn packs() -> Packs {
    let (allowed, wanted) = ("most = 500\n", "most = 1000\n");
    assert!(PACK.contains(allowed), "the pack allows another number of lines");
    let text = PACK.replace(allowed, wanted);
    Packs::load(&[("medical-settlement.toml".to_owned(), text)]).expect("the pack that ships")
}

/// A bill with items of all classes, every third with a price limit.
fn bill() -> Input {
    let line = |number: usize| -> Map<String, Value> {
        // Between 1.01 and 10.99 yuan a piece, one to nine pieces.
        let (price, count) = (101 + number * 37 % 999, 1 + number % 9);
        let yuan = |fen: usize| json!(format!("{}.{:02}", fen / 100, fen % 100));
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("feedetl_sn", json!(number.to_string()));
        put("med_list_codg", json!(format!("M{number:05}")));
        put("fee_ocur_time", json!("2015-07-25"));
        put("cnt", json!(count.to_string()));
        put("pric", yuan(price));
        put("det_item_fee_sumamt", yuan(price * count));
        put("chrgitm_lv", json!(["01", "02", "03"][number % 3]));
        put("selfpay_prop", json!("15%"));
        if number.is_multiple_of(3) {
            put("pric_uplmt_amt", json!("5.0000"));
        }
        line
    };
    let lines: Vec<_> = (0..LINES).map(line).collect();
    let fen = |line: &Map<String, Value>| -> u64 {
        line["det_item_fee_sumamt"].as_str().expect("an amount").replace('.', "").parse().expect("fen")
    };
    let total: u64 = lines.iter().map(fen).sum();
    let object = |value: Value| value.as_object().expect("an object").clone();
    Input {
        facts: object(json!({
            "begntime": "2015-07-20", "endtime": "2015-08-01", "hosp_lv": "L3", "psn_type": "1", "psn_insu_stas": "0",
            "medfee_sumamt": format!("{}.{:02}", total / 100, total % 100),
        })),
        lines,
        accumulators: object(json!({ "pool": "0.00", "supplement": "0.00" })),
    }
}
