//! The centre's door for HTTP: tokens, routes, and a terminal's message with its signature.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Query, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::connection::Peer;
use super::doors::{Asked, Centre, FORM, Told, read};
use super::enrol::{Caller, Proof};
use super::errors::CenterError;
use super::faults::Faults;
use super::ledger;
use crate::wire::signature::{KEY, Purpose, SIGNATURE, TERMINAL};

/// The largest message, in bytes.
const LARGEST: usize = 2 << 20;

type Shared = State<Arc<Centre>>;

/// The routes.
pub(super) fn router(centre: Arc<Centre>) -> Router {
    let mut closed = Router::new()
        .route("/v1/transactions", post(transactions))
        .route("/v1/national", post(national))
        .route("/v1/headers", post(headers))
        .route("/v1/chain", post(chain))
        .route("/v1/keys", post(keys));
    if centre.demo {
        closed = closed.route("/v1/faults", get(faults).put(set_faults));
    }
    let ledger = get(read_ledger).layer(middleware::from_fn_with_state(centre.clone(), ledger_token));
    closed
        .layer(middleware::from_fn_with_state(centre.clone(), token))
        .route("/v1/ledger", ledger)
        .route("/health", get(|| async { Json(json!({ "status": "ok" })) }))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(centre)
}

async fn token(State(centre): Shared, request: HttpRequest, next: Next) -> Response {
    with_token(Some(&centre.token), request, next).await
}

async fn ledger_token(State(centre): Shared, request: HttpRequest, next: Next) -> Response {
    with_token(centre.ledger_token.as_ref(), request, next).await
}

/// Nobody brings the token that there is none of.
async fn with_token(token: Option<&String>, request: HttpRequest, next: Next) -> Response {
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let brought = bearer.and_then(|value| value.strip_prefix("Bearer "));
    if brought.zip(token).is_some_and(|(brought, token)| brought.as_bytes().ct_eq(token.as_bytes()).into()) {
        next.run(request).await
    } else {
        CenterError::Token.into_response()
    }
}

async fn transactions(State(centre): Shared, peer: ConnectInfo<Peer>, named: HeaderMap, body: Bytes) -> Response {
    answer(centre, peer.0, &named, Purpose::Transactions, body).await
}

async fn national(State(centre): Shared, peer: ConnectInfo<Peer>, named: HeaderMap, body: Bytes) -> Response {
    answer(centre, peer.0, &named, Purpose::National, body).await
}

async fn headers(State(centre): Shared, peer: ConnectInfo<Peer>, named: HeaderMap, body: Bytes) -> Response {
    answer(centre, peer.0, &named, Purpose::Headers, body).await
}

async fn chain(State(centre): Shared, peer: ConnectInfo<Peer>, named: HeaderMap, body: Bytes) -> Response {
    answer(centre, peer.0, &named, Purpose::Chain, body).await
}

async fn keys(State(centre): Shared, peer: ConnectInfo<Peer>, named: HeaderMap, body: Bytes) -> Response {
    answer(centre, peer.0, &named, Purpose::Keys, body).await
}

/// A terminal's message, answered with the centre's signature.
async fn answer(centre: Arc<Centre>, peer: Peer, named: &HeaderMap, purpose: Purpose, body: Bytes) -> Response {
    let text = |name| named.get(name).and_then(|value| value.to_str().ok());
    let proof = Proof::Certificate(peer.certificate);
    let caller = match Caller::proved([TERMINAL, KEY, SIGNATURE].map(text), proof, purpose, &body) {
        Ok(caller) => caller,
        Err(why) => {
            let named = text(TERMINAL).unwrap_or_default();
            return response(centre.refusal(named, purpose, &body, CenterError::Enrol(why)).await);
        }
    };
    let told = centre.answer(Asked { purpose, caller, body }).await;
    if told.dropped {
        peer.cut.cut();
    }
    response(told)
}

/// What a terminal is told, with the centre's signature.
fn response(told: Told) -> Response {
    let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::from(told.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::FORBIDDEN {
        // A certificate that is replaced shows on a new connection only.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(signature) = HeaderValue::try_from(told.signature.to_string()) {
        headers.insert(SIGNATURE, signature);
    }
    response
}

/// Where a page of the ledger begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    after: Option<String>,
}

async fn read_ledger(
    State(centre): Shared,
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Response, CenterError> {
    let Query(Place { after }) = place.map_err(|_| FORM)?;
    Ok(Json(centre.write(move |db, _| ledger::page(db, after.as_deref())).await?).into_response())
}

async fn faults(State(centre): Shared) -> Json<Faults> {
    Json(centre.playing.get())
}

async fn set_faults(State(centre): Shared, body: Bytes) -> Result<Json<Faults>, CenterError> {
    centre.playing.set(read(&body)?);
    Ok(Json(centre.playing.get()))
}

impl IntoResponse for CenterError {
    fn into_response(self) -> Response {
        let (text, code) = (self.to_string(), self.code());
        tracing::warn!(code, text, "a request was not carried out");
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({ "error": { "code": code, "text": text } }))).into_response()
    }
}
