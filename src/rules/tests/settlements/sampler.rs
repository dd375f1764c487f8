//! Random cases of any pack that settles, made from what it asks for: its own first case with every choice made anew,
//! and amounts about the limits that stand in it.

use super::case::{Case, Term, base};
use super::clerk::Clerk;
use super::random::Random;
use super::reference::Line;
use crate::rules::pack::{Pack, load_without_cases};
use crate::value::Fen;

/// The largest amount of a case, in fen: a million yuan.
const MOST: i64 = 100_000_000;

/// The funds that pay for treatment. A pack that settles fills at least one.
pub const FUNDS: [&str; 8] =
    ["hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "hifdm_pay", "maf_pay", "oth_pay"];

/// A pack that settles, and what its cases are made of.
pub struct Sampler {
    pub pack: Pack,
    first: Case,
    /// Facts of few values: those with which the pack settles.
    choices: Vec<(usize, Vec<Term>)>,
    /// Facts that are amounts, but for the total of a bill.
    amounts: Vec<usize>,
    /// Accumulators that are amounts, but for those of which the least one keeps the pack from settling.
    counted: Vec<usize>,
    /// The amounts that stand in the pack, in fen.
    edges: Vec<i64>,
}

impl Sampler {
    /// The sampler of a pack; `None` when the pack does not settle.
    pub fn new(file: &str, text: &str) -> Option<Self> {
        let pack = load_without_cases(file, text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let fills = |field: &str| pack.whole.steps.iter().any(|step| step.out.as_deref() == Some(field));
        if !fills("fund_pay_sumamt") || !FUNDS.iter().any(|fund| fills(fund)) {
            return None;
        }
        let (rules, _) = text.split_once("[case_base]")?;
        let amounts = pack.facts.iter().enumerate().filter(|(_, fact)| fact.typ.kind() == "money");
        let mut sampler = Self {
            first: Case { figures: figures(&pack, None), ..base(&pack, text) },
            choices: Vec::new(),
            amounts: amounts.filter(|(_, fact)| fact.name != "medfee_sumamt").map(|(at, _)| at).collect(),
            counted: Vec::new(),
            edges: edges(rules),
            pack,
        };
        sampler.counted = sampler.counted();
        let choices = (0..sampler.pack.facts.len()).filter_map(|at| Some((at, sampler.choices(file, at)?)));
        sampler.choices = choices.collect();
        Some(sampler)
    }

    pub fn has_lines(&self) -> bool {
        self.pack.lines.is_some()
    }

    /// The values of a fact with which the first case, otherwise as it is, is settled; `None` for one of many values.
    fn choices(&self, file: &str, at: usize) -> Option<Vec<Term>> {
        let fact = &self.pack.facts[at];
        let all: Vec<Term> = match fact.typ.kind() {
            "bool" => vec![Term::Bool(false), Term::Bool(true)],
            "int" => (0..=6).map(Term::Whole).chain([self.first.facts[at].clone()]).collect(),
            "choice" => {
                let values = self.pack.enums.iter().find(|values| values.name == fact.typ.name(&self.pack.enums))?;
                values.values.iter().map(|(value, _)| Term::Text(value.as_str().into())).collect()
            }
            _ => return None,
        };
        let mut clerk = Clerk::new(self);
        let settled = |value: &Term| {
            let mut case = self.first.clone();
            case.facts[at] = value.clone();
            clerk.settle(&case)
        };
        let settled: Vec<_> = all.into_iter().filter(settled).collect();
        assert!(!settled.is_empty(), "{file}: no value of {} is settled", fact.name);
        Some(settled)
    }

    /// The accumulators that are amounts, and with one fen on which the first case is still settled.
    fn counted(&self) -> Vec<usize> {
        let mut clerk = Clerk::new(self);
        let mut settled = |at: usize| {
            let mut case = self.first.clone();
            case.accumulators[at] = Term::Fen(1);
            clerk.settle(&case)
        };
        let money = |at: &usize| self.pack.accumulators[*at].fact.typ.kind() == "money";
        (0..self.pack.accumulators.len()).filter(money).filter(|at| settled(*at)).collect()
    }

    /// A random case. Not every one is settled: what a case gives may contradict itself.
    pub fn case(&self, random: &mut Random) -> Case {
        let mut case = self.first.clone();
        for (at, values) in &self.choices {
            case.facts[*at] = random.one(values).clone();
        }
        if self.has_lines() {
            case.lines = self.lines(random);
            self.stay(random, &mut case);
            for at in &self.amounts {
                case.facts[*at] = Term::Fen(random.amount(MOST));
            }
        } else {
            self.shares(random, &mut case);
        }
        for (at, (accumulator, counted)) in self.pack.accumulators.iter().zip(&mut case.accumulators).enumerate() {
            if accumulator.fact.optional && random.once_in(8) {
                *counted = Term::Nothing;
            } else if self.counted.contains(&at) {
                *counted = Term::Fen(random.about(&self.edges, MOST));
            }
        }
        case.figures = figures(&self.pack, Some(random));
        case
    }

    /// A stay of any length, once in a while.
    fn stay(&self, random: &mut Random, case: &mut Case) {
        let at = |name: &str| self.pack.facts.iter().position(|fact| fact.name == name);
        let (Some(begins), Some(ends)) = (at("begntime"), at("endtime")) else { return };
        if let Term::Date(end) = case.facts[ends]
            && random.once_in(3)
        {
            let days = random.within(0, 365);
            case.facts[begins] = Term::Date(end.checked_sub(jiff::Span::new().days(days)).expect("a day"));
        }
    }

    /// Amounts of a case without a bill: the first is the whole, the others are parts of it.
    fn shares(&self, random: &mut Random, case: &mut Case) {
        let Some((whole, parts)) = self.amounts.split_first() else { return };
        let mut left = random.about(&self.edges, MOST);
        case.facts[*whole] = Term::Fen(left);
        for at in parts {
            let share = random.within(0, left);
            left -= share;
            case.facts[*at] = Term::Fen(share);
        }
    }

    /// A bill of one line about a limit, or of several lines of every kind.
    fn lines(&self, random: &mut Random) -> Vec<Line> {
        if random.once_in(3) {
            return vec![Line::whole(random.about(&self.edges, MOST).into())];
        }
        (0..random.within(1, 5)).map(|_| line(random)).collect()
    }
}

/// Figures for the parameters that no source gives: random ones, or such as let the first case be settled.
fn figures(pack: &Pack, mut random: Option<&mut Random>) -> Vec<(usize, Term)> {
    let unconfirmed = |at: &usize| pack.params[*at].figures.all().any(|(_, figure)| !figure.origin.confirmed());
    let figure = |at: usize| {
        let figure = match (pack.params[at].typ.kind(), random.as_deref_mut()) {
            ("money", Some(random)) => Term::Fen(random.amount(MOST / 10)),
            ("money", None) => Term::Fen(MOST),
            ("rate", Some(random)) => Term::Rate(random.within(0, 1000) * 1000),
            ("rate", None) => Term::Rate(500_000),
            ("bool", Some(random)) => Term::Bool(random.yes()),
            ("bool", None) => Term::Bool(true),
            _ => return None,
        };
        Some((at, figure))
    };
    (0..pack.params.len()).filter(unconfirmed).filter_map(figure).collect()
}

/// Every amount that is written in a text, and some besides.
fn edges(text: &str) -> Vec<i64> {
    let amounts = text.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(|piece| {
        let (yuan, fen) = piece.trim_matches('.').split_once('.')?;
        (fen.len() == 2).then(|| format!("{yuan}.{fen}").parse::<Fen>().ok()).flatten()
    });
    let mut edges: Vec<i64> = amounts.map(|amount| amount.0).filter(|amount| *amount > 0).collect();
    edges.extend([100, 10_000, 1_000_000]);
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn line(random: &mut Random) -> Line {
    let price = match random.within(0, 3) {
        0 => random.within(0, 99),
        1 => random.within(0, 2_000_000),
        2 => 10_050,
        _ => random.within(0, 3_000_000_000),
    };
    let count = match random.within(0, 2) {
        0 => 10_000,
        1 => random.within(1, 99_999),
        _ => 5_000,
    };
    let cap = random.yes().then(|| if random.once_in(3) { 0 } else { random.within(0, 3_000_000) });
    let class = u8::try_from(random.within(1, 3)).expect("small");
    let ratio = match random.within(0, 3) {
        // A line of class A that states one is referred.
        _ if class == 1 => 0,
        0 => 0,
        1 => 1_000_000,
        _ => random.within(0, 1_000_000),
    };
    Line {
        class,
        price: price.into(),
        count: count.into(),
        cap: cap.map(i128::from),
        ratio: ratio.into(),
        restricted: random.once_in(3),
        approved: random.yes(),
    }
}
