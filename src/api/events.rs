//! `GET /v1/events`: what happens at the terminal, as server-sent events that can be resumed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::Sender;
use tokio_stream::wrappers::ReceiverStream;

use super::Doors;
use super::answer::Refusal;
use super::errors;
use crate::failure::Failure;
use crate::terminal::{Event, EventStream};

/// How many streams there may be at once: each holds a connection of its door.
pub(super) const MOST: usize = 64;

/// How many events may wait for a client that reads slowly.
const WAITING: usize = 16;

/// Events after `Last-Event-ID` as far as they are still kept, then each as it happens. An event `gap` says that some
/// before it were dropped.
#[utoipa::path(
    get,
    path = "/v1/events",
    params(("Last-Event-ID" = Option<u64>, Header, description = "Resume after this event; without it, begin with the next one")),
    responses((
        status = 200,
        description = "Server-sent events: `id` is the event's, `event` its `type`, and each `data` line one of these \
                       as JSON, without personal data",
        content_type = "text/event-stream",
        body = Event
    ))
)]
pub async fn events(State(doors): State<Arc<Doors>>, headers: HeaderMap) -> Result<impl IntoResponse, Refusal> {
    let last = match headers.get("last-event-id") {
        None => None,
        Some(value) => Some(last_id(value.to_str().unwrap_or_default())?),
    };
    let place = Arc::clone(&doors.streams).try_acquire_owned().map_err(|_| Refusal::from(&errors::STREAMS))?;
    let (sender, receiver) = tokio::sync::mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut stopping = doors.stopping.clone();
        tokio::select! {
            () = pump(&doors, last, &sender) => {}
            () = sender.closed() => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
        drop(place);
    });
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(alive))
}

fn last_id(text: &str) -> Result<u64, Refusal> {
    text.trim().parse().map_err(|_| Refusal(Failure::with(&errors::QUERY, "Last-Event-ID")))
}

/// Passes on what happens, until nobody takes it.
async fn pump(doors: &Doors, mut last: Option<u64>, sender: &Sender<Result<SseEvent, Infallible>>) {
    loop {
        let EventStream { mut backlog, mut live } = doors.terminal.events(last);
        loop {
            for event in backlog.drain(..) {
                last = Some(event.id);
                if sender.send(Ok(written(&event))).await.is_err() {
                    return;
                }
            }
            match live.recv().await {
                Ok(event) => backlog.push(event),
                // Too slow for the live channel: what is still kept is taken from the backlog.
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

fn written(event: &Event) -> SseEvent {
    let frame = SseEvent::default().id(event.id.to_string()).event(event.what.name());
    match serde_json::to_string(event) {
        Ok(data) => frame.data(data),
        // An event is a struct of names and numbers: it always serializes.
        Err(_) => frame,
    }
}
