//! `sbkd blacklist`: the list of refused cards (`docs/blacklist.md`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::direct::{self, own_store};
use super::lists::{sign, told};
use super::{Outcome, Problem, Shell, config, errors};
use crate::config::{BlacklistRules, Config};
use crate::store::{Blacklist, BlacklistInfo, Cards, ListInfo as _};
use crate::terminal::list_file;

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
        Command::Import { file } => import(&file, shell),
        Command::Status => status(shell),
        Command::Sign { key, file } => signed(&key, &file, shell),
    }
}

fn import(file: &Path, shell: &Shell) -> Outcome {
    let (config, rules) = configured(shell)?;
    let blacklist = opened(&config)?;
    let taken = list_file(file).and_then(|mut list| blacklist.import(&mut list, &rules.keys, Timestamp::now()));
    let taken = taken.map_err(|error| told(&error))?;
    shell.show(&taken, || {
        let what =
            if taken.changed { "已启用 / taken in" } else { "已在使用，没有变化 / in force already" };
        format!("{what}\n{}", line(&taken.list))
    });
    Ok(())
}

fn status(shell: &Shell) -> Outcome {
    let (config, rules) = configured(shell)?;
    let there = !matches!(direct::store_of(&config).try_exists(), Ok(false));
    let list = if there { opened(&config)?.in_force().map_err(|error| told(&error))? } else { None };
    let age = list.as_ref().map(|list| list.age_secs(Timestamp::now()));
    let old = list.as_ref().is_some_and(|list| list.is_older(rules.max_age, Timestamp::now()));
    shell.show(&json!({ "list": list, "age_secs": age, "old": old }), || match &list {
        None => "尚未导入名单 / no list was taken in".to_owned(),
        Some(list) if old => format!("{}\n名单已过时 / it is too old to go by", line(list)),
        Some(list) => line(list),
    });
    Ok(())
}

/// Signs a list once it is found sound: a signature beside one that no terminal takes helps nobody.
fn signed(key: &Path, file: &Path, shell: &Shell) -> Outcome {
    let checked = list_file(file).and_then(|mut list| Blacklist::check(&mut list)).map_err(|error| told(&error))?;
    let (signature, id) = sign::<Cards>(key, file, checked.sha256)?;
    shell.show(&json!({ "key": id, "signed": signature, "list": checked }), || {
        format!(
            "{}  {id}\n序号 / serial {}，{} 张卡 / cards，{} 个号段 / ranges",
            signature.display(),
            checked.serial,
            checked.cards,
            checked.ranges
        )
    });
    Ok(())
}

/// The configuration, which says whose lists are taken in.
fn configured(shell: &Shell) -> Result<(Config, BlacklistRules), Problem> {
    let config = config::in_force(shell)?;
    let rules = config.as_ref().and_then(|config| config.card.blacklist.clone());
    let none = || Problem::with(&errors::USAGE, "no configuration has [card.blacklist]");
    config.zip(rules).ok_or_else(none)
}

fn opened(config: &Config) -> Result<Blacklist, Problem> {
    let store = own_store(&direct::store_of(config))?;
    Ok(Blacklist::new(&config.state, Arc::new(store)))
}

fn line(list: &BlacklistInfo) -> String {
    let BlacklistInfo { serial, issued, cards, ranges, signed_by, .. } = list;
    format!(
        "序号 / serial {serial}，制作 / made {issued}，{cards} 张卡 / cards，{ranges} 个号段 / ranges，签名 / signed {signed_by}"
    )
}
