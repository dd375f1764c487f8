//! What holders are still to be told.

use serde_json::Value;

use super::finding::Finding;

/// How many came out otherwise than their holders were told; nothing when there is none, or the journal is not told of
/// either.
pub(super) fn untold(health: &Value) -> Option<Finding> {
    if health["queue"].is_null() {
        return None;
    }
    let Some(count) = health["untold"].as_u64() else {
        return Some(Finding::failed(
            "queue",
            ("无法得知哪些持卡人尚待告知", "whom something is still to be told cannot be read"),
            ("检查 state 目录中的 store.db 和磁盘", "check store.db in the state directory, and the disk"),
        ));
    };
    let zh = format!("{count} 笔业务的结果与当时告知的不同，尚未告知持卡人");
    let en = format!("{count} came out otherwise than their holders were told, who do not know yet");
    let remedy = (
        "用 sbkd queue list --untold 查看，联系持卡人，告知后逐笔 sbkd queue acknowledge",
        "see sbkd queue list --untold, call the holders, and acknowledge each: sbkd queue acknowledge",
    );
    (count > 0).then(|| Finding::failed("queue", (&zh, &en), remedy))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Status;
    use super::*;

    #[test]
    fn what_holders_do_not_know_yet_is_told_of_and_so_is_that_nobody_knows() {
        let found = |count: Value| untold(&json!({"queue": {"unsent": 0}, "untold": count}));
        assert!(found(json!(0)).is_none());
        for (told, words) in [(json!(2), "2 came out otherwise"), (Value::Null, "cannot be read")] {
            let finding = found(told).unwrap();
            assert_eq!(finding.status, Status::Failed);
            assert!(serde_json::to_string(&finding).unwrap().contains(words), "{}", finding.text());
        }
        assert!(untold(&json!({"queue": null, "untold": null})).is_none(), "that the journal is away is told once");
    }
}
