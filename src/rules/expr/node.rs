//! A checked expression, ready to be computed.

use std::cmp::Ordering;

use super::super::val::Val;
use super::comparison::Comparison;

/// Where a value is kept while a case is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Place {
    Fact(usize),
    LineFact(usize),
    LineStep(usize),
    Step(usize),
    Accumulator(usize),
    Param(usize),
}

impl Place {
    /// Whether each line has its own.
    pub fn of_line(self) -> bool {
        matches!(self, Self::LineFact(_) | Self::LineStep(_))
    }

    /// Whether its first use is recorded.
    fn looks_up(self) -> bool {
        matches!(self, Self::Accumulator(_) | Self::Param(_))
    }
}

/// How a product becomes an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Rounding {
    /// To the nearest; ties away from zero (四舍五入).
    HalfUp,
    /// To the nearest; ties to the even neighbour.
    HalfEven,
    /// Down, towards minus infinity.
    Floor,
    /// Up, towards plus infinity.
    Ceil,
}

impl Rounding {
    /// The rounding that has this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "half_up" => Self::HalfUp,
            "half_even" => Self::HalfEven,
            "floor" => Self::Floor,
            "ceil" => Self::Ceil,
            _ => return None,
        })
    }

    /// Whether a number goes up to the next whole unit: by how its distance from the one below compares with that to
    /// the one above, whether it is a whole unit, whether it is zero or more, and whether the unit below is odd.
    pub fn up(self, distance: Ordering, whole: bool, positive: bool, odd: bool) -> bool {
        match self {
            Self::Floor => false,
            Self::Ceil => !whole,
            Self::HalfUp => distance.is_gt() || (distance.is_eq() && positive),
            Self::HalfEven => distance.is_gt() || (distance.is_eq() && odd),
        }
    }
}

/// To whole multiples of `by`, each of which is `unit` fen: for a product, `by` is so many millionths of a fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Round {
    pub how: Rounding,
    pub by: i64,
    pub unit: i64,
}

/// A checked expression. Types are right by construction; only a missing figure or a number out of range can stop it.
#[derive(Debug, Clone)]
pub(in super::super) enum Node {
    Const(Val),
    Get(Place),
    /// A table's column; `on` is what the table is looked up by.
    Cell {
        table: usize,
        column: usize,
        on: Box<[Place]>,
    },
    /// An amount cut into the ranges of a table's rows, each part times its row's rate, and rounded where it says so.
    Bands {
        of: Box<Node>,
        table: usize,
        column: usize,
        each: Option<Round>,
    },
    /// Whether an optional fact or accumulator is there.
    Has(Place),
    /// An optional one, or else the other.
    Given(Place, Box<Node>),
    Not(Box<Node>),
    Negative(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    /// Of two numbers.
    Compare(Comparison, Box<Node>, Box<Node>),
    /// Of two values that are not numbers.
    Order(Comparison, Box<Node>, Box<Node>),
    Plus(Box<Node>, Box<Node>),
    Minus(Box<Node>, Box<Node>),
    /// left × right × factor, the factor bringing units together.
    Times(Box<Node>, Box<Node>, i64),
    /// Whether a number is one of these.
    Among(Box<Node>, Box<[i64]>),
    /// Whether a value that is not a number is one of these.
    In(Box<Node>, Box<[Val]>),
    /// Whether a number is in a list.
    AmongList(Box<Node>, Box<Node>),
    /// Whether a value that is not a number is in a list.
    InList(Box<Node>, Box<Node>),
    /// How many values a list has.
    Count(Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Min(Vec<Node>),
    Max(Vec<Node>),
    Clamp(Box<[Node; 3]>),
    Round(Round, Box<Node>),
    /// Over all lines.
    Sum(Place),
    /// Whether no two lines have the same.
    Distinct(Place),
    /// The day from which a parameter's figure in force holds.
    Since(usize),
    MonthOf(Box<Node>),
    DayOf(Box<Node>),
    DaysBetween(Box<Node>, Box<Node>),
    MonthsBetween(Box<Node>, Box<Node>),
    AddMonths(Box<Node>, Box<Node>),
}

impl Node {
    /// Calls `each` with the expressions that it is made of, in the order in which they are written.
    pub fn parts(&self, each: &mut impl FnMut(&Self)) {
        match self {
            Self::Const(_) | Self::Cell { .. } | Self::Since(_) => {}
            Self::Get(_) | Self::Has(_) | Self::Sum(_) | Self::Distinct(_) => {}
            Self::Bands { of: one, .. } | Self::Round(_, one) | Self::Given(_, one) | Self::Count(one) => each(one),
            Self::Not(one) | Self::Negative(one) | Self::MonthOf(one) | Self::DayOf(one) => each(one),
            Self::Among(one, _) | Self::In(one, _) => each(one),
            Self::And(left, right)
            | Self::Or(left, right)
            | Self::Compare(_, left, right)
            | Self::Order(_, left, right)
            | Self::AmongList(left, right)
            | Self::InList(left, right)
            | Self::Plus(left, right)
            | Self::Minus(left, right)
            | Self::Times(left, right, _)
            | Self::DaysBetween(left, right)
            | Self::MonthsBetween(left, right)
            | Self::AddMonths(left, right) => [left, right].into_iter().for_each(|part| each(part)),
            Self::If(condition, yes, no) => [condition, yes, no].into_iter().for_each(|part| each(part)),
            Self::Min(items) | Self::Max(items) => items.iter().for_each(each),
            Self::Clamp(items) => items.iter().for_each(each),
        }
    }

    /// Whether it uses what is recorded when it is used first: a parameter, a table, an accumulator.
    pub fn looks_up(&self) -> bool {
        let mut found = match self {
            Self::Cell { .. } | Self::Bands { .. } | Self::Since(_) => true,
            Self::Get(place) | Self::Has(place) | Self::Given(place, _) => place.looks_up(),
            _ => false,
        };
        self.parts(&mut |part| found |= part.looks_up());
        found
    }

    /// What it is the least or the greatest of, where it is that.
    pub fn operands(&self) -> Option<&[Self]> {
        match self {
            Self::Min(items) | Self::Max(items) => Some(items),
            Self::Clamp(three) => Some(&**three),
            _ => None,
        }
    }
}
