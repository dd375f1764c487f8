//! What each scenario sends to the holder's card and to the PSAM, counted, beside the kept table. A count that changes is
//! seen by whoever changes it: a command more is time at the counter.

use std::collections::BTreeSet;

use super::tree;
use crate::counter::{HOLDER, PSAM};
use crate::house::House;
use crate::subject::Subject;

const KEPT: &str = "fixtures/scenarios-apdus.tsv";
const HEAD: &str = "id\tpart\tcard\tpsam\n";

/// Exchanges with both chips, GET RESPONSE included.
#[derive(Clone, Copy)]
pub struct Apdus {
    card: u32,
    psam: u32,
}

impl Apdus {
    /// All since the counter was opened.
    pub fn so_far(house: &House) -> Self {
        Self { card: house.readers.exchanges(HOLDER), psam: house.readers.exchanges(PSAM) }
    }

    /// Those since then.
    pub fn since(house: &House, then: Self) -> Self {
        let now = Self::so_far(house);
        Self { card: now.card - then.card, psam: now.psam - then.psam }
    }
}

/// Where the kept table says otherwise, or has a row of nothing. `SBKD_WRITE=1` writes it anew.
pub fn otherwise<'a>(counted: impl Iterator<Item = (&'a Subject, Apdus)>) -> Vec<String> {
    let counted = counted.map(|(subject, Apdus { card, psam })| {
        let (scenario, part) = (&subject.scenario, &subject.asks.kind);
        format!("{scenario}\t{part}\t{card}\t{psam}")
    });
    let counted: BTreeSet<String> = counted.collect();
    let file = tree(KEPT);
    if std::env::var_os("SBKD_WRITE").is_some() {
        let rows: String = counted.iter().map(|row| format!("{row}\n")).collect();
        std::fs::write(&file, [HEAD, &rows].concat()).unwrap();
    }
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{KEPT}: {error}"));
    let kept = text.strip_prefix(HEAD).unwrap_or_else(|| panic!("{KEPT} does not begin with {HEAD:?}"));
    let kept: BTreeSet<String> = kept.lines().map(str::to_owned).collect();
    let told = |rows: &BTreeSet<String>, others, how| {
        rows.difference(others).map(|row| format!("{how}: {}", row.replace('\t', " "))).collect::<Vec<_>>()
    };
    let now = told(&counted, &kept, "the commands to card and PSAM, as they are");
    let then = told(&kept, &counted, "the commands to card and PSAM, as they are kept");
    [now, then].concat()
}
