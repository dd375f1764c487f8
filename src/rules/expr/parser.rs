//! Tokens to a tree: precedence climbing after Pratt, with bounded depth.

use super::comparison::Comparison;
use super::lexer::{Token, tokens};
use super::{Mistake, RESERVED};

/// An expression as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Expr {
    /// Byte offset of its first token; of the operator, where it has one.
    pub at: usize,
    pub kind: Kind,
    depth: usize,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Int(i64),
    Money(i64),
    Rate(i64),
    Bool(bool),
    Text(String),
    Name(String),
    /// `table.column`, `acc.name`
    Dotted(String, String),
    Call(String, Vec<Expr>),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Vec<Expr>),
    /// In a list that has a name.
    Within(Box<Expr>, Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Op {
    Or,
    And,
    Compare(Comparison),
    Plus,
    Minus,
    Times,
}

/// The deepest nesting. What is deeper is better said in steps, and no input can exhaust the stack.
const DEEPEST: usize = 48;
/// The longest expression, in bytes.
const LONGEST: usize = 4_000;

/// Binding powers: or, and, not, comparisons, sums, products, signs.
const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const SIGN: u8 = 7;

impl Op {
    fn of(token: &Token) -> Option<(Self, u8)> {
        Some(match token {
            Token::Name(word) if word == "or" => (Self::Or, 1),
            Token::Name(word) if word == "and" => (Self::And, 2),
            Token::Sign("==") => (Self::Compare(Comparison::Equal), COMPARISON),
            Token::Sign("!=") => (Self::Compare(Comparison::Unequal), COMPARISON),
            Token::Sign("<") => (Self::Compare(Comparison::Less), COMPARISON),
            Token::Sign("<=") => (Self::Compare(Comparison::LessEqual), COMPARISON),
            Token::Sign(">") => (Self::Compare(Comparison::Greater), COMPARISON),
            Token::Sign(">=") => (Self::Compare(Comparison::GreaterEqual), COMPARISON),
            Token::Sign("+") => (Self::Plus, 5),
            Token::Sign("-") => (Self::Minus, 5),
            Token::Sign("*") => (Self::Times, 6),
            _ => return None,
        })
    }
}

/// The expression that `text` is.
///
/// # Errors
/// The first mistake of form.
pub(in super::super) fn parse(text: &str) -> Result<Expr, Mistake> {
    if text.len() > LONGEST {
        return Err((0, format!("the expression is longer than {LONGEST} bytes")));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, open: 0 };
    let expr = parser.expr(0)?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    /// How many calls of `expr` are open.
    open: usize,
}

impl Parser {
    fn expr(&mut self, least: u8) -> Result<Expr, Mistake> {
        self.open += 1;
        if self.open > DEEPEST {
            return Err((self.at(), too_deep()));
        }
        let mut left = self.prefix()?;
        loop {
            let at = self.at();
            if self.peek() == &Token::Name("in".to_owned()) && COMPARISON > least {
                self.advance();
                let kind = match self.peek() {
                    Token::Sign("[") => Kind::In(Box::new(left), self.list()?),
                    _ => Kind::Within(Box::new(left), Box::new(self.expr(COMPARISON)?)),
                };
                left = made(at, kind)?;
                continue;
            }
            let Some((op, power)) = Op::of(self.peek()) else { break };
            if power <= least {
                break;
            }
            self.advance();
            let right = self.expr(power)?;
            if power == COMPARISON && Op::of(self.peek()).is_some_and(|(_, next)| next == COMPARISON) {
                return Err((self.at(), "comparisons do not chain: join them with 'and'".to_owned()));
            }
            left = made(at, Kind::Binary(op, Box::new(left), Box::new(right)))?;
        }
        self.open -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Expr, Mistake> {
        let (at, token) = self.tokens[self.next].clone();
        let kind = match token {
            Token::Int(n) => self.leaf(Kind::Int(n)),
            Token::Money(n) => self.leaf(Kind::Money(n)),
            Token::Rate(n) => self.leaf(Kind::Rate(n)),
            Token::Text(text) => self.leaf(Kind::Text(text)),
            Token::Sign("-") => {
                self.advance();
                Kind::Minus(Box::new(self.expr(SIGN)?))
            }
            Token::Sign("(") => {
                self.advance();
                let inner = self.expr(0)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Name(word) => return self.word(at, word),
            _ => return Err(self.unexpected("a value")),
        };
        made(at, kind)
    }

    fn word(&mut self, at: usize, word: String) -> Result<Expr, Mistake> {
        let kind = match word.as_str() {
            "true" => self.leaf(Kind::Bool(true)),
            "false" => self.leaf(Kind::Bool(false)),
            "not" => {
                self.advance();
                Kind::Not(Box::new(self.expr(NOT)?))
            }
            "if" => {
                self.advance();
                let condition = self.expr(0)?;
                self.expect_word("then")?;
                let yes = self.expr(0)?;
                self.expect_word("else")?;
                let no = self.expr(0)?;
                Kind::If(Box::new(condition), Box::new(yes), Box::new(no))
            }
            other if other != "acc" && RESERVED.contains(&other) => return Err(self.unexpected("a value")),
            _ => {
                self.advance();
                match self.peek() {
                    Token::Sign("(") => Kind::Call(word, self.arguments()?),
                    Token::Sign(".") => {
                        self.advance();
                        let Token::Name(part) = self.peek().clone() else {
                            return Err(self.unexpected("a name"));
                        };
                        self.advance();
                        Kind::Dotted(word, part)
                    }
                    _ => Kind::Name(word),
                }
            }
        };
        made(at, kind)
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Mistake> {
        self.expect("(")?;
        self.items(")")
    }

    fn list(&mut self) -> Result<Vec<Expr>, Mistake> {
        self.expect("[")?;
        self.items("]")
    }

    /// Expressions between commas up to `close`.
    fn items(&mut self, close: &'static str) -> Result<Vec<Expr>, Mistake> {
        let mut items = Vec::new();
        if self.peek() == &Token::Sign(close) {
            self.advance();
            return Ok(items);
        }
        loop {
            items.push(self.expr(0)?);
            if self.peek() != &Token::Sign(",") {
                self.expect(close)?;
                return Ok(items);
            }
            self.advance();
        }
    }

    fn leaf(&mut self, kind: Kind) -> Kind {
        self.advance();
        kind
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next].1
    }

    fn at(&self) -> usize {
        self.tokens[self.next].0
    }

    /// Goes on; never past the end token.
    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Mistake> {
        if self.peek() == &Token::Sign(sign) {
            self.advance();
            return Ok(());
        }
        Err(self.unexpected(&format!("'{sign}'")))
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Mistake> {
        if matches!(self.peek(), Token::Name(name) if name == word) {
            self.advance();
            return Ok(());
        }
        Err(self.unexpected(&format!("'{word}'")))
    }

    fn unexpected(&self, wanted: &str) -> Mistake {
        let found = match self.peek() {
            Token::Name(name) => format!("'{name}'"),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::Int(n) => format!("'{n}'"),
            Token::Money(_) => "an amount".to_owned(),
            Token::Rate(_) => "a rate".to_owned(),
            Token::Text(text) => format!("'{text}'"),
            Token::End => "the end".to_owned(),
        };
        (self.at(), format!("expected {wanted}, found {found}"))
    }
}

/// The expression, unless it is too deep.
fn made(at: usize, kind: Kind) -> Result<Expr, Mistake> {
    let depth = 1 + match &kind {
        Kind::Call(_, items) => deepest(items),
        Kind::In(item, items) => item.depth.max(deepest(items)),
        Kind::Not(item) | Kind::Minus(item) => item.depth,
        Kind::Binary(_, left, right) | Kind::Within(left, right) => left.depth.max(right.depth),
        Kind::If(condition, yes, no) => condition.depth.max(yes.depth).max(no.depth),
        _ => 0,
    };
    if depth > DEEPEST { Err((at, too_deep())) } else { Ok(Expr { at, kind, depth }) }
}

fn deepest(items: &[Expr]) -> usize {
    items.iter().map(|item| item.depth).max().unwrap_or(0)
}

fn too_deep() -> String {
    format!("nested deeper than {DEEPEST}: say it in steps")
}
