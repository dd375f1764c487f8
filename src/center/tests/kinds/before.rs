//! What terminals settled alone before their centre knew of visits.

use super::*;

/// A centre that was upgraded from the ninth version; its terminals' clock stands before that.
fn upgraded() -> (TempDir, World) {
    let dir = tempfile::tempdir().unwrap();
    let (file, old) = at_version(&dir, 9);
    know(&old);
    old.execute("INSERT INTO persons VALUES ('44010000000002', ?1, '310')", [another().certno.as_str()]).unwrap();
    drop(old);
    (dir, World { db: db::open(Some(&file)).unwrap(), ..World::new() })
}

fn stay(person: &PersonKey, mdtrt_id: &str) -> Value {
    let mut settlement = json!(person);
    settlement.as_object_mut().unwrap().extend(object(json!({
        "insutype": "310", "med_type": "21", "medfee_sumamt": "1.00", "psn_setlway": "01", "acct_used_flag": "0",
        "mdtrt_id": mdtrt_id, "scenario": "care", "business_date": DAY, "facts": { "aae036": DAY }, "feedetail": [],
    })));
    settlement
}

impl World {
    /// What comes of a settlement that a terminal made alone: the code of its refusal, where it is refused.
    fn settle_again(&self, settlement: &Value) -> Result<(), String> {
        match self.deliver_decided(("care", Kind::Settle, true), settlement).outcome {
            Outcome::Accepted => Ok(()),
            Outcome::Refused { code, .. } => Err(code),
        }
    }

    fn settle_online(&self, msgid: &str, settlement: &Value) -> Result<(), String> {
        told(self.ask(infno::SETTLE, msgid, settlement)).map(drop)
    }
}

fn unknown() -> Result<(), String> {
    Err("C-VISIT-UNKNOWN".into())
}

#[test]
fn what_a_terminal_settled_alone_before_the_upgrade_names_a_hospitals_number() {
    let (_dir, world) = upgraded();
    let bill = stay(&person(), "ZY20150703");
    assert_eq!(world.settle_online("M1", &bill), unknown(), "what comes online names one that is registered");
    assert_eq!(world.settle_again(&bill), Ok(()));
    let kept: Option<String> =
        world.db.query_row("SELECT insurance FROM visits WHERE mdtrt_id = 'ZY20150703'", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, None);
    assert_eq!(world.settle_online("M2", &bill), Ok(()), "the stay goes on");
    assert_eq!(world.settle_online("M3", &stay(&another(), "ZY20150703")), unknown(), "it is of one person");
}

#[test]
fn what_it_settled_alone_since_names_one_that_is_registered() {
    let (_dir, world) = upgraded();
    world.db.execute("UPDATE visits_since SET at = '2015-08-01T01:59:59.999Z'", []).unwrap();
    assert_eq!(world.settle_again(&stay(&person(), "ZY20150703")), unknown());
    // And with a centre that never was without visits.
    assert_eq!(World::new().settle_again(&stay(&person(), "ZY20150703")), unknown());
}

#[test]
fn a_number_that_somebody_registered_and_a_refusal_make_no_visit() {
    let (_dir, world) = upgraded();
    let registration = Filing { message: "2201".into(), person: another(), ..filing("free", Kind::Register) };
    let registered = world.deliver("free", Kind::Register, &registration);
    let mdtrt_id = registered.output["mdtrt_id"].as_str().unwrap();
    assert_eq!(world.settle_again(&stay(&person(), mdtrt_id)), unknown());
    world.db.execute("INSERT INTO visits (psn_no, mdtrt_id, ended) VALUES ('44010000000003', 'D1', 1)", []).unwrap();
    assert_eq!(world.settle_again(&stay(&person(), "D1")).unwrap_err(), "C-VISIT-ENDED");
    world.db.execute("INSERT INTO facts VALUES ('44010000000003', 'care', 'employed', 'true')", []).unwrap();
    assert_eq!(world.settle_again(&stay(&person(), "ZY20150703")).unwrap_err(), "E-EMPLOYED");
    let visits: u32 = world.db.query_row("SELECT count(*) FROM visits", [], |row| row.get(0)).unwrap();
    assert_eq!(visits, 2);
}
