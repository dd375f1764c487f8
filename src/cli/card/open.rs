//! A card that a command opens itself, and the PIN that a person enters for it.

use std::io::{IsTerminal as _, stdin};

use zeroize::Zeroizing;

use super::super::direct::{Settings, Way};
use super::super::{Problem, Shell, errors};
use crate::card::account::{AccountError, Receipt};
use crate::card::{Card, CardError, HolderPin, Journal, Pin};
use crate::failure::Explain;
use crate::reader::{PadAbilities, PinEntry, PinLength};

/// The card as `work` finds it: open, in a lease that ends afterwards.
pub(super) fn with_card<T, E: From<CardError>>(
    way: &Way,
    settings: &Settings,
    work: impl FnOnce(&mut Card<'_>) -> Result<T, E>,
) -> Result<Result<T, E>, Problem> {
    let mut lease = way.card(settings)?;
    let mut keys = way.keys(&lease, settings)?;
    let opened = Card::open(settings.card_parts(&mut lease, keys.as_mut()), &mut |step| {
        tracing::debug!(step = step.name(), "card")
    });
    Ok(opened.map_err(E::from).and_then(|mut card| work(&mut card)))
}

/// The same with a PIN where the card asks for one: it is asked for once the card was given back, since no card waits for
/// a person at a keyboard, and the card is opened anew then: it must be the same one, or another holder's would lose a
/// try. `at_once` asks for it before.
pub(super) fn with_pin<T, E: AsksPin>(
    way: &Way,
    settings: &Settings,
    shell: &Shell,
    at_once: bool,
    mut work: impl FnMut(&mut Card<'_>, Option<HolderPin>) -> Result<T, E>,
) -> Result<T, Problem> {
    let pin = if at_once { Some(holder_pin(way, settings, shell)?) } else { None };
    let mut asked = None;
    let outcome = with_card(way, settings, |card| {
        asked = Some(card.identifier().clone());
        work(card, pin)
    })?;
    let outcome = match (outcome, asked) {
        (Err(error), Some(asked)) if error.asks_pin() && !at_once => {
            let pin = holder_pin(way, settings, shell)?;
            with_card(way, settings, |card| {
                card.must_be(&asked)?;
                work(card, Some(pin))
            })?
        }
        (outcome, _) => outcome,
    };
    outcome.map_err(|error| Problem::from_error(&error))
}

/// Opens card and journal. Nothing is begun whose key cannot be had.
pub(super) fn with_journal<T, E: AsksPin>(
    way: &Way,
    settings: &Settings,
    shell: &Shell,
    at_once: bool,
    work: impl Fn(&mut Card<'_>, &Journal<'_>, &mut Option<HolderPin>) -> Result<T, E>,
) -> Result<T, Problem> {
    let (store, key) = settings.writes()?;
    let journal = Journal::new(store, &key, &settings.random);
    with_pin(way, settings, shell, at_once, |card, mut pin| work(card, &journal, &mut pin))
}

/// Lets go of what the account's journal keeps, once whoever called was told. What was not heard, or cannot be let go of,
/// is told again.
pub(super) fn let_go(settings: &Settings, shell: &Shell, receipts: &[Receipt]) {
    let Ok((store, key)) = settings.writes() else { return };
    let journal = Journal::new(store, &key, &settings.random);
    for receipt in receipts.iter().filter(|_| shell.was_heard()) {
        if let Err(error) = journal.told(*receipt) {
            tracing::warn!(%error, "what was told is told again");
        }
    }
}

/// An error that may say that the PIN was to be verified first.
pub(super) trait AsksPin: From<CardError> + Explain {
    fn asks_pin(&self) -> bool;
}

impl AsksPin for CardError {
    fn asks_pin(&self) -> bool {
        *self == Self::PinNeeded
    }
}

impl AsksPin for AccountError {
    fn asks_pin(&self) -> bool {
        matches!(self, Self::PinNeeded | Self::Card(CardError::PinNeeded))
    }
}

/// What the pad of the holder's reader can do, as far as the configuration lets it be used.
pub(super) fn pad(way: &Way, settings: &Settings) -> Result<PadAbilities, Problem> {
    way.card(settings)?.pad().map_err(|error| Problem::from_error(&error))
}

/// The holder's PIN: typed at the reader's pad once the card asks for it, where there is one; else entered now.
pub(super) fn holder_pin(way: &Way, settings: &Settings, shell: &Shell) -> Result<HolderPin, Problem> {
    if pad(way, settings)?.verify {
        shell.step("请持卡人在密码键盘上输入密码 / the holder enters the PIN at the reader's keypad");
        return Ok(HolderPin::AtPad(PinEntry::of(PinLength::SIX, settings.pin)));
    }
    Ok(ask(PIN)?.into())
}

/// How a person is asked.
const PIN: &str = "密码 / PIN: ";
pub(super) const OLD_PIN: &str = "原密码 / old PIN: ";
const NEW_PIN: &str = "新密码 / new PIN: ";
const AGAIN: &str = "再输一次 / again: ";

/// A PIN from the terminal, where nothing of it is shown, or a line of standard input.
pub(super) fn ask(prompt: &str) -> Result<Pin, Problem> {
    let text = line(prompt)?;
    Pin::parse(&text).map_err(|form| Problem::from_error(&CardError::from(form)))
}

/// A new PIN, entered twice (−34).
pub(super) fn ask_new() -> Result<Pin, Problem> {
    let (first, again) = (ask(NEW_PIN)?, ask(AGAIN)?);
    if first.is(&again) { Ok(first) } else { Err(Problem::from_error(&CardError::PinsDiffer)) }
}

fn line(prompt: &str) -> Result<Zeroizing<String>, Problem> {
    let read = if stdin().is_terminal() {
        rpassword::prompt_password(prompt).map(Zeroizing::new)
    } else {
        // All there is room for at once, so that no copy is left behind.
        let mut line = Zeroizing::new(String::with_capacity(64));
        stdin().read_line(&mut line).map(|_| line)
    };
    let line = read.map_err(|error| Problem::with(&errors::FILE, error.to_string()))?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Notes who saw what is masked otherwise.
pub(super) fn audit(unmask: bool, what: &str, reader: &str) {
    if unmask {
        tracing::info!(target: "audit", reader, "{what} read unmasked");
    }
}

/// The settings of a command that opens the readers itself; nothing else does these yet.
pub(super) fn direct(way: &Way, shell: &Shell) -> Result<Settings, Problem> {
    if way.direct {
        return Settings::of(shell);
    }
    Err(Problem::with(&errors::USAGE, "--direct"))
}
