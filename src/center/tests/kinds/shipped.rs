//! What the centre makes of the records that ship with it.

use super::bills::bill;
use super::*;

impl World {
    /// What a query finds, from July to the day.
    fn query(&self, scenario: &str) -> Vec<Map<String, Value>> {
        self.query_of(&person(), scenario)
    }

    fn query_of(&self, person: &PersonKey, scenario: &str) -> Vec<Map<String, Value>> {
        let fields = object(json!({ "aae030": "2015-07-01", "aae031": DAY }));
        let asked = Lookup { person: person.clone(), fields, ..lookup(scenario, Kind::Query) };
        let output = told(self.ask(scenario, "Q1", &asked)).unwrap();
        serde_json::from_value::<Found>(output).unwrap().records
    }
}

const CHANGE: &str = "designated-institution-change";

#[test]
fn an_institution_that_was_changed_is_the_present_one_for_the_query_and_for_the_next_change() {
    let world = World::shipped(Some(&PACKS));
    let known = world.look_up(CHANGE, Kind::Change, json!({ "fix_srt_no": "1" })).unwrap().remove(0);
    let change = |code: &str, cause: &str| {
        let form = object(json!({
            "insutype": "310", "fixmedins_kind": "primary", "fixmedins_code": code, "fixmedins_name": format!("{code} 中心"),
            "begndate": "2015-09-01", "change_cause": cause,
        }));
        // The terminal goes by what it was told before any of them.
        let mut facts = form.clone();
        facts.extend(known.clone());
        facts.remove("fix_srt_no");
        let more = json!({ "aae036": DAY, "part": "change", "found": 1, "doc_change_proof": true });
        facts.extend(object(more));
        let mut fields = form;
        fields.extend(object(json!({ "fix_srt_no": "1", "biz_appy_type": "03", "tel": "020-81234567" })));
        world.file(&Filing { fields, facts, message: "2505".into(), ..filing(CHANGE, Kind::Change) })
    };
    let shown = || {
        let found = world.look_up(CHANGE, Kind::Query, json!({})).unwrap();
        found
            .iter()
            .map(|one| [&one["fixmedins_code"], &one["begndate"]].map(|text| text.as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let other = ["H44010000021", "2015-02-01"].map(str::to_owned);
    assert_eq!(shown(), [["H44010000011", "2014-07-01"].map(str::to_owned), other.clone()]);
    assert!(change("H44010000012", "wish").is_ok());
    let before = ["H44010000011", "2014-07-01"].map(str::to_owned);
    assert_eq!(shown(), [["H44010000012", "2015-09-01"].map(str::to_owned), other.clone(), before.clone()]);
    let until = |day: &str| {
        let found = world.look_up(CHANGE, Kind::Query, json!({ "aae030": "2015-07-01", "aae031": day })).unwrap();
        found.iter().map(|one| one["enddate"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(until("2015-08-03"), ["2015-12-31", "2015-08-31"], "until the new one begins it is the one before");
    let told = world.look_up(CHANGE, Kind::Change, json!({ "fix_srt_no": "1" })).unwrap().remove(0);
    assert_eq!([&told["fix_code_now"], &told["fix_name_now"]], ["H44010000012", "H44010000012 中心"]);
    assert_eq!((&told["fix_changed"], &told["fix_used"]), (&true.into(), &false.into()));
    assert_eq!(change("H44010000013", "wish").unwrap_err(), "E-FIX-WITHIN-YEAR");
    assert_eq!(change("H44010000012", "moved").unwrap_err(), "E-FIX-SAME");
    assert!(change("H44010000011", "moved").is_ok(), "what it was before is another one now");
    let last = ["H44010000011", "2015-09-01"].map(str::to_owned);
    assert_eq!(shown(), [last, other, before], "what never began is kept by nobody");
}

#[test]
fn what_is_collected_is_collected_to_the_query_too() {
    let world = World::shipped(None);
    let pensioner = of("440104195003160014");
    for (person, collects, pay_no, queried) in [
        (person(), "unemployment-collection", "U201507000003", "unemployment-query"),
        (pensioner, "pension-collection", "YL20150710000006", "pension-query"),
        (person(), "maternity-reimbursement-collection", "M201500000007", "maternity-query"),
    ] {
        let states = || {
            let found = world.query_of(&person, queried);
            let of_it = found.iter().filter(|one| one.get("pay_no").is_some_and(|number| number == pay_no));
            of_it.map(|one| one["pay_stas"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(states(), ["paid"], "{queried}");
        let fields = object(json!({ "pay_no": pay_no }));
        let collected = Filing { person: person.clone(), fields, ..filing(collects, Kind::Collect) };
        assert!(world.file(&collected).is_ok(), "{collects}");
        assert_eq!(states(), ["collected"], "{queried}");
    }
}

#[test]
fn queries_tell_what_was_settled_here_and_how_the_account_stands() {
    let world = World::shipped(Some(&PACKS));
    let mut bill = bill(Some("M20150727001"), &["1"]);
    bill["acct_used_flag"] = "1".into();
    bill["facts"]["acct_used_flag"] = true.into();
    let settled = told(world.ask("2304", "M1", &bill)).unwrap()["setlinfo"].clone();
    assert_eq!((&settled["acct_pay"], &settled["balc"]), (&"500.00".into(), &"0.00".into()), "{settled}");

    let account = |found: &[Map<String, Value>]| {
        let items = ["aae002", "acct_in_amt", "acct_out_amt", "balc"];
        found.iter().map(|one| items.map(|item| one[item].as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    let of_month = |month: &str| {
        account(&world.look_up("medical-account-balance-query", Kind::Query, json!({ "aae002": month })).unwrap())
    };
    assert_eq!(of_month("2015-08"), [["2015-08", "0.00", "500.00", "0.00"]]);
    let july = [["2015-07", "98.30", "58.00", "500.00"]];
    assert_eq!(of_month("2015-07"), july, "a month that is over stays as it was");
    let last = world.query("medical-settlement-query").pop().unwrap();
    let figures = ["medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"];
    assert_eq!(figures.map(|item| &last[item]), figures.map(|item| &settled[item]));
    assert_eq!([&last["setl_id"], &last["setl_time"]], [settled["setl_id"].as_str().unwrap(), "2015-08-03"]);
    assert_eq!(last["med_type"], "21");
    let moved = world.query("medical-account-transactions-query").pop().unwrap();
    let wanted = json!({
        "acct_txn_no": settled["setl_id"], "acct_txn_date": DAY, "acct_txn_kind": "out", "acct_txn_amt": "500.00",
        "balc": "0.00",
    });
    assert_eq!(Value::from(moved), wanted);
    // Of another time, and of another person, there is nothing of it.
    let later = world.look_up("medical-settlement-query", Kind::Query, json!({ "aae030": "2015-08-04" })).unwrap();
    assert!(later.is_empty(), "{later:?}");
    assert!(world.query_of(&another(), "medical-settlement-query").is_empty());

    // What is taken back was never there.
    assert_eq!(world.reverse("M1", "2304"), Reply::OK);
    assert_eq!(account(&world.query("medical-account-balance-query")), july);
    assert!(of_month("2015-08").is_empty());
    for (scenario, count) in [("medical-settlement-query", 1), ("medical-account-transactions-query", 2)] {
        assert_eq!(world.query(scenario).len(), count, "{scenario}");
    }
}
