//! `sbkd card file`: files and items of the card by name.

use std::path::PathBuf;

use serde_json::Value;
use zeroize::Zeroizing;

use super::super::direct::Way;
use super::super::file::keep_new;
use super::super::{Outcome, Problem, Shell};
use super::open::carry_out;
use crate::card::CardError;
use crate::profile::{Address, NameError};
use crate::terminal::holder_card::ReadFiles;

/// Arguments of `sbkd card file`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, as DF04/EF05, or items of them, as DF04/EF05/81, DF02/EF15/99:2/10 or DF02/EF07:1/@4
    #[arg(required = true, value_name = "NAME")]
    names: Vec<Address>,
    /// Items of the one file that is named, by their tags
    #[arg(long = "item", value_name = "TAG")]
    items: Vec<String>,
    /// Where the bytes of a photo or fingerprint go; never overwritten, and only with --unmask
    #[arg(long, value_name = "FILE", requires = "unmask")]
    out: Option<PathBuf>,
    /// Ask for the holder's PIN at once, so that no key is proven where the PIN does
    #[arg(long)]
    pin: bool,
    /// Show personal data instead of masking it; audited
    #[arg(long)]
    unmask: bool,
    #[command(flatten)]
    way: Way,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let task = ReadFiles { names: addresses(args)?, pin: args.pin, unmask: args.unmask };
    let shown = carry_out(&task, &args.way, shell)?;
    if let Some(out) = &args.out {
        keep_new(out, &bytes(&shown)?, 0o600)?;
    }
    shell.show(&shown, || table(&shown));
    Ok(())
}

/// What is asked for: the names, or the items of the one that there is.
fn addresses(args: &Args) -> Result<Vec<Address>, Problem> {
    let told = |name: &str| Problem::from_error(&CardError::UnknownItem(name.to_owned()));
    match (args.names.as_slice(), args.items.as_slice()) {
        (names, []) => Ok(names.to_vec()),
        ([only @ Address { item: None, .. }], items) => {
            items.iter().map(|item| format!("{only}/{item}").parse().map_err(|NameError(name)| told(&name))).collect()
        }
        (_, items) => Err(told(&items.join(" "))),
    }
}

/// The bytes of the one transparent file that was read.
fn bytes(shown: &Value) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let unknown = |name: &str| Problem::from_error(&CardError::UnknownItem(name.to_owned()));
    match shown["files"].as_array().map(Vec::as_slice) {
        Some([only]) => {
            let bytes = only["bytes"].as_str().and_then(|bytes| hex::decode(bytes).ok());
            bytes.map(Zeroizing::new).ok_or_else(|| unknown(word(&only["file"]).as_str()))
        }
        _ => Err(unknown("--out")),
    }
}

/// For a person: each file, then a line an item.
fn table(shown: &Value) -> String {
    let mut text = String::new();
    for file in shown["files"].as_array().into_iter().flatten() {
        text.push_str(&format!("{} {}\n", word(&file["file"]), word(&file["label"])));
        for item in file["items"].as_array().into_iter().flatten() {
            line(&mut text, item, 1);
        }
        for record in file["records"].as_array().into_iter().flatten() {
            text.push_str(&format!("  {}：{}\n", record["number"], if record["items"].is_null() { "–" } else { "" }));
            for item in record["items"].as_array().into_iter().flatten() {
                line(&mut text, item, 2);
            }
        }
        if let Some(size) = file["size"].as_u64() {
            text.push_str(&format!("  {size} 字节 / bytes\n"));
        }
    }
    text
}

fn line(text: &mut String, item: &Value, depth: usize) {
    let name = [&item["tag"], &item["name"]].iter().filter_map(|part| part.as_str()).collect::<Vec<_>>().join(" ");
    let name = if name.is_empty() { "–" } else { &name };
    text.push_str(&"  ".repeat(depth));
    match item["value"].as_array() {
        Some(parts) => {
            text.push_str(&format!("{name}：\n"));
            for part in parts {
                line(text, part, depth + 1);
            }
        }
        None => text.push_str(&format!("{name}：{}\n", word(&item["value"]))),
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_file_is_shown_line_by_line() {
        let item = |tag: &str, value: Value| json!({ "tag": tag, "name": "甲", "value": value });
        let shown = table(&json!({ "files": [
            { "file": "DF04/EF05", "label": "医疗", "items": [item("81", json!("11")), item("44", json!([item("33", Value::Null)]))] },
            { "file": "DF04/EF08", "label": "明细", "records": [
                { "number": 1, "items": [{ "tag": null, "name": null, "value": 7 }] }, { "number": 2, "items": null },
            ] },
            { "file": "SSSE/EF08", "label": "照片", "size": 4096, "bytes": null },
        ] }));
        let expected = "DF04/EF05 医疗\n  81 甲：11\n  44 甲：\n    33 甲：–\nDF04/EF08 明细\n  1：\n    –：7\n  2：–\n\
                        SSSE/EF08 照片\n  4096 字节 / bytes\n";
        assert_eq!(shown, expected);
    }
}
