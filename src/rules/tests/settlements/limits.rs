//! What no settlement may pay beyond (settlement-facts §2), apart from the packs.

use super::case::{Case, Term};
use super::sampler::Sampler;

/// A limit, in fen.
pub struct Limit {
    /// How the ids of the packs begin that have it.
    pub packs: &'static str,
    /// The accumulators that count on it together.
    pub names: &'static [&'static str],
    pub most: fn(&Sampler, &Case) -> i64,
}

pub const LIMITS: [Limit; 10] = [
    Limit {
        packs: "gz.employee",
        names: &["pool"],
        most: |pack, case| {
            let plan = pack.pack.facts.iter().any(|fact| fact.name == "insu_plan");
            let outside = plan && *fact(pack, case, "insu_plan") == Term::Text("outside".into());
            if outside { figure(pack, case, "outside_cap") } else { 44_547_600 }
        },
    },
    Limit { packs: "gz.employee", names: &["supplement"], most: |_, _| 15_000_000 },
    Limit { packs: "gz.employee.outpatient", names: &["clinic_pool"], most: |_, _| 30_000 },
    Limit { packs: "gz.resident", names: &["pool"], most: |pack, case| figure(pack, case, "pool_cap") },
    Limit {
        packs: "gz.resident",
        names: &["ci_paid", "ci_over_paid"],
        most: |pack, case| match fact(pack, case, "continuous_years").number() {
            0..2 => 12_000_000,
            2..5 => 15_000_000,
            _ => figure(pack, case, "ci_limit_long"),
        },
    },
    Limit {
        packs: "gz.resident.outpatient",
        names: &["clinic_pool"],
        most: |pack, case| {
            let adult = ["74", "75"].map(|code| Term::Text(code.into())).contains(fact(pack, case, "psn_type"));
            if adult { 60_000 } else { 100_000 }
        },
    },
    Limit {
        packs: "gz.resident.chronic",
        names: &["chronic_pool"],
        most: |pack, case| {
            let chronic = *fact(pack, case, "dise_kind") == Term::Text("chronic".into());
            if chronic { 5_000 } else { figure(pack, case, "special_limit") }
        },
    },
    Limit { packs: "gz", names: &["ma_clinic"], most: |_, _| 10_000 },
    Limit { packs: "gz", names: &["ma_inpatient"], most: |_, _| 4_000_000 },
    Limit { packs: "gz", names: &["ma_major"], most: |_, _| 10_000_000 },
];

fn fact<'c>(pack: &Sampler, case: &'c Case, name: &str) -> &'c Term {
    &case.facts[pack.pack.facts.iter().position(|fact| fact.name == name).expect(name)]
}

fn figure(pack: &Sampler, case: &Case, name: &str) -> i64 {
    let found = case.figures.iter().find(|(at, _)| pack.pack.params[*at].name == name);
    found.map(|(_, figure)| figure.number()).expect(name)
}
