//! The handlers of operators' shifts.

use std::sync::Arc;

use axum::extract::State;
use axum::{Json, http::StatusCode};
use serde::Deserialize;

use super::answer::Refusal;
use super::body::{Empty, Id, JsonBody, NoBody};
use super::{Doors, on_a_thread};
use crate::store::Shift;

/// How many shifts are listed at most.
const LISTED: u32 = 100;

/// What `POST /v1/shifts` takes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShift {
    /// Whose: the operator's number, 1 to 20 characters.
    operator: String,
}

/// Opens an operator's shift (签到); the one that is open already otherwise.
#[utoipa::path(
    post,
    path = "/v1/shifts",
    request_body = NewShift,
    responses(
        (status = 201, description = "The shift, new", body = Shift),
        (status = 200, description = "The operator's shift that was open", body = Shift)
    )
)]
pub async fn open(
    State(doors): State<Arc<Doors>>,
    JsonBody(new): JsonBody<NewShift>,
) -> Result<(StatusCode, Json<Shift>), Refusal> {
    let (shift, new) = on_a_thread(doors, move |terminal| terminal.open_shift(&new.operator)).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shift)))
}

/// The latest 100 shifts and all that are open, the latest first; those that are open without their totals.
#[utoipa::path(get, path = "/v1/shifts", responses((status = 200, description = "The shifts", body = [Shift])))]
pub async fn list(State(doors): State<Arc<Doors>>) -> Result<Json<Vec<Shift>>, Refusal> {
    Ok(Json(on_a_thread(doors, |terminal| terminal.shifts(LISTED)).await?))
}

/// One shift, with what was carried out in it up to now.
#[utoipa::path(
    get,
    path = "/v1/shifts/{id}",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "The shift", body = Shift))
)]
pub async fn show(State(doors): State<Arc<Doors>>, Id(number): Id) -> Result<Json<Shift>, Refusal> {
    Ok(Json(on_a_thread(doors, move |terminal| terminal.shift(&number)).await?))
}

/// Closes a shift (签退), with what is handed over; one that is closed already stays as it is.
#[utoipa::path(
    post,
    path = "/v1/shifts/{id}/close",
    params(("id" = String, Path, description = "Its number")),
    request_body = Option<Empty>,
    responses((status = 200, description = "The shift, closed", body = Shift))
)]
pub async fn close(State(doors): State<Arc<Doors>>, Id(number): Id, _: NoBody) -> Result<Json<Shift>, Refusal> {
    Ok(Json(on_a_thread(doors, move |terminal| terminal.close_shift(&number)).await?))
}
