//! How often a day what a query finds is printed for a person. A look is none: what is over is shown without a page.

use super::deciding::{Deciding, Ended};
use super::errors;
use super::plan::Shown;
use super::view::CaseState;
use crate::failure::{Explain as _, Failure};

impl Deciding<'_> {
    /// Under which the journal knows each of the day's prints of this person; none where nobody counts them.
    pub(super) fn prints(&self) -> Vec<String> {
        let (name, holder, date) = (self.definition.name(), self.who.tag, self.business_date);
        let a_day = self.definition.print.a_day.unwrap_or_default();
        (1..=a_day).map(|print| format!("print/{name}/{holder}/{date}/{print}")).collect()
    }

    /// Whether one more may be printed by what the journal has now; where not, that is told beside what is shown. Which of
    /// the day's it is, and whether there is one left then, the commit says: another case may print meanwhile.
    pub(super) fn may_print(&self, shown: &mut Shown) -> Result<bool, Ended> {
        let prints = self.prints();
        for print in &prints {
            let known = self.inner.queue.by_key(print).map_err(|error| (CaseState::Refused, error.failure()))?;
            if known.is_none() {
                return Ok(true);
            }
        }
        if !prints.is_empty() {
            shown.findings.push(used_up(prints.len()));
        }
        Ok(prints.is_empty())
    }
}

/// What tells a holder that no more is printed today.
pub(super) fn used_up(a_day: usize) -> Failure {
    Failure::with(&errors::PRINTED, a_day.to_string())
}
