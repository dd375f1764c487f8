//! The list of refused cards: whether there is one to go by.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Status;
use super::finding::Finding;
use crate::card::errors::{BLACKLIST_OLD, NO_BLACKLIST};
use crate::cli::direct::{own_store, store_of};
use crate::config::Config;
use crate::failure::{Explain as _, Failure};
use crate::store::{Blacklist, BlacklistInfo, ListInfo as _};

/// As the daemon tells it; nothing where it looks no card up.
pub(super) fn of_daemon(health: &Value, config: Option<&Config>) -> Option<Finding> {
    let told = health["blacklist"].as_object()?;
    let list: Option<BlacklistInfo> = told.get("list").and_then(|list| serde_json::from_value(list.clone()).ok());
    let finding = match (list, told.get("failure").filter(|failure| !failure.is_null())) {
        (Some(list), None) => in_force(&list, told.get("old") == Some(&json!(true)), Timestamp::now()),
        (_, failure) => away(failure.map(|failure| failure["code"].as_str().unwrap_or_default().to_owned())),
    };
    let refused = told.get("refused").filter(|refused| !refused.is_null());
    Some(match refused {
        Some(refused) => not_taken(&refused["why"]),
        None => lenient(finding, config),
    })
}

/// Looked at without the daemon; nothing where no card is looked up.
pub(super) fn direct(config: &Config) -> Option<Finding> {
    let rules = config.card.blacklist.as_ref()?;
    let store = store_of(config);
    let found = match store.try_exists() {
        Ok(false) => Ok(None),
        _ => own_store(&store).and_then(|store| {
            let list = Blacklist::new(&config.state, Arc::new(store));
            list.in_force().map_err(|error| error.failure())
        }),
    };
    let now = Timestamp::now();
    let finding = match found {
        Ok(Some(list)) => in_force(&list, list.is_older(rules.max_age, now), now),
        Ok(None) => away(None),
        Err(failure) => Finding::of_failure("blacklist", &failure),
    };
    Some(lenient(finding, Some(config)))
}

fn in_force(list: &BlacklistInfo, old: bool, now: Timestamp) -> Finding {
    let BlacklistInfo { serial, issued, cards, ranges, .. } = list;
    let hours = list.age_secs(now) / 3600;
    let zh = format!("序号 {serial}，{issued} 制作（{hours} 小时前），{cards} 张卡，{ranges} 个号段");
    let en = format!("serial {serial}, made {issued} ({hours} h ago), {cards} cards, {ranges} ranges");
    if !old {
        return Finding::ok("blacklist", zh, en);
    }
    let (message, remedy) = (BLACKLIST_OLD.message, BLACKLIST_OLD.remedy);
    let found = (format!("{}：{zh}", message.zh), format!("{}: {en}", message.en));
    Finding::failed("blacklist", (&found.0, &found.1), (remedy.zh, remedy.en))
}

fn away(why: Option<String>) -> Finding {
    let none = Failure::of(&NO_BLACKLIST);
    Finding::of_failure("blacklist", &why.map_or(none, |why| Failure::with(&NO_BLACKLIST, why)))
}

/// What lies in the list's file, and is not taken in.
fn not_taken(why: &Value) -> Finding {
    let code = why["code"].as_str().unwrap_or_default();
    let found = (
        format!("新名单未启用（{code}），仍使用原有名单"),
        format!("a list is not taken in ({code}): what was in force before is so still"),
    );
    let remedy = (
        "用 sbkd blacklist import 查看原因，并重新下发名单",
        "see why with sbkd blacklist import, and have the list sent anew",
    );
    Finding::failed("blacklist", (&found.0, &found.1), remedy)
}

/// Where work goes on without a list, that is a warning.
fn lenient(mut finding: Finding, config: Option<&Config>) -> Finding {
    if finding.status == Status::Failed && config.is_some_and(|config| config.card.lenience().list) {
        finding.status = Status::Warning;
    }
    finding
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(without: &str) -> Config {
        let text = format!(
            "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"/nonexistent/state\"\n[keys]\nsource = \"psam\"\n\
             [card.blacklist]\nkeys = [\"{}\"]\nwithout = \"{without}\"\n",
            "a".repeat(64)
        );
        Config::parse("sbkd.toml", &text, Path::new("/")).unwrap()
    }

    fn health(old: bool, list: bool, failure: Value, refused: Value) -> Value {
        let info = json!({"serial": 7, "issued": "2026-11-27T00:00:00Z", "taken_at": "2026-11-27T01:00:00Z", "cards": 3,
            "ranges": 1, "signed_by": "21FE31DFA154A261", "sha256": "AB".repeat(32)});
        json!({"blacklist": {"list": if list { info } else { Value::Null }, "age_secs": 0, "old": old, "failure": failure,
            "refused": refused}})
    }

    #[test]
    fn how_it_stands_with_the_list_is_a_line() {
        let refusing = config("refuse");
        let failure = json!({"code": "E-STORE-BLACKLIST-DAMAGED"});
        let refused = json!({"at": "2026-11-27T00:00:00Z", "why": {"code": "E-STORE-BLACKLIST-SIGNATURE"}});
        for (health, status, words) in [
            (health(false, true, Value::Null, Value::Null), Status::Ok, "serial 7"),
            (health(true, true, Value::Null, Value::Null), Status::Failed, "too old"),
            (health(false, false, Value::Null, Value::Null), Status::Failed, "no blacklist"),
            (health(false, false, failure, Value::Null), Status::Failed, "E-STORE-BLACKLIST-DAMAGED"),
            (health(false, true, Value::Null, refused), Status::Failed, "E-STORE-BLACKLIST-SIGNATURE"),
        ] {
            let finding = of_daemon(&health, Some(&refusing)).unwrap();
            assert_eq!(finding.status, status, "{}", finding.text());
            assert!(finding.text().contains(words), "{}", finding.text());
        }
        assert!(of_daemon(&json!({"blacklist": null}), Some(&refusing)).is_none());
        let old = health(true, true, Value::Null, Value::Null);
        assert_eq!(of_daemon(&old, Some(&config("warn"))).unwrap().status, Status::Warning, "work goes on");
    }

    #[test]
    fn without_the_daemon_the_list_is_looked_at_and_nothing_is_made() {
        let found = direct(&config("refuse")).unwrap();
        assert_eq!(found.status, Status::Failed, "{}", found.text());
        assert!(!Path::new("/nonexistent").exists());
        let mut without = config("refuse");
        without.card.blacklist = None;
        assert!(direct(&without).is_none());
    }
}
