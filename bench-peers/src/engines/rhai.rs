//! `rhai`: one script, parsed and optimised once, its scope reused. It is run by the walker of the syntax tree and by
//! the newer virtual machine, each with decimals in yuan and with whole fen. `round_half_up` is rhai's own; with whole
//! fen half a fen is added before the division.

use rhai::grain::{Compiler, Program, Vm};
use rhai::{AST, Dynamic, Engine as Rhai, INT, Map, OptimizationLevel, Scope};
use rust_decimal::Decimal;

use super::Engine;
use crate::cases::{Answer, Case, LEVELS, PAY, POOL_CAP, STATUSES};

const NAMES: [&str; 7] = ["total", "own", "over", "pre", "balance", "pool", "ded_paid"];
const ANSWERS: [&str; 5] = ["scope", "ded", "paid", "acct", "cash"];

/// Every form of it.
pub fn all() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(Walker(Script::new(Kept::Yuan))),
        Box::new(Walker(Script::new(Kept::Fen))),
        Box::new(Machine::new(Script::new(Kept::Yuan))),
        Box::new(Machine::new(Script::new(Kept::Fen))),
    ]
}

/// How amounts are kept.
#[derive(Clone, Copy)]
enum Kept {
    /// As decimals in yuan.
    Yuan,
    /// As integers in fen.
    Fen,
}

impl Kept {
    fn amount(self, fen: i64) -> Dynamic {
        match self {
            Self::Yuan => Dynamic::from_decimal(Decimal::new(fen, 2)),
            Self::Fen => Dynamic::from_int(fen),
        }
    }

    fn rate(self, millionths: i64) -> Dynamic {
        match self {
            Self::Yuan => Dynamic::from_decimal(Decimal::new(millionths, 6).normalize()),
            Self::Fen => Dynamic::from_int(millionths),
        }
    }

    fn fen(self, value: &Dynamic) -> i64 {
        match self {
            Self::Yuan => {
                let yuan = value.as_decimal().expect("a decimal");
                let mut fen = yuan;
                fen.rescale(2);
                assert_eq!(fen, yuan, "rhai keeps less than a fen");
                i64::try_from(fen.mantissa()).expect("fen")
            }
            Self::Fen => value.as_int().expect("an integer"),
        }
    }

    fn due(self) -> &'static str {
        match self {
            Self::Yuan => "round_half_up((scope - ded) * row.rate, 2)",
            Self::Fen => "((scope - ded) * row.rate + 500000) / 1000000",
        }
    }
}

/// The script, compiled, and its scope.
struct Script {
    rhai: Rhai,
    tree: AST,
    scope: Scope<'static>,
    kept: Kept,
    levels: [Dynamic; 3],
    statuses: [Dynamic; 2],
}

impl Script {
    fn new(kept: Kept) -> Self {
        let mut rhai = Rhai::new();
        rhai.set_optimization_level(OptimizationLevel::Full);
        let text = format!(
            "let scope = total - own - over - pre;
            let row = pay[level][status];
            let ded = row.ded - ded_paid;
            if ded < zero {{ ded = zero }}
            if ded > scope {{ ded = scope }}
            let paid = {};
            let room = pool_cap - pool;
            if room < zero {{ room = zero }}
            if paid > room {{ paid = room }}
            let acct = scope - paid;
            if acct > balance {{ acct = balance }}
            let cash = total - paid - acct;",
            kept.due()
        );
        let tree = rhai.compile(text).expect("rhai's script");
        let mut scope = Scope::new();
        scope.push_constant_dynamic("pay", Dynamic::from_map(pay(kept)));
        scope.push_constant_dynamic("pool_cap", kept.amount(POOL_CAP));
        scope.push_constant_dynamic("zero", kept.amount(0));
        let texts = |text: &'static str| Dynamic::from(text);
        Self { rhai, tree, scope, kept, levels: LEVELS.map(texts), statuses: STATUSES.map(texts) }
    }

    /// Puts a case into the scope, above what never changes.
    fn tell(&mut self, case: &Case) {
        self.scope.rewind(CONSTANTS);
        let amounts = [case.total, case.own, case.over, case.pre, case.balance, case.pool, case.ded_paid];
        for (name, fen) in NAMES.iter().zip(amounts) {
            self.scope.push_dynamic(*name, self.kept.amount(fen));
        }
        self.scope.push_dynamic("level", self.levels[case.level].clone());
        self.scope.push_dynamic("status", self.statuses[case.status].clone());
    }

    /// The script's variables after it has run.
    fn answer(&self) -> Answer {
        let [scope, ded, paid, acct, cash] = ANSWERS.map(|name| self.kept.fen(self.scope.get(name).expect(name)));
        Answer { scope, ded, paid, acct, cash }
    }
}

/// How many constants the scope begins with.
const CONSTANTS: usize = 3;

/// The walker of the syntax tree.
struct Walker(Script);

impl Engine for Walker {
    fn name(&self) -> &'static str {
        match self.0.kept {
            Kept::Yuan => "rhai 1.27, decimals",
            Kept::Fen => "rhai 1.27, whole fen",
        }
    }

    fn settle(&mut self, case: &Case) -> Answer {
        self.0.tell(case);
        self.0.rhai.run_ast_with_scope(&mut self.0.scope, &self.0.tree).expect("rhai settles");
        self.0.answer()
    }
}

/// The virtual machine.
struct Machine {
    script: Script,
    program: Program<'static>,
}

impl Machine {
    fn new(script: Script) -> Self {
        let program = Compiler::new().compile(&script.tree);
        assert_eq!(program.residual_count(), 0, "nothing is left to the walker");
        Self { script, program }
    }
}

impl Engine for Machine {
    fn name(&self) -> &'static str {
        match self.script.kept {
            Kept::Yuan => "rhai 1.27 (grain), decimals",
            Kept::Fen => "rhai 1.27 (grain), whole fen",
        }
    }

    fn settle(&mut self, case: &Case) -> Answer {
        self.script.tell(case);
        let Script { rhai, scope, .. } = &mut self.script;
        Vm::new(rhai).run_with_scope(scope, &self.program).expect("rhai settles");
        self.script.answer()
    }
}

/// The table as a map of maps.
fn pay(kept: Kept) -> Map {
    let row = |(ded, rate): (INT, INT)| {
        Dynamic::from_map(Map::from([("ded".into(), kept.amount(ded)), ("rate".into(), kept.rate(rate))]))
    };
    let level = |rows: [(INT, INT); 2]| {
        Dynamic::from_map(STATUSES.iter().zip(rows).map(|(status, pay)| ((*status).into(), row(pay))).collect())
    };
    LEVELS.iter().zip(PAY).map(|(name, rows)| ((*name).into(), level(rows))).collect()
}
