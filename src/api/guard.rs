//! What every request passes before any handler: host, origin, caller, permission, time. Default deny.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Doors;
use super::access::{Caller, Peer, is_own_host};
use super::answer::{Refusal, broken};
use super::errors;
use crate::config::Permission;
use crate::failure::Failure;
use crate::national::LONGEST_CALL;

/// Longer than any card session or settlement takes.
const LONGEST: Duration = Duration::from_secs(LONGEST_CALL);

/// By which door a request came.
#[derive(Debug, Clone)]
pub enum Way {
    /// Loopback HTTP, at this port.
    Http(u16),
    /// The Unix socket; `None` when the kernel did not name the peer.
    Socket(Option<Peer>),
}

/// The outer guard, which also stands before what is not found.
pub async fn enter(
    State(doors): State<Arc<Doors>>,
    ConnectInfo(way): ConnectInfo<Way>,
    mut request: Request,
    next: Next,
) -> Response {
    let origin = match check_place(&doors, &way, request.headers()) {
        Ok(origin) => origin,
        Err(refusal) => return refusal.into_response(),
    };
    if let Some(origin) = &origin
        && request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    {
        return preflight(origin);
    }
    let mut response = match caller(&doors, &way, request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            // A task of its own: what was begun is finished though the client goes, and a defect in it ends with it.
            match tokio::time::timeout(LONGEST, tokio::spawn(next.run(request))).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => broken(&error).into_response(),
                Err(_) => Refusal::from(&errors::SLOW).into_response(),
            }
        }
        Err(refusal) => refusal.into_response(),
    };
    finish(response.headers_mut(), origin.as_ref());
    response
}

/// The inner guard of one route.
pub async fn permit(State(wanted): State<Permission>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>();
    if caller.is_some_and(|caller| caller.permissions.contains(&wanted)) {
        return next.run(request).await;
    }
    Refusal(Failure::with(&errors::PERMISSION, wanted.name())).into_response()
}

/// Host and origin; gives the origin back where one was sent and it is on the list.
fn check_place(doors: &Doors, way: &Way, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    if let Way::Http(port) = way {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        if hosts.next().is_some() || !is_own_host(host, *port) {
            return Err(Refusal::from(&errors::HOST));
        }
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(None) };
    let listed = origin.to_str().is_ok_and(|origin| doors.access.origin(origin));
    if listed && origins.next().is_none() { Ok(Some(origin.clone())) } else { Err(Refusal::from(&errors::ORIGIN)) }
}

fn caller(doors: &Doors, way: &Way, headers: &HeaderMap) -> Result<Caller, Refusal> {
    match way {
        Way::Socket(peer) => {
            let known = peer.as_ref().and_then(|peer| doors.access.peer(peer));
            known.ok_or_else(|| Refusal::from(&errors::PEER))
        }
        Way::Http(_) => {
            let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let token = value.and_then(|value| value.split_once(' ')).filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
            let client = token.and_then(|(_, token)| doors.access.client(token.trim()));
            client.ok_or_else(|| Refusal::from(&errors::TOKEN))
        }
    }
}

fn preflight(origin: &HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    finish(headers, Some(origin));
    let allow = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, last-event-id"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    for (name, value) in allow {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Headers that every answer carries: nothing is kept by a cache, and a page sees it only from a listed origin.
fn finish(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}
