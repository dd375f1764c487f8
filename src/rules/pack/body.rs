//! What a pack computes and tests: steps, guards, checks, and what becomes of the accumulators.

use std::collections::HashSet;

use super::figures::graded;
use super::header::MOST;
use super::load::Builder;
use super::lost::SECTIONS;
use super::page::{Item, Keys};
use super::reach::{Role, Site};
use super::worked::{operands, terms};
use super::{Check, Guard, Part, Piece, Post, Say, Step};
use crate::rules::decision::{Outcome, Words};
use crate::rules::expr::{Expr, Node, Place, Symbol, Typed, parse};
use crate::rules::types::Type;

/// The most steps, guards or checks of a line: each leaves a record for every line of a bill.
const MOST_OF_LINE: usize = 40;

impl<'a> Builder<'a> {
    /// Reads the steps, guards and checks of lines, or of the whole.
    pub(super) fn part(&mut self, root: &Keys<'a>, on_line: bool) -> Part {
        self.scope.on_line = on_line;
        let key = |whole, line| if on_line { line } else { whole };
        let steps = root.tables(key("step", "line_step"));
        let guards = root.tables(key("guard", "line_guard"));
        let checks = root.tables(key("check", "line_check"));
        let most = if on_line { MOST_OF_LINE } else { MOST };
        let bounded = |what, list| self.bounded(what, list, most);
        if !bounded("steps", &steps) || !bounded("guards", &guards) || !bounded("checks", &checks) {
            self.give_up_steps(&steps);
            return Part::default();
        }
        if on_line && self.lines.is_none() && self.page.clean() && !root.has_others(SECTIONS) {
            // Once is enough.
            if let Some(keys) = [&steps, &guards, &checks].into_iter().flatten().min_by_key(|keys| keys.at) {
                keys.mistake("the pack has no [lines]");
            }
        }
        let mut part = Part::default();
        for keys in &steps {
            let place = if on_line { Place::LineStep(part.steps.len()) } else { Place::Step(part.steps.len()) };
            part.steps.extend(self.step(keys, place));
        }
        part.guards = guards.iter().filter_map(|keys| self.guard(keys)).collect();
        part.checks = checks.iter().filter_map(|keys| self.check(keys)).collect();
        part
    }

    /// Makes the names of steps known that are not read, so that nothing is told of who uses them.
    fn give_up_steps(&mut self, steps: &[Keys<'a>]) {
        for name in steps.iter().filter_map(|keys| keys.peek_text("name")) {
            let place = if self.scope.on_line { Place::LineStep(0) } else { Place::Step(0) };
            self.scope.names.insert(name.to_owned(), Symbol { typ: None, place, optional: false });
            self.scope.later.remove(name);
        }
    }

    fn step(&mut self, keys: &Keys<'a>, place: Place) -> Option<Step> {
        let name = keys.need("name").and_then(|item| Some((item, item.text()?)));
        let label = keys.get("label").and_then(|item| item.text());
        self.scope.cycle = name.and_then(|(_, name)| self.scope.cycles.get(name).copied());
        let expr = keys.need("expr");
        let read = expr.and_then(|item| self.parsed(item, 0, item.text()?, None, Role::Step(place)));
        let (typed, formula) = read.unzip();
        self.scope.cycle = None;
        let out = keys.get("out").and_then(|item| Some((item, item.text()?)));
        let (at, name) = name?;
        self.scope.later.remove(name);
        if typed.as_ref().is_some_and(|typed| typed.typ == Type::Exact) {
            at.mistake(format!("step '{name}' keeps an unrounded product"));
        }
        let typ = typed.as_ref().map(|typed| typed.typ).filter(|typ| *typ != Type::Exact);
        self.declare(name, at.inside(0), "a step", Symbol { typ, place, optional: false });
        if let Some((item, "")) = out {
            item.mistake("a field has a name");
        } else if let Some((item, field)) = out
            && !self.outputs.insert((place.of_line(), field.to_owned()))
        {
            item.mistake(format!("two steps fill '{field}'"));
        }
        let keep = keys.get("keep").and_then(|item| Some((item, item.bool()?)));
        let say = self.say(keys);
        keys.end();
        let Typed { node, typ } = typed?;
        if let Some((item, _)) = keep
            && (out.is_none() || typ != Type::Money)
        {
            item.mistake("'keep' is for an amount that fills a field: a cancellation negates no other");
        }
        Some(Step {
            name: name.to_owned(),
            label: label.unwrap_or(name).to_owned(),
            typ,
            node,
            operands: formula.as_ref().map(operands).unwrap_or_default(),
            terms: formula.map(|formula| terms(&self.scope, &formula)).unwrap_or_default(),
            out: out.map(|(_, field)| field.to_owned()),
            keep: keep.is_some_and(|(_, keep)| keep),
            say,
        })
    }

    fn say(&self, keys: &Keys<'a>) -> Option<Say> {
        let (say, when) = (keys.get("say"), keys.get("say_when"));
        if let (Some(when), None) = (when, say) {
            when.mistake("'say_when' says when 'say' is said, and there is none");
        }
        // Of a sentence that is not there, what its condition comes to is no matter.
        let role = if say.is_some() { Role::Condition("say_when") } else { Role::Value };
        let when = when.and_then(|item| self.condition(item, role));
        let item = say?;
        let mut pieces = Vec::new();
        let text = item.text()?;
        let mut at = 0;
        while let Some(open) = text[at..].find('{').map(|open| at + open) {
            pieces.push(Piece::Words(text[at..open].to_owned()));
            let Some(close) = text[open..].find('}').map(|close| open + close) else {
                self.page.mistake(item.inside(open), "a brace that is not closed");
                return None;
            };
            pieces.push(Piece::Value(self.parsed(item, open + 1, &text[open + 1..close], None, Role::Value)?.0));
            at = close + 1;
        }
        pieces.push(Piece::Words(text[at..].to_owned()));
        let used = |piece: &Piece| matches!(piece, Piece::Value(typed) if typed.node.looks_up());
        let looks_up = pieces.iter().any(used) || when.as_ref().is_some_and(Node::looks_up);
        Some(Say { pieces, when, looks_up })
    }

    fn guard(&self, keys: &Keys<'a>) -> Option<Guard> {
        let code = self.code(keys);
        let dormant = keys.get("dormant").filter(|item| item.text().is_some());
        let role = Role::Guard { code: keys.peek_text("code"), dormant };
        let when = keys.need("when").and_then(|item| self.condition(item, role));
        let outcome = keys.need("outcome").and_then(|item| {
            let outcome = match item.text()? {
                "warn" => Some(Outcome::Warn),
                "refer" => Some(Outcome::Refer),
                "deny" => Some(Outcome::Deny),
                _ => None,
            };
            if outcome.is_none() {
                item.mistake("the outcome of a guard is \"warn\", \"refer\" or \"deny\"");
            }
            outcome
        });
        let text = keys.need("text").and_then(|item| {
            let words = item.keys()?;
            let (zh, en) = (words.need("zh"), words.need("en"));
            words.end();
            Some(Words { zh: zh?.text()?.to_owned(), en: en?.text()?.to_owned() })
        });
        let basis = keys.get("basis").and_then(|item| item.text()).map(str::to_owned);
        let is_graded = keys.peek("source").or(keys.peek("confidence")).is_some();
        let origin = if is_graded { Some(graded(keys)?) } else { None };
        keys.end();
        Some(Guard { code: code?, when: when?, outcome: outcome?, text: text?, basis, origin })
    }

    fn check(&self, keys: &Keys<'a>) -> Option<Check> {
        let code = self.code(keys);
        let node = keys.need("expr").and_then(|item| self.condition(item, Role::Value));
        keys.end();
        Some(Check { code: code?, node: node? })
    }

    fn code(&self, keys: &Keys<'a>) -> Option<String> {
        let item = keys.need("code")?;
        let code = item.text()?;
        if !self.codes.borrow_mut().insert(code.to_owned()) {
            item.mistake(format!("'{code}' is used twice"));
        }
        Some(code.to_owned())
    }

    /// Reads every `[[post]]`.
    pub(super) fn posts(&mut self, root: &Keys<'a>) -> Vec<Post> {
        let mut posts = Vec::new();
        let mut changed = HashSet::new();
        for keys in root.tables("post") {
            let name = keys.need("name").and_then(|item| Some((item, item.text()?)));
            let (add, set) = (keys.get("add"), keys.get("set"));
            let when = keys.get("when").map(|item| self.condition(item, Role::Condition("when")));
            keys.end();
            let Some((place, name)) = name else { continue };
            let Some(symbol) = self.scope.accumulators.get(name).copied() else {
                if !self.scope.lost.accumulators {
                    place.mistake(format!("unknown accumulator '{name}'"));
                }
                continue;
            };
            let Place::Accumulator(accumulator) = symbol.place else { continue };
            if changed.contains(name) {
                place.mistake(format!("accumulator '{name}' changes twice"));
            }
            let (item, adds) = match (add, set) {
                (Some(item), None) => (item, true),
                (None, Some(item)) => (item, false),
                _ => {
                    keys.mistake("a post has either 'add' or 'set'");
                    continue;
                }
            };
            let Some(typ) = symbol.typ else { continue };
            if adds && !typ.adds_up() {
                item.mistake(format!("nothing can be added to {}", typ.name(&self.scope.enums)));
            }
            if let Some(value) = self.expression(item, Some(typ), Role::Value)
                && !matches!(when, Some(None))
            {
                changed.insert(name);
                posts.push(Post { accumulator, add: adds, value: value.node, when: when.flatten() });
            }
        }
        posts
    }

    fn condition(&self, item: Item<'a>, role: Role<'a>) -> Option<Node> {
        self.expression(item, Some(Type::Bool), role).map(|typed| typed.node)
    }

    fn expression(&self, item: Item<'a>, wanted: Option<Type>, role: Role<'a>) -> Option<Typed> {
        self.parsed(item, 0, item.text()?, wanted, role).map(|(typed, _)| typed)
    }

    /// The expression `text`, which begins at byte `offset` of the item's text; checked, and as it was parsed.
    fn parsed(
        &self,
        item: Item<'a>,
        offset: usize,
        text: &str,
        wanted: Option<Type>,
        role: Role<'a>,
    ) -> Option<(Typed, Expr)> {
        let checked = parse(text).map_err(|mistake| vec![mistake]).and_then(|expr| {
            let typed = self.scope.check(&expr, wanted)?;
            Ok((typed, expr))
        });
        let (typed, expr) = checked
            .map_err(|mistakes| {
                for (at, message) in mistakes {
                    item.tell_inside(offset + at, message);
                }
            })
            .ok()?;
        let mut ifs = Vec::new();
        expr.ifs(&mut ifs);
        self.sites.borrow_mut().push(Site { item, offset, ifs, node: typed.node.clone(), role });
        Some((typed, expr))
    }
}
