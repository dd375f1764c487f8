//! `sbkd case paper`: what is printed of a case; `sbkd queue paper`: of a transaction.

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

/// Arguments of `sbkd queue paper`.
#[derive(Debug, clap::Args)]
pub(super) struct Receipt {
    /// The transaction's id (流水号)
    id: Uuid,
    /// A page for A4 or 80 mm (HTML), the commands of an 80 mm printer, or text
    #[arg(long = "as", value_name = "a4|80mm|escpos|text", value_parser = medium)]
    medium: Medium,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    print(&format!("/v1/cases/{}/paper", args.id), args.medium, &[("copy", args.copy.name())], shell)
}

pub(super) fn receipt(args: &Receipt, shell: &Shell) -> Outcome {
    print(&format!("/v1/transactions/{}/paper", args.id), args.medium, &[], shell)
}

fn print(path: &str, medium: Medium, query: &[(&str, &str)], shell: &Shell) -> Outcome {
    let daemon = Daemon::of(shell)?;
    let name = medium.name();
    let query = [&[("as", name)][..], query].concat();
    let (media, bytes) = daemon.get_bytes(path, &query)?;
    shell.put_bytes(&json!({ "as": name, "media": media, "base64": BASE64.encode(&bytes) }), &bytes);
    Ok(())
}
