//! What can be known to be wrong before a script meets a card.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::{Answer, Flow, Name, Part, Pattern, Step};
use crate::failure::Diagnostic;

/// The longest data of a command and of an answer.
const MOST_SENT: usize = 255;
const MOST_ANSWERED: usize = 256;

/// The mistakes of a flow whose lines were all understood.
pub(super) fn flow(flow: &Flow) -> Vec<Diagnostic> {
    let mut checker = Checker { flow, values: BTreeMap::new(), used: BTreeSet::new(), mistakes: Vec::new() };
    checker.inputs();
    for step in &flow.steps {
        checker.step(step);
    }
    checker.ends();
    checker.mistakes
}

struct Checker<'a> {
    flow: &'a Flow,
    /// The values there are, with where they come from and how long they may be.
    values: BTreeMap<&'a str, Value<'a>>,
    used: BTreeSet<&'a str>,
    mistakes: Vec<Diagnostic>,
}

struct Value<'a> {
    name: &'a Name,
    least: usize,
    most: usize,
    /// Only where the flow ends with this answer.
    at_an_end: bool,
}

impl<'a> Checker<'a> {
    fn tell(&mut self, line: usize, column: usize, message: String) {
        self.mistakes.push(Diagnostic { file: self.flow.file.clone(), line, column, message });
    }

    fn tell_name(&mut self, name: &Name, message: String) {
        self.tell(name.line, name.column, message);
    }

    fn inputs(&mut self) {
        for input in &self.flow.inputs {
            self.give(&input.name, input.least, input.most, false);
        }
    }

    fn give(&mut self, name: &'a Name, least: usize, most: usize, at_an_end: bool) {
        let value = Value { name, least, most, at_an_end };
        match self.values.get(name.text.as_str()) {
            // Answers that exclude each other may keep the same name.
            Some(before) if !(at_an_end && self.flow.same_step(before.name, name)) => {
                let message = format!("{} has a value since line {}", name.text, before.name.line);
                self.tell_name(name, message);
            }
            Some(_) => {}
            None => {
                self.values.insert(&name.text, value);
            }
        }
    }

    fn step(&mut self, step: &'a Step) {
        for part in step.sent.header.iter().chain(&step.sent.le) {
            if let Some((name, least, most)) = self.take(part)
                && (least, most) != (1, 1)
            {
                self.tell_name(name, format!("{} is not one byte long, as a value must be here", name.text));
            }
        }
        self.data(step);
        match step.answers.first() {
            None => self.tell(step.sent.line, 1, "no answer follows this command: write < 9000".to_owned()),
            Some(_) => self.answers(step),
        }
    }

    fn data(&mut self, step: &'a Step) {
        let mut least = 0;
        for part in &step.sent.data {
            least += match part {
                Part::Byte(_) => 1,
                Part::Value(_) => self.take(part).map_or(0, |(_, least, _)| least),
            };
        }
        if least > MOST_SENT {
            self.tell(step.sent.line, 1, format!("at least {least} bytes of data, where {MOST_SENT} fit"));
        }
    }

    /// Notes the use of a value, and gives its lengths.
    fn take(&mut self, part: &'a Part) -> Option<(&'a Name, usize, usize)> {
        let Part::Value(name) = part else { return None };
        self.used.insert(&name.text);
        match self.values.get(name.text.as_str()) {
            Some(Value { least, most, at_an_end: false, .. }) => Some((name, *least, *most)),
            Some(_) => {
                self.tell_name(name, format!("{} is kept only where the flow ends", name.text));
                None
            }
            None => {
                self.tell_name(name, format!("{} is neither given nor kept before", name.text));
                None
            }
        }
    }

    fn answers(&mut self, step: &'a Step) {
        let mut accepted = Vec::new();
        for (at, answer) in step.answers.iter().enumerate() {
            self.length(step, answer);
            for pattern in &answer.data {
                if let Pattern::Keep(name, length) = pattern {
                    let (least, most) = length.map_or((0, MOST_ANSWERED), |length| (length, length));
                    self.give(name, least, most, at > 0);
                }
            }
            for status in &answer.status {
                if accepted.iter().any(|before: &super::flow::StatusPattern| before.covers(*status)) {
                    self.tell(answer.line, 1, format!("{status} is accepted before already"));
                }
                accepted.push(*status);
            }
        }
    }

    fn length(&mut self, step: &Step, answer: &Answer) {
        let fixed: usize = answer.data.iter().map(Pattern::least).sum();
        let asks = match step.sent.le {
            Some(Part::Byte(le)) if le > 0 => usize::from(le),
            _ => MOST_ANSWERED,
        };
        if fixed > asks {
            self.tell(answer.line, 1, format!("{fixed} bytes, where the command asks for {asks} at most"));
        }
        if step.sent.le.is_none() && fixed > 0 {
            self.tell(answer.line, 1, "the command asks for no data: it has no Le".to_owned());
        }
    }

    fn ends(&mut self) {
        let outputs: BTreeSet<&str> = self.flow.outputs.iter().map(|name| name.text.as_str()).collect();
        if self.flow.steps.is_empty() {
            self.tell(self.flow.line, 1, format!("the flow {} has no command", self.flow.name));
            return;
        }
        for (at, name) in self.flow.outputs.iter().enumerate() {
            if self.flow.outputs[..at].iter().any(|before| before.text == name.text) {
                self.tell_name(name, format!("{} is named twice", name.text));
            }
            if !self.values.contains_key(name.text.as_str()) {
                self.tell_name(name, format!("nothing keeps {}", name.text));
            }
        }
        let unused = |value: &&Value<'_>| {
            let name = value.name.text.as_str();
            !self.used.contains(name) && !outputs.contains(name)
        };
        let names: Vec<&Name> = self.values.values().filter(unused).map(|value| value.name).collect();
        for name in names {
            self.tell_name(name, format!("{} is never used", name.text));
        }
    }
}

impl Flow {
    /// Whether both names are kept by answers to the same command.
    fn same_step(&self, a: &Name, b: &Name) -> bool {
        let has = |step: &Step, name: &Name| step.answers.iter().any(|answer| answer.line == name.line);
        a.line != b.line && self.steps.iter().any(|step| has(step, a) && has(step, b))
    }
}

impl Pattern {
    /// The bytes it takes at least.
    pub(super) fn least(&self) -> usize {
        match self {
            Self::Byte(_) => 1,
            Self::Keep(_, length) | Self::Skip(length) => length.unwrap_or(0),
        }
    }
}
