//! The list of refused cards: looked into before a case goes on, and taken in again when its file changes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::event::What;
use super::file::{open_regular, read_file};
use super::inner::{Inner, lock};
use crate::card::{Reading, RefusedCards, Validation, Verdict};
use crate::config::BlacklistRules;
use crate::failure::{Explain as _, Failure};
use crate::rules::{LARGEST_SIGNATURE, SIGNATURE_ENDING};
use crate::store::{Blacklist, BlacklistInfo, ListError, ListFile, ListInfo as _, ListKind};

/// A list that lies in the file and is not taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BlacklistRefused {
    /// When that was found.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why.
    pub why: Failure,
}

/// How it stands with the list of refused cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BlacklistHealth {
    /// The list in force; `None` where there is none to look into.
    #[schema(required)]
    pub list: Option<BlacklistInfo>,
    /// How long ago the list in force was made, in seconds.
    #[schema(required)]
    pub age_secs: Option<u64>,
    /// It was made longer ago than the configuration wants.
    pub old: bool,
    /// Why the list that was taken in cannot be looked into.
    #[schema(required)]
    pub failure: Option<Failure>,
    /// What lies in the file instead, and is not taken in.
    #[schema(required)]
    pub refused: Option<BlacklistRefused>,
}

impl BlacklistHealth {
    /// There is a list to go by, and none that is refused.
    pub(super) fn is_well(&self) -> bool {
        self.list.is_some() && !self.old && self.refused.is_none()
    }
}

/// The list, and what was seen of its file.
pub(super) struct Refusing {
    rules: BlacklistRules,
    list: Arc<Blacklist>,
    cards: RefusedCards,
    look: Mutex<Look>,
}

/// How many looks are let go by after a failure that is none of the list's own: a disk that is full takes each try long.
const PAUSE: u32 = 12;

#[derive(Default)]
struct Look {
    last: Option<Marks>,
    /// What is there looked like this when it was judged.
    judged: Option<Marks>,
    /// So many looks more are let go by, unless something changes.
    pause: u32,
    refused: Option<BlacklistRefused>,
}

/// What tells a file and its signature from others without reading them: inode, time of change, size.
type Marks = [Option<(u64, i64, i64, u64)>; 2];

impl Refusing {
    pub(super) fn new(rules: BlacklistRules, list: Blacklist) -> Self {
        let list = Arc::new(list);
        let cards = RefusedCards::new(Arc::clone(&list), rules.max_age);
        Self { rules, list, cards, look: Mutex::default() }
    }

    fn health(&self, now: Timestamp) -> BlacklistHealth {
        let (list, failure) = match self.list.in_force() {
            Ok(list) => (list, None),
            Err(error) => (None, Some(error.failure())),
        };
        BlacklistHealth {
            age_secs: list.as_ref().map(|list| list.age_secs(now)),
            old: list.as_ref().is_some_and(|list| list.is_older(self.rules.max_age, now)),
            list,
            failure,
            refused: lock(&self.look).refused.clone(),
        }
    }
}

impl Inner {
    /// What the validity step goes by; in a case the scenario says besides whether an expired card is let pass.
    pub(super) fn validation(&self) -> Validation<'_> {
        let card = &self.parts.config.card;
        let refused = self.refusing.as_ref().map(|refusing| &refusing.cards);
        Validation { accepted: &card.accepted, refused, lenience: card.lenience() }
    }

    /// Whether the card may be used now: all that speaks against it.
    pub(super) fn verdict(&self, reading: &Reading) -> Verdict {
        self.validation().verdict(reading.card(), &*self.parts.clock)
    }

    pub(super) fn blacklist_health(&self) -> Option<BlacklistHealth> {
        self.refusing.as_ref().map(|refusing| refusing.health(self.parts.clock.now()))
    }

    /// Looks at the list's file, and takes in what has changed there. What is being written has no signature that holds:
    /// to say nothing of it, only what looks the same twice is read. Blocks.
    pub(super) fn take_in_list(&self) {
        let Some((refusing, file)) =
            self.refusing.as_ref().and_then(|refusing| Some((refusing, refusing.rules.file.as_ref()?)))
        else {
            return;
        };
        let marks: Marks = [mark(file), mark(&signature_file(file))];
        {
            let mut look = lock(&refusing.look);
            let settled = look.last.is_none_or(|last| last == marks);
            look.last = Some(marks);
            look.pause = if settled { look.pause.saturating_sub(1) } else { 0 };
            // The same file mends a list that is damaged.
            let judged = look.judged == Some(marks) && matches!(refusing.list.in_force(), Ok(Some(_)));
            if !settled || judged || look.pause > 0 {
                return;
            }
        }
        let taken = list_file(file)
            .and_then(|mut list| refusing.list.import(&mut list, &refusing.rules.keys, self.parts.clock.now()));
        let told = {
            let mut look = lock(&refusing.look);
            let retry = taken.as_ref().is_err_and(|error| !error.is_final());
            look.judged = (!retry).then_some(marks);
            look.pause = if retry { PAUSE } else { 0 };
            let before = look.refused.take();
            match &taken {
                Ok(_) => before.is_some(),
                Err(error) => {
                    let why = error.failure();
                    let known = before.filter(|before| before.why == why);
                    let first = known.is_none();
                    let at = self.parts.clock.now();
                    look.refused = Some(known.unwrap_or(BlacklistRefused { at, why }));
                    first
                }
            }
        };
        match taken {
            Ok(taken) if taken.changed => {
                let list = &taken.list;
                tracing::info!(
                    serial = list.serial,
                    cards = list.cards,
                    ranges = list.ranges,
                    "another blacklist is in force"
                );
                self.log.tell(What::Blacklist { change: "taken-up", serial: Some(list.serial), why: None });
            }
            Ok(taken) if told => {
                tracing::info!(serial = taken.list.serial, "the blacklist's file has again what is in force");
                self.log.tell(What::Blacklist { change: "mended", serial: Some(taken.list.serial), why: None });
            }
            Err(error) if told => {
                tracing::error!(%error, "the blacklist is not taken in: what was in force before is so still");
                self.log.tell(What::Blacklist { change: "refused", serial: None, why: Some(error.failure()) });
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// A list, open, with the signature beside it.
///
/// # Errors
/// When one of the two cannot be read.
pub fn list_file<K: ListKind>(file: &Path) -> Result<ListFile, ListError<K>> {
    let failed = |path: &Path, error: std::io::Error| ListError::File {
        file: path.display().to_string(),
        why: error.to_string(),
    };
    let beside = signature_file(file);
    let signature = match read_file(&beside, LARGEST_SIGNATURE as u64) {
        // What is no text is no signature that holds either.
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(&beside, error)),
    };
    let open = open_regular(file).map_err(|error| failed(file, error))?;
    Ok(ListFile { name: file.display().to_string(), file: open, signature })
}

fn signature_file(list: &Path) -> PathBuf {
    let mut name = list.as_os_str().to_owned();
    name.push(SIGNATURE_ENDING);
    PathBuf::from(name)
}

fn mark(file: &Path) -> Option<(u64, i64, i64, u64)> {
    let found = fs::metadata(file).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
}

/// Looks at the list's file again and again. Ends with the terminal.
pub(super) async fn watch(inner: Weak<Inner>, every: std::time::Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || inner.take_in_list()).await {
            tracing::error!(%error, "a defect while the blacklist's file was looked at");
        }
    }
}
