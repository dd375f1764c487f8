//! The forms of a paper.

use zeroize::Zeroizing;

use super::document::Document;
use super::html::{self, Sheet};
use super::{COLUMNS, escpos};

/// What a paper is put on.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq)]
pub enum Medium {
    /// An HTML page for A4.
    A4,
    /// An HTML page for paper of 80 mm.
    Roll,
    /// Commands of an 80 mm printer (ESC/POS), Chinese in GB18030.
    EscPos,
    /// Lines of at most [`COLUMNS`] columns.
    Text,
}

/// A paper in one of its forms. Wiped on drop.
pub struct Printed {
    /// Its media type.
    pub media: &'static str,
    /// Its bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What a browser may do with it (Content-Security-Policy), where one shows it: nothing but apply its own style.
    pub policy: Option<String>,
}

impl Medium {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::A4, Self::Roll, Self::EscPos, Self::Text];

    /// Its name at the doors.
    pub fn name(self) -> &'static str {
        match self {
            Self::A4 => "a4",
            Self::Roll => "80mm",
            Self::EscPos => "escpos",
            Self::Text => "text",
        }
    }

    /// The medium of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|medium| medium.name() == name)
    }

    /// The paper on it.
    pub fn print(self, document: &Document) -> Printed {
        let page = |sheet: Sheet| Printed {
            media: "text/html; charset=utf-8",
            bytes: html::page(document, sheet),
            policy: Some(format!("{}; frame-ancestors 'none'", sheet.policy())),
        };
        let lines = || Zeroizing::new(document.lines(COLUMNS));
        let plain = |media, bytes| Printed { media, bytes, policy: None };
        match self {
            Self::A4 => page(Sheet::A4),
            Self::Roll => page(Sheet::Roll),
            Self::EscPos => plain("application/octet-stream", escpos::commands(&lines())),
            Self::Text => {
                let mut text = Zeroizing::new(lines().join("\n"));
                text.push('\n');
                plain("text/plain; charset=utf-8", Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
            }
        }
    }
}
