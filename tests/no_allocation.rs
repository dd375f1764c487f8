//! A desk that has seen its largest case decides without allocating, whatever comes of the case.

use sbkd::rules::{Desk, Input, Outcome, Packs, Slot};
use sbkd::value::Fen;
use serde_json::json;

const BILL: &str = include_str!("../fixtures/settlement/l3-active-with-account.json");

/// How often `work` allocates.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

fn bill(lines: usize) -> Input {
    let mut input: Input = serde_json::from_str(BILL).unwrap();
    let first = input.lines[0].clone();
    input.lines = (0..lines)
        .map(|at| {
            let mut line = first.clone();
            line.insert("feedetl_sn".to_owned(), json!(format!("line {at}")));
            line
        })
        .collect();
    input
}

fn slot(slot: Option<Slot>) -> Slot {
    slot.expect("the pack has it")
}

type Change<'a> = &'a dyn Fn(&mut Desk<'_>);

#[test]
fn a_warm_desk_allocates_nothing() {
    let packs = Packs::builtin();
    let mut desk = packs.desk("medical-settlement", &bill(400)).unwrap();
    let (total, state) = (slot(desk.fact("medfee_sumamt")), slot(desk.fact("psn_insu_stas")));
    let (class, pool) = (slot(desk.line_fact("chrgitm_lv")), slot(desk.output("hifp_pay")));
    let in_scope = slot(desk.line_output("inscp_scp_amt"));
    let names: Vec<_> = (0..400).map(|line| line.to_string()).collect();
    let whole = |desk: &mut Desk<'_>| {
        desk.set_lines(400).unwrap();
        for (line, name) in names.iter().enumerate() {
            one(desk, line, name, "28853.55");
        }
        desk.set(total, Fen(400 * 2_885_355)).unwrap();
        desk.set(state, "0").unwrap();
    };
    let cases: [(Change<'_>, Outcome); 5] = [
        (&whole, Outcome::Allow),
        // Its total is not that of its lines.
        (&|desk| desk.set(total, Fen(1)).unwrap(), Outcome::Deny),
        // A figure is not known, on each line.
        (
            &|desk| {
                whole(desk);
                (0..400).for_each(|line| desk.set_on(line, class, "02").unwrap());
            },
            Outcome::Refer,
        ),
        (&|desk| desk.set(state, "1").unwrap(), Outcome::Deny),
        // A small one.
        (
            &|desk| {
                desk.set_lines(1).unwrap();
                one(desk, 0, "small", "2.50");
                desk.set(total, Fen(250)).unwrap();
                desk.set(state, "0").unwrap();
            },
            Outcome::Allow,
        ),
    ];
    let mut round = || -> Vec<u64> {
        let both = cases.iter().flat_map(|case| [(case, false), (case, true)]);
        let counts = both.map(|((change, wanted), noted)| {
            let mut outcome = None;
            let count = allocations(|| {
                change(&mut desk);
                outcome = if noted { desk.decide_noted() } else { desk.decide() }.ok();
                let _ = (desk.fen(pool), desk.fen_on(399, in_scope), desk.codes().count());
            });
            assert_eq!(outcome, Some(*wanted));
            count
        });
        counts.collect()
    };
    let (cold, warm) = (round(), round());
    assert!(cold[0] > 0, "what is counted is counted");
    assert_eq!(warm, [0; 10]);
}

/// Gives one line of class A.
fn one(desk: &mut Desk<'_>, line: usize, name: &str, amount: &str) {
    let items = [("feedetl_sn", name), ("med_list_codg", "A"), ("chrgitm_lv", "01"), ("cnt", "1"), ("pric", amount)];
    for (name, value) in items.into_iter().chain([("det_item_fee_sumamt", amount), ("fee_ocur_time", "2015-07-31")]) {
        desk.set_on(line, slot(desk.line_fact(name)), value).unwrap();
    }
}

#[test]
fn reading_a_case_again_allocates_nothing() {
    let packs = Packs::builtin();
    let (small, large) = (bill(2), bill(400));
    let mut desk = packs.desk("medical-settlement", &large).unwrap();
    desk.decide().unwrap();
    for input in [&small, &large] {
        let mut outcome = None;
        let count = allocations(|| outcome = desk.read(input).and_then(|()| desk.decide()).ok());
        assert_eq!((outcome, count), (Some(Outcome::Deny), 0), "the total is that of another bill");
    }
}
