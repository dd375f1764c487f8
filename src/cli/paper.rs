//! `sbkd case paper`: what is printed of a case.

use data_encoding::BASE64;
use serde_json::json;
use uuid::Uuid;

use super::client::Daemon;
use super::{Outcome, Shell};
use crate::slip::{Copy, Medium};

/// Arguments of `sbkd case paper`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The case's id
    id: Uuid,
    /// A page for A4 or 80 mm (HTML), the commands of an 80 mm printer, or text
    #[arg(long = "as", value_name = "a4|80mm|escpos|text", value_parser = medium)]
    medium: Medium,
    /// For whom a page of records is: its holder, or anybody else, for whom what is personal is starred
    #[arg(long, value_name = "holder|third-party", value_parser = copy, default_value = Copy::Holder.name())]
    copy: Copy,
}

fn medium(name: &str) -> Result<Medium, String> {
    Medium::named(name).ok_or_else(|| Medium::ALL.map(Medium::name).join(", "))
}

fn copy(name: &str) -> Result<Copy, String> {
    Copy::named(name).ok_or_else(|| Copy::ALL.map(Copy::name).join(", "))
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let daemon = Daemon::of(shell)?;
    let name = args.medium.name();
    let (media, bytes) =
        daemon.get_bytes(&format!("/v1/cases/{}/paper", args.id), &[("as", name), ("copy", args.copy.name())])?;
    shell.put_bytes(&json!({ "as": name, "media": media, "base64": BASE64.encode(&bytes) }), &bytes);
    Ok(())
}
