//! A link that goes wrong, by a seed: it delays, cuts connections before a question arrived, in its middle, and after
//! the centre answered, when nobody is told of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How often something goes wrong: of each so many pieces one, about.
#[derive(Clone, Copy)]
pub struct Ills {
    /// A piece on its way up ends the connection, and half of it arrives.
    pub cut: u64,
    /// A piece on its way down ends the connection, and does not arrive.
    pub cut_after: u64,
    /// A piece is late.
    pub delay: u64,
    /// What decides which.
    pub seed: u64,
}

/// A link to a server.
pub struct Link {
    port: u16,
    cuts: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Link {
    pub async fn start(to: SocketAddr, ills: Ills) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cuts, dice) = (Arc::<AtomicUsize>::default(), Arc::new(Dice(AtomicU64::new(ills.seed))));
        let counted = cuts.clone();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(to).await else { continue };
                drop((near.set_nodelay(true), far.set_nodelay(true)));
                tokio::spawn(carry(near, far, ills, dice.clone(), counted.clone()));
            }
        });
        Self { port, cuts, task }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it cut.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, until it ends or is cut.
async fn carry(near: TcpStream, far: TcpStream, ills: Ills, dice: Arc<Dice>, cuts: Arc<AtomicUsize>) {
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let up = async {
        let mut piece = vec![0; 64 << 10];
        while let Ok(n @ 1..) = near_read.read(&mut piece).await {
            dice.delay(ills.delay).await;
            if dice.one_in(ills.cut) {
                cuts.fetch_add(1, Ordering::SeqCst);
                drop(far_write.write_all(&piece[..n / 2]).await);
                return;
            }
            if far_write.write_all(&piece[..n]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut piece = vec![0; 64 << 10];
        while let Ok(n @ 1..) = far_read.read(&mut piece).await {
            dice.delay(ills.delay).await;
            if dice.one_in(ills.cut_after) {
                cuts.fetch_add(1, Ordering::SeqCst);
                return;
            }
            if near_write.write_all(&piece[..n]).await.is_err() {
                return;
            }
        }
    };
    // Whichever ends first takes the other with it.
    tokio::select! { () = up => {} () = down => {} }
}

/// Splitmix64.
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn one_in(&self, n: u64) -> bool {
        self.roll().is_multiple_of(n)
    }

    /// The link's own latency: nothing waits for it but what it carries.
    async fn delay(&self, one_in: u64) {
        if self.one_in(one_in) {
            tokio::time::sleep(Duration::from_millis(self.roll() % 20)).await;
        }
    }
}
