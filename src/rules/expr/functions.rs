//! The functions of the language.

use super::check::Checker;
use super::node::{Node, Place, Round, Rounding};
use super::parser::{Expr, Kind};
use super::scope::{Symbol, Typed};
use crate::rules::types::Type;

/// The units an amount can be rounded to, in fen: 0.01, 0.1 and 1 yuan.
const UNITS: &[i64] = &[1, 10, 100];
/// What stands before the name of a rounding in the name of a scale that rounds each part.
const BANDS: &str = "bands_";
/// Units of a product in a fen.
const EXACT_IN_FEN: i64 = 1_000_000;

impl Checker<'_> {
    /// A call of the function `name`.
    pub(super) fn call(&mut self, at: usize, name: &str, arguments: &[Expr], hint: Option<Type>) -> Option<Typed> {
        if let Some(how) = Rounding::named(name) {
            return self.round(at, name, how, arguments);
        }
        if let Some(how) = name.strip_prefix(BANDS).and_then(Rounding::named) {
            return self.rounded_bands(at, name, how, arguments);
        }
        let typed = |node, typ| Some(Typed { node, typ });
        match (name, arguments) {
            ("min" | "max", [_, _, ..]) => {
                let (nodes, typ) = self.same(arguments, hint)?;
                self.ordered(at, typ)?;
                typed(if name == "min" { Node::Min(nodes) } else { Node::Max(nodes) }, typ)
            }
            ("clamp", [_, _, _]) => {
                let (nodes, typ) = self.same(arguments, hint)?;
                self.ordered(at, typ)?;
                typed(Node::Clamp(Box::new(nodes.try_into().ok()?)), typ)
            }
            ("has", [item]) => {
                let symbol = self.optional(item)?;
                typed(Node::Has(symbol.place), Type::Bool)
            }
            ("given", [item, other]) => {
                let symbol = self.optional(item)?;
                let typ = symbol.typ?;
                typed(Node::Given(symbol.place, self.wanted(other, typ)?), typ)
            }
            ("bands", [amount, column]) => self.bands(amount, column, None, Type::Exact),
            ("count", [list]) => self.count(list),
            ("sum" | "distinct", [item]) => self.over_lines(name, item),
            ("since", [item]) => self.since(item),
            ("month_of", [date]) => typed(Node::MonthOf(self.wanted(date, Type::Date)?), Type::Month),
            ("day_of", [date]) => typed(Node::DayOf(self.wanted(date, Type::Date)?), Type::Int),
            ("days_between", [from, to]) => {
                let (from, to) = (self.wanted(from, Type::Date), self.wanted(to, Type::Date));
                typed(Node::DaysBetween(from?, to?), Type::Days)
            }
            ("months_between", [from, to]) => {
                let (from, to) = (self.wanted(from, Type::Month), self.wanted(to, Type::Month));
                typed(Node::MonthsBetween(from?, to?), Type::Int)
            }
            ("add_months", [month, count]) => {
                let (month, count) = (self.wanted(month, Type::Month), self.wanted(count, Type::Int));
                typed(Node::AddMonths(month?, count?), Type::Month)
            }
            _ => {
                let what = match usage(name) {
                    Some(usage) => format!("{name} is used as {usage}"),
                    None => format!("unknown function '{name}'"),
                };
                self.wrong(at, what)
            }
        }
    }

    fn ordered(&mut self, at: usize, typ: Type) -> Option<()> {
        if typ.ordered() { Some(()) } else { self.wrong(at, format!("{} has no order", self.type_name(typ))) }
    }

    fn round(&mut self, at: usize, name: &str, how: Rounding, arguments: &[Expr]) -> Option<Typed> {
        let [of, unit] = arguments else {
            return self.wrong(at, format!("{name} is used as {name}(amount, ¥0.01): a rounding names its unit"));
        };
        let unit = self.unit(unit);
        let typed = self.infer(of, None)?;
        let scale = match typed.typ {
            Type::Exact => EXACT_IN_FEN,
            Type::Money => 1,
            other => return self.wrong(of.at, format!("an amount is wanted here, not {}", self.type_name(other))),
        };
        let unit = unit?;
        let round = Round { how, by: scale * unit, unit };
        Some(Typed { node: Node::Round(round, Box::new(typed.node)), typ: Type::Money })
    }

    /// The unit of a rounding, in fen.
    fn unit(&mut self, unit: &Expr) -> Option<i64> {
        match unit.kind {
            Kind::Money(fen) if UNITS.contains(&fen) => Some(fen),
            _ => self.wrong(unit.at, "the unit of a rounding is ¥0.01, ¥0.1 or ¥1".to_owned()),
        }
    }

    /// `bands_half_up(amount, table.rate, ¥0.01)`: as `bands`, and each part rounded by itself.
    fn rounded_bands(&mut self, at: usize, name: &str, how: Rounding, arguments: &[Expr]) -> Option<Typed> {
        let [amount, column, unit] = arguments else {
            let what = format!("{name} is used as {name}(amount, table.rate, ¥0.01): a rounding names its unit");
            return self.wrong(at, what);
        };
        let unit = self.unit(unit);
        let each = |unit| Round { how, by: EXACT_IN_FEN * unit, unit };
        let typed = self.bands(amount, column, unit.map(each), Type::Money)?;
        unit.map(|_| typed)
    }

    /// Each part of the amount at the rate of the row whose range it lies in, rounded by itself where `each` says so.
    fn bands(&mut self, amount: &Expr, column: &Expr, each: Option<Round>, typ: Type) -> Option<Typed> {
        let of = self.wanted(amount, Type::Money);
        let scope = self.scope;
        let Kind::Dotted(name, rate) = &column.kind else {
            return self.wrong(column.at, "a column of a table is wanted here".to_owned());
        };
        let Some(table) = scope.tables.get(name) else { return self.unknown(column.at, name) };
        if table.broken {
            return None;
        }
        let by_amount = match &table.on[..] {
            // What there is not was told at the table.
            [on] => scope.names.get(on).is_none_or(|symbol| symbol.typ.is_none_or(|typ| typ == Type::Money)),
            _ => false,
        };
        if !by_amount || !table.unique {
            return self.wrong(column.at, format!("bands are a unique table looked up by one amount; {name} is not"));
        }
        let Some(at) = table.columns.iter().position(|(column, _)| column == rate) else {
            return self.wrong(column.at, format!("table {name} has no column '{rate}'"));
        };
        let rate = table.columns[at].1?;
        if !self.is(column.at, rate, Type::Rate) {
            return None;
        }
        scope.scales.borrow_mut().insert(name.clone());
        Some(Typed { node: Node::Bands { of: of?, table: table.index, column: at, each }, typ })
    }

    /// `count(list)`: how many values a list has.
    fn count(&mut self, list: &Expr) -> Option<Typed> {
        let typed = self.infer(list, None)?;
        if !matches!(typed.typ, Type::List(_)) {
            return self.wrong(list.at, format!("a list is wanted here, not {}", self.type_name(typed.typ)));
        }
        Some(Typed { node: Node::Count(Box::new(typed.node)), typ: Type::Int })
    }

    /// An optional fact or accumulator, for `has` and `given`.
    fn optional(&mut self, item: &Expr) -> Option<Symbol> {
        let symbol = match &item.kind {
            Kind::Name(name) => self.symbol(item.at, name)?,
            Kind::Dotted(first, name) if first == "acc" => self.accumulator(item.at, name)?,
            _ => return self.wrong(item.at, "the name of an optional fact or accumulator is wanted here".to_owned()),
        };
        if !symbol.optional && symbol.typ.is_some() {
            return self.wrong(item.at, "this is never missing".to_owned());
        }
        if symbol.place.of_line() && !self.scope.on_line {
            return self.wrong(item.at, "this belongs to a line".to_owned());
        }
        Some(symbol)
    }

    /// `since(parameter)`: the day from which the figure in force holds.
    fn since(&mut self, item: &Expr) -> Option<Typed> {
        let wanted = "the name of a parameter is wanted here".to_owned();
        let Kind::Name(name) = &item.kind else { return self.wrong(item.at, wanted) };
        match self.symbol(item.at, name)?.place {
            Place::Param(param) => Some(Typed { node: Node::Since(param), typ: Type::Date }),
            _ => self.wrong(item.at, wanted),
        }
    }

    /// `sum` and `distinct`: a name of a line, seen from the whole.
    fn over_lines(&mut self, name: &str, item: &Expr) -> Option<Typed> {
        let wanted = "the name of a line's fact or step is wanted here".to_owned();
        let Kind::Name(of) = &item.kind else { return self.wrong(item.at, wanted) };
        let symbol = self.symbol(item.at, of)?;
        if !symbol.place.of_line() || symbol.optional {
            return self.wrong(item.at, wanted);
        }
        if self.scope.on_line {
            return self.wrong(item.at, format!("a line cannot look at all lines: {name} is for the whole"));
        }
        let typ = symbol.typ?;
        if name == "distinct" {
            if matches!(typ, Type::List(_)) {
                return self.wrong(item.at, "lists are not compared: ask what is in one".to_owned());
            }
            return Some(Typed { node: Node::Distinct(symbol.place), typ: Type::Bool });
        }
        if !typ.number() || typ == Type::Rate {
            return self.wrong(item.at, format!("{} has no sum", self.type_name(typ)));
        }
        Some(Typed { node: Node::Sum(symbol.place), typ })
    }
}

/// How a function is used.
fn usage(name: &str) -> Option<&'static str> {
    Some(match name {
        "min" => "min(a, b, …)",
        "max" => "max(a, b, …)",
        "clamp" => "clamp(value, least, most)",
        "has" => "has(name)",
        "given" => "given(name, otherwise)",
        "bands" => "bands(amount, table.rate)",
        "count" => "count(list)",
        "sum" => "sum(name)",
        "distinct" => "distinct(name)",
        "since" => "since(parameter)",
        "month_of" => "month_of(date)",
        "day_of" => "day_of(date)",
        "days_between" => "days_between(from, to)",
        "months_between" => "months_between(from, to)",
        "add_months" => "add_months(month, count)",
        _ => return None,
    })
}
