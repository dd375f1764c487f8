//! The doors to what is done with a holder's card outside a case. Each use is audited by who, what and how it ended; nothing
//! else of it is logged.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Doors;
use super::access::Caller;
use super::answer::{Refusal, broken};
use super::body::JsonBody;
use super::errors;
use super::giving::given_out;
use super::openapi::{BankApplication, CardFiles};
use crate::config::Permission;
use crate::failure::Failure;
use crate::terminal::holder_card::{
    AccountSettled, AskTries, Balance, CardAnswer, CardCall, CardLoaded, CardMended, CardTask, ChangePin, Changed,
    FileWritten, LoadCard, MendCard, PaidFromCard, PayFromCard, ReadBalance, ReadFiles, ReloadPin, Reloaded,
    SettleAccount, Tries, UnblockPin, Unblocked, Verified, VerifyPin, WriteFile,
};

type Answer<T> = Result<Json<T>, Refusal>;
type Told = Result<Response, Refusal>;
type Called<T> = (State<Arc<Doors>>, Extension<Caller>, JsonBody<CardCall<T>>);

/// Files and items of the card by name.
#[utoipa::path(
    post,
    path = "/v1/card/files",
    request_body = CardCall<ReadFiles>,
    responses((status = 200, description = "What they hold, masked unless told otherwise; or what is to be asked", body = CardAnswer<CardFiles>))
)]
pub async fn files(call: Called<ReadFiles>) -> Told {
    carried_out(call).await
}

/// How many tries the holder's PIN has left, which costs none.
#[utoipa::path(
    post,
    path = "/v1/card/pin/tries",
    request_body = CardCall<AskTries>,
    responses((status = 200, description = "The tries", body = CardAnswer<Tries>))
)]
pub async fn pin_tries(call: Called<AskTries>) -> Told {
    carried_out(call).await
}

/// Has the holder's PIN verified: one try.
#[utoipa::path(
    post,
    path = "/v1/card/pin/verify",
    request_body = CardCall<VerifyPin>,
    responses((status = 200, description = "It was right; or what is to be asked", body = CardAnswer<Verified>))
)]
pub async fn verify_pin(call: Called<VerifyPin>) -> Told {
    carried_out(call).await
}

/// Has the holder's PIN changed: one try with the old one.
#[utoipa::path(
    post,
    path = "/v1/card/pin/change",
    request_body = CardCall<ChangePin>,
    responses((status = 200, description = "It is another one now; or what is to be asked", body = CardAnswer<Changed>))
)]
pub async fn change_pin(call: Called<ChangePin>) -> Told {
    carried_out(call).await
}

/// Sets a new PIN without the old one, by the terminal's key for it.
#[utoipa::path(
    post,
    path = "/v1/card/pin/reload",
    request_body = CardCall<ReloadPin>,
    responses((status = 200, description = "It is set; or what is to be asked", body = CardAnswer<Reloaded>))
)]
pub async fn reload_pin(call: Called<ReloadPin>) -> Told {
    carried_out(call).await
}

/// Gives a locked PIN its tries back, by the terminal's key for it.
#[utoipa::path(
    post,
    path = "/v1/card/pin/unblock",
    request_body = CardCall<UnblockPin>,
    responses((status = 200, description = "It has its tries again", body = CardAnswer<Unblocked>))
)]
pub async fn unblock_pin(call: Called<UnblockPin>) -> Told {
    carried_out(call).await
}

/// Writes items, or the bytes of a file, and reads them back.
#[utoipa::path(
    post,
    path = "/v1/card/write",
    request_body = CardCall<WriteFile>,
    responses((status = 200, description = "What was written; or what is to be asked", body = CardAnswer<FileWritten>))
)]
pub async fn write(call: Called<WriteFile>) -> Told {
    carried_out(call).await
}

/// Completes or undoes the writes on the card that were torn.
#[utoipa::path(
    post,
    path = "/v1/card/mend",
    request_body = CardCall<MendCard>,
    responses((status = 200, description = "What became of them; or what is to be asked", body = CardAnswer<CardMended>))
)]
pub async fn mend(call: Called<MendCard>) -> Told {
    carried_out(call).await
}

/// What the medical account on the card holds.
#[utoipa::path(
    post,
    path = "/v1/card/account/balance",
    request_body = CardCall<ReadBalance>,
    responses((status = 200, description = "The balance, in yuan; or what is to be asked", body = CardAnswer<Balance>))
)]
pub async fn balance(call: Called<ReadBalance>) -> Told {
    carried_out(call).await
}

/// Pays from the medical account on the card; the PSAM proves the terminal. One whose answer nobody heard is told by
/// `settle`, and nothing is paid before.
#[utoipa::path(
    post,
    path = "/v1/card/account/pay",
    request_body = CardCall<PayFromCard>,
    responses((status = 200, description = "It is paid; or what is to be asked", body = CardAnswer<PaidFromCard>))
)]
pub async fn pay(call: Called<PayFromCard>) -> Told {
    carried_out(call).await
}

/// Loads the medical account on the card; for who has the load key.
#[utoipa::path(
    post,
    path = "/v1/card/account/load",
    request_body = CardCall<LoadCard>,
    responses((status = 200, description = "It is loaded; or what is to be asked", body = CardAnswer<CardLoaded>))
)]
pub async fn load(call: Called<LoadCard>) -> Told {
    carried_out(call).await
}

/// Asks the card what became of transactions on its account that nobody was told of.
#[utoipa::path(
    post,
    path = "/v1/card/account/settle",
    request_body = CardCall<SettleAccount>,
    responses((status = 200, description = "What became of them; or what is to be asked", body = CardAnswer<AccountSettled>))
)]
pub async fn settle(call: Called<SettleAccount>) -> Told {
    carried_out(call).await
}

/// What `POST /v1/card/bank` takes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BankRead {
    /// The reader; the one holder's reader with a card when left out.
    reader: Option<String>,
}

/// The bank's application on the card, told by a masked number and a token.
#[utoipa::path(
    post,
    path = "/v1/card/bank",
    request_body = BankRead,
    responses((status = 200, description = "The application", body = BankApplication))
)]
pub async fn bank(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    JsonBody(wanted): JsonBody<BankRead>,
) -> Answer<Value> {
    let read = on_the_card(doors, caller, "/v1/card/bank", move |doors| {
        doors.terminal.bank_card(wanted.reader.as_deref()).map(|card| card.to_json())
    });
    read.await
}

/// Has the terminal do it, where the caller may all that it takes. What is kept until somebody was told of it is let go of
/// once the answer was given out.
async fn carried_out<T>((State(doors), Extension(caller), JsonBody(call)): Called<T>) -> Told
where
    T: CardTask + Send + 'static,
    T::Done: Send + 'static,
{
    let may = |permission| caller.permissions.contains(&permission);
    let refused = |permission: Permission| Failure::with(&errors::PERMISSION, permission.name());
    let needed = [(call.entered.is_some(), Permission::Pin), (call.task.unmasks(), Permission::Unmask)];
    if let Some((_, permission)) = needed.into_iter().find(|(needed, permission)| *needed && !may(*permission)) {
        tracing::info!(target: "audit", client = %caller.name, route = T::PATH, refused = permission.name(), "card");
        return Err(Refusal(refused(permission)));
    }
    let may_enter = may(Permission::Pin);
    let work = move |doors: &Doors| match doors.terminal.at_card(call)? {
        // Nobody is asked for what is not taken from them.
        CardAnswer { ask: Some(_), .. } if !may_enter => Err(refused(Permission::Pin)),
        answer => Ok(answer),
    };
    let Json(answer) = on_the_card(Arc::clone(&doors), caller, T::PATH, work).await?;
    let receipts = answer.done.as_ref().map(T::receipts).unwrap_or_default();
    let response = Json(answer).into_response();
    if receipts.is_empty() {
        return Ok(response);
    }
    let told = move || receipts.into_iter().for_each(|receipt| doors.terminal.driver_told(receipt));
    Ok(given_out(response, || drop(tokio::task::spawn_blocking(told))))
}

/// Does on a thread what blocks on a card, and audits it.
async fn on_the_card<D: Send + 'static>(
    doors: Arc<Doors>,
    caller: Caller,
    route: &'static str,
    work: impl FnOnce(&Doors) -> Result<D, Failure> + Send + 'static,
) -> Answer<D> {
    let done = tokio::task::spawn_blocking(move || work(&doors)).await;
    let code = match &done {
        Ok(Ok(_)) => "done",
        Ok(Err(failure)) => failure.entry.code,
        Err(_) => errors::BROKEN.code,
    };
    tracing::info!(target: "audit", client = %caller.name, route, code, "card");
    Ok(Json(done.map_err(|error| broken(&error))??))
}
