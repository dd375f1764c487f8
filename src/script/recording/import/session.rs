//! From what the logs say to a session as this program would have had it: one card, its PSAM, the randoms, the resets.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::super::{Channel, Event, Opening, Recording, Turn, redact};
use super::log::{Log, Said};
use super::{Choice, ImportError};
use crate::apdu::{Command, ins};
use crate::failure::Diagnostic;
use crate::reader::{Interface, Protocol, grants};
use crate::script::RecordError;

/// The application of a PSAM (card-facts §4.3).
const PSAM_APPLICATION: &[u8] = &[0xD1, 0x56, 0x00, 0x00, 0x05, 0x90];

/// The recording of the session in these logs.
pub(super) fn recording(logs: Vec<Log>, choice: &Choice, file: &str) -> Result<Recording, ImportError> {
    let clock = choice.clock.or_else(|| logs.iter().find_map(|log| log.clock)).unwrap_or(choice.now);
    // To its second, as a recording's clock stands.
    let clock = Timestamp::from_second(clock.as_second()).unwrap_or(clock);
    let seats: Vec<Seat> = logs.into_iter().flat_map(seats).filter(Seat::is_used).collect();
    let (psams, cards): (Vec<_>, Vec<_>) = seats.into_iter().partition(|seat| match (&choice.card, &choice.psam) {
        (Some(card), _) if seat.reader.starts_with(card.as_str()) => false,
        (_, Some(psam)) => seat.reader.starts_with(psam.as_str()),
        _ => seat.is_psam(),
    });
    let cards = match &choice.card {
        Some(name) => cards.into_iter().filter(|seat| seat.reader.starts_with(name.as_str())).collect(),
        None => cards,
    };
    let card = only(cards, "the holder's card, whose reader --reader names")?.ok_or(RecordError::NoCard)?;
    let psam = only(psams, "the PSAM, whose reader --psam-reader names")?;

    let together = psam.as_ref().is_some_and(|psam| psam.file == card.file);
    let (opening, mut events) = card.session(Channel::Card)?;
    let (psam, psam_events) = psam.map(|seat| seat.session(Channel::Psam)).transpose()?.unzip();
    events.extend(psam_events.into_iter().flatten());
    // Each card keeps its own order, which is all that a replay asks.
    if together {
        events.sort_by_key(|(line, _)| *line);
    }
    let events = with_randoms(events.into_iter().map(|(_, event)| event));
    let (card, events) = redact::session(&opening, &events)?;
    Ok(Recording::of(file, clock, card, psam, events)?)
}

/// One card of one log, and what happened to it, each with its line.
struct Seat {
    file: String,
    reader: String,
    opening: Option<Opening>,
    said: Vec<(usize, Said)>,
}

fn seats(log: Log) -> Vec<Seat> {
    let Log { file, cards, said, .. } = log;
    let mut seats: Vec<Seat> = cards
        .into_iter()
        .map(|card| {
            let opening = card.atr.map(|atr| Opening {
                reader: card.reader.clone(),
                protocol: card.protocol.unwrap_or(Protocol::T0),
                interface: card.interface.unwrap_or(match atr.is_contactless_form() {
                    true => Interface::Contactless,
                    false => Interface::Contact,
                }),
                atr,
            });
            Seat { file: file.clone(), reader: card.reader, opening, said: Vec::new() }
        })
        .collect();
    for (line, card, what) in said {
        seats[card].said.push((line, what));
    }
    seats
}

/// The only one of several, or none.
fn only(seats: Vec<Seat>, what: &str) -> Result<Option<Seat>, ImportError> {
    let names: Vec<&str> = seats.iter().map(|seat| seat.reader.as_str()).collect();
    let several = format!("several cards may be {what}: {}", names.join(", "));
    match &seats[..] {
        [] | [_] => Ok(seats.into_iter().next()),
        [_, second, ..] => Err(second.wrong(second.said.first().map_or(1, |(line, _)| *line), several)),
    }
}

impl Seat {
    fn turns(&self) -> Vec<&Turn> {
        self.said.iter().filter_map(|(_, said)| if let Said::Turn(turn) = said { Some(turn) } else { None }).collect()
    }

    /// Something was sent to it.
    fn is_used(&self) -> bool {
        self.said.iter().any(|(_, said)| !matches!(said, Said::Reset))
    }

    fn wrong(&self, line: usize, message: String) -> ImportError {
        ImportError::Log(vec![Diagnostic { file: self.file.clone(), line, column: 1, message }])
    }

    /// It was asked what only a PSAM is asked.
    fn is_psam(&self) -> bool {
        self.turns().iter().any(|turn| match turn.sent.as_slice() {
            [0xBF, ..] | [0x80, ins::CIPHER_DATA | 0x70 | 0x72, ..] => true,
            [_, ins::SELECT, 0x04, _, _, name @ ..] => name.starts_with(PSAM_APPLICATION),
            _ => false,
        })
    }

    /// The session with it, each event with the line it is in.
    fn session(self, channel: Channel) -> Result<(Opening, Vec<(usize, Event)>), ImportError> {
        let first = self.said.first().map_or(1, |(line, _)| *line);
        let Some(opening) = self.opening.clone() else {
            return Err(
                self.wrong(first, format!("the log does not say the answer to reset of the card in {}", self.reader))
            );
        };
        if let Some((line, _)) = self.said.iter().find(|(_, said)| matches!(said, Said::Broken)) {
            return Err(self.wrong(*line, "the session broke here: cut the log before it".to_owned()));
        }
        let mut events: Vec<(usize, Event)> = Vec::new();
        // Whether the card gave a right since the last reset, and before it.
        let (mut rights, mut before) = (false, false);
        for (line, said) in self.said {
            let last_is_turn = matches!(events.last(), Some((_, Event::Turn(..))));
            match said {
                Said::Turn(turn) => {
                    let turn = as_on_the_wire(turn, opening.protocol);
                    let done = turn.answer.ends_with(&[0x90, 0x00]);
                    rights |= done && turn.sent.get(1).is_some_and(|ins| grants(*ins));
                    events.push((line, Event::Turn(channel, turn)));
                }
                Said::Reset if last_is_turn => {
                    events.push((line, Event::Reset(channel)));
                    before = std::mem::take(&mut rights);
                }
                // Before the first command, or once more.
                Said::Reset | Said::Broken => {}
            }
        }
        // A lease ends with a reset where the card gave a right, and only there.
        match events.last() {
            Some((_, Event::Reset(_))) if !before => drop(events.pop()),
            Some((line, Event::Turn(..))) if rights => events.push((*line, Event::Reset(channel))),
            _ => {}
        }
        Ok((opening, events))
    }
}

/// T=0 sends no Le behind data: a program that adds one has it taken off on the way.
fn as_on_the_wire(turn: Turn, protocol: Protocol) -> Turn {
    match Command::parse(&turn.sent) {
        Ok(command) if protocol == Protocol::T0 => Turn { sent: command.to_tpdu(), answer: turn.answer },
        _ => turn,
    }
}

/// The session with the randoms that the program must have taken: both of each internal authentication and the original
/// of each external one (card-facts §3). Drivers of an HSM take them from elsewhere; a replay takes them from here.
fn with_randoms(events: impl Iterator<Item = Event>) -> Vec<Event> {
    let mut found = Vec::new();
    for event in events {
        if let Event::Turn(Channel::Card, turn) = &event
            && let Ok(command) = Command::parse(&turn.sent)
        {
            let halves =
                command.data().chunks_exact(8).take(2).map(|half| Event::Random(Zeroizing::new(half.to_vec())));
            match command.ins() {
                ins::INTERNAL_AUTHENTICATE => found.extend(halves),
                ins::EXTERNAL_AUTHENTICATE => found.extend(halves.skip(1)),
                _ => {}
            }
        }
        found.push(event);
    }
    found
}
