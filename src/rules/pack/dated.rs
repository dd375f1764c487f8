//! Values that hold from a date on.

use jiff::civil::Date;

use super::page::{Item, Keys};

/// Versions in the order of time; together they cover the pack's span without gap or overlap.
#[derive(Debug, Clone)]
pub(in super::super) struct Dated<T>(Vec<(Date, T)>);

/// One version as it stands in the file.
pub(super) struct Version<'a, T> {
    pub from: (Item<'a>, Date),
    pub to: Option<(Item<'a>, Date)>,
    pub value: T,
}

impl<T> Dated<T> {
    /// The version in force on `date` and the date from which it holds.
    pub fn on(&self, date: Date) -> Option<(Date, &T)> {
        self.0.iter().rev().find(|(from, _)| *from <= date).map(|(from, value)| (*from, value))
    }

    /// Every version.
    pub fn all(&self) -> impl Iterator<Item = (Date, &T)> {
        self.0.iter().map(|(from, value)| (*from, value))
    }
}

/// The dates of a version: `from`, and `to` (its last day) where it does not simply run to the next.
pub(super) fn dates<'a, T>(keys: &Keys<'a>, value: T) -> Option<Version<'a, T>> {
    let from = keys.need("from");
    let to = keys.get("to");
    let from = from.and_then(|item| Some((item, item.date()?)));
    let to = match to {
        None => None,
        Some(item) => Some((item, item.date()?)),
    };
    Some(Version { from: from?, to, value })
}

/// Puts versions together and tells where they leave a gap or overlap; `what` names whose they are. Of a version whose
/// dates cannot be read there is none, and one of which something else cannot be read has no value. That was told: where
/// dates are missing nothing is told of the others, and there are no versions unless all could be read.
pub(super) fn cover<'a, T>(
    versions: impl Iterator<Item = Option<Version<'a, Option<T>>>>,
    span: (Date, Date),
    what: &str,
) -> Dated<T> {
    // Each is read, whatever is wrong with those before it.
    let versions: Vec<_> = versions.collect();
    let versions: Option<Vec<_>> = versions.into_iter().collect();
    let dated = versions.map(|versions| in_order(versions, span, what)).unwrap_or_default();
    Dated(dated.into_iter().map(|(from, value)| Some((from, value?))).collect::<Option<_>>().unwrap_or_default())
}

fn in_order<T>(versions: Vec<Version<'_, T>>, span: (Date, Date), what: &str) -> Vec<(Date, T)> {
    let mut dated: Vec<(Date, T)> = Vec::new();
    // Where the last version was said to end.
    let mut end: Option<(Item<'_>, Date)> = None;
    let ordered = versions.windows(2).all(|pair| pair[0].from.1 <= pair[1].from.1);
    if !ordered {
        tell_disorder(&versions, what);
        // Which days have a figure follows from the order.
        return versions.into_iter().map(|version| (version.from.1, version.value)).collect();
    }
    for Version { from: (place, from), to, value } in versions {
        let last = end.map(|(_, to)| to).or(dated.last().map(|(from, _)| *from));
        match (last, end) {
            (None, _) if from > span.0 => {
                place.mistake(format!("{what} has no value from {} to {}", span.0, before(from)));
            }
            (Some(last), _) if from <= last => {
                place.mistake(format!("{what} has two values on {from}: versions overlap"));
            }
            (Some(last), Some(_)) if before(from) != last => {
                place.mistake(format!("{what} has no value from {} to {}", after(last), before(from)));
            }
            _ => {}
        }
        end = to.filter(|(place, to)| {
            if *to < from {
                place.mistake(format!("{what}: a version ends before it begins"));
            }
            *to >= from
        });
        dated.push((from, value));
    }
    if let Some((place, to)) = end
        && to < span.1
    {
        place.mistake(format!("{what} has no value from {} to {}", after(to), span.1));
    }
    dated
}

fn tell_disorder<T>(versions: &[Version<'_, T>], what: &str) {
    for pair in versions.windows(2) {
        let ((_, before), (place, from)) = (&pair[0].from, &pair[1].from);
        if from < before {
            place.mistake(format!("{what}: dates are out of order: {from} stands after {before}"));
        }
    }
}

// The days beside a date; at the ends of the calendar the date itself, which no pack reaches.
fn before(date: Date) -> Date {
    date.yesterday().unwrap_or(date)
}

fn after(date: Date) -> Date {
    date.tomorrow().unwrap_or(date)
}
