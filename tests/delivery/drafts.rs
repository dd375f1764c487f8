//! What is sent: drafts of every kind.

use jiff::civil::date;
use sbkd::queue::{Draft, State};
use sbkd::value::{Fen, Kind};
use sbkd::wire::filing::Filing;
use sbkd::wire::person::{PersonKey, SOCIAL_SECURITY_CARD};
use sbkd::wire::settle::Settlement;
use sbkd::wire::sign_in::SignIn;
use sbkd::wire::{Request, infno};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::TERMINAL;

/// 王小雅, the main card of the demonstration.
pub fn person() -> PersonKey {
    PersonKey {
        mdtrt_cert_type: SOCIAL_SECURITY_CARD.into(),
        mdtrt_cert_no: "A10000031".into(),
        card_sn: "440100D15600000530000003FFFFFFFF".into(),
        certno: "440103198806120021".into(),
        psn_name: "王小雅".into(),
        psn_no: None,
    }
}

fn draft(key: &str, scenario: &str, kind: Kind, request: Value) -> Draft {
    Draft {
        idempotency: key.into(),
        caller: None,
        scenario: scenario.into(),
        kind,
        business_date: date(2015, 8, 3),
        provisional: false,
        holder: Zeroizing::new(b"440103198806120021".to_vec()),
        operator: "0007".into(),
        shift: None,
        amount: None,
        cancels: None,
        payload: json!({ "request": request, "detail": {} }),
        state: State::Pending,
    }
}

/// A transaction that the centre files: no pack is for it.
pub fn registration(key: &str) -> Draft {
    let scenario = "work-registration";
    let filing = Filing {
        person: person(),
        scenario: scenario.into(),
        part: Kind::Register,
        message: scenario.into(),
        business_date: date(2015, 8, 3),
        once: None,
        fields: object(json!({ "AAE013": key })),
        documents: Vec::new(),
        lines: Vec::new(),
        facts: Map::new(),
    };
    draft(key, scenario, Kind::Register, serde_json::to_value(filing).unwrap())
}

pub fn sign_in(key: &str) -> Draft {
    let facts = object(json!({ "sign_date": "2015-08-03", "acc026": true, "acc027": false }));
    let request = SignIn { person: person(), month: "2015-08".into(), facts };
    draft(key, "unemployment-sign-in", Kind::SignIn, serde_json::to_value(request).unwrap())
}

/// 30000.00 yuan at level 3, all in scope, the account unused: pool 22720.00, cash 7280.00 (settlement-facts §3.5).
pub fn settlement() -> Settlement {
    let facts = json!({
        "begntime": "2015-07-20", "endtime": "2015-08-03", "hosp_lv": "L3", "psn_type": "1", "psn_insu_stas": "0",
        "medfee_sumamt": "30000.00", "acct_used_flag": false, "balc": "0.00",
    });
    let line = json!({
        "feedetl_sn": "1", "med_list_codg": "S1", "fee_ocur_time": "2015-07-25", "cnt": "1", "pric": "30000.00",
        "det_item_fee_sumamt": "30000.00", "chrgitm_lv": "01",
    });
    Settlement {
        person: person(),
        insutype: "310".into(),
        med_type: "21".into(),
        medfee_sumamt: Fen(3_000_000),
        psn_setlway: "01".into(),
        acct_used_flag: "0".into(),
        mdtrt_id: Some("D20150727001".into()),
        scenario: "medical-settlement".into(),
        business_date: date(2015, 8, 3),
        facts: object(facts),
        feedetail: vec![object(line)],
        documents: Vec::new(),
    }
}

/// The same, with a line of this number: no line is settled twice.
fn numbered(feedetl_sn: &str) -> Value {
    let mut settlement = settlement();
    settlement.feedetail[0].insert("feedetl_sn".into(), feedetl_sn.into());
    serde_json::to_value(settlement).unwrap()
}

/// The same settlement, decided by the terminal alone.
pub fn provisional(key: &str) -> Draft {
    let request = numbered(key);
    Draft { provisional: true, ..draft(key, "medical-settlement", Kind::Settle, request) }
}

/// What the journal gets of a settlement, and what the centre does.
pub fn online(key: &str) -> (Draft, Request) {
    let draft = Draft {
        amount: Some(Fen(3_000_000)),
        payload: json!({ "decision": "local" }),
        state: State::Sending,
        ..draft(key, "medical-settlement", Kind::Settle, Value::Null)
    };
    let request = Request {
        infno: infno::SETTLE.into(),
        msgid: String::new(),
        fixmedins_code: TERMINAL.into(),
        opter: "0007".into(),
        inf_time: String::new(),
        recer_sys_code: None,
        sign_no: None,
        demo: true,
        input: numbered(key),
    };
    (draft, request)
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}
