//! Conditions that can never hold, or always do: by the types and ranges of what they use, by what chooses the pack, and
//! for guards by the figures of all days.
//!
//! Each name has a set of values that has every one that can come about, and perhaps more; so what is told here is so,
//! and what is not told may be. `and`, `or` and `if` narrow a name down for what stands behind them, by which conditions
//! that contradict each other are seen.

mod domain;
mod ends;
mod judge;
mod names;
mod why;

use self::domain::Domain;
use self::judge::{Judge, Known, Trust};
use super::load::Builder;
use super::page::Item;
use super::select::Selector;
use crate::rules::expr::{Node, Place};

/// An expression that was read, and what it is for.
pub(super) struct Site<'a> {
    pub item: Item<'a>,
    /// Where it begins in the item's text, in bytes.
    pub offset: usize,
    /// Where each `if` stands in it, in bytes.
    pub ifs: Vec<usize>,
    pub node: Node,
    pub role: Role<'a>,
}

/// What an expression is for.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// What a step comes to.
    Step(Place),
    /// The condition of a guard. `dormant` says why it never holds under the figures there are.
    Guard { code: Option<&'a str>, dormant: Option<Item<'a>> },
    /// A condition that goes by this key.
    Condition(&'static str),
    /// Any other.
    Value,
}

/// What chooses a pack.
pub(super) struct Choice {
    /// The fact that is the business date.
    pub date_of: Option<usize>,
    /// The facts beside it.
    pub selectors: Vec<Selector>,
}

/// A condition that does not decide anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Never,
    Always,
}

impl Builder<'_> {
    /// Tells of the conditions that do not decide anything. What mistakes leave unsure is not relied on.
    pub(super) fn reach(&self, choice: &Choice) {
        let (sure, with_figures) =
            if self.page.clean() { (Trust::Ranges, Trust::Figures) } else { (Trust::Facts, Trust::Facts) };
        let mut by_ranges = Judge::new(self, choice, sure);
        let mut by_figures = Judge::new(self, choice, with_figures);
        for site in self.sites.borrow().iter() {
            by_ranges.ifs(site);
            match site.role {
                Role::Step(place) => {
                    by_ranges.step(place, &site.node);
                    by_figures.step(place, &site.node);
                }
                Role::Guard { code, dormant } => {
                    by_figures.guard(site, code.unwrap_or_default(), dormant, &by_ranges);
                }
                Role::Condition(key) => {
                    if let Some((verdict, why)) = by_ranges.verdict(&site.node, &Known::default()) {
                        site.tell(0, format!("'{key}' {verdict}{why}"));
                    }
                }
                Role::Value => {}
            }
        }
    }
}

impl Judge<'_, '_> {
    /// Notes what a step can come to.
    fn step(&mut self, place: Place, node: &Node) {
        let kept = Domain::Between(Some(i64::MIN.into()), Some(i64::MAX.into()));
        let domain = self.domain(node, &Known::default());
        let domain = domain.and(&kept).unwrap_or(Domain::Any);
        let (steps, at) = match place {
            Place::Step(at) => (&mut self.steps, at),
            Place::LineStep(at) => (&mut self.line_steps, at),
            _ => return,
        };
        // A step that has a mistake leaves its place to the next.
        steps.resize(at, Domain::Any);
        steps.push(domain);
    }

    fn guard(&self, site: &Site<'_>, code: &str, dormant: Option<Item<'_>>, by_ranges: &Judge<'_, '_>) {
        let never = |judge: &Judge<'_, '_>| judge.verdict(&site.node, &Known::default());
        match (never(self), dormant) {
            // A guard for each case is a notice that somebody means.
            (Some((Verdict::Always, _)), _) if matches!(site.node, Node::Const(_)) => {}
            (Some((Verdict::Never, _)), Some(_)) if never(by_ranges).is_none() => {}
            (Some((verdict, why)), _) => site.tell(0, format!("guard '{code}' {verdict}{why}")),
            (None, Some(item)) if self.trust == Trust::Figures => {
                item.mistake(format!("guard '{code}' can hold: it is not dormant"));
            }
            (None, _) => {}
        }
    }

    /// Tells of each `if` whose condition decides nothing.
    fn ifs(&self, site: &Site<'_>) {
        if site.ifs.is_empty() {
            return;
        }
        let mut verdicts = Vec::new();
        self.visit(&site.node, &Known::default(), &mut verdicts);
        for (verdict, offset) in verdicts.into_iter().zip(&site.ifs) {
            if let Some((verdict, why)) = verdict {
                site.tell(*offset, format!("the condition of this 'if' {verdict}{why}"));
            }
        }
    }

    /// A verdict for each `if`, one before those inside of it; none for what it never comes to.
    fn visit(&self, node: &Node, known: &Known, verdicts: &mut Vec<Option<(Verdict, String)>>) {
        let Node::If(condition, yes, no) = node else {
            node.parts(&mut |part| self.visit(part, known, verdicts));
            return;
        };
        verdicts.push(self.verdict(condition, known));
        self.visit(condition, known, verdicts);
        let split = self.split(condition, known);
        for (branch, known) in [(yes, split.yes), (no, split.no)] {
            match known {
                Some(known) => self.visit(branch, &known, verdicts),
                None => skip(branch, verdicts),
            }
        }
    }

    /// Whether a condition decides nothing, and why.
    fn verdict(&self, node: &Node, known: &Known) -> Option<(Verdict, String)> {
        let split = self.split(node, known);
        let (verdict, wanted) = match (split.yes.is_some(), split.no.is_some()) {
            (false, true) => (Verdict::Never, true),
            (true, false) => (Verdict::Always, false),
            _ => return None,
        };
        let why = self.why(node, known, wanted).map(|why| format!(": {why}"));
        Some((verdict, why.unwrap_or_default()))
    }
}

/// No verdict for any `if` of a branch that it never comes to.
fn skip(node: &Node, verdicts: &mut Vec<Option<(Verdict, String)>>) {
    if let Node::If(..) = node {
        verdicts.push(None);
    }
    node.parts(&mut |part| skip(part, verdicts));
}

impl Site<'_> {
    fn tell(&self, offset: usize, message: String) {
        self.item.tell_inside(self.offset + offset, message);
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Never => "can never hold",
            Self::Always => "always holds",
        })
    }
}
