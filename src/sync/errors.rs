//! What can go wrong on the way upstream.

use std::time::Duration;

use crate::failure::{Entry, Explain};
use crate::queue::{QueueError, Row};
use crate::wire;

/// Why the centre's answer is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UplinkError {
    /// No connection could be made: nothing was sent.
    #[error("the centre cannot be reached: {0}")]
    Unreachable(String),
    /// It was sent, or part of it, and no answer came: what the centre did is not known.
    #[error("the centre did not answer: {0}")]
    NoAnswer(String),
    /// The centre answered that it failed or is busy: what it did is not known.
    #[error("the centre failed with status {status}")]
    Failed {
        /// The HTTP status.
        status: u16,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// The centre does not take this terminal's token.
    #[error("the centre does not know this terminal (status {0})")]
    Unauthorized(u16),
    /// It will never take this item as it is; with the centre's code and words.
    #[error("the centre refused it: {}", wire::plain_code(code))]
    Refused {
        /// The centre's code.
        code: String,
        /// Its words.
        text: String,
    },
    /// The answer is not one.
    #[error("the centre's answer cannot be understood: {0}")]
    Answer(String),
    /// The address, the token or a certificate is not one.
    #[error("the centre's address, token or certificate cannot be used: {0}")]
    Setting(String),
}

impl UplinkError {
    /// Whether nothing can have reached the centre.
    pub fn never_sent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Setting(_))
    }
}

/// Why an online settlement or payment was not carried through by this terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The journal did not take it: nothing was sent.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// It was written ahead, and the journal did not take a later step, or the task was broken off (without a row): it
    /// may be settled. It is asked about, and taken back where it must be, later; the journal tells what came of it.
    #[error("the outcome is not in the journal yet: {1}")]
    Unsure(Option<Box<Row>>, QueueError),
    /// The same transaction is under way already.
    #[error("this transaction is under way")]
    UnderWay,
}

crate::entries! {
    UNREACHABLE = "E-UPLINK-UNREACHABLE", Technician;
        class Centre;
        message "无法连接中心" | "the centre cannot be reached";
        cause "网络中断、地址有误或中心停机" | "the network is down, the address is wrong or the centre is off";
        remedy "请检查网络；已提交的业务会自动补传" | "check the network; what is committed goes up by itself later";
    NO_ANSWER = "E-UPLINK-NO-ANSWER", Clerk;
        class Centre;
        message "中心没有应答" | "the centre did not answer";
        cause "请求已发出，结果未知" | "the request went out, its outcome is not known";
        remedy "系统会自动查询并冲正，请勿重复收费" | "it is queried and reversed by itself; do not charge twice";
    FAILED = "E-UPLINK-FAILED", Technician;
        class Centre;
        message "中心处理失败" | "the centre failed";
        cause "中心返回错误状态" | "the centre answered with an error status";
        remedy "请稍候，系统会自动重试；持续出现请联系中心" | "wait, it is tried again; call the centre if it persists";
    UNAUTHORIZED = "E-UPLINK-UNAUTHORIZED", Technician;
        class Centre;
        message "中心不认可本终端" | "the centre does not take this terminal";
        cause "令牌或凭据有误，或终端未以本机密钥和证书登记" | "the token or the credentials are wrong, or the terminal is not enrolled with its key and certificate";
        remedy "请检查令牌和凭据，并在中心登记本终端：sbkd center enrol" | "check token and credentials, and enrol the terminal: sbkd center enrol";
    ANSWER = "E-UPLINK-ANSWER", Technician;
        class Centre;
        message "中心应答无法识别" | "the centre's answer cannot be understood";
        cause "地址指向了别的服务，或版本不符" | "the address is another service's, or the versions differ";
        remedy "请检查中心地址与版本" | "check the centre's address and version";
    SETTING = "E-UPLINK-SETTING", Technician;
        class Setup;
        message "中心地址、令牌或证书不可用" | "the centre's address, token or certificate cannot be used";
        cause "配置有误、文件不可读或他人可读私钥；无 TLS 时只允许本机地址" | "the configuration is wrong, a file cannot be read, or others may read the key; without TLS only the loopback is allowed";
        remedy "请检查配置中的 [uplink] 及其文件" | "check [uplink] in the configuration and its files";
    CHAIN = "E-UPLINK-CHAIN", Technician;
        class Centre;
        message "中心的流水链与本机流水不一致" | "what the centre has of this terminal's chain is not what the journal has";
        cause "本机流水从旧备份恢复，或被截断、改动；或中心的记录有误" | "the journal was restored from an old backup, cut or changed; or the centre's records are wrong";
        remedy "保留流水原样，由技术人员与中心逐笔核对：备份之后的业务可能只有中心知道" | "leave the journal as it is and compare it with the centre's: of what was done since a backup only the centre may know";
    UNSURE = "E-SETTLE-UNSURE", Clerk;
        class Unsure;
        message "结算或缴费的结果尚未记录，请勿收费，也不要重复办理" | "the outcome of the settlement or payment is not recorded yet: do not charge, do not repeat it";
        cause "本机流水未能写入中心的结果" | "the journal did not take what the centre said";
        remedy "恢复后系统会自动查询或冲正，结果以流水为准" | "it is asked about or taken back by itself; the journal tells the outcome";
    UNDER_WAY = "E-SETTLE-UNDER-WAY", Clerk;
        class NotNow;
        message "该笔结算或缴费正在办理" | "this settlement or payment is under way";
        cause "同一流水标识的业务尚未结束" | "a transaction with the same key has not ended";
        remedy "请等待其结果" | "wait for its outcome";
}

impl Explain for UplinkError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Unreachable(_) => &UNREACHABLE,
            Self::NoAnswer(_) => &NO_ANSWER,
            Self::Failed { .. } => &FAILED,
            Self::Unauthorized(_) => &UNAUTHORIZED,
            Self::Refused { code, .. } => wire::errors::entry(code),
            Self::Answer(_) => &ANSWER,
            Self::Setting(_) => &SETTING,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Unreachable(what) | Self::NoAnswer(what) | Self::Answer(what) | Self::Setting(what) => {
                Some(what.clone())
            }
            Self::Failed { status, .. } | Self::Unauthorized(status) => Some(format!("HTTP {status}")),
            Self::Refused { code, text } => Some(wire::errors::detail(code, text)),
        }
    }
}

impl Explain for SettleError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Queue(error) => error.entry(),
            Self::Unsure(..) => &UNSURE,
            Self::UnderWay => &UNDER_WAY,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Queue(error) => error.detail(),
            Self::Unsure(_, error) => Some(error.to_string()),
            Self::UnderWay => None,
        }
    }
}
