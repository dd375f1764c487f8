//! `sbkd card account`: the medical account on the card.

use serde_json::{Value, json};

use super::super::direct::{Settings, Way};
use super::super::{Outcome, Problem, Shell};
use super::open::tell;
use crate::card::Journal;
use crate::card::account::{Kept, Outcome as Became};
use crate::terminal::holder_card::{LoadCard, PayFromCard, ReadBalance, SettleAccount};
use crate::value::Fen;

/// Arguments of `sbkd card account`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    way: Way,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What the account holds, and what was summed up in the year; without a command
    Balance {
        #[command(flatten)]
        way: Way,
    },
    /// Pay from the account, in yuan; the PSAM proves the terminal
    Pay {
        /// From the account
        #[arg(long, value_name = "YUAN")]
        account: Fen,
        /// What the holder pays himself, which the card sums up
        #[arg(long, value_name = "YUAN", default_value = "0")]
        self_pay: Fen,
        /// What the pooling fund pays, which the card sums up
        #[arg(long, value_name = "YUAN", default_value = "0")]
        pool: Fen,
        #[command(flatten)]
        way: Way,
    },
    /// Load the account, in yuan; for who has the load key
    Load {
        #[arg(value_name = "YUAN")]
        amount: Fen,
        #[command(flatten)]
        way: Way,
    },
    /// Ask the card what became of a transaction that was torn
    Settle {
        /// Let go of what is not known instead; for who found out otherwise what became of it
        #[arg(long)]
        discard: bool,
        #[command(flatten)]
        way: Way,
    },
    /// List what is open on any card: not known yet, or known and not told; needs no card
    Open,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    match &args.command {
        None => balance(&args.way, shell),
        Some(Command::Balance { way }) => balance(way, shell),
        Some(Command::Pay { account, self_pay, pool, way }) => {
            let task = PayFromCard { account: *account, self_pay: *self_pay, pool: *pool };
            tell(&task, way, shell, |paid| moved("已支付", "paid", paid))
        }
        Some(Command::Load { amount, way }) => {
            tell(&LoadCard { amount: *amount }, way, shell, |loaded| moved("已划入", "loaded", loaded))
        }
        Some(Command::Open) => open(shell),
        Some(Command::Settle { discard, way }) => settle(*discard, way, shell),
    }
}

fn balance(way: &Way, shell: &Shell) -> Outcome {
    tell(&ReadBalance {}, way, shell, |shown| {
        let year = |sum: &Value| sum["year"].as_u64().map_or_else(|| "–".to_owned(), |year| year.to_string());
        format!(
            "账户余额：{}\n个人自付累计：{}（{}）\n统筹支付累计：{}（{}）",
            word(&shown["account"]),
            word(&shown["self_paid"]["amount"]),
            year(&shown["self_paid"]),
            word(&shown["pooled"]["amount"]),
            year(&shown["pooled"]),
        )
    })
}

fn settle(discard: bool, way: &Way, shell: &Shell) -> Outcome {
    tell(&SettleAccount { discard }, way, shell, |shown| match (&shown["discarded"], shown["settled"].as_array()) {
        (Value::Null, Some(settled)) if settled.is_empty() => {
            "该卡没有结果未知的交易 / no transaction on this card was torn".to_owned()
        }
        (Value::Null, Some(settled)) => lines(settled),
        (discarded, settled) => {
            let discarded = format!("已放弃 {discarded} 项 / {discarded} discarded");
            let known = lines(settled.map_or(&[], Vec::as_slice));
            if known.is_empty() { discarded } else { format!("{discarded}\n{known}") }
        }
    })
}

fn lines(settled: &[Value]) -> String {
    settled.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What is kept of any card. No card is needed for it, nor the PSAM.
fn open(shell: &Shell) -> Outcome {
    let settings = Settings::of(shell)?;
    let (store, key) = settings.writes()?;
    let kept = Journal::new(store, &key, &settings.random).kept_of_all();
    let kept = kept.map_err(|error| Problem::from_error(&error))?;
    let shown: Vec<Value> = kept.iter().map(listed).collect();
    shell.show(&shown, || match kept.as_slice() {
        [] => "没有未了结的账户交易 / no transaction on an account is open".to_owned(),
        _ => shown.iter().map(described).collect::<Vec<_>>().join("\n"),
    });
    Ok(())
}

fn listed(kept: &Kept) -> Value {
    let intent = &kept.intent;
    json!({
        "kind": intent.kind.name(),
        "sequence": intent.sequence,
        "account": Fen::from(intent.payment.account),
        "self_pay": Fen::from(intent.payment.self_pay),
        "pool": Fen::from(intent.payment.pool),
        "terminal": hex::encode_upper(intent.terminal),
        "terminal_sequence": intent.terminal_sequence,
        "time": hex::encode_upper(intent.time),
        "done": kept.outcome.map(|outcome| matches!(outcome, Became::Done(_))),
        "tac": kept.outcome.and_then(|outcome| outcome.tac()).map(hex::encode_upper),
    })
}

fn described(listed: &Value) -> String {
    format!("{} {}", word(&listed["time"]), line(listed))
}

/// A transaction and what became of it.
fn line(one: &Value) -> String {
    let became = match one["done"].as_bool() {
        Some(true) => "卡已执行 / carried out",
        Some(false) => "卡未执行 / not carried out",
        None => "结果未知 / not known",
    };
    format!("{} {}：{became}\n{}", word(&one["kind"]), word(&one["account"]), numbers(one))
}

fn moved(zh: &str, en: &str, shown: &Value) -> String {
    format!("{zh}，余额 {0} / {en}, the account holds {0}\n{1}", word(&shown["balance"]), numbers(shown))
}

/// What a transaction is found by and proven to the issuer with. Once it was shown it is nowhere else.
fn numbers(one: &Value) -> String {
    let number = |name| one[name].as_u64().map_or_else(|| "–".to_owned(), |number: u64| number.to_string());
    format!(
        "交易序号：{}\n终端机编号：{}\n终端交易序号：{}\nTAC：{}",
        number("sequence"),
        word(&one["terminal"]),
        number("terminal_sequence"),
        word(&one["tac"]),
    )
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("–")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_what_a_transaction_is_found_and_proven_by() {
        let one = json!({
            "kind": "purchase", "sequence": 7, "account": "73.45", "terminal": "440100000001",
            "terminal_sequence": 3, "time": "20261127150000", "done": true, "tac": "A1B2C3D4", "balance": "1.00",
        });
        let listed = json!([one.clone()]);
        let settled = lines(listed.as_array().unwrap());
        for text in [moved("已支付", "paid", &one), settled, described(&one)] {
            for line in ["交易序号：7", "终端机编号：440100000001", "终端交易序号：3", "TAC：A1B2C3D4"]
            {
                assert!(text.lines().any(|found| found == line), "{line}: {text}");
            }
        }
        // A load has no number of the terminal's.
        assert!(numbers(&json!({ "sequence": 7, "tac": null })).ends_with("终端交易序号：–\nTAC：–"));
    }
}
