//! What is printed of a case, and of a transaction.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::Doors;
use super::answer::{Refusal, broken};
use super::body::{Id, Query};
use super::errors;
use super::handlers::case_id;
use crate::failure::Failure;
use crate::slip::{Copy, Medium, Printed};

/// Parameters of `GET /v1/cases/{id}/paper`.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `a4` or `80mm` (HTML), `escpos` (the commands of an 80 mm printer), `text` (lines of 48 columns).
    #[serde(rename = "as")]
    #[param(value_type = String)]
    medium: Option<String>,
    /// `holder` (the default): the holder's own copy; `third-party`: of a page of records the one for anybody else, on which
    /// what is personal is starred. A slip is starred on both.
    #[param(value_type = Option<String>)]
    copy: Option<String>,
}

/// What is printed of a case that has ended, in one of its forms.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}/paper",
    params(("id" = String, Path, format = "uuid"), Wanted),
    responses((
        status = 200,
        description = "The paper: HTML without script that fetches nothing, a printer's commands, or text",
        content((String = "text/html"), (String = "application/octet-stream"), (String = "text/plain"))
    ))
)]
pub async fn paper(
    State(doors): State<Arc<Doors>>,
    Id(id): Id,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let medium = wanted.medium.as_deref().and_then(Medium::named).ok_or_else(not_known)?;
    let copy = wanted.copy.as_deref().map_or(Some(Copy::Holder), Copy::named).ok_or_else(no_copy)?;
    let document = doors.terminal.paper(case_id(&id)?, copy)?;
    Ok(answer(medium.print(&document)))
}

/// Parameters of `GET /v1/transactions/{id}/paper`.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedReceipt {
    /// `a4` or `80mm` (HTML), `escpos` (the commands of an 80 mm printer), `text` (lines of 48 columns).
    #[serde(rename = "as")]
    #[param(value_type = String)]
    medium: Option<String>,
}

/// A receipt of what was filed, with the centre's numbers and without its holder, in one of its forms.
#[utoipa::path(
    get,
    path = "/v1/transactions/{id}/paper",
    params(("id" = String, Path, format = "uuid"), WantedReceipt),
    responses((
        status = 200,
        description = "The receipt: HTML without script that fetches nothing, a printer's commands, or text",
        content((String = "text/html"), (String = "application/octet-stream"), (String = "text/plain"))
    ))
)]
pub async fn receipt(
    State(doors): State<Arc<Doors>>,
    Id(id): Id,
    Query(wanted): Query<WantedReceipt>,
) -> Result<Response, Refusal> {
    let medium = wanted.medium.as_deref().and_then(Medium::named).ok_or_else(not_known)?;
    let id: Uuid = id.parse().map_err(|_| Refusal::from(&errors::NO_TRANSACTION))?;
    let receipt = tokio::task::spawn_blocking(move || doors.terminal.receipt(id)).await;
    let receipt = receipt.map_err(|error| broken(&error))??;
    let receipt = receipt.ok_or_else(|| Refusal::from(&errors::NO_TRANSACTION))?;
    Ok(answer(medium.print(&receipt)))
}

fn not_known() -> Refusal {
    let known = format!("`as` is one of {}", Medium::ALL.map(Medium::name).join(", "));
    Refusal(Failure::with(&errors::QUERY, known))
}

fn no_copy() -> Refusal {
    let known = format!("`copy` is one of {}", Copy::ALL.map(Copy::name).join(", "));
    Refusal(Failure::with(&errors::QUERY, known))
}

/// The paper's bytes are wiped once the connection has taken them.
fn answer(printed: Printed) -> Response {
    let mut response = Response::new(Body::from(Bytes::from_owner(printed.bytes)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(printed.media));
    // A policy is our own ASCII.
    if let Some(policy) = printed.policy.and_then(|policy| HeaderValue::try_from(policy).ok()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
