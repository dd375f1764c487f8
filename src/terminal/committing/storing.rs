//! What is stored for the centre, and delivered later.

use super::{Committing, Condition, Ended, Outcome, ended};
use crate::failure::{Explain as _, Failure};
use crate::queue::{Committed, Draft, QueueError, State};
use crate::terminal::deciding::detail;
use crate::terminal::errors;
use crate::terminal::prints::used_up;
use crate::terminal::same::came_to_nothing;
use crate::terminal::view::CaseState;
use crate::wire::Payload;

impl Committing<'_> {
    /// Durable before this returns; delivered later.
    pub(super) fn store_and_forward(&self) -> Result<Outcome, Ended> {
        let page = self.plan.page.as_ref().filter(|_| self.print);
        let printed = page.map(|_| self.next_print()).transpose()?.flatten();
        let (page, used_up) = match (page, &printed) {
            (Some(_), None) => (None, Some(used_up(self.plan.prints.len()))),
            (page, _) => (page, None),
        };
        let committed = match printed {
            Some(committed) => committed,
            None => self.stored(&self.plan.key, false).map_err(|error| self.not_committed(&error))?,
        };
        // Another case has committed it meanwhile, and the centre has refused that.
        if committed.duplicate && came_to_nothing(committed.row.state) {
            return Err(self.not_settled(Failure::of(&errors::REPEATED), committed.row));
        }
        if let Some(upstream) = &self.inner.upstream {
            upstream.committed();
        }
        Ok(Outcome {
            page: page.map(|page| page.clone().vouched(&committed.row, self.inner.parts.clock.now())),
            row: Some(committed.row),
            duplicate: committed.duplicate,
            findings: used_up.into_iter().collect(),
            ..Outcome::default()
        })
    }

    /// Commits it as the next print of the day, where these are counted; `None` where other cases have made what was left
    /// since this one was decided.
    fn next_print(&self) -> Result<Option<Committed>, Ended> {
        let prints = match self.plan.prints.is_empty() {
            true => std::slice::from_ref(&self.plan.key),
            false => &self.plan.prints,
        };
        for print in prints {
            // What another case made is none of this one: where it cannot be stored, that says nothing of it.
            match self.inner.queue.by_key(print) {
                Ok(None) => {}
                Ok(Some(_)) => continue,
                Err(error) => return Err(self.not_read(&error)),
            }
            match self.stored(print, true) {
                Ok(Committed { duplicate: true, .. }) | Err(QueueError::Conflict) => {}
                Ok(committed) => return Ok(Some(committed)),
                Err(error) => return Err(self.not_committed_as(print, &error)),
            }
        }
        Ok(None)
    }

    /// Nothing was written yet.
    fn not_read(&self, error: &QueueError) -> Ended {
        if error.is_storage() {
            self.inner.set(Condition::Storage, true);
        }
        ended(CaseState::Refused, error.failure())
    }

    /// Committed, to be known by `key`.
    fn stored(&self, key: &str, printed: bool) -> Result<Committed, QueueError> {
        let unprinted = if printed { None } else { self.plan.message.unprinted() };
        let request = unprinted.as_ref().unwrap_or(&self.plan.message).json();
        let payload = request.and_then(|request| serde_json::to_value(Payload { request, detail: detail(self.plan) }));
        let payload = payload.map_err(|_| QueueError::Draft("its message has no JSON form"))?;
        self.inner.queue.commit(Draft { idempotency: key.to_owned(), ..self.draft(payload, State::Pending) })
    }
}
