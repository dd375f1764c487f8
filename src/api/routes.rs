//! The table of routes: what there is, and which permission it takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::answer::Refusal;
use super::{Doors, card, driver, errors, events, guard, handlers, paper, reconciliations, shifts};
use crate::config::Permission::{self, Account, Driver, Operate, Pin, Policy, Read, Unmask, Write};
use crate::failure::Failure;

/// One route.
pub struct Route {
    /// `get` or `post`.
    pub method: &'static str,
    /// Its path; `{id}` and `{function}` stand for one segment.
    pub path: &'static str,
    permission: Permission,
    handler: fn() -> MethodRouter<Arc<Doors>>,
}

/// Every route; the OpenAPI document describes each of them, which a test asserts.
pub const ROUTES: &[Route] = &[
    Route { method: "get", path: "/v1/readers", permission: Read, handler: || get(handlers::readers) },
    Route { method: "get", path: "/v1/events", permission: Read, handler: || get(events::events) },
    Route { method: "get", path: "/v1/scenarios", permission: Read, handler: || get(handlers::scenarios) },
    Route { method: "get", path: "/v1/scenarios/{id}", permission: Read, handler: || get(handlers::scenario) },
    Route { method: "post", path: "/v1/cases", permission: Operate, handler: || post(handlers::open_case) },
    Route { method: "get", path: "/v1/cases/{id}", permission: Operate, handler: || get(handlers::case) },
    Route { method: "post", path: "/v1/cases/{id}/input", permission: Operate, handler: || post(handlers::input) },
    Route { method: "post", path: "/v1/cases/{id}/confirm", permission: Operate, handler: || post(handlers::confirm) },
    Route { method: "post", path: "/v1/cases/{id}/cancel", permission: Operate, handler: || post(handlers::cancel) },
    Route { method: "get", path: "/v1/cases/{id}/paper", permission: Operate, handler: || get(paper::paper) },
    Route { method: "get", path: "/v1/transactions", permission: Read, handler: || get(handlers::transactions) },
    Route { method: "get", path: "/v1/transactions/{id}", permission: Read, handler: || get(handlers::transaction) },
    Route { method: "get", path: "/v1/transactions/{id}/filed", permission: Operate, handler: || get(handlers::filed) },
    Route { method: "get", path: "/v1/transactions/{id}/paper", permission: Operate, handler: || get(paper::receipt) },
    Route {
        method: "get",
        path: "/v1/transactions/{id}/refusal",
        permission: Unmask,
        handler: || get(handlers::centre_refusal),
    },
    Route {
        method: "post",
        path: "/v1/transactions/{id}/acknowledge",
        permission: Operate,
        handler: || post(handlers::acknowledge),
    },
    Route { method: "post", path: "/v1/shifts", permission: Operate, handler: || post(shifts::open) },
    Route { method: "get", path: "/v1/shifts", permission: Read, handler: || get(shifts::list) },
    Route { method: "get", path: "/v1/shifts/{id}", permission: Read, handler: || get(shifts::show) },
    Route { method: "post", path: "/v1/shifts/{id}/close", permission: Operate, handler: || post(shifts::close) },
    Route { method: "post", path: "/v1/reconciliations", permission: Operate, handler: || post(reconciliations::run) },
    Route { method: "get", path: "/v1/reconciliations", permission: Read, handler: || get(reconciliations::list) },
    Route { method: "get", path: "/v1/reconciliations/{id}", permission: Read, handler: || get(reconciliations::show) },
    Route {
        method: "post",
        path: "/v1/reconciliations/differences/{id}/repair",
        permission: Operate,
        handler: || post(reconciliations::repair),
    },
    Route { method: "get", path: "/v1/policy", permission: Read, handler: || get(handlers::policy) },
    Route { method: "post", path: "/v1/policy/reload", permission: Policy, handler: || post(handlers::reload_policy) },
    Route { method: "get", path: "/v1/health", permission: Read, handler: || get(handlers::health) },
    Route { method: "post", path: "/v1/card/read", permission: Operate, handler: || post(handlers::read_card) },
    Route { method: "post", path: "/v1/card/files", permission: Operate, handler: || post(card::files) },
    Route { method: "post", path: "/v1/card/bank", permission: Operate, handler: || post(card::bank) },
    Route { method: "post", path: "/v1/card/pin/tries", permission: Operate, handler: || post(card::pin_tries) },
    Route { method: "post", path: "/v1/card/pin/verify", permission: Pin, handler: || post(card::verify_pin) },
    Route { method: "post", path: "/v1/card/pin/change", permission: Pin, handler: || post(card::change_pin) },
    Route { method: "post", path: "/v1/card/pin/reload", permission: Pin, handler: || post(card::reload_pin) },
    Route { method: "post", path: "/v1/card/pin/unblock", permission: Pin, handler: || post(card::unblock_pin) },
    Route { method: "post", path: "/v1/card/write", permission: Write, handler: || post(card::write) },
    Route { method: "post", path: "/v1/card/mend", permission: Write, handler: || post(card::mend) },
    Route { method: "post", path: "/v1/card/account/balance", permission: Account, handler: || post(card::balance) },
    Route { method: "post", path: "/v1/card/account/pay", permission: Account, handler: || post(card::pay) },
    Route { method: "post", path: "/v1/card/account/load", permission: Account, handler: || post(card::load) },
    Route { method: "post", path: "/v1/card/account/settle", permission: Account, handler: || post(card::settle) },
    Route { method: "post", path: "/v1/driver/{function}", permission: Driver, handler: || post(driver::call) },
    Route { method: "get", path: "/openapi.json", permission: Read, handler: || get(handlers::openapi) },
];

/// The router behind its guards.
pub fn router(doors: Arc<Doors>) -> Router {
    // A path may have a route for each of its methods.
    let mut paths: BTreeMap<&str, (MethodRouter<Arc<Doors>>, Vec<&str>)> = BTreeMap::new();
    for route in ROUTES {
        let handler = (route.handler)().route_layer(from_fn_with_state(route.permission, guard::permit));
        let (handlers, methods) = paths.entry(route.path).or_default();
        *handlers = std::mem::take(handlers).merge(handler);
        methods.push(route.method);
    }
    let mut router = Router::new();
    for (path, (handlers, methods)) in paths {
        let only = format!("only {}", methods.join(", "));
        let refuse = move || async { Refusal(Failure::with(&errors::METHOD, only)) };
        // Left to the framework, a HEAD is a GET of which nobody sees the answer: what that gives out counts as told.
        router = router.route(path, handlers.head(refuse.clone()).fallback(refuse));
    }
    router
        .fallback(|| async { Refusal::from(&errors::NO_ROUTE) })
        .layer(map_response(told))
        .layer(from_fn_with_state(doors.clone(), guard::enter))
        .with_state(doors)
}

/// What the framework refuses by itself is told like everything else.
async fn told(response: Response) -> Response {
    let status = response.status();
    let json = response.headers().get(axum::http::header::CONTENT_TYPE).is_some_and(|v| v == "application/json");
    match status.as_u16() {
        400.. if !json => Refusal::from(&errors::BODY).into_response(),
        _ => response,
    }
}
