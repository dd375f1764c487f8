//! What the running daemon says of its neighbours.

use serde_json::Value;

use super::finding::Finding;
use super::{local, readers};
use crate::cli::Problem;

/// Whether the daemon runs.
pub(super) fn presence(health: &Result<Value, Problem>) -> Finding {
    match health {
        Ok(health) => {
            let version = health["version"].as_str().unwrap_or_default();
            Finding::ok("daemon", format!("运行中，版本 {version}"), format!("running, version {version}"))
        }
        Err(problem) => {
            let mut finding = Finding::of_problem("daemon", problem);
            // It may be stopped on purpose; what it would do is then looked at directly.
            finding.status = super::Status::Warning;
            finding
        }
    }
}

/// pcscd, readers and keys.
pub(super) fn neighbours(health: &Value) -> Vec<Finding> {
    let holds = |name: &str| conditions(health).any(|condition| condition == name);
    if holds("card-service-away") {
        return readers::with_nothing_behind(readers::pcscd_away());
    }
    let list = health["readers"].as_array().cloned().unwrap_or_default();
    let seen: Vec<readers::Seen> = list
        .iter()
        .map(|reader| readers::Seen {
            name: reader["name"].as_str().unwrap_or_default().to_owned(),
            role: serde_json::from_value(reader["role"].clone()).ok(),
            busy: reader["busy"] == true,
        })
        .collect();
    let mut findings = vec![Finding::ok("pcscd", "可用", "reachable"), readers::seen(&seen)];
    findings.push(if holds("keys-away") {
        readers::no_psam("守护进程无法使用密钥", "the daemon cannot use its keys")
    } else {
        Finding::ok("psam", "密钥可用", "the keys can be used")
    });
    findings
}

/// The journal and the centre.
pub(super) fn upstream(health: &Value) -> Vec<Finding> {
    let holds = |name: &str| conditions(health).any(|condition| condition == name);
    let queue = &health["queue"];
    let mut findings = Vec::new();
    if queue.is_null() || holds("storage") {
        findings.push(Finding::failed(
            "queue",
            ("交易队列无法写入", "the journal cannot be written"),
            ("检查磁盘空间和目录权限", "check disk space and the directory's rights"),
        ));
    } else {
        let unsent = queue["unsent"].as_u64().unwrap_or_default();
        let age = queue["oldest_unsent_secs"].as_u64().unwrap_or_default();
        findings.push(Finding::ok(
            "queue",
            format!("未送达 {unsent} 笔，最早 {age} 秒前"),
            format!("{unsent} not delivered, the oldest {age} s old"),
        ));
    }
    findings.push(if holds("uplink-away") {
        local::centre_away("守护进程连接不上中心", "the daemon cannot reach the centre")
    } else {
        Finding::ok("upstream", "中心可达", "the centre can be reached")
    });
    findings
}

fn conditions(health: &Value) -> impl Iterator<Item = &str> {
    health["conditions"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Status;
    use super::*;

    fn statuses(findings: &[Finding]) -> Vec<(&str, Status)> {
        findings.iter().map(|finding| (finding.check, finding.status)).collect()
    }

    #[test]
    fn each_condition_is_a_line() {
        let reader = json!({"name": "R 00 00", "role": "holder", "card": false, "busy": false});
        let health = |conditions: &[&str]| json!({"conditions": conditions, "readers": [reader], "queue": {"unsent": 2, "oldest_unsent_secs": 9}});
        let well = health(&[]);
        assert!(neighbours(&well).iter().chain(&upstream(&well)).all(|finding| finding.status == Status::Ok));
        assert_eq!(statuses(&neighbours(&health(&["card-service-away"])))[0], ("pcscd", Status::Failed));
        assert_eq!(neighbours(&health(&["card-service-away"])).len(), 3, "a line each");
        assert_eq!(statuses(&neighbours(&health(&["keys-away"])))[2], ("psam", Status::Failed));
        assert_eq!(statuses(&upstream(&health(&["storage"])))[0], ("queue", Status::Failed));
        assert_eq!(statuses(&upstream(&health(&["uplink-away"])))[1], ("upstream", Status::Failed));
    }
}
