//! What must be proven before files are read or written: the least that does, and in which order (card-facts §2.1).
//!
//! A PIN that was verified lasts until the card is reset; a key that was proven lasts until another application is
//! selected. So each directory is visited once, each of its keys is proven once while it is selected, and the PIN is
//! verified at the first visit that needs it.

use std::collections::BTreeSet;

use crate::profile::{Access, FileName, KeyRole};

/// What a person and the terminal have to prove with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Means<'m> {
    /// The holder's PIN is at hand.
    pub(super) pin: bool,
    /// Keys that turned out not to be had.
    pub(super) lacking: &'m [KeyRole],
}

/// What the session has proven by now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Proven {
    /// The directory that is selected.
    pub(super) directory: String,
    /// The keys that were proven in it.
    pub(super) keys: Vec<KeyRole>,
    /// The PINs that were verified, each by the directory that has it of its own; [`SHARED`] is the environment's.
    pub(super) pins: BTreeSet<String>,
}

/// The name that the PIN of the environment, and of all directories without one of their own, goes by.
pub(super) const SHARED: &str = "";

/// Whose PIN guards a directory, where these have one of their own.
pub(super) fn pin_of<'d>(directory: &'d str, own: &[&str]) -> &'d str {
    if own.contains(&directory) { directory } else { SHARED }
}

/// Something that is proven to the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// The holder's PIN.
    Pin,
    /// A key of the terminal.
    Key(KeyRole),
}

/// A directory, what is proven in it, and the files that are worked on then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) directory: String,
    pub(super) proofs: Vec<Proof>,
    pub(super) files: Vec<FileName>,
}

/// Why a file cannot be come at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Denied {
    /// Nobody may.
    Never(FileName),
    /// The PIN is needed, and was not given.
    Pin(FileName),
    /// This key is needed, and is not to be had.
    Key(FileName, KeyRole),
}

/// The visits that come at all `wanted` files, the directory that is selected first, then each where it is first named.
/// `own` are the directories with a PIN of their own.
pub(super) fn plan(
    wanted: &[(FileName, Access)],
    proven: &Proven,
    means: Means<'_>,
    own: &[&str],
) -> Result<Vec<Visit>, Denied> {
    let mut pin_left = pin(wanted, proven, means, own)?;
    let verified = pin_left;
    let has_pin = |file: &FileName| {
        let of = pin_of(file.directory(), own);
        verified == Some(of) || proven.pins.contains(of)
    };
    let mut visits = visits(wanted, proven);
    for visit in &mut visits {
        let here = wanted.iter().filter(|(file, _)| file.directory() == visit.directory);
        for (file, access) in here {
            let with_pin = has_pin(file);
            let by_pin = matches!(access, Access::Pin | Access::PinAndKey(_))
                || matches!(access, Access::PinOrKey(role) if with_pin && !is_proven(proven, file, role));
            if by_pin && pin_left == Some(pin_of(file.directory(), own)) {
                visit.proofs.insert(0, Proof::Pin);
                pin_left = None;
            }
            let Some(role) = key(access, with_pin) else { continue };
            if is_proven(proven, file, role) || visit.proofs.contains(&Proof::Key(role.clone())) {
                continue;
            }
            if means.lacking.contains(role) {
                return Err(Denied::Key(file.clone(), role.clone()));
            }
            visit.proofs.push(Proof::Key(role.clone()));
        }
    }
    Ok(visits)
}

/// Whose PIN the plan verifies, if any: where a file leaves the choice it goes by the PIN where that has to be verified
/// for something else, or is at hand and spares a key. The one that is at hand is one attempt at one PIN.
fn pin<'w>(
    wanted: &'w [(FileName, Access)],
    proven: &Proven,
    means: Means<'_>,
    own: &[&str],
) -> Result<Option<&'w str>, Denied> {
    if let Some((file, _)) = wanted.iter().find(|(_, access)| *access == Access::Never) {
        return Err(Denied::Never(file.clone()));
    }
    let mut open = wanted.iter().filter(|(file, _)| !proven.pins.contains(pin_of(file.directory(), own)));
    let needs_it = |(file, access): &&(FileName, Access)| match access {
        Access::Pin | Access::PinAndKey(_) => true,
        Access::PinOrKey(role) => means.lacking.contains(role) && !is_proven(proven, file, role),
        Access::Free | Access::Never | Access::Key(_) => false,
    };
    let mut needed = open.clone().filter(needs_it);
    match (needed.next(), means.pin) {
        (Some((file, _)), true) => {
            let of = pin_of(file.directory(), own);
            match needed.find(|(other, _)| pin_of(other.directory(), own) != of) {
                Some((other, _)) => Err(Denied::Pin(other.clone())),
                None => Ok(Some(of)),
            }
        }
        (Some((file, _)), false) => Err(Denied::Pin(file.clone())),
        (None, false) => Ok(None),
        (None, true) => {
            let spares = open.find(|(file, access)| match access {
                Access::PinOrKey(role) => {
                    let anyway = |(other, access): &(FileName, Access)| {
                        other.directory() == file.directory() && *access == Access::Key(role.clone())
                    };
                    !is_proven(proven, file, role) && !wanted.iter().any(anyway)
                }
                _ => false,
            });
            Ok(spares.map(|(file, _)| pin_of(file.directory(), own)))
        }
    }
}

/// The key that has to be proven for a file.
fn key(access: &Access, with_pin: bool) -> Option<&KeyRole> {
    match access {
        Access::Key(role) | Access::PinAndKey(role) => Some(role),
        Access::PinOrKey(role) if !with_pin => Some(role),
        Access::PinOrKey(_) | Access::Free | Access::Never | Access::Pin => None,
    }
}

fn is_proven(proven: &Proven, file: &FileName, role: &KeyRole) -> bool {
    proven.directory == file.directory() && proven.keys.contains(role)
}

/// Each directory with its files, each file once.
fn visits(wanted: &[(FileName, Access)], proven: &Proven) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    for (file, _) in wanted {
        let at = visits.iter().position(|visit| visit.directory == file.directory()).unwrap_or_else(|| {
            visits.push(Visit { directory: file.directory().to_owned(), proofs: Vec::new(), files: Vec::new() });
            visits.len() - 1
        });
        if !visits[at].files.contains(file) {
            visits[at].files.push(file.clone());
        }
    }
    // What is selected loses its rights when another directory is.
    visits.sort_by_key(|visit| visit.directory != proven.directory);
    visits
}
