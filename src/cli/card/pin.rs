//! `sbkd card pin`: the holder's PIN. It is typed at the reader's pad where there is one. Else it comes from the terminal,
//! where nothing of it is shown, or from standard input, a line each; never from the command line, which others may read.

use super::super::direct::Way;
use super::super::{Outcome, Shell};
use super::open::carry_out;
use crate::terminal::holder_card::{AskTries, CardTask, ChangePin, ReloadPin, UnblockPin, VerifyPin};

/// Arguments of `sbkd card pin`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say how many tries are left, without costing one
    Tries(Which),
    /// Verify the PIN: one try
    Verify(Which),
    /// Change the PIN; the new one is entered twice
    Change(Which),
    /// Set a new PIN without the old one; needs the terminal's key for it
    Reload(Way),
    /// Give a locked PIN its tries back; needs the terminal's key for it
    Unblock(Way),
}

/// Whose PIN it is.
#[derive(Debug, clap::Args)]
struct Which {
    /// The directory that has the PIN of its own, as DF04; without it the environment's
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<String>,
    #[command(flatten)]
    way: Way,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    match &args.command {
        Command::Tries(Which { directory, way }) => tries(directory.clone(), way, shell),
        Command::Verify(Which { directory, way }) => {
            told(&VerifyPin { directory: directory.clone() }, "密码正确 / the PIN is right", way, shell)
        }
        Command::Change(Which { directory, way }) => {
            told(&ChangePin { directory: directory.clone() }, "密码已修改 / the PIN is changed", way, shell)
        }
        Command::Reload(way) => told(&ReloadPin {}, "密码已重置 / the PIN is set anew", way, shell),
        Command::Unblock(way) => told(&UnblockPin {}, "密码已解锁 / the PIN is unblocked", way, shell),
    }
}

fn tries(directory: Option<String>, way: &Way, shell: &Shell) -> Outcome {
    let shown = carry_out(&AskTries { directory }, way, shell)?;
    shell.show(&shown, || match shown["left"].as_u64() {
        None => "未设密码 / there is no PIN".to_owned(),
        Some(0) => "密码已锁定 / the PIN is locked".to_owned(),
        Some(left) => format!("还可输入 {left} 次 / {left} tries left"),
    });
    Ok(())
}

fn told<T: CardTask>(task: &T, done: &str, way: &Way, shell: &Shell) -> Outcome {
    let shown = carry_out(task, way, shell)?;
    shell.show(&shown, || done.to_owned());
    Ok(())
}
