//! What a failure looks like over HTTP: its status and `{"error":{…}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::errors;
use crate::failure::{Entry, Failure};

/// A failure on its way out.
#[derive(Debug)]
pub struct Refusal(pub Failure);

/// `{"error":{…}}`, the same at every door.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = Refused)]
pub struct Body<'a> {
    error: &'a Failure,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = status(self.0.entry.code);
        let mut response = (status, Json(Body { error: &self.0 })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = axum::http::HeaderValue::from_static("Bearer realm=\"sbkd\"");
            response.headers_mut().insert(axum::http::header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<&'static Entry> for Refusal {
    fn from(entry: &'static Entry) -> Self {
        Self(Failure::of(entry))
    }
}

/// Statuses of single codes, before those of whole rooms.
const BY_CODE: &[(&str, StatusCode)] = &[
    ("E-API-TOKEN", StatusCode::UNAUTHORIZED),
    ("E-API-PERMISSION", StatusCode::FORBIDDEN),
    ("E-API-PEER", StatusCode::FORBIDDEN),
    ("E-API-ORIGIN", StatusCode::FORBIDDEN),
    ("E-API-HOST", StatusCode::MISDIRECTED_REQUEST),
    ("E-API-CONTENT-TYPE", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ("E-API-BODY", StatusCode::BAD_REQUEST),
    ("E-API-BODY-SIZE", StatusCode::PAYLOAD_TOO_LARGE),
    ("E-API-QUERY", StatusCode::BAD_REQUEST),
    ("E-API-NO-ROUTE", StatusCode::NOT_FOUND),
    ("E-API-METHOD", StatusCode::METHOD_NOT_ALLOWED),
    ("E-API-NO-TRANSACTION", StatusCode::NOT_FOUND),
    ("E-API-STREAMS", StatusCode::SERVICE_UNAVAILABLE),
    ("E-API-SLOW", StatusCode::GATEWAY_TIMEOUT),
    ("E-TERM-NO-CASE", StatusCode::NOT_FOUND),
    ("E-TERM-OPERATOR", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-TERM-KEY-FORM", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-TERM-UNDO-FORM", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-TERM-UNDO-REASON", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-TERM-POLICY", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-SCN-UNKNOWN", StatusCode::NOT_FOUND),
    ("E-SHIFT-UNKNOWN", StatusCode::NOT_FOUND),
    ("E-RECON-UNKNOWN", StatusCode::NOT_FOUND),
    ("E-RECON-DATE", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-RECON-REMARK", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-TERM-DRAINING", StatusCode::SERVICE_UNAVAILABLE),
    ("E-CARD-UNKNOWN-ITEM", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-CARD-NEW-VALUE", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-CARD-PIN-FORM", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-CARD-ACCOUNT-AMOUNT", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-QUEUE-CONFLICT", StatusCode::CONFLICT),
    ("E-QUEUE-NOT-FOUND", StatusCode::NOT_FOUND),
    ("E-UPLINK-REFUSED", REFUSED_BY_THE_CENTRE),
];

/// What the centre said no to, whatever its code.
const REFUSED_BY_THE_CENTRE: StatusCode = StatusCode::CONFLICT;

/// What a room's failures are where their code has no status of its own.
const BY_ROOM: &[(&str, StatusCode)] = &[
    ("TERM", StatusCode::CONFLICT),
    ("SHIFT", StatusCode::CONFLICT),
    ("RECON", StatusCode::CONFLICT),
    ("CARD", StatusCode::CONFLICT),
    ("KEYS", StatusCode::CONFLICT),
    ("READER", StatusCode::CONFLICT),
    ("SCN", StatusCode::UNPROCESSABLE_ENTITY),
    ("RULES", StatusCode::UNPROCESSABLE_ENTITY),
    ("QUEUE", StatusCode::SERVICE_UNAVAILABLE),
    ("STORE", StatusCode::SERVICE_UNAVAILABLE),
    ("UPLINK", StatusCode::SERVICE_UNAVAILABLE),
    ("SETTLE", StatusCode::CONFLICT),
];

fn status(code: &str) -> StatusCode {
    let find = |table: &[(&str, StatusCode)], key: &str| table.iter().find(|(k, _)| *k == key).map(|(_, s)| *s);
    if code.starts_with("C-") {
        return REFUSED_BY_THE_CENTRE;
    }
    let room = code.split('-').nth(1).unwrap_or_default();
    find(BY_CODE, code).or_else(|| find(BY_ROOM, room)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A request that is answered by [`errors::BROKEN`]: a task of ours that ended without an answer.
pub fn broken(error: &tokio::task::JoinError) -> Refusal {
    tracing::error!(panic = error.is_panic(), "a request's work ended without an answer");
    Refusal::from(&errors::BROKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_fitting_statuses() {
        assert_eq!(status("E-API-TOKEN"), 401);
        assert_eq!(status("E-TERM-BUSY"), 409);
        assert_eq!(status("E-CARD-ABSENT"), 409);
        assert_eq!(status("E-OTHER"), 500);
        let of_the_centre = ["C-ORDER-PAID", "E-UPLINK-REFUSED", "E-UPLINK-FAILED"];
        assert_eq!(of_the_centre.map(|code| status(code).as_u16()), [409, 409, 503]);
    }

    #[test]
    fn every_code_with_a_status_exists() {
        let known: Vec<&str> = errors::ENTRIES.iter().map(|entry| entry.code).collect();
        for (code, _) in BY_CODE.iter().filter(|(code, _)| code.starts_with("E-API-")) {
            assert!(known.contains(code), "{code}");
        }
    }
}
