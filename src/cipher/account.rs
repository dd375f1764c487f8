//! The MACs and TACs of the medical account (card-facts §4.4, STD-7), whose inputs are data: `config/card/account.toml`.

use serde::Deserialize;

use super::{SessionKey, mac};

const BUILT_IN: &str = include_str!("../../config/card/account.toml");

/// A field of what is authenticated. Amounts are four bytes, unsigned, in 分.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The account's balance: before a load in its MAC1, after it in its TAC.
    Balance,
    /// The card's transaction sequence number, 2 bytes.
    Sequence,
    /// The amount loaded into the account, or paid from it.
    Account,
    /// What the holder pays himself (个人自付).
    SelfPay,
    /// What the pooling fund pays (统筹基金).
    Pool,
    /// 交易类型, 1 byte.
    Type,
    /// 终端机编号, 6 bytes of packed BCD.
    Terminal,
    /// The terminal's own transaction sequence number, 4 bytes.
    TerminalSequence,
    /// The time, 7 bytes of packed BCD.
    Time,
}

/// What one transaction is about. A load has an amount only ([`account`](Self::account)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transaction {
    /// See [`Field::Balance`].
    pub balance: u32,
    /// See [`Field::Sequence`].
    pub sequence: u16,
    /// See [`Field::Account`].
    pub account: u32,
    /// See [`Field::SelfPay`].
    pub self_pay: u32,
    /// See [`Field::Pool`].
    pub pool: u32,
    /// See [`Field::Terminal`].
    pub terminal: [u8; 6],
    /// See [`Field::TerminalSequence`].
    pub terminal_sequence: u32,
    /// See [`Field::Time`].
    pub time: [u8; 7],
}

/// The inputs of the account's two kinds of transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formulas {
    /// 账户划入.
    pub load: Formula,
    /// 医疗结算.
    pub purchase: Formula,
}

/// The inputs of one kind of transaction. MACs are made with its process key, the TAC with [`Suite::tac_key`].
///
/// [`Suite::tac_key`]: super::Suite::tac_key
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formula {
    /// 交易类型: one byte of the MACs, the type in the card's transaction log, and P2 of GET TRANSACTION PROOF.
    #[serde(rename = "type")]
    pub code: u8,
    mac1: Vec<Field>,
    mac2: Vec<Field>,
    tac: Vec<Field>,
    /// What is added to INITIALIZE's number for GET TRANSACTION PROOF.
    #[serde(default)]
    proof_number: i8,
    /// What is added to it in the card's log.
    #[serde(default)]
    log_number: i8,
}

/// Why a text is not the account's formulas: the parser's words, which quote no value of a card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the formulas of an account: {message}")]
pub struct FormulaError {
    /// The byte of the text where it is; 0 where it is in no one place.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl FormulaError {
    fn of_all(message: &str) -> Self {
        Self { at: 0, message: message.to_owned() }
    }
}

impl Formulas {
    /// What ships with the program.
    ///
    /// # Errors
    /// Never: a test parses it.
    pub fn builtin() -> Result<Self, FormulaError> {
        Self::parse(BUILT_IN)
    }

    /// Reads `[load]` and `[purchase]`, each with `type`, `mac1`, `mac2` and `tac`, and where they are not 0 with
    /// `proof_number` and `log_number`.
    ///
    /// # Errors
    /// When something else stands there, a list is empty, or a load's input names what a load does not have then.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        let formulas: Self = toml::from_str(text).map_err(|error: toml::de::Error| FormulaError {
            at: error.span().map_or(0, |span| span.start),
            message: error.message().to_owned(),
        })?;
        let Self { load, purchase } = &formulas;
        if [load, purchase].iter().any(|one| [&one.mac1, &one.mac2, &one.tac].iter().any(|list| list.is_empty())) {
            return Err(FormulaError::of_all("an input without a field"));
        }
        let purchases_only = [Field::SelfPay, Field::Pool, Field::TerminalSequence];
        let unknown = |list: &[Field]| list.iter().any(|field| purchases_only.contains(field));
        if unknown(&load.mac1) || unknown(&load.mac2) || unknown(&load.tac) || load.mac1.contains(&Field::Time) {
            return Err(FormulaError::of_all("a load's input names what is not known of a load"));
        }
        Ok(formulas)
    }
}

impl Formula {
    /// MAC1: of the card to the terminal for a load, of the PSAM to the card for a purchase.
    pub fn mac1(&self, process: &SessionKey, about: &Transaction) -> [u8; 4] {
        mac(process, [0; 8], &self.input(&self.mac1, about))
    }

    /// MAC2: of the issuer to the card for a load, of the card to the PSAM for a purchase.
    pub fn mac2(&self, process: &SessionKey, about: &Transaction) -> [u8; 4] {
        mac(process, [0; 8], &self.input(&self.mac2, about))
    }

    /// TAC: of the card to the issuer.
    pub fn tac(&self, tac_key: &SessionKey, about: &Transaction) -> [u8; 4] {
        mac(tac_key, [0; 8], &self.input(&self.tac, about))
    }

    /// By which number GET TRANSACTION PROOF knows the transaction whose INITIALIZE answered this one.
    pub fn proof_number(&self, sequence: u16) -> u16 {
        sequence.wrapping_add_signed(self.proof_number.into())
    }

    /// Which number the card's log has of the transaction whose INITIALIZE answered this one.
    pub fn log_number(&self, sequence: u16) -> u16 {
        sequence.wrapping_add_signed(self.log_number.into())
    }

    /// The bytes MAC1 is made over: what a PSAM or a security module is given that makes it itself.
    pub fn mac1_input(&self, about: &Transaction) -> Vec<u8> {
        self.input(&self.mac1, about)
    }

    /// The bytes MAC2 is made over.
    pub fn mac2_input(&self, about: &Transaction) -> Vec<u8> {
        self.input(&self.mac2, about)
    }

    fn input(&self, fields: &[Field], about: &Transaction) -> Vec<u8> {
        let mut input = Vec::with_capacity(40);
        for field in fields {
            match field {
                Field::Balance => input.extend(about.balance.to_be_bytes()),
                Field::Sequence => input.extend(about.sequence.to_be_bytes()),
                Field::Account => input.extend(about.account.to_be_bytes()),
                Field::SelfPay => input.extend(about.self_pay.to_be_bytes()),
                Field::Pool => input.extend(about.pool.to_be_bytes()),
                Field::Type => input.push(self.code),
                Field::Terminal => input.extend(about.terminal),
                Field::TerminalSequence => input.extend(about.terminal_sequence.to_be_bytes()),
                Field::Time => input.extend(about.time),
            }
        }
        input
    }
}

/// The process factor of a purchase: the card's random ‖ its purchase sequence number ‖ the low two bytes of the
/// terminal's (card-facts §4.4).
pub fn purchase_factor(random: [u8; 4], sequence: u16, terminal_sequence: u32) -> [u8; 8] {
    let [_, _, high, low] = terminal_sequence.to_be_bytes();
    factor(random, sequence, [high, low])
}

/// The process factor of a load: the card's random ‖ its load sequence number ‖ 8000 (card-facts §4.4).
pub fn load_factor(random: [u8; 4], sequence: u16) -> [u8; 8] {
    factor(random, sequence, [0x80, 0x00])
}

fn factor(random: [u8; 4], sequence: u16, tail: [u8; 2]) -> [u8; 8] {
    let (random, sequence) = (random, sequence.to_be_bytes());
    std::array::from_fn(|at| match at {
        0..4 => random[at],
        4 | 5 => sequence[at - 4],
        _ => tail[at - 6],
    })
}
