//! What is remembered of a card's type, so that the next card of it takes as few commands as it can.

use super::files::{Known, Learned};
use super::session::Session;
use crate::profile::FileName;
use crate::store::{Capability, CardType};

/// EF05 tells the version and is read before it is known, so what is known of EF05 is kept under no version.
pub(super) struct Memory {
    ef05: CardType,
    known_ef05: Option<Capability>,
    ef06: CardType,
    known_ef06: Option<Capability>,
    /// What is read by name is kept apart: whether EF06 was ever read of the type must show.
    named: CardType,
    known_named: Option<Capability>,
}

impl Memory {
    pub(super) fn of(session: &Session<'_>, type_bytes: [u8; 7]) -> Self {
        let interface = session.parts.lease.interface();
        let ef05 = CardType { type_bytes, interface, version: String::new() };
        let known_ef05 = session.parts.store.and_then(|store| store.capability(&ef05));
        Self { ef06: ef05.clone(), named: ef05.clone(), ef05, known_ef05, known_ef06: None, known_named: None }
    }

    pub(super) fn version(&mut self, session: &Session<'_>, version: &str) {
        version.clone_into(&mut self.ef06.version);
        self.named.version = format!("{version} files");
        let known = |card| session.parts.store.and_then(|store| store.capability(card));
        (self.known_ef06, self.known_named) = (known(&self.ef06), known(&self.named));
    }

    pub(super) fn ef05(&self) -> Known<'_> {
        let capability = self.known_ef05.as_ref();
        Known { capability, whole: capability.and_then(|known| known.whole_ef05), try_whole: true }
    }

    /// A card that cannot read all of EF05 at once cannot read all of EF06 so either.
    pub(super) fn ef06(&self, ef05: &Learned) -> Known<'_> {
        let capability = self.known_ef06.as_ref();
        let try_whole = matches!(ef05, Learned::Whole(_));
        Known { capability, whole: capability.and_then(|known| known.whole_ef06), try_whole }
    }

    /// What is known of a file that is read by name. A type that cannot read all of EF05 at once is not asked for all of
    /// another.
    pub(super) fn named(&self, name: &FileName, ef05: &Learned) -> Known<'_> {
        let whole = self.known_named.as_ref().and_then(|known| known.files.get(&name.to_string()));
        let capability = self.known_named.as_ref().filter(|_| whole.is_some());
        Known { capability, whole: whole.copied().flatten(), try_whole: matches!(ef05, Learned::Whole(_)) }
    }

    /// Keeps what is new of a file that was read by name.
    pub(super) fn learn_named(&mut self, session: &Session<'_>, name: &FileName, learned: &Learned) {
        let Some(store) = session.parts.store else { return };
        let now = together(self.known_named.as_ref(), learned, |capability| {
            capability.files.entry(name.to_string()).or_default()
        });
        match now {
            Some(now) if self.known_named.as_ref() != Some(&now) => {
                store.remember(&self.named, &now);
                self.known_named = Some(now);
            }
            _ => {}
        }
    }

    /// Keeps what is new. Only called once the card proved itself and was read, so that no other card can teach.
    pub(super) fn learn(&mut self, session: &Session<'_>, ef05: &Learned, ef06: &Learned) {
        let Some(store) = session.parts.store else { return };
        let files: [(&CardType, &mut Option<Capability>, &Learned, Whole); 2] = [
            (&self.ef05, &mut self.known_ef05, ef05, |capability| &mut capability.whole_ef05),
            (&self.ef06, &mut self.known_ef06, ef06, |capability| &mut capability.whole_ef06),
        ];
        for (card, known, learned, whole) in files {
            match together(known.as_ref(), learned, whole) {
                Some(now) if known.as_ref() != Some(&now) => {
                    store.remember(card, &now);
                    *known = Some(now);
                }
                _ => {}
            }
        }
    }
}

/// The length of one of the two files among what is known.
type Whole = fn(&mut Capability) -> &mut Option<u8>;

/// What was known and what was learned; `None` where neither is anything. Cards of one type may differ, say by the record 4E, and come in turn: of two
/// lengths the longer one is kept, since a card that has less says so at once (6Cxx, one command more), where one that
/// has more has to be asked again and the type would be learned anew each time.
fn together(
    known: Option<&Capability>,
    learned: &Learned,
    whole: impl Fn(&mut Capability) -> &mut Option<u8>,
) -> Option<Capability> {
    let mut now = known.cloned();
    match learned {
        Learned::Whole(None) => {}
        Learned::Whole(Some(length)) => {
            let kept = whole(now.get_or_insert_default());
            *kept = Some(kept.map_or(*length, |before| longer(before, *length)));
        }
        Learned::Records(lengths) => {
            let now = now.get_or_insert_default();
            *whole(now) = None;
            for (record, length) in lengths {
                let kept = now.records.entry(record.clone()).or_insert(*length);
                *kept = longer(*kept, *length);
            }
        }
    }
    now
}

/// The longer of two lengths as Le says them: 00 stands for 256.
fn longer(a: u8, b: u8) -> u8 {
    if a.wrapping_sub(1) >= b.wrapping_sub(1) { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_length_is_256() {
        for (a, b, expected) in [(0x45, 0x5B, 0x5B), (0x5B, 0x45, 0x5B), (0, 0xFF, 0), (0xFF, 0, 0), (7, 7, 7)] {
            assert_eq!(longer(a, b), expected);
        }
    }
}
