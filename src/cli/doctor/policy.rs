//! The policy packs: those the daemon works by, or those it would start on.

use jiff::civil::Date;
use serde_json::Value;

use super::finding::Finding;
use crate::terminal::Setup;

/// So many scenarios without a pack are named; there may be 77.
const NAMED: usize = 5;

/// What the running daemon says of its packs.
pub(super) fn of_daemon(policy: &Value) -> Finding {
    let refused = policy["refused"]["why"].as_str();
    let Some(why) = refused else {
        let packs = policy["packs"].as_array().cloned().unwrap_or_default();
        let signed_by = packs.iter().filter_map(|pack| pack["signed_by"].as_str().map(str::to_owned));
        let lacking = policy["no_pack_today"].as_array().into_iter().flatten();
        return in_force(packs.len(), signed_by.collect(), &lacking.filter_map(Value::as_str).collect::<Vec<_>>());
    };
    let since = policy["since"].as_str().unwrap_or_default();
    let found = (
        format!("目录中的政策包未启用，仍用 {since} 起的：{why}"),
        format!("the packs in the folder are not taken up, those of {since} stay in force: {why}"),
    );
    let remedy = ("按提示修改，改好后自动启用", "mend what is named; they are taken up by themselves then");
    Finding::failed("policy", (&found.0, &found.1), remedy)
}

/// What the daemon would start on, and which scenarios of it would have no pack on this day.
pub(super) fn of_setup(setup: &Setup, today: Date) -> Finding {
    let packs = setup.packs().list();
    let lacking: Vec<&str> =
        setup.catalogue().lacking_packs(setup.packs(), today).map(|entry| entry.id.as_str()).collect();
    in_force(packs.len(), packs.into_iter().filter_map(|info| info.pack.signed_by).collect(), &lacking)
}

fn in_force(packs: usize, mut signed_by: Vec<String>, lacking: &[&str]) -> Finding {
    let unsigned = packs - signed_by.len();
    signed_by.sort();
    signed_by.dedup();
    let by = signed_by.join(", ");
    let (zh, en) = match (by.is_empty(), unsigned) {
        (true, _) => (String::new(), String::new()),
        (false, 0) => (format!("，均由 {by} 签名"), format!(", all signed by {by}")),
        (false, n) => {
            (format!("，由 {by} 签名，其中 {n} 个未签名"), format!(", signed by {by}, {n} of them by nobody"))
        }
    };
    let (zh, en) = (format!("{packs} 个政策包{zh}"), format!("{packs} packs{en}"));
    if lacking.is_empty() {
        return Finding::ok("policy", zh, en);
    }
    let more = if lacking.len() > NAMED { ", …" } else { "" };
    let named = lacking.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ") + more;
    let lacking = lacking.len();
    let zh = format!("{zh}；{lacking} 项业务没有适用于今天的政策包：{named}");
    let en = format!("{en}; {lacking} scenarios have no pack for today: {named}");
    let remedy = (
        "安装覆盖今天的政策包，或用 [scenarios] only 只列要办的业务（docs/own-scenario.md 第 8 节；全部见 sbkd scenario list 的 ○）",
        "install packs that hold today, or leave the scenarios out by [scenarios] only (docs/own-scenario.md, section 8; \
         all of them: ○ in sbkd scenario list)",
    );
    Finding::warning("policy", (&zh, &en), remedy)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Status;
    use super::*;

    #[test]
    fn it_says_who_signed_what_holds_no_more_and_what_is_not_taken_up() {
        let pack = |signed_by: Option<&str>| json!({ "id": "p", "signed_by": signed_by });
        let policy = |packs: &[Value]| json!({ "since": "T", "refused": null, "packs": packs });
        for (packs, said) in [
            (vec![pack(None)], "1 packs"),
            (vec![pack(Some("B")), pack(Some("A")), pack(Some("B"))], "3 packs, all signed by A, B"),
            (vec![pack(Some("A")), pack(None)], "2 packs, signed by A, 1 of them by nobody"),
        ] {
            let found = of_daemon(&policy(&packs));
            assert!(found.status == Status::Ok && found.text().trim_end().ends_with(said), "{}", found.text());
        }
        let lacking = |scenarios: &[&str]| {
            of_daemon(&json!({ "since": "T", "refused": null, "packs": [pack(None)], "no_pack_today": scenarios }))
        };
        assert!(lacking(&[]).status == Status::Ok);
        for (scenarios, said) in [
            (&["b", "a"][..], "1 packs; 2 scenarios have no pack for today: b, a\n"),
            (&["a", "b", "c", "d", "e", "f"], "1 packs; 6 scenarios have no pack for today: a, b, c, d, e, …\n"),
        ] {
            let found = lacking(scenarios);
            assert!(found.status == Status::Warning && found.text().contains(said), "{}", found.text());
        }
        let refused = json!({ "since": "T", "refused": { "why": "a.toml:1:2: x" }, "packs": [] });
        let found = of_daemon(&refused);
        assert!(found.status == Status::Failed && found.text().contains("a.toml:1:2: x"), "{}", found.text());
    }
}
