//! What makes a transaction the same as an earlier one: what it is known by in the journal, and the key by which its
//! caller sends it again. The journal keeps keyed hashes of them only.

use serde_json::{Map, Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::deciding::{Deciding, Ended};
use super::errors;
use super::plan::Shown;
use super::view::CaseState;
use super::who::Who;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Caller, Row, State};
use crate::scenario::{Definition, Field, Form, Identity, Once, month};
use crate::value::Protocol;
use crate::wire::Digest;

/// By what a transaction is known again.
pub(super) struct First {
    /// In this journal.
    pub(super) key: String,
    /// At the centre, for this person and scenario, whichever terminal filed it.
    pub(super) once: Option<String>,
}

/// What a caller asks for by a key: a part of a scenario, for one person, with a form or for a transaction that is to be
/// taken back. Not who works the terminal, nor when: a colleague may send it again, and tomorrow.
pub(super) fn asked(key: String, definition: &Definition, form: &Form, who: &Who, undo: Option<Uuid>) -> Caller {
    let Form { values, lines, documents } = form;
    let asked = json!([definition.name(), who.tag, undo, values, lines, documents]);
    Caller { key, asked: Zeroizing::new(asked.to_string().into_bytes()) }
}

impl Deciding<'_> {
    /// A caller's key from before a restart: the case it opened is no longer known, its transaction is. It ends this one
    /// though that came to nothing: a caller that did not hear of it and tries again means the same, and not that it be
    /// done anew. `undo` is what the case takes back, where it does.
    pub(super) fn not_again(&self, undo: Option<Uuid>, shown: &mut Shown) -> Result<(), Ended> {
        let Some(caller) = self.caller else { return Ok(()) };
        let found = self.inner.queue.of_caller(caller).map_err(|error| (CaseState::Refused, error.failure()))?;
        let found = match found {
            Some(found) => Some(found),
            // Earlier versions knew the transaction itself by the key, and kept of what was asked only for whom.
            None => {
                let before = self.in_journal(&format!("key/{}/{}", self.definition.name(), caller.key))?;
                before.map(|(row, holder)| (row, holder == self.who.tag))
            }
        };
        let Some((row, is_same)) = found else { return Ok(()) };
        // What is taken back says whom to keep secret, and it was not looked at.
        shown.confidential |= undo.is_some() && self.definition.confidential.is_some();
        if !is_same {
            return Err((CaseState::Refused, Failure::of(&errors::KEY_USED)));
        }
        let is_open = row.protocol() == Protocol::Online && row.state.is_open();
        let failure = if is_open { &errors::EARLIER_OPEN } else { &errors::REPEATED };
        Err(repeated(shown, &row, Failure::of(failure)))
    }

    /// By what the journal knows what this case would commit, whatever key its caller gave. What is in the journal so
    /// ends the case here, unless it came to nothing: then this one takes its place.
    pub(super) fn first_time(&self, shown: &mut Shown) -> Result<First, Ended> {
        let name = self.definition.name();
        if let Some((span, failure)) = self.stretch() {
            let key = self.first_of(&format!("once/{name}/{span}"), failure, shown)?;
            return Ok(First { key, once: Some(span) });
        }
        let Some(Once::Form(identity)) = &self.definition.once else {
            return Ok(First { key: format!("case/{name}/{}", self.id), once: None });
        };
        let fingerprint = self.form.fingerprint(identity);
        self.none_under_a_key(identity, &fingerprint, shown)?;
        let key = self.first_of(&format!("form/{name}/{fingerprint}"), Failure::of(&errors::SAME_FORM), shown)?;
        Ok(First { key, once: Some(fingerprint) })
    }

    /// The stretch of time that the same person carries it out once in, and what tells them that they did.
    fn stretch(&self) -> Option<(String, Failure)> {
        let date = self.business_date;
        let span = match self.definition.once.as_ref()? {
            Once::Day => date.to_string(),
            Once::Month => month(date),
            Once::Year => date.year().to_string(),
            Once::Form(_) => return None,
        };
        let failure = Failure::with(&errors::ALREADY, span.clone());
        Some((span, failure))
    }

    /// Earlier versions knew a form that came with a caller's key by that key alone: such a one is found by what it says.
    fn none_under_a_key(&self, identity: &Identity, fingerprint: &str, shown: &mut Shown) -> Result<(), Ended> {
        let standing = self.inner.queue.uncounted(self.who.tag, 0);
        let standing = standing.map_err(|error| (CaseState::Refused, error.failure()))?;
        let mut of_scenario = standing.into_iter().filter(|(row, _)| {
            let is_of_part = row.scenario == self.definition.id && row.kind == self.definition.kind;
            is_of_part && row.cancels.is_none() && !came_to_nothing(row.state)
        });
        // What was erased says nothing of its form any more.
        let is_same = |payload: &Value| form_of(payload, self.definition).fingerprint(identity) == fingerprint;
        match of_scenario.find(|(_, payload)| payload.as_ref().is_some_and(is_same)) {
            Some((row, _)) => Err(repeated(shown, &row, Failure::of(&errors::SAME_FORM))),
            None => Ok(()),
        }
    }

    /// The first of this person that stands; each that came to nothing passes its place on.
    pub(super) fn first_of(&self, what: &str, failure: Failure, shown: &mut Shown) -> Result<String, Ended> {
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

    fn in_journal(&self, key: &str) -> Result<Option<(Row, Digest)>, Ended> {
        self.inner.queue.by_key(key).map_err(|error| (CaseState::Refused, error.failure()))
    }
}

/// The form of a message in the journal, as far as it identifies one: of what was filed or paid its fields, by the items
/// whose codes they have; of what was settled the facts that the rules were told, and the bill.
pub(super) fn form_of(payload: &Value, definition: &Definition) -> Form {
    let request = payload.pointer("/request/input").or_else(|| payload.get("request")).unwrap_or(&Value::Null);
    let objects = |name: &str| -> Vec<Map<String, Value>> {
        let all = request[name].as_array().into_iter().flatten();
        all.filter_map(|one| one.as_object().cloned()).collect()
    };
    let documents = Vec::new();
    match request["fields"].as_object() {
        Some(coded) => {
            let of_lines = definition.lines.as_ref().map_or(&[][..], |lines| &lines.fields);
            let lines = objects("lines").iter().map(|line| named(of_lines, line)).collect();
            Form { values: named(&definition.fields, coded), lines, documents }
        }
        None => {
            let mut values = request["facts"].as_object().cloned().unwrap_or_default();
            // What the rules are not told stands in the message itself.
            for Field { name, .. } in &definition.fields {
                if let (false, Some(value)) = (values.contains_key(name), request.get(name)) {
                    values.insert(name.clone(), value.clone());
                }
            }
            Form { values, lines: objects("feedetail"), documents }
        }
    }
}

/// Whether its holder is kept out of what is shown of a transaction in the journal. One that takes another back says it of
/// that one; what was erased says nothing any more, and then nobody is shown where somebody may want to be kept secret.
pub(super) fn is_confidential(payload: Option<&Value>, definition: &Definition) -> bool {
    let Some(payload) = payload else { return definition.confidential.is_some() };
    let said = payload.pointer("/detail/confidential").and_then(Value::as_bool);
    said.unwrap_or_else(|| definition.is_confidential(&form_of(payload, definition)))
}

/// Values by the items whose codes they have.
fn named(fields: &[Field], coded: &Map<String, Value>) -> Map<String, Value> {
    fields.iter().filter_map(|field| Some((field.name.clone(), coded.get(&field.code)?.clone()))).collect()
}

/// Nothing of it stands at the centre, and nothing ever will.
pub(super) fn came_to_nothing(state: State) -> bool {
    matches!(state, State::Refused | State::Void | State::Reversed | State::Cancelled)
}

pub(super) fn repeated(shown: &mut Shown, row: &Row, failure: Failure) -> Ended {
    shown.transaction = serde_json::to_value(row).ok();
    shown.duplicate = true;
    (CaseState::Refused, failure)
}
