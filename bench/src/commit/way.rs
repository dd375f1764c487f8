//! The way from a terminal to its centre, on which it is timed how long the centre has what it is asked: from when a question
//! comes there to when its answer begins.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub struct Way {
    /// The terminal's end.
    pub address: SocketAddr,
    had: Arc<Mutex<Duration>>,
    closed: Arc<AtomicBool>,
}

impl Way {
    /// A way to the centre at this address.
    pub fn to(centre: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let way = Self { address: listener.local_addr()?, had: Arc::default(), closed: Arc::default() };
        let (had, closed) = (Arc::clone(&way.had), Arc::clone(&way.closed));
        thread::spawn(move || {
            for terminal in listener.incoming().map_while(Result::ok) {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                // Who finds no centre at the other end sees the connection end.
                drop(carry(&terminal, centre, &had));
            }
        });
        Ok(way)
    }

    /// How long the centre had all that it was asked so far.
    pub fn centre_had(&self) -> Duration {
        *lock(&self.had)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes who waits for a connection.
        drop(TcpStream::connect(self.address));
    }
}

/// Carries a connection, on two threads that end with it.
fn carry(terminal: &TcpStream, centre: SocketAddr, had: &Arc<Mutex<Duration>>) -> io::Result<()> {
    let centre = TcpStream::connect(centre)?;
    terminal.set_nodelay(true)?;
    centre.set_nodelay(true)?;
    let asked: Arc<Mutex<Option<Instant>>> = Arc::default();
    let (up, down) = ((terminal.try_clone()?, centre.try_clone()?), (centre, terminal.try_clone()?));
    let (asking, had) = (Arc::clone(&asked), Arc::clone(had));
    thread::spawn(move || copy(up, || *lock(&asking) = Some(Instant::now())));
    thread::spawn(move || {
        copy(down, || {
            if let Some(asked) = lock(&asked).take() {
                *lock(&had) += asked.elapsed();
            }
        });
    });
    Ok(())
}

/// Carries what comes, `noted` first, until nothing comes any more.
fn copy((mut from, mut to): (TcpStream, TcpStream), noted: impl Fn()) {
    let mut piece = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        noted();
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    // It may have ended by itself.
    let _ = to.shutdown(Shutdown::Both);
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
