//! The codes that the library gives by itself, all of the national list; any other comes from the daemon.

/// Why a call did not get as far as the card: the code, and what `pOutInfo` says. Nothing personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Refused {
    pub(crate) fn new(code: i32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// The settings cannot be used.
pub(crate) const LIBRARY: i32 = -5;
/// The daemon does not answer, or not to this user.
pub(crate) const NOT_CONNECTED: i32 = -12;
/// The daemon does not have the function.
pub(crate) const NOT_SUPPORTED: i32 = -13;
/// A parameter is not there.
pub(crate) const PARAMETER: i32 = -14;
/// A parameter is not in the character set.
pub(crate) const ILLEGAL_INPUT: i32 = -23;
/// The holder did not enter the PIN.
pub(crate) const CANCELLED: i32 = -31;
/// Nor in time.
pub(crate) const TIMED_OUT: i32 = -32;
/// What was entered is no PIN.
pub(crate) const PIN_LENGTH: i32 = -33;
/// The new PIN was entered twice, and not the same.
pub(crate) const DIFFER: i32 = -34;
/// The output cannot be written in the character set.
pub(crate) const CHARACTERS: i32 = -41;
/// A parameter, or the output, is longer than it may be.
pub(crate) const LENGTH: i32 = -42;
/// A defect.
pub(crate) const UNKNOWN: i32 = -999;
