//! What is open on cards' medical accounts.

use serde_json::Value;

use super::finding::Finding;

/// How many transactions are not over; nothing when there is none, or a daemon of another version says nothing of it.
pub(super) fn open(health: &Value) -> Option<Finding> {
    let count = match health.get("open_on_accounts")? {
        Value::Null => {
            return Some(Finding::failed(
                "accounts",
                ("无法得知哪些卡内账户交易未了结", "what is open on cards' accounts cannot be read"),
                ("检查 state 目录中的 store.db 和磁盘", "check store.db in the state directory, and the disk"),
            ));
        }
        count => count.as_u64().filter(|count| *count > 0)?,
    };
    let zh = format!("{count} 笔卡内账户交易结果未知或尚未告知");
    let en = format!("{count} on cards' accounts are not over: not known, or not told");
    let remedy = (
        "用 sbkd card account open 查看；该卡再次插入时执行 sbkd card account settle",
        "see sbkd card account open, and run sbkd card account settle when the card is in again",
    );
    Some(Finding::failed("accounts", (&zh, &en), remedy))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Status;
    use super::*;

    #[test]
    fn what_is_open_on_accounts_is_told_of_and_so_is_that_nobody_knows() {
        let found = |count: Value| open(&json!({ "open_on_accounts": count }));
        assert!(found(json!(0)).is_none() && open(&json!({})).is_none());
        for (told, words) in [(json!(2), "2 on cards"), (Value::Null, "cannot be read")] {
            let finding = found(told).unwrap();
            assert_eq!(finding.status, Status::Failed);
            assert!(serde_json::to_string(&finding).unwrap().contains(words), "{}", finding.text());
        }
    }
}
