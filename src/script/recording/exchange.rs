//! The commands of a session, each with the whole of its answer and the place it was sent to.

use zeroize::Zeroizing;

use super::place::Place;
use super::rules::{Rule, rule};
use super::{Channel, Event, Turn};
use crate::apdu::{Command, ins};
use crate::script::RecordError;

/// A command with the whole of its answer, which T=0 may have brought in pieces.
pub(super) struct Exchange {
    /// The events it is made of: the command, then each GET RESPONSE.
    pub(super) events: Vec<usize>,
    pub(super) rule: Rule,
    /// Where on the card it is; of no meaning for a PSAM.
    pub(super) place: Place,
    pub(super) command: Command,
    pub(super) data: Zeroizing<Vec<u8>>,
    /// The status word that came last.
    pub(super) status: u16,
}

impl Exchange {
    /// The command's data without the MAC of secure messaging (card-facts §3.2).
    pub(super) fn body(&self) -> &[u8] {
        let data = self.command.data();
        let mac = if self.command.cla() & 0x0F == 0x04 { MAC } else { 0 };
        &data[..data.len().saturating_sub(mac)]
    }

    /// The card did what it was told.
    pub(super) fn done(&self) -> bool {
        self.status == 0x9000
    }

    /// Puts the command's data, of the same length, into the session.
    pub(super) fn put_sent(&self, events: &mut [Event], data: &[u8]) {
        if let Some(Event::Turn(_, turn)) = self.events.first().map(|at| &mut events[*at]) {
            // Header and Lc stand before it; a command without data may have no more than its header.
            if let Some(place) = turn.sent.get_mut(HEADER..HEADER + data.len()) {
                place.copy_from_slice(data);
            }
        }
    }

    /// Puts the answer, of the same length, back into the pieces it came in.
    pub(super) fn put_back(&self, events: &mut [Event], data: &[u8]) {
        let mut rest = data;
        for at in &self.events {
            if let Event::Turn(_, turn) = &mut events[*at] {
                let length = turn.data().len();
                let (here, after) = rest.split_at(length);
                turn.answer[..length].copy_from_slice(here);
                rest = after;
            }
        }
    }
}

/// Four bytes of header, and Lc.
pub(super) const HEADER: usize = 5;
const MAC: usize = 4;

/// The session's commands to one channel.
///
/// # Errors
/// A command that has no rule.
pub(super) fn exchanges(events: &[Event], channel: Channel) -> Result<Vec<Exchange>, RecordError> {
    let mut found: Vec<Exchange> = Vec::new();
    let mut place = Place::START;
    for (at, event) in events.iter().enumerate() {
        let turn = match event {
            Event::Turn(on, turn) if *on == channel => turn,
            Event::Reset(on) if *on == channel => {
                place = Place::START;
                continue;
            }
            _ => continue,
        };
        let unknown = RecordError::Command { ins: turn.sent.get(1).copied().unwrap_or_default() };
        let Ok(command) = Command::parse(&turn.sent) else { return Err(unknown) };
        let status = match turn.answer.last_chunk::<2>() {
            Some(status) => u16::from_be_bytes(*status),
            None => return Err(unknown),
        };
        let Some(rule) = rule(channel, command.cla(), command.ins()) else { return Err(unknown) };
        match found.last_mut() {
            Some(exchange) if command.ins() == ins::GET_RESPONSE => {
                exchange.events.push(at);
                // Growing would leave a copy behind that nobody wipes.
                exchange.data = Zeroizing::new([exchange.data.as_slice(), turn.data()].concat());
                exchange.status = status;
            }
            _ => {
                if rule == Rule::Select && matches!(status >> 8, 0x90 | 0x61) {
                    place = place.after(&command);
                }
                let short = match rule {
                    Rule::Records | Rule::WriteRecord => command.p2() >> 3,
                    Rule::Bytes | Rule::WriteBytes if command.p1() & 0xE0 == 0x80 => command.p1() & 0x1F,
                    _ => 0,
                };
                let place = place.of(short);
                let data = Zeroizing::new(turn.data().to_vec());
                found.push(Exchange { events: vec![at], rule, place, command, data, status });
            }
        }
    }
    Ok(found)
}

impl Turn {
    /// The answer without its status word.
    pub(super) fn data(&self) -> &[u8] {
        &self.answer[..self.answer.len().saturating_sub(2)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::recording::place::Directory;

    fn turn(sent: &[u8], answer: &[u8]) -> Event {
        let turn = Turn { sent: Zeroizing::new(sent.to_vec()), answer: Zeroizing::new(answer.to_vec()) };
        Event::Turn(Channel::Card, turn)
    }

    #[test]
    fn an_answer_in_pieces_is_one() {
        let mut events = [
            turn(&[0, 0xB2, 1, 0x2C, 3], &[0x61, 3]),
            Event::Random(Zeroizing::new(vec![1])),
            turn(&[0, 0xC0, 0, 0, 3], &[0x0A, 1, b'2', 0x90, 0]),
        ];
        let found = exchanges(&events, Channel::Card).unwrap();
        assert_eq!((found.len(), &found[0].events[..], found[0].place.file), (1, &[0, 2][..], 5));
        assert_eq!((found[0].data.as_slice(), found[0].done()), ([0x0A, 1, b'2'].as_slice(), true));
        assert!(exchanges(&events, Channel::Psam).unwrap().is_empty());
        found[0].put_back(&mut events, &[7, 8, 9]);
        assert!(events[2] == turn(&[0, 0xC0, 0, 0, 3], &[7, 8, 9, 0x90, 0]));
    }

    #[test]
    fn a_command_is_where_the_last_accepted_select_led() {
        let events = [
            turn(&hex::decode("00A4000002DF04").unwrap(), &[0x6A, 0x82]),
            turn(&[0, 0xB2, 1, 0x2C, 3], &[0x90, 0]),
            turn(&hex::decode("00A4000002DF04").unwrap(), &[0x61, 5]),
            turn(&[0, 0xB2, 1, 0x2C, 3], &[0x90, 0]),
            turn(&[0, 0xB0, 0x88, 0, 3], &[0x90, 0]),
            Event::Reset(Channel::Card),
            turn(&[0, 0xB2, 1, 0x04, 3], &[0x90, 0]),
        ];
        let found = exchanges(&events, Channel::Card).unwrap();
        let places: Vec<_> = found.iter().map(|one| (one.place.directory, one.place.file)).collect();
        let environment = Directory::Environment;
        let area = Directory::Area(4);
        assert_eq!(places, [(environment, 0), (environment, 5), (area, 0), (area, 5), (area, 8), (environment, 0)]);
    }

    #[test]
    fn what_has_no_rule_is_refused_by_its_instruction() {
        for (sent, answer) in
            [(&[0, 0xCA, 0, 0, 0][..], &[0x90, 0][..]), (&[0, 0xA4], &[0x90, 0]), (&[0, 0xB2, 0, 0], &[1])]
        {
            let refused = exchanges(&[turn(sent, answer)], Channel::Card).err();
            assert_eq!(refused, Some(RecordError::Command { ins: sent[1] }));
        }
    }
}
