//! A checked expression, ready to be computed.

use super::super::types::Val;
use super::parser::Comparison;

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

    /// `n` in whole units, `unit` being above zero.
    pub fn divide(self, n: i128, unit: i128) -> i128 {
        let (down, rest) = (n.div_euclid(unit), n.rem_euclid(unit));
        let up = match self {
            Self::Floor => false,
            Self::Ceil => rest > 0,
            // rest and unit - rest are the distances to both neighbours.
            Self::HalfUp => rest > unit - rest || (rest == unit - rest && n >= 0),
            Self::HalfEven => rest > unit - rest || (rest == unit - rest && down.rem_euclid(2) == 1),
        };
        down + i128::from(up)
    }
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
        on: Vec<Node>,
    },
    /// An amount cut into the ranges of a table's rows, each part times its row's rate.
    Bands {
        of: Box<Node>,
        table: usize,
        column: usize,
    },
    /// Whether an optional fact or accumulator is there.
    Has(Place),
    /// An optional one, or else the other.
    Given(Place, Box<Node>),
    Not(Box<Node>),
    Negative(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Plus(Box<Node>, Box<Node>),
    Minus(Box<Node>, Box<Node>),
    /// left × right × factor, the factor bringing units together.
    Times(Box<Node>, Box<Node>, i128),
    In(Box<Node>, Vec<Val>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Min(Vec<Node>),
    Max(Vec<Node>),
    Clamp(Box<[Node; 3]>),
    /// An amount in units of 1/`scale` fen, to multiples of `unit` fen.
    Round {
        how: Rounding,
        of: Box<Node>,
        scale: i128,
        unit: i128,
    },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_where_the_name_says() {
        let round = |how: Rounding| [-25, -15, -14, -1, 0, 1, 14, 15, 16, 25].map(|n| how.divide(n, 10));
        assert_eq!(round(Rounding::HalfUp), [-3, -2, -1, 0, 0, 0, 1, 2, 2, 3]);
        assert_eq!(round(Rounding::HalfEven), [-2, -2, -1, 0, 0, 0, 1, 2, 2, 2]);
        assert_eq!(round(Rounding::Floor), [-3, -2, -2, -1, 0, 0, 1, 1, 1, 2]);
        assert_eq!(round(Rounding::Ceil), [-2, -1, -1, 0, 0, 1, 2, 2, 2, 3]);
    }

    #[test]
    fn rounding_has_no_edge_at_the_ends_of_the_range() {
        for how in [Rounding::HalfUp, Rounding::HalfEven, Rounding::Floor, Rounding::Ceil] {
            assert_eq!(how.divide(i128::MAX, 1), i128::MAX);
            assert_eq!(how.divide(i128::MIN, 1), i128::MIN);
        }
    }
}
