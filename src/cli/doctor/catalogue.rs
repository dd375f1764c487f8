//! The catalogue of drugs and services: whether there is one to price bills by.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::finding::Finding;
use crate::cli::direct::{own_store, store_of};
use crate::config::Config;
use crate::failure::{Explain as _, Failure};
use crate::store::{Catalogue, CatalogueInfo, ListInfo as _};
use crate::terminal::errors::NO_CATALOGUE;

/// As the daemon tells it; nothing where the form says what things cost.
pub(super) fn of_daemon(health: &Value) -> Option<Finding> {
    let told = health["catalogue"].as_object()?;
    let catalogue = told.get("catalogue").and_then(|told| serde_json::from_value::<CatalogueInfo>(told.clone()).ok());
    Some(match (catalogue, told.get("failure").and_then(|failure| failure["code"].as_str())) {
        (Some(catalogue), None) => in_force(&catalogue, told.get("old") == Some(&json!(true)), Timestamp::now()),
        (_, None) => Finding::of_failure("catalogue", &Failure::of(&NO_CATALOGUE)),
        (_, Some(code)) => Finding::of_failure("catalogue", &Failure::with(&NO_CATALOGUE, code)),
    })
}

/// Looked at without the daemon.
pub(super) fn direct(config: &Config) -> Option<Finding> {
    let rules = config.catalogue.as_ref()?;
    let store = store_of(config);
    let found = match store.try_exists() {
        Ok(false) => Ok(None),
        _ => own_store(&store).and_then(|store| {
            let catalogue = Catalogue::new(&config.state, Arc::new(store));
            catalogue.in_force().map_err(|error| error.failure())
        }),
    };
    let now = Timestamp::now();
    Some(match found {
        Ok(Some(catalogue)) => in_force(&catalogue, catalogue.is_older(rules.max_age, now), now),
        Ok(None) => Finding::of_failure("catalogue", &Failure::of(&NO_CATALOGUE)),
        Err(failure) => Finding::of_failure("catalogue", &failure),
    })
}

fn in_force(catalogue: &CatalogueInfo, old: bool, now: Timestamp) -> Finding {
    let CatalogueInfo { serial, issued, items, .. } = catalogue;
    let days = catalogue.age_secs(now) / 86_400;
    let zh = format!("序号 {serial}，{issued} 制作（{days} 天前），{items} 行目录");
    let en = format!("serial {serial}, made {issued} ({days} days ago), {items} items");
    if !old {
        return Finding::ok("catalogue", zh, en);
    }
    let remedy = (
        "请向医保目录制作方查询有无新版，并用 sbkd catalogue import 导入",
        "ask whoever makes the catalogue for a newer one, and take it in with sbkd catalogue import",
    );
    Finding::warning("catalogue", (&format!("目录制作已久：{zh}"), &format!("it is old: {en}")), remedy)
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn the_daemons_catalogue_is_told_as_what_it_is() {
        let info = json!({"serial": 7, "issued": "2015-08-01T00:00:00Z", "taken_at": "2015-08-01T00:00:00Z", "note": "x",
            "items": 5, "prices": 0, "rates": 0, "signed_by": "21FE31DFA154A261", "sha256": "0".repeat(64)});
        let health = |catalogue: &Value, old: bool, failure: Value| json!({"catalogue": {"catalogue": catalogue, "age_secs": 0, "old": old, "failure": failure}});
        let damaged = json!({"code": "E-STORE-CATALOGUE-DAMAGED"});
        for (health, status, told) in [
            (health(&info, false, Value::Null), Status::Ok, "serial 7"),
            (health(&info, true, Value::Null), Status::Warning, "it is old"),
            (health(&Value::Null, false, Value::Null), Status::Failed, "no catalogue"),
            (health(&Value::Null, false, damaged), Status::Failed, "E-STORE-CATALOGUE-DAMAGED"),
        ] {
            let found = of_daemon(&health).unwrap();
            assert_eq!(found.status, status, "{told}");
            assert!(found.text().contains(told), "{told}: {}", found.text());
        }
        assert!(of_daemon(&json!({"catalogue": null})).is_none());
    }
}
