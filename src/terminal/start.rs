//! Opens every room of a terminal.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::blacklist::Refusing;
use super::event::What;
use super::goods::Pricing;
use super::inner::{Inner, Rooms, Upstream};
use super::names::CardNames;
use super::setup::Setup;
use super::shift::Shifts;
use super::{Parts, errors, tasks};
use crate::card::CardError;
use crate::card::bank::TokenKey;
use crate::config::{KeyFolder, Keys, Mode, PsamReader, UplinkKind, read_secret};
use crate::failure::{Explain as _, Failure};
use crate::keys::{HsmPlace, HsmSettings, KeyProvider, PsamPlace};
use crate::queue::{self, Faults, Queue, QueueError, QueueKeys, Settings};
use crate::store::{self, Blacklist, Catalogue, Renewed, Store};
use crate::sync::{
    self, Asker, CentreKeys, HttpUplink, JetStreamUplink, Link, Pace, SignNumbers, SignedOnUplink, Uplink,
};
use crate::world::disk::{self, Refusal};

/// The retries of a delivery begin after this and grow to the heartbeat's tenfold at most.
const LONGEST_PAUSE: u32 = 10;

/// Opens the rooms and starts the tasks. `faults` make the journal's writes fail; none outside tests.
pub(super) fn start(parts: Parts, faults: Faults) -> Result<Arc<Inner>, Failure> {
    let config = Arc::clone(&parts.config);
    let setup = Setup::load_or_kept(&config).map_err(|error| error.failure())?;
    let packs = setup.taken.sources.clone();

    // Nobody else's, from the first moment: what is personal in it is sealed, but its keys lie there as well.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.state);
    made.map_err(|error| no_folder(&config.state, &error))?;
    let (queue, card_writes, bank_tokens) = journal(&parts, faults)?;
    match rooms(parts, setup, queue.clone(), card_writes, bank_tokens) {
        Ok((inner, renewed)) => {
            if let Some(renewed) = renewed {
                inner.tell_renewed(&renewed);
            }
            inner.begin_with(&packs);
            tasks::start(&inner);
            Ok(inner)
        }
        Err(failure) => {
            // Who tries again finds it as the next process would.
            queue.close();
            Err(failure)
        }
    }
}

/// The rooms beside the journal; and what became of a store that was damaged.
fn rooms(
    parts: Parts,
    setup: Setup,
    queue: Queue,
    card_writes: Zeroizing<[u8; 32]>,
    bank_tokens: TokenKey,
) -> Result<(Arc<Inner>, Option<Renewed>), Failure> {
    let config = Arc::clone(&parts.config);
    let store = Store::open_or_renew(&config.state.join("store.db"), parts.clock.now());
    let (store, renewed) = store.map_err(|error| error.failure())?;
    let store = Arc::new(store);
    let refusing = config.card.blacklist.clone();
    let refusing = refusing.map(|rules| Refusing::new(rules, Blacklist::new(&config.state, Arc::clone(&store))));
    let pricing = config.catalogue.clone();
    let pricing = pricing.map(|rules| Pricing::new(rules, Catalogue::new(&config.state, Arc::clone(&store))));
    let numbers = SignNumbers::default();
    let last = queue.last_sequence().map_err(|error| error.failure())?;
    let shifts = Shifts::load(&store, numbers.clone(), last).map_err(|error| error.failure())?;
    let upstream = upstream(&parts, &queue, numbers)?;
    let keys = keys(&parts, &setup, &store, upstream.as_ref())?;
    let card_names = CardNames::new(&*parts.random).map_err(|error| CardError::from(error).failure())?;
    let rooms = Rooms {
        parts,
        setup,
        keys,
        queue,
        store,
        refusing,
        pricing,
        card_writes,
        card_names,
        bank_tokens,
        shifts,
        upstream,
    };
    Ok((Arc::new(Inner::new(rooms)), renewed))
}

/// Whether a start failed for a disk that is full or read only: nothing is wrong with what is on it, and once the disk
/// takes something again the same start succeeds.
pub fn waits_for_disk(failure: &Failure) -> bool {
    let waits = [&queue::errors::STORAGE_FULL, &queue::errors::DISK_READ_ONLY, &store::errors::DISK];
    waits.iter().any(|entry| entry.code == failure.entry.code)
}

impl Inner {
    /// The store was damaged: what only it knew is not known any more.
    fn tell_renewed(&self, Renewed { aside, kept, lost }: &Renewed) {
        let file = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.log.tell(What::Store { change: "set-aside", file, kept: *kept, lost: *lost });
    }
}

fn no_folder(state: &Path, error: &std::io::Error) -> Failure {
    let what = format!("{}: {error}", state.display());
    match disk::refusal(state) {
        Some(Refusal::Full) => Failure::with(&queue::errors::STORAGE_FULL, what),
        Some(Refusal::ReadOnly) => Failure::with(&queue::errors::DISK_READ_ONLY, what),
        None => unusable(what),
    }
}

fn unusable(what: impl Into<String>) -> Failure {
    Failure::with(&errors::NO_POLICY, what)
}

/// The journal, the key that seals what is kept of writes to cards, and that of bank cards' tokens.
fn journal(parts: &Parts, faults: Faults) -> Result<(Queue, Zeroizing<[u8; 32]>, TokenKey), Failure> {
    let config = &parts.config;
    let keys = match config.journal_keys() {
        KeyFolder::Own(folder) => QueueKeys::own(&config.journal(), &folder, &*parts.random),
        KeyFolder::Given(folder) => QueueKeys::load(&folder),
    };
    let (clock, random) = (Arc::clone(&parts.clock), Arc::clone(&parts.random));
    let opened = keys.and_then(|keys| {
        let (card_writes, bank_tokens) = (keys.card_writes(), TokenKey::new(&keys.bank_tokens()));
        Ok((Queue::open_with_faults(config.journal(), keys, clock, random, faults)?, card_writes, bank_tokens))
    });
    opened.map_err(|error| match error {
        // Whoever clears the disk wants to know which it is.
        QueueError::StorageFull => {
            let Settings { path, anchor, .. } = config.journal();
            let full = if disk::refusal(&path).is_none() && disk::refusal(&anchor).is_some() { anchor } else { path };
            Failure::with(error.entry(), full.display().to_string())
        }
        error => error.failure(),
    })
}

fn keys(parts: &Parts, setup: &Setup, store: &Arc<Store>, upstream: Option<&Upstream>) -> Result<KeyProvider, Failure> {
    let psam = |PsamReader(reader): &PsamReader| PsamPlace {
        readers: Arc::clone(&parts.readers),
        reader: reader.clone(),
        scripts: Arc::clone(&setup.scripts),
        profile: Arc::clone(&setup.profile),
        store: Some(Arc::clone(store)),
    };
    let hsm = |settings: &Arc<HsmSettings>| {
        // The configuration was checked for it.
        let missing = || unusable("uplink");
        let (upstream, uplink) = upstream.zip(parts.config.uplink.as_ref()).ok_or_else(missing)?;
        let link = CentreKeys::new(Arc::clone(&upstream.uplink), parts.runtime.clone(), &uplink.url);
        Ok(HsmPlace { link: Arc::new(link), settings: Arc::clone(settings) })
    };
    Ok(match &parts.config.keys {
        Keys::Psam(reader) => KeyProvider::Psam(psam(reader)),
        Keys::Hsm(settings) => KeyProvider::Hsm(hsm(settings)?),
        Keys::PsamThenHsm(reader, settings) => KeyProvider::PsamThenHsm(psam(reader), hsm(settings)?),
        Keys::Soft(file) => KeyProvider::Soft { file: file.clone(), demo: parts.config.mode == Mode::Demo },
    })
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
