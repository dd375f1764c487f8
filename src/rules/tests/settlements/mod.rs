//! The packs that settle, on random cases: the identities of settlement-facts §3.2, and a second computation.

mod agreement;
mod case;
mod clerk;
mod identities;
mod limits;
mod random;
pub(super) mod reference;
mod sampler;

use self::case::Case;
use self::clerk::Clerk;
use self::random::Random;
use self::sampler::Sampler;
use super::shipped::texts;

/// Every pack that settles, as it stands in the tree.
fn samplers() -> Vec<Sampler> {
    texts().iter().filter_map(|(file, text)| Sampler::new(file, text)).collect()
}

/// The pack of one file, with `change` made to its text.
fn sampler(name: &str, change: impl Fn(&str) -> String) -> Sampler {
    let file = format!("{name}.toml");
    Sampler::new(&file, &change(&texts()[&file])).unwrap_or_else(|| panic!("{name} does not settle"))
}

/// A random case that the pack settles; `None` when it seldom does.
fn settled(clerk: &mut Clerk<'_>, random: &mut Random) -> Option<Case> {
    (0..20).map(|_| clerk.sampler.case(random)).find(|case| clerk.settle(case))
}
