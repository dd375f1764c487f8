//! The packs that ship: they load, their cases pass, and they say what they should.

use crate::rules::Packs;

#[test]
fn every_case_of_the_shipped_packs_passes() {
    let results = Packs::builtin().test();
    assert!(results.passed(), "{:#?}", results.cases);
    assert!(results.cases.len() >= 2);
}
