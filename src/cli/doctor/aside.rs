//! What damage left behind: a note of it, and the damaged files that were set aside.

use jiff::{SignedDuration, Timestamp};

use super::finding::Finding;
use crate::config::Config;
use crate::failure::Failure;
use crate::queue::{damage_noted, errors, kept_aside};

/// Damage that is noted beside the journal of a daemon that does not run.
pub(super) fn noted(config: &Config) -> Option<Finding> {
    let record = damage_noted(&config.journal())?;
    Some(Finding::of_failure("queue", &Failure::with(&errors::DAMAGED, record.to_string())))
}

/// The folders with damaged files in which personal data may be older than the journal keeps it.
pub(super) fn kept(config: &Config, now: Timestamp) -> Option<Finding> {
    let days = config.queue.erase_after_days;
    let time = SignedDuration::from_hours(24 * i64::from(days));
    let old = kept_aside(&config.journal()).into_iter().filter(|(_, since)| now.duration_since(*since) > time);
    let old: Vec<String> = old.map(|(folder, _)| folder.display().to_string()).collect();
    if old.is_empty() {
        return None;
    }
    let list = old.join(", ");
    let zh = format!("另存的损坏流水已超过 {days} 天，其中的个人信息不会自动清除：{list}");
    let en = format!(
        "damaged files were set aside more than {days} days ago, and nothing personal in them is erased: {list}"
    );
    let remedy = ("查明原因后请删除这些目录", "delete these folders once the cause of the damage is known");
    Some(Finding::warning("queue", (&zh, &en), remedy))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn config(dir: &Path) -> Config {
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \".\"\n[keys]\nsource = \"psam\"\n[queue]\nerase_after_days = 30\n";
        Config::parse("sbkd.toml", text, dir).unwrap()
    }

    fn text(finding: Option<Finding>) -> String {
        serde_json::to_string(&finding).unwrap()
    }

    #[test]
    fn a_folder_that_was_set_aside_is_told_of_once_its_time_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        for name in
            ["damaged-2015-08-01T030000Z", "damaged-2015-08-01T030000Z-2", "damaged-2015-08-20T030000Z", "damaged-x"]
        {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let at = |now: &str| text(kept(&config, now.parse().unwrap()));
        assert_eq!(at("2015-08-31T03:00:00Z"), "null");
        let found = at("2015-08-31T03:00:01Z");
        assert!(found.contains("damaged-2015-08-01T030000Z, ") && found.contains("Z-2\""), "{found}");
        assert!(!found.contains("08-20") && !found.contains("damaged-x"), "{found}");
    }

    #[test]
    fn damage_is_told_of_though_no_daemon_runs() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        assert_eq!(text(noted(&config)), "null");
        for (note, record) in [("{\"record\":7,\"what\":\"removed\"}", "(7)"), ("torn", "(0)")] {
            fs::write(dir.path().join("queue.db.damaged"), note).unwrap();
            let found = text(noted(&config));
            assert!(found.contains(record) && found.contains("set-aside"), "{found}");
        }
    }
}
