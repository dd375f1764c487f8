//! What was registered here is so for whoever asks from then on, as long as it stands and nobody has ended it.

use super::undo::withdrawal;
use super::*;
use crate::wire::filing::Standing;

/// A retiree, a resident who is in no employees' scheme, and one who lost their work.
const RETIRED: &str = "440104195003160014";

/// A registration in a community, as a terminal brings it that was told nothing.
fn community(name: &str) -> Filing {
    let fields = object(json!({ "street": "示例街道", "community": name, "file_place": "street", "AAE036": DAY }));
    let facts = object(json!({
        "aae036": DAY, "street": "示例街道", "community": name, "lives_there": true, "file_place": "street",
    }));
    let once = Some(format!("示例街道 {name}"));
    Filing { person: of(RETIRED), once, fields, facts, ..filing("retiree-registration", Kind::Register) }
}

fn group(name: &str, community: &str) -> Filing {
    let fields = object(json!({ "community": community, "group_name": name, "group_role": "member" }));
    let facts = object(json!({ "aae036": DAY, "community": community, "group_name": name, "group_role": "member" }));
    Filing { person: of(RETIRED), fields, facts, ..filing("retiree-mutual-aid-registration", Kind::Register) }
}

impl World {
    /// Somebody elsewhere says otherwise of a scenario's fact.
    fn is_told(&self, scenario: &str, name: &str, value: Value) {
        let told = "UPDATE facts SET value = ?3 WHERE scenario = ?1 AND name = ?2";
        self.db.execute(told, (scenario, name, value.to_string())).unwrap();
    }

    /// The records of a topic that the retiree is told of.
    fn retiree(&self, topic: &str) -> Vec<Map<String, Value>> {
        let fields = object(json!({ "retiree_topic": topic }));
        let asked = Lookup { person: of(RETIRED), fields, ..lookup("retiree-query", Kind::Query) };
        let found: Found = serde_json::from_value(told(self.ask("retiree-query", "Q1", &asked)).unwrap()).unwrap();
        found.records
    }
}

#[test]
fn who_was_registered_in_a_community_is_in_it_until_that_is_over() {
    let world = World::shipped(Some(&PACKS));
    let registered = |scenario: &str, fact: &str| world.facts_of(RETIRED, scenario, DAY)[fact].clone();
    assert_eq!(registered("retiree-registration", "registered"), false);
    let first = world.filed(&community("甲社区"));
    assert_eq!(registered("retiree-registration", "registered"), true);
    assert_eq!(registered("retiree-mutual-aid-registration", "registered_community"), "甲社区");
    assert_eq!(world.file(&community("甲社区")).unwrap_err(), "C-ALREADY");
    assert_eq!(world.file(&community("乙社区")).unwrap_err(), "E-RETI-REGISTERED", "one at a time");
    // Moved out of the one, into the other, and back again: what counts is where it is so now.
    world.is_told("retiree-registration", "registered", false.into());
    let second = world.filed(&community("乙社区"));
    assert_eq!(registered("retiree-mutual-aid-registration", "registered_community"), "乙社区");
    world.is_told("retiree-registration", "registered", false.into());
    let again = world.filed(&community("甲社区"));
    assert_eq!(registered("retiree-mutual-aid-registration", "registered_community"), "甲社区");
    assert_eq!(world.file(&community("甲社区")).unwrap_err(), "C-ALREADY");
    // From the last one to the first.
    for (community, filed) in [("甲社区", &first), ("乙社区", &second)] {
        assert_eq!(world.withdraw(&withdrawal(&self::community(community), filed)).map(|_| ()), Err("C-LATER".into()));
    }
    assert_eq!(world.withdraw(&withdrawal(&community("甲社区"), &again)).unwrap().state, Standing::Withdrawn);
    assert_eq!(registered("retiree-mutual-aid-registration", "registered_community"), "乙社区");
    assert_eq!(registered("retiree-registration", "registered"), false, "as it was told before the last one");
    world.withdraw(&withdrawal(&community("乙社区"), &second)).unwrap();
    world.withdraw(&withdrawal(&community("甲社区"), &first)).unwrap();
    assert_eq!(registered("retiree-mutual-aid-registration", "registered_community"), "示例社区", "as the seed has it");
}

#[test]
fn what_somebody_elsewhere_made_of_it_since_is_not_taken_back() {
    let world = World::shipped(Some(&PACKS));
    let first = world.filed(&community("甲社区"));
    let told = |value: &str| {
        world.is_told("retiree-mutual-aid-registration", "registered_community", value.into());
    };
    told("丙社区");
    world.withdraw(&withdrawal(&community("甲社区"), &first)).unwrap();
    let facts = world.facts_of(RETIRED, "retiree-mutual-aid-registration", DAY);
    assert_eq!(facts["registered_community"], "丙社区");
    assert_eq!(world.facts_of(RETIRED, "retiree-registration", DAY)["registered"], false);
}

#[test]
fn who_joined_a_group_is_in_it_and_is_told_so() {
    let world = World::shipped(Some(&PACKS));
    let (topics, before) = (["registration", "group"], |topic: &str| world.retiree(topic).len());
    assert_eq!(topics.map(before), [1, 1], "the seed's");
    world.filed(&community("甲社区"));
    assert_eq!(world.file(&group("晨光互助组", "示例社区")).unwrap_err(), "E-AID-COMMUNITY");
    let joined = group("晨光互助组", "甲社区");
    let filed = world.filed(&joined);
    assert_eq!(world.file(&group("夕阳红互助组", "甲社区")).unwrap_err(), "E-AID-IN-GROUP");
    assert_eq!(world.facts_of(RETIRED, "retiree-query", DAY)["in_group"], true);
    let told = |topic: &str| Value::from(world.retiree(topic).pop().unwrap());
    assert_eq!(
        told("registration"),
        json!({
            "retiree_topic": "registration", "street": "示例街道", "community": "甲社区", "retiree_since": DAY,
            "file_place": "street",
        })
    );
    assert_eq!(
        told("group"),
        json!({
            "retiree_topic": "group", "community": "甲社区", "retiree_since": DAY, "group_name": "晨光互助组",
            "group_role": "member",
        })
    );
    world.withdraw(&withdrawal(&joined, &filed)).unwrap();
    world.is_told("retiree-registration", "registered", false.into());
    assert_eq!(topics.map(before), [1, 1], "what was withdrawn, or is over elsewhere, is told no more");
    assert!(world.file(&group("夕阳红互助组", "甲社区")).is_ok());
}

#[test]
fn who_was_enrolled_in_an_insurance_is_in_that_one() {
    let world = World::shipped(None);
    let enrolled = || {
        ["insurance-enrollment", "contribution-declaration", "contribution-payment"].map(|scenario| {
            let facts = world.facts_of(person().certno.as_str(), scenario, DAY);
            (facts["enrolled_pension"] == true, facts["enrolled_medical"] == true)
        })
    };
    assert_eq!(enrolled(), [(false, false); 3]);
    let enrol = |insurance: &str| {
        let fields = object(json!({ "AAE140": insurance }));
        Filing { fields, ..filing("insurance-enrollment", Kind::Register) }
    };
    let pension = world.filed(&enrol("resident-pension"));
    assert_eq!(enrolled(), [(true, false); 3]);
    world.filed(&enrol("390"));
    assert_eq!(enrolled(), [(true, true); 3]);
    world.withdraw(&withdrawal(&enrol("resident-pension"), &pension)).unwrap();
    assert_eq!(enrolled(), [(false, true); 3], "the other one stays");
}

#[test]
fn to_be_employed_ends_being_registered_as_unemployed() {
    let world = World::shipped(None);
    let facts = |scenario: &str, names: [&str; 2]| {
        let facts = world.facts_of(person().certno.as_str(), scenario, DAY);
        names.map(|name| facts.get(name).cloned().unwrap_or_default())
    };
    let register = |scenario: &str| {
        let fields =
            object(json!({ "AAE036": DAY, "AJC090": "2015-07-31", "ACC031": DAY, "AAB004": "示例商贸有限公司" }));
        Filing { fields, ..filing(scenario, Kind::Register) }
    };
    let shown = |kind: &str| {
        let found = world.look_up("employment-status-query", Kind::Query, json!({ "reg_kind": kind })).unwrap();
        let here = |one: &Map<String, Value>| one["aab004"] == "示例商贸有限公司";
        found.into_iter().find(here).map(|one| (one["aae030"].clone(), one["aae043"].clone(), one["aae100"].clone()))
    };
    let out_of_work = world.filed(&register("unemployment-registration"));
    let both = ["employed", "registered"];
    assert_eq!(facts("unemployment-registration", both), [false, true].map(Value::from));
    assert_eq!(facts("unemployment-application", ["registered_on", "registered"]), [json!(DAY), true.into()]);
    assert_eq!(shown("unemployment"), Some((json!("2015-07-31"), json!(DAY), json!("1"))));
    let employed = world.filed(&register("employment-registration"));
    assert_eq!((shown("unemployment"), shown("employment").unwrap().0), (None, json!(DAY)), "of the two one stands");
    for scenario in ["unemployment-registration", "unemployment-application"] {
        assert_eq!(facts(scenario, both), [true, false].map(Value::from), "{scenario}");
    }
    for scenario in ["employment-registration", "job-seeker-registration", "graduate-registration"] {
        assert_eq!(facts(scenario, both)[0], true, "{scenario}");
    }
    assert_eq!(facts("employment-certificate-copy", both)[1], true, "either is on the certificate");
    let withdraw = |scenario: &str, filed| world.withdraw(&withdrawal(&register(scenario), filed)).map(|_| ());
    assert_eq!(withdraw("unemployment-registration", &out_of_work), Err("C-LATER".into()));
    assert_eq!(withdraw("employment-registration", &employed), Ok(()));
    assert_eq!(facts("unemployment-registration", both), [false, true].map(Value::from));
}
