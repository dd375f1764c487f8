//! From a form and what the centre knows to the rules' input and the message upstream.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::definition::{Definition, Source};
use super::form::{Form, date};
use crate::rules::{Input, Schema};
use crate::value::{Fen, Kind};
use crate::wire::person::PersonKey;
use crate::wire::settle::Settlement;
use crate::wire::sign_in::SignIn;

/// 个人结算方式: by item (settlement-facts §4.3).
const BY_ITEM: &str = "01";

/// What the centre says of a person, or said when it was last asked.
#[derive(Clone, Default, PartialEq)]
pub struct Known {
    /// The person's own facts; they are laid over the form's.
    pub facts: Map<String, Value>,
    /// The accumulators before this transaction.
    pub accumulators: Map<String, Value>,
    /// 险种 that covers the scenario; empty where none is needed.
    pub insutype: String,
}

/// Names only how much is known.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (facts, accumulators) = (self.facts.len(), self.accumulators.len());
        f.debug_struct("Known").field("facts", &facts).field("accumulators", &accumulators).finish()
    }
}

impl Definition {
    /// The business date: what the form says under the name that the packs look figures up by, else `today`.
    pub fn business_date(&self, form: &Form, date_of: Option<&str>, today: Date) -> Date {
        let said = date_of.and_then(|name| form.values.get(name));
        said.and_then(Value::as_str).and_then(date).unwrap_or(today)
    }

    /// What is known of a case: the form, what stands in for it, and over both what the centre says of the person.
    pub fn facts(&self, form: &Form, known: &Map<String, Value>, today: Date) -> Map<String, Value> {
        let mut facts = form.values.clone();
        for (name, source) in &self.facts {
            if let (false, Some(value)) = (facts.contains_key(name), sourced(source, form, today)) {
                facts.insert(name.clone(), value);
            }
        }
        for (name, value) in known {
            facts.insert(name.clone(), value.clone());
        }
        facts
    }

    /// What the rules are told: of what is known of the case, only what its pack asks for.
    pub fn input(&self, form: &Form, known: &Known, schema: &Schema, today: Date) -> Input {
        let mut facts = self.facts(form, &known.facts, today);
        facts.retain(|name, _| schema.facts.iter().any(|fact| fact.name == *name));
        let mut lines = form.lines.clone();
        for line in &mut lines {
            line.retain(|name, _| schema.lines.iter().any(|fact| fact.name == *name));
        }
        let mut accumulators = known.accumulators.clone();
        accumulators.retain(|name, _| schema.accumulators.iter().any(|counted| counted.fact.name == *name));
        Input { facts, lines, accumulators }
    }

    /// What goes upstream for this kind, as its JSON.
    ///
    /// # Errors
    /// The name of an item that the message needs and the form does not have.
    pub fn message(
        &self,
        person: &PersonKey,
        form: &Form,
        known: &Known,
        input: &Input,
        business_date: Date,
    ) -> Result<Message, &'static str> {
        match self.kind {
            Kind::SignIn => Ok(Message::SignIn(SignIn {
                person: person.clone(),
                month: month(business_date),
                facts: input.facts.clone(),
            })),
            _ => self.settlement(person, form, known, input, business_date).map(|s| Message::Settlement(Box::new(s))),
        }
    }

    fn settlement(
        &self,
        person: &PersonKey,
        form: &Form,
        known: &Known,
        input: &Input,
        business_date: Date,
    ) -> Result<Settlement, &'static str> {
        let text = |name: &str| form.values.get(name).and_then(Value::as_str).map(str::to_owned);
        let stated = Some(known.insutype.clone()).filter(|insutype| !insutype.is_empty());
        let uses_account = input.facts.get("acct_used_flag").and_then(Value::as_bool).unwrap_or(false);
        Ok(Settlement {
            person: person.clone(),
            insutype: stated.or_else(|| text("insutype")).ok_or("insutype")?,
            med_type: text("med_type").ok_or("med_type")?,
            medfee_sumamt: amount(&input.facts).ok_or("medfee_sumamt")?,
            psn_setlway: BY_ITEM.to_owned(),
            acct_used_flag: if uses_account { "1" } else { "0" }.to_owned(),
            mdtrt_id: text("mdtrt_id"),
            scenario: self.id.clone(),
            business_date,
            facts: input.facts.clone(),
            feedetail: input.lines.clone(),
        })
    }
}

/// What goes upstream.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A sign-in.
    SignIn(SignIn),
    /// A settlement.
    Settlement(Box<Settlement>),
}

/// What a settlement is worth: the whole bill.
pub fn amount(facts: &Map<String, Value>) -> Option<Fen> {
    facts.get("medfee_sumamt")?.as_str()?.parse().ok()
}

/// `2015-08`.
pub fn month(date: Date) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

fn sourced(source: &Source, form: &Form, today: Date) -> Option<Value> {
    match source {
        Source::BusinessDate => Some(today.to_string().into()),
        Source::BusinessMonth => Some(month(today).into()),
        Source::SumOfLines(field) => {
            let amounts = form.lines.iter().map(|line| line.get(field)?.as_str()?.parse::<Fen>().ok());
            let sum = amounts.into_iter().try_fold(Fen::ZERO, |sum, amount| sum.checked_add(amount?))?;
            Some(sum.to_string().into())
        }
    }
}
