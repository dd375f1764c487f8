//! What makes a transaction the same as an earlier one: the key by which the journal knows it. The journal keeps its
//! keyed hash only.

use serde_json::{Map, Value};

use super::deciding::{Deciding, Ended};
use super::errors;
use super::plan::Shown;
use super::view::CaseState;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Row, State};
use crate::scenario::{Form, Identity, Once, amount, month};
use crate::wire::Digest;

impl Deciding<'_> {
    /// The key of what this case would commit. What is in the journal under it already ends the case here, unless it
    /// came to nothing: then this one takes its place.
    pub(super) fn first_time(&self, shown: &mut Shown) -> Result<String, Ended> {
        match (&self.definition.once, self.key) {
            (Some(Once::Month), _) => {
                let month = month(self.business_date);
                let failure = Failure::with(&errors::ALREADY, month.clone());
                self.first_of(&format!("once/{}/{month}", self.definition.id), failure, shown)
            }
            (_, Some(key)) => self.first_of_key(key, shown),
            (Some(Once::Form(identity)), None) => {
                let fingerprint = self.form.fingerprint(identity);
                self.none_under_a_key(identity, &fingerprint, shown)?;
                let form = format!("form/{}/{fingerprint}", self.definition.id);
                self.first_of(&form, Failure::of(&errors::SAME_FORM), shown)
            }
            (None, None) => Ok(format!("case/{}/{}", self.definition.id, self.id)),
        }
    }

    /// A caller's key says that a form is another one than those before, and nothing of those that come after it: who
    /// gives no key is told of the same form, whatever key it was committed under.
    fn none_under_a_key(&self, identity: &Identity, fingerprint: &str, shown: &mut Shown) -> Result<(), Ended> {
        let standing = self.inner.queue.uncounted(self.who.tag, 0);
        let standing = standing.map_err(|error| (CaseState::Refused, error.failure()))?;
        let mut of_scenario = standing.into_iter().filter(|(row, _)| row.scenario == self.definition.id);
        // What was erased says nothing of its form any more.
        let is_same = |payload: &Value| form_of(payload).fingerprint(identity) == fingerprint;
        match of_scenario.find(|(_, payload)| payload.as_ref().is_some_and(is_same)) {
            Some((row, _)) => Err(repeated(shown, &row, Failure::of(&errors::SAME_FORM))),
            None => Ok(()),
        }
    }

    /// The first of this person that stands; each that came to nothing passes its place on.
    fn first_of(&self, what: &str, failure: Failure, shown: &mut Shown) -> Result<String, Ended> {
        let holder = self.who.tag;
        let mut key = format!("{what}/{holder}");
        while let Some((row, _)) = self.in_journal(&key)? {
            if !came_to_nothing(row.state) {
                return Err(repeated(shown, &row, failure));
            }
            key = format!("{what}/{holder}/{}", row.id);
        }
        Ok(key)
    }

    /// A caller's key from before a restart: the case it opened is no longer known, its transaction is.
    fn first_of_key(&self, key: &str, shown: &mut Shown) -> Result<String, Ended> {
        let key = format!("key/{}/{key}", self.definition.id);
        let Some((row, holder)) = self.in_journal(&key)? else { return Ok(key) };
        let today = self.inner.business_day();
        let worth = amount(&self.definition.facts(self.form, &Map::new(), today));
        if holder != self.who.tag || row.business_date != self.business_date || row.amount != worth {
            return Err((CaseState::Refused, Failure::of(&errors::KEY_USED)));
        }
        Err(repeated(shown, &row, Failure::of(&errors::REPEATED)))
    }

    fn in_journal(&self, key: &str) -> Result<Option<(Row, Digest)>, Ended> {
        self.inner.queue.by_key(key).map_err(|error| (CaseState::Refused, error.failure()))
    }
}

/// The form of a message in the journal, as far as it identifies one.
fn form_of(payload: &Value) -> Form {
    let request = payload.pointer("/request/input").or_else(|| payload.get("request")).unwrap_or(&Value::Null);
    let lines = request["feedetail"].as_array().into_iter().flatten();
    Form {
        values: request["facts"].as_object().cloned().unwrap_or_default(),
        lines: lines.filter_map(|line| line.as_object().cloned()).collect(),
    }
}

/// Nothing of it stands at the centre, and nothing ever will.
pub(super) fn came_to_nothing(state: State) -> bool {
    matches!(state, State::Refused | State::Void | State::Reversed | State::Cancelled)
}

fn repeated(shown: &mut Shown, row: &Row, failure: Failure) -> Ended {
    shown.transaction = serde_json::to_value(row).ok();
    shown.duplicate = true;
    (CaseState::Refused, failure)
}
