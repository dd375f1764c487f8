//! What a command needs that opens the readers itself: scripts, the store, the way to card and keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Problem, Shell, config, errors, script, shell};
use crate::card::bank::TokenKey;
use crate::card::{Accepted, CardError, InitialPins, Lenience, Pairs, Parts, RefusedCards, Validation};
use crate::cipher::Algorithm;
use crate::config::{Config, KeyFolder, Mode, Readers};
use crate::failure::{Explain as _, Failure};
use crate::keys::{KeyError, KeyService, Psam, Soft};
use crate::profile::Profile;
use crate::queue::QueueKeys;
use crate::reader::{Lease, RoleRule, TransportError, list_direct, open_direct, open_direct_by};
use crate::script::Library;
use crate::store::{Blacklist, Store};
use crate::world::{SystemClock, SystemRandom};

/// How long a command may hold a card.
pub(super) const WITHIN: Duration = Duration::from_secs(30);
/// What a card uses that names no algorithm, where no configuration says: a public driver of such cards does the same
/// (card-facts §1.1).
const DEFAULT_ALGORITHM: Algorithm = Algorithm::TripleDes;

/// How a command reaches the card.
#[derive(Debug, clap::Args)]
pub(super) struct Way {
    /// Open the readers itself instead of asking the daemon
    #[arg(long)]
    pub(super) direct: bool,
    /// The holder's reader: its name or an unambiguous beginning of it
    #[arg(long, value_name = "READER")]
    pub(super) reader: Option<String>,
    /// The PSAM's reader: its name or an unambiguous beginning of it
    #[arg(long, value_name = "READER", requires = "direct")]
    pub(super) psam_reader: Option<String>,
    /// Demonstration keys instead of a PSAM; only with --mode demo
    #[arg(long, value_name = "FILE", requires = "direct", conflicts_with = "psam_reader")]
    pub(super) keys: Option<PathBuf>,
    /// The terminal's mode
    #[arg(long, value_name = "MODE", value_parser = ["demo", "production"], default_value = "production")]
    pub(super) mode: String,
}

/// What the configuration, where there is one, says of cards.
pub(super) struct Settings {
    pub(super) scripts: Arc<Library>,
    pub(super) profile: Arc<Profile>,
    /// Why there is none, where there is none.
    store: Result<Arc<Store>, String>,
    /// The terminal's, which everybody at this machine shares, and why it cannot be used; `None` without a configuration.
    shared: Option<Result<Arc<Store>, String>>,
    pub(super) default_algorithm: Option<Algorithm>,
    /// Which cards are accepted.
    pub(super) accepted: Accepted,
    /// The terminal's list of refused cards, where the configuration has one.
    refused: Option<RefusedCards>,
    lenience: Lenience,
    /// How the readers are used.
    rules: Vec<RoleRule>,
    pub(super) initial_pins: InitialPins,
    /// How long a PIN pad waits for the holder.
    pub(super) pin: Duration,
    /// The keys of the configuration's journal.
    write_keys: Option<KeyFolder>,
    pub(super) random: SystemRandom,
    /// A configuration for production is in force: no argument makes it a demonstration.
    production: bool,
}

impl Settings {
    /// From the configuration that is in force; without one, what is built in, and a store of this user's own.
    pub(super) fn of(shell: &Shell) -> Result<Self, Problem> {
        let config = config::in_force(shell)?;
        let shared = config.as_ref().map(|config| remembering(&store_of(config)));
        let store = store(shared.as_ref());
        // Behind it, which makes the file where there is none.
        let refused = config.as_ref().and_then(refused);
        Ok(Self { store, shared, refused, ..Self::forgetful(config.as_ref())? })
    }

    /// The same without a store: what was learned before makes no difference, as a replay wants it.
    pub(super) fn without_store(shell: &Shell) -> Result<Self, Problem> {
        Self::forgetful(config::in_force(shell)?.as_ref())
    }

    fn forgetful(config: Option<&Config>) -> Result<Self, Problem> {
        let default_algorithm = match config {
            Some(config) => config.card.default_algorithm,
            None => Some(DEFAULT_ALGORITHM),
        };
        let accepted = config.map(|config| config.card.accepted.clone()).unwrap_or_default();
        let production = config.is_some_and(|config| config.mode == Mode::Production);
        let store = Err("none is wanted".to_owned());
        let (scripts, profile) = (Arc::new(scripts(config)?), Arc::new(profile(config)?));
        let Readers { rule: rules, pin } = config.map(|config| config.readers.clone()).unwrap_or_default();
        let write_keys = config.map(Config::journal_keys);
        let initial_pins = config.map(|config| config.card.initial_pins.clone()).unwrap_or_default();
        Ok(Self {
            scripts,
            profile,
            store,
            shared: None,
            default_algorithm,
            accepted,
            refused: None,
            lenience: config.map(|config| config.card.lenience()).unwrap_or_default(),
            rules,
            initial_pins,
            pin,
            write_keys,
            random: SystemRandom::default(),
            production,
        })
    }

    /// What work with a card needs, by these settings.
    pub(super) fn card_parts<'a>(&'a self, lease: &'a mut Lease, keys: &'a mut dyn KeyService) -> Parts<'a> {
        Parts {
            lease,
            keys,
            scripts: &self.scripts,
            profile: &self.profile,
            store: self.store(),
            pairs: self.pairs(),
            clock: &SystemClock,
            random: &self.random,
            default_algorithm: self.default_algorithm,
            initial_pins: &self.initial_pins,
            validation: self.validation(),
        }
    }

    /// By what a card is judged before anything on it is changed.
    pub(super) fn validation(&self) -> Validation<'_> {
        Validation { accepted: &self.accepted, refused: self.refused.as_ref(), lenience: self.lenience }
    }

    /// Where card types are remembered.
    pub(super) fn store(&self) -> Option<&Store> {
        self.store.as_deref().ok()
    }

    /// Where what is undertaken on cards is kept, and by which key it is sealed. It is the terminal's and nobody's own: what
    /// one user began and did not see end, another one would not know of.
    pub(super) fn writes(&self) -> Result<(&Store, Zeroizing<[u8; 32]>), Problem> {
        let unknown = |why: String| Problem::from_error(&CardError::WritesUnknown(why));
        let (Some(shared), Some(keys)) = (&self.shared, &self.write_keys) else {
            return Err(Failure::of(&errors::NO_JOURNAL).into());
        };
        let store = shared.as_deref().map_err(|why| unknown(why.clone()))?;
        Ok((store, load(keys).map_err(unknown)?.card_writes()))
    }

    /// The key of bank cards' tokens. Without a configuration that this user may read there is none: a token that no
    /// terminal gives is of no use.
    pub(super) fn bank_tokens(&self) -> Option<TokenKey> {
        let keys = self.write_keys.as_ref().and_then(|keys| load(keys).ok());
        keys.map(|keys| TokenKey::new(&keys.bank_tokens()))
    }

    /// Where it is kept which cards refused these keys.
    pub(super) fn pairs(&self) -> Pairs<'_> {
        match &self.store {
            Ok(store) => Pairs::Command(store),
            Err(why) => Pairs::Nowhere(why),
        }
    }
}

fn load(keys: &KeyFolder) -> Result<QueueKeys, String> {
    let (KeyFolder::Own(folder) | KeyFolder::Given(folder)) = keys;
    QueueKeys::load(folder).map_err(|error| error.to_string())
}

fn scripts(config: Option<&Config>) -> Result<Library, Problem> {
    match config.and_then(|config| config.scripts.clone()) {
        None => Ok(Library::builtin()),
        Some(folder) => Library::over_builtin(&texts(folder, "apdu")?).map_err(|mistakes| script::told(&mistakes)),
    }
}

fn profile(config: Option<&Config>) -> Result<Profile, Problem> {
    match config.and_then(|config| config.card_profile.clone()) {
        None => Ok(Profile::builtin()),
        Some(folder) => Profile::over_builtin(&texts(folder, "toml")?).map_err(|mistakes| script::told(&mistakes)),
    }
}

/// The files of a folder that end so, each by its name.
fn texts(folder: PathBuf, ending: &str) -> Result<Vec<(String, String)>, Problem> {
    let read = |path: PathBuf| Ok((path.display().to_string(), shell::read_text(&path)?));
    shell::files(&[folder], ending)?.into_iter().map(read).collect()
}

/// Where a store may be: the terminal's, where there is one, then this user's own.
fn store_files(config: Option<&Config>) -> Vec<PathBuf> {
    let own = own_state().map(|state| state.join("sbkd/store.db"));
    config.map(store_of).into_iter().chain(own).collect()
}

/// Where this user's programs keep their state.
fn own_state() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")))
}

/// The first store that can be had, the terminal's or this user's own, so that a card that refuses the keys is left alone
/// by whoever runs the command; else why there is none. A card that need not be shown the terminal's keys is read without
/// one.
fn store(shared: Option<&Result<Arc<Store>, String>>) -> Result<Arc<Store>, String> {
    let why = match shared {
        Some(Ok(store)) => return Ok(Arc::clone(store)),
        Some(Err(why)) => Some(why.clone()),
        None => None,
    };
    let own = own_state().ok_or_else(|| "neither XDG_STATE_HOME nor HOME is set".to_owned());
    let own = own.and_then(|state| remembering(&state.join("sbkd/store.db")));
    own.map_err(|own| why.into_iter().chain([own]).collect::<Vec<_>>().join("; "))
}

/// A store, or why it cannot be used.
fn remembering(file: &Path) -> Result<Arc<Store>, String> {
    open_store(file).map(Arc::new).map_err(|error| {
        tracing::warn!(file = %file.display(), %error, "nothing is remembered of cards here");
        format!("{}: {error}", file.display())
    })
}

fn open_store(file: &Path) -> Result<Store, String> {
    file.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(|error| error.to_string())?;
    Store::open(file).map_err(|error| error.to_string())
}

/// Releases the pairs of keys and cards that were held apart; how many there were.
pub(super) fn release(shell: &Shell) -> Result<usize, Problem> {
    let config = config::in_force(shell)?;
    // One that may not be looked for is not released, and that is told.
    let there = store_files(config.as_ref()).into_iter().filter(|file| !matches!(file.try_exists(), Ok(false)));
    there.map(|file| own_store(&file)?.release_pairs().map_err(|error| Problem::from_error(&error))).sum()
}

/// The terminal's store.
pub(super) fn store_of(config: &Config) -> PathBuf {
    config.state.join("store.db")
}

/// The terminal's list of refused cards. No other store has it: where that one may not be used, there is no list to go by.
fn refused(config: &Config) -> Option<RefusedCards> {
    let rules = config.card.blacklist.as_ref()?;
    Some(match own_store(&store_of(config)) {
        Ok(store) => RefusedCards::new(Arc::new(Blacklist::new(&config.state, Arc::new(store))), rules.max_age),
        Err(failure) => RefusedCards::away(failure),
    })
}

/// A store that this user may use.
pub(super) fn own_store(file: &Path) -> Result<Store, Failure> {
    use rustix::fs::{Access, access};
    if access(file, Access::READ_OK | Access::WRITE_OK) == Err(rustix::io::Errno::ACCESS) {
        return Err(Failure::with(&crate::store::errors::RIGHTS, file.display().to_string()));
    }
    Store::open(file).map_err(|error| error.failure())
}

impl Way {
    /// The holder's card. Without a name: the one reader with a card that is not the PSAM's.
    pub(super) fn card(&self, settings: &Settings) -> Result<Lease, Problem> {
        let open = |name: Option<String>| open_direct_by(&settings.rules, name.as_deref(), WITHIN);
        self.card_name().and_then(open).map_err(|error| error.failure().into())
    }

    /// The name of the holder's reader; none stands for the only one that has a card.
    pub(super) fn card_name(&self) -> Result<Option<String>, TransportError> {
        match (&self.reader, &self.psam_reader) {
            (None, Some(psam)) => Ok(only(&others(|name| !name.starts_with(psam))?)),
            (reader, _) => Ok(reader.clone()),
        }
    }

    /// The keys. Without a name: the PSAM in the one reader with a card that is not the holder's.
    pub(super) fn keys(&self, card: &Lease, settings: &Settings) -> Result<Box<dyn KeyService>, Problem> {
        self.open_keys(card, settings).map_err(|error| error.failure().into())
    }

    fn open_keys(&self, card: &Lease, settings: &Settings) -> Result<Box<dyn KeyService>, KeyError> {
        if let Some(file) = &self.keys {
            return Ok(Box::new(Soft::load(file, self.mode == "demo" && !settings.production)?));
        }
        let name = self.psam_name(card.reader())?;
        // It waits while the holder types at a pad.
        let lease = open_direct(Some(&name), WITHIN + settings.pin).map_err(no_psam)?;
        Ok(Box::new(Psam::new(lease, settings.scripts.clone(), settings.profile.clone(), settings.store.clone().ok())))
    }

    /// The name of the PSAM's reader, when the holder's card is in `card`.
    pub(super) fn psam_name(&self, card: &str) -> Result<String, KeyError> {
        match &self.psam_reader {
            Some(name) if name == card => Err(KeyError::NoPsam),
            Some(name) => Ok(name.clone()),
            None => match others(|name| name != card)?.as_slice() {
                [] => Err(KeyError::NoPsam),
                [name] => Ok(name.clone()),
                names => Err(KeyError::SeveralPsams(names.join(", "))),
            },
        }
    }
}

/// A reader without a card, or none, is a PSAM that is not there.
pub(super) fn no_psam(error: TransportError) -> KeyError {
    match error {
        TransportError::NoCard(_) | TransportError::NoReader(_) => KeyError::NoPsam,
        other => KeyError::Transport(other),
    }
}

/// Readers with a card whose names are not the one that is taken.
fn others(other: impl Fn(&str) -> bool) -> Result<Vec<String>, TransportError> {
    let readers = list_direct()?.into_iter().filter(|reader| reader.card && other(&reader.name));
    Ok(readers.map(|reader| reader.name).collect())
}

fn only(names: &[String]) -> Option<String> {
    match names {
        [name] => Some(name.clone()),
        _ => None,
    }
}
