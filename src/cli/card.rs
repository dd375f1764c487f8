//! `sbkd card`: the card in a reader.

mod account;
mod bank;
mod file;
mod open;
mod pin;
mod values;
mod write;

use serde_json::{Map, Value, json};

pub(super) use self::open::prompt_pin;
use super::client::{Daemon, text};
use super::direct::{self, Settings, Way};
use super::{Outcome, Problem, Shell};
use crate::card::{self, Listing, Warning};
use crate::failure::Explain as _;
use crate::world::SystemClock;

/// Arguments of `sbkd card`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Prove the card and read it and its holder
    Read(Read),
    /// Read files and items of the card by name
    File(file::Args),
    /// The holder's PIN: tries left, verify, change, set anew, unblock
    Pin(pin::Args),
    /// Write items or bytes of a file, and read them back
    Write(write::Args),
    /// The medical account: balance, pay, load, and what was torn
    Account(account::Args),
    /// The bank's application on the card, told by a masked number
    Bank(bank::Args),
    /// Complete or undo writes on this card that were torn
    Mend(write::MendArgs),
    /// Try keys again on the cards that refused them; for technicians, once the PSAM was checked
    Release,
}

/// Arguments of `sbkd card read`.
#[derive(Debug, clap::Args)]
struct Read {
    #[command(flatten)]
    way: Way,
    /// Show personal data instead of masking it; audited
    #[arg(long)]
    unmask: bool,
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::Read(read) => {
            let reading = if read.way.direct { read_direct(&read, shell)? } else { ask(&read, shell)? };
            let names = reading["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.filter_map(Warning::named).for_each(|warning| shell.step(warning.text()));
            shell.show(&reading, || table(&reading));
        }
        Command::File(args) => file::run(&args, shell)?,
        Command::Pin(args) => pin::run(&args, shell)?,
        Command::Write(args) => write::run(&args, shell)?,
        Command::Account(args) => account::run(&args, shell)?,
        Command::Bank(args) => bank::run(&args, shell)?,
        Command::Mend(args) => write::mend(&args, shell)?,
        Command::Release => {
            let released = direct::release(shell)?;
            shell
                .show(&json!({ "released": released }), || format!("已解除 {released} 对 / {released} pairs released"));
        }
    }
    Ok(())
}

/// Asks the daemon, which has the readers.
fn ask(read: &Read, shell: &Shell) -> Result<Value, Problem> {
    let daemon = Daemon::of(shell)?;
    let mut body = json!({ "unmask": read.unmask });
    if let Some(reader) = &read.way.reader {
        body["reader"] = json!(daemon.reader(reader)?);
    }
    daemon.read_card(&body)
}

fn read_direct(read: &Read, shell: &Shell) -> Result<Value, Problem> {
    let settings = Settings::of(shell)?;
    let mut lease = read.way.card(&settings)?;
    let mut keys = read.way.keys(&lease, &settings)?;
    let reading = card::read(settings.card_parts(&mut lease, keys.as_mut()), &mut |step| {
        tracing::debug!(step = step.name(), "card")
    })
    .map_err(|error| Problem::from_error(&error))?;
    if read.unmask {
        tracing::info!(target: "audit", reader = reading.reader(), "card read unmasked");
    }
    // A program that only reads looks into no blacklist (card-facts §9).
    let verdict = reading.card().verdict(&SystemClock, &settings.accepted, Listing::Exempt);
    for finding in verdict.findings() {
        let failure = finding.failure();
        let detail = failure.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        shell.step(&format!("{} / {}{detail}", failure.entry.message.zh, failure.entry.message.en));
    }
    Ok(reading.to_json(read.unmask))
}

/// For a person: a line a value.
pub(super) fn table(reading: &Value) -> String {
    let empty = Map::new();
    let part = |name: &str| reading.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let (card, holder) = (part("card"), part("holder"));
    let whole = reading.as_object().unwrap_or(&empty);
    let rows = [
        ("姓名", text(holder, "name")),
        ("社会保障号码", text(holder, "social_security_number")),
        ("性别", text(holder, "sex")),
        ("民族", text(holder, "ethnicity")),
        ("出生地", text(holder, "birth_place")),
        ("出生日期", text(holder, "birth_date")),
        ("卡号", text(card, "number")),
        ("卡识别码", text(card, "identifier")),
        ("发卡地区", text(card, "region")),
        ("发卡日期", text(card, "issued")),
        ("卡有效期", text(card, "expires")),
        ("规范版本", text(whole, "version")),
        ("算法", text(whole, "algorithm")),
        ("读卡器", text(whole, "reader")),
    ];
    rows.iter().map(|(name, value)| format!("{name}：{value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_shown_line_by_line() {
        let shown = table(&json!({
            "reader": "R", "version": "3.00", "algorithm": "SM4",
            "card": { "number": "A1*****31", "expires": null },
            "holder": { "name": "王**" },
        }));
        assert!(shown.starts_with("姓名：王**\n"));
        assert!(
            shown.contains("卡号：A1*****31\n") && shown.contains("卡有效期：–\n") && shown.contains("算法：SM4\n")
        );
    }
}
