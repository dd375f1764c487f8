//! Serving connections within bounds: so many at once, and none that takes for ever to say what it wants.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};

use super::guard::Way;

/// What one door bears.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How many connections at once; the next one waits until another has gone. Far below the files that the unit
    /// lets this process open, which the journal and the readers need as well.
    pub(super) most: usize,
    /// How long a connection may take to send the head of a request, and stay without one.
    pub(super) head: Duration,
}

impl Bounds {
    /// More than the programs of a counter need, and slower than any of them is.
    pub(super) const USUAL: Self = Self { most: 256, head: Duration::from_secs(30) };
}

/// Serves what comes to `listener` until it is told to stop; then lets every connection finish the request it is at.
pub(super) async fn serve<L: Listener>(
    mut listener: L,
    way: impl Fn(&L::Io) -> Way,
    router: Router,
    bounds: Bounds,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(bounds.most));
    loop {
        let accepted = async {
            // The semaphore is never closed: without a place this waits for one.
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await.0)
        };
        let (place, io) = tokio::select! {
            accepted = accepted => accepted,
            () = stopped(&mut stopping) => break,
        };
        let connection = connection(way(&io), io, router.clone(), bounds.head, stopping.clone());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    // Every place is free once every connection has gone.
    let _ = places.acquire_many(u32::try_from(bounds.most).unwrap_or(u32::MAX)).await;
}

async fn connection(
    way: Way,
    io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    router: Router,
    head: Duration,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), hyper::Error> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(way.clone()));
        router.call(request)
    });
    let mut server = http1::Builder::new();
    let mut connection = std::pin::pin!(
        server.timer(TokioTimer::new()).header_read_timeout(head).serve_connection(TokioIo::new(io), service)
    );
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stopped(&mut stopping) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Completes when the doors are to close. A sender that was dropped means the same.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpStream};

    use axum::routing::get;
    use tokio::net::TcpListener;
    use tokio::runtime::Runtime;
    use tokio::task::JoinHandle;

    use super::*;

    const BRIEF: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_secs(30);

    struct Door {
        runtime: Runtime,
        address: SocketAddr,
        stop: watch::Sender<bool>,
        serving: JoinHandle<()>,
    }

    fn door(bounds: Bounds) -> Door {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        let (stop, stopping) = watch::channel(false);
        let serving = runtime.spawn(serve(listener, |_| Way::Http(80), router, bounds, stopping));
        Door { runtime, address, stop, serving }
    }

    fn say(door: &Door, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(door.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    /// Everything up to the end of the connection, which comes.
    fn heard(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        let error = stream.read_to_end(&mut text).err().map(|error| error.kind());
        // A reset is an end as well.
        assert!(error.is_none_or(|kind| kind == std::io::ErrorKind::ConnectionReset), "{error:?}");
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn who_never_says_what_it_wants_makes_room_for_the_next() {
        let door = door(Bounds { most: 2, head: BRIEF });
        let silent = say(&door, "");
        let slow = say(&door, "GET / HTTP/1.1\r\nHost: a");
        let next = say(&door, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(heard(next).ends_with("here"));
        assert!(!heard(silent).contains("here"));
        assert!(!heard(slow).contains("here"));
    }

    #[test]
    fn who_stays_without_a_request_is_let_go() {
        let door = door(Bounds { most: 1, head: BRIEF });
        assert!(heard(say(&door, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).ends_with("here"));
    }

    #[test]
    fn a_stop_does_not_wait_for_who_wants_nothing() {
        let door = door(Bounds { most: 2, head: Duration::from_secs(3600) });
        let mut stays = say(&door, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        stays.read_exact(&mut [0]).unwrap();
        door.stop.send(true).unwrap();
        let ended = door.runtime.block_on(async { tokio::time::timeout(PATIENCE, door.serving).await });
        ended.expect("it stops").unwrap();
        heard(stays);
    }
}
