//! What can go wrong with keys.

use super::KeyRole;
use crate::cipher::Algorithm;
use crate::failure::{Entry, Explain};
use crate::reader::TransportError;

/// Why a key could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no PSAM (national code −2201).
    #[error("there is no PSAM")]
    NoPsam,
    /// More than one reader holds a PSAM, and none is configured.
    #[error("more than one reader holds a PSAM: {0}")]
    SeveralPsams(String),
    /// The PSAM has no environment for the card's algorithm (−2202).
    #[error("the PSAM has no {0} environment")]
    NoAlgorithm(Algorithm),
    /// The PSAM has no such key (−2203 for RKSSSE).
    #[error("the PSAM has no key for {0:?}")]
    NoKey(KeyRole),
    /// No number of diversification levels fits (−24).
    #[error("the PSAM's key level does not fit")]
    Level,
    /// The way to the PSAM failed.
    #[error("PSAM: {0}")]
    Transport(#[from] TransportError),
    /// The PSAM answered something else.
    #[error("the PSAM answered {0}")]
    Status(crate::apdu::StatusWord),
    /// The PSAM's answer is not what the script expects. Says where, never what came.
    #[error("PSAM: {0}")]
    Script(String),
    /// Soft keys outside demo mode.
    #[error("demonstration keys are refused outside demo mode")]
    SoftRefused,
    /// The file of demonstration keys cannot be used. Never quotes it.
    #[error("{0}")]
    SoftFile(String),
    /// Random bytes were not to be had.
    #[error(transparent)]
    Random(#[from] crate::world::NoRandom),
}

crate::entries! {
    NO_PSAM = "E-KEYS-NO-PSAM", Technician;
        message "没有 PSAM 卡" | "there is no PSAM";
        cause "PSAM 读卡器中没有卡，或其中不是 PSAM 卡" | "the PSAM's reader is empty, or what is in it is no PSAM";
        remedy "请插入本终端的 PSAM 卡，并检查读卡器角色的配置" | "insert this terminal's PSAM and check the configured role of its reader";

    SEVERAL_PSAMS = "E-KEYS-SEVERAL-PSAMS", Technician;
        message "有多张 PSAM 卡" | "there is more than one PSAM";
        cause "多个读卡器中有 PSAM 卡，而配置没有指定" | "several readers hold a PSAM and the configuration names none";
        remedy "请在配置中指定 PSAM 读卡器，或拔出多余的卡" | "name the PSAM's reader in the configuration, or take out the others";

    NO_ALGORITHM = "E-KEYS-NO-ALGORITHM", Technician;
        message "密钥服务不支持该卡的算法" | "the key service does not have the card's algorithm";
        cause "PSAM 卡没有该算法的应用环境" | "the PSAM has no environment for this algorithm";
        remedy "请向发行机构换领支持该算法的 PSAM 卡" | "obtain a PSAM with this algorithm from its issuer";

    NO_KEY = "E-KEYS-NO-KEY", Technician;
        message "PSAM 卡中没有所需的密钥" | "the PSAM does not have the key";
        cause "PSAM 卡未装载该用途的密钥" | "the key for this purpose was never loaded into the PSAM";
        remedy "请向发行机构换领装有该密钥的 PSAM 卡" | "obtain a PSAM with this key from its issuer";

    LEVEL = "E-KEYS-LEVEL", Technician;
        message "PSAM 卡密钥级别不符" | "the level of the PSAM's key does not fit";
        cause "一至三级分散均被 PSAM 卡拒绝" | "the PSAM refuses one, two and three levels of diversification";
        remedy "请联系 PSAM 卡的发行机构" | "ask the PSAM's issuer";

    WAY = "E-KEYS-PSAM-LOST", Technician;
        message "与 PSAM 卡的通信中断" | "the way to the PSAM failed";
        cause "PSAM 卡被拔出、被其他程序复位或占用，或没有应答" | "the PSAM was pulled, reset or taken by another program, or does not answer";
        remedy "请检查 PSAM 卡和读卡器，然后重试" | "check the PSAM and its reader, then try again";

    STATUS = "E-KEYS-PSAM-STATUS", Technician;
        message "PSAM 卡返回了意外的应答" | "the PSAM answered something unexpected";
        cause "PSAM 卡类型与脚本不符，或已损坏" | "the PSAM is of a kind the script does not know, or is damaged";
        remedy "请核对 PSAM 卡和 apdu-scripts/psam.apdu" | "check the PSAM and apdu-scripts/psam.apdu";

    SOFT_REFUSED = "E-KEYS-SOFT-REFUSED", Technician;
        message "非演示模式下不得使用演示密钥" | "demonstration keys are refused outside demo mode";
        cause "配置使用演示密钥，但未设置 mode = \"demo\"" | "demonstration keys are configured without mode = \"demo\"";
        remedy "请改用 PSAM 卡；演示时设置 mode = \"demo\"" | "use a PSAM, or set mode = \"demo\" for a demonstration";

    SOFT_FILE = "E-KEYS-SOFT-FILE", Technician;
        message "演示密钥文件不可用" | "the file of demonstration keys cannot be used";
        cause "文件不存在或格式有误" | "the file is not there, or has a mistake";
        remedy "请按所示位置改正文件" | "correct the file at the place shown";

    RANDOM = "E-KEYS-RANDOM", Technician;
        message "无法取得随机数" | "random bytes were not to be had";
        cause "系统随机数源没有应答" | "the system's generator gave nothing";
        remedy "请检查操作系统" | "check the operating system";
}

impl Explain for KeyError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::NoPsam => &NO_PSAM,
            Self::SeveralPsams(_) => &SEVERAL_PSAMS,
            Self::NoAlgorithm(_) => &NO_ALGORITHM,
            Self::NoKey(_) => &NO_KEY,
            Self::Level => &LEVEL,
            // What is wrong there is not the PSAM: when its time is over, that of the card beside it is as well.
            Self::Transport(
                error @ (TransportError::ServiceAway | TransportError::Ambiguous(_) | TransportError::Deadline),
            ) => error.entry(),
            Self::Transport(_) => &WAY,
            Self::Status(_) | Self::Script(_) => &STATUS,
            Self::SoftRefused => &SOFT_REFUSED,
            Self::SoftFile(_) => &SOFT_FILE,
            Self::Random(_) => &RANDOM,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::NoPsam | Self::Level | Self::SoftRefused | Self::Random(_) => None,
            Self::NoAlgorithm(algorithm) => Some(algorithm.to_string()),
            Self::NoKey(role) => Some(role.name().to_owned()),
            Self::SeveralPsams(text) | Self::SoftFile(text) | Self::Script(text) => Some(text.clone()),
            Self::Transport(TransportError::Ambiguous(readers)) => Some(readers.join(", ")),
            Self::Transport(error) => Some(error.to_string()),
            Self::Status(status) => Some(status.to_string()),
        }
    }
}
