//! `sbkd queue rekey`: new keys after one may have become known, or once in a while.

use std::path::PathBuf;

use serde_json::json;

use super::{configuration, keys, there, told};
use crate::cli::file::exists;
use crate::cli::{Outcome, Problem, Shell, errors};
use crate::config::KeyFolder;
use crate::queue::{NewKeys, rekey};
use crate::world::SystemRandom;

/// Arguments of `sbkd queue rekey`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write all five keys into this new folder, and leave those that are there as they are
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, shell: &Shell) -> Outcome {
        let config = configuration(shell)?;
        let (settings, folder) = (config.journal(), config.journal_keys());
        there(&settings.path)?;
        let place = match (&self.into, &folder) {
            (Some(dir), _) if dir.exists() => return Err(exists(dir)),
            (Some(dir), _) => NewKeys::Into { folder: dir, like: folder.path() },
            (None, KeyFolder::Own(dir)) => NewKeys::InPlace(dir),
            (None, KeyFolder::Given(dir)) => {
                let why = format!("{} is only read: --into is wanted", dir.display());
                return Err(Problem::with(&errors::USAGE, why));
            }
        };
        let old = keys(&config)?;
        let done = rekey(&settings, &old, place, &SystemRandom::default(), &mut || Ok(())).map_err(|e| told(&e))?;
        let dir = self.into.as_deref().unwrap_or(folder.path());
        let mut value = json!(done);
        value["keys"] = json!(dir);
        let (rows, payloads) = (done.rows, done.payloads);
        shell.show(&value, || {
            let dir = dir.display();
            format!(
                "{rows} 笔已换密钥，{payloads} 份业务内容重新加密，密钥在 {dir} / {rows} records have new keys, {payloads} payloads were sealed anew; the keys are in {dir}"
            )
        });
        Ok(())
    }
}
