//! Exit codes.

use std::process::ExitCode;

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

/// The second part of a code `E-ROOM-WHAT`, and what it says about the exit.
const BY_ROOM: &[(&str, Exit)] = &[
    ("CARD", Exit::Card),
    ("READER", Exit::Card),
    ("KEYS", Exit::Card),
    ("REPLAY", Exit::Card),
    ("CIPHER", Exit::Refused),
    ("RULES", Exit::Configuration),
    ("SCRIPT", Exit::Configuration),
    ("CFG", Exit::Configuration),
    ("VCARD", Exit::Configuration),
    ("UPLINK", Exit::Upstream),
    ("QUEUE", Exit::Storage),
    ("STORE", Exit::Storage),
    ("SCN", Exit::Usage),
    ("TERM", Exit::Refused),
    ("SHIFT", Exit::Refused),
    ("RECON", Exit::Refused),
];

impl Exit {
    /// The exit for a failure's code; [`Exit::Failed`] for a room that has none of its own.
    pub fn for_code(code: &str) -> Self {
        let exact = match code {
            "E-CLI-NO-DAEMON" | "E-CLI-NOT-LET-IN" | "E-CLI-DAEMON-SILENT" | "E-CLI-DAEMON-ANSWER" | "E-API-PEER" => {
                Some(Self::Daemon)
            }
            "E-CLI-USAGE"
            | "E-CLI-FILE"
            | "E-CLI-EXISTS"
            | "E-CLI-VALUE-ARGUMENT"
            | "E-CLI-JSON"
            | "E-CLI-NO-INPUT"
            | "E-CLI-SIGNING-KEY"
            | "E-API-NO-TRANSACTION"
            | "E-RULES-INPUT"
            | "E-SCRIPT-VALUE"
            | "E-SCRIPT-NO-FLOW"
            | "E-SCRIPT-RECORD-SOFT"
            | "E-TERM-OPERATOR"
            | "E-TERM-KEY-FORM"
            | "E-TERM-UNDO-UNKNOWN"
            | "E-TERM-UNDO-FORM"
            | "E-TERM-UNDO-REASON"
            | "E-SHIFT-UNKNOWN"
            | "E-RECON-DATE"
            | "E-RECON-UNKNOWN"
            | "E-RECON-REMARK"
            | "E-CARD-UNKNOWN-ITEM"
            | "E-CARD-NEW-VALUE"
            | "E-CARD-PIN-FORM"
            | "E-CARD-PAD-LENGTH"
            | "E-CARD-PINS-DIFFER" => Some(Self::Usage),
            "E-STORE-BLACKLIST-FILE"
            | "E-STORE-CATALOGUE-FILE"
            | "E-TERM-CATALOGUE-CODE"
            | "E-TERM-CATALOGUE-OTHERWISE" => Some(Self::Usage),
            "E-STORE-BLACKLIST-BUSY" | "E-STORE-CATALOGUE-BUSY" => Some(Self::Failed),
            "E-STORE-BLACKLIST-FORM"
            | "E-STORE-BLACKLIST-SIGNATURE"
            | "E-STORE-BLACKLIST-OLDER"
            | "E-STORE-CATALOGUE-FORM"
            | "E-STORE-CATALOGUE-SIGNATURE"
            | "E-STORE-CATALOGUE-OLDER"
            | "E-CLI-PACK"
            | "E-CLI-SIGNATURE"
            | "E-CLI-CENTER"
            | "E-CLI-ENROL"
            | "E-CLI-NO-JOURNAL"
            | "E-API-LISTEN"
            | "E-API-IN-USE"
            | "E-API-TOKEN-FILE"
            | "E-TERM-SETUP"
            | "E-TERM-POLICY"
            | "E-SCN-DEFINITION"
            | "E-UPLINK-SETTING" => Some(Self::Configuration),
            "E-TERM-UPLINK-AWAY" => Some(Self::Upstream),
            "E-UPLINK-REFUSED"
            | "E-RULES-NOT-COVERED"
            | "E-RULES-NO-CANCELLATION"
            | "E-CLI-NOT-CONFIRMED"
            | "E-CLI-NOTHING-HAPPENS"
            | "E-CLI-INTERRUPTED"
            | "E-CLI-NOT-DONE" => Some(Self::Refused),
            "E-SCRIPT-STATUS"
            | "E-SCRIPT-DATA"
            | "E-SCRIPT-NOT-RECORDED"
            | "E-TERM-NO-READER"
            | "E-TERM-WHICH-READER"
            | "E-TERM-BUSY"
            | "E-TERM-KEYS-BUSY"
            | "E-TERM-NO-CARD"
            | "E-TERM-CARD-REMOVED"
            | "E-TERM-CARD-EXPIRED"
            | "E-TERM-CARD-NOT-YET"
            | "E-TERM-CARD-CLOCK"
            | "E-TERM-CARD-BLANK"
            | "E-TERM-CARD-SERVICE-AWAY"
            | "E-TERM-KEYS-AWAY" => Some(Self::Card),
            "E-TERM-STORAGE" | "E-CARD-WRITES-UNKNOWN" => Some(Self::Storage),
            "E-TERM-DEFECT" | "E-TERM-UNSURE" => Some(Self::Failed),
            centre if centre.starts_with("C-") => Some(Self::Refused),
            _ => None,
        };
        let room = code.split('-').nth(1).unwrap_or_default();
        let by_room = || BY_ROOM.iter().find(|(name, _)| *name == room).map(|(_, exit)| *exit);
        exact.or_else(by_room).unwrap_or(Self::Failed)
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
        assert_eq!(Exit::for_code("E-CARD-ABSENT"), Exit::Card);
        assert_eq!(Exit::for_code("E-CLI-NO-DAEMON"), Exit::Daemon);
        assert_eq!(Exit::for_code("E-TERM-SETUP"), Exit::Configuration);
        assert_eq!(Exit::for_code("E-TERM-NO-CARD"), Exit::for_code("E-READER-NO-CARD"), "asked of the daemon or not");
        assert_eq!(Exit::for_code("E-TERM-DEFECT"), Exit::Failed);
        assert_eq!(Exit::for_code("C-ORDER-PAID"), Exit::for_code("E-UPLINK-REFUSED"), "known to the terminal or not");
        assert_eq!(Exit::for_code("C-ORDER-PAID"), Exit::Refused);
        assert_eq!(Exit::for_code("E-NOBODY-KNOWS"), Exit::Failed);
        assert_eq!(Exit::for_code(""), Exit::Failed);
    }
}
