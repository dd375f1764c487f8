//! What is done with a card: the daemon does it, which has the readers, or with `--direct` the command itself; and the PIN
//! that a person enters for it.

use std::io::{IsTerminal as _, stdin};

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::super::client::Daemon;
use super::super::direct::{Settings, Way};
use super::super::{Problem, Shell, errors};
use crate::card::account::{AccountError, Receipt};
use crate::card::{Card, CardError, HolderPin, Journal, Pin};
use crate::reader::{PinEntry, PinLength};
use crate::terminal::Asked;
use crate::terminal::holder_card::{
    Ask, CardAnswer, CardCall, CardTask, Desk, Entered, Secret, Typed, asks_pin, is_typed_at,
};

/// Has a task carried out; what it comes to, as JSON.
pub(super) fn carry_out<T: CardTask>(task: &T, way: &Way, shell: &Shell) -> Result<Value, Problem> {
    if way.direct {
        Ok(as_json(&directly(task, way, shell, &Settings::of(shell)?)?))
    } else {
        by_daemon(task, way, shell)
    }
}

/// Has a task carried out, and shows what it comes to. What is kept until somebody was told of it is let go of then; the
/// daemon does so by itself.
pub(super) fn tell<T: CardTask>(
    task: &T,
    way: &Way,
    shell: &Shell,
    text: impl FnOnce(&Value) -> String,
) -> Result<(), Problem> {
    if !way.direct {
        let shown = by_daemon(task, way, shell)?;
        shell.show(&shown, || text(&shown));
        return Ok(());
    }
    let settings = Settings::of(shell)?;
    let done = directly(task, way, shell, &settings)?;
    let shown = as_json(&done);
    shell.show(&shown, || text(&shown));
    let_go(&settings, shell, &T::receipts(&done));
    Ok(())
}

/// What a task comes to is a struct of texts and numbers: it always has a JSON form.
fn as_json(done: &impl Serialize) -> Value {
    serde_json::to_value(done).unwrap_or_default()
}

/// By the daemon. What it asks for is asked of the person, with no card held, and goes with the same call once more.
fn by_daemon<T: CardTask>(task: &T, way: &Way, shell: &Shell) -> Result<Value, Problem> {
    let daemon = Daemon::of(shell)?;
    let reader = way.reader.as_deref().map(|reader| daemon.reader(reader)).transpose()?;
    let mut call = CardCall { task, reader, entered: None };
    let mut answer = daemon.at_card(&call)?;
    if let Some(ask) = answer.ask.take() {
        call.entered = Some(typed(ask, shell)?);
        answer = daemon.at_card(&call)?;
    }
    let CardAnswer { done, ask: _ } = answer;
    done.ok_or_else(|| Problem::from(&errors::DAEMON_ANSWER))
}

/// What the daemon wants to have asked.
fn typed(ask: Ask, shell: &Shell) -> Result<Typed, Problem> {
    let Ask { what, card, pad } = ask;
    if pad {
        shell.step(at_pad(what));
        return Ok(Typed { card, pin: None, new_pin: None });
    }
    let Prompted { pin, new_pin } = prompted(what)?;
    Ok(Typed { card, pin: pin.map(Secret), new_pin: new_pin.map(Secret) })
}

/// By this command. Nothing is begun that could not be kept.
fn directly<T: CardTask>(task: &T, way: &Way, shell: &Shell, settings: &Settings) -> Result<T::Done, Problem> {
    if T::UNDERTAKES {
        settings.writes()?;
    }
    let work = |card: &mut Card<'_>, entered: &mut Entered| task.carry_out(card, settings, entered);
    let done = with_entered(way, settings, shell, task.asks(), work)?;
    done.map_err(|error| Problem::from_error(&error))
}

/// Lets go of what the account's journal keeps, once whoever called was told. What was not heard, or cannot be let go of,
/// is told again.
fn let_go(settings: &Settings, shell: &Shell, receipts: &[Receipt]) {
    let Ok(journal) = settings.journal() else { return };
    for receipt in receipts.iter().filter(|_| shell.was_heard()) {
        if let Err(error) = journal.told(*receipt) {
            tracing::warn!(%error, "what was told is told again");
        }
    }
}

/// Works on the card with what a person enters: `at_once` before it is opened, or the PIN where the card asks for one. That
/// is asked for once the card was given back, since no card waits for a person at a keyboard, and the card is opened anew
/// then: it must be the same one, or another holder's would lose a try.
fn with_entered<T>(
    way: &Way,
    settings: &Settings,
    shell: &Shell,
    at_once: Option<Asked>,
    work: impl Fn(&mut Card<'_>, &mut Entered) -> Result<T, AccountError>,
) -> Result<Result<T, AccountError>, Problem> {
    let enter = |what| entered(what, way, settings, shell);
    let mut entered = at_once.map_or_else(|| Ok(Entered::default()), enter)?;
    let mut asked = None;
    let outcome = with_card(way, settings, |card| {
        asked = Some(card.identifier().clone());
        work(card, &mut entered)
    })?;
    match (outcome, asked) {
        (Err(error), Some(asked)) if asks_pin(&error) && at_once.is_none() => {
            let mut entered = enter(Asked::Pin)?;
            with_card(way, settings, |card| {
                card.must_be(&asked)?;
                work(card, &mut entered)
            })
        }
        (outcome, _) => Ok(outcome),
    }
}

/// The card as `work` finds it: open, in a lease that ends afterwards.
fn with_card<T>(
    way: &Way,
    settings: &Settings,
    work: impl FnOnce(&mut Card<'_>) -> Result<T, AccountError>,
) -> Result<Result<T, AccountError>, Problem> {
    let mut lease = way.card(settings)?;
    let mut keys = way.keys(&lease, settings)?;
    let opened = Card::open(settings.card_parts(&mut lease, keys.as_mut()), &mut |step| {
        tracing::debug!(step = step.name(), "card")
    });
    Ok(opened.map_err(AccountError::from).and_then(|mut card| work(&mut card)))
}

impl Desk for Settings {
    fn journal(&self) -> Result<Journal<'_>, CardError> {
        let (store, key) = self.writes().map_err(|why| CardError::WritesUnknown(why.detail().to_owned()))?;
        Ok(Journal::new(store, &key, &self.random))
    }

    fn patience(&self) -> std::time::Duration {
        self.pin
    }
}

/// What a task asks for: typed at the reader's pad once the card asks for it, where there is one; else entered now.
fn entered(what: Asked, way: &Way, settings: &Settings, shell: &Shell) -> Result<Entered, Problem> {
    let pad = way.card(settings)?.pad().map_err(|error| Problem::from_error(&error))?;
    if is_typed_at(pad, what) {
        shell.step(at_pad(what));
        let entry = PinEntry::of(PinLength::SIX, settings.pin);
        return Ok(Entered { pin: Some(HolderPin::AtPad(entry)), new_pin: None });
    }
    let Prompted { pin, new_pin } = prompted(what)?;
    let parse = |text: Option<Zeroizing<String>>| text.map(|text| parsed(&text)).transpose();
    Ok(Entered { pin: parse(pin)?.map(HolderPin::from), new_pin: parse(new_pin)? })
}

/// What the holder is told to do at the pad.
fn at_pad(what: Asked) -> &'static str {
    match what {
        Asked::Change => {
            "请持卡人在密码键盘上输入原密码，再输入两次新密码 / the holder enters the old PIN at the reader's keypad, then \
             the new one twice"
        }
        Asked::Pin | Asked::New => "请持卡人在密码键盘上输入密码 / the holder enters the PIN at the reader's keypad",
    }
}

/// How a person is asked.
const PIN: &str = "密码 / PIN: ";
const OLD_PIN: &str = "原密码 / old PIN: ";
const NEW_PIN: &str = "新密码 / new PIN: ";
const AGAIN: &str = "再输一次 / again: ";

/// PINs as a person entered them, each with the form of one.
struct Prompted {
    pin: Option<Zeroizing<String>>,
    new_pin: Option<Zeroizing<String>>,
}

/// The holder's PIN, from the terminal or a line of standard input.
pub(in crate::cli) fn prompt_pin() -> Result<Zeroizing<String>, Problem> {
    prompt(PIN)
}

fn prompted(what: Asked) -> Result<Prompted, Problem> {
    Ok(match what {
        Asked::Pin => Prompted { pin: Some(prompt(PIN)?), new_pin: None },
        Asked::Change => Prompted { pin: Some(prompt(OLD_PIN)?), new_pin: Some(prompt_new()?) },
        Asked::New => Prompted { pin: None, new_pin: Some(prompt_new()?) },
    })
}

/// A PIN from the terminal, where nothing of it is shown, or a line of standard input.
fn prompt(prompt: &str) -> Result<Zeroizing<String>, Problem> {
    let text = line(prompt)?;
    parsed(&text)?;
    Ok(text)
}

/// A new PIN, entered twice (−34).
fn prompt_new() -> Result<Zeroizing<String>, Problem> {
    let (first, again) = (prompt(NEW_PIN)?, prompt(AGAIN)?);
    if parsed(&first)?.is(&parsed(&again)?) { Ok(first) } else { Err(Problem::from_error(&CardError::PinsDiffer)) }
}

fn parsed(text: &str) -> Result<Pin, Problem> {
    Pin::parse(text).map_err(|form| Problem::from_error(&CardError::from(form)))
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
