//! The description of the interface, from the handlers themselves.

use utoipa::OpenApi;

use super::{events, handlers};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "sbkd",
        description = "The local interface of the social security card terminal. Every request carries \
                       `Authorization: Bearer TOKEN` over HTTP; at the Unix socket the peer's user counts. \
                       A failure is `{\"error\":{\"code\",\"message\",\"cause\",\"remedy\",\"actor\",\"detail\",\"en\"}}`."
    ),
    paths(
        handlers::readers,
        events::events,
        handlers::scenarios,
        handlers::open_case,
        handlers::case,
        handlers::input,
        handlers::confirm,
        handlers::cancel,
        handlers::transactions,
        handlers::transaction,
        handlers::health,
        handlers::read_card,
        handlers::openapi,
    )
)]
struct Document;

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::routes::ROUTES;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let document = serde_json::to_value(document()).unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                described.insert((method.clone(), path.clone()));
            }
        }
        let routed: BTreeSet<_> = ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn what_opens_a_case_is_described_whole() {
        let document = serde_json::to_value(document()).unwrap();
        let described = &document["components"]["schemas"]["NewCase"];
        let names: BTreeSet<&str> = described["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(["scenario", "operator", "reader", "input", "idempotency"]));
        assert_eq!(described["required"], serde_json::json!(["scenario", "operator"]));
    }
}
