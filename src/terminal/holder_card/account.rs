//! The medical account on the card: what it holds, purchases and loads, and what became of those whose end was not seen.
//!
//! What was moved stays kept until whoever wanted it was told (`receipts`); until then nothing of its kind is begun on the
//! card. So an answer that nobody heard leads to no second payment: it is refused until that is asked for.

use serde::{Deserialize, Serialize};

use super::{CardTask, Desk, Entered};
use crate::card::Card;
use crate::card::account::{AccountError, Amount, DIRECTORY, Outcome, Payment, Receipt, Settled, Yearly};
use crate::keys::Checked;
use crate::value::Fen;

/// Says what the account holds, and what was summed up in the year.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadBalance {}

/// Pays from the account, in yuan; the PSAM proves the terminal.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayFromCard {
    /// From the account.
    pub account: Fen,
    /// What the holder pays himself, which the card sums up.
    #[serde(default)]
    pub self_pay: Fen,
    /// What the pooling fund pays, which the card sums up.
    #[serde(default)]
    pub pool: Fen,
}

/// Loads the account, in yuan; for who has the load key.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadCard {
    /// How much.
    pub amount: Fen,
}

/// Asks the card what became of transactions that nobody was told of.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleAccount {
    /// Let go of those instead of which it is not known; for who found out otherwise what became of them. Audited.
    #[serde(default)]
    pub discard: bool,
}

/// What a card says of its account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountBalance)]
pub struct Balance {
    /// 个人账户余额.
    account: Fen,
    /// 个人自付累计.
    self_paid: Sum,
    /// 统筹支付累计.
    pooled: Sum,
}

/// What was summed up in a year.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountSum)]
pub struct Sum {
    amount: Fen,
    /// Null where the card never began one.
    #[schema(required)]
    year: Option<u16>,
}

/// A purchase that was carried out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CardPaid)]
pub struct PaidFromCard {
    /// The card's number of it.
    sequence: u16,
    /// 终端机编号, hex.
    terminal: String,
    /// 终端交易序号.
    terminal_sequence: u32,
    /// `YYYYMMDDhhmmss`.
    time: String,
    /// Its certificate for the issuer, hex.
    tac: String,
    /// What the account holds now.
    balance: Fen,
    /// Of the card's answer: `proven`, `unchecked` or `failed`. The card has paid whichever it is.
    proof: &'static str,
    #[serde(skip)]
    receipt: Receipt,
}

/// A load that was carried out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CardLoaded {
    /// The card's number of it.
    sequence: u16,
    /// 终端机编号, hex.
    terminal: String,
    /// `YYYYMMDDhhmmss`.
    time: String,
    /// Its certificate for the issuer, hex.
    tac: String,
    /// What the account holds now.
    balance: Fen,
    #[serde(skip)]
    receipt: Receipt,
}

/// What became of what was asked for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum AccountSettled {
    /// The card said.
    Settled {
        /// Each transaction.
        settled: Vec<SettledOnCard>,
    },
    /// Let go of.
    Discarded {
        /// How many.
        discarded: usize,
        /// Each of which it was known already what became: it is not let go of, but told.
        settled: Vec<SettledOnCard>,
    },
}

/// A transaction of which it is known what became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SettledOnCard {
    /// `purchase` or `load`.
    kind: &'static str,
    /// The card's number of it.
    sequence: u16,
    /// From the account, or onto it.
    account: Fen,
    /// What the holder paid himself.
    self_pay: Fen,
    /// What the pooling fund paid.
    pool: Fen,
    /// 终端机编号, hex.
    terminal: String,
    /// 终端交易序号; 0 for a load.
    terminal_sequence: u32,
    /// `YYYYMMDDhhmmss`.
    time: String,
    /// The card carried it out.
    done: bool,
    /// Its certificate for the issuer, hex; null where it was not carried out, or the card proves it no more.
    #[schema(required)]
    tac: Option<String>,
    #[serde(skip)]
    receipt: Receipt,
}

impl From<Yearly> for Sum {
    fn from(yearly: Yearly) -> Self {
        Self { amount: yearly.amount.into(), year: yearly.year }
    }
}

impl From<Settled> for SettledOnCard {
    fn from(Settled { receipt, intent, outcome }: Settled) -> Self {
        Self {
            kind: intent.kind.name(),
            sequence: intent.sequence,
            account: intent.payment.account.into(),
            self_pay: intent.payment.self_pay.into(),
            pool: intent.payment.pool.into(),
            terminal: hex::encode_upper(intent.terminal),
            terminal_sequence: intent.terminal_sequence,
            time: hex::encode_upper(intent.time),
            done: matches!(outcome, Outcome::Done(_)),
            tac: outcome.tac().map(hex::encode_upper),
            receipt,
        }
    }
}

impl CardTask for ReadBalance {
    type Done = Balance;
    const PATH: &'static str = "/v1/card/account/balance";

    fn carry_out(&self, card: &mut Card<'_>, _: &dyn Desk, entered: &mut Entered) -> Result<Balance, AccountError> {
        identified(card, entered)?;
        let balance = card.balance()?;
        Ok(Balance {
            account: balance.account.into(),
            self_paid: balance.self_paid.into(),
            pooled: balance.pooled.into(),
        })
    }
}

impl CardTask for PayFromCard {
    type Done = PaidFromCard;
    const PATH: &'static str = "/v1/card/account/pay";
    const UNDERTAKES: bool = true;

    fn carry_out(
        &self,
        card: &mut Card<'_>,
        desk: &dyn Desk,
        entered: &mut Entered,
    ) -> Result<PaidFromCard, AccountError> {
        let payment = Payment {
            account: Amount::try_from(self.account)?,
            self_pay: Amount::try_from(self.self_pay)?,
            pool: Amount::try_from(self.pool)?,
        };
        identified(card, entered)?;
        let paid = card.pay(payment, &desk.journal()?)?;
        Ok(PaidFromCard {
            sequence: paid.sequence,
            terminal: hex::encode_upper(paid.terminal),
            terminal_sequence: paid.terminal_sequence,
            time: hex::encode_upper(paid.time),
            tac: hex::encode_upper(paid.tac),
            balance: paid.balance.into(),
            proof: match paid.checked {
                Some(Checked::Proven) => "proven",
                Some(Checked::Unchecked) => "unchecked",
                None => "failed",
            },
            receipt: paid.receipt,
        })
    }

    fn receipts(done: &PaidFromCard) -> Vec<Receipt> {
        vec![done.receipt]
    }
}

impl CardTask for LoadCard {
    type Done = CardLoaded;
    const PATH: &'static str = "/v1/card/account/load";
    const UNDERTAKES: bool = true;

    fn carry_out(
        &self,
        card: &mut Card<'_>,
        desk: &dyn Desk,
        entered: &mut Entered,
    ) -> Result<CardLoaded, AccountError> {
        let amount = Amount::try_from(self.amount)?;
        identified(card, entered)?;
        let loaded = card.load_account(amount, &desk.journal()?)?;
        Ok(CardLoaded {
            sequence: loaded.sequence,
            terminal: hex::encode_upper(loaded.terminal),
            time: hex::encode_upper(loaded.time),
            tac: hex::encode_upper(loaded.tac),
            balance: loaded.balance.into(),
            receipt: loaded.receipt,
        })
    }

    fn receipts(done: &CardLoaded) -> Vec<Receipt> {
        vec![done.receipt]
    }
}

impl CardTask for SettleAccount {
    type Done = AccountSettled;
    const PATH: &'static str = "/v1/card/account/settle";
    const UNDERTAKES: bool = true;

    fn carry_out(
        &self,
        card: &mut Card<'_>,
        desk: &dyn Desk,
        entered: &mut Entered,
    ) -> Result<AccountSettled, AccountError> {
        let journal = desk.journal()?;
        if self.discard {
            let (discarded, known) = card.discard_account(&journal)?;
            tracing::info!(target: "audit", discarded, "transactions on a card's account were let go of");
            let settled = known.into_iter().map(SettledOnCard::from).collect();
            return Ok(AccountSettled::Discarded { discarded, settled });
        }
        identified(card, entered)?;
        let settled = card.settle_account(&journal)?;
        Ok(AccountSettled::Settled { settled: settled.into_iter().map(SettledOnCard::from).collect() })
    }

    fn receipts(done: &AccountSettled) -> Vec<Receipt> {
        let (AccountSettled::Settled { settled } | AccountSettled::Discarded { settled, .. }) = done;
        settled.iter().map(|settled| settled.receipt).collect()
    }
}

/// Verifies the PIN where a person entered one.
fn identified(card: &mut Card<'_>, entered: &mut Entered) -> Result<(), AccountError> {
    Ok(entered.pin.take().map_or(Ok(()), |pin| card.verify_of(DIRECTORY, pin))?)
}
