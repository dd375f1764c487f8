//! The packs in force, and how others take their place while the terminal runs.
//!
//! The folder is looked at again and again, and at once when somebody asks. What is found there is loaded beside what is
//! in force, its cases run and its signatures proved; only then does it take its place, for the cases that are opened
//! from then on. What has a mistake changes nothing, and is told once.

use std::path::Path;
use std::sync::{Mutex, Weak};
use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::event::What;
use super::folder::{self, Marks, PackFiles};
use super::inner::{Inner, lock};
use super::kept;
use super::setup::SetupError;
use super::taken::Taken;
use crate::failure::Diagnostic;
use crate::rules::{PackInfo, PackRef, Packs, Source};
use crate::scenario::{Entry, Scenario};

/// Where the packs in force are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = PolicyOrigin)]
pub enum Origin {
    /// They are part of the program: no folder is configured.
    BuiltIn,
    /// The folder, as it is now or, where what is there now was refused, as it was before.
    Folder,
    /// An earlier run of the daemon took them up; what was in the folder at this one's start has a mistake.
    LastGood,
}

/// What is in the folder and is not taken up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PolicyRefused)]
pub struct Refused {
    /// When that was found.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why, a line each.
    pub why: String,
    /// Those of the mistakes that have a place in a file.
    pub mistakes: Vec<Diagnostic>,
}

/// How it stands with the packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PolicyHealth)]
pub struct PolicyHealth {
    /// Where those in force are from.
    pub origin: Origin,
    /// Since when they are in force.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// What is in the folder instead, and why it is not taken up.
    #[schema(required)]
    pub refused: Option<Refused>,
    /// The scenarios that are carried out here and of which no pack holds today, by id: a case of one is refused, but for
    /// an earlier day that its form says.
    pub no_pack_today: Vec<String>,
}

/// The packs in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Policy {
    /// How it stands with them.
    #[serde(flatten)]
    pub health: PolicyHealth,
    /// Each of them.
    pub packs: Vec<PackInfo>,
}

/// What came of looking at the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reloaded {
    /// Others are in force now.
    pub changed: bool,
    /// What is in force now.
    #[serde(flatten)]
    pub policy: Policy,
}

/// The packs in force.
pub(super) struct InForce {
    /// Held while the folder is looked at, so that one looks at a time.
    look: Mutex<Look>,
    now: Mutex<Now>,
}

struct Now {
    packs: Packs,
    origin: Origin,
    since: Timestamp,
    refused: Option<Refused>,
    /// What stands for the files they were read from.
    content: [u8; 32],
}

/// What was seen of the folder.
#[derive(Default)]
struct Look {
    last: Option<Marks>,
    /// What is there looked like this when it was judged.
    judged: Option<Marks>,
}

impl InForce {
    pub(super) fn new(taken: Taken, now: Timestamp) -> Self {
        Self { look: Mutex::default(), now: Mutex::new(Now::of(taken, now)) }
    }
}

impl Now {
    fn of(taken: Taken, now: Timestamp) -> Self {
        let refused = taken.refused.as_ref().map(|error| Refused::of(error, now));
        let since = taken.since.unwrap_or(now);
        Self { packs: taken.packs, origin: taken.origin, since, refused, content: content(&taken.sources) }
    }
}

impl Refused {
    fn of(error: &SetupError, at: Timestamp) -> Self {
        Self { at, why: error.to_string(), mistakes: error.mistakes().to_vec() }
    }
}

impl Look {
    /// The folder's packs; `None` when there is nothing to look into. A file that is being written looks otherwise the
    /// next time: unless somebody asks, only what looks the same twice is read.
    fn read(&mut self, folder: &Path, at_once: bool) -> Option<Result<PackFiles, SetupError>> {
        let marks = folder::marks(folder);
        if !at_once {
            let settled = self.last.as_ref() == Some(&marks);
            self.last = Some(marks.clone());
            if !settled || self.judged.as_ref() == Some(&marks) {
                return None;
            }
        }
        let read = folder::sources(folder);
        if folder::marks(folder) != marks {
            self.last = None;
            let error = || SetupError::Place(format!("{}: its files are being written", folder.display()));
            return at_once.then(|| Err(error()));
        }
        // What could not be read is tried again: that it can be may not show.
        self.judged = read.as_ref().is_ok_and(|files| files.unread.is_empty()).then_some(marks);
        Some(read)
    }
}

impl Inner {
    /// The packs in force now. Who holds them keeps them, whatever takes their place.
    pub(super) fn packs(&self) -> Packs {
        lock(&self.in_force.now).packs.clone()
    }

    pub(super) fn policy_health(&self) -> PolicyHealth {
        self.health_of(&lock(&self.in_force.now))
    }

    pub(super) fn policy(&self) -> Policy {
        let now = lock(&self.in_force.now);
        Policy { health: self.health_of(&now), packs: now.packs.list() }
    }

    fn health_of(&self, now: &Now) -> PolicyHealth {
        let lacking = self.catalogue.lacking_packs(&now.packs, self.business_day()).map(|entry| entry.id.clone());
        let Now { origin, since, ref refused, .. } = *now;
        PolicyHealth { origin, since, refused: refused.clone(), no_pack_today: lacking.collect() }
    }

    /// A scenario as it is listed today.
    pub(super) fn listed(&self, scenario: &Scenario) -> Entry {
        scenario.listed(&self.packs(), self.business_day())
    }

    /// What a terminal starts with is told, and kept for the next start.
    pub(super) fn begin_with(&self, sources: &[Source]) {
        let Policy { health, packs } = self.policy();
        for info in &packs {
            in_force(&info.pack);
        }
        match (&health.refused, &self.parts.config.policy) {
            (Some(refused), _) => {
                tracing::error!(since = %health.since, "the policy packs of an earlier run stay in force");
                self.tell_refused(refused);
            }
            (None, Some(folder)) => self.keep(folder, sources, health.since),
            (None, None) => {}
        }
    }

    /// Looks at the folder of packs, and takes up what is there. Whether others are in force now. Blocks.
    ///
    /// # Errors
    /// What is wrong there; then nothing has changed.
    pub(super) fn take_up(&self, at_once: bool) -> Result<bool, SetupError> {
        let Some(folder) = &self.parts.config.policy else { return Ok(false) };
        let mut look = lock(&self.in_force.look);
        let Some(read) = look.read(folder, at_once) else { return Ok(false) };
        let found = read.and_then(|files| self.other(files));
        // Proving them takes its time, and none is in force before.
        let now = self.parts.clock.now();
        match found {
            Ok(None) => {
                self.mended();
                Ok(false)
            }
            Ok(Some(taken)) => {
                let packs: Vec<PackRef> = taken.packs.list().into_iter().map(|info| info.pack).collect();
                self.keep(folder, &taken.sources, now);
                *lock(&self.in_force.now) = Now::of(taken, now);
                tracing::info!(packs = packs.len(), "other policy packs are in force");
                packs.iter().for_each(in_force);
                self.log.tell(What::Policy { change: "taken-up", packs, why: None });
                Ok(true)
            }
            Err(error) => {
                self.refused(Refused::of(&error, now), at_once);
                Err(error)
            }
        }
    }

    /// What was read, if it is not what is in force.
    fn other(&self, files: PackFiles) -> Result<Option<Taken>, SetupError> {
        if files.wrong().is_empty() && content(&files.sources) == lock(&self.in_force.now).content {
            return Ok(None);
        }
        Taken::of(files, &self.parts.config, &self.catalogue).map(Some)
    }

    /// The folder has again what is in force.
    fn mended(&self) {
        let refused = {
            let mut now = lock(&self.in_force.now);
            now.origin = Origin::Folder;
            now.refused.take()
        };
        if refused.is_some() {
            tracing::info!("the policy packs in the folder are again those in force");
            self.log.tell(What::Policy { change: "mended", packs: Vec::new(), why: None });
        }
    }

    /// Told once, and again when something else is wrong; who asks is answered in the log each time.
    fn refused(&self, refused: Refused, asked: bool) {
        let known = {
            let mut now = lock(&self.in_force.now);
            let known = now.refused.as_ref().is_some_and(|known| known.why == refused.why);
            if !known {
                now.refused = Some(refused.clone());
            }
            known
        };
        match (known, asked) {
            (false, _) => self.tell_refused(&refused),
            (true, true) => log_refused(&refused),
            (true, false) => {}
        }
    }

    fn tell_refused(&self, refused: &Refused) {
        log_refused(refused);
        self.log.tell(What::Policy { change: "refused", packs: Vec::new(), why: Some(refused.why.clone()) });
    }

    fn keep(&self, folder: &Path, sources: &[Source], since: Timestamp) {
        if let Err(error) = kept::keep(&self.parts.config.state, folder, sources, since, &*self.parts.random) {
            tracing::warn!(%error, "the policy packs in force are not kept for the next start");
        }
    }
}

/// Looks at the folder again and again. Ends with the terminal.
pub(super) async fn watch(inner: Weak<Inner>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        // What is wrong was told.
        let looked = tokio::task::spawn_blocking(move || drop(inner.take_up(false))).await;
        if let Err(error) = looked {
            tracing::error!(%error, "a defect while the folder of packs was looked at");
        }
    }
}

fn log_refused(refused: &Refused) {
    for why in refused.why.lines() {
        tracing::error!(why, "policy packs are not taken up: those of before stay in force");
    }
}

fn in_force(pack: &PackRef) {
    let signed_by = pack.signed_by.as_deref();
    tracing::info!(id = %pack.id, version = %pack.version, sha256 = %pack.sha256, signed_by, "a policy pack is in force");
}

/// What tells files from others: their names, texts and signatures.
fn content(sources: &[Source]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for Source { file, text, signature } in sources {
        for part in [Some(file), Some(text), signature.as_ref()] {
            // The length before each part: no two lists of parts are the same bytes. One that is not there has none.
            context.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            context.update(part.map_or(b"", |part| part.as_bytes()));
        }
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
