//! The type checker: a tree becomes a [`Node`], every name known and every unit right.

use super::Mistake;
use super::node::Node;
use super::parser::{Expr, Kind, Op};
use super::scope::{Scope, Typed};
use crate::rules::types::Type;
use crate::rules::val::Val;

/// At work on one expression. A method gives `None` when a mistake was told, here or at a declaration.
pub(super) struct Checker<'a> {
    pub scope: &'a Scope,
    pub mistakes: Vec<Mistake>,
}

impl Checker<'_> {
    /// The node and type of `expr`; `hint` is the type it had better be, which gives a text in quotes its meaning.
    pub fn infer(&mut self, expr: &Expr, hint: Option<Type>) -> Option<Typed> {
        let num = |n: &i64, typ| Some(Typed { node: Node::Const(Val::Num(*n)), typ });
        match &expr.kind {
            Kind::Int(n) => num(n, if hint == Some(Type::Days) { Type::Days } else { Type::Int }),
            Kind::Money(n) => num(n, Type::Money),
            Kind::Rate(n) => num(n, Type::Rate),
            Kind::Bool(b) => Some(Typed { node: Node::Const(Val::Bool((*b).into())), typ: Type::Bool }),
            Kind::Text(text) => self.quoted(expr.at, text, hint),
            Kind::Name(name) => self.name(expr.at, name),
            Kind::Dotted(first, second) => self.dotted(expr.at, first, second),
            Kind::Call(name, arguments) => self.call(expr.at, name, arguments, hint),
            Kind::Not(inner) => {
                let inner = self.wanted(inner, Type::Bool)?;
                Some(Typed { node: Node::Not(inner), typ: Type::Bool })
            }
            Kind::Minus(inner) => {
                let inner_typed = self.infer(inner, hint)?;
                let typ = inner_typed.typ;
                if !typ.number() {
                    return self.wrong(inner.at, format!("a number is wanted here, not {}", self.type_name(typ)));
                }
                Some(Typed { node: Node::Negative(Box::new(inner_typed.node)), typ })
            }
            Kind::Binary(op, left, right) => self.binary(expr.at, *op, left, right, hint),
            Kind::In(item, list) => self.in_list(item, list),
            Kind::Within(item, list) => self.within(item, list),
            Kind::If(condition, yes, no) => {
                let condition = self.wanted(condition, Type::Bool);
                let (yes, no, typ) = self.pair(yes, no, hint)?;
                Some(Typed { node: Node::If(condition?, Box::new(yes), Box::new(no)), typ })
            }
        }
    }

    /// `expr` as a value of `wanted`.
    pub fn wanted(&mut self, expr: &Expr, wanted: Type) -> Option<Box<Node>> {
        let typed = self.infer(expr, Some(wanted))?;
        self.is(expr.at, typed.typ, wanted).then(|| Box::new(typed.node))
    }

    /// Two expressions of one type, and that type.
    fn pair(&mut self, left: &Expr, right: &Expr, hint: Option<Type>) -> Option<(Node, Node, Type)> {
        let literal = |expr: &Expr| matches!(expr.kind, Kind::Text(_) | Kind::Int(_));
        let (one, other) = if literal(left) && !literal(right) {
            let right = self.infer(right, hint)?;
            (self.infer(left, Some(right.typ))?, right)
        } else {
            let one = self.infer(left, hint);
            if one.is_none() && literal(right) {
                return None;
            }
            let other = self.infer(right, one.as_ref().map(|typed| typed.typ).or(hint));
            (one?, other?)
        };
        self.is(right.at, other.typ, one.typ).then_some((one.node, other.node, one.typ))
    }

    fn binary(&mut self, at: usize, op: Op, left: &Expr, right: &Expr, hint: Option<Type>) -> Option<Typed> {
        match op {
            Op::And | Op::Or => {
                let (left, right) = (self.wanted(left, Type::Bool), self.wanted(right, Type::Bool));
                let (left, right) = (left?, right?);
                let node = if op == Op::And { Node::And(left, right) } else { Node::Or(left, right) };
                Some(Typed { node, typ: Type::Bool })
            }
            Op::Compare(comparison) => {
                let (left, right, typ) = self.pair(left, right, None)?;
                if matches!(typ, Type::List(_)) {
                    return self.wrong(at, "lists are not compared: ask what is in one".to_owned());
                }
                if !comparison.of_any() && !typ.ordered() {
                    return self.wrong(at, format!("{} has no order", self.type_name(typ)));
                }
                let (left, right) = (Box::new(left), Box::new(right));
                let compare = if typ.number() { Node::Compare } else { Node::Order };
                Some(Typed { node: compare(comparison, left, right), typ: Type::Bool })
            }
            Op::Plus => self.sum(at, '+', (left, right), hint, Node::Plus),
            Op::Minus => self.sum(at, '-', (left, right), hint, Node::Minus),
            Op::Times => {
                let (left, right) = (self.infer(left, None), self.infer(right, None));
                let (left, right) = (left?, right?);
                let (typ, factor) = match self.product(left.typ, right.typ) {
                    Ok(product) => product,
                    Err(what) => return self.wrong(at, what),
                };
                Some(Typed { node: Node::Times(Box::new(left.node), Box::new(right.node), factor), typ })
            }
        }
    }

    /// A sum or difference, written with `sign`.
    fn sum(
        &mut self,
        at: usize,
        sign: char,
        (left, right): (&Expr, &Expr),
        hint: Option<Type>,
        node: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Option<Typed> {
        let (left, right, typ) = self.pair(left, right, hint.filter(|typ| typ.number()))?;
        if !typ.number() {
            return self.wrong(at, format!("'{sign}' does not work on {}", self.type_name(typ)));
        }
        Some(Typed { node: node(Box::new(left), Box::new(right)), typ })
    }

    /// The type of a product, and what its number is to be multiplied by to be in that type's unit.
    fn product(&self, left: Type, right: Type) -> Result<(Type, i64), String> {
        use Type::{Exact, Int, Money, Price, Quantity, Rate};
        Ok(match (left, right) {
            // 10⁻² × 10⁻⁶ and 10⁻⁴ × 10⁻⁴ are the unit of a product.
            (Money, Rate) | (Rate, Money) | (Price, Quantity) | (Quantity, Price) => (Exact, 1),
            (Money, Quantity) | (Quantity, Money) => (Exact, 100),
            (Int, other) | (other, Int) if other.number() => (other, 1),
            (Exact, _) | (_, Exact) => return Err("a product is rounded before it is multiplied again".to_owned()),
            _ => return Err(format!("{} × {} has no meaning", self.type_name(left), self.type_name(right))),
        })
    }

    fn in_list(&mut self, item: &Expr, list: &[Expr]) -> Option<Typed> {
        let item = self.infer(item, None)?;
        let mut values = Vec::new();
        for element in list {
            match (*self.wanted(element, item.typ)?, &element.kind) {
                (Node::Const(value), _) => values.push(value),
                _ => return self.wrong(element.at, "only values may stand in a list, no names".to_owned()),
            }
        }
        let (item, typ) = (Box::new(item.node), item.typ);
        let number = |value: &Val| match value {
            Val::Num(n) => Some(*n),
            _ => None,
        };
        let node = match values.iter().map(number).collect::<Option<Box<[_]>>>() {
            Some(numbers) if typ.number() => Node::Among(item, numbers),
            _ => Node::In(item, values.into()),
        };
        Some(Typed { node, typ: Type::Bool })
    }

    /// Whether a value is in a list that a table gives.
    fn within(&mut self, item: &Expr, list: &Expr) -> Option<Typed> {
        let listed = self.infer(list, None)?;
        let Type::List(element) = listed.typ else {
            return self.wrong(list.at, format!("a list is wanted here, not {}", self.type_name(listed.typ)));
        };
        let typ = element.typ();
        let item = self.wanted(item, typ)?;
        let within = if typ.number() { Node::AmongList } else { Node::InList };
        Some(Typed { node: within(item, Box::new(listed.node)), typ: Type::Bool })
    }

    /// A text in quotes: a value of the type beside it.
    fn quoted(&mut self, at: usize, text: &str, hint: Option<Type>) -> Option<Typed> {
        let Some(typ) = hint else {
            return self.wrong(at, format!("'{text}' has no type here: nothing beside it tells"));
        };
        if !matches!(typ, Type::Date | Type::Month | Type::Text | Type::Enum(_)) {
            return self.wrong(at, format!("'{text}' is not {}", self.type_name(typ)));
        }
        match self.scope.value(typ, text) {
            Some(value) => Some(Typed { node: Node::Const(value), typ }),
            None => self.wrong(at, format!("'{text}' is not {}", typ.expected(&self.scope.enums))),
        }
    }

    /// Whether `found` is `wanted`; tells when not.
    pub fn is(&mut self, at: usize, found: Type, wanted: Type) -> bool {
        if found != wanted {
            let what = format!("{} is wanted here, not {}", self.type_name(wanted), self.type_name(found));
            self.mistakes.push((at, what));
        }
        found == wanted
    }

    /// Tells a mistake.
    pub fn wrong<T>(&mut self, at: usize, what: String) -> Option<T> {
        self.mistakes.push((at, what));
        None
    }

    /// The name of a type.
    pub fn type_name(&self, typ: Type) -> String {
        typ.name(&self.scope.enums).into_owned()
    }

    /// Several expressions of one type, and that type.
    pub fn same(&mut self, items: &[Expr], hint: Option<Type>) -> Option<(Vec<Node>, Type)> {
        let mut nodes = Vec::new();
        let mut common = hint.filter(|typ| typ.ordered());
        let mut known: Option<Type> = None;
        let mut broken = false;
        for item in items {
            match self.infer(item, known.or(common)) {
                Some(typed) => {
                    broken |= known.is_some_and(|known| !self.is(item.at, typed.typ, known));
                    known.get_or_insert(typed.typ);
                    common = known;
                    nodes.push(typed.node);
                }
                None => broken = true,
            }
        }
        if broken { None } else { known.map(|typ| (nodes, typ)) }
    }
}
