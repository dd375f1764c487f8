//! A link that goes wrong. It carries streams of bytes and knows no messages, so what it does is what can happen to a
//! stream: a connection is refused, it ends at any byte on its way up or down, a piece is late, and for a while nothing
//! comes down, or nothing comes through at all, and comes later then.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often something goes wrong: once among each so many, at a place that the seed decides.
#[derive(Clone, Copy)]
pub struct Ills {
    /// Of connections: it is ended as soon as it was made.
    pub refused: u64,
    /// Of pieces on their way up: it ends the connection, and a part of it arrives.
    pub cut_up: u64,
    /// Of pieces on their way down, the same: what was asked for was carried out, and nobody is told.
    pub cut_down: u64,
    /// Of all pieces: it is late.
    pub late: u64,
    pub seed: u64,
}

/// What comes through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Clear,
    /// What goes up does, and no answer comes down until it is clear again.
    NoAnswers,
    /// Nothing does but a greeting, until it is clear again.
    Nothing,
}

/// What went wrong so far, by its name.
pub struct Struck([(&'static str, u64); 6]);

impl Struck {
    /// Each kind did at least once.
    pub fn check(&self) {
        assert!(self.0.iter().all(|(_, times)| *times > 0), "some never went wrong: {self}");
    }
}

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, times)| write!(f, "{name} {times}, "))
    }
}

/// A link to servers.
pub struct Link {
    ports: Vec<u16>,
    road: Arc<Road>,
    _doors: JoinSet<()>,
}

impl Link {
    /// Each of the servers gets a port here.
    pub async fn start(to: &[SocketAddr], ills: Ills) -> Self {
        let road = Arc::new(Road::new(ills));
        let (mut ports, mut doors) = (Vec::new(), JoinSet::new());
        for &to in to {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            ports.push(listener.local_addr().unwrap().port());
            doors.spawn(serve(listener, to, road.clone()));
        }
        Self { ports, road, _doors: doors }
    }

    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// From now on.
    pub fn set(&self, weather: Weather) {
        self.road.weather.send_replace(weather);
    }

    pub fn struck(&self) -> Struck {
        let Road { refused, cut, late, held, .. } = &*self.road;
        let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
        Struck([
            ("connections refused", count(&refused.struck)),
            ("cut on the way up", count(&cut[Way::Up as usize].struck)),
            ("cut on the way down", count(&cut[Way::Down as usize].struck)),
            ("late", count(&late.struck)),
            ("held back on the way up", count(&held[Way::Up as usize])),
            ("held back on the way down", count(&held[Way::Down as usize])),
        ])
    }
}

async fn serve(listener: TcpListener, to: SocketAddr, road: Arc<Road>) {
    while let Ok((near, _)) = listener.accept().await {
        if road.refused.strikes() {
            continue;
        }
        let Ok(far) = TcpStream::connect(to).await else { continue };
        drop((near.set_nodelay(true), far.set_nodelay(true)));
        tokio::spawn(connection(near, far, road.clone()));
    }
}

/// One connection, until it ends or is cut.
async fn connection(near: TcpStream, far: TcpStream, road: Arc<Road>) {
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let gone_up = AtomicU64::new(0);
    let up = road.carry(Way::Up, near_read, far_write, &gone_up);
    let down = road.carry(Way::Down, far_read, near_write, &gone_up);
    // One that is cut takes the other with it; where one comes to its end the other still may.
    drop(tokio::try_join!(up, down));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// What all connections of a link have in common.
struct Road {
    refused: Chance,
    /// By way.
    cut: [Chance; 2],
    late: Chance,
    weather: watch::Sender<Weather>,
    /// How many pieces were held back by the weather, by way.
    held: [AtomicU64; 2],
}

impl Road {
    fn new(ills: Ills) -> Self {
        let chance = |every, n| Chance { every, seed: ills.seed + n, ..Chance::default() };
        Self {
            refused: chance(ills.refused, 0),
            cut: [chance(ills.cut_up, 1), chance(ills.cut_down, 2)],
            late: chance(ills.late, 3),
            weather: watch::Sender::new(Weather::Clear),
            held: Default::default(),
        }
    }

    async fn carry(
        &self,
        way: Way,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        gone_up: &AtomicU64,
    ) -> io::Result<()> {
        let mut piece = vec![0; 64 << 10];
        loop {
            let n = from.read(&mut piece).await?;
            if n == 0 {
                return to.shutdown().await;
            }
            if way == Way::Up {
                gone_up.fetch_add(1, Ordering::SeqCst);
            }
            if self.late.strikes() {
                // The link's own latency: nothing waits for it but what it carries.
                tokio::time::sleep(Duration::from_millis(self.late.random() % 20)).await;
            }
            self.until_let_through(way, gone_up).await;
            let cut = &self.cut[way as usize];
            if cut.strikes() {
                to.write_all(&piece[..cut.random() as usize % n]).await?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            to.write_all(&piece[..n]).await?;
        }
    }

    async fn until_let_through(&self, way: Way, gone_up: &AtomicU64) {
        // What a handshake needs is let through: a connection that is made meanwhile carries a question as well, and
        // who asks cannot know that it goes nowhere.
        let begins = || gone_up.load(Ordering::SeqCst) < 2;
        let through = |weather: Weather| match weather {
            Weather::Clear => true,
            Weather::NoAnswers => way == Way::Up || begins(),
            Weather::Nothing => begins(),
        };
        let mut weather = self.weather.subscribe();
        if !through(*weather.borrow_and_update()) {
            self.held[way as usize].fetch_add(1, Ordering::SeqCst);
            // Never closed: it is this road's own.
            drop(weather.wait_for(|weather| through(*weather)).await);
        }
    }
}

/// Something that strikes once among each so many.
#[derive(Default)]
struct Chance {
    every: u64,
    seed: u64,
    met: AtomicU64,
    struck: AtomicU64,
}

impl Chance {
    fn strikes(&self) -> bool {
        let met = self.met.fetch_add(1, Ordering::SeqCst);
        let strikes = met % self.every == splitmix(self.seed, met / self.every) % self.every;
        self.struck.fetch_add(u64::from(strikes), Ordering::SeqCst);
        strikes
    }

    /// A number for the last that it struck.
    fn random(&self) -> u64 {
        splitmix(!self.seed, self.struck.load(Ordering::SeqCst))
    }
}

/// Splitmix64.
fn splitmix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
