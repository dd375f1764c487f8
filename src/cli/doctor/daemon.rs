//! What the running daemon says of its neighbours.

use serde_json::Value;

use super::finding::Finding;
use super::{accounts, local, readers, untold};
use crate::cli::{Problem, errors};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal::Condition;

/// Whether the daemon runs.
pub(super) fn presence(health: &Result<Value, Problem>) -> Finding {
    match health {
        Ok(health) => {
            let version = health["version"].as_str().unwrap_or_default();
            Finding::ok("daemon", format!("运行中，版本 {version}"), format!("running, version {version}"))
        }
        Err(problem) => {
            let mut finding = Finding::of_problem("daemon", problem);
            if problem.code() != errors::DAEMON_SILENT.code {
                // It may be stopped on purpose; what it would do is then looked at directly.
                finding.status = super::Status::Warning;
            }
            finding
        }
    }
}

/// Whether the daemon knows how pcscd is: one that hangs looks to it like one without readers.
pub(super) fn sees_pcscd(health: &Value) -> bool {
    holds(health, Condition::CardServiceAway) || health["readers"].as_array().is_some_and(|readers| !readers.is_empty())
}

/// pcscd, readers and keys.
pub(super) fn neighbours(health: &Value) -> Vec<Finding> {
    if holds(health, Condition::CardServiceAway) {
        return readers::with_nothing_behind(readers::pcscd_away());
    }
    let mut findings = vec![Finding::ok("pcscd", "可用", "reachable"), readers::seen(&seen(health))];
    findings.push(if holds(health, Condition::KeysAway) {
        readers::no_psam("守护进程无法使用密钥", "the daemon cannot use its keys")
    } else {
        Finding::ok("psam", "密钥可用", "the keys can be used")
    });
    findings
}

/// The readers that it knows of.
pub(super) fn seen(health: &Value) -> Vec<readers::Seen> {
    let list = health["readers"].as_array().into_iter().flatten();
    list.map(|reader| readers::Seen {
        name: reader["name"].as_str().unwrap_or_default().to_owned(),
        role: serde_json::from_value(reader["role"].clone()).ok(),
        busy: reader["busy"] == true,
    })
    .collect()
}

/// The journal and the centre.
pub(super) fn upstream(health: &Value, config: Option<&Config>) -> Vec<Finding> {
    let mut findings = vec![queue(health), centre(health, config)];
    findings.extend(untold::untold(health));
    findings.extend(accounts::open(health));
    findings
}

fn queue(health: &Value) -> Finding {
    let queue = &health["queue"];
    // First: it makes the condition `storage` hold as well.
    let damaged = queue["damaged"].as_array().filter(|records| !records.is_empty());
    if let Some(records) = damaged {
        let records: Vec<String> = records.iter().map(Value::to_string).collect();
        let failure = Failure::with(&crate::queue::errors::DAMAGED, records.join(", "));
        return Finding::of_failure("queue", &failure);
    }
    if queue.is_null() || holds(health, Condition::Storage) {
        return Finding::failed(
            "queue",
            ("交易队列无法写入", "the journal cannot be written"),
            ("检查磁盘空间和目录权限", "check disk space and the directory's rights"),
        );
    }
    if health["uplink"]["chain"] == "broken" {
        return Finding::of_failure("queue", &Failure::of(&crate::sync::errors::CHAIN));
    }
    let unsent = queue["unsent"].as_u64().unwrap_or_default();
    let age = queue["oldest_unsent_secs"].as_u64().unwrap_or_default();
    let found =
        (format!("未送达 {unsent} 笔，最早 {age} 秒前"), format!("{unsent} not delivered, the oldest {age} s old"));
    let alarms: Vec<String> = health["alarms"].as_array().into_iter().flatten().map(told).collect();
    if !alarms.is_empty() {
        let found = alarms
            .iter()
            .fold(found, |(zh, en), alarm| (format!("{zh}；告警 {alarm}"), format!("{en}; alarm {alarm}")));
        let remedy = (
            "查明中心为何没有回执；界限见配置 [alarm]",
            "find out why the centre does not acknowledge them; the limits are [alarm] of the configuration",
        );
        return Finding::failed("queue", (&found.0, &found.1), remedy);
    }
    let told = |name: &str| health["reconciliation"][name].as_u64();
    let (Some(open), Some(overdue)) = (told("open"), told("overdue")) else {
        return Finding::failed(
            "queue",
            (
                &format!("{}；无法读取对账情况", found.0),
                &format!("{}; how it stands with the accounts cannot be read", found.1),
            ),
            ("检查 state 目录中的 store.db 和磁盘", "check store.db in the state directory, and the disk"),
        );
    };
    if open > 0 {
        return Finding::failed(
            "queue",
            (
                &format!("{}；对账差异 {open} 笔待处理", found.0),
                &format!("{}; {open} differences with the centre are open", found.1),
            ),
            ("用 sbkd reconcile list 查看并逐笔处理", "see sbkd reconcile list, and repair them one by one"),
        );
    }
    if overdue > 0 {
        return Finding::failed(
            "queue",
            (
                &format!("{}；{overdue} 天尚未对平账", found.0),
                &format!("{}; {overdue} days are not reconciled yet", found.1),
            ),
            (
                "中心可达后会自动补对；仍有在途的，查明其结果",
                "they are as soon as the centre can be reached; where something is under way, find out what became of it",
            ),
        );
    }
    Finding::ok("queue", found.0, found.1)
}

/// An alarm: which, what it is now, and above what it is one.
fn told(alarm: &Value) -> String {
    let text = |name: &str| alarm[name].as_str().unwrap_or_default();
    format!("{} {} > {}", text("alarm"), text("value"), text("limit"))
}

fn centre(health: &Value, config: Option<&Config>) -> Finding {
    if config.is_some_and(|config| config.uplink.is_none()) {
        local::no_centre()
    } else if health["uplink"]["unauthorized"] == true {
        Finding::of_failure("upstream", &Failure::of(&crate::sync::errors::UNAUTHORIZED))
    } else if holds(health, Condition::UplinkAway) {
        local::centre_away("守护进程连接不上中心", "the daemon cannot reach the centre")
    } else {
        Finding::ok("upstream", "中心可达", "the centre can be reached")
    }
}

/// Whether a condition holds; one that this command does not know is another's.
fn holds(health: &Value, condition: Condition) -> bool {
    let conditions = health["conditions"].as_array().into_iter().flatten();
    conditions.filter_map(|told| serde_json::from_value(told.clone()).ok()).any(|told: Condition| told == condition)
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
        let health = |conditions: &[&str]| json!({"conditions": conditions, "readers": [reader], "queue": {"unsent": 2, "oldest_unsent_secs": 9}, "reconciliation": {"overdue": 0, "open": 0}, "untold": 0, "open_on_accounts": 0});
        let well = health(&[]);
        assert!(neighbours(&well).iter().chain(&upstream(&well, None)).all(|finding| finding.status == Status::Ok));
        assert_eq!(statuses(&neighbours(&health(&["card-service-away"])))[0], ("pcscd", Status::Failed));
        assert_eq!(neighbours(&health(&["card-service-away"])).len(), 3, "a line each");
        assert_eq!(statuses(&neighbours(&health(&["keys-away"])))[2], ("psam", Status::Failed));
        assert_eq!(statuses(&upstream(&health(&["storage"]), None))[0], ("queue", Status::Failed));
        assert_eq!(statuses(&upstream(&health(&["uplink-away"]), None))[1], ("upstream", Status::Failed));
    }

    #[test]
    fn a_token_that_is_not_taken_is_no_network_that_is_down() {
        let health = |unauthorized: bool| json!({"conditions": ["uplink-away"], "uplink": {"reachable": false, "unauthorized": unauthorized}});
        let found = |unauthorized| serde_json::to_string(&centre(&health(unauthorized), None)).unwrap();
        assert!(found(true).contains("令牌") && !found(true).contains("网络"), "{}", found(true));
        assert!(found(false).contains("网络"), "{}", found(false));
    }

    #[test]
    fn an_alarm_is_found_and_so_is_a_chain_that_broke() {
        let health = |alarms: Value, chain: &str| json!({"conditions": [], "alarms": alarms, "queue": {"unsent": 1, "oldest_unsent_secs": 86401}, "uplink": {"chain": chain}, "reconciliation": {"last": null, "overdue": 0, "open": 0}});
        assert_eq!(queue(&health(json!([]), "agrees")).status, Status::Ok);
        let alarm =
            json!([{"alarm": "oldest-unsent", "limit": "86400", "value": "86401", "since": "2015-08-03T02:00:00Z"}]);
        let found = queue(&health(alarm, "agrees"));
        assert_eq!(found.status, Status::Failed);
        assert!(serde_json::to_string(&found).unwrap().contains("告警 oldest-unsent 86401 > 86400"));
        assert_eq!(queue(&health(json!([]), "broken")).status, Status::Failed);
        let mut differs = health(json!([]), "agrees");
        differs["reconciliation"] = json!({"last": "2015-08-02", "overdue": 0, "open": 2});
        assert!(serde_json::to_string(&queue(&differs)).unwrap().contains("2 differences"));
        let mut overdue = health(json!([]), "agrees");
        overdue["reconciliation"] = json!({"last": "2015-08-02", "overdue": 3, "open": 0});
        assert!(serde_json::to_string(&queue(&overdue)).unwrap().contains("3 days"));
        for unknown in ["overdue", "open"] {
            let mut silent = health(json!([]), "agrees");
            silent["reconciliation"][unknown] = Value::Null;
            assert_eq!(queue(&silent).status, Status::Failed, "{unknown} is not known, and that is not 0");
        }
        let damaged =
            json!({"conditions": ["storage"], "queue": {"unsent": 1, "oldest_unsent_secs": 0, "damaged": [2, 7]}});
        let found = serde_json::to_string(&queue(&damaged)).unwrap();
        assert!(found.contains("(2, 7)") && found.contains("set-aside"), "{found}");
    }

    #[test]
    fn a_centre_that_is_not_configured_is_not_away() {
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\n[keys]\nsource = \"psam\"\n";
        let config = Config::parse("sbkd.toml", text, std::path::Path::new("")).unwrap();
        assert_eq!(centre(&json!({"conditions": ["uplink-away"]}), Some(&config)).status, Status::Warning);
    }
}
