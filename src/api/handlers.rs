//! The handlers of the local interface. Each asks the terminal and adds nothing of its own.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::{Json, http::StatusCode};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::access::Caller;
use super::answer::Refusal;
use super::body::{Empty, Id, JsonBody, NoBody, OrNothing, Query};
use super::errors;
use super::openapi::CardReading;
use super::{Doors, on_a_thread};
use crate::config::Permission;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Filter, Row, State as RowState};
use crate::reader::ReaderState;
use crate::rules::PackRules;
use crate::scenario::{Definition, Entry, ScenarioError};
use crate::terminal::holder_card::Secret;
use crate::terminal::{CaseView, CentreRefusal, Health, NewCase, Policy, Reloaded, Seen};
use crate::wire::filing::Filed;

type Answer<T> = Result<Json<T>, Refusal>;

/// The card readers, their roles and whether a card is in them.
#[utoipa::path(get, path = "/v1/readers", responses((status = 200, description = "The readers", body = [ReaderState])))]
pub async fn readers(State(doors): State<Arc<Doors>>) -> Json<Vec<ReaderState>> {
    Json(doors.terminal.readers())
}

/// The catalogue of 77 scenarios, in the printed order.
#[utoipa::path(get, path = "/v1/scenarios", responses((status = 200, description = "The rows", body = [Entry])))]
pub async fn scenarios(State(doors): State<Arc<Doors>>) -> Json<Vec<Entry>> {
    let scenarios = doors.terminal.catalogue().scenarios();
    Json(scenarios.iter().map(|scenario| doors.terminal.listed(scenario)).collect())
}

/// How a scenario is carried out: its parts, each with form, documents, message and what is printed, and the rules in
/// force by which it is decided.
#[utoipa::path(
    get,
    path = "/v1/scenarios/{id}",
    params(("id" = String, Path)),
    responses((status = 200, description = "The scenario", body = ScenarioParts))
)]
pub async fn scenario(State(doors): State<Arc<Doors>>, Id(id): Id) -> Answer<ScenarioParts> {
    let scenario = doors.terminal.catalogue().scenario(&id);
    let scenario = scenario.ok_or_else(|| ScenarioError::Unknown(id).failure())?;
    let parts = scenario.parts.iter().map(|part| (**part).clone()).collect();
    let rules = doors.terminal.rules(&scenario.entry.id);
    Ok(Json(ScenarioParts { entry: doors.terminal.listed(scenario), parts, rules }))
}

/// A scenario with its parts.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct ScenarioParts {
    /// How it is listed.
    #[serde(flatten)]
    entry: Entry,
    /// Its parts, the main one first.
    parts: Vec<Definition>,
    /// The packs in force that decide it, each with its guards.
    rules: Vec<PackRules>,
}

/// Opens a case; the same idempotency key gives the same case.
#[utoipa::path(
    post,
    path = "/v1/cases",
    request_body = NewCase,
    responses(
        (status = 201, description = "The case, new", body = CaseView),
        (status = 200, description = "The case that the idempotency key had opened before", body = CaseView)
    )
)]
pub async fn open_case(
    State(doors): State<Arc<Doors>>,
    JsonBody(case): JsonBody<NewCase>,
) -> Result<(StatusCode, Json<CaseView>), Refusal> {
    let (view, new) = doors.terminal.open_or_find(case)?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(view)))
}

/// A case as it stands, the holder masked.
#[utoipa::path(get, path = "/v1/cases/{id}", params(("id" = String, Path, format = "uuid")), responses((status = 200, description = "The case", body = CaseView)))]
pub async fn case(State(doors): State<Arc<Doors>>, Id(id): Id) -> Answer<CaseView> {
    let id = case_id(&id)?;
    Ok(Json(doors.terminal.case(id).ok_or_else(no_case)?))
}

/// Gives the form's values.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/input",
    params(("id" = String, Path, format = "uuid")),
    request_body(content = Object, description = "The fields of the scenario's definition, by their names"),
    responses((status = 200, description = "The case", body = CaseView))
)]
pub async fn input(State(doors): State<Arc<Doors>>, Id(id): Id, JsonBody(values): JsonBody<Value>) -> Answer<CaseView> {
    Ok(Json(doors.terminal.input(case_id(&id)?, values)?))
}

/// Agrees to what is shown; what comes of it is told by the events and by the case.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/confirm",
    params(("id" = String, Path, format = "uuid")),
    request_body = Option<Confirmation>,
    responses((status = 200, description = "The case", body = CaseView))
)]
pub async fn confirm(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    OrNothing(confirmation): OrNothing<Confirmation>,
) -> Answer<CaseView> {
    let Confirmation { pin, print } = confirmation.unwrap_or_default();
    if pin.is_some() && !caller.permissions.contains(&Permission::Pin) {
        return Err(Refusal(Failure::with(&errors::PERMISSION, Permission::Pin.name())));
    }
    Ok(Json(doors.terminal.confirm_with(case_id(&id)?, pin, print.unwrap_or(true))?))
}

/// What is brought along with an agreement.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The holder's PIN, where the case needs it and the reader has no pad. Needs the permission `pin`.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pin: Option<Secret>,
    /// `false`: no page is made of what a query found, and none is counted. Its slip is there all the same.
    #[schema(default = true)]
    #[serde(default)]
    print: Option<bool>,
}

/// Gives the case up; refused once it is being committed.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/cancel",
    params(("id" = String, Path, format = "uuid")),
    request_body = Option<Empty>,
    responses((status = 200, description = "The case", body = CaseView))
)]
pub async fn cancel(State(doors): State<Arc<Doors>>, Id(id): Id, _: NoBody) -> Answer<CaseView> {
    Ok(Json(doors.terminal.cancel(case_id(&id)?)?))
}

/// Parameters of `GET /v1/transactions`.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only these states, separated by commas.
    state: Option<String>,
    /// At most so many; 100 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// `true`: only those that came out otherwise than their holders were told, and of which nobody has noted that they
    /// were told since.
    #[param(value_type = Option<bool>)]
    untold: Option<String>,
}

/// Transactions of the queue, newest first, without personal data.
#[utoipa::path(get, path = "/v1/transactions", params(Wanted), responses((status = 200, description = "The transactions", body = [Row])))]
pub async fn transactions(State(doors): State<Arc<Doors>>, Query(wanted): Query<Wanted>) -> Answer<Vec<Row>> {
    let (filter, untold) = filter(&wanted)?;
    let rows = on_a_thread(doors, move |terminal| match untold {
        true => terminal.untold(&filter),
        false => terminal.transactions(&filter),
    });
    Ok(Json(rows.await?))
}

/// One transaction.
#[utoipa::path(
    get,
    path = "/v1/transactions/{id}",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "The transaction", body = Row))
)]
pub async fn transaction(State(doors): State<Arc<Doors>>, Id(id): Id) -> Answer<Row> {
    let id: Uuid = id.parse().map_err(|_| Refusal::from(&errors::NO_TRANSACTION))?;
    let row = on_a_thread(doors, move |terminal| terminal.transaction(id)).await?;
    Ok(Json(row.ok_or_else(|| Refusal::from(&errors::NO_TRANSACTION))?))
}

/// What the centre said when it refused a transaction: its words may name a person. Each use is audited.
#[utoipa::path(
    get,
    path = "/v1/transactions/{id}/refusal",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "Code and words; null where it was not refused, or they were erased", body = Option<CentreRefusal>))
)]
pub async fn centre_refusal(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Answer<Option<CentreRefusal>> {
    let id: Uuid = id.parse().map_err(|_| Refusal::from(&errors::NO_TRANSACTION))?;
    tracing::info!(target: "audit", client = %caller.name, transaction = %id, "the words of a refusal were asked for");
    let said = on_a_thread(doors, move |terminal| {
        let row = terminal.transaction(id)?;
        row.map(|_| terminal.centre_refusal(id)).transpose()
    });
    Ok(Json(said.await?.ok_or_else(|| Refusal::from(&errors::NO_TRANSACTION))?))
}

/// What the centre answered to what was filed: its number, and that of a visit or an admission that was registered.
#[utoipa::path(
    get,
    path = "/v1/transactions/{id}/filed",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "The centre's numbers; null as long as there are none", body = Option<Filed>))
)]
pub async fn filed(State(doors): State<Arc<Doors>>, Id(id): Id) -> Answer<Option<Filed>> {
    let id: Uuid = id.parse().map_err(|_| Refusal::from(&errors::NO_TRANSACTION))?;
    let filed = on_a_thread(doors, move |terminal| {
        let row = terminal.transaction(id)?;
        row.map(|_| terminal.filed(id)).transpose()
    });
    Ok(Json(filed.await?.ok_or_else(|| Refusal::from(&errors::NO_TRANSACTION))?))
}

/// What `POST /v1/transactions/{id}/acknowledge` takes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// Who told the holder.
    operator: String,
    /// The `revision` of the notice that they were told.
    revision: u32,
    /// Its `untold`.
    #[serde(default)]
    untold: bool,
}

/// The holder was told how a transaction came out otherwise: no case of theirs carries it as a notice any more. Refused
/// where it has changed since that notice.
#[utoipa::path(
    post,
    path = "/v1/transactions/{id}/acknowledge",
    params(("id" = String, Path, format = "uuid")),
    request_body = Told,
    responses((status = 200, description = "The transaction", body = Row))
)]
pub async fn acknowledge(State(doors): State<Arc<Doors>>, Id(id): Id, JsonBody(told): JsonBody<Told>) -> Answer<Row> {
    let id: Uuid = id.parse().map_err(|_| Refusal::from(&errors::NO_TRANSACTION))?;
    let seen = Seen { revision: told.revision, untold: told.untold };
    Ok(Json(on_a_thread(doors, move |terminal| terminal.acknowledge(id, seen, &told.operator)).await?))
}

/// The policy packs in force, and what is in their folder and is refused.
#[utoipa::path(get, path = "/v1/policy", responses((status = 200, description = "The packs", body = Policy)))]
pub async fn policy(State(doors): State<Arc<Doors>>) -> Json<Policy> {
    Json(doors.terminal.policy())
}

/// Takes up the packs that are in the folder now, if they are others and sound.
#[utoipa::path(
    post,
    path = "/v1/policy/reload",
    request_body = Option<Empty>,
    responses((status = 200, description = "What is in force now", body = Reloaded))
)]
pub async fn reload_policy(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    _: NoBody,
) -> Answer<Reloaded> {
    tracing::info!(target: "audit", client = %caller.name, "the policy packs are to be taken up");
    Ok(Json(on_a_thread(doors, |terminal| terminal.reload_policy()).await?))
}

/// How the terminal is.
#[utoipa::path(get, path = "/v1/health", responses((status = 200, description = "Health", body = Health)))]
pub async fn health(State(doors): State<Arc<Doors>>) -> Answer<Health> {
    Ok(Json(on_a_thread(doors, |terminal| Ok(terminal.health())).await?))
}

/// What `POST /v1/card/read` takes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardRead {
    /// The reader; the one holder's reader with a card when left out.
    reader: Option<String>,
    /// Show personal data. Needs the permission `unmask`, and is audited.
    #[serde(default)]
    unmask: bool,
}

/// Proves the card and reads it and its holder, outside any case.
#[utoipa::path(post, path = "/v1/card/read", request_body = CardRead, responses((status = 200, description = "The card and its holder", body = CardReading)))]
pub async fn read_card(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    JsonBody(wanted): JsonBody<CardRead>,
) -> Answer<Value> {
    if wanted.unmask {
        let allowed = caller.permissions.contains(&Permission::Unmask);
        tracing::info!(target: "audit", client = %caller.name, allowed, "card read unmasked");
        if !allowed {
            return Err(Refusal(Failure::with(&errors::PERMISSION, "unmask")));
        }
    }
    let read = on_a_thread(doors, move |terminal| terminal.read_card(wanted.reader.as_deref(), wanted.unmask));
    Ok(Json(read.await?))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(super::openapi::document())
}

pub(super) fn case_id(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| no_case())
}

fn no_case() -> Refusal {
    Refusal::from(&crate::terminal::errors::NO_CASE)
}

/// What is wanted, and whether only what holders are still to be told.
fn filter(wanted: &Wanted) -> Result<(Filter, bool), Refusal> {
    let wrong = |what: String| Refusal(Failure::with(&errors::QUERY, what));
    let limit = wanted.limit.as_deref().map_or(Ok(100), str::parse).ok().filter(|limit| (1..=1000).contains(limit));
    let limit = limit.ok_or_else(|| wrong("`limit` is 1 to 1000".to_owned()))?;
    let names = wanted.state.as_deref().unwrap_or_default().split(',').filter(|name| !name.is_empty());
    let states: Option<Vec<RowState>> = names.map(RowState::of_name).collect();
    let known = || format!("`state` is some of {}", RowState::ALL.map(RowState::name).join(", "));
    let untold = wanted.untold.as_deref().map_or(Ok(false), str::parse);
    let untold = untold.map_err(|_| wrong("`untold` is true or false".to_owned()))?;
    Ok((Filter { states: states.ok_or_else(|| wrong(known()))?, limit: Some(limit) }, untold))
}
