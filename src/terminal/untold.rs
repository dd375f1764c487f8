//! What holders are still to be told, all of them together. Each is told at their next case, and may never come back to
//! this terminal: somebody has to know, and call them.

use std::collections::HashSet;

use uuid::Uuid;

use super::case::Cases;
use super::inner::Inner;
use super::notice::{concerns_its_holder, unless_damaged};
use super::view::CaseState;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Filter, Otherwise, QueueError, Row};

impl Inner {
    /// The transactions that came out otherwise than their holders were told, and of which nobody has noted that they
    /// were told since; the latest first. The journal's index alone tells, so that it may be asked all the time: figures
    /// that were taken over before the row itself said so are told at their holder's case, and are not among these.
    /// Blocks on the disk.
    pub(super) fn untold(&self) -> Result<Vec<Uuid>, Failure> {
        let before = self.all_otherwise()?;
        let in_hand = self.in_hand()?;
        let after = self.all_otherwise()?;
        // What is settled online is marked from the centre's answer until the counter was shown it, and for a while that is
        // nothing to tell of. The mark is set once: what had it before, has it after, and was in nobody's hand in
        // between, keeps it.
        let marked: HashSet<Uuid> = before.iter().filter(|one| one.is_untold).map(|one| one.id).collect();
        let left = |one: &Otherwise| marked.contains(&one.id) && !in_hand.contains(&one.id);
        let told = self.store.all_acknowledged().map_err(|error| error.failure())?;
        let is_told = |one: &Otherwise| told.get(&one.id).is_some_and(|revision| *revision >= one.revision);
        let concerns = |one: &Otherwise| concerns_its_holder(one.revision, one.is_untold, one.protocol, one.state);
        let untold = after.into_iter().filter(|one| concerns(one) && !is_told(one) && (!one.is_untold || left(one)));
        Ok(untold.map(|one| one.id).collect())
    }

    /// Those of them that are wanted; what is damaged is left out. Blocks on the disk.
    pub(super) fn untold_rows(&self, filter: &Filter) -> Result<Vec<Row>, Failure> {
        let most = filter.limit.unwrap_or(100) as usize;
        let mut rows = Vec::new();
        for id in self.untold()? {
            if rows.len() == most {
                break;
            }
            let row = unless_damaged(self.queue.get(id))?;
            rows.extend(row.filter(|row| filter.states.is_empty() || filter.states.contains(&row.state)));
        }
        Ok(rows)
    }

    fn all_otherwise(&self) -> Result<Vec<Otherwise>, Failure> {
        self.queue.all_otherwise().map_err(|error: QueueError| error.failure())
    }

    /// What the cases that are being committed now have written, or found written, what is about to be asked for, and
    /// what was given out just now.
    fn in_hand(&self) -> Result<HashSet<Uuid>, Failure> {
        let (keys, mut in_hand) = {
            let (cases, now) = (self.cases(), self.parts.clock.now());
            let mut told: HashSet<Uuid> = cases.all().filter_map(|case| case.is_about_to_tell(now)).collect();
            told.extend(self.showing.given_out());
            (committing(&cases), told)
        };
        in_hand.extend(self.written(keys)?);
        Ok(in_hand)
    }

    /// What the cases that are being committed now have written, or found written.
    pub(super) fn being_committed(&self) -> Result<HashSet<Uuid>, Failure> {
        let keys = committing(&self.cases());
        self.written(keys)
    }

    fn written(&self, keys: Vec<String>) -> Result<HashSet<Uuid>, Failure> {
        let mut written = HashSet::new();
        for key in keys {
            written.extend(unless_damaged(self.queue.by_key(&key))?.map(|(row, _)| row.id));
        }
        Ok(written)
    }
}

/// The keys of the cases that are being committed.
fn committing(cases: &Cases) -> Vec<String> {
    let committing = cases.live().filter(|case| case.view.state == CaseState::Committing);
    committing.filter_map(|case| Some(case.plan.as_ref()?.key.clone())).collect()
}
