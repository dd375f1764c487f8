//! `sbkd queue set-aside`: going on after damage, with what is whole.

use serde_json::json;

use super::{configuration, keys, told};
use crate::cli::{Outcome, Shell};
use crate::queue::set_aside;
use crate::world::{Clock as _, SystemClock};

pub(super) fn run(shell: &Shell) -> Outcome {
    let config = configuration(shell)?;
    let keys = keys(&config)?;
    let done = set_aside(&config.journal(), &keys, SystemClock.now(), &mut || Ok(())).map_err(|error| told(&error))?;
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
