//! Which card somebody is asked for a PIN for. Nobody is asked while a card is held, so another may be in the reader by the
//! time they have answered: whoever asks is given a name of the card, and brings it with the PIN. The PIN is then tried on
//! that card, as long as it has not left that reader, and on no other: another holder's would lose a try.

use ring::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

use super::inner::Inner;
use crate::card::Card;
use crate::value::CardIdentifier;
use crate::world::{NoRandom, Random};

/// Makes names of cards: by a key that lasts as long as the process, so that nobody else makes one, or tells a card by it.
pub(super) struct CardNames(hmac::Key);

impl CardNames {
    /// # Errors
    /// Without randomness there is no key.
    pub(super) fn new(random: &dyn Random) -> Result<Self, NoRandom> {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(&mut *key)?;
        Ok(Self(hmac::Key::new(HMAC_SHA256, &*key)))
    }

    /// The name of a card in a reader, there by this number.
    fn of(&self, reader: &str, visit: u64, card: &CardIdentifier) -> String {
        hex::encode(hmac::sign(&self.0, &named(reader, visit, card)))
    }

    /// Whether it is the name of this card there.
    fn is(&self, name: &str, reader: &str, visit: u64, card: &CardIdentifier) -> bool {
        let name = hex::decode(name).unwrap_or_default();
        hmac::verify(&self.0, &named(reader, visit, card), &name).is_ok()
    }
}

/// What a name is made of. What comes first has one length.
fn named(reader: &str, visit: u64, card: &CardIdentifier) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([&visit.to_be_bytes()[..], card.as_bytes(), reader.as_bytes()].concat())
}

impl Inner {
    /// A name of the card in a reader, for as long as it stays there.
    pub(super) fn card_name(&self, reader: &str, card: &Card<'_>) -> String {
        self.card_names.of(reader, self.visit(reader), card.identifier())
    }

    /// Whether the card in a reader is the one of this name, and has stayed there since.
    pub(super) fn is_card(&self, name: &str, reader: &str, card: &Card<'_>) -> bool {
        self.card_names.is(name, reader, self.visit(reader), card.identifier())
    }

    /// The number of the card in a reader; one that was pulled, which nothing can be done with, has none.
    fn visit(&self, reader: &str) -> u64 {
        self.parts.readers.visit(reader).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SystemRandom;

    #[test]
    fn a_name_is_one_cards_in_one_reader_until_it_leaves() {
        let names = || CardNames::new(&SystemRandom::default()).unwrap();
        let card = |last: u8| {
            let mut bytes = *b"\x44\x01\x00\xD1\x56\x00\x00\x05\x30\x00\x00\x03\xFF\xFF\xFF\xFF";
            bytes[11] = last;
            CardIdentifier::parse(&bytes).unwrap()
        };
        let ours = names();
        let name = ours.of("R", 1, &card(3));
        assert!(ours.is(&name, "R", 1, &card(3)));
        for (reader, visit, card) in [("R", 1, card(4)), ("R", 2, card(3)), ("S", 1, card(3))] {
            assert!(!ours.is(&name, reader, visit, &card), "{reader} {visit} {card:?}");
        }
        assert!(!names().is(&name, "R", 1, &card(3)), "of another process");
        assert!(["", "R", &name[2..]].iter().all(|other| !ours.is(other, "R", 1, &card(3))));
    }
}
