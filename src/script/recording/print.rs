//! A recording as text.

use std::fmt::{self, Display, Formatter};

use super::{Channel, Event, Opening, Recording, Turn};
use crate::apdu::Command;
use crate::reader::Protocol;

impl Display for Recording {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "# A recorded session. The holder is made up, and no key is in it.")?;
        writeln!(f, "recording\nclock {}", self.clock)?;
        opening(f, Channel::Card, &self.card)?;
        if let Some(psam) = &self.psam {
            opening(f, Channel::Psam, psam)?;
        }
        let mut on = None;
        for (_, event) in &self.events {
            if let Event::Turn(channel, _) | Event::Reset(channel) = event
                && on != Some(*channel)
            {
                writeln!(f, "\non {}", channel.name())?;
                on = Some(*channel);
            }
            match event {
                Event::Random(bytes) => writeln!(f, "random {}", hex::encode_upper(bytes.as_slice()))?,
                Event::Turn(_, turn) => write_turn(f, turn)?,
                Event::Reset(_) => writeln!(f, "reset")?,
            }
        }
        writeln!(f, "\nend")
    }
}

fn opening(f: &mut Formatter<'_>, channel: Channel, opening: &Opening) -> fmt::Result {
    let protocol = match opening.protocol {
        Protocol::T0 => "T0",
        Protocol::T1 => "T1",
    };
    let interface = opening.interface.name();
    let atr = hex::encode_upper(opening.atr.as_bytes());
    writeln!(f, "{} \"{}\" {protocol} {interface} {atr}", channel.name(), opening.reader)
}

fn write_turn(f: &mut Formatter<'_>, turn: &Turn) -> fmt::Result {
    f.write_str(">")?;
    match Command::parse(&turn.sent) {
        Ok(command) => {
            let header = [command.cla(), command.ins(), command.p1(), command.p2()];
            write!(f, " {}", hex::encode_upper(header))?;
            if !command.data().is_empty() {
                write!(f, " [{}]", hex::encode_upper(command.data()))?;
            }
            if let Some(le) = command.le() {
                write!(f, " {le:02X}")?;
            }
        }
        // Nothing else is recorded.
        Err(_) => return Err(fmt::Error),
    }
    let (data, status) = turn.answer.split_at(turn.answer.len().saturating_sub(2));
    let apart = if data.is_empty() { "" } else { " " };
    writeln!(f, "\n< {}{apart}{}", hex::encode_upper(data), hex::encode_upper(status))
}
