//! What a failure looks like over HTTP: its status and `{"error":{…}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::errors;
use crate::failure::{Class, Entry, Failure};

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
        let status = status(self.0.entry);
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

/// The codes that say more over HTTP than their class does: those of this door, and where a class says it otherwise.
const BY_CODE: &[(&str, StatusCode)] = &[
    ("E-API-TOKEN", StatusCode::UNAUTHORIZED),
    ("E-API-PERMISSION", StatusCode::FORBIDDEN),
    ("E-API-PEER", StatusCode::FORBIDDEN),
    ("E-API-ORIGIN", StatusCode::FORBIDDEN),
    ("E-API-HOST", StatusCode::MISDIRECTED_REQUEST),
    ("E-API-CONTENT-TYPE", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ("E-API-BODY-SIZE", StatusCode::PAYLOAD_TOO_LARGE),
    ("E-API-NO-ROUTE", StatusCode::NOT_FOUND),
    ("E-API-METHOD", StatusCode::METHOD_NOT_ALLOWED),
    ("E-API-SLOW", StatusCode::GATEWAY_TIMEOUT),
    ("E-API-LISTEN", StatusCode::INTERNAL_SERVER_ERROR),
    ("E-API-IN-USE", StatusCode::INTERNAL_SERVER_ERROR),
    ("E-API-TOKEN-FILE", StatusCode::INTERNAL_SERVER_ERROR),
    ("E-TERM-NO-CASE", StatusCode::NOT_FOUND),
    ("E-TERM-DRAINING", StatusCode::SERVICE_UNAVAILABLE),
    ("E-TERM-UPLINK-AWAY", StatusCode::CONFLICT),
    ("E-TERM-STORAGE", StatusCode::CONFLICT),
    ("E-TERM-CATALOGUE-CODE", StatusCode::CONFLICT),
    ("E-TERM-CATALOGUE-OTHERWISE", StatusCode::CONFLICT),
    ("E-TERM-UNDO-UNKNOWN", StatusCode::CONFLICT),
    ("E-TERM-SETUP", StatusCode::CONFLICT),
    ("E-TERM-DEFECT", StatusCode::CONFLICT),
    ("E-QUEUE-CONFLICT", StatusCode::CONFLICT),
    ("E-QUEUE-NOT-FOUND", StatusCode::NOT_FOUND),
    ("E-CARD-PINS-DIFFER", StatusCode::CONFLICT),
    ("E-CARD-PAD-LENGTH", StatusCode::CONFLICT),
    ("E-CARD-WRITES-UNKNOWN", StatusCode::CONFLICT),
    ("E-CARD-ACCOUNT-AMOUNT", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-RULES-NOT-COVERED", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-RULES-NO-CANCELLATION", StatusCode::UNPROCESSABLE_ENTITY),
    ("E-UPLINK-SETTING", StatusCode::SERVICE_UNAVAILABLE),
    ("E-SETTLE-UNDER-WAY", StatusCode::CONFLICT),
    ("E-STORE-BLACKLIST-FORM", StatusCode::SERVICE_UNAVAILABLE),
    ("E-STORE-BLACKLIST-SIGNATURE", StatusCode::SERVICE_UNAVAILABLE),
    ("E-STORE-BLACKLIST-OLDER", StatusCode::SERVICE_UNAVAILABLE),
    ("E-STORE-BLACKLIST-FILE", StatusCode::SERVICE_UNAVAILABLE),
    ("E-STORE-CATALOGUE-FORM", StatusCode::SERVICE_UNAVAILABLE),
    ("E-STORE-CATALOGUE-SIGNATURE", StatusCode::SERVICE_UNAVAILABLE),
    ("E-STORE-CATALOGUE-OLDER", StatusCode::SERVICE_UNAVAILABLE),
    ("E-STORE-CATALOGUE-FILE", StatusCode::SERVICE_UNAVAILABLE),
];

/// The rooms whose failures end commands and no request: one that does is a defect.
const OF_COMMANDS: &[&str] = &["CFG", "CIPHER", "CLI", "REPLAY", "SCRIPT", "VCARD"];

fn by_class(class: Class) -> StatusCode {
    match class {
        Class::Request => StatusCode::BAD_REQUEST,
        Class::Usage | Class::Setup => StatusCode::UNPROCESSABLE_ENTITY,
        Class::Unknown => StatusCode::NOT_FOUND,
        Class::Refused | Class::Card | Class::Unsure => StatusCode::CONFLICT,
        Class::Storage | Class::Centre | Class::NotNow => StatusCode::SERVICE_UNAVAILABLE,
        Class::Daemon | Class::Defect => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status(entry: &Entry) -> StatusCode {
    let Entry { code, class, .. } = *entry;
    let room = code.strip_prefix("E-").and_then(|code| code.split('-').next());
    match BY_CODE.iter().find(|(own, _)| *own == code) {
        Some((_, status)) => *status,
        None if room.is_some_and(|room| OF_COMMANDS.contains(&room)) => StatusCode::INTERNAL_SERVER_ERROR,
        None => by_class(class),
    }
}

/// The HTTP status of an answer that is this failure.
pub fn status_of(entry: &Entry) -> u16 {
    status(entry).as_u16()
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
        use crate::{scenario, terminal, wire};
        for (entry, fitting) in [
            (&errors::TOKEN, 401),
            (&errors::BROKEN, 500),
            (&terminal::errors::BUSY, 409),
            (&scenario::errors::FORM, 422),
            (&wire::errors::OTHER, 409),
        ] {
            assert_eq!(status_of(entry), fitting, "{}", entry.code);
        }
    }

    #[test]
    fn every_code_with_a_status_exists() {
        let known: Vec<&str> = errors::ENTRIES.iter().map(|entry| entry.code).collect();
        for (code, _) in BY_CODE.iter().filter(|(code, _)| code.starts_with("E-API-")) {
            assert!(known.contains(code), "{code}");
        }
    }
}
