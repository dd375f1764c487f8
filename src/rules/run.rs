//! One case through one pack: lines, the whole, guards, checks, and what becomes of the accumulators.

use super::decision::Outcome;
use super::eval::{Computed, Stop};
use super::force::Force;
use super::given::Given;
use super::input::InputError;
use super::notes::{Line, Note, Notes, short};
use super::pack::{Check, Guard, Pack, Part, Piece, Say, Step};
use super::val::Val;

/// A case in a pack's hands, from what is given to what came of it. It is used for case after case: what it needs room
/// for it keeps, so that after the largest case nothing is allocated any more.
#[derive(Debug)]
pub(super) struct Run<'p> {
    pub pack: &'p Pack,
    pub force: Force<'p>,
    /// Figures for a test, by parameter.
    pub figures: Vec<(usize, Val)>,
    pub given: Given<'p>,
    /// What the steps of the first line came to, then those of the next.
    pub line_steps: Vec<Computed>,
    pub steps: Vec<Computed>,
    /// The values of lists.
    pub lists: Vec<Val>,
    /// The line at hand: where its facts begin, and its steps.
    pub line_facts: usize,
    pub line_first: usize,
    pub notes: Notes,
    /// The pack is for demonstration, or a figure that is was used.
    pub demo: bool,
    /// The guards that hold.
    pub hits: Vec<(Line, &'p Guard)>,
    /// The identities that do not hold.
    pub broken: Vec<(Line, &'p Check)>,
    /// Why something could not be computed, each once, in order.
    pub stops: Vec<Stop>,
    pub changes: Vec<Changed>,
    pub outcome: Outcome,
    /// The record says each formula with its values.
    pub worked: bool,
    pub scratch: Scratch,
}

/// What carrying a case out does to an accumulator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changed {
    /// The position of the post that says so.
    pub post: usize,
    pub value: Val,
    pub before: Option<Val>,
    pub after: Val,
}

/// Room to work in.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub values: Vec<Val>,
    pub parts: Vec<usize>,
    pub keys: Vec<i64>,
}

impl<'p> Run<'p> {
    /// No case yet.
    pub fn new(pack: &'p Pack) -> Self {
        Self {
            pack,
            force: Force::default(),
            figures: Vec::new(),
            given: Given::new(pack),
            line_steps: Vec::new(),
            steps: Vec::new(),
            lists: Vec::new(),
            line_facts: 0,
            line_first: 0,
            notes: Notes::new(pack),
            demo: pack.demo,
            hits: Vec::new(),
            broken: Vec::new(),
            stops: Vec::new(),
            changes: Vec::new(),
            outcome: Outcome::Allow,
            worked: false,
            scratch: Scratch::default(),
        }
    }

    /// Decides what is given, and takes notes when asked to.
    ///
    /// # Errors
    /// When something is missing, or the pack does not hold on the business date.
    pub fn decide(&mut self, scenario: &str, traced: bool) -> Result<Outcome, InputError> {
        let pack = self.pack;
        self.given.complete()?;
        let Some(Val::Date(day)) = self.given.facts[pack.date_of] else {
            return Err(InputError::Missing { item: format!("facts.{}", pack.date_of()) });
        };
        let date = day.into();
        if !pack.covers(date) {
            return Err(InputError::NoVersion { scenario: scenario.to_owned(), date });
        }
        self.force.on(pack, date, &self.figures);
        self.begin(traced);
        for line in 0..self.given.count {
            self.go_to(line);
            self.part(&pack.line, number(line));
        }
        self.notes.next();
        self.part(&pack.whole, 0);
        self.posts();
        self.conclude();
        Ok(self.outcome)
    }

    fn begin(&mut self, traced: bool) {
        self.line_steps.clear();
        self.steps.clear();
        self.lists.clear();
        self.notes.begin(traced);
        self.demo = self.pack.demo;
        self.hits.clear();
        self.broken.clear();
        self.stops.clear();
        self.changes.clear();
    }

    /// Goes to a line, counted from 0.
    pub fn go_to(&mut self, line: usize) {
        self.notes.next();
        self.line_facts = line * self.pack.line_facts().len();
        self.line_first = line * self.pack.line.steps.len();
    }

    fn part(&mut self, part: &'p Part, line: Line) {
        for (at, step) in part.steps.iter().enumerate() {
            self.step(step, line);
            self.notes.push(Note::Step(line, short(at)));
        }
        for (at, guard) in part.guards.iter().enumerate() {
            let hit = self.holds(&guard.when);
            let hit = self.noted(hit).unwrap_or(false);
            self.notes.push(Note::Guard(line, short(at), hit));
            if hit {
                self.hits.push((line, guard));
            }
        }
        for (at, check) in part.checks.iter().enumerate() {
            let held = self.holds(&check.node);
            // What cannot be computed is told as such, not as a broken identity.
            let Some(ok) = self.noted(held) else { continue };
            self.notes.push(Note::Check(line, short(at), ok));
            if !ok {
                self.broken.push((line, check));
            }
        }
    }

    fn step(&mut self, step: &'p Step, line: Line) {
        let value = self.compute(&step.node, step.typ);
        self.noted(value);
        if line == 0 { &mut self.steps } else { &mut self.line_steps }.push(value);
        // What its sentence uses first is noted before it, and a figure for demonstration counts, said or not.
        if let Some(say) = &step.say
            && say.looks_up
            && (self.notes.on || !self.demo)
        {
            self.use_all(say);
        }
    }

    /// Uses what a sentence uses, as far as it would be said.
    fn use_all(&mut self, say: &'p Say) -> Option<()> {
        if let Some(when) = &say.when
            && !self.holds(when).ok()?
        {
            return None;
        }
        for piece in &say.pieces {
            match piece {
                Piece::Words(_) => {}
                Piece::Value(typed) if typed.typ.number() => drop(self.shown_number(&typed.node).ok()?),
                Piece::Value(typed) => drop(self.compute(&typed.node, typed.typ).ok()?),
            }
        }
        Some(())
    }

    /// What the case does to the accumulators.
    fn posts(&mut self) {
        let pack = self.pack;
        for (at, post) in pack.posts.iter().enumerate() {
            if let Some(when) = &post.when {
                let applies = self.holds(when);
                if !self.noted(applies).unwrap_or(false) {
                    continue;
                }
            }
            let value = self.compute(&post.value, pack.accumulators[post.accumulator].fact.typ);
            let Some(value) = self.noted(value) else { continue };
            let before = self.given.accumulators[post.accumulator];
            let after = if post.add { added(before, value) } else { Ok(value) };
            let after = after.and_then(|after| self.counted(post.accumulator).map(|()| after));
            let Some(after) = self.noted(after) else { continue };
            self.changes.push(Changed { post: at, value, before, after });
        }
    }

    /// Whether it is known in which stretch an accumulator is counted. If not, nobody could tell what was counted before
    /// either.
    fn counted(&mut self, accumulator: usize) -> Result<(), Stop> {
        let scope = &self.pack.accumulators[accumulator].scope;
        if let Some(param) = scope.begins {
            self.param(param)?;
        }
        // The loader takes only facts that are always given.
        if scope.facts().any(|fact| self.given.facts[fact].is_none()) { Err(Stop::DEFECT) } else { Ok(()) }
    }

    /// The value, or a note of why there is none.
    fn noted<T>(&mut self, computed: Result<T, Stop>) -> Option<T> {
        match computed {
            Ok(value) => Some(value),
            Err(stop) => {
                if !self.stops.contains(&stop) {
                    self.stops.push(stop);
                }
                None
            }
        }
    }

    /// The strictest outcome of all reasons. A broken identity is a reason of its own only where no guard has told why
    /// the case cannot be decided.
    fn conclude(&mut self) {
        self.stops.sort_unstable();
        let guards = self.hits.iter().map(|(_, guard)| guard.outcome).max().unwrap_or(Outcome::Allow);
        if guards >= Outcome::Refer {
            self.broken.clear();
        }
        let more = !self.broken.is_empty() || !self.stops.is_empty();
        self.outcome = if more { guards.max(Outcome::Refer) } else { guards };
        if self.outcome > Outcome::Warn {
            self.changes.clear();
        }
    }
}

/// The number of a line, from 1.
fn number(line: usize) -> Line {
    short(line + 1)
}

fn added(before: Option<Val>, value: Val) -> Computed {
    match (before, value) {
        (None, value) => Ok(value),
        (Some(Val::Num(before)), Val::Num(value)) => before.checked_add(value).map(Val::Num).ok_or(Stop::RANGE),
        // Only numbers are added; the loader sees to it.
        _ => Err(Stop::DEFECT),
    }
}
