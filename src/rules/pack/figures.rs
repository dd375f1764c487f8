//! Figures with their dates and sources: parameters and decision tables.

use super::dated::{Dated, Version, cover, dates};
use super::hit::Hit;
use super::load::Builder;
use super::page::{Item, Keys};
use super::proof::Proof;
use super::table::{Cell, MOST_AT_ONCE, MOST_COLUMNS, MOST_ROWS, Out, Row, Rows, Table, can_look_up};
use super::{Figure, Origin, Param};
use crate::rules::expr::{Place, Symbol, TableSymbol};
use crate::rules::types::Type;

/// How sure a figure is; `U` is for one that was not found.
const CONFIDENCES: &[&str] = &["H", "H-", "M", "M-", "L", "U"];

/// A table that is declared, its rows not yet read.
pub(super) struct Declared<'a> {
    name: (Item<'a>, &'a str),
    label: &'a str,
    on: Vec<(Item<'a>, &'a str)>,
    columns: Vec<(String, Option<Type>)>,
    hit: Hit,
    versions: Vec<Keys<'a>>,
}

/// What the rows of a table are read by.
struct Spec<'a, 's> {
    name: (Item<'a>, &'a str),
    on: &'s [(String, Type)],
    columns: &'s [(String, Type)],
    hit: Hit,
}

impl<'a> Builder<'a> {
    /// Reads every `[[param]]`.
    pub(super) fn params(&mut self, root: &Keys<'a>, demo: bool) {
        for keys in root.tables("param") {
            let name = keys.need("name").and_then(|item| Some((item, item.text()?)));
            let label = keys.get("label").and_then(|item| item.text());
            let typ = keys.need("type").and_then(|item| self.typ(item));
            let values = keys.tables("values");
            keys.end();
            let Some((place, name)) = name else { continue };
            let symbol = Symbol { typ, place: Place::Param(self.params.len()), optional: false };
            self.declare(name, place.inside(0), "a parameter", symbol);
            let Some(typ) = typ else { continue };
            if values.is_empty() {
                place.mistake(format!("param {name} has no values"));
            }
            let versions = values.iter().map(|keys| self.figure(keys, typ, demo));
            let figures = cover(versions, self.span, &format!("param {name}"));
            self.params.push(Param { name: name.to_owned(), label: label.unwrap_or(name).to_owned(), typ, figures });
        }
    }

    /// One dated figure; without `value` it is not known. What no source confirms may stand in a pack for demonstration.
    fn figure(&self, keys: &Keys<'a>, typ: Type, demo: bool) -> Option<Version<'a, Option<Figure>>> {
        let value = keys.get("value");
        let origin = origin(keys);
        let version = dates(keys, ());
        if let Some(origin) = &origin
            && (origin.confidence == "U") != value.is_none()
            && !(demo && origin.confidence == "U")
        {
            keys.mistake(match value {
                None => "a figure without value has confidence \"U\"",
                Some(_) => "a figure of confidence \"U\" has a value only in a pack for demonstration",
            });
        }
        let value = value.map_or(Some(None), |item| self.value(item, typ).map(Some));
        keys.end();
        let Version { from, to, .. } = version?;
        let figure = origin.zip(value).map(|(origin, value)| Figure { value, origin });
        Some(Version { from, to, value: figure })
    }

    /// Makes every `[[table]]` known to expressions.
    pub(super) fn declare_tables(&mut self, root: &Keys<'a>) -> Vec<Declared<'a>> {
        let mut all = Vec::new();
        for keys in root.tables("table") {
            let name = keys.need("name").and_then(|item| Some((item, item.text()?)));
            let label = keys.get("label").and_then(|item| item.text());
            let few = |item: &Item<'a>, count| {
                if count > MOST_COLUMNS {
                    item.mistake(format!(
                        "a table has at most {MOST_COLUMNS} names to be looked up by, and as many columns"
                    ));
                }
                count <= MOST_COLUMNS
            };
            let on = keys.need("on").and_then(|item| item.texts().filter(|on| few(&item, on.len())));
            let out = keys.need("out").and_then(|item| Some(item.keys()?.all()).filter(|out| few(&item, out.len())));
            let hit = Hit::read(&keys);
            let versions = keys.tables("version");
            keys.end();
            let Some((place, name)) = name else { continue };
            self.identifier(name, place.inside(0));
            if let Some(other) = self.kinds.insert(name.to_owned(), "a table") {
                place.mistake(format!("'{name}' is {other} already"));
            }
            let columns: Vec<_> =
                out.iter().flatten().map(|(column, _, typ)| ((*column).to_owned(), self.typ(*typ))).collect();
            let broken = on.is_none() || out.is_none() || hit.is_none();
            let hit = hit.unwrap_or(Hit::Unique);
            let gives = |(name, typ): &(String, Option<Type>), item: &Item<'a>| {
                let gives = typ.map(|typ| hit.gives(typ, &self.scope.enums).map_err(|wrong| item.mistake(wrong)));
                (name.clone(), gives.and_then(Result::ok))
            };
            let items = out.iter().flatten().map(|(_, _, item)| item);
            let gives = columns.iter().zip(items).map(|(column, item)| gives(column, item)).collect();
            let symbol = TableSymbol {
                index: all.len(),
                on: on.iter().flatten().map(|(_, name)| (*name).to_owned()).collect(),
                columns: gives,
                unique: hit == Hit::Unique,
                broken,
            };
            // Of two with one name the first has it; the second was told of.
            self.scope.tables.entry(name.to_owned()).or_insert(symbol);
            all.push(Declared {
                name: (place, name),
                label: label.unwrap_or(name),
                on: on.unwrap_or_default(),
                columns,
                hit,
                versions: if broken { Vec::new() } else { versions },
            });
        }
        all
    }

    /// Reads and proves the rows of the tables; the types of all names are known by now.
    pub(super) fn tables(&mut self, declared: Vec<Declared<'a>>) {
        let mut at_once = 0;
        for table in declared {
            let (place, name) = table.name;
            let on: Option<Vec<_>> = table.on.iter().map(|(item, name)| self.looked_up(*item, name)).collect();
            let columns: Option<Vec<_>> =
                table.columns.iter().map(|(name, typ)| Some((name.clone(), (*typ)?))).collect();
            let (Some(on), Some(columns)) = (on, columns) else { continue };
            if table.versions.is_empty() && self.page.clean() && !self.scope.lost.names {
                place.mistake(format!("table {name} has no version"));
            }
            let spec = Spec { name: table.name, on: &on, columns: &columns, hit: table.hit };
            let versions: Vec<_> = table.versions.iter().map(|keys| self.version(keys, &spec)).collect();
            let read = versions.iter().flatten().filter_map(|version| version.value.as_ref());
            let most = read.map(|version| version.rows.len()).max().unwrap_or(0);
            if table.hit.of_many() || self.scope.scales.borrow().contains(name) {
                if at_once <= MOST_AT_ONCE && at_once + most > MOST_AT_ONCE {
                    place.mistake(format!(
                        "the tables of which more than one row may be used at once have more than {MOST_AT_ONCE} rows"
                    ));
                }
                at_once += most;
            }
            let versions: Dated<Rows> = cover(versions.into_iter(), self.span, &format!("table {name}"));
            let (name, label) = (name.to_owned(), table.label.to_owned());
            self.tables.push(Table { name, label, on, columns, hit: table.hit, versions });
        }
    }

    /// The symbol of a name; tells of one that there is not.
    pub(super) fn known(&self, item: Item<'a>, name: &str) -> Option<Symbol> {
        let symbol = self.scope.names.get(name).copied();
        if symbol.is_none() && !self.scope.lost.names {
            item.mistake(format!("unknown name '{name}'"));
        }
        symbol
    }

    /// A name that a table is looked up by, with its type.
    fn looked_up(&self, item: Item<'a>, name: &str) -> Option<(String, Type)> {
        let symbol = self.known(item, name)?;
        let typ = symbol.typ?;
        if symbol.optional {
            item.mistake(format!("'{name}' may be missing: a table cannot be looked up by it"));
            return None;
        }
        if !can_look_up(typ) {
            item.mistake(format!("a table cannot be looked up by {}", typ.name(&self.scope.enums)));
            return None;
        }
        Some((name.to_owned(), typ))
    }

    /// A dated version of a table.
    fn version(&self, keys: &Keys<'a>, table: &Spec<'a, '_>) -> Option<Version<'a, Option<Rows>>> {
        let origin = origin(keys);
        let version = dates(keys, ());
        let list = keys.need("rows").and_then(|item| item.list());
        keys.end();
        let rows = list.and_then(|list| self.rows(list, table));
        let Version { from, to, .. } = version?;
        let types = table.on.iter().map(|(_, typ)| *typ);
        let rows = rows.zip(origin).map(|(rows, origin)| Rows::new(rows, origin, types, &self.scope.enums));
        Some(Version { from, to, value: rows })
    }

    /// Reads and proves its rows.
    fn rows(&self, list: Vec<Item<'a>>, table: &Spec<'a, '_>) -> Option<Vec<Row>> {
        let Spec { name: (place, name), on, columns, hit } = *table;
        let rows = self.rows.get();
        self.rows.set(rows.saturating_add(list.len()));
        if self.rows.get() > MOST_ROWS {
            // Told of the table with which it is too much, and of none after it.
            if rows <= MOST_ROWS {
                place.mistake(format!("the tables have more than {MOST_ROWS} rows in all"));
            }
            return None;
        }
        let rows: Vec<_> = list.into_iter().map(|item| Some((item, self.row(item, on, columns)?))).collect();
        // With a row that cannot be read, what is missing or overlaps cannot be told.
        let rows: Vec<_> = rows.into_iter().collect::<Option<_>>()?;
        if let Some(needs) = hit.needs() {
            let proof = Proof { name, place, rows: &rows, on, enums: &self.scope.enums };
            proof.run(needs, &mut self.proof_steps.borrow_mut());
        }
        Some(rows.into_iter().map(|(_, row)| row).collect())
    }

    fn row(&self, item: Item<'a>, on: &[(String, Type)], columns: &[(String, Type)]) -> Option<Row> {
        let cells = item.list()?;
        if cells.len() != on.len() + columns.len() {
            item.mistake(format!("the row has {} cells, not {}", cells.len(), on.len() + columns.len()));
            return None;
        }
        let (conditions, out) = cells.split_at(on.len());
        let conditions: Vec<_> = conditions.iter().zip(on).map(|(cell, (_, typ))| self.cell(*cell, *typ)).collect();
        let out: Vec<_> = out.iter().zip(columns).map(|(cell, (_, typ))| self.out(*cell, *typ)).collect();
        Some(Row {
            cells: conditions.into_iter().collect::<Option<_>>()?,
            out: out.into_iter().collect::<Option<_>>()?,
        })
    }

    /// A value, or the parameter whose figure it is: `=name`.
    fn out(&self, item: Item<'a>, typ: Type) -> Option<Out> {
        let text = item.data();
        let Some(name) = text.as_ref().and_then(|text| text.strip_prefix('=')) else {
            return self.value(item, typ).map(Out::Value);
        };
        let symbol = self.known(item, name)?;
        let Place::Param(param) = symbol.place else {
            item.mistake(format!("'{name}' is not a parameter"));
            return None;
        };
        // A declaration that is wrong was told there.
        let found = symbol.typ?;
        if found != typ {
            let name_of = |typ: Type| typ.name(&self.scope.enums);
            item.mistake(format!("{} is wanted here, not {}", name_of(typ), name_of(found)));
            return None;
        }
        Some(Out::Param(param))
    }

    fn cell(&self, item: Item<'a>, typ: Type) -> Option<Cell> {
        let text = item.written()?;
        let cell = Cell::parse(&text, typ, &self.scope.enums);
        if cell.is_none() {
            let wanted = match typ {
                Type::Bool | Type::Enum(_) => typ.expected(&self.scope.enums),
                _ => format!("a range of {} such as \"low..high\"", typ.name(&self.scope.enums)),
            };
            item.mistake(format!("'{text}' is no condition: {wanted}, or \"*\""));
        }
        cell
    }

    /// Whether a list is not too long; tells when it is.
    pub(super) fn bounded(&self, what: &str, list: &[Keys<'a>], most: usize) -> bool {
        if let Some(first) = list.get(most) {
            first.mistake(format!("more than {most} {what}"));
        }
        list.len() <= most
    }
}

/// `source`, `confidence` and `verified_on`, which every figure carries.
fn origin(keys: &Keys<'_>) -> Option<Origin> {
    let origin = graded(keys);
    keys.need("verified_on").and_then(|item| item.date())?;
    origin
}

/// `source` and `confidence`, where one of them is.
pub(super) fn graded(keys: &Keys<'_>) -> Option<Origin> {
    let source = keys.need("source").and_then(|item| item.text());
    let confidence = keys.need("confidence").and_then(|item| {
        let confidence = item.text()?;
        if !CONFIDENCES.contains(&confidence) {
            item.mistake(format!("confidence is one of {}", CONFIDENCES.join(", ")));
            return None;
        }
        Some(confidence)
    });
    Some(Origin { source: source?.to_owned(), confidence: confidence?.to_owned() })
}
