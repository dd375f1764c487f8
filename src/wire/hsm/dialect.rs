//! What differs between the security modules of one place and another, as a setting of a deployment.

use serde::{Deserialize, Serialize};

use super::Template;
use crate::cipher::Algorithm;

/// The form of the strings at one deployment: each field is a point where public drivers differ (card-facts §4.5, ⚠).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialect {
    /// How an algorithm is named.
    pub algorithm: AlgorithmForm,
    /// How much of the answer to reset is given.
    pub reset: ResetForm,
    /// What becomes of the terminal's number, the ninth field of iReadCardBas_HSM_Step1.
    pub terminal: TerminalForm,
    /// What stands for the terminal's proof in iReadCardBas_HSM_Step2 where none was asked for.
    pub no_external: NoExternalForm,
    /// iReloadPIN_HSM_Step2 ends without a bar behind the PIN, as in one trace.
    pub open_end: bool,
    /// What stands for the PIN in iUnblockPIN_HSM_Step2, which has none.
    #[serde(skip_serializing_if = "NoExternalForm::is_absent")]
    pub no_pin: NoExternalForm,
    /// What a security module says for iReloadPIN_HSM_Step3 and iUnblockPIN_HSM_Step3; either is taken.
    pub sealed: SealedForm,
    /// The strings of iDoDebit_HSM, which are not publicly known: without them no purchase is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debit: Option<DebitForm>,
}

/// How an algorithm is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlgorithmForm {
    /// `01`, `02`, `03`.
    #[default]
    Number,
    /// `DES`, `SSF33`, `SM4`, as one vendor's driver says.
    Name,
}

impl AlgorithmForm {
    pub(super) fn print(self, algorithm: Algorithm) -> &'static str {
        match (self, algorithm) {
            (Self::Number, Algorithm::TripleDes) => "01",
            (Self::Number, Algorithm::Ssf33) => "02",
            (Self::Number, Algorithm::Sm4) => "03",
            (Self::Name, Algorithm::TripleDes) => "DES",
            (Self::Name, Algorithm::Ssf33) => "SSF33",
            (Self::Name, Algorithm::Sm4) => "SM4",
        }
    }

    pub(super) fn parse(self, text: &str) -> Option<Algorithm> {
        [Algorithm::TripleDes, Algorithm::Ssf33, Algorithm::Sm4]
            .into_iter()
            .find(|algorithm| self.print(*algorithm) == text)
    }
}

/// How much of the answer to reset is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResetForm {
    /// The 13 historical bytes.
    #[default]
    Historical,
    /// All of it.
    Whole,
}

/// What becomes of the terminal's number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TerminalForm {
    /// Its twelve digits; twelve zeros where it has none.
    #[default]
    Number,
    /// An empty field.
    Empty,
    /// No field.
    Absent,
}

/// What stands for a proof that was not asked for, and for a PIN that is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoExternalForm {
    /// Nothing.
    #[default]
    Absent,
    /// An empty field.
    Empty,
}

impl NoExternalForm {
    fn is_absent(&self) -> bool {
        *self == Self::Absent
    }
}

/// What a third step takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SealedForm {
    /// The command's data: the enciphered PIN, where there is one, and the MAC.
    #[default]
    Data,
    /// The whole command.
    Command,
}

/// The two strings of iDoDebit_HSM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebitForm {
    /// What Step1 gives.
    pub step1: Template,
    /// What Step2 takes.
    pub step2: Template,
}
