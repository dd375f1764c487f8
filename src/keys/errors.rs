//! What can go wrong with keys.

use super::{KeySource, LinkError};
use crate::cipher::Algorithm;
use crate::failure::{Entry, Explain};
use crate::profile::KeyRole;
use crate::reader::TransportError;
use crate::wire::plain_code;

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
    /// Nothing says where this source has the key: the card's profile names no place in a PSAM, or the configuration no
    /// address in a security module.
    #[error("nothing says where the key {role} is ({})", .by.name())]
    Unplaced {
        /// Which key.
        role: KeyRole,
        /// Whose.
        by: KeySource,
    },
    /// This source has no way to do it at all.
    #[error("{} keys cannot: {what}", .by.name())]
    NotOffered {
        /// Which source.
        by: KeySource,
        /// What was asked.
        what: &'static str,
    },
    /// The PSAM takes part in no purchases (−37891).
    #[error("the PSAM takes part in no purchases")]
    NoPurchase,
    /// A MAC of the card's is wrong (−37634).
    #[error("the card's MAC is wrong")]
    Mac,
    /// What was to be enciphered is not whole blocks, so many bytes.
    #[error("{0} bytes are no whole blocks")]
    Blocks(usize),
    /// A security module's string for it is not publicly known, and the configuration does not say it.
    #[error("the strings of a purchase are not configured")]
    NoDebitForm,
    /// The security module gave nothing.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Random bytes were not to be had.
    #[error(transparent)]
    Random(#[from] crate::world::NoRandom),
}

impl KeyError {
    /// The national driver interface's code for it (card-facts §5.4); `None` where it has none.
    pub fn national(&self) -> Option<i32> {
        Some(match self {
            Self::NoPsam => -2201,
            Self::NoAlgorithm(_) => -2202,
            Self::NoKey(role) if *role == KeyRole::RKSSSE => -2203,
            // The status word with a minus sign: key not found, purchases not supported, MAC.
            Self::NoKey(_) => -0x6A88,
            Self::NoPurchase => -0x9403,
            Self::Mac => -0x9302,
            Self::Status(status) => -i32::from(status.0),
            Self::Level => -24,
            _ => return None,
        })
    }
}

crate::entries! {
    NO_PSAM = "E-KEYS-NO-PSAM", Technician;
        class Card;
        message "没有 PSAM 卡" | "there is no PSAM";
        cause "PSAM 读卡器中没有卡，或其中不是 PSAM 卡" | "the PSAM's reader is empty, or what is in it is no PSAM";
        remedy "请插入本终端的 PSAM 卡，并检查读卡器角色的配置" | "insert this terminal's PSAM and check the configured role of its reader";

    SEVERAL_PSAMS = "E-KEYS-SEVERAL-PSAMS", Technician;
        class Card;
        message "有多张 PSAM 卡" | "there is more than one PSAM";
        cause "多个读卡器中有 PSAM 卡，而配置没有指定" | "several readers hold a PSAM and the configuration names none";
        remedy "请在配置中指定 PSAM 读卡器，或拔出多余的卡" | "name the PSAM's reader in the configuration, or take out the others";

    NO_ALGORITHM = "E-KEYS-NO-ALGORITHM", Technician;
        class Card;
        message "密钥服务不支持该卡的算法" | "the key service does not have the card's algorithm";
        cause "PSAM 卡没有该算法的应用环境" | "the PSAM has no environment for this algorithm";
        remedy "请向发行机构换领支持该算法的 PSAM 卡" | "obtain a PSAM with this algorithm from its issuer";

    NO_KEY = "E-KEYS-NO-KEY", Technician;
        class Card;
        message "PSAM 卡中没有所需的密钥" | "the PSAM does not have the key";
        cause "PSAM 卡未装载该用途的密钥" | "the key for this purpose was never loaded into the PSAM";
        remedy "请向发行机构换领装有该密钥的 PSAM 卡" | "obtain a PSAM with this key from its issuer";

    LEVEL = "E-KEYS-LEVEL", Technician;
        class Card;
        message "PSAM 卡密钥级别不符" | "the level of the PSAM's key does not fit";
        cause "一至三级分散均被 PSAM 卡拒绝" | "the PSAM refuses one, two and three levels of diversification";
        remedy "请联系 PSAM 卡的发行机构" | "ask the PSAM's issuer";

    WAY = "E-KEYS-PSAM-LOST", Technician;
        class Card;
        message "与 PSAM 卡的通信中断" | "the way to the PSAM failed";
        cause "PSAM 卡被拔出、被其他程序复位或占用，或没有应答" | "the PSAM was pulled, reset or taken by another program, or does not answer";
        remedy "请检查 PSAM 卡和读卡器，然后重试" | "check the PSAM and its reader, then try again";

    STATUS = "E-KEYS-PSAM-STATUS", Technician;
        class Card;
        message "PSAM 卡返回了意外的应答" | "the PSAM answered something unexpected";
        cause "PSAM 卡类型与脚本不符，或已损坏" | "the PSAM is of a kind the script does not know, or is damaged";
        remedy "请核对 PSAM 卡和 apdu-scripts/psam.apdu" | "check the PSAM and apdu-scripts/psam.apdu";

    SOFT_REFUSED = "E-KEYS-SOFT-REFUSED", Technician;
        class Card;
        message "非演示模式下不得使用演示密钥" | "demonstration keys are refused outside demo mode";
        cause "配置使用演示密钥，但未设置 mode = \"demo\"" | "demonstration keys are configured without mode = \"demo\"";
        remedy "请改用 PSAM 卡；演示时设置 mode = \"demo\"" | "use a PSAM, or set mode = \"demo\" for a demonstration";

    SOFT_FILE = "E-KEYS-SOFT-FILE", Technician;
        class Card;
        message "演示密钥文件不可用" | "the file of demonstration keys cannot be used";
        cause "文件不存在或格式有误" | "the file is not there, or has a mistake";
        remedy "请按所示位置改正文件" | "correct the file at the place shown";

    UNPLACED = "E-KEYS-UNPLACED", Technician;
        class Card;
        message "不知道密钥的位置" | "where the key is, nothing says";
        cause "卡片资料（config/card/keys.toml）没有该密钥在 PSAM 中的用途和标识，或配置 [keys.hsm.addresses]（分步调用为 [driver] addresses）没有其地址" | "the card's profile (config/card/keys.toml) has no usage and id for it, or [keys.hsm.addresses] no address, for calls in steps [driver] addresses";
        remedy "请向发卡机构查明后填写" | "ask the issuer and fill it in";

    NOT_OFFERED = "E-KEYS-NOT-OFFERED", Technician;
        class Card;
        message "当前密钥来源不能完成此操作" | "this source of keys cannot do it";
        cause "加密机的国家接口没有这一步，或演示密钥没有该密钥" | "the national strings of a security module have no such step, or the demonstration keys no such key";
        remedy "请改用装有该密钥的 PSAM 卡" | "use a PSAM that has the key";

    NO_PURCHASE = "E-KEYS-NO-PURCHASE", Technician;
        class Card;
        message "PSAM 卡不支持消费" | "the PSAM takes part in no purchases";
        cause "PSAM 卡未装载消费密钥（9403）" | "no purchase key was loaded into the PSAM (9403)";
        remedy "请向发行机构换领支持消费的 PSAM 卡" | "obtain a PSAM for purchases from its issuer";

    MAC = "E-KEYS-MAC", Clerk;
        class Card;
        message "卡的 MAC 校验不符" | "the card's MAC is wrong";
        cause "卡与密钥不属于同一体系，或数据被改动" | "card and keys are of different systems, or the data was changed";
        remedy "不要重试；请核对卡内账户，并按规定报告" | "do not try again; check the account on the card, and report it as prescribed";

    BLOCKS = "E-KEYS-BLOCKS", Technician;
        class Card;
        message "待加密数据长度不符" | "what was to be enciphered has a wrong length";
        cause "程序错误：数据未按分组补齐" | "a mistake of the program: the data was not filled to whole blocks";
        remedy "请报告此错误" | "report it";

    NO_DEBIT_FORM = "E-KEYS-HSM-DEBIT", Technician;
        class Card;
        message "未配置加密机消费字符串" | "the strings of a purchase by a security module are not configured";
        cause "iDoDebit_HSM 的字符串没有公开，本程序不作假设" | "the strings of iDoDebit_HSM are not publicly known, and none is assumed";
        remedy "请向加密机提供方索取格式，填写 [keys.hsm.dialect.debit]" | "ask whoever runs the security module for their form, and fill in [keys.hsm.dialect.debit]";

    HSM_AWAY = "E-KEYS-HSM-AWAY", Technician;
        class Card;
        message "无法连接加密机" | "the security module cannot be reached";
        cause "网络中断、中心停机，或未在时限内应答" | "the network or the centre is down, or it did not answer in time";
        remedy "请检查网络和 [uplink]；恢复后自动可用" | "check the network and [uplink]; it is used again once it answers";

    HSM_REFUSED = "E-KEYS-HSM-REFUSED", Technician;
        class Card;
        message "加密机拒绝了请求" | "the security module refused";
        cause "见其给出的原因：没有该算法或密钥，或本终端未登记" | "see its reason: no such algorithm or key, or the terminal is not enrolled";
        remedy "请按给出的原因联系加密机提供方" | "take the reason to whoever runs it";

    HSM_ANSWER = "E-KEYS-HSM-ANSWER", Technician;
        class Card;
        message "加密机的应答无法识别" | "the security module's answer cannot be understood";
        cause "字符串格式与 [keys.hsm.dialect] 不符" | "its strings are not of the form in [keys.hsm.dialect]";
        remedy "请核对 [keys.hsm.dialect]" | "check [keys.hsm.dialect]";

    RANDOM = "E-KEYS-RANDOM", Technician;
        class Card;
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
            Self::Unplaced { .. } => &UNPLACED,
            Self::NotOffered { .. } => &NOT_OFFERED,
            Self::NoPurchase => &NO_PURCHASE,
            Self::Mac => &MAC,
            Self::Blocks(_) => &BLOCKS,
            Self::NoDebitForm => &NO_DEBIT_FORM,
            Self::Link(LinkError::Away(_)) => &HSM_AWAY,
            Self::Link(LinkError::Refused(_)) => &HSM_REFUSED,
            Self::Link(LinkError::Malformed(_)) => &HSM_ANSWER,
            Self::Random(_) => &RANDOM,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::NoPsam | Self::Level | Self::SoftRefused | Self::Random(_) => None,
            Self::NoPurchase | Self::Mac | Self::NoDebitForm => None,
            Self::Unplaced { role, .. } => Some(role.name().to_owned()),
            Self::NotOffered { what, .. } => Some((*what).to_owned()),
            Self::Blocks(_) => Some(self.to_string()),
            Self::Link(LinkError::Refused(code)) => Some(plain_code(code).to_owned()),
            Self::Link(LinkError::Away(what) | LinkError::Malformed(what)) => Some(what.clone()),
            Self::NoAlgorithm(algorithm) => Some(algorithm.to_string()),
            Self::NoKey(role) => Some(role.name().to_owned()),
            Self::SeveralPsams(text) | Self::SoftFile(text) | Self::Script(text) => Some(text.clone()),
            Self::Transport(TransportError::Ambiguous(readers)) => Some(readers.join(", ")),
            Self::Transport(error) => Some(error.to_string()),
            Self::Status(status) => Some(status.to_string()),
        }
    }
}
