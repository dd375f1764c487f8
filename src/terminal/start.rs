//! Opens every room of a terminal.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::event::What;
use super::inner::{Inner, Rooms, Upstream};
use super::setup::Setup;
use super::shift::Shifts;
use super::{Parts, errors, tasks};
use crate::config::{KeyFolder, Mode, UplinkKind, read_secret};
use crate::failure::{Explain as _, Failure};
use crate::keys::{KeyProvider, KeySource};
use crate::queue::{Faults, Queue, QueueKeys};
use crate::script::Library;
use crate::store::Store;
use crate::sync::{self, Asker, HttpUplink, JetStreamUplink, Link, Pace, SignNumbers, SignedOnUplink, Uplink};

/// The retries of a delivery begin after this and grow to the heartbeat's tenfold at most.
const LONGEST_PAUSE: u32 = 10;

/// Opens the rooms and starts the tasks. `faults` make the journal's writes fail; none outside tests.
pub(super) fn start(parts: Parts, faults: Faults) -> Result<Arc<Inner>, Failure> {
    let config = Arc::clone(&parts.config);
    let setup = Setup::load_or_kept(&config).map_err(|error| error.failure())?;
    let packs = setup.taken.sources.clone();

    // Nobody else's, from the first moment: what is personal in it is sealed, but its keys lie there as well.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.state);
    made.map_err(|error| unusable(format!("{}: {error}", config.state.display())))?;
    let queue = journal(&parts, faults)?;
    let store = Store::open_or_renew(&config.state.join("store.db"), parts.clock.now());
    let (store, aside) = store.map_err(|error| error.failure())?;
    let store = Arc::new(store);
    let keys = keys(&parts, &setup.scripts, &store)?;
    let numbers = SignNumbers::default();
    let shifts = Shifts::load(&store, numbers.clone()).map_err(|error| error.failure())?;
    let upstream = upstream(&parts, &queue, numbers)?;
    let inner = Arc::new(Inner::new(Rooms { parts, setup, keys, queue, store, shifts, upstream }));
    if let Some(aside) = aside {
        inner.tell_aside(&aside);
    }
    inner.begin_with(&packs);
    tasks::start(&inner);
    Ok(inner)
}

impl Inner {
    /// The store was damaged: what only it knew is not known any more.
    fn tell_aside(&self, aside: &Path) {
        let file = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        tracing::error!(code = crate::store::errors::STORE.code, file, "the store is damaged: it was set aside");
        self.log.tell(What::Store { change: "set-aside", file });
    }
}

fn unusable(what: impl Into<String>) -> Failure {
    Failure::with(&errors::NO_POLICY, what)
}

fn journal(parts: &Parts, faults: Faults) -> Result<Queue, Failure> {
    let config = &parts.config;
    let keys = match config.journal_keys() {
        KeyFolder::Own(folder) => QueueKeys::own(&config.journal(), &folder, &*parts.random),
        KeyFolder::Given(folder) => QueueKeys::load(&folder),
    };
    let keys = keys.map_err(|error| error.failure())?;
    Queue::open_with_faults(config.journal(), keys, Arc::clone(&parts.clock), Arc::clone(&parts.random), faults)
        .map_err(|error| error.failure())
}

fn keys(parts: &Parts, scripts: &Arc<Library>, store: &Arc<Store>) -> Result<KeyProvider, Failure> {
    let keys = &parts.config.keys;
    match (keys.source, &keys.soft_file) {
        (KeySource::Soft, Some(file)) => {
            Ok(KeyProvider::Soft { file: file.clone(), demo: parts.config.mode == Mode::Demo })
        }
        (KeySource::Psam, _) => Ok(KeyProvider::Psam {
            readers: Arc::clone(&parts.readers),
            reader: keys.psam_reader.clone(),
            scripts: Arc::clone(scripts),
            store: Some(Arc::clone(store)),
        }),
        // The configuration was checked for this.
        (KeySource::Soft, None) => Err(unusable("keys.soft_file")),
        (KeySource::Hsm, _) => Err(unusable("keys.source")),
    }
}

fn upstream(parts: &Parts, queue: &Queue, numbers: SignNumbers) -> Result<Option<Upstream>, Failure> {
    let config = &parts.config;
    let Some(settings) = &config.uplink else { return Ok(None) };
    let token = match &settings.token_file {
        None => Zeroizing::default(),
        Some(file) => read_secret(file, config.mode).map_err(unusable)?,
    };
    let link = Link {
        url: settings.url.clone(),
        token,
        tls: settings.tls.clone(),
        credentials: settings.credentials.clone(),
        centre_key: settings.centre_key,
    };
    let uplink: Result<Arc<dyn Uplink>, _> = match settings.kind {
        UplinkKind::Https => HttpUplink::new(&link, queue.clone()).map(|uplink| Arc::new(uplink) as _),
        UplinkKind::JetStream => JetStreamUplink::new(&link, queue.clone()).map(|uplink| Arc::new(uplink) as _),
    };
    let uplink = uplink.map_err(|error| error.failure())?;
    let uplink: Arc<dyn Uplink> = Arc::new(SignedOnUplink::new(uplink, numbers));
    let usual = Pace::default();
    let pace = Pace {
        first: usual.first.min(settings.heartbeat),
        longest: usual.longest.min(settings.heartbeat.saturating_mul(LONGEST_PAUSE)),
        heartbeat: settings.heartbeat,
    };
    let _within = parts.runtime.enter();
    let (clock, random) = (Arc::clone(&parts.clock), Arc::clone(&parts.random));
    let worker = sync::start(queue.clone(), Arc::clone(&uplink), pace, clock, random);
    let demo = config.mode == Mode::Demo;
    let asker = Asker::new(Arc::clone(&uplink), Arc::clone(&parts.clock), config.terminal.as_str(), demo);
    let (status, patience) = (worker.status(), settings.resolve);
    Ok(Some(Upstream { uplink, asker, patience, status, worker: Mutex::new(Some(worker)) }))
}
