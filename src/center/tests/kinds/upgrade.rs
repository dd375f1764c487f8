//! A database of the last released version (the ninth), with people in it, under this one.

use rusqlite_migration::Migrations;

use super::*;

/// What was released.
const RELEASED: usize = 9;

/// A centre's database of then: she has settled a stay, which took a part of her account and counted.
fn of_then(file: &std::path::Path) -> Connection {
    let mut old = Connection::open(file).unwrap();
    Migrations::from_slice(&db::STEPS[..RELEASED]).to_latest(&mut old).unwrap();
    know(&old);
    old.execute("INSERT INTO persons VALUES ('44010000000002', '440105197904230011', '310')", []).unwrap();
    let known = "INSERT INTO facts VALUES (?1, 'medical-settlement', ?2, ?3)";
    for (psn_no, name, value) in [
        ("44010000000003", "balc", json!("376.55")),
        ("44010000000003", "psn_type", json!("1")),
        ("44010000000002", "balc", json!("0.00")),
    ] {
        old.execute(known, (psn_no, name, value.to_string())).unwrap();
    }
    let counted =
        "INSERT INTO accumulators VALUES ('44010000000003', '310', 'pool', '2015-07/2016-06', '\"34242.84\"', NULL)";
    old.execute(counted, []).unwrap();
    let posted = json!({
        "settlement": { "mdtrt_id": "D20150727001", "feedetail": [] }, "psn_no": "44010000000003", "changes": [],
        "acct_pay": "123.45",
    });
    let reply = json!({ "setlinfo": { "setl_id": "S00000000001", "setl_time": "2015-07-30 10:00:00" } });
    old.execute(
        "INSERT INTO settlements (terminal, msgid, state, psn_no, content, posted, reply, times)
         VALUES (?1, 'O1', 'settled', '44010000000003', x'00', ?2, ?3, 1)",
        (TERMINAL, posted.to_string(), reply.to_string()),
    )
    .unwrap();
    old
}

impl World {
    /// With a database that was there before, as a centre of today opens it.
    fn opened(file: &std::path::Path, seed: Option<&std::path::Path>) -> Self {
        let mut db = db::open(Some(file)).unwrap();
        seed::plant(&mut db, seed, NOW).unwrap();
        Self { db, ..Self::new() }
    }

    fn count(&self, what: &str) -> i64 {
        self.db.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    }

    fn fact(&self, scenario: &str, name: &str) -> Option<String> {
        let read = "SELECT value FROM facts WHERE psn_no = '44010000000003' AND scenario = ?1 AND name = ?2";
        self.db.query_row(read, [scenario, name], |row| row.get(0)).ok()
    }

    /// What comes of paying an order of the seed.
    fn pays(&self, msgid: &str) -> Result<Value, String> {
        let scenario = "out-of-pocket-payment";
        let order = Payment { scenario: scenario.into(), message: scenario.into(), ..payment("D20150803001", 725_716) };
        told(self.ask(scenario, msgid, &order)).map(|paid| paid["payinfo"]["order_no"].clone())
    }
}

#[test]
fn a_database_of_before_gets_the_seeds_that_came_since_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("centre.db");
    drop(of_then(&file));
    let world = World::opened(&file, None);

    // What was settled and counted stands as it did, and what came since goes by it.
    assert_eq!(world.fact("medical-settlement", "balc").as_deref(), Some("\"376.55\""));
    assert_eq!(world.fact("pharmacy-settlement", "balc").as_deref(), Some("\"376.55\""), "she has one account");
    let pool = "accumulators WHERE name = 'pool' AND psn_no = '44010000000003' AND value = '\"34242.84\"'";
    assert_eq!((world.count(pool), world.count("settlements")), (1, 1));
    assert_eq!(told(world.ask(infno::SETTLEMENT, "Q1", &json!({ "medins_setl_id": "O1" }))).map(|_| ()), Ok(()));

    // A lookup finds, and a payment is taken.
    let asked = world.look_up("out-of-pocket-payment", Kind::Pay, json!({ "order_no": "D20150803001" })).unwrap();
    assert_eq!((asked.len(), &asked[0]["order_stas"]), (1, &"due".into()));
    assert_eq!(world.pays("M1"), Ok("D20150803001".into()));
    assert_eq!(world.fact("designated-institution-change", "psn_type").as_deref(), Some("\"1\""));

    // Once: the next start adds nothing, and puts nothing back.
    let lists = ["records", "facts", "visits", "persons", "own_records"];
    let before = lists.map(|list| world.count(list));
    drop(world);
    let world = World::opened(&file, None);
    assert_eq!(lists.map(|list| world.count(list)), before);
    assert_eq!(world.pays("M2").unwrap_err(), "C-ORDER-PAID");
}

#[test]
fn a_database_with_people_of_its_own_gets_nothing_that_was_made_up() {
    let dir = tempfile::tempdir().unwrap();
    for (n, whose) in
        ["INSERT INTO persons VALUES ('1', 'A', '310')", "UPDATE persons SET certno = psn_no"].iter().enumerate()
    {
        let file = dir.path().join(n.to_string());
        of_then(&file).execute(whose, []).unwrap();
        let world = World::opened(&file, None);
        assert_eq!((world.count("records"), world.count("seeds")), (0, 0), "{whose}");
    }
    // Nor does one that was filled from a file, though the same people are in it.
    let (file, seed) = (dir.path().join("own"), dir.path().join("seed.toml"));
    std::fs::write(&seed, SEED).unwrap();
    let world = World::opened(&file, Some(&seed));
    let kept = world.count("records");
    drop(world);
    for seed in [None, Some(seed.as_path())] {
        assert_eq!(World::opened(&file, seed).count("records"), kept);
    }
}
