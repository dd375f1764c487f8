//! `sbkd reconcile`: a day's settlements held against the centre.

use clap::ValueEnum;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::client::{Daemon, text};
use super::{Outcome, Shell};

/// Arguments of `sbkd reconcile`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hold a day against the centre (对总账, 对明细账)
    Run {
        /// The day, as in 2015-08-03
        #[arg(long, value_name = "DATE")]
        date: Date,
        /// Who has it run
        #[arg(long, value_name = "NAME", default_value = "cli")]
        operator: String,
    },
    /// List the days that were held against the centre
    List,
    /// Show a day with its differences
    Show {
        /// The day
        date: Date,
    },
    /// Repair one difference
    Repair {
        /// Its number
        id: u64,
        /// What is done
        #[arg(long, value_enum)]
        action: RepairAction,
        /// What is noted; refer needs it, and reverse of what is not known here
        #[arg(long, value_name = "TEXT")]
        remark: Option<String>,
        /// Who repairs it
        #[arg(long, value_name = "NAME", default_value = "cli")]
        operator: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RepairAction {
    /// Take it back at the centre: the holder was told that nothing was settled. One that is not known here needs a
    /// remark: it may have been settled and paid here before the journal was set aside
    Reverse,
    /// Take the centre's figures over
    Adopt,
    /// Note that it is dealt with elsewhere
    Refer,
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    let daemon = Daemon::of(shell)?;
    match args.command {
        Command::Run { date, operator } => {
            let day = daemon.post_and_wait("/v1/reconciliations", &json!({ "date": date, "operator": operator }))?;
            shell.show(&day, || sheet(&day));
        }
        Command::List => {
            let runs = daemon.get("/v1/reconciliations")?;
            shell.show(&runs, || list(&runs));
        }
        Command::Show { date } => {
            let day = daemon.get(&format!("/v1/reconciliations/{date}"))?;
            shell.show(&day, || sheet(&day));
        }
        Command::Repair { id, action, remark, operator } => {
            let action = action.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            let body = json!({ "action": action, "operator": operator, "remark": remark });
            let repaired = daemon.post_and_wait(&format!("/v1/reconciliations/differences/{id}/repair"), &body)?;
            shell.show(&repaired, || repaired.as_object().map(difference).unwrap_or_default());
        }
    }
    Ok(())
}

fn list(runs: &Value) -> String {
    let lines: String = runs.as_array().into_iter().flatten().filter_map(Value::as_object).map(day).collect();
    if lines.is_empty() { "没有对账 / no reconciliation\n".to_owned() } else { lines }
}

fn day(run: &Map<String, Value>) -> String {
    let open = run.get("open").and_then(Value::as_u64).unwrap_or_default();
    let under_way = run.get("under_way").and_then(Value::as_u64).unwrap_or_default();
    let mut told = Vec::new();
    if open > 0 {
        told.push(format!("{open} 笔待处理 / open"));
    }
    if under_way > 0 {
        told.push(format!("{under_way} 笔结果未明 / under way"));
    }
    if !run.get("totals").and_then(Value::as_array).into_iter().flatten().all(is_same) {
        told.push("合计不等 / totals differ".to_owned());
    }
    if told.is_empty() {
        told.push("平 / clean".to_owned());
    }
    format!("{} {} {}\n", text(run, "date"), text(run, "run_at"), told.join(" "))
}

fn is_same(totals: &Value) -> bool {
    (&totals["here"], &totals["here_count"]) == (&totals["centre"], &totals["centre_count"])
}

fn sheet(reconciled: &Value) -> String {
    let mut out = reconciled["run"].as_object().map(day).unwrap_or_default();
    for totals in reconciled["run"]["totals"].as_array().into_iter().flatten().filter_map(Value::as_object) {
        for (side, name) in [("本机", "here"), ("中心", "centre")] {
            let figures = totals.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
            let count = totals.get(&format!("{name}_count")).map(Value::to_string).unwrap_or_default();
            out += &format!(
                "  {} {side} {count:>5} 笔 总额 {:>14} 基金 {:>14} 账户 {:>14} 现金 {:>14}\n",
                text(totals, "insutype"),
                text(&figures, "medfee_sumamt"),
                text(&figures, "fund_pay_sumamt"),
                text(&figures, "acct_pay"),
                text(&figures, "psn_cash_pay"),
            );
        }
    }
    out.extend(reconciled["differences"].as_array().into_iter().flatten().filter_map(Value::as_object).map(difference));
    out
}

fn difference(found: &Map<String, Value>) -> String {
    let what = match text(found, "kind") {
        "centre-only" => "仅中心有 / at the centre only",
        "unknown-here" => "流水中没有、中心有 / not known here, at the centre",
        "unclear" => "本机记录不明 / unclear here",
        "totals" => "合计不等而无明细差异 / other totals without a detail",
        "here-only" => "仅本机有 / here only",
        _ => "金额不同 / other figures",
    };
    let names = |name: &str| {
        let all = found.get(name).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    let repair = match found.get("repair").and_then(Value::as_object) {
        Some(repair) => {
            format!("已处理 {} {} {}", text(repair, "action"), text(repair, "operator"), text(repair, "remark"))
        }
        None => format!("可用 --action: {}", names("actions")),
    };
    let id = found.get("id").map(Value::to_string).unwrap_or_default();
    format!("  #{id} {what} {} {} {} {repair}\n", text(found, "msgid"), text(found, "state"), names("fields"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_told_with_both_sides_and_each_difference() {
        let figures = json!({"medfee_sumamt": "30000.00", "fund_pay_sumamt": "22720.00", "acct_pay": "500.00", "psn_cash_pay": "6780.00"});
        let found = json!({
            "id": 3, "kind": "centre-only", "msgid": "M1", "state": "void", "fields": [], "actions": ["reverse", "refer"], "repair": null,
        });
        let run = json!({
            "date": "2015-08-03", "run_at": "2015-08-04T00:00:00Z", "open": 1,
            "totals": [{"insutype": "310", "here": figures, "here_count": 1, "centre": figures, "centre_count": 2}],
        });
        let text = sheet(&json!({ "run": run, "differences": [found] }));
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.contains("合计不等"), "{text}");
        let quiet = json!({"date": "2015-08-03", "run_at": "-", "open": 0, "under_way": 1, "totals": []});
        assert_eq!(list(&json!([quiet])), "2015-08-03 - 1 笔结果未明 / under way\n");
        let clean = json!({"date": "2015-08-03", "run_at": "-", "open": 0, "under_way": 0, "totals": []});
        assert_eq!(list(&json!([clean])), "2015-08-03 - 平 / clean\n");
        for part in ["1 笔待处理", "310 中心     2 笔 总额       30000.00", "#3 仅中心有", "--action: reverse refer"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(list(&json!([])), "没有对账 / no reconciliation\n");
    }
}
