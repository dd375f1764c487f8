//! Text to tokens.

use super::Mistake;
use crate::value::{Fen, Rate};

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Token {
    Name(String),
    Int(i64),
    /// Fen.
    Money(i64),
    /// Parts per million.
    Rate(i64),
    /// In single quotes.
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Longer first, so that `<=` is not `<`.
const SIGNS: &[&str] = &["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "(", ")", "[", "]", ",", "."];

/// The tokens of `text`, each with its byte offset; the last is [`Token::End`].
pub(in super::super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Mistake> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = token(&text[at..], first).map_err(|what| (at, what))?;
        found.push((at, token));
        at += length;
    }
    found.push((text.len(), Token::End));
    Ok(found)
}

/// The token at the beginning of `rest`, and its length in bytes.
fn token(rest: &str, first: char) -> Result<(Token, usize), String> {
    match first {
        '\'' => {
            let end = rest[1..].find('\'').ok_or("a quote that is not closed")?;
            Ok((Token::Text(rest[1..=end].to_owned()), end + 2))
        }
        '¥' => {
            let digits = number(&rest['¥'.len_utf8()..]);
            let fen: Fen = digits.parse().map_err(|error| format!("{error}"))?;
            Ok((Token::Money(fen.0), '¥'.len_utf8() + digits.len()))
        }
        '0'..='9' => {
            let digits = number(rest);
            if rest[digits.len()..].starts_with('%') {
                let with_sign = &rest[..=digits.len()];
                let rate: Rate = with_sign.parse().map_err(|error| format!("{error}"))?;
                return Ok((Token::Rate(rate.0), with_sign.len()));
            }
            if digits.contains('.') {
                return Err(format!("{digits} is no whole number: an amount is ¥{digits}, a rate {digits}%"));
            }
            let n = digits.parse().map_err(|_| format!("{digits} is too large"))?;
            Ok((Token::Int(n), digits.len()))
        }
        'a'..='z' | 'A'..='Z' | '_' => {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            Ok((Token::Name(rest[..length].to_owned()), length))
        }
        _ => {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            sign.map(|sign| (Token::Sign(sign), sign.len())).ok_or_else(|| match narrow(first) {
                Some(narrow) => format!("'{first}' has no meaning here: write '{narrow}'"),
                None => format!("'{first}' has no meaning here"),
            })
        }
    }
}

/// The letter that is meant by a wide one, as Chinese keyboards give it.
fn narrow(wide: char) -> Option<char> {
    match wide {
        '￥' => Some('¥'),
        '‘' | '’' => Some('\''),
        '×' => Some('*'),
        '！'..='～' => char::from_u32(wide as u32 - 0xFEE0),
        _ => None,
    }
}

/// The digits and points at the beginning of `rest`.
fn number(rest: &str) -> &str {
    &rest[..rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len())]
}
