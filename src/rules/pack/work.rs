//! How much a pack computes: what bounds the time of its cases, which run whenever it is loaded.

use super::table::MOST_AT_ONCE;
use super::{Pack, Part, Piece};
use crate::rules::expr::Node;

/// The most that all cases of a pack compute, in parts of expressions and words of rows that are looked at: a second or
/// so.
pub(super) const MOST_WORK: usize = 20_000_000;

/// Rows that are looked at together.
const ROWS_IN_A_WORD: usize = 64;

impl Pack {
    /// What a case with so many lines computes at most.
    pub(in super::super) fn work(&self, lines: usize) -> usize {
        let posts = self.posts.iter().flat_map(|post| std::iter::once(&post.value).chain(&post.when));
        let posts: usize = posts.map(|node| self.work_of(node, lines)).sum();
        let (line, whole) = (self.work_of_part(&self.line, lines), self.work_of_part(&self.whole, lines));
        lines.saturating_mul(line).saturating_add(whole).saturating_add(posts)
    }

    fn work_of_part(&self, part: &Part, lines: usize) -> usize {
        let said = part.steps.iter().filter_map(|step| step.say.as_ref()).flat_map(|say| {
            let pieces = say.pieces.iter().filter_map(|piece| match piece {
                Piece::Value(typed) => Some(&typed.node),
                Piece::Words(_) => None,
            });
            pieces.chain(&say.when)
        });
        let steps = part.steps.iter().map(|step| &step.node);
        let guards = part.guards.iter().map(|guard| &guard.when);
        let checks = part.checks.iter().map(|check| &check.node);
        steps.chain(guards).chain(checks).chain(said).map(|node| self.work_of(node, lines)).sum()
    }

    fn work_of(&self, node: &Node, lines: usize) -> usize {
        let mut work = 1 + match node {
            Node::Cell { table, on, .. } => {
                let rows = self.most_rows(*table);
                let searched = on.len() * rows.div_ceil(ROWS_IN_A_WORD);
                searched + if self.tables[*table].hit.of_many() { rows } else { 0 }
            }
            Node::Bands { table, .. } => self.most_rows(*table),
            Node::Sum(_) | Node::Distinct(_) => lines,
            Node::Among(_, values) => values.len(),
            Node::In(_, values) => values.len(),
            // A list has what the rows of a table give.
            Node::AmongList(..) | Node::InList(..) => MOST_AT_ONCE,
            _ => 0,
        };
        node.parts(&mut |part| work += self.work_of(part, lines));
        work
    }

    /// The rows of a table's longest version.
    fn most_rows(&self, table: usize) -> usize {
        self.tables[table].versions.all().map(|(_, version)| version.rows.len()).max().unwrap_or(0)
    }
}
