//! The policy packs: those the daemon works by, or those it would start on.

use serde_json::Value;

use super::finding::Finding;
use crate::rules::PackInfo;

/// What the running daemon says of its packs.
pub(super) fn of_daemon(policy: &Value) -> Finding {
    let refused = policy["refused"]["why"].as_str();
    let Some(why) = refused else {
        let packs = policy["packs"].as_array().cloned().unwrap_or_default();
        let signed_by = packs.iter().filter_map(|pack| pack["signed_by"].as_str().map(str::to_owned));
        return in_force(packs.len(), signed_by.collect());
    };
    let since = policy["since"].as_str().unwrap_or_default();
    let found = (
        format!("目录中的政策包未启用，仍用 {since} 起的：{why}"),
        format!("the packs in the folder are not taken up, those of {since} stay in force: {why}"),
    );
    let remedy = ("按提示修改，改好后自动启用", "mend what is named; they are taken up by themselves then");
    Finding::failed("policy", (&found.0, &found.1), remedy)
}

/// What the daemon would start on.
pub(super) fn of_setup(packs: &[PackInfo]) -> Finding {
    in_force(packs.len(), packs.iter().filter_map(|info| info.pack.signed_by.clone()).collect())
}

fn in_force(packs: usize, mut signed_by: Vec<String>) -> Finding {
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
    Finding::ok("policy", format!("{packs} 个政策包{zh}"), format!("{packs} packs{en}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Status;
    use super::*;

    #[test]
    fn it_says_who_signed_and_what_is_not_taken_up() {
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
        let refused = json!({ "since": "T", "refused": { "why": "a.toml:1:2: x" }, "packs": [] });
        let found = of_daemon(&refused);
        assert!(found.status == Status::Failed && found.text().contains("a.toml:1:2: x"), "{}", found.text());
    }
}
