//! What must be proven before files are read or written: the least that does, and in which order (card-facts §2.1).
//!
//! A PIN that was verified lasts until the card is reset; a key that was proven lasts until another application is
//! selected. So each directory is visited once, each of its keys is proven once while it is selected, and the PIN is
//! verified at the first visit that needs it.

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
    /// The PIN was verified.
    pub(super) pin: bool,
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
pub(super) fn plan(wanted: &[(FileName, Access)], proven: &Proven, means: Means<'_>) -> Result<Vec<Visit>, Denied> {
    let with_pin = pin(wanted, proven, means)?;
    let mut visits = visits(wanted, proven);
    let mut pin_left = with_pin && !proven.pin;
    for visit in &mut visits {
        let here = wanted.iter().filter(|(file, _)| file.directory() == visit.directory);
        for (file, access) in here {
            let by_pin = matches!(access, Access::Pin | Access::PinAndKey(_))
                || matches!(access, Access::PinOrKey(role) if with_pin && !is_proven(proven, file, role));
            if by_pin && pin_left {
                visit.proofs.insert(0, Proof::Pin);
                pin_left = false;
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

/// Whether the plan goes by the PIN where a file leaves the choice: it does where the PIN was verified, or has to be
/// for something else, or is at hand and spares a key.
fn pin(wanted: &[(FileName, Access)], proven: &Proven, means: Means<'_>) -> Result<bool, Denied> {
    if let Some((file, _)) = wanted.iter().find(|(_, access)| *access == Access::Never) {
        return Err(Denied::Never(file.clone()));
    }
    if proven.pin {
        return Ok(true);
    }
    let needs_it = |(file, access): &&(FileName, Access)| match access {
        Access::Pin | Access::PinAndKey(_) => true,
        Access::PinOrKey(role) => means.lacking.contains(role) && !is_proven(proven, file, role),
        Access::Free | Access::Never | Access::Key(_) => false,
    };
    match (wanted.iter().find(needs_it), means.pin) {
        (Some(_), true) => Ok(true),
        (Some((file, _)), false) => Err(Denied::Pin(file.clone())),
        (None, false) => Ok(false),
        (None, true) => Ok(wanted.iter().any(|(file, access)| match access {
            Access::PinOrKey(role) => {
                let anyway = |(other, access): &(FileName, Access)| {
                    other.directory() == file.directory() && *access == Access::Key(role.clone())
                };
                !is_proven(proven, file, role) && !wanted.iter().any(anyway)
            }
            _ => false,
        })),
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
