//! `sbkd card pin`: the holder's PIN. It comes from the terminal, where nothing of it is shown, or from standard input, a
//! line each; never from the command line, which others may read.

use serde_json::json;

use super::super::direct::Way;
use super::super::{Outcome, Problem, Shell};
use super::open::{OLD_PIN, PIN, ask, ask_new, direct, with_card};
use crate::card::{Card, CardError, PinTries};

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
    match &args.command {
        Command::Tries(way) => {
            let tries = done(way, shell, |card| card.pin_tries())?;
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
        Command::Verify(way) => {
            // Before the card is opened: it waits for nobody.
            let pin = ask(PIN)?;
            done(way, shell, |card| card.verify_pin(pin))?;
            shell.show(&json!({ "verified": true }), || "密码正确 / the PIN is right".to_owned());
        }
        Command::Change(way) => {
            let (old, new) = (ask(OLD_PIN)?, ask_new()?);
            done(way, shell, |card| card.change_pin(old, new))?;
            shell.show(&json!({ "changed": true }), || "密码已修改 / the PIN is changed".to_owned());
        }
        Command::Reload(way) => {
            let new = ask_new()?;
            done(way, shell, |card| card.reload_pin(new))?;
            shell.show(&json!({ "reloaded": true }), || "密码已重置 / the PIN is set anew".to_owned());
        }
        Command::Unblock(way) => {
            done(way, shell, |card| card.unblock_pin())?;
            shell.show(&json!({ "unblocked": true }), || "密码已解锁 / the PIN is unblocked".to_owned());
        }
    }
    Ok(())
}

fn done<T>(way: &Way, shell: &Shell, work: impl FnOnce(&mut Card<'_>) -> Result<T, CardError>) -> Result<T, Problem> {
    let settings = direct(way, shell)?;
    with_card(way, &settings, work)?.map_err(|error| Problem::from_error(&error))
}
