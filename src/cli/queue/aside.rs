//! `sbkd queue set-aside`: going on after damage, with what is whole.

use serde_json::json;

use super::{configuration, keys, told};
use crate::cli::{Outcome, Shell};
use crate::queue::{Unread, set_aside};
use crate::world::{Clock as _, SystemClock};

/// Arguments of `sbkd queue set-aside`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where nothing of the records can be read: give up all of them, and sign them as lost
    #[arg(long)]
    all_lost: bool,
}

impl Args {
    pub(super) fn run(self, shell: &Shell) -> Outcome {
        let config = configuration(shell)?;
        let keys = keys(&config)?;
        let unread = if self.all_lost { Unread::IsLost } else { Unread::IsNotKnown };
        let done = set_aside(&config.journal(), &keys, SystemClock.now(), unread, &mut || Ok(()));
        let done = done.map_err(|error| told(&error))?;
        shell.show(&json!(done), || {
            let (rows, folder) = (done.rows, done.damaged.display());
            let lost = done.lost.iter().map(|hole| {
                let (first, last) = (hole.after.sequence + 1, hole.until.sequence);
                format!("  丢失 {first} 至 {last} / lost: {first} to {last}\n")
            });
            let whole = format!(
                "{}\n原件在 {folder}，{rows} 笔完好 / the damaged files are in {folder}; {rows} records are whole\n",
                done.why
            );
            whole + &lost.collect::<String>()
        });
        Ok(())
    }
}
