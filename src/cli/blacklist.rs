//! `sbkd blacklist`: the list of refused cards (`docs/blacklist.md`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::lists::{self, Listed, Rules};
use super::{Outcome, Shell};
use crate::config::Config;
use crate::rules::PublicKey;
use crate::store::{Blacklist, BlacklistError, BlacklistInfo, Cards, Checked, Imported, ListFile, Store};
use crate::wire::Digest;

/// Arguments of `sbkd blacklist`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Take in a signed list; beside a daemon that runs as well
    Import {
        /// The list; its signature lies beside it (.sig)
        file: PathBuf,
    },
    /// Prove the list in force and say what it is
    Status,
    /// For who makes lists: check one and sign it (.sig), by a key of `sbkd policy keygen`
    Sign {
        /// The private key: PKCS#8 Ed25519 in DER, mode 0600
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The list
        file: PathBuf,
    },
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::Import { file } => lists::import::<Cards>(&file, shell),
        Command::Status => lists::status::<Cards>(shell),
        Command::Sign { key, file } => lists::signed::<Cards>(&key, &file, shell),
    }
}

impl Listed for Cards {
    type Kept = Blacklist;
    type Checked = Checked;
    const MEMBER: &'static str = "list";
    const TABLE: &'static str = "[card.blacklist]";
    const NONE: &'static str = "尚未导入名单 / no list was taken in";
    const OLD: &'static str = "名单已过时 / it is too old to go by";

    fn rules(config: &Config) -> Option<Rules> {
        let rules = config.card.blacklist.as_ref()?;
        Some(Rules { keys: rules.keys.clone(), max_age: rules.max_age })
    }

    fn kept(folder: &Path, store: Arc<Store>) -> Blacklist {
        Blacklist::new(folder, store)
    }

    fn in_force(kept: &Blacklist) -> Result<Option<BlacklistInfo>, BlacklistError> {
        kept.in_force()
    }

    fn import(
        kept: &Blacklist,
        list: &mut ListFile,
        keys: &[PublicKey],
    ) -> Result<Imported<BlacklistInfo>, BlacklistError> {
        kept.import(list, keys, Timestamp::now())
    }

    fn check(list: &mut ListFile) -> Result<(Checked, Digest), BlacklistError> {
        Blacklist::check(list).map(|checked| (checked, checked.sha256))
    }

    fn line(list: &BlacklistInfo) -> String {
        let BlacklistInfo { serial, issued, cards, ranges, signed_by, .. } = list;
        format!(
            "序号 / serial {serial}，制作 / made {issued}，{cards} 张卡 / cards，{ranges} 个号段 / ranges，签名 / signed {signed_by}"
        )
    }

    fn found(checked: &Checked) -> String {
        let Checked { serial, cards, ranges, .. } = checked;
        format!("序号 / serial {serial}，{cards} 张卡 / cards，{ranges} 个号段 / ranges")
    }
}
