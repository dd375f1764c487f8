//! Transactions that do not get on.

use jiff::Timestamp;
use serde_json::Value;

use super::finding::Finding;

/// The age at which one that does not get on is somebody's business, in seconds: an hour.
const LATE: i64 = 3600;

/// The states of what is not at its end, for the daemon's list.
pub(super) const OPEN: &str = "pending,sending,handed-over,unknown,reversing,cancelling";

/// Of the open transactions those with a reason that are older than an hour; nothing when there is none.
pub(super) fn stuck(open: &Value, now: Timestamp) -> Option<Finding> {
    let old = |row: &&Value| {
        let created: Option<Timestamp> = row["created_at"].as_str().and_then(|moment| moment.parse().ok());
        created.is_some_and(|created| now.as_second() - created.as_second() > LATE)
    };
    let stuck: Vec<&Value> = open.as_array()?.iter().filter(|row| row["reason"].is_string()).filter(old).collect();
    // The list is the latest first.
    let (oldest, count) = (stuck.last()?, stuck.len());
    let (sequence, reason) = (&oldest["sequence"], oldest["reason"].as_str().unwrap_or_default());
    let zh = format!("{count} 笔超过一小时未能办结，最早的是第 {sequence} 笔：{reason}");
    let en = format!("{count} do not get on for more than an hour, the oldest is number {sequence}: {reason}");
    let remedy = ("逐笔查看原因：sbkd queue list", "see the reason of each: sbkd queue list");
    Some(Finding::failed("queue", (&zh, &en), remedy))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_that_has_a_reason_for_an_hour_is_told_of() {
        let now = "2026-11-25T12:00:00Z".parse().unwrap();
        let row = |sequence: u32, created_at: &str, reason: Value| json!({ "sequence": sequence, "created_at": created_at, "reason": reason });
        let young = row(3, "2026-11-25T11:30:00Z", json!("E-UPLINK-FAILED HTTP 500"));
        let untried = row(2, "2026-11-25T09:00:00Z", Value::Null);
        let old = row(1, "2026-11-25T10:59:59Z", json!("C-CHAIN-FORK a fork at 1"));
        assert!(stuck(&json!([young, untried]), now).is_none());
        let found = serde_json::to_string(&stuck(&json!([young, untried, old]), now).unwrap()).unwrap();
        assert!(found.contains("C-CHAIN-FORK") && found.contains("number 1"), "{found}");
    }
}
