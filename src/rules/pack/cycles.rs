//! Steps that need each other: none of them can be computed first.

use std::collections::{HashMap, VecDeque};

use super::header::MOST;
use super::load::Builder;
use super::page::{Item, Keys};
use crate::rules::expr::parse;

/// A step before it is read, or a table, which needs the steps that it is looked up by.
struct Named<'a> {
    name: &'a str,
    place: Item<'a>,
    /// What it needs, by position; the steps come before the tables.
    needs: Vec<usize>,
}

impl<'a> Builder<'a> {
    /// The names of all steps, so that a step that is used too early is told apart from one that is unknown; tells of
    /// those that need each other.
    pub(super) fn note_steps(&mut self, root: &Keys<'a>) {
        let keys: Vec<_> = ["line_step", "step"].into_iter().flat_map(|key| root.peek_tables(key)).collect();
        self.scope.later = keys.iter().filter_map(|keys| keys.peek_text("name")).map(str::to_owned).collect();
        // What is too long to be read is not looked at.
        let steps = self.named(&keys[..keys.len().min(2 * MOST)], &root.peek_tables("table"));
        for (number, members) in components(&steps).into_iter().enumerate() {
            let path = path(&steps, members[0]);
            let names: Vec<_> = path.iter().map(|step| steps[*step].name).collect();
            steps[members[0]].place.mistake(format!("steps need each other: {}", names.join(" -> ")));
            self.scope.cycles.extend(members.iter().map(|step| (steps[*step].name.to_owned(), number)));
        }
    }

    fn named(&self, steps: &[Keys<'a>], tables: &[Keys<'a>]) -> Vec<Named<'a>> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut found: Vec<(&Keys<'a>, &'a str, Item<'a>)> = Vec::new();
        for keys in steps.iter().chain(tables) {
            let (Some(place), Some(name)) = (keys.peek("name"), keys.peek_text("name")) else { continue };
            // Of two with one name the first has it; the second is told of where it is read.
            if !numbers.contains_key(name) {
                numbers.insert(name, found.len());
                found.push((keys, name, place));
            }
        }
        let named = |(keys, name, place): (&Keys<'a>, &'a str, Item<'a>)| {
            let mut needs = Vec::new();
            let mut need = |name: &str| needs.extend(numbers.get(name));
            if let Some(Ok(expr)) = keys.peek_text("expr").map(parse) {
                expr.names(&mut need);
            }
            self.scope.tables.get(name).iter().flat_map(|table| &table.on).for_each(|on| need(on));
            needs.sort_unstable();
            needs.dedup();
            Named { name, place, needs }
        };
        found.into_iter().map(named).collect()
    }
}

/// The sets of steps that all need each other, by their first: two or more, or one that needs itself.
fn components(steps: &[Named<'_>]) -> Vec<Vec<usize>> {
    // After Kosaraju: what comes to an end last, followed backwards.
    let mut order = Vec::new();
    let mut seen = vec![false; steps.len()];
    for start in 0..steps.len() {
        let mut open = vec![(start, 0)];
        while let Some((step, next)) = open.pop() {
            if next == 0 && std::mem::replace(&mut seen[step], true) {
                continue;
            }
            match steps[step].needs.get(next) {
                Some(needed) => open.extend([(step, next + 1), (*needed, 0)]),
                None => order.push(step),
            }
        }
    }
    let mut needed_by = vec![Vec::new(); steps.len()];
    for (step, named) in steps.iter().enumerate() {
        named.needs.iter().for_each(|needed| needed_by[*needed].push(step));
    }
    let mut taken = vec![false; steps.len()];
    let mut found = Vec::new();
    for start in order.into_iter().rev() {
        let mut members = Vec::new();
        let mut open = vec![start];
        while let Some(step) = open.pop() {
            if !std::mem::replace(&mut taken[step], true) {
                members.push(step);
                open.extend(&needed_by[step]);
            }
        }
        members.sort_unstable();
        if members.len() > 1 || members.first().is_some_and(|step| steps[*step].needs.contains(step)) {
            found.push(members);
        }
    }
    found.sort_unstable();
    found
}

/// The shortest way from a step to itself.
fn path(steps: &[Named<'_>], start: usize) -> Vec<usize> {
    let mut from: HashMap<usize, usize> = HashMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(step) = open.pop_front() {
        for needed in &steps[step].needs {
            if *needed == start {
                let mut path = vec![start, step];
                while let Some(before) = path.last().filter(|step| **step != start).and_then(|step| from.get(step)) {
                    path.push(*before);
                }
                // A step that needs itself is there at both ends.
                path.reverse();
                return path;
            }
            if !from.contains_key(needed) {
                from.insert(*needed, step);
                open.push_back(*needed);
            }
        }
    }
    vec![start]
}
