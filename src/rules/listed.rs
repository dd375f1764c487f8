//! The rules of a scenario as they are listed: which packs decide it, for which cases, and by which guards.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::decision::Reason;
use super::pack::{Guard, Pack};
use super::packs::{PackInfo, Packs, info};

/// A pack of a scenario, and what it asks of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PackRules {
    /// The pack.
    #[serde(flatten)]
    pub info: PackInfo,
    /// What chooses it beside the business date: facts, and the values with which a case is this pack's.
    pub r#for: BTreeMap<String, Vec<Value>>,
    /// Its guards, in its order: those of each line of a bill first.
    pub guards: Vec<GuardInfo>,
}

/// A guard: the ground that it is wherever it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct GuardInfo {
    /// Code, outcome, text, basis and source. `line` is never there: it is of a case.
    #[serde(flatten)]
    pub ground: Reason,
    /// It is asked of each line of the bill.
    pub each_line: bool,
}

impl Packs {
    /// The packs that decide a scenario, with their guards.
    pub fn rules(&self, scenario: &str) -> Vec<PackRules> {
        self.of(scenario).map(rules).collect()
    }
}

fn rules(pack: &Pack) -> PackRules {
    let listed = |guards: &'_ [Guard], each_line| {
        let listed = |guard| GuardInfo { ground: Reason::of(guard, None), each_line };
        guards.iter().map(listed).collect::<Vec<_>>()
    };
    PackRules {
        info: info(pack),
        r#for: pack.is_for_what().collect(),
        guards: [listed(&pack.line.guards, true), listed(&pack.whole.guards, false)].concat(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::tests::shipped::{PACKS, texts};
    use super::*;

    /// A pack's guards as its file has them: those of a line, or of the whole.
    fn written(file: &Value, key: &str, each_line: bool) -> Vec<Value> {
        let mut guards = file[key].as_array().cloned().unwrap_or_default();
        for guard in &mut guards {
            let guard = guard.as_object_mut().unwrap();
            guard.retain(|key, _| !["when", "dormant"].contains(&key.as_str()));
            guard.insert("each_line".to_owned(), each_line.into());
        }
        guards
    }

    #[test]
    fn the_rules_of_a_scenario_are_the_guards_of_its_packs_as_their_files_have_them() {
        let mut scenarios = BTreeSet::new();
        for (file, text) in texts() {
            let pack: Value = toml::from_str(&text).unwrap();
            let wanted = [written(&pack, "line_guard", true), written(&pack, "guard", false)].concat();
            for scenario in pack["pack"]["scenarios"].as_array().unwrap() {
                let scenario = scenario.as_str().unwrap();
                scenarios.insert(scenario.to_owned());
                let rules = PACKS.rules(scenario);
                let of_pack = rules.iter().find(|rules| rules.info.pack.id == pack["pack"]["id"]);
                let listed = of_pack.unwrap_or_else(|| panic!("{file} is not listed for {scenario}"));
                assert_eq!(json!(listed.guards), json!(wanted), "{file}");
                let chosen = pack["pack"].get("for").cloned().unwrap_or_else(|| json!({}));
                assert_eq!(json!(listed.r#for), chosen, "{file}");
            }
        }
        assert_eq!(scenarios.len(), 77);
        assert_eq!(PACKS.rules("dance"), []);
    }
}
