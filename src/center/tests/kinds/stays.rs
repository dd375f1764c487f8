//! Who is in hospital, by what was registered here: asked about, and held against the next admission.

use super::bills::bill;
use super::undo::withdrawal;
use super::*;
use crate::wire::person::Question;

impl World {
    /// What the centre tells of her for a scenario on a day.
    fn facts(&self, scenario: &str, on: Date) -> Value {
        self.facts_of(person().certno.as_str(), scenario, on)
    }

    /// What it tells of whoever has this number.
    pub(super) fn facts_of(&self, certno: &str, scenario: &str, on: Date) -> Value {
        let question = Question {
            person: of(certno),
            scenario: scenario.into(),
            business_date: on,
            mdtrt_id: None,
            facts: Map::new(),
        };
        told(self.ask(infno::PERSON, "Q1", &question)).unwrap()["facts"].clone()
    }
}

/// An admission on a day, by a terminal that takes her for one who is not in hospital.
fn admission(on: Date, is_repeated: bool) -> Filing {
    let fields = object(json!({ "insutype": "310", "begntime": on, "repeat_ipt_flag": is_repeated }));
    let facts = object(json!({
        "aae036": DAY, "begntime": on, "med_type": "21", "repeat_ipt_flag": is_repeated, "psn_insu_stas": "0",
        "in_hospital": false,
    }));
    Filing { message: "2401".into(), fields, facts, ..filing("hospital-admission", Kind::Register) }
}

/// Of a birth, the day after.
fn birth() -> Filing {
    let facts = object(json!({
        "aae036": DAY, "conf_no": "Q201500003", "fixmedins_code": "H44010000031", "begntime": DAY, "geso_val": 39,
        "fetus_cnt": 1, "doc_maternal_health_record": true, "psn_insu_stas": "0",
    }));
    let fields = object(json!({ "insutype": "510", "begntime": DAY }));
    Filing { message: "2401".into(), fields, facts, ..filing("maternity-admission", Kind::Register) }
}

#[test]
fn who_is_in_hospital_is_admitted_again_only_where_that_is_said() {
    let world = World::shipped(Some(&PACKS));
    let in_hospital = || world.facts("hospital-admission", DAY)["in_hospital"].clone();
    assert_eq!(in_hospital(), false);
    let first = admission(date(2015, 8, 2), false);
    let filed = world.filed(&first);
    assert_eq!(in_hospital(), true, "the next terminal is told");
    assert_eq!(world.file(&admission(DAY, false)).unwrap_err(), "E-ADM-IN-HOSPITAL");
    assert_eq!(world.file(&birth()).unwrap_err(), "E-MATA-IN-HOSPITAL", "whichever insurance pays");
    let repeated = admission(DAY, true);
    let again = world.filed(&repeated);
    // What was withdrawn was no stay.
    for (filing, filed) in [(&repeated, &again), (&first, &filed)] {
        assert_eq!(in_hospital(), true);
        world.withdraw(&withdrawal(filing, filed)).unwrap();
    }
    assert_eq!(in_hospital(), false);
    assert!(world.file(&birth()).is_ok());
}

#[test]
fn a_stay_is_over_with_the_discharge_that_its_settlement_says() {
    let world = World::shipped(Some(&PACKS));
    let stay = world.registered(&admission(date(2015, 7, 20), false)).unwrap();
    let in_hospital = |on| world.facts("hospital-admission", on)["in_hospital"].clone();
    assert_eq!(in_hospital(DAY), true);
    assert!(told(world.ask("2304", "M1", &bill(Some(&stay), &["1"]))).is_ok());
    assert_eq!(
        (in_hospital(date(2015, 8, 2)), in_hospital(DAY)),
        (true.into(), false.into()),
        "discharged on the third"
    );
    assert_eq!(world.reverse("M1", "2304"), Reply::OK);
    assert_eq!(world.file(&admission(DAY, false)).unwrap_err(), "E-ADM-IN-HOSPITAL", "nothing of it stands");
    assert!(told(world.ask("2304", "M2", &bill(Some(&stay), &["1"]))).is_ok());
    assert!(world.file(&admission(DAY, false)).is_ok());
}

#[test]
fn the_settlement_at_discharge_closes_its_stay_until_it_is_taken_back() {
    let world = World::shipped(Some(&PACKS));
    let stay = world.registered(&admission(date(2015, 7, 20), false)).unwrap();
    let settle = |msgid: &str, line: &str| {
        let settled = told(world.ask("2304", msgid, &bill(Some(&stay), &[line])));
        settled.map(|output| output["setlinfo"]["setl_id"].as_str().unwrap().to_owned())
    };
    let is_in = || world.facts("hospital-admission", DAY)["in_hospital"].clone();
    let reviewed = |msgid: &str| {
        let read = "SELECT review FROM settlements WHERE msgid = ?1";
        world.db.query_row(read, [msgid], |row| row.get::<_, bool>(0)).unwrap()
    };
    let first = settle("M1", "1").unwrap();
    assert_eq!(settle("M1", "1").as_ref(), Ok(&first), "the same message");
    let ended = || Err("C-VISIT-ENDED".to_owned());
    assert_eq!(settle("M2", "2"), ended());
    assert_eq!(told(world.ask("2303", "Q1", &bill(Some(&stay), &["2"]))).map(drop), Err("C-VISIT-ENDED".into()));
    assert_eq!(settle("M3", "1").unwrap_err(), "C-LINE-DUPLICATE", "which settlement has it says more");
    let fields = object(json!({ "mdtrt_id": stay, "insutype": "310" }));
    assert_eq!(world.file(&Filing { fields, ..filing("free", Kind::Visit) }).unwrap_err(), "C-VISIT-ENDED");
    assert_eq!(is_in(), false);
    // Cancelled, that taken back, and cancelled again.
    let meant = json!({ "setl_id": first, "mdtrt_id": stay, "psn_no": "44010000000003" });
    let cancel = |msgid: &str| told(world.ask("2305", msgid, &meant)).map(drop);
    cancel("U1").unwrap();
    assert_eq!(is_in(), true);
    let second = settle("M4", "2").unwrap();
    assert_eq!((is_in(), reviewed("M4")), (false.into(), false));
    // Two settle the end of one stay: somebody looks into the later one.
    assert_eq!(world.reverse("U1", "2305"), Reply::OK);
    assert!(reviewed("M4"));
    assert_eq!(world.reverse("M4", "2304"), Reply::OK);
    assert_eq!((is_in(), settle("M5", "3")), (false.into(), ended()), "the first stands: {second} does not");
    cancel("U2").unwrap();
    assert_eq!(is_in(), true);
    assert!(settle("M6", "3").is_ok());
}

#[test]
fn a_bill_within_a_stay_and_one_of_a_clinic_close_none() {
    let world = World::new();
    for (mdtrt_id, care) in [("D1", "outpatient"), ("D2", "inpatient")] {
        let visit = "INSERT INTO visits (mdtrt_id, psn_no, care) VALUES (?1, '44010000000003', ?2)";
        world.db.execute(visit, [mdtrt_id, care]).unwrap();
    }
    let settle = |msgid: &str, mdtrt_id: &str, med_type: &str, endtime: Option<Date>| {
        let mut bill = bill(Some(mdtrt_id), &[msgid]);
        (bill["scenario"], bill["med_type"]) = ("care".into(), med_type.into());
        bill["facts"] = json!({ "aae036": DAY });
        if let Some(endtime) = endtime {
            bill["facts"]["endtime"] = endtime.to_string().into();
        }
        told(world.ask("2207", msgid, &bill)).map(drop)
    };
    for (msgid, visit, med_type, endtime) in [
        ("M1", "D1", "11", Some(DAY)),
        ("M2", "D1", "11", Some(DAY)),
        // Nothing tells of a discharge.
        ("M3", "D2", "21", None),
        ("M4", "D2", "21", None),
        ("M5", "D2", "21", Some(DAY)),
    ] {
        assert_eq!(settle(msgid, visit, med_type, endtime), Ok(()), "{msgid}");
    }
    assert_eq!(settle("M6", "D2", "21", None).unwrap_err(), "C-VISIT-ENDED");
}

#[test]
fn a_clinics_bill_of_the_day_of_admission_discharges_nobody() {
    let world = World::shipped(Some(&PACKS));
    world.registered(&admission(DAY, false)).unwrap();
    let discharged = |msgid: &str, med_type: &str| {
        let mut bill = bill(None, &[msgid]);
        bill["med_type"] = med_type.into();
        (bill["facts"]["begntime"], bill["facts"]["endtime"]) = (json!(DAY), json!(DAY));
        let posted = json!({ "settlement": bill, "psn_no": "44010000000003", "changes": [], "acct_pay": "0.00" });
        let settled = "INSERT INTO settlements (terminal, msgid, state, psn_no, posted, times)
                       VALUES ('T', ?1, 'settled', '44010000000003', ?2, 1)";
        world.db.execute(settled, [msgid, &posted.to_string()]).unwrap();
        world.facts("hospital-admission", DAY)["in_hospital"] == false
    };
    assert!(!discharged("M1", "11"));
    assert!(discharged("M2", "21"), "a stay's bill that names no number is of its day of admission");
}

#[test]
fn who_was_told_as_in_hospital_is_not_once_their_stays_from_elsewhere_are_closed() {
    let world = World::shipped(Some(&PACKS));
    let told_in = "UPDATE facts SET value = 'true' WHERE psn_no = '44010000000003' AND name = 'in_hospital'";
    world.db.execute(told_in, []).unwrap();
    world.db.execute("DELETE FROM visits WHERE mdtrt_id NOT IN ('M20150727001', 'M20150310001')", []).unwrap();
    let is_in = |on| world.facts("hospital-admission", on)["in_hospital"].clone();
    assert_eq!(is_in(DAY), true);
    assert!(told(world.ask("2304", "M1", &bill(Some("M20150727001"), &["1"]))).is_ok());
    assert_eq!((is_in(date(2015, 8, 2)), is_in(DAY)), (true.into(), false.into()));
}

#[test]
fn an_admission_ends_the_stay_before_it_and_says_nothing_of_an_earlier_day() {
    let world = World::shipped(Some(&PACKS));
    let in_hospital = |on| world.facts("hospital-admission", on)["in_hospital"].clone();
    // Nothing was ever settled under its number.
    world.registered(&admission(date(2015, 7, 20), false)).unwrap();
    assert_eq!((in_hospital(date(2015, 7, 19)), in_hospital(date(2015, 7, 20))), (false.into(), true.into()));
    let again = world.registered(&admission(date(2015, 7, 28), true)).unwrap();
    assert_eq!(in_hospital(DAY), true);
    assert!(told(world.ask("2304", "M1", &bill(Some(&again), &["1"]))).is_ok());
    assert_eq!((in_hospital(date(2015, 8, 2)), in_hospital(DAY)), (true.into(), false.into()));
    // What comes late of an earlier day is held against what was so then.
    assert!(world.file(&admission(date(2015, 7, 1), false)).is_ok());
}

#[test]
fn how_often_somebody_registered_today_is_counted_here() {
    let world = World::shipped(Some(&PACKS));
    let times = |on| world.facts("clinic-registration", on)["registered_today"].clone();
    let form = |doctor: &str| {
        let fields = object(json!({ "insutype": "310", "begntime": DAY, "atddr_no": doctor }));
        let facts = object(json!({ "aae036": DAY, "begntime": DAY, "regist_way": "window", "psn_insu_stas": "0" }));
        Filing { message: "2201".into(), fields, facts, ..filing("clinic-registration", Kind::Register) }
    };
    let register = |doctor: &str| world.filed(&form(doctor));
    assert_eq!(times(DAY), 0);
    register("A");
    let second = register("B");
    assert_eq!((times(DAY), times(date(2015, 8, 4))), (2.into(), 0.into()));
    // What was registered elsewhere is there besides.
    world.db.execute("UPDATE facts SET value = '3' WHERE name = 'registered_today'", []).unwrap();
    assert_eq!((times(DAY), times(date(2015, 8, 4))), (5.into(), 3.into()));
    world.withdraw(&withdrawal(&form("B"), &second)).unwrap();
    assert_eq!(times(DAY), 4);
}
