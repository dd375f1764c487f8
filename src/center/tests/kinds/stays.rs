//! Who is in hospital, by what was registered here: asked about, and held against the next admission.

use super::bills::bill;
use super::undo::withdrawal;
use super::*;
use crate::wire::person::Question;

impl World {
    /// What the centre tells of her for a scenario on a day.
    fn facts(&self, scenario: &str, on: Date) -> Value {
        let question = Question {
            person: person(),
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
    let register = |doctor: &str| {
        let fields = object(json!({ "insutype": "310", "begntime": DAY, "atddr_no": doctor }));
        let facts = object(json!({ "aae036": DAY, "begntime": DAY, "regist_way": "window", "psn_insu_stas": "0" }));
        world.filed(&Filing { message: "2201".into(), fields, facts, ..filing("clinic-registration", Kind::Register) })
    };
    assert_eq!(times(DAY), 0);
    register("A");
    register("B");
    assert_eq!((times(DAY), times(date(2015, 8, 4))), (2.into(), 0.into()));
}
