//! Which row of a CSV is which row of the pack.

use std::collections::HashMap;
use std::ops::Range;

use super::layout::Layout;
use super::rows::{Mistake, Rows};

/// A step from the rows as they are to those of the CSV, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// This row of the pack is that one of the CSV, its cells perhaps changed.
    Both(usize, usize),
    /// The CSV leaves this row out.
    Remove(usize),
    /// The pack does not have this one.
    Insert(usize),
}

/// Rows of the pack and rows of the CSV between two pairs.
type Gap = (Range<usize>, Range<usize>);

enum Piece {
    Pair(usize, usize),
    Gap(Gap),
}

/// The steps. Rows that are alike are one; between them, rows of the same conditions; between those, as many as there
/// are on both sides are one in their order, and the rest comes in or goes out.
///
/// # Errors
/// When rows come in or go out where a comment stands, and it cannot be told whose it is.
pub(super) fn align(rows: &Rows, layout: &Layout, new: &[&[String]]) -> Result<Vec<Step>, Mistake> {
    let conditions = rows.columns.iter().filter(|column| column.is_condition()).count();
    let whole = (0..rows.rows.len(), 0..new.len());
    let mut steps = Vec::new();
    for piece in pieces(rows, new, &whole, rows.columns.len()) {
        match piece {
            Piece::Pair(old, new) => steps.push(Step::Both(old, new)),
            Piece::Gap(gap) => {
                for piece in pieces(rows, new, &gap, conditions) {
                    match piece {
                        Piece::Pair(old, new) => steps.push(Step::Both(old, new)),
                        Piece::Gap(gap) => fill(layout, gap, &mut steps)?,
                    }
                }
            }
        }
    }
    Ok(steps)
}

/// A gap with nothing to go by.
fn fill(layout: &Layout, (old, new): Gap, steps: &mut Vec<Step>) -> Result<(), Mistake> {
    let both = old.len().min(new.len());
    if old.len() != new.len()
        && let Some(at) = old.clone().find_map(|row| layout.around[row].comment)
    {
        let what = "rows come in or go out at this comment, and it cannot be told to which row it belongs: \
                    change these rows here, not in the CSV";
        return Err((at, what.to_owned()));
    }
    steps.extend(old.clone().zip(new.clone()).map(|(old, new)| Step::Both(old, new)));
    steps.extend(old.skip(both).map(Step::Remove));
    steps.extend(new.skip(both).map(Step::Insert));
    Ok(())
}

/// Cuts a gap at the rows whose first `columns` cells mean the same.
fn pieces(rows: &Rows, new: &[&[String]], gap: &Gap, columns: usize) -> Vec<Piece> {
    let (mut from_old, mut from_new) = (gap.0.start, gap.1.start);
    let mut pieces = Vec::new();
    for (old, new) in pairs(rows, new, gap, columns) {
        pieces.push(Piece::Gap((from_old..old, from_new..new)));
        pieces.push(Piece::Pair(old, new));
        (from_old, from_new) = (old + 1, new + 1);
    }
    pieces.push(Piece::Gap((from_old..gap.0.end, from_new..gap.1.end)));
    pieces.retain(|piece| !matches!(piece, Piece::Gap((old, new)) if old.is_empty() && new.is_empty()));
    pieces
}

/// The longest list of pairs of like rows that is in order on both sides.
fn pairs(rows: &Rows, new: &[&[String]], gap: &Gap, columns: usize) -> Vec<(usize, usize)> {
    let key = |texts: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        rows.columns.iter().take(columns).zip(texts).map(|(column, text)| column.key(text).into_owned()).collect()
    };
    let mut places: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
    // From the last on, so that the first is taken first.
    for at in gap.1.clone().rev() {
        places.entry(key(&mut new[at].iter().map(String::as_str))).or_default().push(at);
    }
    let like = gap.0.clone().filter_map(|old| {
        let cells = &rows.rows[old].cells;
        Some((old, places.get_mut(&key(&mut cells.iter().map(|cell| &*cell.text)))?.pop()?))
    });
    longest_rising(&like.collect::<Vec<_>>())
}

/// The longest part of `pairs`, which rise in the first, that rises in the second as well.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // By length, the pair with the smallest second that ends a part of that length; and for each pair the one before.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    for (at, (_, second)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *second);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() { ends.push(at) } else { ends[length] = at }
    }
    let mut part: Vec<_> = std::iter::successors(ends.last().copied(), |at| before[*at]).map(|at| pairs[at]).collect();
    part.reverse();
    part
}
