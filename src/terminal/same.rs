//! What makes a transaction the same as an earlier one: the key by which the journal knows it. The journal keeps its
//! keyed hash only.

use jiff::civil::Date;
use uuid::Uuid;

use super::deciding::{Deciding, Ended};
use super::errors;
use super::plan::Shown;
use super::view::CaseState;
use crate::failure::{Entry, Explain as _, Failure};
use crate::queue::{Row, State};
use crate::scenario::{Known, Period, amount, month};
use crate::wire::Digest;

/// The key of a scenario that is for once a month. `instead_of` is the refused transaction whose place it takes.
pub(super) fn key_of_month(scenario: &str, date: Date, number: &[u8], instead_of: Option<Uuid>) -> String {
    let number = String::from_utf8_lossy(number);
    let instead_of = instead_of.map(|id| format!("/{id}")).unwrap_or_default();
    format!("once/{scenario}/{}/{number}{instead_of}", month(date))
}

/// The key of any other: the caller's, or else the case's own.
pub(super) fn key_of_case(scenario: &str, caller: Option<&str>, case: Uuid) -> String {
    match caller {
        Some(key) => format!("key/{scenario}/{key}"),
        None => format!("case/{scenario}/{case}"),
    }
}

impl Deciding<'_> {
    /// What is in the journal already ends the case here. Else the refused transaction of the same period whose place
    /// this one takes.
    pub(super) fn first_time(&self, shown: &mut Shown) -> Result<Option<Uuid>, Ended> {
        match (self.definition.once, self.key) {
            (Some(Period::Month), _) => self.first_this_month(shown),
            (None, Some(key)) => self.first_of_key(key, shown).map(|()| None),
            (None, None) => Ok(None),
        }
    }

    fn first_this_month(&self, shown: &mut Shown) -> Result<Option<Uuid>, Ended> {
        let mut instead_of = None;
        loop {
            let key = key_of_month(&self.definition.id, self.business_date, &self.who.number, instead_of);
            match self.in_journal(&key)? {
                None => return Ok(instead_of),
                Some((row, _)) if came_to_nothing(row.state) => instead_of = Some(row.id),
                Some((row, _)) => return Err(repeated(shown, &row, &errors::ALREADY, Some(month(self.business_date)))),
            }
        }
    }

    /// A caller's key from before a restart: the case it opened is no longer known, its transaction is.
    fn first_of_key(&self, key: &str, shown: &mut Shown) -> Result<(), Ended> {
        let key = key_of_case(&self.definition.id, Some(key), Uuid::nil());
        let Some((row, holder)) = self.in_journal(&key)? else { return Ok(()) };
        let today = self.inner.business_day();
        let worth = amount(&self.definition.input(self.form, &Known::default(), &self.schemas, today));
        if holder != self.who.tag || row.business_date != self.business_date || row.amount != worth {
            return Err((CaseState::Refused, Failure::of(&errors::KEY_USED)));
        }
        Err(repeated(shown, &row, &errors::REPEATED, None))
    }

    fn in_journal(&self, key: &str) -> Result<Option<(Row, Digest)>, Ended> {
        self.inner.queue.by_key(key).map_err(|error| (CaseState::Refused, error.failure()))
    }
}

/// Nothing of it stands at the centre, and nothing ever will.
fn came_to_nothing(state: State) -> bool {
    matches!(state, State::Refused | State::Void | State::Reversed | State::Cancelled)
}

fn repeated(shown: &mut Shown, row: &Row, entry: &'static Entry, detail: Option<String>) -> Ended {
    shown.transaction = serde_json::to_value(row).ok();
    shown.duplicate = true;
    let failure = match detail {
        Some(detail) => Failure::with(entry, detail),
        None => Failure::of(entry),
    };
    (CaseState::Refused, failure)
}
