//! `sbkd card pin`: the holder's PIN. It is typed at the reader's pad where there is one. Else it comes from the terminal,
//! where nothing of it is shown, or from standard input, a line each; never from the command line, which others may read.

use serde_json::json;

use super::super::direct::{Settings, Way};
use super::super::{Outcome, Problem, Shell};
use super::open::{OLD_PIN, ask, ask_new, direct, holder_pin, pad, with_card};
use crate::card::{Card, CardError, PinTries};
use crate::reader::PinLength;

/// Arguments of `sbkd card pin`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say how many tries are left, without costing one
    Tries(Way),
    /// Verify the PIN: one try
    Verify(Way),
    /// Change the PIN; the new one is entered twice
    Change(Way),
    /// Set a new PIN without the old one; needs the terminal's key for it
    Reload(Way),
    /// Give a locked PIN its tries back; needs the terminal's key for it
    Unblock(Way),
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let (Command::Tries(way)
    | Command::Verify(way)
    | Command::Change(way)
    | Command::Reload(way)
    | Command::Unblock(way)) = &args.command;
    let settings = direct(way, shell)?;
    match &args.command {
        Command::Tries(_) => {
            let tries = done(way, &settings, |card| card.pin_tries())?;
            let (set, left) = match tries {
                PinTries::Unset => (false, None),
                PinTries::Left(left) => (true, Some(left)),
            };
            let shown = json!({ "set": set, "left": left, "locked": left == Some(0) });
            shell.show(&shown, || match left {
                None => "未设密码 / there is no PIN".to_owned(),
                Some(0) => "密码已锁定 / the PIN is locked".to_owned(),
                Some(left) => format!("还可输入 {left} 次 / {left} tries left"),
            });
        }
        Command::Verify(_) => {
            // Before the card is opened: it waits for nobody at a keyboard.
            let pin = holder_pin(way, &settings, shell)?;
            done(way, &settings, |card| card.verify(pin))?;
            shell.show(&json!({ "verified": true }), || "密码正确 / the PIN is right".to_owned());
        }
        Command::Change(_) => {
            if pad(way, &settings)?.change {
                shell.step(CHANGE_AT_PAD);
                done(way, &settings, |card| card.change_at_pad(PinLength::SIX, settings.pin))?;
            } else {
                let (old, new) = (ask(OLD_PIN)?, ask_new()?);
                done(way, &settings, |card| card.change_pin(old, new))?;
            }
            shell.show(&json!({ "changed": true }), || "密码已修改 / the PIN is changed".to_owned());
        }
        Command::Reload(_) => {
            let new = ask_new()?;
            done(way, &settings, |card| card.reload_pin(new))?;
            shell.show(&json!({ "reloaded": true }), || "密码已重置 / the PIN is set anew".to_owned());
        }
        Command::Unblock(_) => {
            done(way, &settings, |card| card.unblock_pin())?;
            shell.show(&json!({ "unblocked": true }), || "密码已解锁 / the PIN is unblocked".to_owned());
        }
    }
    Ok(())
}

/// What the holder is told to do at the pad.
const CHANGE_AT_PAD: &str = "请持卡人在密码键盘上输入原密码，再输入两次新密码 / the holder enters the old PIN at the reader's \
                             keypad, then the new one twice";

fn done<T>(
    way: &Way,
    settings: &Settings,
    work: impl FnOnce(&mut Card<'_>) -> Result<T, CardError>,
) -> Result<T, Problem> {
    with_card(way, settings, work)?.map_err(|error| Problem::from_error(&error))
}
