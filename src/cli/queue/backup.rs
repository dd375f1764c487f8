//! `sbkd queue backup`: a copy of the journal beside its running daemon.

use std::path::PathBuf;

use serde_json::json;

use super::{configuration, past, told};
use crate::cli::file::{Claimed, beside, claim_new};
use crate::cli::{Outcome, Shell};

/// Arguments of `sbkd queue backup`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the copy goes, and beside it its anchor (.anchor); never overwritten
    file: PathBuf,
}

impl Args {
    pub(super) fn run(self, shell: &Shell) -> Outcome {
        let config = configuration(shell)?;
        let anchor = beside(&self.file, ".anchor");
        let past = past(&config)?;
        let made = claim_new(&self.file, 0o600)?;
        let made = [made, claim_new(&anchor, 0o600)?];
        let proof = past.backup(&self.file, &anchor, &config.journal().anchor).map_err(|error| told(&error))?;
        made.into_iter().for_each(Claimed::keep);
        let mut value = json!(proof);
        value["file"] = json!(self.file);
        value["anchor"] = json!(anchor);
        let rows = proof.rows;
        shell.show(&value, || {
            format!(
                "{}：{rows} 笔，校验通过，锚点 {} / {rows} records, whole; its anchor is {1}",
                self.file.display(),
                anchor.display()
            )
        });
        Ok(())
    }
}
