//! Hit policies: what a table gives of the rows that apply.

use super::page::Keys;
use super::proof::Needs;
use crate::rules::types::{Element, Enumeration, Type};

/// What a table gives of the rows that apply to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Hit {
    /// The only one.
    Unique,
    /// The first.
    First,
    /// Of each column the sum over all rows; zero where none applies.
    Sum,
    /// Of each column the least.
    Min,
    /// Of each column the greatest.
    Max,
    /// Of each column the values of all rows, in their order.
    List,
}

impl Hit {
    /// Reads `hit` and `collect`. `None` when one is wrong, which is told.
    pub(super) fn read(keys: &Keys<'_>) -> Option<Self> {
        let collect = keys.get("collect");
        let (place, hit) = match keys.get("hit") {
            None => (None, "unique"),
            Some(item) => (Some(item), item.text()?),
        };
        let hit = match (hit, collect) {
            ("unique", None) => Self::Unique,
            ("first", None) => Self::First,
            ("rule-order", None) => Self::List,
            ("collect", Some(item)) => match item.text()? {
                "sum" => Self::Sum,
                "min" => Self::Min,
                "max" => Self::Max,
                "list" => Self::List,
                other => {
                    let known = "\"sum\", \"min\", \"max\" or \"list\"";
                    item.mistake(format!("unknown way to collect '{other}': {known}"));
                    return None;
                }
            },
            ("collect", None) => {
                place?.mistake("'collect' says what becomes of the rows: \"sum\", \"min\", \"max\" or \"list\"");
                return None;
            }
            ("unique" | "first" | "rule-order", Some(item)) => {
                item.mistake("'collect' goes with the hit policy \"collect\"");
                return None;
            }
            (other, _) => {
                let known = "\"unique\", \"first\", \"collect\" or \"rule-order\"";
                place?.mistake(format!("unknown hit policy '{other}': {known}"));
                return None;
            }
        };
        Some(hit)
    }

    /// What has to be proved of the rows; `None` where any rows will do.
    pub(super) fn needs(self) -> Option<Needs> {
        match self {
            Self::Unique => Some(Needs::ExactlyOne),
            Self::First => Some(Needs::First),
            Self::Min | Self::Max => Some(Needs::AtLeastOne),
            Self::Sum | Self::List => None,
        }
    }

    /// Whether more than one row may be used at once.
    pub(super) fn of_many(self) -> bool {
        !matches!(self, Self::Unique | Self::First)
    }

    /// What a column of this type gives.
    ///
    /// # Errors
    /// Why it gives nothing.
    pub(super) fn gives(self, typ: Type, enums: &[Enumeration]) -> Result<Type, String> {
        let name = || typ.name(enums);
        match self {
            Self::Sum if !typ.number() => Err(format!("{} has no sum", name())),
            Self::Min | Self::Max if !typ.ordered() => Err(format!("{} has no order", name())),
            Self::List => Element::of(typ).map(Type::List).ok_or_else(|| format!("there is no list of {}", name())),
            _ => Ok(typ),
        }
    }
}
