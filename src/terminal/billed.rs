//! A line of a bill that stands in a settlement of the same person is settled in no other.

use super::deciding::{Deciding, Ended};
use super::errors;
use super::inner::Inner;
use super::plan::Shown;
use super::same::{came_to_nothing, form_of, repeated};
use super::view::CaseState;
use crate::failure::{Explain as _, Failure};
use crate::queue::{QueueError, Row};
use crate::scenario::{Definition, Form};
use crate::value::Kind;
use crate::wire::Digest;

/// Why a bill is not settled: a line of it, and the settlement that has it.
pub(super) struct Billed {
    pub(super) failure: Failure,
    pub(super) row: Row,
}

impl Deciding<'_> {
    /// Nothing is asked about a bill of which a line was settled here before, whatever key it comes with.
    pub(super) fn not_billed(&self, shown: &mut Shown) -> Result<(), Ended> {
        let found = self.inner.billed(self.definition, self.who.tag, self.form);
        match found.map_err(|error| (CaseState::Refused, error.failure()))? {
            Some(Billed { failure, row }) => Err(repeated(shown, &row, failure)),
            None => Ok(()),
        }
    }
}

impl Inner {
    /// The first line of a bill that stands in another settlement of its holder in this journal, in whatever scenario: its
    /// lines are compared with those of the sealed messages, so that nothing of them lies outside. What was erased is no
    /// longer known here, and to the centre still is.
    pub(super) fn billed(
        &self,
        definition: &Definition,
        holder: Digest,
        bill: &Form,
    ) -> Result<Option<Billed>, QueueError> {
        let Some(lines) = &definition.lines else { return Ok(None) };
        let named = bill.line_names(&lines.known_by);
        for (row, payload) in self.queue.uncounted(holder, 0)? {
            let stands = row.kind == Kind::Settle && row.cancels.is_none() && !came_to_nothing(row.state);
            let Some(payload) = payload.filter(|_| stands) else { continue };
            let settled = form_of(&payload, definition).line_names(&lines.known_by);
            if let Some(at) = named.iter().position(|line| settled.iter().any(|other| line.is_same(other))) {
                let failure = Failure::with(&errors::SAME_LINE, format!("{}[{}]", lines.name, at + 1));
                return Ok(Some(Billed { failure, row }));
            }
        }
        Ok(None)
    }
}
