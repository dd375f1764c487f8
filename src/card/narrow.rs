//! What was read, at the places that were asked for: one of several items, a part of one, a record.

use serde_json::Value as Json;

use super::{CardError, Files};
use crate::profile::{Address, ItemAddress, ItemKey, ItemName, Profile, Row, Structure};

/// What has to be read for these places.
///
/// # Errors
/// [`CardError::UnknownItem`] for a place that no card has.
pub fn names_of(profile: &Profile, addresses: &[Address]) -> Result<Vec<ItemName>, CardError> {
    addresses.iter().map(|address| name_of(profile, address)).collect()
}

fn name_of(profile: &Profile, address: &Address) -> Result<ItemName, CardError> {
    let unknown = || CardError::UnknownItem(address.to_string());
    let file = profile.file(&address.file).ok_or_else(unknown)?;
    let row = match (file.structure, address.row) {
        (Structure::Linear | Structure::Transparent { .. }, None) => true,
        (Structure::Fixed(_) | Structure::Cyclic(_), Some(Row::Number(_))) => true,
        (Structure::Fixed(_) | Structure::Cyclic(_), None) => address.item.is_none(),
        (_, Some(_)) => false,
    };
    let known = |item: ItemAddress| {
        let found = match item.key {
            ItemKey::Tag(tag) => file.item(tag),
            ItemKey::Place(place) => {
                file.items.get(usize::from(place).wrapping_sub(1)).filter(|item| item.tag.is_none())
            }
        };
        found.is_some_and(|found| {
            let part = |tag: u8| found.parts.iter().any(|part| part.tag == Some(tag));
            item.number.is_none_or(|number| number <= found.count) && item.part.is_none_or(part)
        })
    };
    if row && address.item.is_none_or(known) { Ok(address.name()) } else { Err(unknown()) }
}

impl Files {
    /// As [`to_json`](Self::to_json), of these places alone.
    pub fn to_json_at(&self, addresses: &[Address], unmask: bool) -> Json {
        let mut shown = self.to_json(unmask);
        let files = shown["files"].as_array_mut().into_iter().flatten();
        for (file, holding) in files.zip(&self.files) {
            let here: Vec<&Address> = addresses.iter().filter(|address| address.file == holding.name).collect();
            let whole = here.iter().any(|address| address.row.is_none() && address.item.is_none());
            if whole {
                continue;
            }
            let items: Vec<ItemAddress> = here.iter().filter_map(|address| address.item).collect();
            if let Some(all) = file["items"].as_array_mut() {
                narrow(all, &items);
            }
            if let Some(records) = file["records"].as_array_mut() {
                records.retain_mut(|record| {
                    let of_it = here.iter().filter(|address| number(address.row) == record["number"].as_u64());
                    let of_it: Vec<_> = of_it.map(|address| address.item).collect();
                    let items: Option<Vec<ItemAddress>> = of_it.iter().copied().collect();
                    if let (Some(items), Some(all)) = (&items, record["items"].as_array_mut()) {
                        narrow(all, items);
                    }
                    !of_it.is_empty()
                });
            }
        }
        shown
    }
}

fn number(row: Option<Row>) -> Option<u64> {
    match row {
        Some(Row::Number(number)) => Some(number.into()),
        Some(Row::New) | None => None,
    }
}

/// Keeps those of a list of items that are asked for, and of each the parts that are.
fn narrow(all: &mut Vec<Json>, asked: &[ItemAddress]) {
    let mut seen = Vec::new();
    let mut place = 0;
    all.retain_mut(|item| {
        place += 1;
        let tag = item["tag"].as_str().and_then(|tag| u8::from_str_radix(tag, 16).ok());
        seen.push(tag);
        let nth = seen.iter().filter(|before| **before == tag).count();
        let is_it = |address: &&ItemAddress| match (address.key, tag) {
            (ItemKey::Tag(asked), Some(tag)) => asked == tag && address.number.is_none_or(|n| usize::from(n) == nth),
            (ItemKey::Place(asked), None) => usize::from(asked) == place,
            _ => false,
        };
        let of_it: Vec<Option<u8>> = asked.iter().filter(is_it).map(|address| address.part).collect();
        if let (Some(parts), Some(held)) =
            (of_it.iter().copied().collect::<Option<Vec<u8>>>(), item["value"].as_array_mut())
        {
            held.retain(|part| parts.iter().any(|tag| part["tag"] == format!("{tag:02X}")));
        }
        !of_it.is_empty()
    });
}
