//! `sbkd card write`: items and files of the card are written; `sbkd card mend`: writes that were torn.

use std::path::PathBuf;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::direct::{Settings, Way};
use super::super::{Outcome, Problem, Shell, errors, shell};
use super::open::carry_out;
use super::values::values;
use crate::profile::Address;
use crate::terminal::holder_card::{MendCard, Secret, WriteFile};

/// Arguments of `sbkd card write`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, as DF04/EF05; a record of a fixed one, as DF03/EF19:2; a new one of a cyclic one, as DF02/EF07:+
    #[arg(value_name = "FILE")]
    file: Address,
    /// New values: lines as 81=11 or a JSON object as {"81": "11"}; - is standard input as far as an empty line
    #[arg(long, value_name = "FILE", required_unless_present_any = ["bytes", "values"])]
    from: Option<PathBuf>,
    /// The bytes of a transparent file, as a photo
    #[arg(long = "in", value_name = "FILE", conflicts_with = "from")]
    bytes: Option<PathBuf>,
    /// Not taken: others may read the command line
    #[arg(value_name = "TAG=VALUE", hide = true)]
    values: Vec<String>,
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
    /// Forget what is open on cards that are not known any more; for technicians, and without a card
    #[arg(long, conflicts_with = "discard")]
    discard_lost: bool,
    #[command(flatten)]
    way: Way,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    if !args.values.is_empty() {
        return Err(Problem::with(&errors::VALUE_ARGUMENT, "--from"));
    }
    let items = args.from.as_deref().map(|from| values(&args.file, from)).transpose()?;
    let bytes = args.bytes.as_deref().map(shell::read_bytes).transpose()?.map(Zeroizing::new);
    let bytes = bytes.map(|bytes| Secret(Zeroizing::new(hex::encode_upper(&*bytes))));
    let task = WriteFile { file: args.file.clone(), items, bytes, pin: args.pin };
    let shown = carry_out(&task, &args.way, shell)?;
    told(&shown, shell);
    shell.show(&shown, || match shown["changed"].as_u64() {
        Some(0) => format!("{} 无需改动 / nothing to change", args.file),
        changed => format!("{} 已写入 {} 处并核对 / {1} written and read back", args.file, changed.unwrap_or_default()),
    });
    Ok(())
}

pub(super) fn mend(args: &MendArgs, shell: &Shell) -> Outcome {
    if args.discard_lost {
        let settings = Settings::of(shell)?;
        let (store, _) = settings.writes()?;
        let discarded = store.discard_lost_writes().map_err(|error| Problem::from_error(&error))?;
        tracing::info!(target: "audit", discarded, "what was open on cards that are not known was let go of");
        shell.show(&json!({ "discarded": discarded }), || format!("已放弃 {discarded} 项 / {discarded} discarded"));
        return Ok(());
    }
    let task = MendCard { pin: args.pin, discard: args.discard };
    let shown = carry_out(&task, &args.way, shell)?;
    told(&shown, shell);
    shell.show(&shown, || match (shown["discarded"].as_u64(), shown["mended"].as_array().map_or(0, Vec::len)) {
        (Some(discarded), _) => format!("已放弃 {discarded} 项 / {discarded} discarded"),
        (None, 0) => "该卡没有中断的写入 / no write on this card was torn".to_owned(),
        (None, count) => format!("已处理 {count} 项 / {count} mended"),
    });
    Ok(())
}

/// What became of the writes that had been torn.
fn told(shown: &Value, shell: &Shell) {
    for mended in shown["mended"].as_array().into_iter().flatten() {
        let file = mended["file"].as_str().unwrap_or_default();
        shell.step(&match mended["outcome"].as_str() {
            Some("completed") => format!("{file}：上次中断的写入已完成 / the write that was torn is completed"),
            _ => format!("{file}：上次中断的写入已撤销 / the write that was torn is undone"),
        });
    }
}
