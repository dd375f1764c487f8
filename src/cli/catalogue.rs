//! `sbkd catalogue`: what drugs and services cost (`docs/catalogue.md`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::lists::{self, Listed, Rules, told};
use super::{Outcome, Problem, Shell};
use crate::config::Config;
use crate::failure::Failure;
use crate::rules::PublicKey;
use crate::store::{
    Catalogue, CatalogueError, CatalogueInfo, CheckedCatalogue, CodeRows, Goods, Imported, ListFile, Store,
};
use crate::terminal::errors::NO_CATALOGUE;
use crate::wire::Digest;

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
        Command::Import { file } => lists::import::<Goods>(&file, shell),
        Command::Show { code, on } => show(&code, on, shell),
        Command::Status => lists::status::<Goods>(shell),
        Command::Sign { key, file } => lists::signed::<Goods>(&key, &file, shell),
    }
}

fn show(code: &str, on: Option<Date>, shell: &Shell) -> Outcome {
    let (config, _) = lists::configured::<Goods>(shell)?;
    let none = || Problem::from(Failure::of(&NO_CATALOGUE));
    let rows = match lists::there::<Goods>(&config)? {
        Some(catalogue) => catalogue.rows(code, on).map_err(|error| told(&error))?,
        None => None,
    };
    let rows = rows.ok_or_else(none)?;
    shell.show(&rows, || lines(&rows));
    Ok(())
}

impl Listed for Goods {
    type Kept = Catalogue;
    type Checked = CheckedCatalogue;
    const MEMBER: &'static str = "catalogue";
    const TABLE: &'static str = "[catalogue]";
    const NONE: &'static str = "尚未导入目录 / no catalogue was taken in";
    const OLD: &'static str = "目录制作已久，请查有无新版 / it is old: see whether there is a newer one";

    fn rules(config: &Config) -> Option<Rules> {
        let rules = config.catalogue.as_ref()?;
        Some(Rules { keys: rules.keys.clone(), max_age: rules.max_age })
    }

    fn kept(folder: &Path, store: Arc<Store>) -> Catalogue {
        Catalogue::new(folder, store)
    }

    fn in_force(kept: &Catalogue) -> Result<Option<CatalogueInfo>, CatalogueError> {
        kept.in_force()
    }

    fn import(
        kept: &Catalogue,
        list: &mut ListFile,
        keys: &[PublicKey],
    ) -> Result<Imported<CatalogueInfo>, CatalogueError> {
        kept.import(list, keys, Timestamp::now())
    }

    fn check(list: &mut ListFile) -> Result<(CheckedCatalogue, Digest), CatalogueError> {
        let checked = Catalogue::check(list)?;
        let sha256 = checked.sha256;
        Ok((checked, sha256))
    }

    fn line(catalogue: &CatalogueInfo) -> String {
        let CatalogueInfo { serial, issued, taken_at, note, items, prices, rates, signed_by, .. } = catalogue;
        format!(
            "{note}\n序号 / serial {serial}，制作 / made {issued}，启用 / in force since {taken_at}\n\
             {items} 行目录 / items，{prices} 行限价 / prices，{rates} 行自付比例 / rates，签名 / signed {signed_by}"
        )
    }

    fn found(checked: &CheckedCatalogue) -> String {
        let CheckedCatalogue { serial, items, prices, rates, .. } = checked;
        format!("序号 / serial {serial}，{items} 行目录 / items，{prices} 行限价 / prices，{rates} 行自付比例 / rates")
    }
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
