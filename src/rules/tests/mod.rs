//! Tests of the engine and of the packs that ship, by what they are about.

mod broken;
mod cancel;
mod cases;
mod chosen;
mod compare;
mod desk;
mod employees;
mod hostile;
mod injury;
mod language;
mod mutation;
mod pension;
mod reach;
mod record;
mod replay;
mod resident;
mod said;
mod schema;
mod settlement;
mod settlements;
mod shared_text;
pub(super) mod shipped;
mod sign;
mod sign_in;
mod sizes;
mod tables;
mod unemployment;

use proptest::test_runner::Config;

/// So many cases of a property, or fewer as `PROPTEST_CASES` is fewer than the 256 that are usual: where the same seed is
/// taken each time, more of them tell the same each time.
fn tried(cases: u32) -> Config {
    Config::with_cases((cases.saturating_mul(Config::default().cases) / 256).max(1))
}

/// A small pack with an accumulator that a case adds to, in which amounts may be as large as they like.
const ACCUMULATING: &str = r#"
[pack]
id = "test.accumulating"
version = "1"
title = "累计"
scenarios = ["test"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "date"
status = "official"
[facts]
date = { type = "date" }
amount = { type = "money", range = ".." }
[accumulators]
used = { type = "money", scope = "year", range = "..", optional = true }
[[step]]
name = "paid"
expr = "amount + ¥0.01 - ¥0.01"
out = "paid"
[[step]]
name = "twice"
expr = "2 * paid"
[[post]]
name = "used"
add = "paid"
"#;
