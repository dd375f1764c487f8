//! The engines. Each compiles once and then settles case by case: it is told the facts of a case, computes, and its
//! five answers are read.

mod cel;
mod ours;
mod rhai;
mod zen;

use crate::cases::{Answer, Case};

/// An engine with the settlement compiled.
pub trait Engine {
    /// Its name, with how it keeps amounts.
    fn name(&self) -> &'static str;

    /// Settles a case: from its facts to the answers.
    fn settle(&mut self, case: &Case) -> Answer;
}

/// Our own, in its forms: the first is the one that is compared.
pub fn ours() -> Vec<Box<dyn Engine>> {
    ours::all()
}

/// What of a settlement by ours is telling a case.
pub fn teller() -> impl FnMut(&Case) {
    ours::teller()
}

/// The others.
pub fn peers() -> Vec<Box<dyn Engine>> {
    let mut all = zen::all();
    all.push(Box::new(cel::Cel::new()));
    all.extend(rhai::all());
    all
}
