//! What was done to the first record that does not hold: changed, removed, inserted or moved, as far as what is left
//! can tell. (What was cut off shows at the end.)

use rusqlite::Connection;

use super::groups::{Group, Groups};
use super::link::{self, Link};
use super::{Terms, damaged};
use crate::queue::{QueueError, chain};
use crate::wire::ChainHead;

/// Nothing follows `head` at its place. Where `has_all`, what was proved in parts before stands before the first.
pub(super) fn broken(
    db: &Connection,
    terms: &Terms<'_>,
    has_all: bool,
    head: &ChainHead,
) -> Result<QueueError, QueueError> {
    let record = head.sequence + 1;
    let say = |what: &str| Ok(damaged(record, what));
    let first = if has_all { 1 } else { terms.start.sequence + 1 };
    if db.query_row("SELECT EXISTS (SELECT 1 FROM entries WHERE sequence < ?1)", [first], |row| row.get(0))? {
        return say("inserted: a record stands before the first");
    }
    // Itself at another place: what follows the head, or has at least its number.
    let follows = link::find(db, 0, |link| link.place != record && belongs(link, head))?;
    let own = match follows {
        Some(link) => Some(link),
        None => link::find(db, 0, |link| link.place != record && link.number() == Some(record))?,
    };
    let moved = own.as_ref().map(|own| own.place);
    let Some(here) = link::at(db, record)? else {
        return match moved {
            Some(place) => say(&format!("moved: it stands at place {place}")),
            None => say("removed"),
        };
    };
    let sound = here.hash.is_some();
    match (here.number().filter(|_| sound), moved) {
        (None, Some(place)) => say(&format!("inserted: the record of this number stands at place {place}")),
        (None, None) => say("changed: its header is not what was hashed"),
        (Some(number), Some(place)) if number > record => {
            say(&format!("moved: record {number} stands in its place, and it at place {place}"))
        }
        (Some(number), Some(_)) if number < record => say(&format!("inserted: a copy of record {number}")),
        (Some(number), None) if number > record => say(&format!("removed: record {number} stands in its place")),
        (Some(number), None) if number < record => {
            say(&format!("changed: a copy of record {number} stands in its place"))
        }
        (Some(_), Some(place)) => say(&format!("inserted: the record of this number stands at place {place}")),
        // It has the right number and follows another than the one before it.
        (Some(_), None) if here.header.as_ref().is_some_and(|header| header.terminal != terms.terminal) => {
            say("changed: it is another terminal's")
        }
        (Some(_), None) if head.sequence > terms.start.sequence && is_signed_from(db, terms, &here)? => {
            Ok(damaged(head.sequence, "changed: the one after it, which is signed, follows another"))
        }
        (Some(_), None) if head.sequence == terms.start.sequence && head.sequence > 0 => {
            say("removed: the first record does not follow the signed one before it")
        }
        (Some(_), None) => say("changed: it does not follow the one before"),
    }
}

/// The signature that ends at `head` does not hold for it.
pub(super) fn unsigned(
    db: &Connection,
    terms: &Terms<'_>,
    groups: &Groups<'_>,
    head: &ChainHead,
) -> Result<QueueError, QueueError> {
    let first = groups.signed + 1;
    let Some(group) = &groups.next else { return Ok(damaged(first, "it is not signed")) };
    if group.head.hash == head.hash || !group.holds(terms) {
        return Ok(damaged(first, "changed: the signature over it does not hold"));
    }
    // The chain holds, and what was signed is something else.
    let signed = link::find(db, 0, |link| link.hash == Some(group.head.hash))?;
    let among = match head.sequence - first {
        0 => String::new(),
        _ => format!(" (one of records {first} to {})", head.sequence),
    };
    Ok(match signed {
        Some(link) => damaged(first, format!("inserted: what was signed in its place stands at {}{among}", link.place)),
        None => damaged(first, format!("changed: it is not what was signed{among}")),
    })
}

fn belongs(link: &Link, head: &ChainHead) -> bool {
    link.hash.is_some() && link.header.as_ref().is_some_and(|header| chain::follow(head, header).is_ok())
}

/// Whether the records from `here` on lead to a signature that holds.
fn is_signed_from(db: &Connection, terms: &Terms<'_>, here: &Link) -> Result<bool, QueueError> {
    let Some(hash) = here.hash else { return Ok(false) };
    let mut head = ChainHead { sequence: here.place, hash };
    let mut signature = db.prepare("SELECT sequence, head, signature FROM groups WHERE sequence = ?1")?;
    loop {
        let mut rows = signature.query([head.sequence])?;
        if let Some(row) = rows.next()? {
            let group = Group::read(row)?;
            return Ok(group.head == head && group.holds(terms));
        }
        match link::at(db, head.sequence + 1)?.and_then(|next| next.follow(&head, terms.terminal)) {
            Some(next) => head = next,
            None => return Ok(false),
        }
    }
}
