//! Who puts case after case before one pack, and reads what comes of it.

use super::case::{Case, Term};
use super::reference::Line;
use super::sampler::Sampler;
use crate::rules::desk::{Desk, Slot};
use crate::rules::force::Force;
use crate::rules::val::Val;
use crate::rules::{Decision, Outcome};
use crate::value::{Fen, Price, Quantity, Rate};

/// A desk of one pack, and where it keeps what.
pub struct Clerk<'s> {
    pub sampler: &'s Sampler,
    desk: Desk<'s>,
    facts: Vec<Slot>,
    accumulators: Vec<Slot>,
    lines: Option<Lines>,
    outputs: Vec<(&'s str, Slot)>,
}

/// The slots of a bill's lines.
struct Lines {
    total: Slot,
    key: Slot,
    item: Slot,
    date: Slot,
    count: Slot,
    price: Slot,
    amount: Slot,
    class: Slot,
    ratio: Slot,
    cap: Slot,
    restricted: Slot,
    approved: Slot,
    /// The day the visit begins.
    begins: usize,
    /// What of an amount is own pay, above the cap, paid first, in scope.
    parts: [Slot; 4],
}

/// What becomes of an accumulator, by its position: before, added, after, in fen.
pub type Change = (usize, Option<i64>, i64, i64);

impl<'s> Clerk<'s> {
    pub fn new(sampler: &'s Sampler) -> Self {
        let pack = &sampler.pack;
        let desk = Desk::new(pack, &pack.scenarios[0]);
        let fact = |name: &str| desk.fact(name).expect(name);
        let line = |name: &str| desk.line_fact(name).expect(name);
        let part = |name: &str| desk.line_output(name).expect(name);
        let lines = sampler.has_lines().then(|| Lines {
            total: fact("medfee_sumamt"),
            key: line("feedetl_sn"),
            item: line("med_list_codg"),
            date: line("fee_ocur_time"),
            count: line("cnt"),
            price: line("pric"),
            amount: line("det_item_fee_sumamt"),
            class: line("chrgitm_lv"),
            ratio: line("selfpay_prop"),
            cap: line("pric_uplmt_amt"),
            restricted: line("lmt_used_flag"),
            approved: line("hosp_appr_flag"),
            begins: pack.facts.iter().position(|fact| fact.name == "begntime").expect("begntime"),
            parts: ["fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt"].map(part),
        });
        let outputs = pack.whole.steps.iter().filter_map(|step| {
            let name = step.out.as_deref().filter(|_| step.typ.kind() == "money")?;
            Some((name, desk.output(name)?))
        });
        Self {
            facts: pack.facts.iter().map(|spec| fact(&spec.name)).collect(),
            accumulators: pack.accumulators.iter().filter_map(|spec| desk.accumulator(&spec.fact.name)).collect(),
            lines,
            outputs: outputs.collect(),
            sampler,
            desk,
        }
    }

    /// Decides a case. Whether the pack settles it; an identity that does not hold is a failure.
    pub fn settle(&mut self, case: &Case) -> bool {
        for (slot, term) in self.facts.iter().zip(&case.facts) {
            self.desk.set(*slot, term.datum()).expect("a fact");
        }
        for (slot, term) in self.accumulators.iter().zip(&case.accumulators) {
            self.desk.set(*slot, term.datum()).expect("an accumulator");
        }
        self.lines(case);
        let run = self.desk.run();
        run.figures.clear();
        run.figures.extend(case.figures.iter().map(|(at, term)| match term {
            Term::Bool(truth) => (*at, Val::Bool((*truth).into())),
            other => (*at, Val::Num(other.number())),
        }));
        run.force = Force::default();
        let outcome = self.desk.decide().unwrap_or_else(|error| panic!("{error}: {}", self.told(case)));
        assert!(self.desk.codes().all(|code| code != "E-CHECK"), "{}", self.told(case));
        outcome <= Outcome::Warn
    }

    fn lines(&mut self, case: &Case) {
        let Some(slots) = &self.lines else { return };
        let number = |n: i128| i64::try_from(n).expect("small");
        let desk = &mut self.desk;
        desk.set_lines(case.lines.len()).expect("few lines");
        let mut total = 0;
        for (at, line) in case.lines.iter().enumerate() {
            let amount = i64::try_from(line.amount()).expect("small");
            total += amount;
            let mut give = |slot, datum| desk.set_on(at, slot, datum).expect("a fact of a line");
            give(slots.key, KEYS[at].into());
            give(slots.item, "X".into());
            give(slots.date, case.facts[slots.begins].datum());
            give(slots.count, Quantity(number(line.count)).into());
            give(slots.price, Price(number(line.price)).into());
            give(slots.amount, Fen(amount).into());
            give(slots.class, CLASSES[usize::from(line.class) - 1].into());
            give(slots.ratio, Rate(number(line.ratio)).into());
            give(slots.cap, line.cap.map_or(Term::Nothing.datum(), |cap| Price(number(cap)).into()));
            give(slots.restricted, line.restricted.into());
            give(slots.approved, line.approved.into());
        }
        desk.set(slots.total, Fen(total)).expect("the total");
    }

    /// What was given out under a name, in fen; `None` where the pack has no such result.
    pub fn given_out(&self, name: &str) -> Option<i64> {
        let (_, slot) = self.outputs.iter().find(|(output, _)| *output == name)?;
        self.desk.number(*slot)
    }

    /// All amounts that were given out.
    pub fn amounts(&self) -> Vec<(&'s str, i64)> {
        self.outputs.iter().filter_map(|(name, slot)| Some((*name, self.desk.number(*slot)?))).collect()
    }

    /// The sums over all lines of what is own pay, above the cap, paid first, in scope.
    pub fn sums(&self, lines: &[Line]) -> Option<[i64; 4]> {
        let sum = |slot| (0..lines.len()).filter_map(|at| self.desk.number_on(at, slot)).sum();
        self.lines.as_ref().map(|slots| slots.parts.map(sum))
    }

    /// The decision on the case, without its record.
    pub fn decision(&mut self) -> Decision {
        let scenario = self.sampler.pack.scenarios[0].clone();
        self.desk.run().decision(&scenario)
    }

    /// What carrying the case out changes.
    pub fn changes(&mut self) -> Vec<Change> {
        let number = |value| if let Val::Num(n) = value { n } else { 0 };
        let pack = &self.sampler.pack;
        let changes = self.desk.run().changes.iter().filter(|changed| pack.posts[changed.post].add);
        let change = |changed: &crate::rules::run::Changed| {
            let at = pack.posts[changed.post].accumulator;
            (at, changed.before.map(number), number(changed.value), number(changed.after))
        };
        changes.map(change).collect()
    }

    /// A case in words, for who has to find out.
    pub fn told(&self, case: &Case) -> String {
        let pack = &self.sampler.pack;
        let facts = pack.facts.iter().zip(&case.facts).map(|(fact, term)| format!("{} = {term:?}", fact.name));
        let accumulators = pack.accumulators.iter().zip(&case.accumulators);
        let accumulators = accumulators.map(|(spec, term)| format!("acc.{} = {term:?}", spec.fact.name));
        let figures = case.figures.iter().map(|(at, term)| format!("{} = {term:?}", pack.params[*at].name));
        let given: Vec<_> = facts.chain(accumulators).chain(figures).collect();
        format!("{}: {}; {:?} -> {:?}", pack.reference.id, given.join(", "), case.lines, self.amounts())
    }
}

const KEYS: [&str; 20] =
    ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20"];
const CLASSES: [&str; 3] = ["01", "02", "03"];
