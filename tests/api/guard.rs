//! Default deny: token, host, origin, permission.

use serde_json::json;

use super::house::{ALL, House, OPERATE, ORIGIN, READ};
use super::{refused, rig, routes};
use rig::HOLDER;

#[test]
fn without_a_token_nothing_is_told() {
    let house = House::open();
    let wrong = ["", "Bearer", "Bearer ", "Bearer wrong", &format!("Basic {ALL}"), &format!("Bearer {ALL}x"), ALL];
    for (method, path) in routes::described() {
        let body = (method == "POST").then_some("{}");
        let answer = house.http().request(&method, &path, body);
        refused(&answer, 401, "E-API-TOKEN");
        assert!(answer.head.to_ascii_lowercase().contains("www-authenticate: bearer"), "{}", answer.head);
        // A token in an address ends up in logs and histories, and counts for nothing.
        let encoded = ALL.replace(' ', "%20");
        for query in ["token", "access_token", "authorization"] {
            refused(&house.http().request(&method, &format!("{path}?{query}={encoded}"), body), 401, "E-API-TOKEN");
        }
        for value in &wrong {
            refused(&house.http().with("Authorization", value).request(&method, &path, body), 401, "E-API-TOKEN");
        }
    }
    // What is not there is not told either.
    refused(&house.http().get("/v1/nothing"), 401, "E-API-TOKEN");
    refused(&house.http().request("DELETE", "/v1/health", None), 401, "E-API-TOKEN");
}

#[test]
fn another_host_is_refused_though_the_token_is_right() {
    let house = House::open();
    let port = house.port();
    let other = [
        format!("counter.example:{port}"),
        format!("127.0.0.1.counter.example:{port}"),
        format!("10.0.0.1:{port}"),
        "127.0.0.1:1".to_owned(),
        "127.0.0.1".to_owned(),
        String::new(),
    ];
    for host in &other {
        let answer = house.http().token(ALL).with("Host", host).get("/v1/health");
        refused(&answer, 421, "E-API-HOST");
    }
    let two = house.http().token(ALL).with("Host", &house.address()).with("Host", "counter.example");
    let answer = two.get("/v1/health");
    assert!(answer.status == 400 || answer.status == 421, "{answer:?}");
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("LOCALHOST:{port}")] {
        house.http().token(ALL).with("Host", &host).get("/v1/scenarios").success();
    }
}

#[test]
fn a_page_of_another_origin_is_refused() {
    let house = House::open();
    for origin in ["null", "http://counter.example", "http://counter.example:8081", "https://counter.example:8080", "*"]
    {
        let answer = house.http().token(ALL).with("Origin", origin).get("/v1/scenarios");
        refused(&answer, 403, "E-API-ORIGIN");
        assert!(!answer.head.to_ascii_lowercase().contains("access-control"), "{}", answer.head);
        let preflight = house.http().with("Origin", origin).with("Access-Control-Request-Method", "POST");
        refused(&preflight.request("OPTIONS", "/v1/cases", None), 403, "E-API-ORIGIN");
    }
    let two = house.http().token(ALL).with("Origin", ORIGIN).with("Origin", "http://counter.example");
    refused(&two.get("/v1/scenarios"), 403, "E-API-ORIGIN");
    let answer = house.http().token(READ).with("Origin", ORIGIN).get("/v1/scenarios");
    assert!(answer.head.to_ascii_lowercase().contains(&format!("access-control-allow-origin: {ORIGIN}")));
    // The page may read why it was refused, and is refused nonetheless.
    refused(&house.http().with("Origin", ORIGIN).get("/v1/scenarios"), 401, "E-API-TOKEN");
}

#[test]
fn a_preflight_of_a_listed_page_is_answered_without_a_token() {
    let house = House::open();
    let asking = house.http().with("Origin", ORIGIN).with("Access-Control-Request-Method", "POST");
    let answer = asking.with("Access-Control-Request-Headers", "authorization").request("OPTIONS", "/v1/cases", None);
    let head = answer.head.to_ascii_lowercase();
    assert_eq!(answer.status, 204, "{answer:?}");
    assert!(head.contains(&format!("access-control-allow-origin: {ORIGIN}")), "{head}");
    assert!(head.contains("access-control-allow-headers: authorization"), "{head}");
    assert!(!head.contains("access-control-allow-credentials"), "{head}");
    // Without an origin it is no preflight.
    refused(&house.http().request("OPTIONS", "/v1/cases", None), 401, "E-API-TOKEN");
}

#[test]
fn each_route_takes_its_permission() {
    let house = House::open();
    for (method, path) in routes::described() {
        let operates = method == "POST" || path.starts_with("/v1/cases");
        if !operates {
            continue;
        }
        let body = (method == "POST").then_some("{}");
        refused(&house.http().token(READ).request(&method, &path, body), 403, "E-API-PERMISSION");
    }
    house.http().token(READ).get("/v1/scenarios").success();
    let (reload, nothing) = ("/v1/policy/reload", json!({}));
    refused(&house.http().token(OPERATE).post(reload, &nothing), 403, "E-API-PERMISSION");
    house.http().token(ALL).post(reload, &nothing).success();
}

#[test]
fn unmasked_data_takes_its_own_permission() {
    let house = House::open();
    house.insert();
    let before = house.readers.exchanges(HOLDER);
    let unmask = json!({ "reader": HOLDER, "unmask": true });
    refused(&house.http().token(OPERATE).post("/v1/card/read", &unmask), 403, "E-API-PERMISSION");
    assert_eq!(house.readers.exchanges(HOLDER), before, "the card is not even asked");
    let masked = house.http().token(OPERATE).post("/v1/card/read", &json!({ "reader": HOLDER })).success();
    assert_ne!(masked["holder"]["name"], "王小雅");
    let whole = house.http().token(ALL).post("/v1/card/read", &unmask).success();
    assert_eq!(whole["holder"]["name"], "王小雅");
    assert_eq!(whole["holder"]["social_security_number"], "440103198806120021");
    assert!(!masked.to_string().contains("440103198806120021"), "{masked}");
    let words = format!("/v1/transactions/{}/refusal", uuid::Uuid::nil());
    refused(&house.http().token(OPERATE).get(&words), 403, "E-API-PERMISSION");
    refused(&house.http().token(ALL).get(&words), 404, "E-API-NO-TRANSACTION");
}

#[test]
fn no_answer_is_kept_by_a_cache() {
    let house = House::open();
    for answer in [house.http().token(READ).get("/v1/scenarios"), house.http().get("/v1/scenarios")] {
        let head = answer.head.to_ascii_lowercase();
        assert!(head.contains("cache-control: no-store") && head.contains("x-content-type-options: nosniff"), "{head}");
    }
}
