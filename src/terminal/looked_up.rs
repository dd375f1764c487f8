//! What a scenario looks up of the person at the centre, before anything is decided.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::deciding::{Deciding, Ended};
use super::errors;
use super::json::JsonText;
use super::plan::Shown;
use super::view::CaseState;
use crate::failure::{Explain as _, Failure};
use crate::scenario::{
    Conduct, Field, FieldError, FieldMistake, Form, Label, Lookup, Proof, ScenarioError, ShownRecords,
};
use crate::slip::Copies;
use crate::value::{Check, mask};
use crate::wire::lookup;

/// What was looked up.
pub(super) struct LookedUp {
    /// What the rules are told of it: how many records there are, and the one that is meant.
    pub(super) facts: Map<String, Value>,
    /// What is told upstream of it.
    pub(super) shown: ShownRecords,
    /// What is printed of it, where that is a page of records.
    pub(super) page: Option<Copies>,
}

/// Records of the centre as the doors show them.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Found {
    /// When the centre read them.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// They were kept from an earlier answer: the centre cannot be asked now.
    cached: bool,
    /// What is shown of each, in order.
    columns: Vec<Column>,
    /// The values by column; what a record does not have is left out.
    #[schema(value_type = Vec<std::collections::BTreeMap<String, Value>>)]
    records: Vec<Map<String, Value>>,
}

/// A column of what was found.
#[derive(Serialize, utoipa::ToSchema)]
struct Column {
    /// The item.
    name: String,
    /// What a person reads.
    label: Label,
}

impl Deciding<'_> {
    /// What the scenario looks up, and the form with the record that is meant; `None` where it looks up nothing.
    pub(super) fn look_up(&self, shown: &mut Shown) -> Result<Option<(LookedUp, Form)>, Ended> {
        let Some(lookup) = &self.definition.lookup else { return Ok(None) };
        let (lookup::Found { as_of, records }, cached) = self.found(lookup)?;
        let records: Vec<_> = records.into_iter().map(|record| lookup.shown_of(record)).collect();
        let mut told = ShownRecords { count: records.len(), as_of, cached, page: None };
        let page = if self.may_print(shown)? { self.page(lookup, told, &records) } else { None };
        told.page = page.as_ref().map(Copies::sha256);
        let mut form = self.form.clone();
        let record = lookup.key.as_ref().map(|key| meant(key, &mut form, &records));
        let (columns, records_shown) = match (&record, self.definition.card) {
            // Of what the PIN guards nobody is shown more before it than what they agree to, or choose by.
            (Some(Ok(record)), Proof::Pin) => (lookup.all_columns(), vec![(*record).clone()]),
            (Some(Err(_)), Proof::Pin) => lookup.to_choose(&records),
            _ => (lookup.all_columns(), records.clone()),
        };
        shown.found = JsonText::of(&Found { as_of, cached: told.cached, columns, records: records_shown });
        shown.as_of = Some(as_of);
        let mut facts = Map::from_iter([("found".to_owned(), Value::from(told.count))]);
        if let Some(record) = record.transpose()? {
            facts.extend(record.clone());
            shown.findings.extend(self.went_elsewhere(lookup, record));
        }
        Ok(Some((LookedUp { facts, shown: told, page }, form)))
    }

    /// What the centre says now; where it cannot be asked, what it said to the same question not too long ago, if the
    /// scenario shows that. Whether it is the latter.
    fn found(&self, lookup: &Lookup) -> Result<(lookup::Found, bool), Ended> {
        let question = self.definition.question(&self.who.person, self.form, self.business_date);
        let hash = self.hash_of(&question);
        if let Some(found) = self.asked(&question)? {
            if lookup.hours.is_some() {
                self.keep_answer(hash, &found);
            }
            return Ok((found, false));
        }
        self.conduct_alone(Conduct::CarryOut)?;
        let kept = lookup.hours.and_then(|hours| self.kept_answer(hash, hours));
        let away = || (CaseState::Refused, Failure::of(&errors::UPLINK_AWAY));
        kept.map(|found| (found, true)).ok_or_else(away)
    }

    /// The centre's answer; `None` where there is none.
    fn asked(&self, question: &lookup::Lookup) -> Result<Option<lookup::Found>, Ended> {
        let Some(upstream) = &self.inner.upstream else { return Ok(None) };
        if !self.reachable(upstream)? {
            return Ok(None);
        }
        let message = self.definition.message.name.as_str();
        let asker = self.asker(upstream, None);
        match self.wait(asker.ask(message, self.operator, question, self.patience()))? {
            Ok(found) => Ok(Some(found)),
            Err(error) => self.not_answered(&error).map(|()| None),
        }
    }

    /// That money went to another account than that of the card, by what both show of theirs.
    fn went_elsewhere(&self, lookup: &Lookup, record: &Map<String, Value>) -> Option<Failure> {
        let of_card = &self.who.account.as_ref()?.account;
        let column = lookup.columns.iter().find(|column| column.check == Some(Check::BankAccount))?;
        let paid_to = record.get(&column.name)?.as_str()?;
        (last_digits(paid_to) != last_digits(of_card)).then(|| Failure::of(&errors::OTHER_ACCOUNT))
    }
}

/// The digits by which a person knows an account.
fn last_digits(account: &str) -> Vec<char> {
    account.chars().rev().take(4).collect()
}

impl Column {
    fn of(field: &Field) -> Self {
        Self { name: field.name.clone(), label: field.label.clone() }
    }
}

impl Lookup {
    fn all_columns(&self) -> Vec<Column> {
        self.columns.iter().map(Column::of).collect()
    }

    /// What one chooses among records by: the key, and what tells them apart.
    fn to_choose(&self, records: &[Map<String, Value>]) -> (Vec<Column>, Vec<Map<String, Value>>) {
        let tells = |name: &String| Some(name) == self.key.as_ref() || self.choose_by.contains(name);
        let columns = self.columns.iter().filter(|column| tells(&column.name)).map(Column::of).collect();
        let of_each = records.iter().map(|record| {
            let told = record.iter().filter(|(name, _)| tells(name));
            told.map(|(name, value)| (name.clone(), value.clone())).collect()
        });
        (columns, of_each.collect())
    }

    /// What is shown of a record: nothing that is no column, and of an account what tells it from another.
    fn shown_of(&self, record: Map<String, Value>) -> Map<String, Value> {
        let column = |name: &str| self.columns.iter().find(|column| column.name == *name);
        let shown = record.into_iter().filter_map(|(name, value)| {
            let value = shown_value(column(&name)?.check, value)?;
            Some((name, value))
        });
        shown.collect()
    }
}

/// What is shown of a value, if anything is: of an account its ends, however the centre writes it.
fn shown_value(check: Option<Check>, value: Value) -> Option<Value> {
    match (check, value) {
        (_, Value::Null) => None,
        (Some(Check::BankAccount), Value::String(account)) => Some(mask(&account, 6, 4).into()),
        (Some(Check::BankAccount), Value::Number(account)) => Some(mask(&account.to_string(), 6, 4).into()),
        // No account is written so.
        (Some(Check::BankAccount), _) => None,
        (_, value) => Some(value),
    }
}

/// The record that the form names; the only one, where it names none.
fn meant<'r>(key: &str, form: &mut Form, records: &'r [Map<String, Value>]) -> Result<&'r Map<String, Value>, Ended> {
    let wrong = |what| {
        let mistake = FieldError { item: key.to_owned(), what };
        Err((CaseState::WaitingInput, ScenarioError::Form(vec![mistake]).failure()))
    };
    match (form.values.get(key), records) {
        (Some(named), _) => match records.iter().find(|record| record.get(key) == Some(named)) {
            Some(record) => Ok(record),
            None => wrong(FieldMistake::NoRecord),
        },
        (None, [only]) => match only.get(key) {
            Some(value) => {
                form.values.insert(key.to_owned(), value.clone());
                Ok(only)
            }
            None => wrong(FieldMistake::NoRecord),
        },
        (None, []) => wrong(FieldMistake::NoRecord),
        (None, _) => wrong(FieldMistake::Missing),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_an_account_the_ends_are_shown_however_it_is_written() {
        let shown = |value| shown_value(Some(Check::BankAccount), value);
        let masked = Some(json!("621626*********0018"));
        assert_eq!(shown(json!("6216261000000000018")), masked);
        assert_eq!(shown(json!(6_216_261_000_000_000_018_u64)), masked);
        assert_eq!(shown(json!(["6216261000000000018"])), None);
        assert_eq!(shown(json!({ "account": "6216261000000000018" })), None);
        assert_eq!([shown(Value::Null), shown_value(None, Value::Null)], [None, None]);
        assert_eq!(shown_value(None, json!(12)), Some(json!(12)), "what is no account is shown as it is");
    }
}
