//! Exit codes.

use std::process::ExitCode;

use super::failures;
use crate::failure::Class;

/// What the exit code says. Codes never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Failed, and none of the others fits.
    Failed = 1,
    /// The command line or an input file is not what it should be.
    Usage = 2,
    /// The card, a reader, a PSAM or its keys.
    Card = 3,
    /// The rules or the centre refused, or a case ended without being done.
    Refused = 4,
    /// The centre cannot be reached.
    Upstream = 5,
    /// Disk or database.
    Storage = 6,
    /// The configuration, a policy pack or a script has a mistake.
    Configuration = 7,
    /// The daemon does not answer.
    Daemon = 8,
}

/// Codes of this program's own rooms say it by their class.
impl From<Class> for Exit {
    fn from(class: Class) -> Self {
        match class {
            Class::Usage | Class::Unknown => Self::Usage,
            Class::Refused => Self::Refused,
            Class::Card => Self::Card,
            Class::Storage => Self::Storage,
            Class::Setup => Self::Configuration,
            Class::Centre => Self::Upstream,
            Class::Daemon => Self::Daemon,
            Class::NotNow | Class::Request | Class::Unsure | Class::Defect => Self::Failed,
        }
    }
}

impl Exit {
    /// The exit for a failure's code, as a daemon tells it; [`Exit::Failed`] for one that is not known here.
    pub fn for_code(code: &str) -> Self {
        match failures().iter().flat_map(|(_, entries)| *entries).find(|entry| entry.code == code) {
            Some(entry) => entry.class.into(),
            // The centre has its own, and may have more of them.
            None if code.starts_with("C-") => Self::Refused,
            None => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fall_into_their_kinds() {
        assert_eq!(Exit::for_code("E-CARD-BLOCKED"), Exit::Card);
        assert_eq!(Exit::for_code("E-CLI-NO-DAEMON"), Exit::Daemon);
        assert_eq!(Exit::for_code("E-TERM-SETUP"), Exit::Configuration);
        assert_eq!(Exit::for_code("E-TERM-NO-CARD"), Exit::for_code("E-READER-NO-CARD"), "asked of the daemon or not");
        assert_eq!(Exit::for_code("E-TERM-DEFECT"), Exit::Failed);
        assert_eq!(Exit::for_code("C-ORDER-PAID"), Exit::for_code("E-UPLINK-REFUSED"), "known to the terminal or not");
        assert_eq!([Exit::for_code("C-ORDER-PAID"), Exit::for_code("C-OF-ANOTHER-YEAR")], [Exit::Refused; 2]);
        assert_eq!(Exit::for_code("E-NOBODY-KNOWS"), Exit::Failed);
        assert_eq!(Exit::for_code(""), Exit::Failed);
    }
}
