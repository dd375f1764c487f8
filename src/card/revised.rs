//! Reused tags of a card of 1.0 (card-facts §1.7): some have no marker of their own and get their meaning of 2.0 with
//! another item. They are written together, so that nobody reads a former value by the new meaning.

use super::CardError;
use super::edit::Wish;
use super::journal::{Change, Place};
use super::open::Card;
use super::value::{ValueError, is_blank, is_remade};
use crate::profile::{File, Item, Revision};

impl Card<'_> {
    /// Whether every item means what its value says once these changes are made.
    pub(super) fn keeps_meanings(
        &mut self,
        file: &File,
        wishes: &[Wish<'_>],
        changes: &[Change],
    ) -> Result<(), CardError> {
        if self.generation() != 1 {
            return Ok(());
        }
        let written: Vec<&Item> = wishes.iter().filter_map(Wish::item).collect();
        let is_written = |tag: u8| written.iter().any(|item| item.tag == Some(tag));
        for item in &written {
            let Some(tag) = item.tag else { continue };
            let wrong = |why| CardError::NewValue { item: Place::Record(tag).name(&file.name), why };
            match item.revision {
                Some(Revision::Follows(leader)) if !is_written(leader) && !self.has(file, leader, is_remade)? => {
                    return Err(wrong(ValueError::Leader(leader)));
                }
                Some(Revision::Marked) if gets_meaning(changes, tag) => {
                    for follower in followers(file, tag).filter(|follower| !is_written(*follower)) {
                        if self.has(file, follower, |value| !is_blank(value))? {
                            return Err(wrong(ValueError::Follower(follower)));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the card has an item with such a value.
    fn has(&mut self, file: &File, tag: u8, such: impl Fn(&[u8]) -> bool) -> Result<bool, CardError> {
        let length = file.item(tag).map_or(0, |item| item.length);
        let held = self.held(file, Place::Record(tag), length.into())?.into_bytes();
        Ok(held.is_some_and(|value| such(&value)))
    }
}

/// Whether an item is written that did not have its new meaning yet.
fn gets_meaning(changes: &[Change], tag: u8) -> bool {
    let change = changes.iter().find(|change| change.place == Place::Record(tag));
    change.is_some_and(|change| change.old.as_ref().is_none_or(|old| !is_remade(old)))
}

/// The items that get their meaning with this one.
fn followers(file: &File, leader: u8) -> impl Iterator<Item = u8> {
    file.items_of(1).filter(move |item| item.revision == Some(Revision::Follows(leader))).filter_map(|item| item.tag)
}
