//! What a command fails with: a failure of its own, or one the daemon told.

use serde_json::{Map, Value};

use super::Exit;
use crate::failure::{Entry, Explain, Failure};

/// A failure on its way to the person at the command line.
#[derive(Debug, Clone)]
pub struct Problem {
    body: Map<String, Value>,
    exit: Exit,
    shown: bool,
    lines: bool,
}

impl Problem {
    /// A failure the daemon answered with.
    pub fn told(body: Map<String, Value>) -> Self {
        let exit = Exit::for_code(body.get("code").and_then(Value::as_str).unwrap_or_default());
        Self { body, exit, shown: false, lines: false }
    }

    /// A failure with what is particular to it.
    pub fn with(entry: &'static Entry, detail: impl Into<String>) -> Self {
        Failure::with(entry, detail).into()
    }

    /// The failure of `error`.
    pub fn from_error(error: &impl Explain) -> Self {
        error.failure().into()
    }

    /// The same problem with one more member in its JSON form.
    #[must_use]
    pub fn and(mut self, name: &str, value: Value) -> Self {
        self.body.insert(name.to_owned(), value);
        self
    }

    /// The same problem with another exit code.
    #[must_use]
    pub fn exit_as(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The same problem, whose report the command has printed already: only the exit code is left to give.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.shown = true;
        self
    }

    /// The same problem, whose detail stands for itself when it is told as text.
    #[must_use]
    pub fn as_lines(mut self) -> Self {
        self.lines = true;
        self
    }

    /// Whether there is nothing left to print.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// The failure's stable code.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// What is particular to this time; empty where nothing is.
    pub fn detail(&self) -> &str {
        self.body.get("detail").and_then(Value::as_str).unwrap_or_default()
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// `{"error":{…}}`.
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "error": self.body })
    }

    /// For reading: Chinese first, then English.
    pub fn to_text(&self) -> String {
        let of =
            |map: &Map<String, Value>, name: &str| map.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let body = &self.body;
        if self.lines {
            return of(body, "detail") + "\n";
        }
        let detail = Some(of(body, "detail")).filter(|text| !text.is_empty());
        let aside = |open: &str, close: &str| detail.as_ref().map(|d| format!("{open}{d}{close}")).unwrap_or_default();
        let (who_zh, who_en) = actor(&of(body, "actor"));
        let mut text = format!("错误 {}：{}{}\n", of(body, "code"), of(body, "message"), aside("（", "）"));
        text += &format!("  原因：{}\n  办法：{}\n  处理：{who_zh}\n", of(body, "cause"), of(body, "remedy"));
        if let Some(en) = body.get("en").and_then(Value::as_object) {
            text += &format!("error {}: {}{}\n", of(body, "code"), of(en, "message"), aside(" (", ")"));
            text += &format!("  cause: {}\n  remedy: {}\n  who: {who_en}\n", of(en, "cause"), of(en, "remedy"));
        }
        text
    }

    /// What ends it and who must act, in one line.
    pub fn to_do(&self) -> String {
        let of = |name: &str| self.body.get(name).and_then(Value::as_str).unwrap_or_default();
        let en = self.body.get("en").and_then(|en| en["remedy"].as_str()).unwrap_or_default();
        let (who_zh, who_en) = actor(of("actor"));
        format!("办法：{}（{who_zh}） / remedy: {en} ({who_en})", of("remedy"))
    }
}

fn actor(name: &str) -> (&'static str, &'static str) {
    match name {
        "holder" => ("持卡人", "the holder"),
        "clerk" => ("经办人员", "the clerk"),
        _ => ("技术人员", "a technician"),
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let exit = failure.entry.class.into();
        let body = match serde_json::to_value(&failure) {
            Ok(Value::Object(body)) => body,
            // A Failure is a struct of strings: it always serializes to an object.
            _ => Map::new(),
        };
        Self { body, exit, shown: false, lines: false }
    }
}

impl From<&'static Entry> for Problem {
    fn from(entry: &'static Entry) -> Self {
        Failure::of(entry).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::errors;

    #[test]
    fn both_forms_say_code_cause_remedy_and_who() {
        let problem = Problem::with(&errors::NO_DAEMON, "/run/x.sock");
        let error = &problem.to_json()["error"];
        for name in ["code", "message", "cause", "remedy", "actor"] {
            assert!(error[name].is_string(), "{name}");
        }
        let text = problem.to_text();
        for part in ["E-CLI-NO-DAEMON", "/run/x.sock", "办法", "remedy", "技术人员"] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!(problem.exit(), Exit::Daemon);
    }
}
