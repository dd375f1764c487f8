//! The runner: one flow on a lease.

use zeroize::Zeroizing;

use super::flow::{Answer, Flow, Name, Part, Pattern, Sent, Step};
use super::{RunError, Vars};
use crate::apdu::{Command, Response, StatusWord};
use crate::reader::Lease;

/// Runs `flow` on `lease`: takes its inputs from `vars`, and puts its outputs there. Outputs that were not reached are
/// unset afterwards. Returns the last status word: of the last command, or of the answer that ended the flow before.
///
/// # Errors
/// The card is gone, answers what the flow does not accept, or a value is missing or of a wrong length. `vars` is as
/// it was then.
pub fn run(flow: &Flow, lease: &mut Lease, vars: &mut Vars) -> Result<StatusWord, RunError> {
    let mut run = Run { flow, values: inputs(flow, vars)? };
    let mut last = StatusWord::OK;
    for step in &flow.steps {
        let (status, goes_on) = run.step(step, lease)?;
        last = status;
        if !goes_on {
            break;
        }
    }
    for name in flow.outputs() {
        match run.values.get(name) {
            Some(value) => vars.set(name, value),
            None => vars.clear(name),
        }
    }
    Ok(last)
}

/// The first command that `flow` would send with these values, for whoever has to protect it before it is sent.
///
/// # Errors
/// A value is missing, or of a wrong length.
pub fn command(flow: &Flow, vars: &Vars) -> Result<Command, RunError> {
    let run = Run { flow, values: inputs(flow, vars)? };
    // The parser gives no flow without a step.
    let first =
        flow.steps.first().ok_or_else(|| RunError::NoFlow { script: flow.file.clone(), flow: flow.name.clone() })?;
    run.command(&first.sent)
}

/// The flow's inputs, their lengths verified.
fn inputs(flow: &Flow, vars: &Vars) -> Result<Vars, RunError> {
    let mut values = Vars::new();
    for input in &flow.inputs {
        let name = &input.name.text;
        let place = || flow.place(input.name.line);
        let Some(value) = vars.get(name) else {
            return Err(RunError::NoVariable { place: place(), name: name.clone() });
        };
        if !(input.least..=input.most).contains(&value.len()) {
            let wanted = match (input.least, input.most) {
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            let what = format!("{name} has {} bytes, where {wanted} are wanted", value.len());
            return Err(RunError::Value { place: place(), what });
        }
        values.set(name, value);
    }
    Ok(values)
}

struct Run<'a> {
    flow: &'a Flow,
    values: Vars,
}

impl Run<'_> {
    /// Sends one command; the status word, and whether the flow goes on.
    fn step(&mut self, step: &Step, lease: &mut Lease) -> Result<(StatusWord, bool), RunError> {
        let command = self.command(&step.sent)?;
        let place = self.flow.place(step.sent.line);
        let response = lease.send(&command).map_err(|source| RunError::Transport { place: place.clone(), source })?;
        let (status, ins) = (response.status(), command.ins());
        let fits = |answer: &Answer| answer.status.iter().any(|pattern| pattern.accepts(status));
        let Some(at) = step.answers.iter().position(fits) else {
            return Err(RunError::Status { place, ins, got: status, wanted: wanted(step) });
        };
        self.keep(&step.answers[at], &response)?;
        Ok((status, at == 0))
    }

    fn command(&self, sent: &Sent) -> Result<Command, RunError> {
        let mut header = [0; 4];
        for (byte, part) in header.iter_mut().zip(&sent.header) {
            *byte = self.one_byte(part)?;
        }
        let [cla, ins, p1, p2] = header;
        // All of it at once: growing would leave a copy behind that nobody wipes.
        let lengths = sent.data.iter().map(|part| match part {
            Part::Byte(_) => 1,
            Part::Value(name) => self.values.get(&name.text).map_or(0, <[u8]>::len),
        });
        let mut data = Zeroizing::new(Vec::with_capacity(lengths.sum()));
        for part in &sent.data {
            match part {
                Part::Byte(byte) => data.push(*byte),
                Part::Value(name) => data.extend_from_slice(self.value(name)?),
            }
        }
        let long = |error: crate::apdu::CommandError| RunError::Value {
            place: self.flow.place(sent.line),
            what: error.to_string(),
        };
        let command = Command::new(cla, ins, p1, p2).with_data(&data).map_err(long)?;
        match &sent.le {
            Some(part) => Ok(command.with_le(self.one_byte(part)?)),
            None => Ok(command),
        }
    }

    fn one_byte(&self, part: &Part) -> Result<u8, RunError> {
        match part {
            Part::Byte(byte) => Ok(*byte),
            Part::Value(name) => match self.value(name)? {
                [byte] => Ok(*byte),
                // The checker lets no other value in.
                other => {
                    let what = format!("{} has {} bytes, not one", name.text, other.len());
                    Err(RunError::Value { place: self.flow.place(name.line), what })
                }
            },
        }
    }

    fn value(&self, name: &Name) -> Result<&[u8], RunError> {
        let missing = || RunError::NoVariable { place: self.flow.place(name.line), name: name.text.clone() };
        self.values.get(&name.text).ok_or_else(missing)
    }

    /// Holds the data of the answer against its pattern and keeps what is named.
    fn keep(&mut self, answer: &Answer, response: &Response) -> Result<(), RunError> {
        let differs = |what: String| RunError::Answer { place: self.flow.place(answer.line), what };
        let mut rest = response.data();
        let least: usize = answer.data.iter().map(Pattern::least).sum();
        let takes_all = matches!(answer.data.last(), Some(Pattern::Keep(_, None) | Pattern::Skip(None)));
        if rest.len() < least || (rest.len() > least && !takes_all) {
            let more = if takes_all { " at least" } else { "" };
            let what = format!("the answer has {} bytes, where{more} {least} are wanted", rest.len());
            return Err(differs(what));
        }
        for pattern in &answer.data {
            let length = match pattern {
                Pattern::Byte(_) => 1,
                Pattern::Keep(_, length) | Pattern::Skip(length) => length.unwrap_or(rest.len()),
            };
            let (here, after) = rest.split_at(length);
            match pattern {
                Pattern::Byte(byte) if here != [*byte] => {
                    let at = response.data().len() - rest.len() + 1;
                    return Err(differs(format!("byte {at} of the answer is another")));
                }
                Pattern::Keep(name, _) => self.values.set(&name.text, here),
                Pattern::Byte(_) | Pattern::Skip(_) => {}
            }
            rest = after;
        }
        Ok(())
    }
}

/// The status words a step accepts, as a script writes them.
fn wanted(step: &Step) -> String {
    let all: Vec<String> = step.answers.iter().flat_map(|answer| &answer.status).map(ToString::to_string).collect();
    all.join("|")
}
