//! What can go wrong when a card signs.

use crate::card::CardError;
use crate::cipher::PkiError;
use crate::failure::{Entry, Explain};

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The card, the way to it, its PIN, the keys or a script.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card has no application of certificates.
    #[error("the card has no application of certificates")]
    None,
    /// The card makes the digest, and one command has not the room for this message.
    #[error("a card that makes the digest signs 1 to 255 bytes")]
    Length,
    /// What is in the certificate's file is none, or it cannot be used.
    #[error("the card's certificate cannot be used: {0}")]
    Certificate(PkiError),
    /// What the card gave does not verify by its own certificate.
    #[error("what the card gave does not verify by its certificate")]
    Differs,
}

crate::entries! {
    NONE = "E-CARD-PKI-NONE", Holder;
        class Card;
        message "卡上没有数字证书应用" | "the card has no application of certificates";
        cause "该卡未开通数字证书" | "no certificates were put on this card";
        remedy "请到发卡机构开通，或以其他方式确认" | "have its issuer put them on, or confirm otherwise";

    LENGTH = "E-CARD-PKI-LENGTH", Technician;
        class Card;
        message "待签名数据长度不合" | "the data is not of a length that is signed";
        cause "由卡计算摘要时，一次最多签 255 字节，且不能为空" | "a card that makes the digest signs 1 to 255 bytes";
        remedy "请缩短待签名数据；卡若接受摘要，请将 [driver.pki] 的 hash 设为 terminal" | "sign less, or set hash = \"terminal\" in [driver.pki] where the card takes a digest";

    CERTIFICATE = "E-CARD-PKI-CERTIFICATE", Technician;
        class Card;
        message "卡上的签名证书不可用" | "the card's signing certificate cannot be used";
        cause "文件 0018 不是 SM2 证书，或脚本选择了其他文件" | "file 0018 is no certificate of SM2, or the script selects another file";
        remedy "请核对脚本 pki.apdu；仍不行请到发卡机构换卡" | "check the script pki.apdu; else have the card replaced by its issuer";

    DIFFERS = "E-CARD-PKI-DIFFERS", Technician;
        class Card;
        message "卡给出的签名未通过验证，已丢弃" | "what the card gave does not verify, and was not given out";
        cause "脚本 pki.apdu 或 [driver.pki] 的 hash、user_id 与该卡不符" | "the script pki.apdu, or hash or user_id in [driver.pki], are not this card's";
        remedy "请按发卡方的说明核对脚本和设置" | "check script and settings by what the card's issuer says";
}

impl Explain for SignError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Card(error) => error.entry(),
            Self::None => &NONE,
            Self::Length => &LENGTH,
            Self::Certificate(_) => &CERTIFICATE,
            Self::Differs => &DIFFERS,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Card(error) => error.detail(),
            Self::Certificate(_) => Some(self.to_string()),
            Self::None | Self::Length | Self::Differs => None,
        }
    }
}
