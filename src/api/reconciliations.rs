//! The handlers of reconciliation with the centre.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::answer::Refusal;
use super::body::{Id, JsonBody};
use super::{Doors, on_a_thread};
use crate::failure::Failure;
use crate::store::{AccountDifference, Action, Reconciliation};
use crate::terminal::errors::{RECON_DATE, RECON_UNKNOWN};

/// How many days are listed at most.
const LISTED: u32 = 100;

/// What `POST /v1/reconciliations` takes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReconciliation {
    /// The day, Asia/Shanghai.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// Who has it run.
    operator: String,
}

/// A day's run with its differences.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ReconciledDay {
    /// The run.
    run: Reconciliation,
    /// Every difference of the day, repaired or not.
    differences: Vec<AccountDifference>,
}

/// What `POST /v1/reconciliations/differences/{id}/repair` takes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRepair {
    /// What is done: one of the difference's `actions`.
    action: Action,
    /// By whom.
    operator: String,
    /// What they note; `refer` needs it, and `reverse` of what is not known here. At most 500 characters, and nothing personal.
    #[serde(default)]
    remark: Option<String>,
}

/// Holds a day's settlements against the centre.
#[utoipa::path(
    post,
    path = "/v1/reconciliations",
    request_body = NewReconciliation,
    responses((status = 200, description = "The run and its differences", body = ReconciledDay))
)]
pub async fn run(
    State(doors): State<Arc<Doors>>,
    JsonBody(new): JsonBody<NewReconciliation>,
) -> Result<Json<ReconciledDay>, Refusal> {
    let run = on_a_thread(doors, move |terminal| {
        let run = terminal.reconcile(new.date, &new.operator)?;
        Ok(ReconciledDay { differences: terminal.differences(run.date)?, run })
    });
    Ok(Json(run.await?))
}

/// The days that were held against the centre, the latest 100 first.
#[utoipa::path(get, path = "/v1/reconciliations", responses((status = 200, description = "The runs", body = [Reconciliation])))]
pub async fn list(State(doors): State<Arc<Doors>>) -> Result<Json<Vec<Reconciliation>>, Refusal> {
    Ok(Json(on_a_thread(doors, |terminal| terminal.reconciliations(LISTED)).await?))
}

/// A day's run with its differences.
#[utoipa::path(
    get,
    path = "/v1/reconciliations/{id}",
    params(("id" = String, Path, description = "The day, `2015-08-03`", format = Date)),
    responses((status = 200, description = "The run and its differences", body = ReconciledDay))
)]
pub async fn show(State(doors): State<Arc<Doors>>, Id(date): Id) -> Result<Json<ReconciledDay>, Refusal> {
    let date: Date = date.parse().map_err(|_| Refusal::from(&RECON_DATE))?;
    let day = on_a_thread(doors, move |terminal| {
        let run = terminal.reconciliation(date)?.ok_or_else(|| Failure::with(&RECON_UNKNOWN, date.to_string()))?;
        Ok(ReconciledDay { differences: terminal.differences(date)?, run })
    });
    Ok(Json(day.await?))
}

/// Repairs one difference.
#[utoipa::path(
    post,
    path = "/v1/reconciliations/differences/{id}/repair",
    params(("id" = String, Path, description = "The difference's number")),
    request_body = NewRepair,
    responses((status = 200, description = "The difference", body = AccountDifference))
)]
pub async fn repair(
    State(doors): State<Arc<Doors>>,
    Id(id): Id,
    JsonBody(new): JsonBody<NewRepair>,
) -> Result<Json<AccountDifference>, Refusal> {
    let id: u64 = id.parse().map_err(|_| Refusal::from(&RECON_UNKNOWN))?;
    let repaired =
        on_a_thread(doors, move |terminal| terminal.repair(id, new.action, &new.operator, new.remark.as_deref()));
    Ok(Json(repaired.await?))
}
