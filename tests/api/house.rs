//! A daemon in this process: a terminal on virtual readers, and its doors.

use std::path::PathBuf;
use std::sync::Arc;

use sbkd::api::Server;
use sbkd::config::Config;
use sbkd::terminal::{Parts, Terminal};
use sbkd::virtual_card::{Image, VirtualReaders};
use sbkd::world::{SystemClock, SystemRandom};
use tokio::runtime::Runtime;

use crate::rig::http::Client;
use crate::rig::{self, HOLDER, PSAM};

/// May do everything.
pub const ALL: &str = "token of the client that may do everything";
/// May carry out cases, masked.
pub const OPERATE: &str = "token of the client that may operate";
/// May look.
pub const READ: &str = "token of the client that may read";
/// The one page that may call.
pub const ORIGIN: &str = "http://counter.example:8080";

/// The daemon, closed when dropped.
pub struct House {
    pub readers: Arc<VirtualReaders>,
    pub config: Arc<Config>,
    pub terminal: Arc<Terminal>,
    /// What it keeps, where that is nobody else's.
    _dir: Option<tempfile::TempDir>,
    port: u16,
    server: Option<Server>,
    runtime: Runtime,
}

impl House {
    /// With a PSAM in its reader, and no card in the holder's; without a centre.
    pub fn open() -> Self {
        Self::with("")
    }

    /// The same, with these lines after the usual ones in its configuration.
    pub fn with(lines: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, token) in [("all", ALL), ("operate", OPERATE), ("read", READ)] {
            std::fs::write(dir.path().join(name), token).unwrap();
        }
        let config = Config::parse("house.toml", &(configuration() + lines), dir.path()).unwrap();
        let mut house = Self::on(config);
        house._dir = Some(dir);
        house
    }

    /// By a configuration that has both doors.
    pub fn on(config: Config) -> Self {
        let config = Arc::new(config);
        let readers =
            VirtualReaders::new(&[(HOLDER, Some(sbkd::reader::Role::Holder)), (PSAM, Some(sbkd::reader::Role::Psam))]);
        readers.insert(PSAM, chip("psam"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let terminal = Terminal::start(Parts {
            config: config.clone(),
            readers: readers.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            runtime: runtime.handle().clone(),
        })
        .unwrap();
        let server = runtime.block_on(Server::open(&config, terminal.clone())).unwrap();
        let port = server.address().unwrap().port();
        Self { readers, config, terminal, _dir: None, port, server: Some(server), runtime }
    }

    /// Puts the main card of the demonstration in.
    pub fn insert(&self) {
        self.readers.insert(HOLDER, chip("v3-sm4"));
    }

    /// The HTTP door, without a token.
    pub fn http(&self) -> Client {
        Client::tcp(&self.address())
    }

    /// `host:port` of the HTTP door.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.config.api.socket.clone().unwrap()
    }

    /// Runs the future on the daemon's runtime.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.terminal.drain();
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.close());
        }
    }
}

/// A chip of `fixtures/cards`.
pub fn chip(name: &str) -> Box<dyn sbkd::virtual_card::Chip> {
    Image::load(&rig::image(name)).unwrap().chip(Arc::new(SystemRandom::default()))
}

fn configuration() -> String {
    let client = |name: &str, permissions: &str| {
        format!("[[api.client]]\nname = \"{name}\"\ntoken_file = \"{name}\"\npermissions = [{permissions}]\n")
    };
    let clients = [
        client("all", "\"read\", \"operate\", \"unmask\", \"policy\""),
        client("operate", "\"read\", \"operate\""),
        client("read", "\"read\""),
    ];
    format!(
        "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state\"\nbusiness_date = 2015-08-03\n\
         [keys]\nsource = \"psam\"\n\
         [api]\nlisten = \"127.0.0.1:0\"\nsocket = \"sbkd.sock\"\norigins = [\"{ORIGIN}\"]\n{}",
        clients.concat()
    )
}
