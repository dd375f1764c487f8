//! Connections that can be cut in the middle of an answer, with TLS where the centre has a certificate.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::wire::Digest;
use crate::wire::signature::sha256;

/// How long a connection may take until its TLS stands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many connections may stand and not be taken yet.
const WAITING: usize = 64;

/// The switch of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut(Arc<AtomicBool>);

impl Cut {
    /// Nothing more is written; the connection closes as if the machine had gone.
    pub(super) fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) cut: Cut,
    /// The certificate that it showed: SHA-256 of its DER form.
    pub(super) certificate: Option<Digest>,
}

/// A TCP listener whose connections can be cut.
pub(super) struct Cuttable {
    address: SocketAddr,
    ready: mpsc::Receiver<Wire>,
    listening: JoinHandle<()>,
}

impl Cuttable {
    /// Takes what comes to `listener`; with TLS, where it is named.
    pub(super) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (taken, ready) = mpsc::channel(WAITING);
        Ok(Self { address, ready, listening: tokio::spawn(listen(listener, tls, taken)) })
    }
}

impl Drop for Cuttable {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Each connection's TLS is made by itself: who is slow there keeps nobody else waiting.
async fn listen(mut listener: TcpListener, tls: Option<TlsAcceptor>, taken: mpsc::Sender<Wire>) {
    loop {
        let (stream, from) = Listener::accept(&mut listener).await;
        // Without it each answer waits for the acknowledgement of the one before; only speed is lost if it fails.
        drop(stream.set_nodelay(true));
        let (tls, taken) = (tls.clone(), taken.clone());
        tokio::spawn(async move {
            let stream = match tls {
                None => Stream::Plain(stream),
                Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                    Ok(Err(error)) => return tracing::warn!(%error, "a connection has no TLS that fits"),
                    Err(_) => return tracing::warn!("a connection did not come to its TLS"),
                },
            };
            // Nobody takes it any more: the centre stops.
            drop(taken.send(Wire { stream, from, cut: Cut::default() }).await);
        });
    }
}

/// One of its connections.
pub(super) struct Wire {
    stream: Stream,
    from: SocketAddr,
    cut: Cut,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    fn certificate(&self) -> Option<Digest> {
        let Stream::Tls(stream) = &self.stream else { return None };
        stream.get_ref().1.peer_certificates()?.first().map(|certificate| sha256(certificate))
    }
}

impl Listener for Cuttable {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        match self.ready.recv().await {
            Some(wire) => {
                let from = wire.from;
                (wire, from)
            }
            // The listening ends with this alone.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Cuttable>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Cuttable>) -> Self {
        Self { cut: stream.io().cut.clone(), certificate: stream.io().certificate() }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.0.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
