//! The centre over real HTTP, without the rules.

use serde_json::json;

use super::*;

async fn centre() -> Running {
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        database: None,
        seed: None,
        token: "right".into(),
        demo: true,
        faults: Faults::default(),
    };
    run(settings).await.unwrap()
}

fn url(centre: &Running, path: &str) -> String {
    format!("http://{}{path}", centre.address)
}

#[tokio::test]
async fn without_its_token_only_the_health_is_told() {
    let centre = centre().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(url(&centre, "/health")).send().await.unwrap().status(), 200);
    for path in ["/v1/chain/T1", "/v1/ledger", "/v1/faults"] {
        for (token, status) in [("", 401), ("wrong", 401), ("rightly", 401), ("right", 200)] {
            let answer = client.get(url(&centre, path)).bearer_auth(token).send().await.unwrap();
            assert_eq!(answer.status(), status, "{path} {token}");
        }
    }
    centre.stop().await;
}

#[tokio::test]
async fn a_message_that_is_none_is_refused_without_quoting_it() {
    let centre = centre().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in ["/v1/transactions", "/v1/national", "/v1/headers"] {
        let body = json!({"psn_name": "王小雅", "infno": 7}).to_string();
        let answer = client.post(url(&centre, path)).bearer_auth("right").body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{path}");
        assert!(!answer.text().await.unwrap().contains("王小雅"));
    }
    centre.stop().await;
}
