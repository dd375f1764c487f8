//! `cel`: one program a step, since CEL has no assignment. CEL has no decimals either: amounts are whole fen, rates
//! parts per million, and half a fen is rounded up by adding it before the division. The facts are handed over by a
//! resolver that lends them, so that nothing is copied or allocated for them.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::types::{CelInt, CelMap, CelMapKey, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, Program, Value};

use super::Engine;
use crate::cases::{Answer, Case, LEVELS, PAY, POOL_CAP, STATUSES};

const STEPS: [(&str, &str); 5] = [
    ("scope", "total - own - over - pre"),
    (
        "ded",
        "pay[level][status].ded - ded_paid < 0 ? 0 : \
         (scope < pay[level][status].ded - ded_paid ? scope : pay[level][status].ded - ded_paid)",
    ),
    (
        "paid",
        "pool_cap < pool ? 0 : (((scope - ded) * pay[level][status].rate + 500000) / 1000000 < pool_cap - pool ? \
         ((scope - ded) * pay[level][status].rate + 500000) / 1000000 : pool_cap - pool)",
    ),
    ("acct", "scope - paid < balance ? scope - paid : balance"),
    ("cash", "total - paid - acct"),
];

/// The programs, and the context with what never changes.
pub struct Cel {
    steps: [Program; 5],
    context: Context<'static, 'static>,
}

impl Cel {
    /// Compiles.
    pub fn new() -> Self {
        let env = Arc::new(Env::stdlib());
        let steps = STEPS.map(|(name, text)| env.compile(text).unwrap_or_else(|error| panic!("{name}: {error}")));
        let mut context = Context::with_env(env);
        context.add_variable_as_val("pay", Box::new(pay()));
        context.add_variable_as_val("pool_cap", Box::new(CelInt::from(POOL_CAP)));
        Self { steps, context }
    }
}

impl Engine for Cel {
    fn name(&self) -> &'static str {
        "cel 0.15, whole fen"
    }

    fn settle(&mut self, case: &Case) -> Answer {
        let mut facts = Facts::of(case);
        let mut answers = [0; 5];
        for (at, step) in self.steps.iter().enumerate() {
            let mut context = self.context.new_inner_scope();
            context.set_variable_resolver(&facts);
            let Ok(Value::Int(fen)) = step.execute(&context) else { panic!("cel has no {}", STEPS[at].0) };
            drop(context);
            facts.steps[at] = CelInt::from(fen);
            answers[at] = fen;
        }
        let [scope, ded, paid, acct, cash] = answers;
        Answer { scope, ded, paid, acct, cash }
    }
}

/// What a case states, and the steps so far.
struct Facts {
    total: CelInt,
    own: CelInt,
    over: CelInt,
    pre: CelInt,
    balance: CelInt,
    pool: CelInt,
    ded_paid: CelInt,
    level: CelString<'static>,
    status: CelString<'static>,
    steps: [CelInt; 5],
}

impl Facts {
    fn of(case: &Case) -> Self {
        Self {
            total: case.total.into(),
            own: case.own.into(),
            over: case.over.into(),
            pre: case.pre.into(),
            balance: case.balance.into(),
            pool: case.pool.into(),
            ded_paid: case.ded_paid.into(),
            level: case.level_name().into(),
            status: case.status_name().into(),
            steps: [0; 5].map(CelInt::from),
        }
    }
}

impl VariableResolver for Facts {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value: &dyn Val = match variable {
            "total" => &self.total,
            "own" => &self.own,
            "over" => &self.over,
            "pre" => &self.pre,
            "balance" => &self.balance,
            "pool" => &self.pool,
            "ded_paid" => &self.ded_paid,
            "level" => &self.level,
            "status" => &self.status,
            "scope" => &self.steps[0],
            "ded" => &self.steps[1],
            "paid" => &self.steps[2],
            "acct" => &self.steps[3],
            _ => return None,
        };
        Some(CowVal::Borrowed(value))
    }
}

/// The table as a map of maps.
fn pay() -> CelMap<'static> {
    let map = |fields: Vec<(&'static str, Box<dyn Val>)>| {
        CelMap::from(fields.into_iter().map(|(name, value)| (CelMapKey::from(name), value)).collect::<HashMap<_, _>>())
    };
    let row = |(ded, rate): (i64, i64)| -> Box<dyn Val> {
        Box::new(map(vec![("ded", Box::new(CelInt::from(ded))), ("rate", Box::new(CelInt::from(rate)))]))
    };
    let level = |rows: [(i64, i64); 2]| -> Box<dyn Val> {
        Box::new(map(STATUSES.iter().zip(rows).map(|(status, pay)| (*status, row(pay))).collect()))
    };
    map(LEVELS.iter().zip(PAY).map(|(name, rows)| (*name, level(rows))).collect())
}
