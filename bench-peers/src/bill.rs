//! (e) A bill of 1,000 lines, and (f) loading every pack that ships.

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use sbkd::rules::{Datum, Desk, Input, InputError, Outcome, Packs, Slot};
use sbkd::value::{Fen, Price, Quantity, Rate};
use serde_json::{Map, Value, json};

use crate::numbers::{median_and_95th, ms};
use crate::settle::us;
use crate::table::Row;

const PACK: &str = include_str!("../../config/policy/guangzhou-2015/medical-settlement.toml");
const SCENARIO: &str = "medical-settlement";
const LINES: usize = 1_000;
const FEES: Date = date(2015, 7, 25);
const BILLS: usize = 101;
const LOADS: usize = 31;

/// A form of it that is measured: what it is called, whether it is told the bill anew each time, how it decides.
type Form = (&'static str, bool, fn(&mut Desk<'_>) -> Result<Outcome, InputError>);

const FORMS: [Form; 4] = [
    ("told by slots and decided, without trace", true, |desk| desk.decide()),
    ("decided alone, without trace", false, |desk| desk.decide()),
    ("decided alone, with its trace noted", false, |desk| desk.decide_noted()),
    ("decided alone, with the whole decision written out", false, |desk| {
        desk.decision().map(|decision| black_box(decision).outcome)
    }),
];

/// Measures a bill through the pack for employees' admissions.
pub fn measure() -> Vec<Row> {
    let packs = packs();
    let lines: Vec<Line> = (0..LINES).map(Line::of).collect();
    let bill = bill(&lines);
    let decision = packs.decide(SCENARIO, &bill).expect("a bill that fits the pack");
    assert_eq!((decision.outcome, decision.lines.len()), (Outcome::Allow, LINES));
    let mut desk = packs.desk(SCENARIO, &bill).expect("a pack for the bill");
    desk.read(&bill).expect("a bill that fits the pack");
    let slots = Slots::of(&desk);
    let mut rows = Vec::new();
    for (what, told, decide) in FORMS {
        let mut times = timed(BILLS, || {
            if told {
                slots.tell(&mut desk, &lines);
            }
            assert_eq!(decide(&mut desk), Ok(Outcome::Allow));
        });
        assert_eq!(json!(desk.fen(slots.pool)), decision.outputs["hifp_pay"], "{what}");
        let median = median_and_95th(&mut times).0;
        let what = format!("(e) a bill of {LINES} lines, {what}");
        rows.push(match told {
            true => Row::with_goal(&what, us(median), "below 200 µs", median < Duration::from_micros(200)),
            false => Row::plain(&what, us(median)),
        });
    }
    let mut times = timed(BILLS, || packs.decide(SCENARIO, black_box(&bill)));
    let what = format!("(e) a bill of {LINES} lines, JSON to JSON with the whole decision");
    rows.push(Row::plain(&what, us(median_and_95th(&mut times).0)));
    rows
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
        // What is made is taken down again outside of the time.
        let _made = black_box(run());
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

/// An item of a bill. They are of all classes, those of class B with a share paid first, and every third has a price limit.
struct Line {
    number: String,
    code: String,
    price: i64,
    count: i64,
    class: &'static str,
    limit: Option<i64>,
}

impl Line {
    /// Between 1.01 and 10.99 yuan a piece, one to nine pieces.
    fn of(number: usize) -> Self {
        // Invariant: below a thousand.
        let at = number as i64;
        Self {
            number: number.to_string(),
            code: format!("M{number:05}"),
            price: 101 + at * 37 % 999,
            count: 1 + at % 9,
            class: ["01", "02", "03"][number % 3],
            limit: number.is_multiple_of(3).then_some(500),
        }
    }

    /// Fen.
    fn amount(&self) -> i64 {
        self.price * self.count
    }

    fn json(&self) -> Map<String, Value> {
        let line = json!({
            "feedetl_sn": self.number,
            "med_list_codg": self.code,
            "fee_ocur_time": FEES,
            "cnt": self.count.to_string(),
            "pric": Fen(self.price),
            "det_item_fee_sumamt": Fen(self.amount()),
            "chrgitm_lv": self.class,
            "selfpay_prop": (self.class == "02").then_some("15%"),
            "pric_uplmt_amt": self.limit.map(Fen),
        });
        let mut line = line.as_object().expect("an object").clone();
        line.retain(|_, value| !value.is_null());
        line
    }
}

/// Where the desk keeps a line's facts, and the amount that is compared.
struct Slots {
    number: Slot,
    code: Slot,
    date: Slot,
    count: Slot,
    price: Slot,
    amount: Slot,
    class: Slot,
    share: Slot,
    limit: Slot,
    pool: Slot,
}

impl Slots {
    fn of(desk: &Desk<'_>) -> Self {
        let fact = |name| desk.line_fact(name).expect(name);
        Self {
            number: fact("feedetl_sn"),
            code: fact("med_list_codg"),
            date: fact("fee_ocur_time"),
            count: fact("cnt"),
            price: fact("pric"),
            amount: fact("det_item_fee_sumamt"),
            class: fact("chrgitm_lv"),
            share: fact("selfpay_prop"),
            limit: fact("pric_uplmt_amt"),
            pool: desk.output("hifp_pay").expect("hifp_pay"),
        }
    }

    /// Tells a bill; its whole stays as it was read.
    fn tell(&self, desk: &mut Desk<'_>, lines: &[Line]) {
        desk.set_lines(lines.len()).expect("not too many lines");
        for (at, line) in lines.iter().enumerate() {
            let limit = line.limit.map_or(Datum::Nothing, |fen| Datum::Price(Price(fen * 100)));
            for (slot, value) in [
                (self.number, Datum::Text(&line.number)),
                (self.code, Datum::Text(&line.code)),
                (self.date, Datum::Date(FEES)),
                (self.count, Datum::Quantity(Quantity(line.count * 10_000))),
                (self.price, Datum::Price(Price(line.price * 100))),
                (self.amount, Datum::Money(Fen(line.amount()))),
                (self.class, Datum::Text(line.class)),
                (self.share, if line.class == "02" { Datum::Rate(Rate(150_000)) } else { Datum::Nothing }),
                (self.limit, limit),
            ] {
                desk.set_on(at, slot, value).expect("a value that fits the pack");
            }
        }
    }
}

fn bill(lines: &[Line]) -> Input {
    let object = |value: Value| value.as_object().expect("an object").clone();
    let total: i64 = lines.iter().map(Line::amount).sum();
    Input {
        facts: object(json!({
            "begntime": "2015-07-20", "endtime": "2015-08-01", "hosp_lv": "L3", "psn_type": "1", "psn_insu_stas": "0",
            "medfee_sumamt": Fen(total),
        })),
        lines: lines.iter().map(Line::json).collect(),
        accumulators: object(json!({ "pool": "0.00", "supplement": "0.00" })),
    }
}
