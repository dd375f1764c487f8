//! From a form and what the centre knows to the rules' input.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::definition::{Definition, Fill, Proof, Source};
use super::form::{Form, date};
use super::on_card::OnCard;
use crate::rules::{Input, Schema};
use crate::value::{Fen, Kind};

/// What the centre says of a person, or said when it was last asked.
#[derive(Clone, Default, PartialEq)]
pub struct Known {
    /// The person's own facts, and those of a record that was looked up; they are laid over the form's.
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

/// What is stated at the terminal: the form, the card, and the day.
#[derive(Debug, Clone, Copy)]
pub struct Stated<'a> {
    /// The form, with what the card says in it.
    pub form: &'a Form,
    /// The holder's card.
    pub card: &'a OnCard,
    /// The business day.
    pub today: Date,
}

impl Definition {
    /// The business date: what the form says under the name that the packs look figures up by, else `today`.
    pub fn business_date(&self, form: &Form, date_of: Option<&str>, today: Date) -> Date {
        let said = date_of.and_then(|name| form.values.get(name));
        said.and_then(Value::as_str).and_then(date).unwrap_or(today)
    }

    /// What is known of a case: the form, what stands in for it, and over both what the centre says of the person.
    pub fn facts(&self, stated: Stated<'_>, known: &Map<String, Value>) -> Map<String, Value> {
        let mut facts = stated.form.values.clone();
        facts.insert("part".to_owned(), self.kind.name().into());
        for document in &self.documents {
            let there = stated.form.documents.iter().any(|given| given.id() == document.id);
            facts.insert(document.fact(), there.into());
        }
        for (name, source) in &self.facts {
            if let (false, Some(value)) = (facts.contains_key(name), stated.sourced(source)) {
                facts.insert(name.clone(), value);
            }
        }
        for (name, value) in known {
            facts.insert(name.clone(), value.clone());
        }
        facts
    }

    /// What the rules are told: of what is known of the case, only what its pack asks for.
    pub fn input(&self, stated: Stated<'_>, known: &Known, schema: &Schema) -> Input {
        let mut facts = self.facts(stated, &known.facts);
        facts.retain(|name, _| schema.facts.iter().any(|fact| fact.name == *name));
        // A pack without lines decides by the form alone.
        let mut lines = if schema.lines.is_empty() { Vec::new() } else { stated.form.lines.clone() };
        for line in &mut lines {
            line.retain(|name, _| schema.lines.iter().any(|fact| fact.name == *name));
        }
        let mut accumulators = known.accumulators.clone();
        accumulators.retain(|name, _| schema.accumulators.iter().any(|counted| counted.fact.name == *name));
        Input { facts, lines, accumulators }
    }

    /// Whether the holder is to be kept out of the terminal's own lists.
    pub fn is_confidential(&self, form: &Form) -> bool {
        let flag = self.confidential.as_ref().and_then(|name| form.values.get(name));
        flag.and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether what was looked up and what the rules say of it are told to nobody but who knows the card's PIN. What
    /// moves money is told before: its holder agrees to this amount, and to this account.
    pub fn is_told_after_the_pin(&self) -> bool {
        self.kind == Kind::Query && self.card == Proof::Pin
    }

    /// What a transaction of this kind is worth: the whole bill, or what is due on an order.
    pub fn amount(&self, facts: &Map<String, Value>) -> Option<Fen> {
        facts.get(self.kind.amount()?)?.as_str()?.parse().ok()
    }
}

/// `2015-08`.
pub fn month(date: Date) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

impl Stated<'_> {
    fn sourced(&self, source: &Source) -> Option<Value> {
        let on_card = |fill| self.card.get(fill).map(Value::from);
        match source {
            Source::BusinessDate => Some(self.today.to_string().into()),
            Source::BusinessMonth => Some(month(self.today).into()),
            Source::CardBirthDate => on_card(Fill::BirthDate),
            Source::CardSex => on_card(Fill::Sex),
            Source::Age => self.card.age(self.today).map(Value::from),
            Source::MonthOf(field) => {
                let said = self.form.values.get(field)?.as_str()?;
                Some(month(date(said)?).into())
            }
            Source::SumOfLines(field) => {
                let amounts = self.form.lines.iter().map(|line| line.get(field)?.as_str()?.parse::<Fen>().ok());
                let sum = amounts.into_iter().try_fold(Fen::ZERO, |sum, amount| sum.checked_add(amount?))?;
                Some(sum.to_string().into())
            }
        }
    }
}
