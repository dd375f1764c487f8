//! One case, and all of them: who has which reader, which key opened which case, how many are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::deciding::Ended;
use super::json::JsonText;
use super::notice::Notice;
use super::plan::Plan;
use super::view::{CaseState, CaseView, HolderView, NewCase};
use super::who::Who;
use crate::queue::State;
use crate::reader::{ReaderState, Role};
use crate::rules::Packs;
use crate::scenario::{Definition, Form, Proof};
use crate::slip::Copies;

/// How much all ended cases that are kept may show together, in bytes. A bill of 500 lines shows half a megabyte.
const MOST_SHOWN: usize = 8 * 1024 * 1024;

/// How long an ended case still has what was found, and the page of it with the holder's full name: time enough to print
/// it. Whoever has the case's id could read it as long as the case is kept.
const FOUND_FOR: SignedDuration = SignedDuration::from_mins(10);

/// A case with what the doors do not see. What is personal, or large, is forgotten as soon as it has ended.
pub(super) struct Case {
    pub(super) view: CaseView,
    pub(super) tell: watch::Sender<CaseView>,
    /// Rises with each move: work begun at an earlier step no longer counts.
    pub(super) step: u64,
    pub(super) definition: Arc<Definition>,
    /// The packs that were in force when it was opened: it ends with them.
    pub(super) packs: Option<Packs>,
    /// The reader that was named.
    pub(super) wanted: Option<String>,
    /// The caller's key.
    pub(super) key: Option<String>,
    /// How often a card had left the reader when this one was taken.
    pub(super) removals: u64,
    pub(super) form: Option<Arc<Form>>,
    pub(super) who: Option<Arc<Who>>,
    pub(super) plan: Option<Arc<Plan>>,
    /// Ends it when nobody goes on.
    pub(super) patience: Option<Patience>,
    /// What is told to nobody until the holder has proved themselves.
    pub(super) held_back: Option<HeldBack>,
    /// Whoever agreed wants it printed.
    pub(super) print: bool,
    /// The holder and what they are to be told, while the form keeps them secret.
    concealed: Option<(Option<HolderView>, Option<Vec<Notice>>)>,
    /// What is printed of it, once it has ended.
    pub(super) paper: Option<Copies>,
    /// The paper is a page of what was found, and goes with that.
    pub(super) is_page: bool,
    /// The state of its transaction that the paper was made anew by, once it was.
    pub(super) paper_says: Option<State>,
    /// Its transaction, settled, while no door has given out that it was.
    pub(super) untold: Option<Untold>,
}

/// What was looked up and decided, and who only has the card is not to know.
pub(super) struct HeldBack {
    /// Shown once it is committed that it was.
    pub(super) found: Option<JsonText>,
    /// Shown as soon as the PIN was verified.
    pub(super) decision: Option<JsonText>,
    /// How the case ends then, where nothing is committed.
    pub(super) end: Option<Ended>,
}

/// What a case is to tell.
#[derive(Clone, Copy)]
pub(super) struct Untold {
    pub(super) transaction: Uuid,
    /// When the case ended; what becomes of its transaction since moves the case, and not this.
    pub(super) ended_at: Timestamp,
}

/// How long somebody is waited for: ends their case, and is called off when dropped.
pub(super) struct Patience(pub(super) AbortHandle);

impl Drop for Patience {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Case {
    /// Takes a reader's card, if it waits for one there.
    fn takes(&self, reader: &str) -> bool {
        self.view.state == CaseState::WaitingCard && self.wanted.as_deref().is_none_or(|wanted| wanted == reader)
    }

    /// Whether the form in hand keeps the holder secret. Of what is taken back nobody has looked yet whose it is.
    pub(super) fn is_secret(&self) -> bool {
        let said = self.form.as_ref().is_some_and(|form| self.definition.is_confidential(form));
        said || self.view.undo.is_some() && self.definition.confidential.is_some()
    }

    /// Takes the holder, and what they are to be told, out of what is shown; or shows both again.
    pub(super) fn conceal(&mut self, is_secret: bool) {
        let view = &mut self.view;
        if !is_secret {
            if let Some((holder, notices)) = self.concealed.take() {
                (view.holder, view.notices) = (holder, notices);
            }
        } else if self.concealed.is_none() {
            self.concealed = Some((view.holder.take(), view.notices.replace(Vec::new())));
        }
    }

    /// Forgets what is personal in a case that has come to its end, before anybody is shown that.
    pub(super) fn forget(&mut self) {
        self.packs = None;
        self.form = None;
        self.who = None;
        self.plan = None;
        self.held_back = None;
        self.concealed = None;
        if self.view.state == CaseState::Done {
            return;
        }
        // What was found is shown to who asked for it, and to nobody of a case that came to nothing.
        self.view.found = None;
        // Nor does anybody need to know who did not go on with a report that may be kept secret.
        if self.definition.confidential.is_some() {
            (self.view.holder, self.view.notices) = (None, Some(Vec::new()));
        }
    }

    /// Forgets what was found, and the page of it.
    fn forget_found(&mut self) {
        self.view.found = None;
        if self.is_page {
            self.paper = None;
        }
        // Who follows the case is not told anew, and finds it so.
        self.tell.send_if_modified(|view| {
            view.found = None;
            false
        });
    }

    /// About how much it shows, in bytes.
    fn size(&self) -> usize {
        self.view.size() + self.paper.as_ref().map_or(0, Copies::size)
    }
}

/// An ended case that is kept.
struct Kept {
    id: Uuid,
    ended_at: Timestamp,
    /// What it shows, in bytes.
    size: usize,
    /// What was found is forgotten.
    has_forgotten: bool,
}

impl Kept {
    /// Whether it ended too long ago for what was found. A clock that was set back is as far from the end as one that went
    /// on.
    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.ended_at).abs() >= FOUND_FOR
    }
}

/// All cases of this run that are still kept.
#[derive(Default)]
pub(super) struct Cases {
    all: BTreeMap<Uuid, Case>,
    keys: HashMap<String, (Uuid, [u8; 32])>,
    ended: VecDeque<Kept>,
    /// How much the ended ones show, in bytes.
    shown: usize,
    removals: HashMap<String, u64>,
    /// Readers whose card is being read, by a case that may have been given up meanwhile, or outside any.
    in_use: BTreeSet<String>,
}

impl Cases {
    pub(super) fn get(&self, id: Uuid) -> Option<&Case> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: Uuid) -> Option<&mut Case> {
        self.all.get_mut(&id)
    }

    /// The case that a key opened, and the hash of what it was opened with.
    pub(super) fn by_key(&self, key: &str) -> Option<(Uuid, [u8; 32])> {
        self.keys.get(key).copied()
    }

    pub(super) fn insert(&mut self, case: Case, content: [u8; 32]) {
        if let Some(key) = &case.key {
            self.keys.insert(key.clone(), (case.view.id, content));
        }
        self.all.insert(case.view.id, case);
    }

    /// The ended cases that show a transaction: the one that committed it, and those that ended on finding it.
    pub(super) fn showing(&mut self, transaction: Uuid) -> impl Iterator<Item = &mut Case> {
        let id = transaction.to_string();
        self.all.values_mut().filter(move |case| {
            let shown = case.view.transaction.as_ref().and_then(|row| row.get("id")).and_then(Value::as_str);
            shown == Some(&id) && case.view.state.is_final()
        })
    }

    /// The transactions that ended cases show.
    pub(super) fn transactions(&self) -> Vec<Uuid> {
        let ended = self.all.values().filter(|case| case.view.state.is_final());
        let shown = ended.filter_map(|case| case.view.transaction.as_ref()?.get("id")?.as_str()?.parse().ok());
        shown.collect()
    }

    /// All that are kept, to be changed.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Case> {
        self.all.values_mut()
    }

    /// All that are kept.
    pub(super) fn all(&self) -> impl Iterator<Item = &Case> {
        self.all.values()
    }

    /// Cases that have not ended.
    pub(super) fn live(&self) -> impl Iterator<Item = &Case> {
        self.all.values().filter(|case| !case.view.state.is_final())
    }

    /// Keeps a case that ends now, and forgets the oldest ended ones above `keep` or [`MOST_SHOWN`]; this one stays.
    pub(super) fn end(&mut self, id: Uuid, keep: usize, now: Timestamp) {
        self.forget_found(now);
        if let Some(case) = self.all.get(&id) {
            let size = case.size();
            self.ended.push_back(Kept { id, ended_at: now, size, has_forgotten: false });
            self.shown += size;
        }
        while self.ended.len() > keep || (self.shown > MOST_SHOWN && self.ended.len() > 1) {
            let Some(Kept { id: oldest, size, .. }) = self.ended.pop_front() else { return };
            self.shown -= size;
            if let Some(key) = self.all.remove(&oldest).and_then(|case| case.key) {
                self.keys.remove(&key);
            }
        }
    }

    /// Forgets what was found in the cases that ended [`FOUND_FOR`] ago.
    pub(super) fn forget_found(&mut self, now: Timestamp) {
        for kept in self.ended.iter_mut().filter(|kept| !kept.has_forgotten && kept.is_over(now)) {
            kept.has_forgotten = true;
            if let Some(case) = self.all.get_mut(&kept.id) {
                case.forget_found();
                self.shown = self.shown - kept.size + case.size();
                kept.size = case.size();
            }
        }
    }

    /// A card left a reader.
    pub(super) fn removed(&mut self, reader: &str) {
        *self.removals.entry(reader.to_owned()).or_default() += 1;
    }

    /// How often a card left a reader.
    pub(super) fn removals(&self, reader: &str) -> u64 {
        self.removals.get(reader).copied().unwrap_or(0)
    }

    /// Whether the card that a case was read from is still where it was.
    pub(super) fn card_stayed(&self, case: &Case) -> bool {
        case.view.reader.as_deref().is_none_or(|reader| self.removals(reader) == case.removals)
    }

    /// Whether a live case has a reader's card.
    pub(super) fn claimed(&self, reader: &str) -> bool {
        self.live().any(|case| case.view.reader.as_deref() == Some(reader))
    }

    /// Takes a reader for reading its card; `false` when its card is being read already.
    pub(super) fn take(&mut self, reader: &str) -> bool {
        self.in_use.insert(reader.to_owned())
    }

    /// Gives a reader back.
    pub(super) fn give_back(&mut self, reader: &str) {
        self.in_use.remove(reader);
    }

    /// Which waiting cases may now take which reader's card: the oldest first, a reader once.
    pub(super) fn matches(&self, readers: &[ReaderState]) -> Vec<(Uuid, String)> {
        let mut free: Vec<&str> = readers
            .iter()
            .filter(|reader| reader.role == Some(Role::Holder) && reader.card)
            .filter(|reader| !self.claimed(&reader.name) && !self.in_use.contains(&reader.name))
            .map(|reader| reader.name.as_str())
            .collect();
        let mut out = Vec::new();
        // Ids are of their time, so the order is that of opening.
        for case in self.all.values() {
            if let Some(at) = free.iter().position(|reader| case.takes(reader)) {
                out.push((case.view.id, free.swap_remove(at).to_owned()));
            }
        }
        out
    }

    /// Cases that wait for a card, or for any reader's, while this many readers are there: whether one more may wait.
    pub(super) fn room_for(&self, wanted: Option<&str>, readers: &[ReaderState]) -> bool {
        let waits_at = |case: &Case, reader: &str| case.takes(reader) && case.wanted.is_some();
        match wanted {
            Some(reader) => !self.claimed(reader) && !self.live().any(|case| waits_at(case, reader)),
            None => {
                let usable = readers.iter().filter(|r| !matches!(r.role, Some(Role::Psam | Role::Ignored))).count();
                // Before any reader is known, one case may wait for it.
                self.live().count() < usable.max(1)
            }
        }
    }
}

/// A case as it begins.
pub(super) fn fresh(
    id: Uuid,
    definition: Arc<Definition>,
    packs: Packs,
    operator: String,
    demo_date: bool,
    now: Timestamp,
) -> (Case, watch::Receiver<CaseView>) {
    let view = CaseView {
        id,
        scenario: definition.id.clone(),
        kind: definition.kind,
        undo: None,
        state: CaseState::WaitingCard,
        needs_pin: definition.card == Proof::Pin,
        operator,
        shift: None,
        reader: None,
        holder: None,
        notices: Some(Vec::new()),
        findings: Vec::new(),
        business_date: None,
        business_date_is_demo: demo_date,
        decision: None,
        centre: None,
        found: None,
        differences: Vec::new(),
        as_of: None,
        provisional: false,
        limits: None,
        transaction: None,
        duplicate: false,
        slip: None,
        failure: None,
        created_at: now,
        updated_at: now,
    };
    let (tell, follow) = watch::channel(view.clone());
    let case = Case {
        view,
        tell,
        step: 0,
        definition,
        packs: Some(packs),
        wanted: None,
        key: None,
        removals: 0,
        form: None,
        who: None,
        plan: None,
        patience: None,
        held_back: None,
        print: true,
        concealed: None,
        paper: None,
        is_page: false,
        paper_says: None,
        untold: None,
    };
    (case, follow)
}

/// What tells two openings with the same key apart.
pub(super) fn content(new: &NewCase, operator: &str) -> [u8; 32] {
    let NewCase { scenario, part, reader, input, undo, reason, .. } = new;
    let text =
        zeroize::Zeroizing::new(serde_json::json!([scenario, part, operator, reader, input, undo, reason]).to_string());
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::json::JsonText;
    use super::*;
    use crate::scenario::Catalogue;

    static OPENED: LazyLock<(Arc<Definition>, Packs)> = LazyLock::new(|| {
        let catalogue = Catalogue::builtin().unwrap();
        (Arc::clone(catalogue.scenario("medical-settlement").unwrap().part(None).unwrap()), Packs::builtin())
    });

    fn ended(cases: &mut Cases, n: u8, key: Option<&str>, shown: usize, keep: usize) -> Uuid {
        let (definition, packs) = OPENED.clone();
        let id = Uuid::from_bytes([n; 16]);
        let (mut case, _) = fresh(id, definition, packs, "1".to_owned(), false, Timestamp::UNIX_EPOCH);
        case.view.state = CaseState::Done;
        case.view.decision = JsonText::of(&"x".repeat(shown));
        case.key = key.map(str::to_owned);
        cases.insert(case, [0; 32]);
        cases.end(id, keep, Timestamp::UNIX_EPOCH);
        id
    }

    #[test]
    fn ended_cases_are_kept_up_to_a_number() {
        let mut cases = Cases::default();
        let ids: Vec<Uuid> = (1..=4).map(|n| ended(&mut cases, n, Some(&n.to_string()), 10, 2)).collect();
        assert_eq!(ids.iter().map(|id| cases.get(*id).is_some()).collect::<Vec<_>>(), [false, false, true, true]);
        assert!(cases.by_key("2").is_none() && cases.by_key("3").is_some());
    }

    #[test]
    fn long_ended_cases_are_kept_up_to_a_size() {
        let mut cases = Cases::default();
        for n in 1..=100 {
            ended(&mut cases, n, None, MOST_SHOWN / 4, 200);
            assert!(cases.ended.iter().map(|kept| kept.size).sum::<usize>() <= MOST_SHOWN);
            assert_eq!(cases.all.len(), cases.ended.len());
        }
        assert_eq!(cases.all.len(), 3);
        let longest = ended(&mut cases, 101, None, 2 * MOST_SHOWN, 200);
        assert!(cases.get(longest).is_some() && cases.all.len() == 1, "the one that ended last can be asked for");
        ended(&mut cases, 102, None, 1, 200);
        assert!(cases.get(longest).is_none());
    }
    #[test]
    fn what_was_found_is_forgotten_ten_minutes_after_the_end_and_the_slip_is_not() {
        let mut cases = Cases::default();
        let id = ended(&mut cases, 1, None, 10, 200);
        let (shown, found) = (cases.shown, JsonText::of(&"found"));
        if let Some(case) = cases.get_mut(id) {
            (case.view.found, case.view.slip) = (found, Some(vec!["a line".to_owned()]));
            case.tell.send_replace(case.view.clone());
        }
        let follow = cases.get(id).unwrap().tell.subscribe();
        let at = |secs| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(secs);
        cases.forget_found(at(599));
        assert!(cases.get(id).unwrap().view.found.is_some() && follow.borrow().found.is_some());
        cases.forget_found(at(600));
        let view = &cases.get(id).unwrap().view;
        assert!(view.found.is_none() && follow.borrow().found.is_none(), "whoever follows it has it no longer");
        assert!(view.slip.is_some() && view.decision.is_some() && cases.shown == shown + "a line".len());
        // A clock that was set right by a moment takes nothing away, and one that was set back by as much does.
        let id = ended(&mut cases, 2, None, 10, 200);
        if let Some(case) = cases.get_mut(id) {
            case.view.found = JsonText::of(&"found");
        }
        cases.forget_found(at(-1));
        assert!(cases.get(id).unwrap().view.found.is_some());
        cases.forget_found(at(-600));
        assert!(cases.get(id).unwrap().view.found.is_none());
    }
}
