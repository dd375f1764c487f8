//! `zen-expression`: compiled once, either as one expression whose assignments are the steps, or as an expression a
//! step. Amounts are its own decimals in yuan, and its `round` takes ties away from zero, so nothing had to be added
//! for equal answers. The facts are put into one object that stays, and every name is interned once.

use std::cell::RefCell;
use std::rc::Rc;

use rust_decimal::Decimal;
use zen_expression::expression::Standard;
use zen_expression::vm::VM;
use zen_expression::{Expression, Scope, Variable, compile_expression};
use zen_types::symbol::Symbol;
use zen_types::variable::{RcCell, VariableMap};

use super::Engine;
use crate::cases::{Answer, Case, LEVELS, PAY, POOL_CAP, STATUSES};

const STEPS: [(&str, &str); 9] = [
    ("scope", "total - own - over - pre"),
    ("row", "pay[level][status]"),
    ("ded_left", "row.ded > ded_paid ? row.ded - ded_paid : 0"),
    ("ded", "scope < ded_left ? scope : ded_left"),
    ("due", "round((scope - ded) * row.rate, 2)"),
    ("room", "pool_cap > pool ? pool_cap - pool : 0"),
    ("paid", "due < room ? due : room"),
    ("acct", "scope - paid < balance ? scope - paid : balance"),
    ("cash", "total - paid - acct"),
];

/// Both forms of it.
pub fn all() -> Vec<Box<dyn Engine>> {
    vec![Box::new(Whole::new()), Box::new(Steps::new())]
}

/// One expression.
struct Whole {
    expression: Expression<Standard>,
    desk: Desk,
}

impl Whole {
    fn new() -> Self {
        let assignments: Vec<_> = STEPS.iter().map(|(name, text)| format!("{name} = {text}")).collect();
        let expression = compile_expression(&assignments.join("; ")).expect("zen's expression");
        Self { expression, desk: Desk::new() }
    }
}

impl Engine for Whole {
    fn name(&self) -> &'static str {
        "zen-expression 2.1, decimals, one expression"
    }

    fn settle(&mut self, case: &Case) -> Answer {
        self.desk.tell(case);
        let Desk { scope, vm, .. } = &mut self.desk;
        let result = self.expression.evaluate_with_scope(scope, vm).expect("zen settles");
        let result = result.as_object().expect("zen gives an object");
        let result = result.borrow();
        self.desk.answer(|name| result.get(name))
    }
}

/// An expression a step.
struct Steps {
    steps: Vec<(Symbol, Expression<Standard>)>,
    desk: Desk,
}

impl Steps {
    fn new() -> Self {
        let compile = |text| compile_expression(text).expect("zen's expression");
        let steps = STEPS.iter().map(|(name, text)| (Symbol::from(*name), compile(text))).collect();
        Self { steps, desk: Desk::new() }
    }
}

impl Engine for Steps {
    fn name(&self) -> &'static str {
        "zen-expression 2.1, decimals, an expression a step"
    }

    fn settle(&mut self, case: &Case) -> Answer {
        self.desk.tell(case);
        let Desk { scope, vm, .. } = &mut self.desk;
        scope.clear_locals();
        for (name, step) in &self.steps {
            let value = step.evaluate_with_scope(scope, vm).expect("zen settles");
            scope.set_local(name.clone(), value);
        }
        self.desk.answer(|name| self.desk.scope.local(name))
    }
}

/// What stays from case to case.
struct Desk {
    vm: VM,
    scope: Scope,
    /// What the scope stands on.
    facts: RcCell<VariableMap>,
    amounts: [Symbol; 7],
    level: Symbol,
    status: Symbol,
    levels: [Variable; 3],
    statuses: [Variable; 2],
    answers: [Symbol; 5],
}

impl Desk {
    fn new() -> Self {
        let facts = Rc::new(RefCell::new(map([("pay", pay()), ("pool_cap", yuan(POOL_CAP))])));
        let text = |text| Variable::String(Symbol::from(text));
        Self {
            vm: VM::new(),
            scope: Scope::new(Variable::Object(Rc::clone(&facts))),
            facts,
            amounts: ["total", "own", "over", "pre", "balance", "pool", "ded_paid"].map(Symbol::from),
            level: Symbol::from("level"),
            status: Symbol::from("status"),
            levels: LEVELS.map(text),
            statuses: STATUSES.map(text),
            answers: ["scope", "ded", "paid", "acct", "cash"].map(Symbol::from),
        }
    }

    fn tell(&mut self, case: &Case) {
        let mut facts = self.facts.borrow_mut();
        let amounts = [case.total, case.own, case.over, case.pre, case.balance, case.pool, case.ded_paid];
        for (name, fen) in self.amounts.iter().zip(amounts) {
            facts.insert(name.clone(), yuan(fen));
        }
        facts.insert(self.level.clone(), self.levels[case.level].clone());
        facts.insert(self.status.clone(), self.statuses[case.status].clone());
    }

    fn answer<'a>(&self, value: impl Fn(&Symbol) -> Option<&'a Variable>) -> Answer {
        let [scope, ded, paid, acct, cash] = [0, 1, 2, 3, 4].map(|at| match value(&self.answers[at]) {
            Some(Variable::Number(yuan)) => fen(*yuan),
            other => panic!("zen's {} is {other:?}", self.answers[at].as_str()),
        });
        Answer { scope, ded, paid, acct, cash }
    }
}

/// The table as an object of objects.
fn pay() -> Variable {
    let row = |(ded, rate): (i64, i64)| {
        let rate = Variable::Number(Decimal::new(rate, 6).normalize());
        Variable::from_object(map([("ded", yuan(ded)), ("rate", rate)]))
    };
    let level = |rows: [(i64, i64); 2]| Variable::from_object(map(STATUSES.into_iter().zip(rows.map(row))));
    Variable::from_object(map(LEVELS.into_iter().zip(PAY.map(level))))
}

fn map<'a>(fields: impl IntoIterator<Item = (&'a str, Variable)>) -> VariableMap {
    let mut map = VariableMap::new();
    for (name, value) in fields {
        map.insert(Symbol::from(name), value);
    }
    map
}

fn yuan(fen: i64) -> Variable {
    Variable::Number(Decimal::new(fen, 2))
}

fn fen(yuan: Decimal) -> i64 {
    let mut fen = yuan;
    fen.rescale(2);
    assert_eq!(fen, yuan, "zen keeps less than a fen");
    i64::try_from(fen.mantissa()).expect("fen")
}
