//! One line of the report.

use std::fmt::Display;

use serde::Serialize;

use crate::cli::Problem;
use crate::failure::Failure;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// Work goes on, but somebody should look at it.
    Warning,
    /// Something does not work.
    Failed,
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Both {
    zh: String,
    en: String,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) status: Status,
    found: Both,
    remedy: Option<Both>,
}

impl Both {
    fn new(zh: impl Display, en: impl Display) -> Self {
        Self { zh: zh.to_string(), en: en.to_string() }
    }

    fn line(&self) -> String {
        if self.zh == self.en { self.zh.clone() } else { format!("{} / {}", self.zh, self.en) }
    }
}

impl Finding {
    pub(super) fn ok(check: &'static str, zh: impl Display, en: impl Display) -> Self {
        Self { check, status: Status::Ok, found: Both::new(zh, en), remedy: None }
    }

    pub(super) fn warning(check: &'static str, found: (&str, &str), remedy: (&str, &str)) -> Self {
        Self::bad(check, Status::Warning, found, remedy)
    }

    pub(super) fn failed(check: &'static str, found: (&str, &str), remedy: (&str, &str)) -> Self {
        Self::bad(check, Status::Failed, found, remedy)
    }

    fn bad(check: &'static str, status: Status, found: (&str, &str), remedy: (&str, &str)) -> Self {
        let remedy = Some(Both::new(remedy.0, remedy.1));
        Self { check, status, found: Both::new(found.0, found.1), remedy }
    }

    /// Not looked at, because of another check that failed.
    pub(super) fn skipped(check: &'static str, because: &str) -> Self {
        let found = (format!("未检查，先解决 {because}"), format!("not looked at: mend {because} first"));
        let remedy = (format!("见 {because}"), format!("see {because}"));
        Self::warning(check, (&found.0, &found.1), (&remedy.0, &remedy.1))
    }

    /// A failure of some room.
    pub(super) fn of_failure(check: &'static str, failure: &Failure) -> Self {
        let detail = failure.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        let entry = failure.entry;
        let (zh, en) = (format!("{}{detail}", entry.message.zh), format!("{}{detail}", entry.message.en));
        Self::failed(check, (&zh, &en), (entry.remedy.zh, entry.remedy.en))
    }

    /// A failure as a command would end with it.
    pub(super) fn of_problem(check: &'static str, problem: &Problem) -> Self {
        let body = &problem.to_json()["error"];
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let detail = text(&body["detail"]);
        let en = &body["en"];
        let (found, found_en) = (text(&body["message"]), text(&en["message"]));
        Self::failed(
            check,
            (&format!("{found} ({detail})"), &format!("{found_en} ({detail})")),
            (&text(&body["remedy"]), &text(&en["remedy"])),
        )
    }

    /// The line, and its remedy below.
    pub(super) fn text(&self) -> String {
        let mark = match self.status {
            Status::Ok => "✔",
            Status::Warning => "!",
            Status::Failed => "✘",
        };
        let mut text = format!("{mark} {:<9} {}\n", self.check, self.found.line());
        if let Some(remedy) = &self.remedy {
            text += &format!("            → {}\n", remedy.line());
        }
        text
    }
}
