//! Finds the rows of a table that apply without going through all of them.
//!
//! The rows cut each name's values into parts: the values of an enumeration, or what lies between the ends of ranges.
//! For each part there is a set of the rows that some value in it meets; the rows that apply to a combination are in
//! the sets of all its parts.

use super::table::{Cell, Row};
use crate::rules::types::{Enumeration, Type};
use crate::rules::val::Val;

/// The rows by the parts of each name.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Index {
    /// So many words hold a set of rows.
    words: usize,
    names: Vec<Parts>,
}

/// The parts of one name's values.
#[derive(Debug, Clone)]
struct Parts {
    /// Where a part of numbers ends and the next begins.
    cuts: Vec<i64>,
    /// The set of each part, one behind the other. Empty where no row has a condition on this name.
    sets: Vec<u64>,
}

/// The most parts into which numbers are cut. Where ranges have more ends than that, a part has more than one range, and
/// which of its rows apply is seen in the rows.
const MOST_PARTS: usize = 256;
const BITS: usize = 64;

impl Index {
    /// The index of these rows, whose conditions are on names of these types.
    pub fn new(rows: &[Row], types: impl Iterator<Item = Type>, enums: &[Enumeration]) -> Self {
        let words = rows.len().div_ceil(BITS);
        let names = types.enumerate().map(|(name, typ)| Parts::new(rows, name, typ, enums, words));
        Self { words, names: names.collect() }
    }

    /// Notes in `parts` where the sets of these values begin; `false` when there are none, because a value is not one
    /// that the table can be looked up by.
    fn locate(&self, values: &[Val], parts: &mut Vec<usize>) -> bool {
        parts.clear();
        for (name, value) in self.names.iter().zip(values) {
            let part = match value {
                Val::Bool(b) => bool::from(*b).into(),
                Val::Code(code) => usize::try_from(*code).unwrap_or(usize::MAX),
                Val::Num(n) => name.cuts.partition_point(|cut| cut <= n),
                _ => return false,
            };
            let start = part * self.words;
            if !name.sets.is_empty() && start + self.words > name.sets.len() {
                return false;
            }
            parts.push(start);
        }
        true
    }

    /// One word of the rows that may apply.
    fn word(&self, parts: &[usize], word: usize) -> u64 {
        self.names
            .iter()
            .zip(parts)
            .fold(u64::MAX, |rows, (name, start)| rows & name.sets.get(start + word).copied().unwrap_or(u64::MAX))
    }
}

/// The rows that apply to these values, in their order; `parts` is room to work in.
pub(super) fn matching<'a>(
    index: &'a Index,
    rows: &'a [Row],
    values: &'a [Val],
    parts: &'a mut Vec<usize>,
) -> impl Iterator<Item = usize> + use<'a> {
    let words = if index.locate(values, parts) { index.words } else { 0 };
    (0..words)
        .flat_map(move |word| {
            let bits = Bits(index.word(parts, word));
            bits.map(move |bit| word * BITS + bit)
        })
        .filter(|at| rows.get(*at).is_some_and(|row| row.holds(values)))
}

/// The positions of the bits that are set, from the lowest.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lowest = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(lowest as usize)
    }
}

impl Parts {
    fn new(rows: &[Row], name: usize, typ: Type, enums: &[Enumeration], words: usize) -> Self {
        let cells = || rows.iter().map(|row| row.cells.get(name).unwrap_or(&Cell::Any));
        if cells().all(|cell| *cell == Cell::Any) {
            return Self { cuts: Vec::new(), sets: Vec::new() };
        }
        let cuts = cuts(cells());
        let count = match typ {
            Type::Bool => 2,
            Type::Enum(at) => enums.get(at).map_or(0, |e| e.values.len()),
            _ => cuts.len() + 1,
        };
        let mut sets = vec![0; count * words];
        for (row, cell) in cells().enumerate() {
            let mut add = |part: usize| {
                if let Some(word) = sets.get_mut(part * words + row / BITS) {
                    *word |= 1 << (row % BITS);
                }
            };
            match cell {
                Cell::Any => (0..count).for_each(add),
                Cell::Bool(b) => add(usize::from(*b)),
                Cell::Codes(codes) => codes.iter().for_each(|code| add(*code as usize)),
                Cell::Range(range) => {
                    let of = |n: i128| cuts.partition_point(|cut| i128::from(*cut) <= n);
                    let (first, last) = (range.low.map_or(0, of), range.high.map_or(count - 1, |high| of(high - 1)));
                    (first..=last).for_each(add);
                }
            }
        }
        Self { cuts, sets }
    }
}

/// Where ranges begin and end, each once and in order; of too many, some that lie apart evenly.
fn cuts<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<i64> {
    let ends = cells.flat_map(|cell| match cell {
        Cell::Range(range) => [range.low, range.high],
        _ => [None, None],
    });
    let mut cuts: Vec<i64> = ends.flatten().filter_map(|end| i64::try_from(end).ok()).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let every = (cuts.len() + 1).div_ceil(MOST_PARTS);
    cuts.into_iter().skip(every - 1).step_by(every).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::pack::Range;

    fn cell(typ: Type) -> BoxedStrategy<Cell> {
        let end = || prop::option::of(prop_oneof![-9..9_i128, Just(i128::from(i64::MAX) + 1), Just(i64::MIN.into())]);
        let given = match typ {
            Type::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
            Type::Enum(_) => prop::collection::vec(0..3_u32, 1..3).prop_map(Cell::Codes).boxed(),
            _ => (end(), end()).prop_map(|(low, high)| Cell::Range(Range { low, high })).boxed(),
        };
        prop_oneof![1 => Just(Cell::Any), 3 => given].boxed()
    }

    fn value(typ: Type) -> BoxedStrategy<Val> {
        match typ {
            Type::Bool => any::<bool>().prop_map(|truth| Val::Bool(truth.into())).boxed(),
            Type::Enum(_) => (0..3_u64).prop_map(Val::Code).boxed(),
            _ => prop_oneof![-10..10_i64, Just(i64::MAX), Just(i64::MIN)].prop_map(Val::Num).boxed(),
        }
    }

    proptest! {
        #[test]
        fn the_index_finds_what_going_through_the_rows_finds(
            rows in prop::collection::vec((cell(Type::Bool), cell(Type::Enum(0)), cell(Type::Int), cell(Type::Money)), 0..200),
            values in prop::collection::vec((value(Type::Bool), value(Type::Enum(0)), value(Type::Int), value(Type::Money)), 1..20),
        ) {
            let values_of = ["a", "b", "c"].map(|value| (value.to_owned(), String::new())).into();
            let enums = [Enumeration { name: "e".to_owned(), values: values_of }];
            let row = |(a, b, c, d): (Cell, Cell, Cell, Cell)| Row { cells: vec![a, b, c, d], out: Vec::new() };
            let rows: Vec<_> = rows.into_iter().map(row).collect();
            let index = Index::new(&rows, [Type::Bool, Type::Enum(0), Type::Int, Type::Money].into_iter(), &enums);
            for (a, b, c, d) in values {
                let values = [a, b, c, d];
                let all: Vec<_> = (0..rows.len()).filter(|at| rows[*at].holds(&values)).collect();
                let found: Vec<_> = matching(&index, &rows, &values, &mut Vec::new()).collect();
                prop_assert_eq!(found, all);
            }
        }
    }

    #[test]
    fn more_ranges_than_parts_are_told_apart_in_the_rows() {
        let range = |n: i128| Cell::Range(Range { low: Some(n * 10), high: Some(n * 10 + 10) });
        let rows: Vec<_> = (0..10_000).map(|n| Row { cells: vec![range(n)], out: Vec::new() }).collect();
        let index = Index::new(&rows, [Type::Int].into_iter(), &[]);
        assert!(index.names[0].cuts.len() < MOST_PARTS);
        for n in [0, 9, 10, 77_777, 99_999] {
            let values = [Val::Num(n)];
            let found: Vec<_> = matching(&index, &rows, &values, &mut Vec::new()).collect();
            assert_eq!(found, [usize::try_from(n / 10).unwrap()]);
        }
        for n in [-1, 100_000] {
            assert_eq!(matching(&index, &rows, &[Val::Num(n)], &mut Vec::new()).count(), 0);
        }
    }
}
