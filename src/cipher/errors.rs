//! What can go wrong with signatures and certificates.

use crate::failure::{Entry, Explain};

/// Why a signature or a certificate is not taken. Says nothing of what is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkiError {
    /// The key is no point of SM2's curve, or no number that can be one's.
    #[error("not a key of SM2")]
    Key,
    /// The signer's identifier is too long.
    #[error("a signer's identifier has at most 8191 bytes")]
    UserId,
    /// The bytes are no signature.
    #[error("not a signature of SM2")]
    Signature,
    /// The signature is not the key's of this message.
    #[error("the signature is not this key's of this message")]
    Differs,
    /// The bytes are no certificate.
    #[error("not a certificate")]
    Certificate,
    /// The certificate's key is of another kind than SM2.
    #[error("the certificate's key is not of SM2")]
    CertificateKey,
    /// The certificate is not trusted, for this reason.
    #[error("the certificate is not trusted: {0}")]
    Untrusted(&'static str),
}

crate::entries! {
    CERTIFICATE = "E-CIPHER-CERTIFICATE", Technician;
        class Refused;
        message "证书无法解析" | "this is not a certificate";
        cause "不是 DER 编码的 X.509 证书，或编码方式与设置不符" | "it is no X.509 certificate in DER, or not encoded as the settings say";
        remedy "请核对传入的证书和 [driver.pki] 的 encoding" | "check the certificate that was handed in, and encoding in [driver.pki]";

    CERTIFICATE_KEY = "E-CIPHER-CERTIFICATE-KEY", Technician;
        class Refused;
        message "证书的公钥不是 SM2" | "the certificate's key is not of SM2";
        cause "社保卡的签名证书使用 SM2；该证书为其他算法" | "the card's signing certificates are of SM2, this one is of another algorithm";
        remedy "请使用社保卡的签名证书" | "use the card's signing certificate";

    SIGNATURE = "E-CIPHER-SIGNATURE", Technician;
        class Refused;
        message "签名格式不对" | "this is not a signature";
        cause "不是 SM2 签名，或形式、编码与设置不符" | "it is no signature of SM2, or neither form nor encoding are as the settings say";
        remedy "请核对传入的签名和 [driver.pki] 的 signature、encoding" | "check the signature that was handed in, and signature and encoding in [driver.pki]";

    DIFFERS = "E-CIPHER-SIGNATURE-DIFFERS", Clerk;
        class Refused;
        message "签名验证不通过" | "the signature does not verify";
        cause "签名不是该证书的持有人对该内容所作，或内容在签名后被改动" | "it is not the certificate's holder's of this text, or the text was changed since";
        remedy "不要采用该内容；请核对原文、签名和证书是否为同一笔" | "do not rely on the text; check that text, signature and certificate belong together";

    UNTRUSTED = "E-CIPHER-UNTRUSTED", Clerk;
        class Refused;
        message "证书不受信任" | "the certificate is not trusted";
        cause "不是受信任机构签发、不在有效期内、不用于签名，或有未知的关键扩展" | "no trusted authority issued it, it is not valid now, it is not for signatures, or it has a critical extension that is not known";
        remedy "请核对证书；受信任的机构由 [driver.pki] 的 roots 指定" | "check the certificate; roots in [driver.pki] names who is trusted";

    USER_ID = "E-CIPHER-USER-ID", Technician;
        class Refused;
        message "签名者标识过长" | "the signer's identifier is too long";
        cause "标识最多 8191 字节" | "it has at most 8191 bytes";
        remedy "请核对 [driver.pki] 的 user_id" | "check user_id in [driver.pki]";
}

impl Explain for PkiError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Certificate => &CERTIFICATE,
            Self::Key | Self::CertificateKey => &CERTIFICATE_KEY,
            Self::Signature => &SIGNATURE,
            Self::Differs => &DIFFERS,
            Self::Untrusted(_) => &UNTRUSTED,
            Self::UserId => &USER_ID,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Untrusted(why) => Some((*why).to_owned()),
            _ => None,
        }
    }
}
