//! Opening the doors and closing them.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::access::{Access, Peer};
use super::connections::{Bounds, serve};
use super::events::MOST;
use super::guard::Way;
use super::{Doors, errors, routes};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// How long a request that is under way may still take when the doors close.
const LAST: Duration = Duration::from_secs(5);

/// The doors, open.
pub struct Server {
    address: Option<SocketAddr>,
    socket: Option<PathBuf>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Opens the doors that the configuration names, on this runtime.
    ///
    /// # Errors
    /// When an address or the socket cannot be had, or a token file not be used.
    pub async fn open(config: &Config, terminal: Arc<Terminal>) -> Result<Self, Failure> {
        let api = &config.api;
        let (owner, group) = own_ids().map_err(|error| Failure::with(&errors::LISTEN, error.to_string()))?;
        let access = Access::new(api, config.mode, owner, group)?.with_drivers(&config.driver.users);
        let (stop, stopping) = watch::channel(false);
        let doors =
            Arc::new(Doors { terminal, access, stopping: stopping.clone(), streams: Arc::new(Semaphore::new(MOST)) });
        let router = routes::router(doors);
        let mut server = Self { address: None, socket: None, stop, tasks: Vec::new() };
        if let Some(listen) = api.listen {
            let listener = TcpListener::bind(listen).await;
            let listener = listener.map_err(|error| failed(&listen.to_string(), &error))?;
            server.address = listener.local_addr().ok();
            let serve = serve(listener, over_http, router.clone(), Bounds::USUAL, stopping.clone());
            server.tasks.push(tokio::spawn(serve));
        }
        if let Some(path) = &api.socket {
            let listener = bind_socket(path).await?;
            server.socket = Some(path.clone());
            server.tasks.push(tokio::spawn(serve(listener, at_socket, router, Bounds::USUAL, stopping)));
        }
        Ok(server)
    }

    /// Where HTTP is served.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Closes the doors: no new request, event streams end, what is under way may finish within 5 s.
    pub async fn close(mut self) {
        let _ = self.stop.send(true);
        for task in &mut self.tasks {
            if tokio::time::timeout(LAST, &mut *task).await.is_err() {
                task.abort();
            }
        }
        if let Some(socket) = &self.socket {
            let _ = std::fs::remove_file(socket);
        }
    }
}

fn failed(place: &str, error: &io::Error) -> Failure {
    Failure::with(&errors::LISTEN, format!("{place}: {error}"))
}

/// The process's user and group: those of its own entry in /proc.
fn own_ids() -> io::Result<(u32, u32)> {
    let own = std::fs::metadata("/proc/self")?;
    Ok((own.uid(), own.gid()))
}

/// Binds under another name and moves it into place with its mode set, so that it is never open wider than 0660.
async fn bind_socket(path: &Path) -> Result<UnixListener, Failure> {
    let failed = |error: io::Error| failed(&path.display().to_string(), &error);
    nobody_at(path).await?;
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o750).create(directory).map_err(failed)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}", std::process::id()));
    let fresh = path.with_file_name(name);
    let _ = std::fs::remove_file(&fresh);
    let listener = UnixListener::bind(&fresh).map_err(failed)?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)?;
    Ok(listener)
}

/// Whether a daemon answers at this socket already.
///
/// # Errors
/// When one does; it is named.
pub async fn nobody_at(path: &Path) -> Result<(), Failure> {
    match UnixStream::connect(path).await {
        Ok(other) => Err(Failure::with(&errors::IN_USE, format!("{}: {}", path.display(), owner(&other)))),
        Err(_) => Ok(()),
    }
}

/// Who listens at the other end, as the kernel names it.
fn owner(other: &UnixStream) -> String {
    let Some(pid) = other.peer_cred().ok().and_then(|peer| peer.pid()) else { return "?".to_owned() };
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} {pid}", name.trim()).trim_start().to_owned()
}

/// Port 0 is in no Host header: a connection whose own end is unknown is refused.
fn over_http(stream: &TcpStream) -> Way {
    Way::Http(stream.local_addr().map_or(0, |address| address.port()))
}

fn at_socket(stream: &UnixStream) -> Way {
    let Ok(peer) = stream.peer_cred() else { return Way::Socket(None) };
    let mut groups = vec![peer.gid()];
    groups.extend(peer.pid().map(supplementary).unwrap_or_default());
    Way::Socket(Some(Peer { uid: peer.uid(), groups }))
}

/// The kernel names a peer's own group only; the others are in its entry in /proc.
fn supplementary(pid: i32) -> Vec<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    line.split_whitespace().filter_map(|group| group.parse().ok()).collect()
}
