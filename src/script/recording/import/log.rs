//! What a log says, whichever program kept it.

use std::borrow::Cow;

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::super::Turn;
use crate::reader::{Atr, Interface, Protocol};

/// A line of a log and what is wrong with it. Never a byte of what was sent.
pub(super) type Wrong = (usize, String);

/// One log.
#[derive(Default)]
pub(super) struct Log {
    pub(super) file: String,
    /// When it was made, where it says so.
    pub(super) clock: Option<Timestamp>,
    pub(super) cards: Vec<Card>,
    /// What happened, each with its line and the card it happened to.
    pub(super) said: Vec<(usize, usize, Said)>,
}

/// A card as far as the log says.
pub(super) struct Card {
    pub(super) reader: String,
    pub(super) protocol: Option<Protocol>,
    /// Where the log says so; else the answer to reset does.
    pub(super) interface: Option<Interface>,
    pub(super) atr: Option<Atr>,
}

/// What happened to a card.
pub(super) enum Said {
    Turn(Turn),
    Reset,
    /// A command that brought no answer.
    Broken,
}

impl Log {
    /// The card in `reader`.
    pub(super) fn card(&mut self, reader: &str) -> usize {
        // A name is quoted in a recording.
        let reader = reader.replace(['"', '\n', '\r'], " ");
        if let Some(at) = self.cards.iter().position(|card| card.reader == reader) {
            return at;
        }
        self.cards.push(Card { reader, protocol: None, interface: None, atr: None });
        self.cards.len() - 1
    }

    /// The answer to reset of a card.
    ///
    /// # Errors
    /// It is none, or the one of another card than the one that was spoken to.
    pub(super) fn atr(&mut self, line: usize, card: usize, bytes: &[u8]) -> Result<(), Wrong> {
        let atr = Atr::parse(bytes).map_err(|error| (line, error.to_string()))?;
        let spoken = self.said.iter().any(|(_, to, said)| *to == card && matches!(said, Said::Turn(_)));
        let place = &mut self.cards[card].atr;
        match place {
            Some(other) if spoken && *other != atr => Err((
                line,
                "another card comes into this reader: a recording is of one, so cut the log here".to_owned(),
            )),
            _ => {
                *place = Some(atr);
                Ok(())
            }
        }
    }

    pub(super) fn turn(&mut self, line: usize, card: usize, sent: Zeroizing<Vec<u8>>, answer: Zeroizing<Vec<u8>>) {
        self.said.push((line, card, Said::Turn(Turn { sent, answer })));
    }
}

/// A line without the colours that a terminal is told.
pub(super) fn plain(line: &str) -> Cow<'_, str> {
    const ESCAPE: char = '\x1b';
    if !line.contains(ESCAPE) {
        return line.into();
    }
    let mut parts = line.split(ESCAPE);
    let first = parts.next().unwrap_or_default();
    // Each is `[01;31m` and what follows.
    let rest = parts.map(|part| part.split_once('m').map_or("", |(_, text)| text));
    std::iter::once(first).chain(rest).collect::<String>().into()
}

/// Bytes of pairs of hex digits, spaces between them or not.
pub(super) fn bytes(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    from_words(text.split_whitespace())
}

/// The same of words that are one after the other.
pub(super) fn from_words<'w>(words: impl Iterator<Item = &'w str> + Clone) -> Option<Zeroizing<Vec<u8>>> {
    // Growing would leave a copy behind that nobody wipes.
    let mut digits = Zeroizing::new(String::with_capacity(words.clone().map(str::len).sum()));
    words.for_each(|word| digits.push_str(word));
    hex::decode(digits.as_bytes()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(plain("\x1b[34mSCardConnect\x1b[0m"), "SCardConnect");
        assert_eq!(plain("    \x1b[01;31m => \x1b[0m [0.1]"), "     =>  [0.1]");
        assert_eq!(plain("a\x1b["), "a");
    }

    #[test]
    fn a_card_changed_in_the_middle_is_told() {
        let mut log = Log::default();
        let card = log.card("a \"b\"");
        assert_eq!((card, log.card("a  b "), log.cards[0].reader.as_str()), (0, 0, "a  b "));
        log.atr(1, card, &[0x3B, 0x00]).unwrap();
        log.atr(2, card, &[0x3B, 0x01, 0x02]).unwrap();
        log.turn(3, card, Zeroizing::default(), Zeroizing::default());
        log.atr(4, card, &[0x3B, 0x01, 0x02]).unwrap();
        assert_eq!(log.atr(5, card, &[0x3B, 0x00]).unwrap_err().0, 5);
        assert_eq!(log.atr(6, card, &[0x00]).unwrap_err().0, 6);
    }
}
