//! `sbkd queue list` and `show`: the transactions of this terminal, as its daemon tells them.

use serde_json::{Map, Value, json};

use crate::cli::client::{Daemon, text};
use crate::cli::{Outcome, Problem, Shell};
use crate::queue::{Row, State};
use crate::wire;

/// Arguments of `sbkd queue list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only these states: pending, sending, acked, refused, unknown, reversing, reversed, void, …
    #[arg(long, value_name = "STATE", value_parser = state, value_delimiter = ',')]
    state: Vec<State>,
    /// At most so many, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only those that came out otherwise than their holders were told, until it is noted that they were told since
    #[arg(long)]
    untold: bool,
}

/// Arguments of `sbkd queue show`.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Its id
    id: uuid::Uuid,
    /// With the centre's own words where it refused it, which may name a person; audited
    #[arg(long)]
    unmask: bool,
}

/// Arguments of `sbkd queue acknowledge`.
#[derive(Debug, clap::Args)]
pub(super) struct Acknowledge {
    /// Its id
    id: uuid::Uuid,
    /// The revision of the notice that the holder was told, as the case shows it
    #[arg(long, value_name = "N")]
    revision: u32,
    /// They were told of no settlement before, as the notice says
    #[arg(long)]
    untold: bool,
    /// Who told the holder
    #[arg(long, value_name = "NAME", default_value = "cli")]
    operator: String,
}

impl List {
    pub(super) fn run(self, shell: &Shell) -> Outcome {
        let names: Vec<&str> = self.state.iter().map(|state| state.name()).collect();
        let query = [
            ("state", names.join(",")),
            ("limit", self.limit.to_string()),
            ("untold", if self.untold { "true".to_owned() } else { String::new() }),
        ];
        let rows = Daemon::of(shell)?.get_with("/v1/transactions", &query)?;
        shell.show(&rows, || list(&rows));
        Ok(())
    }
}

impl Show {
    pub(super) fn run(self, shell: &Shell) -> Outcome {
        let daemon = Daemon::of(shell)?;
        let mut row = daemon.get(&format!("/v1/transactions/{}", self.id))?;
        if self.unmask {
            row["centre_refusal"] = daemon.get(&format!("/v1/transactions/{}/refusal", self.id))?;
        }
        shell.show(&row, || one(&row) + &told(&row));
        Ok(())
    }
}

impl Acknowledge {
    pub(super) fn run(self, shell: &Shell) -> Outcome {
        let path = format!("/v1/transactions/{}/acknowledge", self.id);
        let told = json!({ "operator": self.operator, "revision": self.revision, "untold": self.untold });
        let row = Daemon::of(shell)?.post(&path, &told)?;
        shell.show(&row, || one(&row));
        Ok(())
    }
}

fn state(name: &str) -> Result<State, String> {
    let all = || State::ALL.map(State::name).join(", ");
    State::of_name(name).ok_or_else(|| format!("a state is one of: {}", all()))
}

fn list(rows: &Value) -> String {
    let lines: String = rows.as_array().into_iter().flatten().filter_map(Value::as_object).map(line).collect();
    if lines.is_empty() { "没有业务 / no transactions\n".to_owned() } else { lines }
}

fn line(row: &Map<String, Value>) -> String {
    let number = |name: &str| row.get(name).map(Value::to_string).unwrap_or_default();
    let provisional = if row.get("provisional") == Some(&Value::Bool(true)) { " 暂结" } else { "" };
    let names = row.get("differs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let names: Vec<String> = names.map(str::to_owned).collect();
    // What `acknowledge` is to be told.
    let revision = Some(Row::revision_of(&names)).filter(|revision| *revision > 0);
    let revision = revision.map(|revision| format!(" 修订 {revision}")).unwrap_or_default();
    let (later, figures): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| *name == Row::OUTCOME);
    let later = if later.is_empty() { "" } else { " 未告知" };
    let differs = if figures.is_empty() { "" } else { " 与中心结算不符" };
    let reason = row.get("reason").and_then(Value::as_str).map(|reason| format!(" {reason}")).unwrap_or_default();
    let refusal = row.get("refusal").and_then(Value::as_str);
    let refusal = refusal.map(|code| format!("\n      {code} {}", Problem::from(wire::errors::entry(code)).to_do()));
    let refusal = refusal.unwrap_or_default();
    format!(
        "{:>5} {} {:<11} {:<24} {:>12} ×{}{provisional}{later}{differs}{revision}{reason}{refusal}\n",
        number("sequence"),
        text(row, "id"),
        text(row, "state"),
        text(row, "scenario"),
        text(row, "amount"),
        number("attempts"),
    )
}

fn one(row: &Value) -> String {
    row.as_object().into_iter().flatten().map(member).collect()
}

/// What it means that the centre refused it, what is to be done and by whom; nothing where it did not.
fn told(row: &Value) -> String {
    row["refusal"].as_str().map(|code| Problem::from(wire::errors::entry(code)).to_text()).unwrap_or_default()
}

fn member((name, value): (&String, &Value)) -> String {
    match value {
        Value::String(text) => format!("{name:<14} {text}\n"),
        Value::Null => format!("{name:<14} –\n"),
        other => format!("{name:<14} {other}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_line_a_transaction_and_says_when_there_is_none() {
        assert_eq!(list(&json!([])), "没有业务 / no transactions\n");
        let row = json!({
            "sequence": 7, "id": "014ef149-7500-7588-a67f-4af7d65f3e97", "state": "acked", "attempts": 2,
            "scenario": "medical-settlement", "amount": "30000.00", "provisional": true, "differs": [],
        });
        let mut otherwise = row.clone();
        otherwise["differs"] = json!(["psn_cash_pay"]);
        let mut revised = row.clone();
        revised["differs"] = json!(["psn_cash_pay", "reconciled-2"]);
        assert!(list(&json!([revised])).ends_with("暂结 与中心结算不符 修订 2\n"));
        let mut later = row.clone();
        later["differs"] = json!(["outcome"]);
        assert!(list(&json!([later])).ends_with("暂结 未告知\n"));
        let mut waits = row.clone();
        waits["reason"] = json!("E-UPLINK-FAILED HTTP 500");
        assert!(list(&json!([waits])).ends_with("暂结 E-UPLINK-FAILED HTTP 500\n"));
        let mut refused = row.clone();
        refused["refusal"] = json!("C-ALREADY");
        let remedy = wire::errors::ALREADY.remedy;
        let line = list(&json!([refused]));
        assert!(line.contains(&format!("\n      C-ALREADY 办法：{}（经办人员）", remedy.zh)), "{line}");
        assert!(told(&refused).contains(remedy.en) && told(&row).is_empty());
        refused["refusal"] = json!("-1");
        assert!(told(&refused).contains(wire::errors::OTHER.remedy.zh), "another centre's code");
        let text = list(&json!([row, otherwise]));
        assert_eq!(text.lines().map(|line| line.ends_with("暂结 与中心结算不符")).collect::<Vec<_>>(), [false, true]);
        for part in ["    7 014ef149", " acked ", " medical-settlement ", " 30000.00 ×2 暂结"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_state_is_known_by_its_name() {
        assert_eq!(state("handed-over"), Ok(State::HandedOver));
        assert!(state("lost").unwrap_err().contains("pending, sending, handed-over"));
    }
}
