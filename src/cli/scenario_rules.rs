//! The rules of a scenario, for a person to read.

use super::policy;
use super::scenario_part::plain;
use crate::rules::{GuardInfo, Outcome, PackRules};

/// A pack, what it is for, and its guards, a line each.
pub(super) fn described(rules: &PackRules) -> String {
    let mut lines = vec![format!("政策包 {}", policy::line(&rules.info).trim_end())];
    lines.extend(rules.r#for.iter().map(|(fact, values)| {
        let values = values.iter().map(plain).collect::<Vec<_>>();
        format!("  适用 for {fact}: {}", values.join("|"))
    }));
    lines.extend(rules.guards.iter().map(|one| format!("  {}", guard(one))));
    lines.join("\n") + "\n"
}

fn guard(guard: &GuardInfo) -> String {
    let ground = &guard.ground;
    let outcome = match ground.outcome {
        Outcome::Allow => "准予 allow",
        Outcome::Warn => "提示 warn",
        Outcome::Refer => "转核定 refer",
        Outcome::Deny => "不予 deny",
    };
    let each = if guard.each_line { "逐行 each line " } else { "" };
    let grade = ground.confidence.as_ref().map(|grade| format!("（{grade}）")).unwrap_or_default();
    format!("{outcome} {each}{} {} / {}{grade}", ground.code, ground.text.zh, ground.text.en)
}
