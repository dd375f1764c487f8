//! The centre's doors: what comes in by HTTP, with its token, its form and the faults that are played.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Request as HttpRequest, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use rusqlite::{Connection, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::connection::Cut;
use super::errors::CenterError;
use super::faults::{Faults, Playing, Strike};
use super::{chain, deliver, ledger, national};
use crate::rules::Packs;
use crate::wire::{Envelope, Header, Reply, Request, infno};
use crate::world::{Clock, SystemClock};

/// The largest message, in bytes.
const LARGEST: usize = 2 << 20;

/// What the handlers share.
pub(super) struct Centre {
    pub(super) db: Mutex<Connection>,
    pub(super) packs: LazyLock<Packs>,
    pub(super) token: String,
    pub(super) demo: bool,
    pub(super) playing: Playing,
}

type Shared = State<Arc<Centre>>;
type Answer = Result<Response, CenterError>;

/// The routes.
pub(super) fn router(centre: Arc<Centre>) -> Router {
    let mut closed = Router::new()
        .route("/v1/transactions", post(transactions))
        .route("/v1/national", post(national))
        .route("/v1/headers", post(headers))
        .route("/v1/chain/{terminal}", get(head))
        .route("/v1/ledger", get(read_ledger));
    if centre.demo {
        closed = closed.route("/v1/faults", get(faults).put(set_faults));
    }
    closed
        .layer(middleware::from_fn_with_state(centre.clone(), token))
        .route("/health", get(|| async { Json(json!({ "status": "ok" })) }))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(centre)
}

async fn token(State(centre): Shared, request: HttpRequest, next: Next) -> Response {
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let brought = bearer.and_then(|value| value.strip_prefix("Bearer "));
    if brought.is_some_and(|brought| brought.as_bytes().ct_eq(centre.token.as_bytes()).into()) {
        next.run(request).await
    } else {
        refusal(StatusCode::UNAUTHORIZED, "C-TOKEN", "the token is not one of this centre's")
    }
}

async fn transactions(State(centre): Shared, ConnectInfo(cut): ConnectInfo<Cut>, body: Bytes) -> Answer {
    let batch: Vec<Envelope> = read(&body)?;
    let strike = centre.playing.strike("transactions", batch.len());
    let refuse = strike.refuse;
    let worker = centre.clone();
    struck(strike, &cut, async move {
        let demo = worker.demo;
        let answers = worker
            .write(move |db, packs| Ok(deliver::batch(db, packs, &batch, (demo, refuse), SystemClock.now())))
            .await?;
        Ok(Json(answers).into_response())
    })
    .await
}

async fn national(State(centre): Shared, ConnectInfo(cut): ConnectInfo<Cut>, body: Bytes) -> Answer {
    let request: Request = read(&body)?;
    let strike = centre.playing.strike(&request.infno, usize::from(request.infno == infno::SETTLE));
    let refuse = strike.refuse > 0;
    let worker = centre.clone();
    struck(strike, &cut, async move {
        if request.demo && !worker.demo {
            let err_msg = "C-DEMO 正式中心不接收演示数据".to_owned();
            let reply = Reply { infcode: Reply::REFUSED, inf_refmsgid: String::new(), err_msg, output: Value::Null };
            return Ok(Json(reply).into_response());
        }
        let (infno, msgid) = (request.infno.clone(), request.msgid.clone());
        let reply =
            worker.write(move |db, packs| national::answer(db, packs, &request, refuse, SystemClock.now())).await?;
        tracing::info!(infno, msgid, infcode = reply.infcode, "an online request was answered");
        Ok(Json(reply).into_response())
    })
    .await
}

async fn headers(State(centre): Shared, ConnectInfo(cut): ConnectInfo<Cut>, body: Bytes) -> Answer {
    let headers: Vec<Header> = read(&body)?;
    let worker = centre.clone();
    struck(centre.playing.strike("headers", 0), &cut, async move {
        let head = worker.write(move |db, _| chain::extend(db, &headers)).await?;
        tracing::info!(sequence = head.sequence, "headers were taken");
        Ok(Json(head).into_response())
    })
    .await
}

async fn head(State(centre): Shared, Path(terminal): Path<String>) -> Answer {
    let head = centre.write(move |db, _| chain::head(db, &terminal)).await?;
    Ok(Json(head).into_response())
}

async fn read_ledger(State(centre): Shared) -> Answer {
    Ok(Json(centre.write(|db, _| ledger::read(db)).await?).into_response())
}

async fn faults(State(centre): Shared) -> Json<Faults> {
    Json(centre.playing.get())
}

async fn set_faults(State(centre): Shared, body: Bytes) -> Result<Json<Faults>, CenterError> {
    centre.playing.set(read(&body)?);
    Ok(Json(centre.playing.get()))
}

/// Carries out a request, or what is played in its place.
async fn struck(strike: Strike, cut: &Cut, work: impl Future<Output = Answer>) -> Answer {
    if !strike.delay.is_zero() {
        tokio::time::sleep(strike.delay).await;
    }
    if strike.fail {
        return Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, "C-ON-PURPOSE", "it fails on purpose"));
    }
    let answer = work.await;
    if strike.drop_answer {
        cut.cut();
    }
    answer
}

impl Centre {
    /// Works on the database in one SQLite transaction, off the runtime's threads; an error changes nothing.
    async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection, &LazyLock<Packs>) -> Result<T, CenterError> + Send + 'static,
    ) -> Result<T, CenterError> {
        let centre = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            // Whoever panicked with it left a transaction that was rolled back.
            let mut db = centre.db.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction, &centre.packs)?;
            transaction.commit()?;
            Ok(value)
        });
        done.await.unwrap_or_else(|_| Err(CenterError::Database("a request was broken off".into())))
    }
}

/// The parser's own words would quote the message.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CenterError> {
    serde_json::from_slice(body).map_err(|_| CenterError::Form("the message is not of this form"))
}

fn refusal(status: StatusCode, code: &str, text: &str) -> Response {
    #[derive(Serialize)]
    struct Reason<'a> {
        code: &'a str,
        text: &'a str,
    }
    (status, Json(json!({ "error": Reason { code, text } }))).into_response()
}

impl IntoResponse for CenterError {
    fn into_response(self) -> Response {
        let (text, code) = (self.to_string(), self.code());
        let status = match self {
            Self::Form(_) => StatusCode::BAD_REQUEST,
            Self::Chain(_) => StatusCode::CONFLICT,
            Self::Start(_) | Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        tracing::warn!(code, text, "a request was not carried out");
        refusal(status, code, &text)
    }
}
