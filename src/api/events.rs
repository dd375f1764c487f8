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
    // Before the client hears that the stream is open: what it does then may be what it waits to be told of.
    let stream = doors.terminal.events(last);
    tokio::spawn(async move {
        let mut stopping = doors.stopping.clone();
        tokio::select! {
            () = pump(&doors, stream, last, &sender) => {}
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
async fn pump(
    doors: &Doors,
    mut stream: EventStream,
    mut last: Option<u64>,
    sender: &Sender<Result<SseEvent, Infallible>>,
) {
    loop {
        let EventStream { mut backlog, mut live } = stream;
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
        // Of one that was given none so far nobody knows which it missed: the first number tells of a gap.
        stream = doors.terminal.events(Some(last.unwrap_or_default()));
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

#[cfg(test)]
mod tests {
    use tokio::sync::{Semaphore, watch};
    use tokio_stream::StreamExt as _;

    use super::super::access::Access;
    use super::*;
    use crate::config::Config;
    use crate::terminal::{Parts, Terminal};
    use crate::virtual_card::VirtualReaders;
    use crate::world::{SystemClock, SystemRandom};

    #[tokio::test]
    async fn what_happens_once_the_stream_is_open_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n";
        let config = Arc::new(Config::parse("sbkd.toml", text, dir.path()).unwrap());
        let parts = Parts {
            config: config.clone(),
            readers: VirtualReaders::new(&[]),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            runtime: tokio::runtime::Handle::current(),
        };
        let (_stop, stopping) = watch::channel(false);
        let access = Access::new(&config.api, config.mode, 0, 0).unwrap();
        let terminal = Terminal::start(parts).unwrap();
        let doors = Doors { terminal: terminal.clone(), access, stopping, streams: Arc::new(Semaphore::new(1)) };
        let answer = events(State(Arc::new(doors)), HeaderMap::new()).await;
        let Ok(answer) = answer else { panic!("no stream") };
        // Nothing else of this runtime has run since.
        let (shift, _) = terminal.open_shift("0001").unwrap();
        let mut body = answer.into_response().into_body().into_data_stream();
        let first = body.next().await.unwrap().unwrap();
        let first = String::from_utf8(first.to_vec()).unwrap();
        assert!(first.contains("event: shift") && first.contains(&shift.number), "{first}");
    }
}
