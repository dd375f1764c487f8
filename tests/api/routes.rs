//! The OpenAPI document and the routes agree, and every route answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::house::{ALL, House, READ};
use super::refused;
use super::rig::until;

/// What the task lists, and what the doors added.
const WANTED: &[(&str, &str)] = &[
    ("GET", "/v1/readers"),
    ("GET", "/v1/events"),
    ("GET", "/v1/scenarios"),
    ("GET", "/v1/scenarios/{id}"),
    ("POST", "/v1/cases"),
    ("GET", "/v1/cases/{id}"),
    ("POST", "/v1/cases/{id}/input"),
    ("POST", "/v1/cases/{id}/confirm"),
    ("POST", "/v1/cases/{id}/cancel"),
    ("GET", "/v1/cases/{id}/paper"),
    ("GET", "/v1/transactions"),
    ("GET", "/v1/transactions/{id}"),
    ("GET", "/v1/transactions/{id}/filed"),
    ("GET", "/v1/transactions/{id}/paper"),
    ("GET", "/v1/transactions/{id}/refusal"),
    ("POST", "/v1/transactions/{id}/acknowledge"),
    ("POST", "/v1/shifts"),
    ("GET", "/v1/shifts"),
    ("GET", "/v1/shifts/{id}"),
    ("POST", "/v1/shifts/{id}/close"),
    ("POST", "/v1/reconciliations"),
    ("GET", "/v1/reconciliations"),
    ("GET", "/v1/reconciliations/{id}"),
    ("POST", "/v1/reconciliations/differences/{id}/repair"),
    ("GET", "/v1/policy"),
    ("POST", "/v1/policy/reload"),
    ("GET", "/v1/health"),
    ("POST", "/v1/card/read"),
    ("POST", "/v1/card/files"),
    ("POST", "/v1/card/bank"),
    ("POST", "/v1/card/pin/tries"),
    ("POST", "/v1/card/pin/verify"),
    ("POST", "/v1/card/pin/change"),
    ("POST", "/v1/card/pin/reload"),
    ("POST", "/v1/card/pin/unblock"),
    ("POST", "/v1/card/write"),
    ("POST", "/v1/card/mend"),
    ("POST", "/v1/card/account/balance"),
    ("POST", "/v1/card/account/pay"),
    ("POST", "/v1/card/account/load"),
    ("POST", "/v1/card/account/settle"),
    ("POST", "/v1/driver/{function}"),
    ("GET", "/openapi.json"),
];

/// Every route of the document, with an id that names nothing, or a function.
pub fn described() -> Vec<(String, String)> {
    let document = serde_json::to_value(sbkd::api::document()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path =
                path.replace("{id}", "01940000-0000-7000-8000-000000000000").replace("{function}", "iReadCardBas");
            all.push((method.to_uppercase(), path));
        }
    }
    all
}

#[test]
fn the_document_is_served_and_has_every_route() {
    let house = House::open();
    let document = house.http().token(READ).get("/openapi.json").success();
    let mut told = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            told.insert((method.to_uppercase(), path.clone()));
            let described = operation["summary"].as_str().or_else(|| operation["description"].as_str());
            assert!(described.is_some_and(|text| !text.is_empty()), "{method} {path} has no description");
            assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path}");
        }
    }
    let wanted = WANTED.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(told, wanted);
    let page = std::fs::read_to_string(super::rig::tree("docs/api.md")).unwrap();
    for (method, path) in WANTED {
        assert!(page.contains(&format!("`{method} {path}`")), "docs/api.md does not have {method} {path}");
    }
}

#[test]
fn every_route_that_is_described_is_there() {
    let house = House::open();
    let client = house.http().token(ALL);
    for (method, path) in described().into_iter().filter(|(_, path)| path != "/v1/events") {
        let answer = client.request(&method, &path, (method == "POST").then_some("{}"));
        let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert!(
            answer.status < 500 && code != "E-API-NO-ROUTE" && code != "E-API-METHOD",
            "{method} {path}: {answer:?}"
        );
    }
}

#[test]
fn no_route_is_asked_for_its_head_alone() {
    let house = House::open();
    let client = house.http().token(ALL);
    for (_, path) in described().into_iter().filter(|(method, _)| method == "GET") {
        let answer = client.request("HEAD", &path, None);
        assert_eq!((answer.status, answer.body.as_str()), (405, ""), "{path}: {answer:?}");
    }
}

#[test]
fn readers_scenarios_and_health_are_what_they_are() {
    let house = House::open();
    let client = house.http().token(READ);
    let readers = client.get("/v1/readers").success();
    let names: Vec<&str> = readers.as_array().unwrap().iter().filter_map(|r| r["name"].as_str()).collect();
    assert_eq!(names, [super::rig::HOLDER, super::rig::PSAM]);
    assert_eq!(readers[1]["role"], "psam");
    let scenarios = client.get("/v1/scenarios").success();
    assert_eq!(scenarios.as_array().unwrap().len(), 77);
    assert_eq!(scenarios[57]["id"], "unemployment-sign-in");
    assert_eq!(scenarios[57]["available"], true);
    let sign_in = client.get("/v1/scenarios/unemployment-sign-in").success();
    assert_eq!((&sign_in["row"], &sign_in["parts"][0]["kind"]), (&json!(58), &json!("sign-in")));
    assert!(sign_in["parts"][0]["fields"].as_array().is_some_and(|fields| !fields.is_empty()), "{sign_in}");
    refused(&client.get("/v1/scenarios/dance"), 404, "E-SCN-UNKNOWN");
    let health = client.get("/v1/health").success();
    assert_eq!((health["mode"].as_str(), health["queue"]["unsent"].as_u64()), (Some("demo"), Some(0)), "{health}");
    assert_eq!(client.get("/v1/transactions?state=pending,acked&limit=5").success(), json!([]));
    for untold in ["true", "false"] {
        assert_eq!(client.get(&format!("/v1/transactions?untold={untold}&limit=5")).success(), json!([]));
    }
}

#[test]
fn a_case_names_its_operator_and_its_key_opens_it_once() {
    let house = House::open();
    let client = house.http().token(ALL);
    let open = json!({ "scenario": "unemployment-sign-in", "operator": "0017", "idempotency": "one" });
    let answer = client.post("/v1/cases", &open);
    assert_eq!(answer.status, 201, "{answer:?}");
    let case = answer.success();
    assert_eq!((case["state"].as_str(), case["operator"].as_str()), (Some("waiting-card"), Some("0017")), "{case}");
    assert_eq!(client.post("/v1/cases", &open).success()["id"], case["id"]);
    let id = case["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/cases/{id}")).success()["id"], id);
    refused(&client.post(&format!("/v1/cases/{id}/confirm"), &json!({})), 409, "E-TERM-STATE");
    let cancelled = client.request("POST", &format!("/v1/cases/{id}/cancel"), Some("")).success();
    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(client.get("/v1/transactions").success(), Value::Array(Vec::new()));
}

#[test]
fn a_case_is_carried_out_by_its_routes_from_the_card_to_the_queue() {
    let house = House::open();
    let client = house.http().token(ALL);
    let id =
        client.post("/v1/cases", &json!({ "scenario": "unemployment-sign-in", "operator": "0017" })).success()["id"]
            .as_str()
            .unwrap()
            .to_owned();
    let (case, step) = (format!("/v1/cases/{id}"), |step: &str| format!("/v1/cases/{id}/{step}"));
    let state = |wanted: &str| {
        until(&format!("the case is {wanted}"), || {
            let view = client.get(&case).success();
            (view["state"] == wanted).then_some(view)
        })
    };
    refused(&client.post(&step("confirm"), &json!({})), 409, "E-TERM-STATE");
    house.insert();
    let asked = state("waiting-input");
    assert_eq!((&asked["failure"], &asked["decision"]), (&Value::Null, &Value::Null));
    refused(&client.post(&step("input"), &json!({ "acc026": "yes" })), 422, "E-SCN-INPUT");
    assert_eq!(state("waiting-input")["failure"]["code"], "E-SCN-INPUT");
    assert_eq!(client.post(&step("input"), &json!({ "acc026": true, "acc027": false })).success()["id"], id);
    let decided = state("waiting-confirmation");
    assert_eq!((&decided["failure"], &decided["transaction"]), (&Value::Null, &Value::Null));
    assert!(decided["decision"]["trace"].as_array().is_some_and(|trace| !trace.is_empty()), "{decided}");
    assert_eq!(client.get("/v1/transactions").success(), json!([]), "nothing is committed before somebody agrees");
    assert_eq!(client.post(&step("confirm"), &json!({})).success()["state"], "committing");
    let done = state("done");
    assert!(done["slip"].as_array().is_some_and(|slip| !slip.is_empty()), "{done}");
    refused(&client.post(&step("input"), &json!({ "acc026": true, "acc027": false })), 409, "E-TERM-STATE");
    let rows = client.get("/v1/transactions").success();
    assert_eq!((rows.as_array().map(Vec::len), &rows[0]["id"]), (Some(1), &done["transaction"]["id"]));
    let row = client.get(&format!("/v1/transactions/{}", rows[0]["id"].as_str().unwrap())).success();
    assert_eq!((&row["operator"], &row["scenario"]), (&json!("0017"), &json!("unemployment-sign-in")));
}
