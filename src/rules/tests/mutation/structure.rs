//! Which tokens of a formula belong together.

use std::ops::Range;

use super::formulas::Role;
use crate::rules::expr::Token;

/// A formula as its tokens.
pub(super) struct Formula<'a> {
    pub text: &'a str,
    /// Each with its byte offset; the last is the end.
    pub tokens: Vec<(usize, Token)>,
    pub role: Role,
}

impl Formula<'_> {
    /// The `then` or `else` of the `if` at a token.
    pub(super) fn word_of(&self, at: usize, wanted: &str) -> Option<usize> {
        let mut open = 0;
        let mut inner = 0;
        for number in at + 1..self.tokens.len() {
            match &self.tokens[number].1 {
                Token::Sign("(" | "[") => open += 1,
                Token::Sign(")" | "]") => open -= 1,
                Token::Name(word) if open == 0 && inner == 0 && word == wanted => return Some(number),
                Token::Name(word) if open == 0 && word == "if" => inner += 1,
                Token::Name(word) if open == 0 && word == "else" => inner -= 1,
                _ => {}
            }
        }
        None
    }

    /// The token after the expression that begins at a token.
    pub(super) fn end_of(&self, start: usize) -> usize {
        let mut open = 0;
        let mut inner = 0;
        for number in start..self.tokens.len() {
            match &self.tokens[number].1 {
                Token::End => return number,
                Token::Sign(")" | "]" | ",") if open == 0 => return number,
                Token::Sign("(" | "[") => open += 1,
                Token::Sign(")" | "]") => open -= 1,
                Token::Name(word) if open == 0 && word == "if" => inner += 1,
                Token::Name(word) if open == 0 && word == "else" && inner > 0 => inner -= 1,
                Token::Name(word) if open == 0 && inner == 0 && (word == "then" || word == "else") => return number,
                _ => {}
            }
        }
        self.tokens.len() - 1
    }

    /// What stands between the commas of the bracket that opens at a token.
    pub(super) fn parts(&self, open: usize) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut start = open + 1;
        loop {
            let end = self.end_of(start);
            if end > start {
                parts.push(start..end);
            }
            if !self.is(end, ",") {
                return parts;
            }
            start = end + 1;
        }
    }

    /// The first token of the factor that ends before a token.
    pub(super) fn factor_before(&self, at: usize) -> Option<usize> {
        let last = at.checked_sub(1)?;
        let start = if self.is(last, ")") { self.opening(last)? } else { last };
        let called = |start: usize| start > 0 && self.is(start, "(") && self.is_name(start - 1);
        let start = if called(start) { start - 1 } else { start };
        Some(if start > 1 && self.is(start - 1, ".") { start - 2 } else { start })
    }

    /// The token after the factor that begins behind a token.
    pub(super) fn factor_after(&self, at: usize) -> Option<usize> {
        let mut first = at + 1;
        while self.is(first, "-") {
            first += 1;
        }
        if self.is(first, "(") {
            return Some(self.closing(first)? + 1);
        }
        match (self.is_name(first), self.is(first + 1, "("), self.is(first + 1, ".")) {
            (true, true, _) => Some(self.closing(first + 1)? + 1),
            (true, _, true) => Some(first + 3),
            _ => Some(first + 1),
        }
    }

    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        self.parts(open).last().map(|part| part.end)
    }

    pub(super) fn opening(&self, close: usize) -> Option<usize> {
        (0..close).rev().find(|open| self.is(*open, "(") && self.closing(*open) == Some(close))
    }

    pub(super) fn ends_operand(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        match &self.tokens[before].1 {
            Token::Name(word) => !["and", "or", "not", "if", "then", "else", "in"].contains(&word.as_str()),
            Token::Sign(sign) => [")", "]"].contains(sign),
            _ => true,
        }
    }

    pub(super) fn is(&self, at: usize, sign: &str) -> bool {
        matches!(&self.tokens.get(at), Some((_, Token::Sign(found))) if *found == sign)
    }

    pub(super) fn is_name(&self, at: usize) -> bool {
        matches!(&self.tokens[at].1, Token::Name(_))
    }

    /// The bytes of tokens, without the space behind the last.
    pub(super) fn span(&self, tokens: Range<usize>) -> Range<usize> {
        let (start, next) = (self.tokens[tokens.start].0, self.tokens[tokens.end].0);
        start..start + self.text[start..next].trim_end().len()
    }
}
