//! The functions of the interface, a row each (card-facts §5.1). This file stands by itself: the C library is built with it
//! as well, so that daemon and library cannot differ.

/// What a function is called with, by the standard's name of the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// Which way to the card: 1 to 4.
    Type,
    /// By which right the card is read: 1 PIN, 2 key.
    Authority,
    /// Which card is meant.
    CardInfo,
    /// Which items.
    FileAddress,
    /// Which items, with their values.
    WriteData,
    /// What is to be paid.
    PayInfo,
    /// What the HSM answered.
    Key,
    /// The PIN of the certificate's application.
    UserPin,
    /// What is to be signed.
    Data,
    /// A certificate.
    Certificate,
    /// What was signed.
    ClearText,
    /// Its signature.
    Signature,
}

impl Parameter {
    /// Its name in the C declaration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Type => "iType",
            Self::Authority => "iAuthType",
            Self::CardInfo => "pCardInfo",
            Self::FileAddress => "pFileAddr",
            Self::WriteData => "pWriteData",
            Self::PayInfo => "pPayInfo",
            Self::Key => "pKey",
            Self::UserPin => "pUserPin",
            Self::Data => "pInData",
            Self::Certificate => "pCert",
            Self::ClearText => "pClearText",
            Self::Signature => "pSignature",
        }
    }

    /// Whether it is an `int`; the others are `char *`.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Type | Self::Authority)
    }
}

/// One function.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, as it is exported.
    pub name: &'static str,
    /// What it is called with, in order; `pOutInfo` comes last in all of them.
    pub parameters: &'static [Parameter],
    /// Whether what it gives is as long as what was asked for, or as what the card holds: then the setting `largest_output` raises its bound.
    pub as_asked: bool,
}

/// The most bytes that a function writes to `pOutInfo`, the final NUL included, where no setting says otherwise. Callers of
/// the interface use buffers of 1,024 bytes or more (card-facts §5), and it has no parameter that would say how large.
pub const GREATEST: usize = 1024;
/// The longest that a call takes, in seconds: the daemon gives up one that takes longer, the library waits a little longer
/// than that, and what a call waits for by the configuration (its turn, the card, a person at a pad) is less.
pub const LONGEST_CALL: u64 = 180;
/// The most bytes of a parameter that are looked at.
pub const LONGEST: usize = 64 * 1024;

use Parameter::{
    Authority, CardInfo, Certificate, ClearText, Data, FileAddress, Key, PayInfo, Signature, Type, UserPin, WriteData,
};

const fn row(name: &'static str, parameters: &'static [Parameter]) -> Function {
    Function { name, parameters, as_asked: false }
}

const fn as_asked(name: &'static str, parameters: &'static [Parameter]) -> Function {
    Function { name, parameters, as_asked: true }
}

/// All of them.
pub const FUNCTIONS: &[Function] = &[
    row("iReadCardBas", &[Type]),
    as_asked("iReadCard", &[Type, Authority, CardInfo, FileAddress]),
    row("iWriteCard", &[Type, CardInfo, FileAddress, WriteData]),
    row("iVerifyPIN", &[Type]),
    row("iChangePIN", &[Type]),
    row("iReloadPIN", &[Type, CardInfo]),
    row("iUnblockPIN", &[Type, CardInfo]),
    row("iDoDebit", &[Type, CardInfo, PayInfo]),
    as_asked("iReadDebitRecord", &[Type]),
    row("iReadCardBas_HSM_Step1", &[Type]),
    row("iReadCardBas_HSM_Step2", &[Key]),
    row("iReadCard_HSM_Step1", &[Type, CardInfo, FileAddress]),
    as_asked("iReadCard_HSM_Step2", &[Key]),
    row("iWriteCard_HSM_Step1", &[Type, CardInfo, FileAddress]),
    row("iWriteCard_HSM_Step2", &[Key, WriteData]),
    row("iReloadPIN_HSM_Step1", &[Type, CardInfo]),
    row("iReloadPIN_HSM_Step2", &[Key]),
    row("iReloadPIN_HSM_Step3", &[Key]),
    row("iUnblockPIN_HSM_Step1", &[Type, CardInfo]),
    row("iUnblockPIN_HSM_Step2", &[Key]),
    row("iUnblockPIN_HSM_Step3", &[Key]),
    row("iDoDebit_HSM_Step1", &[Type, CardInfo, PayInfo]),
    row("iDoDebit_HSM_Step2", &[Key]),
    as_asked("PKI_SignData", &[UserPin, Data, Type]),
    row("PKI_VerifySign", &[UserPin, Certificate, ClearText, Signature, Type]),
];

impl Function {
    /// The function of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// Its C declaration, as the header has it.
    pub fn declaration(&self) -> String {
        let kind = |parameter: &Parameter| if parameter.is_number() { "int " } else { "char *" };
        let mut parameters: Vec<String> =
            self.parameters.iter().map(|parameter| format!("{}{}", kind(parameter), parameter.name())).collect();
        parameters.push("char *pOutInfo".to_owned());
        format!("long SSCARD_CALL {}({});", self.name, parameters.join(", "))
    }
}
