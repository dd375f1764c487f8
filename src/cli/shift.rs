//! `sbkd shift`: operators' shifts at the daemon.

use serde_json::{Map, Value, json};

use super::client::{Daemon, text};
use super::{Outcome, Shell};

/// Arguments of `sbkd shift`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Open an operator's shift (签到)
    Open {
        /// The operator's number
        #[arg(long, value_name = "NAME")]
        operator: String,
    },
    /// Close a shift (签退) and print what is handed over
    Close {
        /// The shift's number, as `sbkd shift list` shows it
        #[arg(required_unless_present = "operator")]
        number: Option<String>,
        /// The operator whose open shift is meant
        #[arg(long, value_name = "NAME", conflicts_with = "number")]
        operator: Option<String>,
    },
    /// List shifts, the latest first
    List,
    /// Show a shift, with what was carried out in it up to now
    Show {
        /// Its number
        number: String,
    },
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    let daemon = Daemon::of(shell)?;
    let shift = match args.command {
        Command::Open { operator } => daemon.post("/v1/shifts", &json!({ "operator": operator }))?,
        Command::Close { number, operator } => {
            let number = match (number, operator) {
                (None, Some(operator)) => open_of(&daemon.get("/v1/shifts")?, &operator),
                (number, _) => number.unwrap_or_default(),
            };
            daemon.post(&format!("{}/close", path(&number)), &json!({}))?
        }
        Command::Show { number } => daemon.get(&path(&number))?,
        Command::List => {
            let shifts = daemon.get("/v1/shifts")?;
            shell.show(&shifts, || list(&shifts));
            return Ok(());
        }
    };
    shell.show(&shift, || sheet(&shift));
    Ok(())
}

/// The number of an operator's open shift; empty where there is none.
fn open_of(shifts: &Value, operator: &str) -> String {
    let mut open = shifts.as_array().into_iter().flatten().filter(|shift| shift["closed_at"].is_null());
    let found = open.find(|shift| shift["operator"] == operator.trim());
    found.and_then(|shift| shift["number"].as_str()).unwrap_or_default().to_owned()
}

/// What is no number of a shift names none.
fn path(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    format!("/v1/shifts/{}", if digits.len() == number.len() && !digits.is_empty() { digits } else { "0".to_owned() })
}

fn list(shifts: &Value) -> String {
    let lines: String = shifts.as_array().into_iter().flatten().filter_map(Value::as_object).map(line).collect();
    if lines.is_empty() { "没有班次 / no shifts\n".to_owned() } else { lines }
}

fn line(shift: &Map<String, Value>) -> String {
    let (open, closed) = (text(shift, "opened_at"), text(shift, "closed_at"));
    format!("{} {:<20} {open} – {closed} {}\n", text(shift, "number"), text(shift, "operator"), signed(shift))
}

fn signed(shift: &Map<String, Value>) -> String {
    match (shift.get("refusal").and_then(Value::as_str), text(shift, "sign_no")) {
        (Some(code), _) => format!("中心拒绝 / refused: {code}"),
        (None, "–") => "中心尚未签到 / not signed on yet".to_owned(),
        (None, number) => format!("签到流水号 {number}"),
    }
}

/// The shift, and a line for each kind and state of what was carried out in it.
fn sheet(shift: &Value) -> String {
    let Some(shift) = shift.as_object() else { return String::new() };
    let totals = shift.get("totals").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let lines: String = totals
        .map(|total| {
            let provisional = if total.get("provisional") == Some(&Value::Bool(true)) { " 暂结" } else { "" };
            let count = total.get("count").map(Value::to_string).unwrap_or_default();
            format!(
                "  {:<10} {:<11} {count:>5} 笔 金额 {:>14} 现金 {:>14}{provisional}\n",
                text(total, "kind"),
                text(total, "state"),
                text(total, "amount"),
                text(total, "cash"),
            )
        })
        .collect();
    let told = match shift.get("told").and_then(Value::as_object) {
        Some(told) if told.get("count").is_some_and(|count| *count != 0) => {
            let count = told.get("count").map(Value::to_string).unwrap_or_default();
            format!("  {:<22} {count:>5} 笔 {:>19} 现金 {:>14}\n", "告知以前的业务 / told", "", text(told, "cash"))
        }
        _ => String::new(),
    };
    let unreadable = match shift.get("unreadable").and_then(Value::as_u64) {
        None | Some(0) => String::new(),
        Some(count) => {
            format!("  ! 流水有 {count} 条记录损坏，可能属于本班次，未计入 / damaged and not counted: {count}\n")
        }
    };
    format!("{}{lines}{told}{unreadable}", line(shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_has_a_line_a_kind_and_state() {
        let total = json!({"kind": "settle", "state": "acked", "provisional": true, "count": 2, "amount": "60000.00", "cash": null});
        let shift = json!({
            "number": "2015080308000000", "operator": "0001", "opened_at": "2015-08-03T00:00:00Z", "closed_at": null,
            "sign_no": "Q00000000001", "refusal": null, "totals": [total],
        });
        let text = sheet(&shift);
        assert!(text.lines().count() == 2 && text.contains("签到流水号 Q00000000001"), "{text}");
        assert!(text.contains("    2 笔 金额       60000.00 现金              – 暂结"), "{text}");
        let mut told = shift.clone();
        told["told"] = json!({ "count": 3, "cash": "-480.00" });
        let told = sheet(&told);
        assert!(
            told.lines().count() == 3 && told.ends_with(" 3 笔                     现金        -480.00\n"),
            "{told}"
        );
        let mut damaged = shift;
        damaged["unreadable"] = json!(2);
        assert!(sheet(&damaged).ends_with("damaged and not counted: 2\n") && !text.contains("damaged"));
        assert_eq!(list(&json!([])), "没有班次 / no shifts\n");
    }

    #[test]
    fn what_is_no_number_reaches_no_other_route() {
        assert_eq!(path("2015080308000000"), "/v1/shifts/2015080308000000");
        assert_eq!([path("../health"), path("")], ["/v1/shifts/0", "/v1/shifts/0"]);
    }
}
