//! `sbkd card write`: items and files of the card are written; `sbkd card mend`: writes that were torn.

use std::path::PathBuf;

use serde_json::json;
use zeroize::Zeroizing;

use super::super::direct::Way;
use super::super::{Outcome, Problem, Shell, shell};
use super::open::{direct, with_journal};
use crate::card::{CardError, Mended, Update};
use crate::profile::{FileName, ItemName};

/// Arguments of `sbkd card write`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, as DF04/EF05
    #[arg(value_name = "FILE")]
    file: FileName,
    /// Each item by its tag with its new value, as 81=11; a binary one, or one with parts, in hexadecimal
    #[arg(value_name = "TAG=VALUE", required_unless_present = "bytes")]
    items: Vec<String>,
    /// The bytes of a transparent file, as a photo
    #[arg(long = "in", value_name = "FILE", conflicts_with = "items")]
    bytes: Option<PathBuf>,
    /// Ask for the holder's PIN at once
    #[arg(long)]
    pin: bool,
    #[command(flatten)]
    way: Way,
}

/// Arguments of `sbkd card mend`.
#[derive(Debug, clap::Args)]
pub(super) struct MendArgs {
    /// Ask for the holder's PIN at once
    #[arg(long)]
    pin: bool,
    /// Forget what was torn instead, mended or not; for technicians, once the card was looked at
    #[arg(long)]
    discard: bool,
    #[command(flatten)]
    way: Way,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let settings = direct(&args.way, shell)?;
    let items = args.items.iter().map(|text| item(&args.file, text)).collect::<Result<Vec<_>, _>>()?;
    let bytes = args.bytes.as_deref().map(shell::read_bytes).transpose()?;
    let update = bytes.as_deref().map_or(Update::Items(&items), Update::Bytes);
    let (mended, written) = with_journal(&args.way, &settings, shell, args.pin, |card, journal, pin| {
        // What was torn before comes first: nothing is written over it.
        Ok::<_, CardError>((card.mend(journal, pin)?, card.write(journal, &args.file, &update, pin)?))
    })?;
    told(&mended, shell);
    let shown = json!({ "file": written.file.to_string(), "changed": written.changed, "mended": names(&mended) });
    shell.show(&shown, || match written.changed {
        0 => format!("{} 无需改动 / nothing to change", written.file),
        changed => format!("{} 已写入 {changed} 处并核对 / {changed} written and read back", written.file),
    });
    Ok(())
}

pub(super) fn mend(args: &MendArgs, shell: &Shell) -> Outcome {
    let settings = direct(&args.way, shell)?;
    if args.discard {
        let discarded =
            with_journal(&args.way, &settings, shell, false, |card, journal, _| card.discard_writes(journal))?;
        shell.show(&json!({ "discarded": discarded }), || format!("已放弃 {discarded} 项 / {discarded} discarded"));
        return Ok(());
    }
    let mended = with_journal(&args.way, &settings, shell, args.pin, |card, journal, pin| card.mend(journal, pin))?;
    told(&mended, shell);
    shell.show(&json!({ "mended": names(&mended) }), || match mended.len() {
        0 => "该卡没有中断的写入 / no write on this card was torn".to_owned(),
        count => format!("已处理 {count} 项 / {count} mended"),
    });
    Ok(())
}

/// `81=11`.
fn item(file: &FileName, text: &str) -> Result<(u8, Zeroizing<String>), Problem> {
    let unknown = || Problem::from_error(&CardError::UnknownItem(format!("{file}/…")));
    let (tag, value) = text.split_once('=').ok_or_else(unknown)?;
    let name: ItemName = format!("{file}/{tag}").parse().map_err(|_| unknown())?;
    Ok((name.tag.ok_or_else(unknown)?, Zeroizing::new(value.to_owned())))
}

fn told(mended: &[(FileName, Mended)], shell: &Shell) {
    for (file, what) in mended {
        shell.step(&match what {
            Mended::Completed => format!("{file}：上次中断的写入已完成 / the write that was torn is completed"),
            Mended::Undone => format!("{file}：上次中断的写入已撤销 / the write that was torn is undone"),
        });
    }
}

fn names(mended: &[(FileName, Mended)]) -> Vec<serde_json::Value> {
    let name = |what: &Mended| match what {
        Mended::Completed => "completed",
        Mended::Undone => "undone",
    };
    mended.iter().map(|(file, what)| json!({ "file": file.to_string(), "outcome": name(what) })).collect()
}
