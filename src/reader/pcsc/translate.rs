//! What each answer of PC/SC means for who holds, or wants, a card.

use pcsc::Error;

use crate::reader::TransportError;

/// An error while a card is wanted: nothing is held yet. A sharing conflict comes without the other program's name,
/// which only the caller knows whether to look for.
pub(super) fn while_opening(error: Error, reader: &str) -> TransportError {
    match error {
        Error::NoSmartcard | Error::RemovedCard => TransportError::NoCard(reader.to_owned()),
        // A card that cannot be powered: the wrong way round, or broken.
        Error::UnpoweredCard => TransportError::Mute,
        error => either(error, reader),
    }
}

/// An error while a card is held.
pub(super) fn while_open(error: Error, reader: &str) -> TransportError {
    match error {
        Error::NoSmartcard | Error::RemovedCard => TransportError::Removed,
        // Without power, what was selected and proven is gone, as after a reset; connecting again powers it.
        Error::UnpoweredCard => TransportError::Reset,
        // The service that gave the handle has been replaced by one that does not know it.
        Error::InvalidHandle => TransportError::ServiceAway,
        error => either(error, reader),
    }
}

fn either(error: Error, reader: &str) -> TransportError {
    match error {
        Error::ResetCard => TransportError::Reset,
        Error::SharingViolation => TransportError::Busy(None),
        Error::UnknownReader | Error::ReaderUnavailable | Error::NoReadersAvailable => {
            TransportError::NoReader(reader.to_owned())
        }
        Error::UnresponsiveCard
        | Error::NotTransacted
        | Error::CommDataLost
        | Error::UnsupportedCard
        | Error::CardUnsupported
        | Error::ProtoMismatch
        | Error::InvalidAtr
        | Error::InsufficientBuffer
        | Error::NotReady => TransportError::Mute,
        error if service_away(error) => TransportError::ServiceAway,
        error => TransportError::Other(error.to_string()),
    }
}

/// Whether the service itself is away, or the connection to it is broken.
pub(super) fn service_away(error: Error) -> bool {
    // NoAccess: polkit does not let this user in; for the terminal that is the same as no service.
    matches!(
        error,
        Error::NoService
            | Error::ServiceStopped
            | Error::CommError
            | Error::InternalError
            | Error::Shutdown
            | Error::ServerTooBusy
            | Error::NoAccess
            | Error::SystemCancelled
            | Error::SecurityViolation
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_to_a_card_and_to_the_service_are_different_errors() {
        let open = |error| while_open(error, "R");
        assert_eq!(open(Error::RemovedCard), TransportError::Removed);
        assert_eq!(open(Error::ResetCard), TransportError::Reset);
        assert_eq!(open(Error::UnpoweredCard), TransportError::Reset);
        assert_eq!(open(Error::SharingViolation), TransportError::Busy(None));
        assert_eq!(open(Error::ReaderUnavailable), TransportError::NoReader("R".to_owned()));
        assert_eq!(open(Error::UnresponsiveCard), TransportError::Mute);
        for away in [Error::NoService, Error::ServiceStopped, Error::CommError, Error::InvalidHandle] {
            assert_eq!(open(away), TransportError::ServiceAway, "{away}");
        }
        assert!(matches!(open(Error::InvalidParameter), TransportError::Other(_)));
    }

    #[test]
    fn before_a_card_is_held_nothing_can_be_lost() {
        let opening = |error| while_opening(error, "R");
        assert_eq!(opening(Error::NoSmartcard), TransportError::NoCard("R".to_owned()));
        assert_eq!(opening(Error::RemovedCard), TransportError::NoCard("R".to_owned()));
        assert_eq!(opening(Error::UnpoweredCard), TransportError::Mute);
        assert_eq!(opening(Error::UnknownReader), TransportError::NoReader("R".to_owned()));
    }
}
