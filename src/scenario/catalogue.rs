//! The scenarios: the 77 of the table of 2015, and a deployment's own.

use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use super::definition::Definition;
use super::load;
use crate::rules::{Diagnostic, Packs};
use crate::value::Kind;

/// The files that ship with the product.
const BUILTIN: &[(&str, &str)] = &[
    ("employment.toml", include_str!("../../config/scenarios/employment.toml")),
    ("items.toml", include_str!("../../config/scenarios/items.toml")),
    ("items-medical.toml", include_str!("../../config/scenarios/items-medical.toml")),
    ("labour-inspection.toml", include_str!("../../config/scenarios/labour-inspection.toml")),
    ("maternity.toml", include_str!("../../config/scenarios/maternity.toml")),
    ("medical.toml", include_str!("../../config/scenarios/medical.toml")),
    ("pension.toml", include_str!("../../config/scenarios/pension.toml")),
    ("personnel.toml", include_str!("../../config/scenarios/personnel.toml")),
    ("retirees.toml", include_str!("../../config/scenarios/retirees.toml")),
    ("social-insurance.toml", include_str!("../../config/scenarios/social-insurance.toml")),
    ("unemployment.toml", include_str!("../../config/scenarios/unemployment.toml")),
    ("work-injury.toml", include_str!("../../config/scenarios/work-injury.toml")),
];

/// One scenario, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Scenario)]
pub struct Entry {
    /// Place in the table of 2015, 1 to 77; none of a deployment's own.
    #[schema(required)]
    pub row: Option<u32>,
    /// The number as printed there, which is 75 twice.
    #[schema(required)]
    pub printed: Option<u32>,
    /// Stable id.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// Further parts of a scenario that has several.
    pub also: Vec<Kind>,
    /// 业务领域.
    pub domain: String,
    /// 应用名称.
    pub name: String,
    /// The usage text as printed.
    pub usage: String,
    /// The remark as printed.
    #[schema(required)]
    pub remark: Option<String>,
    /// How a row with a defect is meant.
    #[schema(required)]
    pub note: Option<String>,
    /// This terminal carries it out: a case of it can be opened.
    pub available: bool,
    /// This terminal would carry it out, and no policy pack of it holds today. Where its form says the business date, cases
    /// of earlier days are carried out all the same; else it is not available.
    pub no_pack_today: bool,
}

/// A scenario with its parts.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// How it is listed.
    pub entry: Entry,
    /// Its parts, the main one first.
    pub parts: Vec<Arc<Definition>>,
}

/// All scenarios, those of the table in its order, then a deployment's own by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    scenarios: Vec<Scenario>,
}

impl Catalogue {
    /// What ships with the product, which a test loads.
    ///
    /// # Errors
    /// Never for the files as shipped.
    pub fn builtin() -> Result<Self, Vec<Diagnostic>> {
        Self::over_builtin(&[])
    }

    /// The same with files of a deployment, each a name and its text: one takes the place of the built-in file of its
    /// name, and others come to them.
    ///
    /// # Errors
    /// Every mistake of every file, in the order of file and place.
    pub fn over_builtin(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        let stands = |name: &str| !files.iter().any(|(own, _)| file_name(own) == name);
        let built_in = BUILTIN.iter().filter(|(name, _)| stands(name)).map(|(name, text)| (*name, *text));
        let own = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        Self::load(&built_in.chain(own).collect::<Vec<_>>())
    }

    /// Of these files alone, each a name and its text.
    ///
    /// # Errors
    /// As [`over_builtin`](Self::over_builtin).
    pub fn load(files: &[(&str, &str)]) -> Result<Self, Vec<Diagnostic>> {
        let mut scenarios = load::load(files)?;
        // What has no row comes last.
        scenarios.sort_by(|one, other| {
            let place = |scenario: &Scenario| (scenario.entry.row.unwrap_or(u32::MAX), scenario.entry.id.clone());
            place(one).cmp(&place(other))
        });
        Ok(Self { scenarios })
    }

    /// The same, with those marked as carried out here that are `offered`.
    #[must_use]
    pub fn offering(mut self, offered: impl Fn(&Scenario) -> bool) -> Self {
        for scenario in &mut self.scenarios {
            scenario.entry.available = offered(scenario);
        }
        self
    }

    /// All of them.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// As they are listed.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.scenarios.iter().map(|scenario| &scenario.entry)
    }

    /// Those that are carried out here and of which no pack holds on this day.
    pub fn lacking_packs(&self, packs: &Packs, today: Date) -> impl Iterator<Item = &Entry> {
        let lacking = move |scenario: &&Scenario| scenario.lacks_pack(packs, today);
        self.scenarios.iter().filter(lacking).map(|scenario| &scenario.entry)
    }

    /// The scenario with this id.
    pub fn scenario(&self, id: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|scenario| scenario.entry.id == id)
    }

    /// The parts that are carried out here, of all scenarios.
    pub fn offered(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.scenarios.iter().filter(|scenario| scenario.entry.available).flat_map(|scenario| &scenario.parts)
    }
}

impl Scenario {
    /// How it is listed on a day, by the packs that are in force then.
    pub fn listed(&self, packs: &Packs, today: Date) -> Entry {
        let no_pack_today = self.lacks_pack(packs, today);
        let entry = self.entry.clone();
        let dated = packs.date_of(&entry.id).is_some_and(|date_of| self.parts.iter().any(|part| part.asks(date_of)));
        Entry { available: entry.available && (dated || !no_pack_today), no_pack_today, ..entry }
    }

    /// Whether it is carried out here, and none of the packs that decide it holds on this day.
    pub fn lacks_pack(&self, packs: &Packs, today: Date) -> bool {
        self.entry.available && packs.hold(&self.entry.id, today).is_err()
    }

    /// The part of this kind; the main one where none is named.
    pub fn part(&self, kind: Option<Kind>) -> Option<&Arc<Definition>> {
        match kind {
            None => self.parts.first(),
            Some(kind) => self.parts.iter().find(|part| part.kind == kind),
        }
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
