//! Where on the card a command is: the directory that was selected last, and the file.

use crate::apdu::Command;

/// A directory, as far as redaction asks (card-facts §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directory {
    /// The social security environment, also before anything is selected.
    Environment,
    /// DFnn below it.
    Area(u8),
    /// The bank application or its environment.
    Bank,
    /// Anything else.
    Other,
}

/// A directory and a file in it; file 0 where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) directory: Directory,
    pub(super) file: u8,
}

impl Place {
    /// Where a session begins.
    pub(super) const START: Self = Self { directory: Directory::Environment, file: 0 };

    /// Where the card is after a SELECT that it accepted.
    pub(super) fn after(self, select: &Command) -> Self {
        let at = |directory| Self { directory, file: 0 };
        match (select.p1(), select.data()) {
            (0x04, name) => at(named(name)),
            (_, [] | [0x3F, 0x00] | [0xDD, 0xF1]) => at(Directory::Environment),
            (_, [0xDF, number]) => at(Directory::Area(*number)),
            // An EF's identifier ends in its number.
            (_, [_, number]) => Self { file: number & 0x1F, ..self },
            _ => at(Directory::Other),
        }
    }

    /// The place of a command that may name a file by its short identifier.
    pub(super) fn of(self, short: u8) -> Self {
        if short == 0 { self } else { Self { file: short, ..self } }
    }
}

fn named(name: &[u8]) -> Directory {
    /// `sx1.sh.社会保障`, without the number that is another on a PSAM.
    const ENVIRONMENT: &[u8] = b"sx1.sh.";
    match name {
        _ if name.starts_with(ENVIRONMENT) => Directory::Environment,
        [0xD1, 0x56, 0x00, 0x00, 0x05, application, ..] => Directory::Area(match application {
            // DF01 to DF04, then DF07; what is local has its own number.
            0..=3 => application + 1,
            4 => 7,
            other => *other,
        }),
        [0xA0, 0x00, 0x00, 0x03, 0x33, ..] => Directory::Bank,
        _ if name.ends_with(b"PAY.SYS.DDF01") => Directory::Bank,
        _ => Directory::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(command: &str) -> Place {
        Place { directory: Directory::Other, file: 9 }.after(&Command::parse(&hex::decode(command).unwrap()).unwrap())
    }

    #[test]
    fn names_and_identifiers_lead_to_the_same_places() {
        let at = |directory, file| Place { directory, file };
        for (command, place) in [
            ("00A404000F7378312E73682EC9E7BBE1B1A3D5CF", at(Directory::Environment, 0)),
            ("00A4000000", at(Directory::Environment, 0)),
            ("00A40000023F00", at(Directory::Environment, 0)),
            ("00A4000002DDF1", at(Directory::Environment, 0)),
            ("00A4040006D15600000503", at(Directory::Area(4), 0)),
            ("00A4040006D15600000504", at(Directory::Area(7), 0)),
            ("00A4010002DF03", at(Directory::Area(3), 0)),
            ("00A4040008A000000333010101", at(Directory::Bank, 0)),
            ("00A404000E315041592E5359532E4444463031", at(Directory::Bank, 0)),
            ("00A4040002504B", at(Directory::Other, 0)),
            ("00A4020002EF06", at(Directory::Other, 6)),
            ("00A40200020016", at(Directory::Other, 0x16)),
        ] {
            assert_eq!(after(command), place, "{command}");
        }
        assert_eq!(Place::START.of(0x15), at(Directory::Environment, 0x15));
        assert_eq!(at(Directory::Area(2), 7).of(0), at(Directory::Area(2), 7));
    }
}
