//! `sbkd catalogue`: what drugs and services cost (`docs/catalogue.md`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::direct::{self, own_store};
use super::lists::{sign, told};
use super::{Outcome, Problem, Shell, config, errors};
use crate::config::{CatalogueRules, Config};
use crate::failure::Failure;
use crate::store::{Catalogue, CatalogueInfo, CodeRows, Goods, ListInfo as _};
use crate::terminal::errors::NO_CATALOGUE;
use crate::terminal::list_file;

/// Arguments of `sbkd catalogue`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Take in a signed catalogue; beside a daemon that runs as well
    Import {
        /// The catalogue; its signature lies beside it (.sig)
        file: PathBuf,
    },
    /// What the catalogue in force says of a code
    Show {
        /// 医疗目录编码, to the letter
        code: String,
        /// Only what holds on this day, 2015-08-03
        #[arg(long, value_name = "DATE")]
        on: Option<Date>,
    },
    /// Prove the catalogue in force and say what it is
    Status,
    /// For who makes catalogues: check one and sign it (.sig), by a key of `sbkd policy keygen`
    Sign {
        /// The private key: PKCS#8 Ed25519 in DER, mode 0600
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The catalogue
        file: PathBuf,
    },
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::Import { file } => import(&file, shell),
        Command::Show { code, on } => show(&code, on, shell),
        Command::Status => status(shell),
        Command::Sign { key, file } => signed(&key, &file, shell),
    }
}

fn import(file: &Path, shell: &Shell) -> Outcome {
    let (config, rules) = configured(shell)?;
    let catalogue = opened(&config)?;
    let taken = list_file(file).and_then(|mut list| catalogue.import(&mut list, &rules.keys, Timestamp::now()));
    let taken = taken.map_err(|error| told(&error))?;
    shell.show(&taken, || {
        let what =
            if taken.changed { "已启用 / taken in" } else { "已在使用，没有变化 / in force already" };
        format!("{what}\n{}", line(&taken.list))
    });
    Ok(())
}

fn show(code: &str, on: Option<Date>, shell: &Shell) -> Outcome {
    let (config, _) = configured(shell)?;
    let none = || Problem::from(Failure::of(&NO_CATALOGUE));
    let rows = match there(&config)? {
        Some(catalogue) => catalogue.rows(code, on).map_err(|error| told(&error))?,
        None => None,
    };
    let rows = rows.ok_or_else(none)?;
    shell.show(&rows, || lines(&rows));
    Ok(())
}

fn status(shell: &Shell) -> Outcome {
    let (config, rules) = configured(shell)?;
    let catalogue = match there(&config)? {
        Some(catalogue) => catalogue.in_force().map_err(|error| told(&error))?,
        None => None,
    };
    let now = Timestamp::now();
    let age = catalogue.as_ref().map(|catalogue| catalogue.age_secs(now));
    let old = catalogue.as_ref().is_some_and(|catalogue| catalogue.is_older(rules.max_age, now));
    shell.show(&json!({ "catalogue": catalogue, "age_secs": age, "old": old }), || match &catalogue {
        None => "尚未导入目录 / no catalogue was taken in".to_owned(),
        Some(catalogue) if old => {
            format!("{}\n目录制作已久，请查有无新版 / it is old: see whether there is a newer one", line(catalogue))
        }
        Some(catalogue) => line(catalogue),
    });
    Ok(())
}

/// Signs a catalogue once it is found sound: a signature beside one that no terminal takes helps nobody.
fn signed(key: &Path, file: &Path, shell: &Shell) -> Outcome {
    let checked = list_file(file).and_then(|mut list| Catalogue::check(&mut list)).map_err(|error| told(&error))?;
    let (signature, id) = sign::<Goods>(key, file, checked.sha256)?;
    shell.show(&json!({ "key": id, "signed": signature, "catalogue": checked }), || {
        format!(
            "{}  {id}\n序号 / serial {}，{} 行目录 / items，{} 行限价 / prices，{} 行自付比例 / rates",
            signature.display(),
            checked.serial,
            checked.items,
            checked.prices,
            checked.rates
        )
    });
    Ok(())
}

/// The configuration, which says whose catalogues are taken in.
fn configured(shell: &Shell) -> Result<(Config, CatalogueRules), Problem> {
    let config = config::in_force(shell)?;
    let rules = config.as_ref().and_then(|config| config.catalogue.clone());
    let none = || Problem::with(&errors::USAGE, "no configuration has [catalogue]");
    config.zip(rules).ok_or_else(none)
}

/// Nothing where there is no store yet: who only looks makes none.
fn there(config: &Config) -> Result<Option<Catalogue>, Problem> {
    match direct::store_of(config).try_exists() {
        Ok(false) => Ok(None),
        _ => opened(config).map(Some),
    }
}

fn opened(config: &Config) -> Result<Catalogue, Problem> {
    let store = own_store(&direct::store_of(config))?;
    Ok(Catalogue::new(&config.state, Arc::new(store)))
}

fn line(catalogue: &CatalogueInfo) -> String {
    let CatalogueInfo { serial, issued, taken_at, note, items, prices, rates, signed_by, .. } = catalogue;
    format!(
        "{note}\n序号 / serial {serial}，制作 / made {issued}，启用 / in force since {taken_at}\n\
         {items} 行目录 / items，{prices} 行限价 / prices，{rates} 行自付比例 / rates，签名 / signed {signed_by}"
    )
}

fn lines(rows: &CodeRows) -> String {
    let span = |begins: Date, ends: Option<Date>| {
        format!("{begins} – {:<10}", ends.map_or(String::new(), |ends| ends.to_string()))
    };
    let kind = |insutype: &str| if insutype.is_empty() { "全部 / all".to_owned() } else { insutype.to_owned() };
    let mut lines = Vec::new();
    for row in &rows.items {
        let limited = if row.lmt_used_flag { "  限制使用 / limited use" } else { "" };
        let span = span(row.begndate, row.enddate);
        lines.push(format!("{span}  {}  {}  {}{limited}", row.chrgitm_lv, row.list_type, row.name));
    }
    for row in &rows.prices {
        let most = row.value.map_or("不限 / none".to_owned(), |most| format!("¥{most}"));
        let span = span(row.begndate, row.enddate);
        lines.push(format!("{span}  价格上限 / highest price {most}  险种 / insurance {}", kind(&row.insutype)));
    }
    for row in &rows.rates {
        let span = span(row.begndate, row.enddate);
        lines.push(format!(
            "{span}  自付比例 / share paid first {}  险种 / insurance {}",
            row.value,
            kind(&row.insutype)
        ));
    }
    if lines.is_empty() {
        return "目录中没有这个编码 / the catalogue does not have this code".to_owned();
    }
    lines.join("\n")
}
