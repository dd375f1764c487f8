//! The record of a case while it is decided: positions and values only, written out when somebody reads it.

use super::pack::Pack;
use super::val::Val;

/// One thing that was looked up, computed or tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    Param(u32),
    Accumulator(u32),
    /// A row of a table, and where among the keys those are that it was found by.
    Row {
        table: u32,
        row: u32,
        keys: u32,
    },
    /// A row of a scale, and where among the keys the amount is that it was used for.
    Band {
        table: u32,
        row: u32,
        keys: u32,
    },
    /// A step, guard or check by position; of the line that is told by its number, from 1.
    Step(Line, u32),
    Guard(Line, u32, bool),
    Check(Line, u32, bool),
}

/// The number of a bill line from 1, or 0 for the whole.
pub(super) type Line = u32;

/// The notes of one case. What is used again is noted once: a row once a line, all else once a case.
#[derive(Debug)]
pub(super) struct Notes {
    /// Whether notes are made.
    pub on: bool,
    pub all: Vec<Note>,
    /// What rows were found by.
    pub keys: Vec<Val>,
    /// Counts cases and lines; what has the number of the case or line at hand is noted already. It is never set back,
    /// so nothing has to be cleared.
    now: u64,
    /// Its number when the case began.
    case: u64,
    params: Vec<u64>,
    accumulators: Vec<u64>,
    /// Of all tables, one behind the other, and where each begins.
    rows: Vec<u64>,
    firsts: Vec<usize>,
}

impl Notes {
    /// None yet.
    pub fn new(pack: &Pack) -> Self {
        let most = pack.tables.iter().map(|table| table.versions.all().map(|(_, rows)| rows.rows.len()).max());
        let mut end = 0;
        let firsts = most.map(|rows| {
            let first = end;
            end += rows.unwrap_or(0);
            first
        });
        let firsts = firsts.collect();
        Self {
            on: false,
            all: Vec::new(),
            keys: Vec::new(),
            now: 0,
            case: 0,
            params: vec![0; pack.params.len()],
            accumulators: vec![0; pack.accumulators.len()],
            rows: vec![0; end],
            firsts,
        }
    }

    /// Begins a case.
    pub fn begin(&mut self, on: bool) {
        self.on = on;
        self.all.clear();
        self.keys.clear();
        self.now += 1;
        self.case = self.now;
    }

    /// Begins a line, or the whole.
    pub fn next(&mut self) {
        self.now += 1;
    }

    /// A parameter is used.
    #[inline]
    pub fn param(&mut self, at: usize) {
        if self.on && first(&mut self.params, at, self.case) {
            self.all.push(Note::Param(short(at)));
        }
    }

    /// An accumulator is used.
    #[inline]
    pub fn accumulator(&mut self, at: usize) {
        if self.on && first(&mut self.accumulators, at, self.case) {
            self.all.push(Note::Accumulator(short(at)));
        }
    }

    /// A row of a table is used, found by `keys`.
    #[inline]
    pub fn row(&mut self, table: usize, row: usize, keys: &[Val]) {
        if self.on && first(&mut self.rows, self.firsts[table] + row, self.now) {
            self.all.push(Note::Row { table: short(table), row: short(row), keys: short(self.keys.len()) });
            self.keys.extend_from_slice(keys);
        }
    }

    /// A row of a scale is used for a part of `amount`.
    pub fn band(&mut self, table: usize, row: usize, amount: i128) {
        // An amount that is found in a scale comes from what is kept; a sum of such may be larger, and is told as the
        // largest that could be kept.
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        // Two amounts may be taken through one scale, each with its own parts.
        if self.on && !self.has_band(short(table), short(row), Val::Num(amount)) {
            self.all.push(Note::Band { table: short(table), row: short(row), keys: short(self.keys.len()) });
            self.keys.push(Val::Num(amount));
        }
    }

    /// Whether that is noted since the last step.
    fn has_band(&self, table: u32, row: u32, amount: Val) -> bool {
        let since = self.all.iter().rev().take_while(|note| !matches!(note, Note::Step(..)));
        since.copied().any(|note| match note {
            Note::Band { table: t, row: r, keys } => (t, r) == (table, row) && self.keys[keys as usize] == amount,
            _ => false,
        })
    }

    /// Anything else.
    #[inline]
    pub fn push(&mut self, note: Note) {
        if self.on {
            self.all.push(note);
        }
    }
}

/// Whether this is the first use since `since`; it is none from now on.
fn first(seen: &mut [u64], at: usize, since: u64) -> bool {
    seen.get_mut(at).is_some_and(|last| std::mem::replace(last, since) != since)
}

/// A position in a note: a pack is at most 1 MiB, and a case's rows are bounded.
pub(super) fn short(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_two_words() {
        assert_eq!(size_of::<Note>(), 16);
    }
}
