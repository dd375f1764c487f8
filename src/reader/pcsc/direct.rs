//! The readers without a monitor, for one command that runs and ends.

use std::time::{Duration, Instant};

use pcsc::{Context, State};

use super::connection::{Connection, SHARING_PATIENCE, establish};
use crate::reader::{Lease, ReaderState, RoleRule, Transport, TransportError, manner_by_rule};

/// The readers as they are now; their roles are not asked.
///
/// # Errors
/// When the service is away.
pub fn list_direct() -> Result<Vec<ReaderState>, TransportError> {
    list_in(&establish()?)
}

fn list_in(context: &Context) -> Result<Vec<ReaderState>, TransportError> {
    let away = |_| TransportError::ServiceAway;
    let names = context.list_readers_owned().map_err(away)?;
    let mut states: Vec<_> = names.into_iter().map(|name| pcsc::ReaderState::new(name, State::UNAWARE)).collect();
    look(context, &mut states)?;
    Ok(states.iter().map(seen).collect())
}

fn look(context: &Context, states: &mut [pcsc::ReaderState]) -> Result<(), TransportError> {
    // PC/SC takes an empty list for a mistake.
    if states.is_empty() {
        return Ok(());
    }
    context.get_status_change(Duration::ZERO, states).map_err(|_| TransportError::ServiceAway)
}

fn seen(reader: &pcsc::ReaderState) -> ReaderState {
    let state = reader.event_state();
    ReaderState {
        name: reader.name().to_string_lossy().into_owned(),
        role: None,
        card: state.contains(State::PRESENT),
        busy: state.contains(State::EXCLUSIVE),
    }
}

/// A lease on the card in `reader` for `within`, counted from now: its name or an unambiguous beginning of it; without
/// one, the only reader that has a card.
///
/// # Errors
/// No service, no such reader, more than one, no card, or another program has it.
pub fn open_direct(reader: Option<&str>, within: Duration) -> Result<Lease, TransportError> {
    open_direct_by(&[], reader, within)
}

/// As [`open_direct`], with what these rules say of how the reader is used.
///
/// # Errors
/// As [`open_direct`].
pub fn open_direct_by(rules: &[RoleRule], reader: Option<&str>, within: Duration) -> Result<Lease, TransportError> {
    let (name, transport) = transport_direct_by(rules, reader)?;
    Ok(Lease::new(name, transport, Instant::now() + within))
}

/// The bare way to the card in `reader`, chosen as by [`open_direct`], and the reader's whole name.
///
/// # Errors
/// As [`open_direct`].
pub fn transport_direct(reader: Option<&str>) -> Result<(String, Box<dyn Transport>), TransportError> {
    transport_direct_by(&[], reader)
}

/// As [`transport_direct`], with what these rules say of how the reader is used.
///
/// # Errors
/// As [`open_direct`].
pub fn transport_direct_by(
    rules: &[RoleRule],
    reader: Option<&str>,
) -> Result<(String, Box<dyn Transport>), TransportError> {
    let context = establish()?;
    let name = choose(&list_in(&context)?, reader)?;
    let connection = Connection::open_in(context, &name, manner_by_rule(rules, &name), SHARING_PATIENCE)?;
    Ok((name, Box::new(connection)))
}

/// The reader that is meant: by its name or an unambiguous beginning of it; without one, the only one that has a card.
///
/// # Errors
/// No such reader, more than one, no card.
pub fn choose(readers: &[ReaderState], wanted: Option<&str>) -> Result<String, TransportError> {
    let fits = |reader: &&ReaderState| wanted.map_or(reader.card, |name| reader.name.starts_with(name));
    if let Some(exact) = readers.iter().find(|reader| Some(reader.name.as_str()) == wanted) {
        return Ok(exact.name.clone());
    }
    let names: Vec<String> = readers.iter().filter(fits).map(|reader| reader.name.clone()).collect();
    match <[String; 1]>::try_from(names) {
        Ok([one]) => Ok(one),
        Err(names) if !names.is_empty() => Err(TransportError::Ambiguous(names)),
        Err(_) => Err(match (wanted, readers.first()) {
            (Some(name), _) => TransportError::NoReader(name.to_owned()),
            (None, Some(reader)) => TransportError::NoCard(reader.name.clone()),
            (None, None) => TransportError::NoReader("*".to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(name: &str, card: bool) -> ReaderState {
        ReaderState { name: name.to_owned(), role: None, card, busy: false }
    }

    #[test]
    fn a_reader_is_chosen_by_name_beginning_or_card() {
        let readers = [reader("ACME 00", false), reader("ACME 00 01", true), reader("Other", false)];
        assert_eq!(choose(&readers, Some("ACME 00")).unwrap(), "ACME 00", "a whole name is no beginning");
        assert_eq!(choose(&readers, Some("Oth")).unwrap(), "Other");
        assert_eq!(choose(&readers, None).unwrap(), "ACME 00 01");
        let both = vec!["ACME 00".to_owned(), "ACME 00 01".to_owned()];
        assert_eq!(choose(&readers, Some("ACME")), Err(TransportError::Ambiguous(both)));
        assert_eq!(choose(&readers, Some("acme")), Err(TransportError::NoReader("acme".to_owned())));
        assert_eq!(choose(&readers[..1], None), Err(TransportError::NoCard("ACME 00".to_owned())));
        assert_eq!(choose(&[], None), Err(TransportError::NoReader("*".to_owned())));
    }
}
