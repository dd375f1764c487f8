//! Sign-ins: once a person, scenario and month.

use super::*;
use crate::wire::sign_in::{SignIn, Signed};

/// Counts each sign-in of two scenarios.
const SIGNED: &str = r#"
[pack]
id = "g"
version = "1"
title = "签到"
scenarios = ["unemployment-sign-in", "training-sign-in"]
scheme = "g"
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "sign_date"
status = "official"
[facts]
sign_date = { type = "date" }
[accumulators]
signed = { type = "money", scope = "month", default = "0.00" }
[[post]]
name = "signed"
add = "¥1"
"#;

impl World {
    /// What comes of a sign-in for August: whether there was one before.
    fn sign(&self, scenario: &str) -> bool {
        let facts = object(json!({ "sign_date": DAY }));
        let sign_in = SignIn { person: person(), month: "2015-08".into(), facts };
        let receipt = self.deliver(scenario, Kind::SignIn, &sign_in);
        assert!(receipt.outcome == Outcome::Accepted, "{scenario}");
        serde_json::from_value::<Signed>(receipt.output).unwrap().already
    }
}

fn world(db: Connection) -> World {
    for scenario in ["unemployment-sign-in", "training-sign-in"] {
        db.execute("INSERT INTO facts VALUES ('44010000000003', ?1, 'known', 'true')", [scenario]).unwrap();
    }
    World { db, packs: Packs::load(&[("g.toml".into(), SIGNED.into())]).unwrap(), ..World::new() }
}

#[test]
fn two_scenarios_are_signed_in_for_apart() {
    let World { db, .. } = World::new();
    let world = world(db);
    assert!(!world.sign("unemployment-sign-in") && !world.sign("training-sign-in"));
    assert_eq!(world.counted(), "\"2.00\"");
    assert!(world.sign("unemployment-sign-in") && world.sign("training-sign-in"));
    assert_eq!(world.counted(), "\"2.00\"");
    assert_eq!(ledger::read(&world.db).unwrap()["sign_ins"], 2);
}

#[test]
fn sign_ins_of_before_are_of_the_scenario_that_brought_them() {
    for (brought, already) in [(None, [true, false]), (Some("training-sign-in"), [false, true])] {
        let dir = tempfile::tempdir().unwrap();
        let (file, old) = at_version(&dir, 9);
        know(&old);
        let id = [7_u8; 16];
        old.execute("INSERT INTO sign_ins VALUES ('44010000000003', '2015-08', ?1)", [id]).unwrap();
        if let Some(scenario) = brought {
            old.execute(
                "INSERT INTO transactions VALUES (1, ?1, 'T', 1, zeroblob(32), x'', ?2, 1, '{}', '{}', 1)",
                (id, scenario),
            )
            .unwrap();
        }
        drop(old);
        let world = world(db::open(Some(&file)).unwrap());
        assert_eq!(["unemployment-sign-in", "training-sign-in"].map(|scenario| world.sign(scenario)), already);
    }
}
