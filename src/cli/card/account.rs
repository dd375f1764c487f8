//! `sbkd card account`: the medical account on the card.

use serde_json::{Value, json};

use super::super::direct::{Settings, Way};
use super::super::{Outcome, Problem, Shell};
use super::open::{direct, let_go, with_journal, with_pin};
use crate::card::account::{
    AccountError, Amount, Balance, Intent, Kept, Outcome as Became, Payment, Receipt, Settled, Yearly,
};
use crate::card::{Card, HolderPin, Journal};
use crate::keys::Checked;
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
        /// Let go of it instead; for who found out otherwise what became of it
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
            let amount = |fen: &Fen| Amount::try_from(*fen).map_err(|error| Problem::from_error(&error));
            let payment = Payment { account: amount(account)?, self_pay: amount(self_pay)?, pool: amount(pool)? };
            pay(payment, way, shell)
        }
        Some(Command::Load { amount, way }) => {
            load(Amount::try_from(*amount).map_err(|error| Problem::from_error(&error))?, way, shell)
        }
        Some(Command::Open) => open(shell),
        Some(Command::Settle { discard: false, way }) => settle(way, shell),
        Some(Command::Settle { discard: true, way }) => discard(way, shell),
    }
}

/// Verifies the PIN where a person entered one.
fn identified(card: &mut Card<'_>, pin: Option<HolderPin>) -> Result<(), AccountError> {
    Ok(pin.map_or(Ok(()), |pin| card.verify(pin))?)
}

fn balance(way: &Way, shell: &Shell) -> Outcome {
    let settings = direct(way, shell)?;
    let balance: Balance = with_pin(way, &settings, shell, false, |card, pin| {
        identified(card, pin)?;
        card.balance()
    })?;
    let yearly = |yearly: Yearly| json!({ "amount": yuan(yearly.amount), "year": yearly.year });
    let shown = json!({
        "account": yuan(balance.account),
        "self_paid": yearly(balance.self_paid),
        "pooled": yearly(balance.pooled),
    });
    let year = |year: Option<u16>| year.map_or_else(|| "–".to_owned(), |year| year.to_string());
    shell.show(&shown, || {
        format!(
            "账户余额：{}\n个人自付累计：{}（{}）\n统筹支付累计：{}（{}）",
            yuan(balance.account),
            yuan(balance.self_paid.amount),
            year(balance.self_paid.year),
            yuan(balance.pooled.amount),
            year(balance.pooled.year),
        )
    });
    Ok(())
}

fn pay(payment: Payment, way: &Way, shell: &Shell) -> Outcome {
    let settings = direct(way, shell)?;
    let paid = with_journal(way, &settings, shell, false, |card, journal, pin| {
        identified(card, pin.take())?;
        card.pay(payment, journal)
    })?;
    let checked = match paid.checked {
        Some(Checked::Proven) => "proven",
        Some(Checked::Unchecked) => "unchecked",
        None => "failed",
    };
    let shown = json!({
        "sequence": paid.sequence,
        "terminal": hex::encode_upper(paid.terminal),
        "terminal_sequence": paid.terminal_sequence,
        "time": hex::encode_upper(paid.time),
        "tac": hex::encode_upper(paid.tac),
        "balance": yuan(paid.balance),
        "proof": checked,
    });
    shell.show(&shown, || format!("已支付，余额 {} / paid, the account holds {0}", yuan(paid.balance)));
    let_go(&settings, shell, &[paid.receipt]);
    Ok(())
}

fn load(amount: Amount, way: &Way, shell: &Shell) -> Outcome {
    let settings = direct(way, shell)?;
    let loaded = with_journal(way, &settings, shell, false, |card, journal, pin| {
        identified(card, pin.take())?;
        card.load_account(amount, journal)
    })?;
    let shown = json!({
        "sequence": loaded.sequence,
        "terminal": hex::encode_upper(loaded.terminal),
        "time": hex::encode_upper(loaded.time),
        "tac": hex::encode_upper(loaded.tac),
        "balance": yuan(loaded.balance),
    });
    shell.show(&shown, || format!("已划入，余额 {} / loaded, the account holds {0}", yuan(loaded.balance)));
    let_go(&settings, shell, &[loaded.receipt]);
    Ok(())
}

fn settle(way: &Way, shell: &Shell) -> Outcome {
    let settings = direct(way, shell)?;
    let settled = with_journal(way, &settings, shell, false, |card, journal, pin| {
        identified(card, pin.take())?;
        card.settle_account(journal)
    })?;
    let shown: Vec<Value> = settled.iter().map(told).collect();
    shell.show(&json!({ "settled": shown }), || match settled.as_slice() {
        [] => "该卡没有结果未知的交易 / no transaction on this card was torn".to_owned(),
        settled => settled.iter().map(|one| line(&one.intent, Some(one.outcome))).collect::<Vec<_>>().join("\n"),
    });
    let receipts: Vec<Receipt> = settled.iter().map(|one| one.receipt).collect();
    let_go(&settings, shell, &receipts);
    Ok(())
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
        kept => kept.iter().map(described).collect::<Vec<_>>().join("\n"),
    });
    Ok(())
}

fn discard(way: &Way, shell: &Shell) -> Outcome {
    let settings = direct(way, shell)?;
    let discarded: usize =
        with_journal(way, &settings, shell, false, |card, journal, _| card.discard_account(journal))?;
    tracing::info!(target: "audit", discarded, "transactions on a card's account were let go of");
    shell.show(&json!({ "discarded": discarded }), || format!("已放弃 {discarded} 项 / {discarded} discarded"));
    Ok(())
}

fn told(settled: &Settled) -> Value {
    let mut shown = moved(&settled.intent);
    shown["done"] = json!(matches!(settled.outcome, Became::Done(_)));
    shown["tac"] = json!(settled.outcome.tac().map(hex::encode_upper));
    shown
}

fn listed(kept: &Kept) -> Value {
    let mut shown = moved(&kept.intent);
    shown["done"] = json!(kept.outcome.map(|outcome| matches!(outcome, Became::Done(_))));
    shown["tac"] = json!(kept.outcome.and_then(|outcome| outcome.tac()).map(hex::encode_upper));
    shown
}

fn moved(intent: &Intent) -> Value {
    json!({
        "kind": intent.kind.name(),
        "sequence": intent.sequence,
        "account": yuan(intent.payment.account),
        "self_pay": yuan(intent.payment.self_pay),
        "pool": yuan(intent.payment.pool),
        "terminal": hex::encode_upper(intent.terminal),
        "terminal_sequence": intent.terminal_sequence,
        "time": hex::encode_upper(intent.time),
    })
}

fn described(kept: &Kept) -> String {
    let intent = &kept.intent;
    let (time, terminal) = (hex::encode(intent.time), hex::encode(intent.terminal));
    format!("{time} {terminal} {}", line(intent, kept.outcome))
}

fn line(intent: &Intent, outcome: Option<Became>) -> String {
    let became = match outcome {
        Some(Became::Done(_)) => "卡已执行 / carried out",
        Some(Became::NotDone) => "卡未执行 / not carried out",
        None => "结果未知 / not known",
    };
    format!("{} {}：{became}", intent.kind.name(), yuan(intent.payment.account))
}

/// Yuan with two places.
fn yuan(amount: Amount) -> String {
    Fen::from(amount).to_string()
}
