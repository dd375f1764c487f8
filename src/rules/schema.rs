//! What a scenario's pack needs to be told, so that a form can be checked against it.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

use super::pack::{Fact, Pack, Step};
use super::shown::Lexicon;
use super::span::Period;
use super::texts::CaseTexts;
use super::types::{Enumeration, Type};

/// The items of one pack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schema {
    /// The pack's id.
    pub pack: String,
    /// The fact that is the business date.
    pub date_of: String,
    /// The facts of the case.
    pub facts: Vec<FactSpec>,
    /// The facts of each bill line; empty when the scenario has no bill.
    pub lines: Vec<FactSpec>,
    /// The accumulators.
    pub accumulators: Vec<AccumulatorSpec>,
    /// The output fields, with their Chinese names.
    pub outputs: Vec<Choice>,
    /// The output fields of each bill line.
    pub line_outputs: Vec<Choice>,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactSpec {
    /// Its name.
    pub name: String,
    /// Its Chinese name.
    pub label: String,
    /// Its type: `money`, `price`, `quantity`, `rate`, `int`, `days`, `date`, `month`, `bool`, `text`, `choice`.
    #[serde(rename = "type")]
    pub kind: String,
    /// It may be left out.
    pub optional: bool,
    /// The values of a `choice`.
    pub choices: Vec<Choice>,
}

/// A value or field and its Chinese name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What stands in the data.
    pub value: String,
    /// What a person reads.
    pub label: String,
}

/// One accumulator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccumulatorSpec {
    /// Name, type, and whether it may be left out.
    #[serde(flatten)]
    pub fact: FactSpec,
    /// 险种 it counts on.
    pub scheme: String,
    /// The stretch that the case falls in; `None` where the facts do not tell yet.
    pub period: Option<Period>,
}

impl Pack {
    /// What this pack needs to be told of a case on `date`, of which `facts` are known.
    pub(super) fn schema(&self, date: Date, facts: &Map<String, Value>) -> Schema {
        let spec = |fact: &Fact| FactSpec::of(fact, &self.enums);
        let figure = |param: usize| self.params[param].figures.on(date)?.1.value;
        let mut texts = CaseTexts::new(&self.texts);
        let mut known = |at: usize| self.fact(at, facts, &mut texts).ok().flatten();
        let known: Vec<_> = (0..self.facts.len()).map(&mut known).collect();
        let lexicon = Lexicon { enums: &self.enums, texts: &texts, lists: &[] };
        let accumulators = self.accumulators.iter().map(|accumulator| AccumulatorSpec {
            fact: spec(&accumulator.fact),
            scheme: accumulator.scope.scheme.clone(),
            period: accumulator.scope.period(self, date, |at| known[at], figure, lexicon),
        });
        let key = self.lines.iter().map(|lines| {
            let fact = &lines.facts[lines.key];
            Choice { value: fact.name.clone(), label: fact.label.clone() }
        });
        Schema {
            pack: self.reference.id.clone(),
            date_of: self.date_of().to_owned(),
            facts: self.facts.iter().map(spec).collect(),
            lines: self.lines.iter().flat_map(|lines| lines.facts.iter().map(spec)).collect(),
            accumulators: accumulators.collect(),
            outputs: outputs(&self.whole.steps).collect(),
            line_outputs: key.chain(outputs(&self.line.steps)).collect(),
        }
    }
}

impl FactSpec {
    fn of(fact: &Fact, enums: &[Enumeration]) -> Self {
        let values = match fact.typ {
            Type::Enum(at) => enums.get(at).map(|e| &e.values[..]).unwrap_or_default(),
            _ => &[],
        };
        let choices = values.iter().map(|(value, label)| Choice { value: value.clone(), label: label.clone() });
        Self {
            name: fact.name.clone(),
            label: fact.label.clone(),
            kind: fact.typ.kind().to_owned(),
            optional: fact.optional || fact.default.is_some(),
            choices: choices.collect(),
        }
    }
}

fn outputs(steps: &[Step]) -> impl Iterator<Item = Choice> {
    steps.iter().filter_map(|step| Some(Choice { value: step.out.clone()?, label: step.label.clone() }))
}
