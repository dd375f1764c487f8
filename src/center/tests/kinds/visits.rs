//! Visits and admissions: registered, named, withdrawn.

use super::*;
use crate::center::{filings, visits};

fn registers(message: &str, insutype: &str) -> Filing {
    Filing {
        message: message.into(),
        fields: object(json!({ "insutype": insutype })),
        ..filing("free", Kind::Register)
    }
}

fn naming(mdtrt_id: &str, insutype: &str) -> Filing {
    let fields = object(json!({ "mdtrt_id": mdtrt_id, "insutype": insutype }));
    Filing { fields, ..filing("free", Kind::Visit) }
}

impl World {
    /// The number of the visit that a filing registered.
    pub(super) fn registered(&self, filing: &Filing) -> Option<String> {
        let receipt = self.deliver(&filing.scenario, filing.part, filing);
        assert!(receipt.outcome == Outcome::Accepted);
        serde_json::from_value::<Filed>(receipt.output).unwrap().mdtrt_id
    }
}

#[test]
fn a_registration_and_an_admission_get_a_number_and_nothing_else_does() {
    let world = World::new();
    let numbers = ["2201", "2401"].map(|message| world.registered(&registers(message, "310")).unwrap());
    assert_ne!(numbers[0], numbers[1]);
    for message in ["2203", "2501", "free"] {
        assert_eq!(world.registered(&registers(message, "310")), None, "{message}");
    }
    for (number, care) in numbers.iter().zip(["outpatient", "inpatient"]) {
        assert!(world.file(&naming(number, "310")).is_ok(), "{number}");
        let read = "SELECT care FROM visits WHERE mdtrt_id = ?1";
        let kept: String = world.db.query_row(read, [number], |row| row.get(0)).unwrap();
        assert_eq!(kept, care, "{number}");
    }
}

#[test]
fn a_visit_that_is_named_is_the_persons_open_and_of_the_insurance() {
    let world = World::new();
    let number = world.registered(&registers("2201", "310")).unwrap();
    let others = world.registered(&Filing { person: another(), ..registers("2201", "310") }).unwrap();
    for (named, insutype, code) in [
        ("M1", "310", "C-VISIT-UNKNOWN"),
        (others.as_str(), "310", "C-VISIT-UNKNOWN"),
        (number.as_str(), "510", "C-VISIT-INSURANCE"),
    ] {
        assert_eq!(world.file(&naming(named, insutype)).unwrap_err(), code, "{named} {insutype}");
    }
    world.db.execute("UPDATE visits SET ended = 1 WHERE mdtrt_id = ?1", [&number]).unwrap();
    assert_eq!(world.file(&naming(&number, "310")).unwrap_err(), "C-VISIT-ENDED");
}

#[test]
fn nothing_is_filed_under_an_insurance_that_is_not_the_persons() {
    let world = World::new();
    world.db.execute("UPDATE persons SET insutype = '390' WHERE psn_no = '44010000000003'", []).unwrap();
    // What a form has where nobody chose.
    let receipt = world.deliver("free", Kind::Register, &registers("2201", "310"));
    let Outcome::Refused { code, text } = receipt.outcome else { panic!("it is registered") };
    assert_eq!(code, "C-VISIT-INSURANCE");
    assert!(text.contains("390") && text.contains("310"), "{text}");
    let number = world.registered(&registers("2401", "390")).unwrap();
    assert!(world.file(&naming(&number, "390")).is_ok());
    assert!(world.file(&registers("2203", "510")).is_ok(), "maternity somebody may have beside it");
}

#[test]
fn visits_of_before_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (file, old) = of_before(&dir);
    know(&old);
    old.execute("INSERT INTO persons VALUES ('44010000000002', '440105197904230011', '310')", []).unwrap();
    let [own, others] = ["44010000000003", "44010000000002"];
    let filed = |psn_no: &str, scenario: &str, state: &str, fields: Value| {
        let filing = "INSERT INTO filings (psn_no, scenario, part, state, filed_on, fields, documents, lines)
                      VALUES (?1, ?2, 'register', ?3, '2015-08-01', ?4, '[]', '[]')";
        old.execute(filing, (psn_no, scenario, state, fields.to_string())).unwrap();
        filings::filed_number(old.last_insert_rowid())
    };
    let registered = ["clinic-registration", "hospital-admission", "work-injury-admission", "maternity-admission"]
        .map(|scenario| filed(own, scenario, "accepted", json!({})));
    let withdrawn = filed(own, "clinic-registration", "withdrawn", json!({}));
    let no_visit = filed(own, "free", "accepted", json!({ "mdtrt_id": null }));
    for psn_no in [own, others] {
        filed(psn_no, "clinic-visit", "accepted", json!({ "mdtrt_id": "D1" }));
        let posted = json!({ "settlement": { "mdtrt_id": "D2", "feedetail": [] } }).to_string();
        let settled =
            "INSERT INTO settlements (terminal, msgid, state, psn_no, posted, times) VALUES (?1, ?2, ?3, ?2, ?4, 1)";
        old.execute(settled, (TERMINAL, psn_no, "settled", posted)).unwrap();
    }
    drop(old);
    let world = World { db: db::open(Some(&file)).unwrap(), ..World::new() };
    for visit in registered.iter().map(String::as_str).chain(["D1", "D2"]) {
        assert!(world.file(&naming(visit, "310")).is_ok(), "{visit}");
    }
    for visit in ["D1", "D2"] {
        let of_another = Filing { person: another(), ..naming(visit, "310") };
        assert!(world.file(&of_another).is_ok(), "{visit} is a number of each of them");
    }
    let of_another = Filing { person: another(), ..naming(&registered[0], "310") };
    assert_eq!(world.file(&of_another).unwrap_err(), "C-VISIT-UNKNOWN");
    assert_eq!(world.file(&naming(&withdrawn, "310")).unwrap_err(), "C-VISIT-ENDED");
    assert_eq!(world.file(&naming(&no_visit, "310")).unwrap_err(), "C-VISIT-UNKNOWN");
}

#[test]
fn an_insurance_is_what_the_case_says_or_its_packs_scheme() {
    let of = |scenario: &str, facts: Value| visits::insurance(&PACKS, (scenario, DAY), &object(facts));
    assert_eq!(of("hospital-admission", json!({ "insutype": "390" })).as_deref(), Some("390"));
    assert_eq!(of("work-injury-admission", json!({})).as_deref(), Some("work-injury"));
    assert_eq!(of("work-injury-settlement", json!({ "claim": "treatment" })).as_deref(), Some("work-injury"));
    assert_eq!(of("maternity-settlement", json!({})).as_deref(), Some("510"));
    for none in ["none", "clinic-visit"] {
        assert_eq!(of(none, json!({})), None, "{none}");
    }
}
