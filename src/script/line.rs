//! One line cut into words, each with its column.

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// Column in characters, from 1.
    pub(super) column: usize,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// Anything without spaces, brackets, braces, quotes and `#`.
    Word(&'a str),
    /// What stands between `{` and `}`.
    Braced(&'a str),
    /// What stands between quotes.
    Quoted(&'a str),
    /// `[`
    Open,
    /// `]`
    Close,
}

/// A mistake in a line: its column and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) column: usize,
    pub(super) message: String,
}

impl Mistake {
    pub(super) fn at<T>(column: usize, message: impl Into<String>) -> Result<T, Self> {
        Err(Self { column, message: message.into() })
    }
}

/// The words of a line, its comment left out.
pub(super) fn tokens(line: &str) -> Result<Vec<Token<'_>>, Mistake> {
    let mut found = Vec::new();
    let (mut rest, mut column) = (line, 1);
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '#' => break,
            c if c.is_whitespace() => (None, c.len_utf8()),
            '[' => (Some(Kind::Open), 1),
            ']' => (Some(Kind::Close), 1),
            '{' => enclosed(rest, '}', column).map(|inner| (Some(Kind::Braced(inner)), inner.len() + 2))?,
            '"' => enclosed(rest, '"', column).map(|inner| (Some(Kind::Quoted(inner)), inner.len() + 2))?,
            '}' => return Mistake::at(column, "} without a { before it"),
            _ => {
                let word = &rest[..rest.find(ends_word).unwrap_or(rest.len())];
                (Some(Kind::Word(word)), word.len())
            }
        };
        found.extend(kind.map(|kind| Token { column, kind }));
        column += rest[..length].chars().count();
        rest = &rest[length..];
    }
    Ok(found)
}

/// What stands between the first character, which is one byte long, and `close`.
fn enclosed(rest: &str, close: char, column: usize) -> Result<&str, Mistake> {
    match rest[1..].find(close) {
        Some(end) => Ok(&rest[1..=end]),
        None => Mistake::at(column, format!("{} without {close} after it", &rest[..1])),
    }
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '[' | ']' | '{' | '}' | '#' | '"')
}

/// The bytes of a word of hex digits; a column inside the word where it is none.
pub(super) fn hex_bytes(word: &str, column: usize) -> Result<Vec<u8>, Mistake> {
    if let Some(at) = word.chars().position(|c| !c.is_ascii_hexdigit()) {
        return Mistake::at(column + at, format!("{word} is not hex"));
    }
    match hex::decode(word) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Mistake::at(column, format!("{word} has an odd number of digits: half a byte is missing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters() {
        let line = "> 00A4 \"社会\" [{名:1}] 00 # end";
        let columns: Vec<_> = tokens(line).unwrap().iter().map(|token| token.column).collect();
        assert_eq!(columns, [1, 3, 8, 13, 14, 19, 21]);
    }

    #[test]
    fn what_is_not_closed_is_named_where_it_opens() {
        assert_eq!(tokens("> {a").unwrap_err().column, 3);
        assert_eq!(tokens("reader \"x").unwrap_err().column, 8);
        assert_eq!(tokens("a }").unwrap_err().column, 3);
        assert_eq!(hex_bytes("0G", 5).unwrap_err().column, 6);
        assert_eq!(hex_bytes("012", 5).unwrap_err().column, 5);
    }
}
