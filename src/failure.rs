//! What reaches a person when something fails: a stable code, a cause, a remedy and who must act.
//!
//! Each room keeps its failures in one table made with [`entries!`](crate::entries) and maps its own error type to
//! them through [`Explain`]. Codes never change their meaning; a text may be improved at any time.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// The person who can end a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// The holder of the card (持卡人).
    Holder,
    /// The clerk or cashier at the counter (经办人员).
    Clerk,
    /// Whoever looks after the terminal (技术人员).
    Technician,
}

/// What a failure is to whoever asked: the doors make of it the exit status of a command and the status of an answer over
/// HTTP. Each code has its own, and never another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// What was said is not of the form that it should be: a command line, a file of input, a form, a value.
    Usage,
    /// There is no such thing as was asked for.
    Unknown,
    /// It is too much at once, or being done already: the same may be asked again.
    NotNow,
    /// The rules or the centre said no, or it is at a step that does not allow it.
    Refused,
    /// The card, a reader, a PSAM or its keys.
    Card,
    /// Disk or database.
    Storage,
    /// What somebody set up: the configuration, a policy pack, a script, a signed list.
    Setup,
    /// The centre cannot be reached, or does not answer as it should.
    Centre,
    /// A command does not reach its daemon.
    Daemon,
    /// A request over HTTP is none, or not to be made by whoever makes it.
    Request,
    /// It may have been done, or not.
    Unsure,
    /// The program or its host.
    Defect,
}

/// One sentence in both languages of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Chinese, the first language of every screen and slip.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

/// A row of a room's table of failures.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Stable code, `E-ROOM-WHAT`.
    pub code: &'static str,
    /// Who must act.
    pub actor: Actor,
    /// What it is to whoever asked.
    pub class: Class,
    /// What happened.
    pub message: Text,
    /// Why it happens.
    pub cause: Text,
    /// What ends it.
    pub remedy: Text,
}

/// An [`Entry`] that happened, with what is particular to this time. Never carries personal data or a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The row of the table.
    pub entry: &'static Entry,
    /// Particulars: a reader's name, a status word, a file and line.
    pub detail: Option<String>,
}

/// An error that can be told to a person.
pub trait Explain: std::error::Error {
    /// The row that stands for this error.
    fn entry(&self) -> &'static Entry;

    /// What is particular to this occurrence; no personal data, no secret.
    fn detail(&self) -> Option<String> {
        None
    }

    /// The failure as it is shown.
    fn failure(&self) -> Failure {
        Failure { entry: self.entry(), detail: self.detail() }
    }
}

impl Failure {
    /// A failure without particulars.
    pub fn of(entry: &'static Entry) -> Self {
        Self { entry, detail: None }
    }

    /// The same failure with particulars.
    pub fn with(entry: &'static Entry, detail: impl Into<String>) -> Self {
        Self { entry, detail: Some(detail.into()) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry.code, self.entry.message.en)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// A [`Failure`] as the doors tell it, Chinese first.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Failure)]
struct Told<'a> {
    /// Never changes its meaning; `docs/errors.md` lists them all.
    code: &'a str,
    /// What happened.
    message: &'a str,
    /// Why it happens.
    cause: &'a str,
    /// What ends it.
    remedy: &'a str,
    actor: Actor,
    /// What is particular to this time.
    #[schema(required)]
    detail: Option<&'a str>,
    en: English<'a>,
}

/// The same in English.
#[derive(Serialize, utoipa::ToSchema)]
struct English<'a> {
    message: &'a str,
    cause: &'a str,
    remedy: &'a str,
}

impl Serialize for Failure {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entry { code, actor, message, cause, remedy, .. } = self.entry;
        let en = English { message: message.en, cause: cause.en, remedy: remedy.en };
        let (message, cause, remedy) = (message.zh, cause.zh, remedy.zh);
        let detail = self.detail.as_deref();
        Told { code, message, cause, remedy, actor: *actor, detail, en }.serialize(serializer)
    }
}

impl utoipa::PartialSchema for Failure {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Told::schema()
    }
}

impl utoipa::ToSchema for Failure {
    fn schemas(known: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        Told::schemas(known);
    }
}

/// One mistake in a file that people write (a policy pack, a script), shown as `file:line:column: message`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct Diagnostic {
    /// The file, as it was named to the loader.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// One line, whatever stands in the file.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", visible(&self.file), self.line, self.column, visible(&self.message))
    }
}

/// The text of a file's bytes, or where it is none; `message` says what to do.
///
/// # Errors
/// When the bytes are not UTF-8, with the place of the first that is not.
pub fn utf8<'a>(file: &str, bytes: &'a [u8], message: &str) -> Result<&'a str, Diagnostic> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let (line, column) = place(good, good.len());
        Diagnostic { file: file.to_owned(), line, column, message: message.to_owned() }
    })
}

/// A text in which nothing moves the cursor or turns the direction of writing: such characters are written as escapes, so
/// that a value can neither end its line nor pass for words of ours.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if unseen(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Whether a character is none that is seen: a control, one of the controls of direction, or a separator of lines.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Line and column of the byte at `offset`, both from 1, the column in characters: where a file has a mistake.
pub fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The byte of `text` at a line and column as [`place`] gives them; `None` where the text has no such place.
pub fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line.checked_sub(1)?).map(str::len).sum();
    let mut columns = lines.next().unwrap_or_default().char_indices().map(|(at, _)| at);
    let within = columns.nth(column.checked_sub(1)?);
    // A mistake may stand right behind the last character.
    within.map(|within| before + within).or_else(|| (place(text, text.len()) == (line, column)).then_some(text.len()))
}

/// Declares a room's table: one `static` an [`Entry`](crate::failure::Entry), and `ENTRIES` with all of them.
///
/// ```
/// sbkd::entries! {
///     CARD_ABSENT = "E-CARD-ABSENT", Clerk;
///         class Card;
///         message "读卡器中没有卡" | "there is no card in the reader";
///         cause "卡未插入或未放到位" | "the card is not inserted, or not far enough";
///         remedy "请重新插卡" | "insert the card again";
/// }
/// # fn main() {
/// assert_eq!(ENTRIES[0].code, "E-CARD-ABSENT");
/// # }
/// ```
#[macro_export]
macro_rules! entries {
    ($( $name:ident = $code:literal, $actor:ident;
        class $class:ident;
        message $mzh:literal | $men:literal;
        cause $czh:literal | $cen:literal;
        remedy $rzh:literal | $ren:literal; )+) => {
        $(
            #[doc = concat!("`", $code, "`: ", $men, ".")]
            pub static $name: $crate::failure::Entry = $crate::failure::Entry {
                code: $code,
                actor: $crate::failure::Actor::$actor,
                class: $crate::failure::Class::$class,
                message: $crate::failure::Text { zh: $mzh, en: $men },
                cause: $crate::failure::Text { zh: $czh, en: $cen },
                remedy: $crate::failure::Text { zh: $rzh, en: $ren },
            };
        )+
        /// Every failure of this room.
        pub static ENTRIES: &[&$crate::failure::Entry] = &[$(&$name),+];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_forge_a_line_or_turn_it_round() {
        assert!(matches!(visible("统筹支付 ¥1.00 — ok"), Cow::Borrowed(_)));
        let text = "a\nb\u{1b}[2J\0\u{202e}c\u{2066}\u{85}\u{2028}";
        assert_eq!(visible(text), "a\\nb\\u{1b}[2J\\u{0}\\u{202e}c\\u{2066}\\u{85}\\u{2028}");
        let mistake = Diagnostic { file: "a\nb".into(), line: 1, column: 2, message: "c\rd".into() };
        assert_eq!(mistake.to_string(), "a\\nb:1:2: c\\rd");
    }

    #[test]
    fn what_is_not_utf8_is_told_by_its_place() {
        assert_eq!(utf8("a", "统".as_bytes(), "no"), Ok("统"));
        let mistake = utf8("a", b"one\n\xE7\xBB\x9F\xB9\xA4", "no").unwrap_err();
        assert_eq!(mistake.to_string(), "a:2:2: no");
    }
}
